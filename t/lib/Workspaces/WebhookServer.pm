# A receiver of webhooks of the test's own, on a loopback port
# (webhook-server.py), and the requests that it got.
package Workspaces::WebhookServer;

use strict;
use warnings;

use Carp qw(croak);
use Digest::SHA qw(hmac_sha256_hex);
use File::Basename qw(dirname);
use JSON::PP qw(decode_json);

use Workspaces::Process qw(room free_port start_process stop_process
                           end_of_process is_running until_true patience);

my $count = 0;

# new(tls => names): encrypted, with a certificate for these ("DNS:a,DNS:b"),
# of an authority of its own; is not started
sub new {
    my ($class, %given) = @_;
    my $dir = room() . '/h' . ++$count;
    mkdir $_ or croak "$_: $!" for $dir, "$dir/new";
    my $self = bless {
        %given,
        dir   => $dir,
        port  => free_port(),
        modes => { connect => 'accept' },
    }, $class;
    $self->make_certificates if $given{tls};
    return $self->mode(connect => 'accept');
}

sub started {
    my ($class, %given) = @_;
    return $class->new(%given)->start;
}

sub make_certificates {
    my ($self) = @_;
    my @new = qw(openssl req -x509 -newkey ec -pkeyopt
                 ec_paramgen_curve:P-256 -noenc -days 2 -batch);
    $self->_run(@new, '-subj', '/CN=Authority of the test',
        '-keyout', "$self->{dir}/authority.key", '-out', $self->authority);
    $self->_run(@new, '-subj', '/CN=receiver',
        '-addext', "subjectAltName=$self->{tls}",
        '-addext', 'basicConstraints=CA:FALSE',
        '-CA', $self->authority, '-CAkey', "$self->{dir}/authority.key",
        '-keyout', $self->_key, '-out', $self->_certificate);
    return;
}

sub _run {
    my ($self, @command) = @_;
    my $status = end_of_process(start_process(log => "$self->{dir}/out",
                                              command => \@command));
    $status == 0 or croak 'openssl makes no certificate: '
        . _slurp("$self->{dir}/out");
    return;
}

sub authority    { return "$_[0]{dir}/authority.pem" }
sub _certificate { return "$_[0]{dir}/certificate.pem" }
sub _key         { return "$_[0]{dir}/key.pem" }
sub port         { return $_[0]{port} }

# What it does with requests for a path from now on: see webhook-server.py.
sub mode {
    my ($self, %modes) = @_;
    %{ $self->{modes} } = (%{ $self->{modes} }, %modes);
    my $name = "$self->{dir}/modes";
    open my $file, '>', "$name.new" or croak "$name: $!";
    print {$file} map { "$_ $self->{modes}{$_}\n" } keys %{ $self->{modes} };
    close $file or croak "$name: $!";
    rename "$name.new", $name or croak "$name: $!";
    return $self;
}

sub start {
    my ($self) = @_;
    unlink "$self->{dir}/seen";
    $self->{pid} = start_process(log => "$self->{dir}/out", command => [
        '/usr/bin/python3', dirname(__FILE__) . '/webhook-server.py',
        $self->{dir}, $self->{port},
        ($self->{tls} ? ($self->_certificate, $self->_key) : ())]);
    until_true(20 * patience(), sub {
        is_running($self->{pid})
            or croak 'the receiver ends: ' . _slurp("$self->{dir}/out");
        return $self->seen('ready');
    }) or croak 'the receiver does not start';
    return $self;
}

sub stop {
    my ($self) = @_;
    stop_process($self->{pid}, 'KILL');
    return $self;
}

# How often something was seen since the start.
sub seen {
    my ($self, $event) = @_;
    return scalar(() = _slurp("$self->{dir}/seen") =~ /^\Q$event\E$/mg);
}

sub has_seen {
    my ($self, $event, $times) = @_;
    return until_true(10 * patience(),
                      sub { $self->seen($event) >= ($times || 1) });
}

# All requests for a path, the oldest first: method, header (a hash, names in
# lower case), body, json.
sub requests {
    my ($self, $path) = @_;
    return grep { $_->{path} eq $path } map { _request(_slurp($_)) }
        grep { !/\.part\z/ } sort glob "$self->{dir}/new/*";
}

# Waits until there are so many, and gives the last of them back.
sub request {
    my ($self, $path, $times, $seconds) = @_;
    my @found;
    until_true(($seconds || 10) * patience(), sub {
        @found = $self->requests($path);
        return @found >= ($times || 1);
    }) or return;
    return $found[($times || 1) - 1];
}

sub _request {
    my ($raw) = @_;
    my ($method, $path, $head, $body) =
        $raw =~ m{\A(\S+) (\S+) HTTP/1\.1\r\n(.*?)\r\n\r\n(.*)\z}s
        or croak "no request: $raw";
    return {
        method => $method,
        path   => $path,
        header => { map { /^([^:]+):\s*(.*)$/ ? (lc $1 => $2) : () }
                    split /\r\n/, $head },
        body   => $body,
        json   => scalar eval { decode_json($body) },
    };
}

# Whether a request is signed with the secret, as every receiver checks it.
sub is_signed {
    my ($request, $secret) = @_;
    my $signature = $request->{header}{'x-webhook-signature'} // '';
    my ($t) = $signature =~ /(?:^|,)t=(\d+)(?:,|$)/ or return 0;
    my $v1 = hmac_sha256_hex("$t.$request->{body}", $secret);
    return abs(time - $t) < 300 && $signature =~ /(?:^|,)v1=\Q$v1\E(?:,|$)/;
}

sub _slurp {
    my ($name) = @_;
    open my $file, '<', $name or return '';
    binmode $file;
    local $/;
    return scalar <$file> // '';
}

1;
