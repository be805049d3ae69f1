# A name server of the test's own, on a loopback port (name-server.py).
package Workspaces::NameServer;

use strict;
use warnings;

use parent 'Workspaces::PythonServer';

# started(name => answers, ...): see name-server.py
sub started {
    my ($class, %names) = @_;
    my $self = $class->made(script => 'name-server.py', names => {});
    return $self->names(%names)->start;
}

# More names, or other answers.
sub names {
    my ($self, %names) = @_;
    %{ $self->{names} } = (%{ $self->{names} }, %names);
    return $self->tell(names => map { "$_ $self->{names}{$_}" }
                                keys %{ $self->{names} });
}

# As nginx's directive takes it.
sub address { return "127.0.0.1:$_[0]{port}" }

# How often an address of the name was asked for.
sub asked { return $_[0]->seen("1 $_[1]") }

1;
