#!/usr/bin/env perl

# publish.pl - puts the figures of the last run into the manual.
#
#     t/bench/publish.pl [--out build/bench] [bench | scale | latency ...]
#
# Takes what `make bench`, `make bench-scale` and `make bench-latency` have
# left in build/bench (those that are named, or there), keeps it without the
# single rounds in t/bench/results/, draws t/bench/results/bench.svg, and
# rewrites in README.md what is between `<!-- figures: NAME -->` and
# `<!-- end -->`.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Getopt::Long qw(GetOptions);
use JSON::PP ();

use Bench::Manual;
use Bench::Plot;

my $root = "$FindBin::Bin/../..";
my $out  = "$root/build/bench";
GetOptions('out=s' => \$out) or exit 1;

my $json = JSON::PP->new->canonical->pretty->utf8;
my $kept = "$FindBin::Bin/results";
mkdir $kept;

my %made = (
    bench   => sub { Bench::Manual::bench($_[0]) },
    scale   => sub { Bench::Manual::scale($_[0]) },
    latency => sub { Bench::Manual::latency($_[0]) },
);

my @names = @ARGV ? @ARGV : grep { -f "$out/$_.json" } sort keys %made;
die "no results in $out: run make bench first\n" if !@names;

my %text;
for my $name (@names) {
    die "no results of the name $name; there are: @{[sort keys %made]}\n"
        if !$made{$name};
    my $from = "$out/$name.json";
    my $results = $json->decode(content_of($from));
    without_rounds($results);
    write_to("$kept/$name.json", $json->encode($results));
    write_to("$kept/bench.svg", Bench::Plot::svg($results))
        if $name eq 'bench';
    $text{$name} = $made{$name}->($results);
}

my $manual = content_of("$root/README.md");
for my $name (sort keys %text) {
    my ($from, $to) = ("<!-- figures: $name -->\n", '<!-- end -->');
    $manual =~ s/\Q$from\E.*?\Q$to\E/$from\n$text{$name}\n$to/s
        or die "README.md has no place for the figures of $name\n";
}
write_to("$root/README.md", $manual);
print "published: @names\n";
exit 0;


sub content_of {
    my ($path) = @_;

    open my $in, '<:raw', $path or die "$path: $!\n";
    local $/;
    return scalar <$in>;
}

sub write_to {
    my ($path, $text) = @_;

    open my $to, '>:raw', "$path.new" or die "$path.new: $!\n";
    print $to $text;
    close $to or die "$path.new: $!\n";
    rename "$path.new", $path or die "$path: $!\n";
    return;
}

# Samples and rounds are many; what was made of them is there.
sub without_rounds {
    my ($value) = @_;

    if (ref $value eq 'HASH') {
        delete @$value{qw(rounds all_us)} if ref $value->{rounds}
            || $value->{all_us};
        without_rounds($_) for values %$value;
    } elsif (ref $value eq 'ARRAY') {
        without_rounds($_) for @$value;
    }
    return;
}
