package Bench::Load;

# Load: one run of wrk against one server, and what it cost that server, Redis
# and whoever else takes part in CPU time; wrk in the background; the system
# calls of a server, counted by strace in a run of its own.

use strict;
use warnings;

use FindBin;
use POSIX ();
use Time::HiRes qw(sleep time);

# `target` is { name, worker => pid, port, path, headers => {}, others =>
# {name => pid} }; where it has `write` (method, path and body, see wrk.lua) and
# `count`, no two requests are alike.  Its `answered`, `unanswered` and `turns`
# are counted.  Returns a round: requests, seconds, rate, p50_us, p99_us,
# max_us, non_2xx, socket_errors; for the server, Redis and the others the CPU
# microseconds a request (user and system) and the share of the time that they
# were running (of wrk the latter only); and redis_calls, the commands that
# Redis did a request.
sub run {
    my ($room, $target, $seconds, $connections) = @_;

    my %pid = (%{ $target->{others} // {} }, server => $target->{worker});
    $pid{redis} = $room->{redis}{pid} if $room->{redis};

    my $commands = $room->redis_commands;
    my %before   = map { $_ => cpu_times($pid{$_}) } keys %pid;
    my $started  = time;
    my $load     = children_cpu();
    my $round    = wrk($room, $target, $seconds, $connections);
    my $wall     = time - $started;
    $round->{load} = { busy => (children_cpu() - $load) / $wall };

    my $each = $round->{requests} ? 1 / $round->{requests} : 0;
    for my $who (keys %pid) {
        my $after = cpu_times($pid{$who});
        my $user  = $after->{user} - $before{$who}{user};
        my $sys   = $after->{sys} - $before{$who}{sys};
        $round->{$who} = {
            user_us => 1e6 * $user * $each,
            sys_us  => 1e6 * $sys * $each,
            us      => 1e6 * ($user + $sys) * $each,
            busy    => ($user + $sys) / $wall,
        };
    }
    $round->{redis_calls} = ($room->redis_commands - $commands - 1) * $each;
    return $round;
}

sub wrk {
    my ($room, $target, $seconds, $connections) = @_;

    my @command = ('taskset', '-c', $room->cpu('load'),
        wrk_command($target, $seconds, $connections));
    open my $from, '-|', @command or die "wrk: $!\n";
    my @lines = <$from>;
    close $from or die "wrk failed against $target->{name}\n";
    my $round = parse($target, @lines);
    $target->{answered} += $round->{requests};
    $target->{unanswered} += $round->{socket_errors};
    return $round;
}

# wrk in the background, for `seconds` at most; ended by finish().
sub begin {
    my ($room, $target, $seconds, $connections) = @_;

    my $name = 'wrk.' . ++$room->{loads};
    my $pid  = $room->spawn('load', $name,
        wrk_command($target, $seconds, $connections));
    return { pid => $pid, out => $room->dir . "/$name.out",
        target => $target };
}

# Ends it, and returns what wrk has to say.
sub finish {
    my ($room, $load) = @_;

    $room->end($load->{pid}, 'INT', 10);
    open my $in, '<', $load->{out} or die "$load->{out}: $!\n";
    return parse($load->{target}, <$in>);
}

sub wrk_command {
    my ($target, $seconds, $connections) = @_;

    my @headers =
        map { ('-H', "$_: $target->{headers}{$_}") }
        sort keys %{ $target->{headers} // {} };
    $target->{turns}++;
    my @write = !$target->{write} ? ()
        : ('--', @{ $target->{write} }, "$target->{key}$target->{turns}",
            $target->{count});
    return ('wrk', '-t1', "-c$connections", "-d${seconds}s",
        '-s', "$FindBin::Bin/wrk.lua", @headers,
        "http://127.0.0.1:$target->{port}$target->{path}", @write);
}

sub parse {
    my ($target, @lines) = @_;

    my ($line) = map { /^bench (.*)/ ? $1 : () } @lines;
    die "wrk said nothing about $target->{name}\n" if !defined $line;

    my %round = map { split /=/ } split / /, $line;
    $round{seconds} = delete($round{microseconds}) / 1e6;
    $round{rate}    = $round{requests} / $round{seconds};
    return \%round;
}

# Seconds of CPU that our ended children have used: wrk's.
sub children_cpu {
    my (undef, undef, $user, $sys) = CORE::times();
    return $user + $sys;
}

# Seconds of CPU that a process (all its threads) has used.
sub cpu_times {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/stat" or die "process $pid is gone\n";
    my $line = <$in>;
    $line =~ s/^.*\) //;
    my @field = split / /, $line;           # $field[0] is field 3 of proc(5)
    my $tick  = POSIX::sysconf(POSIX::_SC_CLK_TCK());
    return { user => $field[11] / $tick, sys => $field[12] / $tick };
}

# System calls a request, all and by name, or undef and a reason when strace
# is not there or not allowed.  strace slows the server down, so that more
# requests wait in each turn of its event loop: the true figure is a little
# higher for servers that batch.
sub system_calls {
    my ($room, $target, $seconds, $connections) = @_;

    my $table  = $room->dir . "/strace.$target->{worker}";
    my $strace = $room->spawn('load', 'strace',
        'strace', '-c', '-f', '-o', $table, '-p', $target->{worker});

    my $until = time + 3;
    while (!traced($target->{worker})) {
        if (time > $until || waitpid($strace, POSIX::WNOHANG()) == $strace) {
            $room->end($strace, 'KILL');
            return (undef, 'strace is missing or may not attach');
        }
        sleep 0.02;
    }

    my $round = wrk($room, $target, $seconds, $connections);
    $room->end($strace, 'INT', 10);

    open my $in, '<', $table or return (undef, 'strace left no table');
    my %calls;
    while (<$in>) {
        # % time, seconds, usecs/call, calls, [errors], name
        if (/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z]\w*)\s*$/) {
            $calls{$2} = $1 if $2 ne 'total';
        }
    }
    return (undef, 'strace counted nothing') if !%calls || !$round->{requests};

    my %each = map { $_ => $calls{$_} / $round->{requests} } keys %calls;
    my $all  = 0;
    $all += $_ for values %each;
    return ({ all => $all, by_name => \%each, requests => $round->{requests} });
}

sub traced {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/status" or return 0;
    return scalar grep { /^TracerPid:\s*[1-9]/ } <$in>;
}

1;
