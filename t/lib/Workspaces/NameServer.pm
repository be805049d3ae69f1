# A name server of the test's own, on a loopback port (name-server.py).
package Workspaces::NameServer;

use strict;
use warnings;

use Carp qw(croak);
use File::Basename qw(dirname);

use Workspaces::Process qw(room free_port start_process stop_process
                           is_running until_true patience);

my $count = 0;

# started(name => answers, ...): see name-server.py
sub started {
    my ($class, %names) = @_;
    my $dir = room() . '/d' . ++$count;
    mkdir $dir or croak "$dir: $!";
    my $self = bless { dir => $dir, port => free_port(), names => {} }, $class;
    $self->names(%names);
    $self->{pid} = start_process(log => "$dir/out", command => [
        '/usr/bin/python3', dirname(__FILE__) . '/name-server.py', $dir,
        $self->{port}]);
    until_true(20 * patience(), sub {
        is_running($self->{pid})
            or croak 'the name server ends: ' . _slurp("$dir/out");
        return $self->seen('ready');
    }) or croak 'the name server does not start';
    return $self;
}

# More names, or other answers.
sub names {
    my ($self, %names) = @_;
    %{ $self->{names} } = (%{ $self->{names} }, %names);
    my $name = "$self->{dir}/names";
    open my $file, '>', "$name.new" or croak "$name: $!";
    print {$file} map { "$_ $self->{names}{$_}\n" } keys %{ $self->{names} };
    close $file or croak "$name: $!";
    rename "$name.new", $name or croak "$name: $!";
    return $self;
}

# As nginx's directive takes it.
sub address { return "127.0.0.1:$_[0]{port}" }

sub stop {
    my ($self) = @_;
    stop_process($self->{pid}, 'KILL');
    return $self;
}

# How often an address of the name was asked for.
sub asked { return $_[0]->seen("1 $_[1]") }

sub seen {
    my ($self, $event) = @_;
    return scalar(() = _slurp("$self->{dir}/seen") =~ /^\Q$event\E$/mg);
}

sub _slurp {
    my ($name) = @_;
    open my $file, '<', $name or return '';
    local $/;
    return scalar <$file> // '';
}

1;
