# An SMTP server of the test's own, on a loopback port (smtp-server.py), and
# the mails that it got.
package Workspaces::SmtpServer;

use strict;
use warnings;

use Carp qw(croak);
use File::Basename qw(dirname);
use MIME::Base64 qw(decode_base64);

use Workspaces::Process qw(room free_port start_process stop_process
                           end_of_process is_running until_true patience);

my $count = 0;

# new(tls => 1: encrypted and with a password); is not started
sub new {
    my ($class, %given) = @_;
    my $dir = room() . '/m' . ++$count;
    mkdir $_ or croak "$_: $!" for $dir, "$dir/new";
    my $self = bless { %given, dir => $dir, port => free_port() }, $class;
    $self->make_certificate if $given{tls};
    return $self->mode('accept');
}

sub started {
    my ($class, %given) = @_;
    return $class->new(%given)->start;
}

sub make_certificate {
    my ($self) = @_;
    my $status = end_of_process(start_process(log => "$self->{dir}/out",
        command => [qw(openssl req -x509 -newkey rsa:2048 -noenc -days 2
                       -batch -subj /CN=localhost -addext),
                    'subjectAltName=DNS:localhost', '-keyout', $self->key,
                    '-out', $self->certificate]));
    $status == 0 or croak 'openssl makes no certificate';
    return;
}

sub certificate { return "$_[0]{dir}/certificate.pem" }
sub key         { return "$_[0]{dir}/key.pem" }
sub port        { return $_[0]{port} }

# What it does from now on: see smtp-server.py.
sub mode {
    my ($self, $mode) = @_;
    my $name = "$self->{dir}/mode";
    open my $file, '>', "$name.new" or croak "$name: $!";
    print {$file} "$mode\n";
    close $file or croak "$name: $!";
    rename "$name.new", $name or croak "$name: $!";
    return $self;
}

sub start {
    my ($self) = @_;
    unlink "$self->{dir}/seen";
    $self->{pid} = start_process(log => "$self->{dir}/out", command => [
        '/usr/bin/python3', dirname(__FILE__) . '/smtp-server.py', $self->{dir},
        $self->{port},
        ($self->{tls} ? ($self->certificate, $self->key) : ())]);
    until_true(20 * patience(), sub {
        is_running($self->{pid})
            or croak 'the SMTP server ends: ' . _slurp("$self->{dir}/out");
        return $self->seen('ready');
    }) or croak 'the SMTP server does not start';
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

# All mails that were accepted, the oldest first: from, to, header (a hash of
# unfolded fields), text and html as bytes, raw.
sub mails {
    my ($self) = @_;
    return map { _mail(_slurp($_)) } grep { !/\.part\z/ }
        sort glob "$self->{dir}/new/*";
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

sub _slurp {
    my ($name) = @_;
    open my $file, '<', $name or return '';
    binmode $file;
    local $/;
    return scalar <$file> // '';
}

1;
