package Bench::Plot;

# Plot: the ratios of `make bench` as bars, in SVG.
#
# A group for each scenario, a bar for each peer, as long as its ratio to the
# scenario's base, with a line from the lowest round to the highest.

use strict;
use warnings;

my $WIDTH  = 860;
my $LEFT   = 230;       # of the bars, the names before them
my $RIGHT  = 210;       # the figures behind them
my $BAR    = 16;
my $STEP   = 22;
my $TITLE  = 34;
my $MARGIN = 14;
my %COLOUR = (ours => '#2f6fb0', peer => '#b9bec6', base => '#6f7782',
    line => '#1b1f24', rule => '#d8dce1');

sub svg {
    my ($results) = @_;

    my @scenarios = grep { $_->{peers} } @{ $results->{scenarios} };
    my ($y, $body) = ($MARGIN, '');
    for my $scenario (@scenarios) {
        $body .= group($scenario, $y);
        $y += $TITLE + $STEP * @{ $scenario->{peers} } + 10;
    }
    $y += $MARGIN;
    return <<"END";
<svg xmlns="http://www.w3.org/2000/svg" width="$WIDTH" height="$y"
     viewBox="0 0 $WIDTH $y" font-family="system-ui, sans-serif" font-size="12">
<rect width="$WIDTH" height="$y" fill="#ffffff"/>
$body</svg>
END
}

sub group {
    my ($scenario, $top) = @_;

    my $base  = $scenario->{base};
    my %ours  = map { $_ => 1 } @{ $scenario->{ours} };
    my $most  = 1;
    for my $row (@{ $scenario->{peers} }) {
        my $ratio = $row->{ratio_to}{$base} or next;
        $most = $ratio->{max} if $ratio->{max} > $most;
    }
    my $scale = ($WIDTH - $LEFT - $RIGHT) / $most;

    my $y   = $top + $TITLE;
    my $svg = text($MARGIN, $top + 20, $scenario->{title},
        'font-weight="600" font-size="13"');
    my $end = $y + $STEP * @{ $scenario->{peers} };
    $svg .= line($LEFT + $scale, $y - 3, $LEFT + $scale, $end - 3,
        $COLOUR{rule});
    for my $row (@{ $scenario->{peers} }) {
        my $ratio  = $row->{ratio_to}{$base};
        my $middle = $ratio ? $ratio->{median} : 1;
        my $is_ours = $ours{ $row->{key} } || $row->{name} =~ /workspaces,/;
        my $colour  = $COLOUR{ $is_ours ? 'ours' : $ratio ? 'peer' : 'base' };
        my $centre = $y + $BAR / 2;
        $svg .= text($LEFT - 8, $centre + 4, $row->{name},
            'text-anchor="end"');
        $svg .= sprintf qq(<rect x="%d" y="%d" width="%.1f" height="%d" )
            . qq(fill="%s"/>\n), $LEFT, $y, $middle * $scale, $BAR, $colour;
        if ($ratio) {
            my ($from, $to) = map { $LEFT + $_ * $scale }
                @$ratio{qw(min max)};
            $svg .= line($from, $centre, $to, $centre, $COLOUR{line});
            $svg .= line($_, $centre - 4, $_, $centre + 4, $COLOUR{line})
                for $from, $to;
        }
        $svg .= text($WIDTH - $RIGHT + 14, $centre + 4,
            sprintf('%.2f', $middle) . "\x{2002}" . rate($row), '');
        $y += $STEP;
    }
    return $svg;
}

sub rate {
    my ($row) = @_;

    my $cpu = $row->{server}{us}
        + ($row->{service} ? $row->{service}{us} : 0);
    return sprintf '%.1fk/s, %.0f %ss of CPU', $row->{rate}{median} / 1000,
        $cpu, "\x{b5}";
}

sub text {
    my ($x, $y, $text, $with) = @_;

    $text =~ s/&/&amp;/g;
    $text =~ s/</&lt;/g;
    $text =~ s/([^\x00-\x7f])/sprintf '&#x%x;', ord $1/ge;
    return qq(<text x="$x" y="$y" fill="$COLOUR{line}" $with>$text</text>\n);
}

sub line {
    my ($x1, $y1, $x2, $y2, $colour) = @_;

    return sprintf qq(<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" )
        . qq(stroke="%s"/>\n), $x1, $y1, $x2, $y2, $colour;
}

1;
