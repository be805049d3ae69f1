# A connection of HTTP/2 with prior knowledge, just enough to have several
# streams on it and to reset them.  Bodies must fit into the first window.
package Workspaces::Http2;

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use Time::HiRes qw(time);

use Workspaces::Client;
use Workspaces::Process qw(patience);

use constant { DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4,
               PING => 6, GOAWAY => 7, WINDOW_UPDATE => 8,
               END_STREAM => 1, END_HEADERS => 4, ACK => 1 };

# of the static table (RFC 7541, appendix A)
my %indexed = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400,
               13 => 404, 14 => 500);

sub connect {
    my ($class, $gateway) = @_;
    my $self = bless { socket => $gateway->client->{socket}, bytes => '',
                       next => 1, streams => {} }, $class;
    $self->_write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                  . _frame(SETTINGS, 0, 0, '')
                  . _frame(WINDOW_UPDATE, 0, 0, pack 'N', 1 << 29));
    return $self;
}

sub _frame {
    my ($type, $flags, $stream, $payload) = @_;
    return substr(pack('N', length $payload), 1)
        . pack('CCN', $type, $flags, $stream) . $payload;
}

sub _write {
    my ($self, $bytes) = @_;
    my $at = 0;
    while ($at < length $bytes) {
        $at += syswrite($self->{socket}, $bytes, 65536, $at) // last;
    }
    return;
}

# never indexed, no Huffman code
sub _literal {
    my $text = '';
    for (@_) {
        my $size = length;
        croak 'too long a header' if $size > 126;
        $text .= pack('C', $size) . $_;
    }
    return "\x10$text";
}

# send(method, path, as of Workspaces::Client, `open`: the body goes on): the
# number of the stream
sub send {
    my ($self, $method, $path, %given) = @_;
    my $open = delete $given{open};
    my $stream = $self->{next};
    $self->{next} += 2;
    my ($head, $body) = split /\r\n\r\n/,
        Workspaces::Client::request_text($method, $path, %given), 2;
    my ($line, @lines) = split /\r\n/, $head;
    my $block = _literal(':method', $method) . _literal(':scheme', 'http')
        . _literal(':path', (split ' ', $line)[1])
        . _literal(':authority', 'gateway');
    for (@lines) {
        my ($name, $value) = split /: /, $_, 2;
        next if $name eq 'Host' || ($open && $name eq 'Content-Length');
        $block .= _literal(lc $name, $value);
    }
    my $more = $open || length $body;
    my $bytes = _frame(HEADERS, END_HEADERS | ($more ? 0 : END_STREAM),
                       $stream, $block);
    $bytes .= _frame(DATA, $open ? 0 : END_STREAM, $stream, $body)
        if length $body;
    $self->_write($bytes);
    return $stream;
}

sub data {
    my ($self, $stream, $bytes, $last) = @_;
    $self->_write(_frame(DATA, $last ? END_STREAM : 0, $stream, $bytes));
    return;
}

sub reset {
    my ($self, @streams) = @_;
    $self->_write(join '', map { _frame(RST_STREAM, 0, $_, pack 'N', 8) }
                  @streams);
    return;
}

# {status, body, reset}; status 0 when there was none in time.
sub answer {
    my ($self, $stream, $seconds) = @_;
    my $end = time + ($seconds || 30 * patience());
    my $its = $self->{streams}{$stream} //= { status => 0, body => '' };
    until ($its->{ended}) {
        my $left = $end - time;
        last if $left <= 0 || $self->{gone};
        $self->_read($left);
    }
    return $its;
}

sub _read {
    my ($self, $seconds) = @_;
    IO::Select->new($self->{socket})->can_read($seconds) or return;
    sysread $self->{socket}, $self->{bytes}, 65536, length $self->{bytes}
        or $self->{gone} = 1;
    return $self->_frames;
}

sub ask {
    my ($self, @request) = @_;
    return $self->answer($self->send(@request));
}

# Waits until the server has taken all that was sent so far.
sub settle {
    my ($self) = @_;
    my $end = time + 40 * patience();
    my $mark = pack 'Q>', ++$self->{marks};
    $self->_write(_frame(PING, 0, 0, $mark));
    until ($self->{pong} && $self->{pong} eq $mark) {
        my $left = $end - time;
        return 0 if $left <= 0 || $self->{gone};
        $self->_read($left);
    }
    return 1;
}

sub close { return close $_[0]{socket} }

sub _frames {
    my ($self) = @_;
    while (length $self->{bytes} >= 9) {
        my ($high, $low, $type, $flags, $stream) =
            unpack 'CnCCN', $self->{bytes};
        my $size = $high << 16 | $low;
        last if length $self->{bytes} < 9 + $size;
        my $payload = substr $self->{bytes}, 9, $size;
        substr $self->{bytes}, 0, 9 + $size, '';
        if ($type == PING && $flags & ACK) {
            $self->{pong} = $payload;
            next;
        }
        if ($type == SETTINGS || $type == PING) {
            $self->_write(_frame($type, ACK, 0, $type == PING ? $payload : ''))
                unless $flags & ACK;
            next;
        }
        $self->{gone} = 1 if $type == GOAWAY;
        next unless $stream;
        my $its = $self->{streams}{$stream} //= { status => 0, body => '' };
        if ($type == HEADERS) {
            # a table size update may come first
            my ($first, $rest) = $payload =~ /^\x20?(.)(.*)/s;
            $its->{status} = $indexed{ ord($first) & 0x7f }
                // ($rest =~ /^\x03(\d{3})/ ? $1 : croak 'odd status');
        } elsif ($type == DATA) {
            $its->{body} .= $payload;
        } elsif ($type == RST_STREAM) {
            $its->{reset} = $its->{ended} = 1;
        }
        $its->{ended} = 1
            if ($type == HEADERS || $type == DATA) && $flags & END_STREAM;
    }
    return;
}

1;
