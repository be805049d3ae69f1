package Bench::Manual;

# Manual: results as the tables of README.md.

use strict;
use warnings;

# -- tables

sub table {
    my ($head, @lines) = @_;

    return join '', map { '| ' . join(' | ', @$_) . " |\n" }
        $head, [('---') x @$head], @lines;
}

# 12345 as 12 345
sub thousands {
    my ($number) = @_;

    my $text = sprintf '%.0f', $number;
    1 while $text =~ s/^(\d+)(\d{3})/$1 $2/;
    return $text;
}

# Three digits that count.
sub figure {
    my ($number) = @_;

    return '–' if !defined $number;
    return thousands($number) if $number >= 99.95;
    return sprintf '%.1f', $number if $number >= 9.995;
    return sprintf '%.2f', $number;
}

sub spread {
    my ($of) = @_;

    return '1' if !$of;
    return sprintf '%.2f (%.2f–%.2f)', @$of{qw(median min max)};
}

sub machine {
    my ($results) = @_;

    my $machine = $results->{machine};
    (my $nginx = $machine->{versions}{nginx} // '') =~ s/^nginx version: //;
    my ($redis) = ($machine->{versions}{'redis-server'} // '') =~ /v=(\S+)/;
    my ($day)   = $results->{time} =~ /^(\S+?)T/;
    return "$machine->{cpus} CPUs ($machine->{cpu}), $nginx, Redis "
        . ($redis // '?') . ", $day";
}

# -- make bench

sub bench {
    my ($results) = @_;

    my $option = $results->{options};
    my $text   = "![the ratios](t/bench/results/bench.svg)\n\n"
        . sprintf "Measured on %s: %d rounds of %d s, %d connections, "
        . "one worker.\n\n", machine($results),
        @$option{qw(rounds seconds connections)};
    for my $scenario (@{ $results->{scenarios} }) {
        $text .= $scenario->{rows} ? revocations($scenario)
            : rates($scenario);
        $text .= "\n";
    }
    chomp $text;
    return $text;
}

sub rates {
    my ($scenario) = @_;

    my $base = $scenario->{base};
    my @lines;
    for my $row (@{ $scenario->{peers} }) {
        my $others = $row->{service} ? $row->{service}{us} : 0;
        push @lines, [
            ($row->{key} eq $base ? "($base) " : '') . $row->{name},
            spread($row->{ratio_to}{$base}),
            thousands($row->{rate}{median}),
            figure($row->{server}{us})
                . ($others >= 0.05 ? ' + ' . figure($others) : ''),
            $row->{redis} && $row->{redis}{us} >= 0.05
                ? figure($row->{redis}{us}) : '–',
            $row->{system_calls} ? figure($row->{system_calls}{all}) : '?',
            figure($row->{p99_us} / 1000),
        ];
    }
    (my $title = $scenario->{title}) =~ s/^(\w+): /**$1**: /;
    return "$title\n\n"
        . table(['', "of ($base)", 'requests/s', 'CPU µs', 'Redis µs',
            'system calls', 'p99 ms'], @lines);
}

sub revocations {
    my ($scenario) = @_;

    my @lines;
    for my $row (@{ $scenario->{rows} }) {
        push @lines, [
            $row->{name} . ($row->{load} ? ', under load' : ', idle'),
            map { figure($row->{refused}{$_} / 1000) }
                qw(p50_us p99_us max_us),
        ];
    }
    (my $title = $scenario->{title}) =~ s/^(\w+): /**$1**: /;
    return "$title (ms)\n\n" . table(['', 'p50', 'p99', 'max'], @lines);
}

# -- make bench-scale

my %MEANING = (
    page   => 'by the page',
    bound  => 'bounded',
    answer => 'by the answer',
);

sub scale {
    my ($results) = @_;

    my $text = 'Measured on ' . machine($results) . ", one request at a time.\n"
        . "Of each: CPU µs of the worker + of Redis, commands of Redis, and "
        . "in brackets its\nlongest command in ms, where that was longer than "
        . "0.2.\n\n";
    for my $table (@{ $results->{tables} }) {
        my @sizes = @{ $table->{sizes} };
        my @lines;
        for my $line (@{ $table->{lines} }) {
            push @lines, [$line->{name},
                (map { scale_cell($line->{at}{$_}) } @sizes),
                $line->{expected} eq 'flat'
                    ? ($line->{flat} ? 'flat' : '**not flat**')
                    : $MEANING{ $line->{expected} }];
        }
        $text .= table([$table->{title}, (map { thousands($_) } @sizes), ''],
            @lines) . "\n";
    }
    my $memory = $results->{memory};
    $text .= sprintf "Redis needs %s bytes for a workspace with its owner, "
        . "and %s for a further member; a\nworker %s bytes for a cached "
        . "record, of which it counts %s.\n",
        map { thousands($memory->{$_}) } qw(workspace member worker_record
        worker_record_counted);
    return $text;
}

sub scale_cell {
    my ($at) = @_;

    return sprintf '%s + %s, %s%s', thousands($at->{worker_us}),
        thousands($at->{redis_us}), thousands($at->{redis_commands}),
        $at->{slowest_us} ? sprintf(' (%.1f)', $at->{slowest_us} / 1000) : '';
}

# -- make bench-latency

sub latency {
    my ($results) = @_;

    my (%row, @what, %known);
    for my $row (@{ $results->{rows} }) {
        push @what, $row->{what} if !$known{ $row->{what} }++;
        $row{ $row->{kind} }{ $row->{percent} }{ $row->{what} } = $row;
    }
    my $text = 'Measured on ' . machine($results) . ", runs of "
        . "$results->{options}{duration} s, one worker.\n\n";
    for my $kind (sort keys %row) {
        my @loads = sort { $a <=> $b } keys %{ $row{$kind} };
        my @lines = map {
            my $what = $_;
            [$what, map { latency_cell($row{$kind}{$_}{$what}) } @loads];
        } @what;
        $text .= table([
            "access, $kind: p50 / p99 / p99.9, ms",
            map { "$_ % (" . thousands($row{$kind}{$_}{ $what[0] }{rate})
                    . '/s)' } @loads,
        ], @lines) . "\n";
    }
    chomp $text;
    return $text;
}

sub latency_cell {
    my ($row) = @_;

    my @troubles = map { $row->{ $_->[0] } ? "$row->{$_->[0]} $_->[1]" : () }
        [refused => '503'], [failed => 'cut off'];
    return join(' / ', map { figure($row->{$_} / 1000) }
            qw(p50_us p99_us p999_us))
        . (@troubles ? ' (' . join(', ', @troubles) . ')' : '');
}

1;
