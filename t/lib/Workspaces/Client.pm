# A client of the gateway: one connection, requests in HTTP/1.1.  Sending and
# waiting are apart, so that many requests can be under way.
package Workspaces::Client;

use strict;
use warnings;

use Carp qw(croak);
use Errno;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

use Workspaces::Process qw(patience);

my $json = JSON->new->utf8->canonical->allow_nonref;
my $ascii = JSON->new->ascii;
my $kept = 0;       # answers, by this process

# new(unix => path) or new(port => number); config is nginx's, for the answers
# that are kept (TEST_NGINX_ANSWERS)
sub new {
    my ($class, %to) = @_;
    my $socket;
    for (1 .. 10) {
        $socket = $to{port}
            ? IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                    PeerPort => $to{port})
            : IO::Socket::UNIX->new(Peer => $to{unix});
        # a signal of a child of the test is no fault of the server
        last if $socket || !$!{EINTR};
    }
    return bless { socket => $socket, bytes => '', config => $to{config},
                   why => $socket ? '' : "connect: $!" }, $class;
}

# What goes over the wire: the path is below `base` (/api/workspaces); tenant,
# user and admin are the identity; the body is json (a value) or body (bytes).
sub request_text {
    my ($method, $path, %given) = @_;
    my %headers = (Host => 'gateway', %{ $given{headers} || {} });
    $headers{'X-Tenant'} = $given{tenant} if defined $given{tenant};
    $headers{'X-User'}   = $given{user}   if defined $given{user};
    $headers{'X-Admin'}  = 1              if $given{admin};
    my $body = exists $given{json} ? $json->encode($given{json})
                                   : $given{body};
    if (defined $body) {
        $headers{'Content-Type'} //= 'application/json';
        $headers{'Content-Length'} //= length $body
            unless $headers{'Transfer-Encoding'};
    }
    my $base = $given{base} // '/api/workspaces';
    return "$method $base$path HTTP/1.1\r\n"
        . join('', map { "$_: $headers{$_}\r\n" } sort keys %headers)
        . "\r\n" . ($body // '');
}

sub send {
    my ($self, @request) = @_;
    return $self->write(request_text(@request));
}

sub write {
    my ($self, $bytes) = @_;
    return $self unless $self->{socket};
    $self->{sent} = time;
    my $at = 0;
    while ($at < length $bytes) {
        my $n = syswrite $self->{socket}, $bytes, 65536, $at;
        # the answer may be there already: it is still read
        last unless $n;
        $at += $n;
    }
    return $self;
}

# {status, headers, body, seconds}; status 0 and a `why` when none came.
sub answer {
    my ($self, $seconds) = @_;
    my $end = time + ($seconds || 30 * patience());
    return _none($self->{why}) unless $self->{socket};
    while () {
        my $got = $self->_complete;
        if ($got) {
            $got->{seconds} = time - ($self->{sent} // time);
            return $got;
        }
        my $left = $end - time;
        return _none('timeout') if $left <= 0;
        IO::Select->new($self->{socket})->can_read($left) or next;
        my $n = sysread $self->{socket}, $self->{bytes}, 65536,
                        length $self->{bytes};
        next if !defined $n && $!{EINTR};
        return _none('closed') unless $n;
    }
}

sub ask {
    my ($self, @request) = @_;
    my $text = request_text(@request);
    my $got = $self->write($text)->answer;
    $self->_keep($text, $got) if $ENV{TEST_NGINX_ANSWERS} && $got->{status};
    return $got;
}

# A line for the check against the OpenAPI documents, as the suites of
# Test::Nginx keep them.  Under load more would say no more.
sub _keep {
    my ($self, $request, $got) = @_;
    return if !defined $self->{config} || ++$kept > 500;
    open my $file, '>>', $ENV{TEST_NGINX_ANSWERS} or croak "answers: $!";
    # in one piece, for other processes write there too
    syswrite $file, $ascii->encode({
        block   => $0,
        config  => $self->{config},
        request => $request,
        status  => $got->{status} + 0,
        headers => { map { $_ => [$got->{headers}{$_}] }
                     keys %{ $got->{headers} } },
        body    => $got->{body},
    }) . "\n";
    CORE::close $file;
    return;
}

sub _none {
    my ($why) = @_;
    return { status => 0, why => $why, headers => {}, body => '',
             seconds => 0 };
}

# Takes an answer off the bytes that have come, if there is all of it.
sub _complete {
    my ($self) = @_;
    my $head = index $self->{bytes}, "\r\n\r\n";
    return if $head < 0;
    my ($status_line, @lines) =
        split /\r\n/, substr $self->{bytes}, 0, $head;
    $status_line =~ m{^HTTP/1\.1 (\d{3})} or croak "odd answer: $status_line";
    my $status = $1;
    my %headers;
    for (@lines) {
        my ($name, $value) = /^([^:]+):\s*(.*)$/ or croak "odd header: $_";
        $headers{ lc $name } = $value;
    }
    my $from = $head + 4;
    my $length = $headers{'content-length'};
    my ($body, $end);
    if ($status == 100 || $status == 304 || $status == 204) {
        ($body, $end) = ('', $from);
    } elsif (defined $length) {
        return if length $self->{bytes} < $from + $length;
        ($body, $end) = (substr($self->{bytes}, $from, $length),
                         $from + $length);
    } else {
        ($body, $end) = $self->_chunked($from);
        return unless defined $end;
    }
    substr $self->{bytes}, 0, $end, '';
    return $self->_complete if $status == 100;
    return bless { status => $status, headers => \%headers, body => $body },
                 'Workspaces::Client::Answer';
}

sub _chunked {
    my ($self, $at) = @_;
    my $body = '';
    while () {
        pos($self->{bytes}) = $at;
        $self->{bytes} =~ /\G([0-9a-fA-F]+)\r\n/g or return;
        my $size = hex $1;
        $at = pos $self->{bytes};
        return if length $self->{bytes} < $at + $size + 2;
        return ($body, $at + 2) unless $size;
        $body .= substr $self->{bytes}, $at, $size;
        $at += $size + 2;
    }
}

sub close {
    my ($self) = @_;
    close $self->{socket} if $self->{socket};
    $self->{socket} = undef;
    $self->{why} = 'closed by the test';
    return;
}

# Without a good bye: RST where there is such a thing.
sub abort {
    my ($self) = @_;
    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack 'll', 1, 0
        if $self->{socket} && $self->{socket}->isa('IO::Socket::INET');
    return $self->close;
}

package Workspaces::Client::Answer;

sub json { return $json->decode($_[0]{body}) }

1;
