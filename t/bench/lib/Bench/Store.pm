package Bench::Store;

# Store: a connection to the Redis of a room, and what it says of its work.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Socket::UNIX;

use Workspaces::Resp qw(resp_command resp_end resp_value);

sub new {
    my ($class, $socket) = @_;

    my $connection = IO::Socket::UNIX->new(Peer => $socket)
        // die "Redis at $socket: $!\n";
    return bless { connection => $connection }, $class;
}

sub ask {
    my ($self, @words) = @_;

    print { $self->{connection} } resp_command(@words);
    my ($bytes, $end) = ('');
    until (length $bytes && defined($end = resp_end(\$bytes, 0))) {
        sysread $self->{connection}, $bytes, 1 << 20, length $bytes
            or die "Redis has gone at $words[0]\n";
    }
    my $at    = 0;
    my $value = resp_value(\$bytes, \$at);
    die "Redis: $words[0]: $$value\n" if ref $value eq 'SCALAR';
    return $value;
}

# A script of scale/.
sub script {
    my ($self, $name, @arguments) = @_;

    $self->{sha}{$name} //= do {
        open my $in, '<', "$FindBin::Bin/scale/$name.redis.lua"
            or die "$name.redis.lua: $!\n";
        local $/;
        $self->ask('SCRIPT', 'LOAD', scalar <$in>);
    };
    return $self->ask('EVALSHA', $self->{sha}{$name}, 0, @arguments);
}

# What begins the keys of a tenant whose name needs no escaping.
sub prefix {
    my ($self, $tenant) = @_;

    $self->{partitions} //= $self->ask('GET', 'wsp:partitions')
        // die "no gateway was connected to this Redis\n";
    my $crc = 0xffffffff;
    for my $byte (unpack 'C*', $tenant) {
        $crc ^= $byte;
        $crc = ($crc >> 1) ^ ($crc & 1 ? 0xedb88320 : 0) for 1 .. 8;
    }
    my $partition = ($crc ^ 0xffffffff) % $self->{partitions};
    return "wsp:{$partition}:$tenant:";
}

# How many commands there were, and the microseconds of CPU that they took;
# asking is a command, too.
sub work {
    my ($self) = @_;

    my $info = $self->ask('INFO', 'everything');
    my %value = $info =~ /^(\w+):([0-9.]+)\r$/mg;
    return {
        commands => $value{total_commands_processed},
        cpu_us   => 1e6 * ($value{used_cpu_user_main_thread}
                + $value{used_cpu_sys_main_thread}),
    };
}

sub memory {
    my ($self) = @_;

    my ($bytes) = $self->ask('INFO', 'memory') =~ /^used_memory:(\d+)/m;
    return $bytes;
}

# What took long, from now on.
sub watch_slow {
    my ($self) = @_;

    $self->ask('CONFIG', 'SET', 'slowlog-max-len', 100_000);
    $self->ask('CONFIG', 'SET', 'slowlog-log-slower-than', 200);
    $self->ask('SLOWLOG', 'RESET');
    return;
}

# The microseconds of the longest command since watch_slow; 0: none was longer
# than 200.
sub slowest {
    my ($self) = @_;

    my $longest = 0;
    for my $entry (@{ $self->ask('SLOWLOG', 'GET', 100_000) }) {
        my (undef, undef, $us, $words) = @$entry;
        next if $words->[0] =~ /^(?:INFO|SLOWLOG|CONFIG)$/i;
        $longest = $us if $us > $longest;
    }
    return $longest;
}

1;
