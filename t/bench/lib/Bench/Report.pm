package Bench::Report;

# Report: medians, spreads and ratios of a scenario's rounds, as a table and
# as JSON.

use strict;
use warnings;

use JSON::PP ();
use POSIX ();

my $IDLE_SERVER = 0.93;     # below this the server was not the bottleneck

sub median {
    my @sorted = sort { $a <=> $b } @_;
    my $middle = int(@sorted / 2);
    return @sorted % 2
        ? $sorted[$middle]
        : ($sorted[$middle - 1] + $sorted[$middle]) / 2;
}

sub spread {
    my @sorted = sort { $a <=> $b } @_;
    return { median => median(@sorted), min => $sorted[0],
        max => $sorted[-1] };
}

sub summarise {
    my ($name, $title, $base_key, $our_keys, $placement, @peers) = @_;

    my ($base) = grep { $_->{key} eq $base_key } @peers;
    my %rates  = map { $_->{key} => [map { $_->{rate} } @{ $_->{rounds} }] }
        @peers;

    my @rows;
    for my $peer (@peers) {
        my @rounds = @{ $peer->{rounds} };
        my $pick   = sub {
            my @way = @_;
            return median(map { @way == 2 ? $_->{ $way[0] }{ $way[1] }
                    : $_->{ $way[0] } } @rounds);
        };
        my %row = (
            key     => $peer->{key},
            name    => $peer->{name},
            rate    => spread(@{ $rates{ $peer->{key} } }),
            p50_us  => $pick->('p50_us'),
            p99_us  => $pick->('p99_us'),
            (map {
                my $who = $_;
                $who => { map { $_ => $pick->($who, $_) }
                        qw(user_us sys_us us busy) }
            } grep { $rounds[0]{$_} } qw(server redis backend service)),
            load          => { busy => $pick->('load', 'busy') },
            redis_calls   => $pick->('redis_calls'),
            socket_errors => 0,
            system_calls  => $peer->{calls},
            rounds        => \@rounds,
        );
        $row{socket_errors} += $_->{socket_errors} for @rounds;
        $row{no_system_calls} = $peer->{no_calls} if $peer->{no_calls};
        for my $other (@peers) {
            next if $other == $peer;
            $row{ratio_to}{ $other->{key} } = spread(
                map { $rates{ $peer->{key} }[$_] / $rates{ $other->{key} }[$_] }
                0 .. $#rounds);
        }
        push @rows, \%row;
    }
    return { scenario => $name, title => $title, base => $base_key,
        ours => $our_keys, placement => $placement, peers => \@rows };
}

# All scenarios with rates in one table, then what was measured otherwise.
sub print_results {
    my ($option, @results) = @_;

    my @rated = grep { $_->{peers} } @results;
    if (@rated) {
        print_table(@rated);
        print_notes($option, @rated);
    }
    print_revocations($_, $option) for grep { $_->{rows} } @results;
    return;
}

sub print_table {
    my @results = @_;

    my @table = ([
        '', 'requests/s', '(min..max)', 'ratio', '(min..max)',
        'p50 ms', 'p99 ms', 'CPU us', 'user+sys', 'busy', 'syscalls',
        'Redis us', 'Redis calls', 'service us', 'backend us',
    ]);
    for my $result (@results) {
        my $base = $result->{base};
        push @table, [], ["$result->{title}; ratios to ($base)"];
        push @table, map { table_line($base, $_) } @{ $result->{peers} };
    }
    print "\n";
    print_columns(@table);
    return;
}

sub table_line {
    my ($base, $row) = @_;

    my $ratio = $row->{ratio_to}{$base};
    my $calls = $row->{system_calls};
    return [
        "($row->{key}) $row->{name}",
        sprintf('%.0f', $row->{rate}{median}),
        sprintf('(%.0f..%.0f)', @{ $row->{rate} }{qw(min max)}),
        $ratio ? sprintf('%.3f', $ratio->{median}) : '1',
        $ratio ? sprintf('(%.3f..%.3f)', @$ratio{qw(min max)}) : '',
        sprintf('%.2f', $row->{p50_us} / 1000),
        sprintf('%.2f', $row->{p99_us} / 1000),
        sprintf('%.1f', $row->{server}{us}),
        sprintf('%.1f+%.1f', @{ $row->{server} }{qw(user_us sys_us)}),
        sprintf('%.0f%%', 100 * $row->{server}{busy}),
        $calls ? sprintf('%.2f', $calls->{all}) : '?',
        microseconds($row->{redis}),
        $row->{redis_calls} < 0.005 ? '-'
            : sprintf('%.2f', $row->{redis_calls}),
        map { microseconds($row->{$_}) } qw(service backend),
    ];
}

sub microseconds {
    my ($who) = @_;
    return !$who || $who->{us} < 0.05 ? '-' : sprintf('%.1f', $who->{us});
}

sub print_columns {
    my @table = @_;

    my @width;
    for my $line (grep { @$_ > 1 } @table) {        # the others are headings
        for my $i (0 .. $#$line) {
            my $length = length $line->[$i];
            $width[$i] = $length if $length > ($width[$i] // 0);
        }
    }
    for my $line (@table) {
        my $text = join '  ', map {
            sprintf $_ == 0 ? '%-*s' : '%*s', $width[$_], $line->[$_]
        } 0 .. $#$line;
        $text =~ s/\s+$//;
        print "$text\n";
    }
    return;
}

sub print_notes {
    my ($option, @results) = @_;

    print "\n";
    print_ratios($_) for @results;
    printf "%d interleaved rounds of %d s, %d connections with keepalive; "
        . "medians over the rounds\n",
        @$option{qw(rounds seconds connections)};
    print 'one server process on CPU ', placement(@results), "\n";
    print "CPU us: of the server, a request, from /proc/<pid>/stat; syscalls: "
        . "of the server, by strace, in a run of their own\n";
    my $place = $results[0]{placement};
    if ($place->{server} == $place->{load}) {
        print "note: there is one CPU only, so wrk takes its share from the "
            . "server\n";
    }
    print_doubts($_) for @results;
    return;
}

# What ours are to the others, and which system calls they make.
sub print_ratios {
    my ($result) = @_;

    my %row  = map { $_->{key} => $_ } @{ $result->{peers} };
    my $name = $result->{scenario};
    my %told;
    $told{ $result->{base} } = 1 if @{ $result->{ours} } > 1;
    for my $key (@{ $result->{ours} }) {
        $told{$key} = 1;
        for my $other (@{ $result->{peers} }) {
            next if $told{ $other->{key} };
            my $ratio = $row{$key}{ratio_to}{ $other->{key} };
            printf "%s: (%s) is %.2f times (%s), %.2f..%.2f\n", $name, $key,
                $ratio->{median}, $other->{key}, @$ratio{qw(min max)};
        }
    }
    for my $key (@{ $result->{ours} }) {
        my $calls = $row{$key}{system_calls} or next;
        my $each  = $calls->{by_name};
        my @often = grep { $each->{$_} >= 0.005 }
            sort { $each->{$b} <=> $each->{$a} } keys %$each;
        print "$name: system calls a request of ($key): ",
            join(', ', map { sprintf '%s %.2f', $_, $each->{$_} } @often),
            "\n";
    }
    return;
}

sub print_doubts {
    my ($result) = @_;

    my $place = $result->{placement};
    my $name  = $result->{scenario};
    my @disturbed;
    for my $peer (@{ $result->{peers} }) {
        if ($peer->{server}{busy} < $IDLE_SERVER) {
            my ($cpu, $busy) = busiest_other($peer, $place);
            if ($busy < $IDLE_SERVER) {
                push @disturbed, $peer->{key};
            } else {
                printf "note: %s: the server of (%s) was busy %.0f %% of the "
                    . "time, CPU %s with the others %.0f %%: the server could "
                    . "have done more\n", $name, $peer->{key},
                    100 * $peer->{server}{busy}, $cpu, 100 * $busy;
            }
        }
        if ($peer->{socket_errors}) {
            print "note: $name: $peer->{socket_errors} socket errors or "
                . "timeouts with ($peer->{key})\n";
        }
        if ($peer->{no_system_calls}) {
            print "note: $name: no system calls of ($peer->{key}): "
                . "$peer->{no_system_calls}\n";
        }
    }
    if (@disturbed) {
        print "note: $name: of (@{[join ', ', @disturbed]}) no CPU was busy: "
            . "other programs had them; measure again when it is quiet\n";
    }
    return;
}

# Who is where, the server first.
sub placement {
    my @results = @_;

    my $place = $results[0]{placement};
    my %there = map { $_ => 1 } map { keys %$_ }
        map { @{ $_->{peers} } } @results;
    return join ', ', $place->{server},
        map { "$_->[1] on CPU $place->{$_->[0]}" }
        grep { $there{ $_->[0] } }
        [redis => 'Redis'], [load => 'wrk'], [backend => 'the backend'],
        [service => 'the service'];
}

# The CPU, not the server's, that was busiest with the measurement, and how
# much.
sub busiest_other {
    my ($peer, $place) = @_;

    my %busy = ($place->{load} => 0);
    for my $who (qw(redis load backend service)) {
        next if !$peer->{$who} || $place->{$who} == $place->{server};
        $busy{ $place->{$who} } += $peer->{$who}{busy};
    }
    my ($cpu) = sort { $busy{$b} <=> $busy{$a} } keys %busy;
    return ($cpu, $busy{$cpu});
}

# -- the revocation scenario: samples instead of rates

sub percentile {
    my ($percent, @values) = @_;

    my @sorted = sort { $a <=> $b } @values;
    my $rank   = POSIX::ceil($percent / 100 * @sorted);
    return $sorted[$rank > 0 ? $rank - 1 : 0];
}

sub print_revocations {
    my ($result, $option) = @_;

    my @table = ([
        '', 'load', 'revocations', 'p50 ms', 'p99 ms', 'max ms',
        'let in: p50', 'p99', 'max', 'probe ms', 'requests/s',
    ]);
    for my $row (@{ $result->{rows} }) {
        push @table, [
            "($row->{key}) $row->{name}",
            $row->{load} ? 'load' : 'idle',
            $row->{revocations},
            (map {
                my $what = $_;
                map { sprintf '%.2f', $row->{$what}{$_} / 1000 }
                    qw(p50_us p99_us max_us);
            } qw(refused let_in)),
            sprintf('%.2f', $row->{probe_us} / 1000),
            $row->{load} ? sprintf('%.0f', $row->{load}{rate}) : '',
        ];
    }

    print "\n$result->{title}\n\n";
    print_columns(@table);
    print "\n";
    print "p50, p99, max: from the acknowledgement of the write until the last "
        . "of $result->{workers} workers was\nseen refusing, the probe itself "
        . "included; let in: when the last request that still\npassed was "
        . "sent, 0 when the first one was refused; probe: one round trip\n";
    my $place = $result->{placement};
    print "$result->{workers} workers on CPU $place->{server}, Redis on CPU "
        . "$place->{redis}, wrk and the probes on CPU $place->{load}, the\n"
        . "backend on CPU $place->{backend}, the API on CPU $place->{service}; "
        . "load: wrk with $option->{connections} connections\n";
    for my $row (@{ $result->{rows} }) {
        my $when = $row->{load} ? 'under load' : 'idle';
        if ($row->{wanted} > $row->{revocations}) {
            print "note: ($row->{key}) $when: time was up after "
                . "$row->{revocations} of $row->{wanted} revocations\n";
        }
        if ($row->{let_in_again}) {
            print "note: ($row->{key}) $when: after $row->{let_in_again} "
                . "revocations a worker let the user in again\n";
        }
    }
    return;
}

sub write_json {
    my ($path, $option, @results) = @_;

    write_file($path, {
        options => { map { $_ => $option->{$_} }
                qw(rounds seconds connections revocations) },
        machine   => machine(),
        time      => now(),
        scenarios => \@results,
    });
    return;
}

sub write_file {
    my ($path, $all) = @_;

    open my $out, '>', "$path.new" or die "$path.new: $!\n";
    print $out JSON::PP->new->canonical->pretty->encode($all);
    close $out or die "$path.new: $!\n";
    rename "$path.new", $path or die "$path: $!\n";
    return;
}

sub now { return POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime) }

sub machine {
    my %machine;
    if (open my $in, '<', '/proc/cpuinfo') {
        while (<$in>) {
            $machine{cpu} = $1 if /^model name\s*:\s*(.*\S)/;
            $machine{cpus}++ if /^processor\s*:/;
        }
    }
    my @uname = POSIX::uname();
    $machine{kernel} = $uname[2];
    for my $tool (['nginx', '-v'], ['redis-server', '--version'],
        ['node', '--version'])
    {
        my ($version) = `@$tool 2>&1`;
        chomp($version //= '');
        $machine{versions}{ $tool->[0] } = $version;
    }
    return \%machine;
}

1;
