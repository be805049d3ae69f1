# An SMTP server of the test's own, on a loopback port (smtp-server.py), and
# the mails that it got.
package Workspaces::SmtpServer;

use strict;
use warnings;

use parent 'Workspaces::PythonServer';

use Carp qw(croak);
use MIME::Base64 qw(decode_base64);

use Workspaces::Process qw(until_true patience);

# new(tls => 1: encrypted and with a password); is not started
sub new {
    my ($class, %given) = @_;
    my $self = $class->made(%given, script => 'smtp-server.py');
    $self->make_certificate(qw(-subj /CN=localhost
                               -addext subjectAltName=DNS:localhost),
                            '-keyout', $self->key, '-out', $self->certificate)
        if $given{tls};
    return $self->mode('accept');
}

# What it does from now on: see smtp-server.py.
sub mode {
    my ($self, $mode) = @_;
    return $self->tell(mode => $mode);
}

# All mails that were accepted, the oldest first: from, to, header (a hash of
# unfolded fields), text and html as bytes, raw.
sub mails {
    my ($self) = @_;
    return map { _mail($_) } $self->taken;
}

sub mails_to {
    my ($self, $address) = @_;
    return grep { $_->{to} eq $address } $self->mails;
}

# Waits for a mail to the address, and gives it back.
sub mail_to {
    my ($self, $address, $seconds) = @_;
    my @found;
    until_true(($seconds || 10) * patience(),
               sub { @found = $self->mails_to($address) });
    return $found[0];
}

sub _mail {
    my ($file) = @_;
    my ($from, $to, $raw) = $file =~ /\A(.*)\n(.*)\n\n(.*)\z/s
        or croak 'no mail';
    my ($head, $body) = $raw =~ /\A(.*?)\r\n\r\n(.*)\z/s;
    my %mail = (from => $from, to => $to, raw => $raw,
                header => _header($head));
    my ($boundary) = ($mail{header}{'content-type'} // '')
        =~ m{^multipart/alternative; boundary="([^"]+)"$};
    return \%mail if !defined $boundary;
    my (undef, @parts) = split /(?:\A|\r\n)--\Q$boundary\E(?:--)?\r\n/, $body;
    for my $part (@parts) {
        my ($fields, $content) = $part =~ /\A(.*?)\r\n\r\n(.*)\z/s or next;
        my $header = _header($fields);
        my ($type) = $header->{'content-type'} =~ m{^text/(\w+); charset=utf-8$};
        $mail{ $type eq 'plain' ? 'text' : $type } = decode_base64($content)
            if $header->{'content-transfer-encoding'} eq 'base64';
    }
    return \%mail;
}

sub _header {
    my ($head) = @_;
    $head =~ s/\r\n[ \t]+/ /g;
    return { map { /^([^:]+): (.*)$/s ? (lc $1 => $2) : () }
             split /\r\n/, $head };
}

1;
