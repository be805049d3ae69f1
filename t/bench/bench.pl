#!/usr/bin/env perl

# bench.pl - runs the scenarios and reports; started by run.sh.
#
# A scenario (lib/Bench/<Name>.pm) knows its peers: it starts them, proves that
# they do equal work, and returns them as a table.  Everything else is the same
# for all of them and happens here: a warm-up, then rounds in which every peer
# has its turn, so that whatever else the machine does hits all alike; the
# order rotates from round to round.  Ratios are taken within a round, then
# their median; the spread is lowest and highest round.
#
# A scenario that is no matter of requests a second has a `measure` of its own
# (Revocation).
#
# To add a scenario: write its module and name it in @SCENARIOS.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Getopt::Long qw(GetOptions);

use Bench::Access;
use Bench::Content;
use Bench::Load;
use Bench::Profile;
use Bench::Report;
use Bench::Revocation;
use Bench::Room;

my @SCENARIOS = qw(content access revocation);
my %PACKAGE   = (
    content    => 'Bench::Content',
    access     => 'Bench::Access',
    revocation => 'Bench::Revocation',
);

my $WARM_UP_SECONDS = 2;    # LuaJIT and V8 compile what is hot
my $STRACE_SECONDS  = 1;

my %option = (
    rounds      => number('ROUNDS',            5),
    seconds     => number('SECONDS_PER_ROUND', 3),
    connections => number('CONNECTIONS',       64),
    revocations => number('REVOCATIONS',       300),
);
my @chosen = scenarios();
GetOptions(\%option, 'module=s', 'lua=s', 'out=s', 'profile') or exit 1;

$| = 1;
my $room;
$SIG{$_} = sub { die "interrupted\n" } for qw(INT TERM HUP PIPE);

my $done = eval {
    if ($option{profile}) {
        $room = Bench::Room->new;
        Bench::Profile::run($room, \%option, 'Bench::Content');
        return 1;
    }

    my @results;
    for my $name (@chosen) {
        print STDERR "bench: scenario $name\n";
        $room = Bench::Room->new;
        my $measure = $PACKAGE{$name}->can('measure');
        push @results, $measure
            ? $measure->($room, \%option)
            : measure($room, $name);
        $room->tear_down;
        Bench::Report::write_json("$option{out}/results.json", \%option,
            @results);
    }
    print "\nAll rounds are in $option{out}/results.json\n";
    return 1;
};
my $error = $@;

$SIG{$_} = 'IGNORE' for qw(INT TERM HUP PIPE);
$room->tear_down if $room;
if (!$done) {
    print STDERR "bench: $error";
    exit 1;
}
exit 0;


sub measure {
    my ($room, $name) = @_;

    my $scenario = $PACKAGE{$name};
    my @peers    = $scenario->can('start')->($room, \%option);

    for my $peer (@peers) {
        print STDERR "bench: warming up ($peer->{key}) $peer->{name}\n";
        turn($room, $peer, $WARM_UP_SECONDS);
    }
    for my $round (1 .. $option{rounds}) {
        print STDERR "bench: round $round of $option{rounds}\n";
        push @{ $_->{rounds} }, turn($room, $_, $option{seconds}) for @peers;
        push @peers, shift @peers;
    }
    @peers = sort { $a->{key} cmp $b->{key} } @peers;

    print STDERR "bench: counting system calls\n";
    for my $peer (@peers) {
        @$peer{qw(calls no_calls)} =
            Bench::Load::system_calls($room, $peer, $STRACE_SECONDS,
            $option{connections});
    }

    my $result = Bench::Report::summarise($name, $scenario->can('title')->(),
        $scenario->can('base')->(), [$scenario->can('ours')->()],
        $room->placement, @peers);
    Bench::Report::print_table($result, \%option);
    return $result;
}

# One peer's turn.  An answer that is not 200 means that the peer did not do
# the work, so there is nothing to compare.
sub turn {
    my ($room, $peer, $seconds) = @_;

    my $round =
        Bench::Load::run($room, $peer, $seconds, $option{connections});
    die "($peer->{key}) $peer->{name} answered $round->{non_2xx} of "
        . "$round->{requests} requests with an error\n"
        if $round->{non_2xx};
    die "($peer->{key}) $peer->{name} answered nothing\n"
        if !$round->{requests};
    return $round;
}

# Those that SCENARIOS names, all without it; in their own order.
sub scenarios {
    my @wanted = split /[\s,]+/, $ENV{SCENARIOS} // '';
    my %wanted = map { $_ => 1 } grep { length } @wanted;
    return @SCENARIOS if !%wanted;

    for my $name (sort keys %wanted) {
        next if $PACKAGE{$name};
        print STDERR "bench: no scenario '$name' in SCENARIOS; there are: "
            . "@SCENARIOS\n";
        exit 1;
    }
    return grep { $wanted{$_} } @SCENARIOS;
}

sub number {
    my ($name, $default) = @_;

    my $value = $ENV{$name} // '';
    return $default if $value eq '';
    if ($value !~ /^[1-9][0-9]{0,5}$/) {
        print STDERR "bench: $name must be a whole number above 0, "
            . "not '$value'\n";
        exit 1;
    }
    return $value + 0;
}
