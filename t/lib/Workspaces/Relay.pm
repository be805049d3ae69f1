# Stands between the gateway and Redis, on a unix socket, and passes bytes on.
# It tells the links by which a worker hears what has changed (their name,
# which they say first, ends in -tracking) from those that carry data.
#
# Its state is set while it runs:
#   frozen   nothing goes over the tracking links, in either direction
#   delay    seconds that what Redis says on them is late
#   behind   the same for the links that carry data
package Workspaces::Relay;

use strict;
use warnings;

use Carp qw(croak);
use IO::Handle;
use IO::Select;
use IO::Socket::UNIX;
use JSON ();
use List::Util qw(min);
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);
use Time::HiRes qw(time);

use Workspaces::Process qw(room run_child stop_process);

my $count = 0;

# started(redis => server)
sub started {
    my ($class, %given) = @_;
    my $path = room() . '/y' . ++$count;
    my $listening = IO::Socket::UNIX->new(Local => $path, Listen => 128)
        or croak "$path: $!";
    socketpair my $mine, my $its, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or croak "socketpair: $!";
    $_->autoflush(1) for $mine, $its;
    my $target = $given{redis}->socket;
    my $pid = run_child('relay', sub {
        close $mine;
        _serve($listening, $its, $target);
    });
    close $its;
    return bless { pid => $pid, path => $path, control => $mine }, $class;
}

sub url { return "unix:$_[0]{path}" }

# Sets values, and answers the state: `tracking` is how many such links there
# are.
sub set {
    my ($self, %values) = @_;
    print { $self->{control} } JSON::encode_json(\%values), "\n";
    my $line = readline $self->{control};
    croak 'the relay is gone' unless defined $line;
    return JSON::decode_json($line);
}

sub stop { return stop_process($_[0]{pid}, 'KILL') }

# -- in the child: a pair is {client, redis, first, tracking, late}

sub _serve {
    my ($listening, $control, $target) = @_;
    my %state = (frozen => 0, delay => 0, behind => 0);
    my @pairs;
    while () {
        my @on = grep { !($_->{tracking} && $state{frozen}) } @pairs;
        my %pair_of = map { ($_->{client} => $_, $_->{redis} => $_) } @on;
        my @due = map { $_->{late}[0][0] } grep { @{ $_->{late} } } @on;
        my $wait = @due ? min(@due) - time : 5;
        my @ready = IO::Select->new($listening, $control,
            map { @{$_}{qw(client redis)} } @on)->can_read($wait > 0 ? $wait
                                                                     : 0);
        for my $socket (@ready) {
            if ($socket == $control) {
                my $line = readline $control;
                return unless defined $line;
                %state = (%state, %{ JSON::decode_json($line) });
                $state{tracking} = grep { $_->{tracking} } @pairs;
                print {$control} JSON::encode_json(\%state), "\n";
            } elsif ($socket == $listening) {
                my $client = $listening->accept or next;
                my $redis = IO::Socket::UNIX->new(Peer => $target) or next;
                push @pairs, { client => $client, redis => $redis,
                               first => '', late => [] };
            } else {
                my $pair = $pair_of{$socket};
                my $late = $state{ $pair->{tracking} ? 'delay' : 'behind' };
                _pass($pair, $socket, $late)
                    or $pair->{over} = 1;
            }
        }
        for my $pair (grep { !($_->{tracking} && $state{frozen}) } @pairs) {
            while (@{ $pair->{late} } && $pair->{late}[0][0] <= time) {
                _write($pair->{client}, (shift @{ $pair->{late} })->[1])
                    or $pair->{over} = 1;
            }
        }
        for my $pair (grep { $_->{over} } @pairs) {
            close $_ for @{$pair}{qw(client redis)};
        }
        @pairs = grep { !$_->{over} } @pairs;
    }
}

sub _pass {
    my ($pair, $from, $delay) = @_;
    sysread $from, my $bytes, 1 << 16 or return 0;
    if ($from == $pair->{client}) {
        if (length $pair->{first} < 200) {
            $pair->{first} .= $bytes;
            $pair->{tracking} = 1 if $pair->{first} =~ /-tracking\r\n/;
        }
        return _write($pair->{redis}, $bytes);
    }
    if ($delay || @{ $pair->{late} }) {
        push @{ $pair->{late} }, [time + $delay, $bytes];
        return 1;
    }
    return _write($pair->{client}, $bytes);
}

sub _write {
    my ($to, $bytes) = @_;
    my $at = 0;
    while ($at < length $bytes) {
        $at += syswrite($to, $bytes, 1 << 16, $at) // return 0;
    }
    return 1;
}

1;
