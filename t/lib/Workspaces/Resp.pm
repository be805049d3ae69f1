# Just enough of the Redis protocol, RESP2.
package Workspaces::Resp;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(resp_command resp_end resp_value);

sub resp_command {
    my (@words) = @_;
    return '*' . @words . "\r\n"
        . join '', map { '$' . length($_) . "\r\n$_\r\n" } @words;
}

# Where the value that begins at $from ends; undef: it is not all there.
sub resp_end {
    my ($bytes, $from) = @_;
    my $line = index $$bytes, "\r\n", $from;
    return if $line < 0;
    my $type = substr $$bytes, $from, 1;
    my $end = $line + 2;
    return $end if $type =~ /[-+:]/;
    my $count = substr $$bytes, $from + 1, $line - $from - 1;
    return $end if $count < 0;
    if ($type eq '$') {
        $end += $count + 2;
        return $end <= length $$bytes ? $end : undef;
    }
    die "not RESP: '$type'\n" unless $type eq '*';
    for (1 .. $count) {
        $end = resp_end($bytes, $end) // return;
    }
    return $end;
}

# The value that begins at $$at, which moves behind it.  It must be all
# there.  An error is a reference to its text.
sub resp_value {
    my ($bytes, $at) = @_;
    my $line = index $$bytes, "\r\n", $$at;
    my $type = substr $$bytes, $$at, 1;
    my $rest = substr $$bytes, $$at + 1, $line - $$at - 1;
    $$at = $line + 2;
    return $rest if $type =~ /[+:]/;
    return \$rest if $type eq '-';
    return if $rest < 0;
    if ($type eq '$') {
        my $text = substr $$bytes, $$at, $rest;
        $$at += $rest + 2;
        return $text;
    }
    return [map { scalar resp_value($bytes, $at) } 1 .. $rest];
}

1;
