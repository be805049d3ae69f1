# A server of the test's own, on a loopback port: a script in Python beside
# this file.  It gets a directory, in which it finds what it is told to do, and
# writes down what it saw and took.
package Workspaces::PythonServer;

use strict;
use warnings;

use Carp qw(croak);
use File::Basename qw(dirname);

use Workspaces::Process qw(room free_port start_process stop_process
                           end_of_process is_running until_true patience);

my $count = 0;

# made(script => its name, more of the object's own); is not started
sub made {
    my ($class, %given) = @_;
    my $dir = room() . '/p' . ++$count;
    mkdir $_ or croak "$_: $!" for $dir, "$dir/new";
    return bless { %given, dir => $dir, port => free_port() }, $class;
}

sub started {
    my ($class, %given) = @_;
    return $class->new(%given)->start;
}

sub start {
    my ($self) = @_;
    unlink "$self->{dir}/seen";
    $self->{pid} = start_process(log => "$self->{dir}/out", command => [
        '/usr/bin/python3', dirname(__FILE__) . "/$self->{script}",
        $self->{dir}, $self->{port},
        ($self->{tls} ? ($self->certificate, $self->key) : ())]);
    until_true(20 * patience(), sub {
        is_running($self->{pid})
            or croak "$self->{script} ends: " . _slurp("$self->{dir}/out");
        return $self->seen('ready');
    }) or croak "$self->{script} does not start";
    return $self;
}

sub stop {
    my ($self) = @_;
    stop_process($self->{pid}, 'KILL');
    return $self;
}

sub port { return $_[0]{port} }

# A file for it to read, all of it or none.
sub tell {
    my ($self, $name, @lines) = @_;
    $name = "$self->{dir}/$name";
    open my $file, '>', "$name.new" or croak "$name: $!";
    print {$file} map { "$_\n" } @lines;
    close $file or croak "$name: $!";
    rename "$name.new", $name or croak "$name: $!";
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

# What it has taken, the oldest first: the text of each.
sub taken {
    my ($self) = @_;
    return map { _slurp($_) } grep { !/\.part\z/ }
        sort glob "$self->{dir}/new/*";
}

# A certificate and its key, by openssl req with these arguments.
sub make_certificate {
    my ($self, @arguments) = @_;
    my $log = "$self->{dir}/out";
    my $status = end_of_process(start_process(log => $log, command => [
        qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256
           -noenc -days 2 -batch), @arguments]));
    $status == 0 or croak 'openssl makes no certificate: ' . _slurp($log);
    return;
}

sub certificate { return "$_[0]{dir}/certificate.pem" }
sub key         { return "$_[0]{dir}/key.pem" }

sub _slurp {
    my ($name) = @_;
    open my $file, '<', $name or return '';
    binmode $file;
    local $/;
    return scalar <$file> // '';
}

1;
