package Bench::Profile;

# Profile: where the instructions of a request go, by callgrind.
#
# The floor and the ways of ours of a scenario run as one process each under
# callgrind, get some traffic to become warm, and are then counted over a few
# thousand requests of wrk.  What is printed is instructions a request: by
# place, and for each of ours the functions that cost most by themselves and
# with all that they call.
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

    my $wrapper = sub {
        my ($key) = @_;
        return ['valgrind', '--tool=callgrind', '--instr-atstart=no',
            "--callgrind-out-file=@{[$room->dir]}/callgrind.$key", '--quiet'];
    };

    my @peers = $scenario->can('start_single')->($room, $option, $wrapper);
    my %profile;
    for my $peer (@peers) {
        print STDERR "bench: profiling ($peer->{key}) $peer->{name}\n";
        $profile{ $peer->{key} } = count($room, $peer, $option->{connections});
    }

    print "\n", $scenario->can('title')->(), "\n";
    print_places(\@peers, \%profile);
    for my $key ($scenario->can('ours')->()) {
        for my $way (['by themselves', 'self'],
            ['with all they call', 'inclusive'])
        {
            print_top("functions of ($key) $way->[0]", $profile{$key},
                $way->[1]);
        }
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

    return {
        requests  => $round->{requests},
        functions => read_costs($room->dir . "/callgrind.$peer->{key}"),
    };
}

sub control {
    my ($peer, $instrument) = @_;

    my @lines = `callgrind_control -i $instrument $peer->{pid} 2>&1`;
    die "callgrind_control could not reach the server: @lines\n" if $?;
    return;
}

# Reads callgrind's file: [{ function, object, self, inclusive }].
#
# A function's lines follow its "fn=" line, a line of source each: position
# and cost.  A line after "calls=" holds what a call cost with all below it.
# Names are given once, "(7) name", and by number after that.  (The annotating
# tool that comes with callgrind splits a function by source file, and then
# forgets the object of the parts.)
sub read_costs {
    my ($file) = @_;

    my (%name, %cost, $object, $current, $called_object, $called, $in_call);
    my $known = sub {
        my ($table, $text) = @_;
        my ($id, $name) = $text =~ /^(\(\d+\))(?: (.*))?$/ or return $text;
        $name{$table}{$id} = $name if defined $name;
        return $name{$table}{$id} // '?';
    };

    open my $in, '<', $file or die "$file: $!\n";
    while (<$in>) {
        if (/^[+\-*\d]\S* (\d+)/) {
            if (!$in_call) {
                $cost{$current}{self} += $1;
                $cost{$current}{inclusive} += $1;
            } elsif ($called ne $current) {         # else recursion
                $cost{$current}{inclusive} += $1;
            }
            $in_call = 0;
        } elsif (/^ob=(.*)/) {
            $object = $known->('object', $1);
        } elsif (/^cob=(.*)/) {
            $called_object = $known->('object', $1);
        } elsif (/^fn=(.*)/) {
            $current = join "\n", $object, $known->('function', $1);
        } elsif (/^cfn=(.*)/) {
            $called = join "\n", $called_object // $object,
                $known->('function', $1);
            undef $called_object;
        } elsif (/^calls=/) {
            $in_call = 1;
        }
    }
    die "callgrind left nothing in $file\n" if !%cost;

    # fn'2 is fn called from within itself: its own cost is fn's, and what it
    # calls is in fn already
    my %function;
    for my $key (keys %cost) {
        my ($in_object, $function) = split /\n/, $key;
        my $level = $function =~ s/'\d+$//;
        $function =~ s/std::basic_string_view<char, [^>]*> ?>/string_view/g;
        my $one = $function{$in_object}{$function} //=
            { function => $function, object => $in_object };
        $one->{self} += $cost{$key}{self} // 0;
        $one->{inclusive} += $level ? 0 : $cost{$key}{inclusive} // 0;
    }
    return [map { values %$_ } values %function];
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
        $sum{ $peer->{key} }{ place($_) } += $_->{self} / $of->{requests}
            for @{ $of->{functions} };
    }

    print "\nInstructions a request, user space only\n\n";
    printf "%-14s", '';
    printf "  %26s", "($_->{key}) $_->{name}" for @$peers;
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
        printf "  %26.0f", $_ for @here;
        print "\n";
        $total{ $peers->[$_]{key} } += $here[$_] for 0 .. $#here;
    }
    printf "%-14s", 'all';
    printf "  %26.0f", $total{ $_->{key} } for @$peers;
    print "\n";
    printf "%-14s", 'requests';
    printf "  %26d", $profile->{ $_->{key} }{requests} for @$peers;
    print "\n";
    return;
}

sub print_top {
    my ($title, $profile, $way) = @_;

    print "\nInstructions a request, $title\n\n";
    my @top =
        sort { $b->{$way} <=> $a->{$way} } @{ $profile->{functions} };
    for my $function (@top[0 .. ($#top < $TOP ? $#top : $TOP - 1)]) {
        my $name = $function->{function};
        $name = substr($name, 0, 77) . '...' if length $name > 80;
        printf "%9.0f  %-12s  %s\n", $function->{$way} / $profile->{requests},
            place($function), $name;
    }
    return;
}

1;
