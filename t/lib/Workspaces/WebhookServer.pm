# A receiver of webhooks of the test's own, on a loopback port
# (webhook-server.py), and the requests that it got.
package Workspaces::WebhookServer;

use strict;
use warnings;

use parent 'Workspaces::PythonServer';

use Carp qw(croak);
use Digest::SHA qw(hmac_sha256_hex);
use JSON::PP qw(decode_json);

use Workspaces::Process qw(until_true patience);

# new(tls => names): encrypted, with a certificate for these ("DNS:a,DNS:b"),
# of an authority of its own; is not started
sub new {
    my ($class, %given) = @_;
    my $self = $class->made(%given, script => 'webhook-server.py',
                            modes => {});
    $self->make_certificates if $given{tls};
    return $self->mode(connect => 'accept');
}

sub make_certificates {
    my ($self) = @_;
    $self->make_certificate('-subj', '/CN=Authority of the test',
        '-keyout', "$self->{dir}/authority.key", '-out', $self->authority);
    $self->make_certificate('-subj', '/CN=receiver',
        '-addext', "subjectAltName=$self->{tls}",
        '-addext', 'basicConstraints=CA:FALSE',
        '-CA', $self->authority, '-CAkey', "$self->{dir}/authority.key",
        '-keyout', $self->key, '-out', $self->certificate);
    return;
}

sub authority { return "$_[0]{dir}/authority.pem" }

# What it does with requests for a path from now on: see webhook-server.py.
sub mode {
    my ($self, %modes) = @_;
    %{ $self->{modes} } = (%{ $self->{modes} }, %modes);
    return $self->tell(modes => map { "$_ $self->{modes}{$_}" }
                                keys %{ $self->{modes} });
}

# All requests for a path, the oldest first: method, header (a hash, names in
# lower case), body, json.
sub requests {
    my ($self, $path) = @_;
    return grep { $_->{path} eq $path } map { _request($_) } $self->taken;
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

1;
