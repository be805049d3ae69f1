# Clients in processes of their own, and what they have seen.
package Workspaces::Load;

use strict;
use warnings;

use Carp qw(croak);
use JSON ();
use Time::HiRes qw(time);

use Workspaces::Process qw(room run_child stop_process is_running until_true
                           patience);

my $json = JSON->new->utf8->canonical;
my $count = 0;

# start(clients => N, seconds => S, run => code): each client calls
# run(number, note, on) once: `note` takes a hash to be remembered, `on` tells
# whether to go on.
sub start {
    my ($class, %given) = @_;
    my $self = bless { files => [], pids => [] }, $class;
    for my $number (0 .. $given{clients} - 1) {
        my $name = room() . '/load' . ++$count;
        push @{ $self->{files} }, $name;
        push @{ $self->{pids} }, run_child("client $number", sub {
            my $end = time + $given{seconds};
            my $stop = 0;
            $SIG{TERM} = sub { $stop = 1 };
            srand $number + 1;
            open my $file, '>', $name or die "$name: $!";
            $given{run}->($number,
                sub { print {$file} $json->encode($_[0]), "\n" },
                sub { !$stop && time < $end });
            close $file or die "$name: $!";
        });
    }
    return $self;
}

# Ends them (at once, or when their time is over): all that they noted.
sub stop { return $_[0]->_collect('TERM') }
sub wait { return $_[0]->_collect }

sub _collect {
    my ($self, $signal) = @_;
    for my $pid (@{ $self->{pids} }) {
        kill $signal, $pid if $signal && is_running($pid);
    }
    until_true(60 * patience(), sub {
        !grep { is_running($_) } @{ $self->{pids} };
    }) or croak 'a client does not end';
    my @notes;
    for my $name (@{ $self->{files} }) {
        open my $file, '<', $name or croak "$name: $!";
        push @notes, map { $json->decode($_) } <$file>;
    }
    return @notes;
}

1;
