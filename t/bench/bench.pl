#!/usr/bin/env perl

# bench.pl - runs the scenarios and reports; started by run.sh.
#
# A scenario (lib/Bench/<Name>.pm) knows its peers: it starts them, proves that
# they do equal work, and returns them as a list.  Everything else is the same
# for all of them and happens here: a warm-up, then rounds in which every peer
# of every scenario has its turn, so that whatever else the machine does hits
# all alike; the order rotates from round to round.  Each scenario has a Redis
# of its own, so that the writes of one are not news to another's caches.
# Ratios are taken within a round and a scenario, then their median; the spread
# is lowest and highest round.
#
# A scenario that is no matter of requests a second has a `measure` of its own
# (Revocation), and its turn after these; one with a `check` is asked in the
# end whether the work was done.
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
use Bench::Writes;

my @SCENARIOS = qw(content access create add revocation);
my %PACKAGE   = (
    content    => 'Bench::Content',
    access     => 'Bench::Access',
    create     => 'Bench::Writes::Create',
    add        => 'Bench::Writes::Add',
    revocation => 'Bench::Revocation',
);

my $WARM_UP_SECONDS = 1;    # LuaJIT and V8 compile what is hot
my $STRACE_SECONDS  = 1;
my $TRIES           = 3;

my %option = (
    rounds      => number('ROUNDS',            5),
    seconds     => number('SECONDS_PER_ROUND', 2),
    connections => number('CONNECTIONS',       64),
    revocations => number('REVOCATIONS',       200),
);
my @chosen = scenarios();
GetOptions(\%option, 'module=s', 'lua=s', 'out=s', 'profile') or exit 1;

$| = 1;
my @rooms;
$SIG{$_} = sub { die "interrupted\n" } for qw(INT TERM HUP PIPE);

my $done = eval {
    if ($option{profile}) {
        for my $scenario ('Bench::Content', 'Bench::Access') {
            Bench::Profile::run(new_room(), \%option, $scenario);
        }
        return 1;
    }
    run();
    return 1;
};
my $error = $@;

$SIG{$_} = 'IGNORE' for qw(INT TERM HUP PIPE);
$_->tear_down for @rooms;
if (!$done) {
    print STDERR "bench: $error";
    exit 1;
}
exit 0;


sub new_room {
    push @rooms, Bench::Room->new;
    return $rooms[-1];
}

sub run {
    my @rated = map { start($_) }
        grep { !$PACKAGE{$_}->can('measure') } @chosen;
    my @results = @rated ? measure(@rated) : ();
    $_->{room}->tear_down for @rated;

    for my $name (grep { $PACKAGE{$_}->can('measure') } @chosen) {
        print STDERR "bench: scenario $name\n";
        my $room = new_room();
        push @results, $PACKAGE{$name}->can('measure')->($room, \%option);
        $room->tear_down;
    }
    Bench::Report::write_json("$option{out}/bench.json", \%option,
        @results);
    Bench::Report::print_results(\%option, @results);
    print "\nAll rounds are in $option{out}/bench.json\n";
    return;
}

sub start {
    my ($name) = @_;

    print STDERR "bench: starting the peers of $name\n";
    my $room  = new_room();
    my @peers = $PACKAGE{$name}->can('start')->($room, \%option);
    $_->{room} = $room for @peers;
    return { name => $name, room => $room, peers => \@peers };
}

sub measure {
    my @scenarios = @_;

    my @all = map { @{ $_->{peers} } } @scenarios;
    print STDERR "bench: warming up\n";
    turn($_, $WARM_UP_SECONDS) for @all;
    for my $round (1 .. $option{rounds}) {
        print STDERR "bench: round $round of $option{rounds}\n";
        for my $scenario (@scenarios) {
            my $peers = $scenario->{peers};
            push @{ $_->{rounds} }, turn($_, $option{seconds}) for @$peers;
            push @$peers, shift @$peers;
        }
    }

    print STDERR "bench: counting system calls\n";
    for my $peer (@all) {
        @$peer{qw(calls no_calls)} = Bench::Load::system_calls($peer->{room},
            $peer, $STRACE_SECONDS, $option{connections});
    }
    return map { result($_) } @scenarios;
}

sub result {
    my ($scenario) = @_;

    my $package = $PACKAGE{ $scenario->{name} };
    my @peers   = sort { $a->{key} cmp $b->{key} } @{ $scenario->{peers} };
    my $check   = $package->can('check');
    $check->($scenario->{room}, \%option, @peers) if $check;
    return Bench::Report::summarise($scenario->{name},
        $package->can('title')->(), $package->can('base')->(),
        [$package->can('ours')->()], $scenario->{room}->placement, @peers);
}

# One peer's turn.  An answer that is not 200 means that the peer did not do
# the work, so there is nothing to compare.  Where other programs have the CPUs
# there may be none at all, for a while.
sub turn {
    my ($peer, $seconds) = @_;

    for (1 .. $TRIES) {
        my $round = Bench::Load::run($peer->{room}, $peer, $seconds,
            $option{connections});
        die "($peer->{key}) $peer->{name} answered $round->{non_2xx} of "
            . "$round->{requests} requests with an error\n"
            if $round->{non_2xx};
        return $round if $round->{requests};
    }
    die "($peer->{key}) $peer->{name} answered nothing\n";
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
