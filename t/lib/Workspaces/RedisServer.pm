# A redis-server of the test's own, on a unix socket or on a loopback port,
# and a client that asks it.
package Workspaces::RedisServer;

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

use Workspaces::Process qw(room free_port start_process stop_process
                           is_running until_true patience);
use Workspaces::Resp qw(resp_command resp_end resp_value);

my $count = 0;

# new(tcp => 1, append => 1, options => [redis options]); is not started
sub new {
    my ($class, %given) = @_;
    my $name = 'r' . ++$count;
    my $dir = room() . "/$name";
    mkdir $dir or croak "$dir: $!";
    my $self = bless {
        dir     => $dir,
        log     => "$dir/log",
        socket  => "$dir/s",
        port    => $given{tcp} ? free_port() : 0,
        options => $given{options} || [],
        append  => $given{append} ? 'yes' : 'no',
    }, $class;
    return $self;
}

sub started {
    my ($class, %given) = @_;
    return $class->new(%given)->start;
}

# More options may be given for this run only.
sub start {
    my ($self, @more) = @_;
    $self->begin(@more);
    until_true(10 * patience(), sub {
        is_running($self->{pid}) or croak "redis-server ends: see $self->{log}";
        my $connection = $self->_connect or return;
        my $pong = eval { _ask($connection, 'PING') };
        return defined $pong && (ref $pong ? $$pong !~ /^LOADING/ : 1);
    }) or croak 'redis-server does not answer';
    return $self;
}

# The same, without waiting until it is ready.
sub begin {
    my ($self, @more) = @_;
    unlink $self->{socket};
    $self->{connection} = undef;
    $self->_mend;
    $self->{pid} = start_process(log => $self->{log}, command => [
        'redis-server', '--bind', '127.0.0.1', '--port', $self->{port},
        '--unixsocket', $self->{socket}, '--unixsocketperm', '777',
        '--dir', $self->{dir}, '--pidfile', "$self->{dir}/redis.pid",
        '--save', '', '--appendonly', $self->{append},
        '--appendfsync', 'always', '--maxmemory-policy', 'noeviction',
        @{ $self->{options} }, @more]);
    return $self;
}

# Redis 7.0, when it was killed while it wrote a transaction, leaves its
# beginning in the file, and takes it for a part of the next one when it is
# started again after that.
sub _mend {
    my ($self) = @_;
    my ($manifest) = glob "$self->{dir}/appendonlydir/*.manifest";
    return if !$manifest;
    system 'sh', '-c',
        'echo y | redis-check-aof --fix "$1" > /dev/null 2>&1', 'sh',
        $manifest;
    return;
}

sub pid    { return $_[0]{pid} }
sub socket { return $_[0]{socket} }
sub port   { return $_[0]{port} }

# What workspaces_redis takes.
sub url {
    my ($self) = @_;
    return $self->{port} ? "redis://127.0.0.1:$self->{port}"
                         : "unix:$self->{socket}";
}

sub signal {
    my ($self, $signal) = @_;
    kill $signal, $self->{pid} or croak "kill: $!";
    return $self;
}

sub freeze { return $_[0]->signal('STOP') }
sub thaw   { return $_[0]->signal('CONT') }

sub stop {
    my ($self, $signal) = @_;
    stop_process($self->{pid}, $signal || 'TERM');
    return $self;
}

sub _connect {
    my ($self) = @_;
    return IO::Socket::UNIX->new(Peer => $self->{socket});
}

sub _ask {
    my ($connection, @words) = @_;
    print {$connection} resp_command(@words);
    my $bytes = '';
    my $end = time + 10 * patience();
    while () {
        my $to = length $bytes ? resp_end(\$bytes, 0) : undef;
        if (defined $to) {
            my $at = 0;
            return resp_value(\$bytes, \$at);
        }
        IO::Select->new($connection)->can_read($end - time)
            or croak "Redis does not answer @words";
        sysread $connection, $bytes, 65536, length $bytes
            or croak "Redis hung up on @words";
    }
}

# The answer to a command; an error ends the test.
sub ask {
    my ($self, @words) = @_;
    my $got = $self->try(@words);
    croak "Redis: @words: $$got" if ref $got eq 'SCALAR';
    return $got;
}

# The same, but an error is a reference to its text.
sub try {
    my ($self, @words) = @_;
    $self->{connection} //= $self->_connect // croak "no Redis: $!";
    my $got = eval { _ask($self->{connection}, @words) };
    if ($@) {
        $self->{connection} = undef;
        die $@;
    }
    return $got;
}

# Waits until there have been so many changes since the start.
sub has_changed {
    my ($self, $times, $seconds) = @_;
    return until_true(($seconds // 15) * patience(), sub {
        return ($self->calls->{evalsha} // 0) >= $times;
    });
}

# How often each command was called, {name => calls}.
sub calls {
    my ($self) = @_;
    my %calls;
    for (split /\r\n/, $self->ask('INFO', 'commandstats')) {
        $calls{$1} = $2 if /^cmdstat_([^:]+):calls=(\d+)/;
    }
    return \%calls;
}

1;
