package Bench::Http;

# Http: single requests, with the answer's head as it was on the wire.  (The
# measuring of speed is wrk's; this seeds, compares and probes.)

use strict;
use warnings;

use IO::Socket::INET;

# One request over a connection of its own; see answer().
sub request {
    my ($port, $method, $path, $headers, $body) = @_;

    my $socket = connection($port);
    ask($socket, $method, $path, $headers, $body);
    return answer($socket, "$method $path on port $port");
}

sub connection {
    my ($port) = @_;

    return IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 5)
        // die "cannot connect to port $port: $!\n";
}

sub ask {
    my ($socket, $method, $path, $headers, $body) = @_;

    my $text = "$method $path HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    $text .= "$_: $headers->{$_}\r\n" for sort keys %{ $headers // {} };
    if (defined $body) {
        $text .= "Content-Type: application/json\r\n"
            . 'Content-Length: ' . length($body) . "\r\n";
    }
    print $socket $text, "\r\n", $body // '';
    return;
}

# Returns { status, lines => [header lines], headers => {lower-case name =>
# value}, body, head_bytes }.
sub answer {
    my ($socket, $what) = @_;

    my $head = '';
    while (defined(my $line = <$socket>)) {
        $head .= $line;
        last if $line =~ /^\r?\n$/;
    }
    my ($status) = $head =~ m{^HTTP/1\.1 (\d{3})}
        or die "no HTTP answer to $what\n";

    my @lines = grep { length } split /\r\n/, $head;
    shift @lines;
    my %header = map { /^([^:]+):\s*(.*)$/ ? (lc $1 => $2) : () } @lines;

    my $length = $header{'content-length'};
    die "$what: an answer without Content-Length\n"
        if !defined $length;
    my $answer = '';
    while (length $answer < $length) {
        read($socket, $answer, $length - length $answer, length $answer)
            or die "$what: the answer ended early\n";
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
