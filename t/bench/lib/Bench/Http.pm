package Bench::Http;

# Http: one request over a fresh connection, with the answer's head as it was
# on the wire.  (The measuring is wrk's; this seeds and compares.)

use strict;
use warnings;

use IO::Socket::INET;

# Returns { status, lines => [header lines], headers => {lower-case name =>
# value}, body, head_bytes }.
sub request {
    my ($port, $method, $path, $headers, $body) = @_;

    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 5)
        or die "cannot connect to port $port: $!\n";

    my $text = "$method $path HTTP/1.1\r\nHost: 127.0.0.1:$port\r\n";
    $text .= "$_: $headers->{$_}\r\n" for sort keys %{ $headers // {} };
    if (defined $body) {
        $text .= "Content-Type: application/json\r\n"
            . 'Content-Length: ' . length($body) . "\r\n";
    }
    print $socket $text, "\r\n", $body // '';

    my $head = '';
    while (defined(my $line = <$socket>)) {
        $head .= $line;
        last if $line =~ /^\r?\n$/;
    }
    my ($status) = $head =~ m{^HTTP/1\.1 (\d{3})}
        or die "no HTTP answer to $method $path on port $port\n";

    my @lines = grep { length } split /\r\n/, $head;
    shift @lines;
    my %header = map { /^([^:]+):\s*(.*)$/ ? (lc $1 => $2) : () } @lines;

    my $length = $header{'content-length'};
    die "$method $path: an answer without Content-Length\n"
        if !defined $length;
    my $answer = '';
    while (length $answer < $length) {
        read($socket, $answer, $length - length $answer, length $answer)
            or die "$method $path: the answer ended early\n";
    }

    return {
        status     => $status,
        lines      => \@lines,
        headers    => \%header,
        body       => $answer,
        head_bytes => length $head,
    };
}

1;
