package Test::Nginx::Standin::Client;

# One connection to the server: sends packets, reads until the server closes.
# Knows nothing of HTTP.

use strict;
use warnings;

use Errno qw(ECONNREFUSED EAGAIN EINTR EWOULDBLOCK);
use IO::Handle ();
use Socket qw(getaddrinfo SOCK_STREAM IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(sleep time);

use Test::Nginx::Standin::Settings;

my $CONNECT_ATTEMPTS = 50;


# packets  => [[delay, bytes], ...]
# timeout  => the longest pause between two events, in seconds
# shutdown => how to shut the sending side down when all is written, or undef
# is_alive => asked between two attempts to connect
# Answers { bytes, timed_out, refused }.
sub exchange {
    my (%arg) = @_;
    # In the server's place a closed connection is an event like any other.
    local $SIG{PIPE} = 'IGNORE';

    my $socket = connect_to_server($arg{is_alive})
        or return { bytes => '', refused => 1 };
    $socket->blocking(0);
    my $bit = '';
    vec($bit, fileno $socket, 1) = 1;

    my @packets = map { { due => $_->[0], bytes => $_->[1] } } @{ $arg{packets} };
    my $bytes = '';
    my $last_event = time;
    $packets[0]{due} += $last_event if @packets;
    my $shut = !defined $arg{shutdown};

    while (1) {
        my $now = time;
        if (!@packets && !$shut) {
            shutdown $socket, $arg{shutdown};
            $shut = 1;
        }
        my $writing = @packets && $packets[0]{due} <= $now;
        # A pause that the block wants is not the server's.
        my $since = @packets && $packets[0]{due} > $last_event
            ? $packets[0]{due} : $last_event;
        my $deadline = $since + $arg{timeout};
        return { bytes => $bytes, timed_out => 1 } if $now >= $deadline;
        my $until = @packets && !$writing ? $packets[0]{due} : $deadline;

        my ($readable, $writable) = ($bit, $writing ? $bit : undef);
        my $found = select $readable, $writable, undef, $until - $now;
        next if $found <= 0;
        $last_event = time;

        if (vec $readable, fileno($socket), 1) {
            my $got = sysread $socket, $bytes, 65536, length $bytes;
            next if !defined $got && transient();
            # A reset ends an answer as a close does.
            return { bytes => $bytes } if !$got;
        }
        if ($writing && vec $writable, fileno($socket), 1) {
            write_some($socket, \@packets);
        }
    }
}


sub write_some {
    my ($socket, $packets) = @_;
    my $packet = $packets->[0];
    my $sent = $packet->{sent} // 0;
    my $left = length($packet->{bytes}) - $sent;
    if ($left > 0) {
        my $wrote = syswrite $socket, $packet->{bytes}, $left, $sent;
        if (!defined $wrote) {
            # What the server said before it closed is still to be read.
            @$packets = () if !transient();
            return;
        }
        $packet->{sent} = $sent + $wrote;
        return if $wrote < $left;
    }
    shift @$packets;
    $packets->[0]{due} += time if @$packets;
}


sub transient { $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR }


sub connect_to_server {
    my ($is_alive) = @_;
    my ($error, @addresses) = getaddrinfo($setting{server_addr},
        $setting{server_port_for_client}, { socktype => SOCK_STREAM });
    bail_out("no address of $setting{server_addr}: $error") if $error;

    for my $attempt (1 .. $CONNECT_ATTEMPTS) {
        for my $address (@addresses) {
            socket my $socket, $address->{family}, SOCK_STREAM, $address->{protocol}
                or bail_out("socket: $!");
            setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
            return $socket if connect $socket, $address->{addr};
            $! == ECONNREFUSED
                or bail_out("cannot connect to $setting{server_addr} port "
                            . "$setting{server_port_for_client}: $!");
        }
        # None will ever listen where nginx has ended.
        return undef if $is_alive && !$is_alive->();
        sleep $attempt * 0.002;
    }
    return undef;
}

1;
