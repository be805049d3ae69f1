package Bench::Profile;

# Profile: where the instructions of a request go, by callgrind.
#
# (a) and (b) run as one process each under callgrind, get some traffic to
# become warm, and are then counted over a few thousand requests of wrk.  What
# is printed is instructions a request: by place, and the functions that cost
# most by themselves and with all that they call.
#
# Instructions are not time: callgrind sees user space only, so what the
# kernel does for a request (see "user+sys" of the benchmark's table) is not in
# it, and the program runs some 50 times slower, so that more requests wait in
# each turn of the event loop than in real life.

use strict;
use warnings;

use Bench::Load;

my $WARM_UP_SECONDS = 2;
my $SECONDS         = 6;
my $TOP             = 25;

# Where a function belongs: the first that matches its object and its name;
# else the shared library that it is in.
my $OURS   = qr/ngx_http_workspaces_module/;
my @PLACES = (
    [hiredis => $OURS,
        qr/^(?:__)?(?:redis[A-Z]|sds|hi_|createReplyObject|freeReply
            |create(?:String|Array|Integer|Nil)Object|moveToNextTask
            |process(?:Line|Bulk|MultiBulk)?Item|seekNewline|string2ll
            |read(?:Bytes|Line)|bulklen|countDigits|intlen)/x],
    ['nginx module' => $OURS,                        qr/^ngx_/],
    [core           => $OURS,                        qr//],
    [nginx          => qr{(?:^|/)nginx$},            qr//],
    ['C library'    => qr{/(?:libc|libm|ld-linux[^/]*)\.so}, qr//],
    ['C++ library'  => qr{/(?:libstdc|libgcc)[^/]*$}, qr//],
);

sub run {
    my ($room, $option, $scenario) = @_;

    my %wrapper = map {
        $_ => ['valgrind', '--tool=callgrind', '--instr-atstart=no',
            '--callgrind-out-file=' . $room->dir . "/callgrind.$_",
            '--separate-callers=0', '--quiet']
    } qw(a b);

    my @peers = $scenario->can('start_single')->($room, $option, %wrapper);
    my %profile;
    for my $peer (@peers) {
        print STDERR "bench: profiling ($peer->{key}) $peer->{name}\n";
        $profile{ $peer->{key} } = count($room, $peer, $option->{connections});
    }

    print_places(\@peers, \%profile);
    for my $way (['by themselves', 'self'], ['with all they call', 'inclusive'])
    {
        print_top("functions of (b) $way->[0]", $profile{b}, $way->[1]);
    }
    print "\nThe kernel's part is not visible to callgrind.  An address stands "
        . "for a function\nwhose name the binary does not hold "
        . "(Debian: nginx-dbgsym has nginx's).\n";
    return;
}

sub count {
    my ($room, $peer, $connections) = @_;

    Bench::Load::wrk($room, $peer, $WARM_UP_SECONDS, $connections);
    control($peer, 'on');
    my $round = Bench::Load::wrk($room, $peer, $SECONDS, $connections);
    control($peer, 'off');
    die "($peer->{key}) answered $round->{non_2xx} requests with an error\n"
        if $round->{non_2xx};
    $room->end($peer->{pid}, 'TERM', 30);

    my $file = $room->dir . "/callgrind.$peer->{key}";
    return {
        requests  => $round->{requests},
        self      => annotate($file, 'no'),
        inclusive => annotate($file, 'yes'),
    };
}

sub control {
    my ($peer, $instrument) = @_;

    my @lines = `callgrind_control -i $instrument $peer->{pid} 2>&1`;
    die "callgrind_control could not reach the server: @lines\n" if $?;
    return;
}

# [{ ir, function, object }], highest first.
sub annotate {
    my ($file, $inclusive) = @_;

    open my $from, '-|', 'callgrind_annotate', '--auto=no', '--threshold=100',
        '--show-percs=no', "--inclusive=$inclusive", $file
        or die "callgrind_annotate: $!\n";
    my @functions;
    while (<$from>) {
        my ($ir, $what) = /^\s*([\d,]+)\s+(\S.*)$/ or next;
        next if $what =~ /^PROGRAM TOTALS/ || $what !~ /:/;
        my $object = $what =~ s/ \[([^\]]*)\]$// ? $1 : '';
        $what =~ s/^[^:]*://;               # the source file
        next if $inclusive eq 'yes' && $what =~ /'\d+$/;    # recursion
        $what =~ s/'\d+$//;
        $ir =~ tr/,//d;
        push @functions,
            { ir => $ir, function => $what, object => $object };
    }
    close $from or die "callgrind_annotate failed on $file\n";
    return \@functions;
}

sub place {
    my ($function) = @_;

    for my $place (@PLACES) {
        return $place->[0]
            if $function->{object} =~ $place->[1]
            && $function->{function} =~ $place->[2];
    }
    return $function->{object} =~ m{([^/]+?)[-.\d]*\.so[^/]*$} ? $1 : '?';
}

sub print_places {
    my ($peers, $profile) = @_;

    my %sum;
    for my $peer (@$peers) {
        my $of = $profile->{ $peer->{key} };
        $sum{ $peer->{key} }{ place($_) } += $_->{ir} / $of->{requests}
            for @{ $of->{self} };
    }

    print "\nInstructions a request, user space only\n\n";
    printf "%-14s", '';
    printf "  %24s", "($_->{key}) $_->{name}" for @$peers;
    print "\n";
    my %total;
    my %named = map { $_->[0] => 1 } @PLACES;
    my %found = map { %$_ } values %sum;
    for my $place ((map { $_->[0] } @PLACES),
        sort grep { !$named{$_} } keys %found)
    {
        my @here = map { $sum{ $_->{key} }{$place} // 0 } @$peers;
        next if !grep { $_ >= 0.5 } @here;
        printf "%-14s", $place;
        printf "  %24.0f", $_ for @here;
        print "\n";
        $total{ $peers->[$_]{key} } += $here[$_] for 0 .. $#here;
    }
    printf "%-14s", 'all';
    printf "  %24.0f", $total{ $_->{key} } for @$peers;
    print "\n";
    printf "%-14s", 'requests';
    printf "  %24d", $profile->{ $_->{key} }{requests} for @$peers;
    print "\n";
    return;
}

sub print_top {
    my ($title, $profile, $way) = @_;

    print "\nInstructions a request, $title\n\n";
    my @top = sort { $b->{ir} <=> $a->{ir} } @{ $profile->{$way} };
    for my $function (@top[0 .. ($#top < $TOP ? $#top : $TOP - 1)]) {
        my $name = $function->{function};
        $name = substr($name, 0, 77) . '...' if length $name > 80;
        printf "%9.0f  %-12s  %s\n", $function->{ir} / $profile->{requests},
            place($function), $name;
    }
    return;
}

1;
