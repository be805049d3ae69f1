package Bench::Room;

# Room: a private place to measure in, and the processes started there.
#
# One temporary directory, loopback ports that the kernel chose, unix sockets
# inside the directory.  Every process is a direct child of ours and is ended
# by its own pid, also after a failure or ^C.  Nothing of the machine's own
# nginx or Redis is read or touched.
#
# Placement, the same for all peers: the server under test alone on the first
# CPU; Redis on the second; wrk on the third, a backend on the fourth, a service
# that the server asks on the fifth.  Where there are fewer, wrk goes beside
# Redis, the backend beside wrk, and the service beside Redis: whoever is not
# the server stays away from the server's.

use strict;
use warnings;

use Cwd ();
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep time);

sub new {
    my ($class) = @_;

    my @cpus = allowed_cpus();
    my $load = $cpus[2] // $cpus[1] // $cpus[0];
    my $self = bless {
        dir      => File::Temp::tempdir('wsp-bench-XXXXXX', TMPDIR => 1),
        children => [],
        owner    => $$,
        cpus     => \@cpus,
        cpu      => {
            server  => $cpus[0],
            redis   => $cpus[1] // $cpus[0],
            load    => $load,
            backend => $cpus[3] // $load,
            service => $cpus[4] // $cpus[1] // $cpus[0],
        },
    }, $class;

    return $self;
}

sub dir       { return $_[0]{dir} }
sub cpu       { return $_[0]{cpu}{$_[1]} }
sub placement { return { %{ $_[0]{cpu} } } }

# Moves this process itself to the CPU of `place`, until tear_down.
sub move_to {
    my ($self, $place) = @_;

    set_cpus($self->{cpu}{$place});
    $self->{moved} = 1;
    return;
}

sub set_cpus {
    my (@cpus) = @_;

    system("taskset -cp @{[join ',', @cpus]} $$ >/dev/null") == 0
        or die "taskset cannot move the benchmark to CPU @cpus\n";
    return;
}

# Starts a program on the CPU of `place`, with stdout and stderr in
# <name>.out; returns its pid.
sub spawn {
    my ($self, $place, $name, @command) = @_;

    my $log = "$self->{dir}/$name.out";
    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN,  '<',  '/dev/null' or POSIX::_exit(126);
        open STDOUT, '>>', $log        or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT    or POSIX::_exit(126);
        if (defined $place) {
            unshift @command, 'taskset', '-c', $self->{cpu}{$place};
        }
        exec { $command[0] } @command or POSIX::_exit(127);
    }

    push @{ $self->{children} }, { pid => $pid, name => $name };
    return $pid;
}

# Ends one child: `signal`, and KILL when it is still there after `patience`
# seconds.  The signal is repeated, since one that comes just before nginx
# goes to sleep is noticed only when it wakes up; under valgrind that is likely.
sub end {
    my ($self, $pid, $signal, $patience) = @_;

    $self->{children} = [grep { $_->{pid} != $pid } @{ $self->{children} }];

    my $until = time + ($patience // 3);
    my $again = 0;
    while (waitpid($pid, POSIX::WNOHANG()) == 0) {
        if (time > $until) {
            kill 'KILL', $pid;
            waitpid $pid, 0;
            return;
        }
        if (time > $again) {
            kill $signal // 'TERM', $pid;
            $again = time + 0.5;
        }
        sleep 0.01;
    }
    return;
}

sub tear_down {
    my ($self) = @_;

    return if $self->{owner} != $$;
    $self->end($_->{pid}) for reverse @{ $self->{children} };
    set_cpus(@{ $self->{cpus} }) if delete $self->{moved};
    if (defined $self->{dir}) {
        File::Temp::cleanup();
        system 'rm', '-rf', '--', delete $self->{dir};
    }
    return;
}

# What a child wrote, for a message about its failure.
sub output_of {
    my ($self, $name) = @_;

    my $text = '';
    for my $file ("$self->{dir}/$name.out", "$self->{dir}/$name/error.log") {
        next if !open my $in, '<', $file;
        local $/;
        $text .= <$in> // '';
    }
    return substr $text, -2000;
}

# Waits until `$ready->()` is true; dies when the child ends before, or after
# `patience` seconds.
sub wait_for {
    my ($self, $pid, $name, $ready, $patience) = @_;

    my $until = time + ($patience // 10);
    while (!$ready->()) {
        if (waitpid($pid, POSIX::WNOHANG()) == $pid) {
            $self->{children} =
                [grep { $_->{pid} != $pid } @{ $self->{children} }];
            die "$name ended at start:\n" . $self->output_of($name) . "\n";
        }
        die "$name does not answer:\n" . $self->output_of($name) . "\n"
            if time > $until;
        sleep 0.02;
    }
    return;
}

sub free_port {
    my $socket = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1,
        Proto => 'tcp', ReuseAddr => 1,
    ) or die "no free port: $!\n";
    return $socket->sockport;
}

sub port_answers {
    my ($port) = @_;
    return defined IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 1);
}

# A Redis of our own: unix socket only, append-only file on as in production,
# but not written anew in the midst of somebody's turn.
sub start_redis {
    my ($self, %with) = @_;

    my $dir    = "$self->{dir}/redis";
    my $socket = "$dir/redis.sock";
    mkdir $dir or die "$dir: $!\n";

    my $pid = $self->spawn('redis', 'redis',
        'redis-server', '--port', 0, '--unixsocket', $socket, '--dir', $dir,
        '--daemonize', 'no', '--save', '',
        '--appendonly', $with{appendonly} // 'yes',
        '--auto-aof-rewrite-percentage', 0,
        '--maxmemory-policy', 'noeviction');
    $self->wait_for($pid, 'redis',
        sub { defined IO::Socket::UNIX->new(Peer => $socket) });

    $self->{redis} = { pid => $pid, socket => $socket };
    return $self->{redis};
}

sub redis_command {
    my ($self, @command) = @_;

    open my $from, '-|', 'redis-cli', '-s', $self->{redis}{socket}, @command
        or die "redis-cli: $!\n";
    my @lines = <$from>;
    close $from or die "redis-cli @command failed\n";
    chomp @lines;
    return @lines;
}

# Makes Redis know the script of a file; returns its digest.
sub load_script {
    my ($self, $path) = @_;

    my ($sha) = `redis-cli -s $self->{redis}{socket} -x SCRIPT LOAD <$path`;
    die "Redis does not take $path: @{[$sha // '']}\n"
        if ($sha // '') !~ /^([0-9a-f]{40})$/;
    return $1;
}

# How many commands Redis has done so far, this question included.
sub redis_commands {
    my ($self) = @_;

    my ($count) = map { /^total_commands_processed:(\d+)/ ? $1 : () }
        $self->redis_command('INFO', 'stats');
    return $count // die "Redis does not count its commands\n";
}

# How many of them were `name`, in lower case.
sub redis_commands_of {
    my ($self, $name) = @_;

    my ($count) = map { /^cmdstat_\Q$name\E:calls=(\d+)/ ? $1 : () }
        $self->redis_command('INFO', 'commandstats');
    return $count // 0;
}

# An nginx with the settings that all peers share, and what is particular to
# one: `modules` (paths), `http` and `locations` (configuration text), `place`
# (whose CPU; the server's unless told), `workers` (1 unless told).  `single`
# makes it one process without a master, for the profiler, which is then
# `wrapper`.  Returns { pid, worker, workers => [pids], port, name }.
sub start_nginx {
    my ($self, $name, %with) = @_;

    my $dir  = "$self->{dir}/$name";
    my $port = free_port();
    mkdir $dir or die "$dir: $!\n";

    my $load   = join '', map { "load_module $_;\n" } @{ $with{modules} // [] };
    my $user   = $> == 0      ? "user root;\n" : '';
    my $master = $with{single} ? 'off' : 'on';
    my $count  = $with{workers} // 1;
    my $listen = $count > 1   ? ' reuseport' : '';   # each gets its share
    my $temp   = join '', map { "    ${_}_temp_path $dir/$_;\n" }
        qw(client_body proxy fastcgi uwsgi scgi);
    my $http      = $with{http}      // '';
    my $locations = $with{locations} // '';

    open my $out, '>', "$dir/nginx.conf" or die "$dir/nginx.conf: $!\n";
    print $out <<"END";
${load}${user}daemon off;
master_process $master;
worker_processes $count;
pid $dir/nginx.pid;
error_log $dir/error.log warn;
events {
    worker_connections 4096;
}
http {
    access_log off;
    keepalive_timeout 75s;
    keepalive_requests 1000000000;
    default_type text/plain;
$temp
$http
    server {
        listen 127.0.0.1:$port backlog=1024$listen;
$locations
    }
}
END
    close $out or die "$dir/nginx.conf: $!\n";

    my @command = (@{ $with{wrapper} // [] },
        'nginx', '-p', $dir, '-e', "$dir/error.log", '-c', "$dir/nginx.conf");
    my $pid = $self->spawn($with{place} // 'server', $name, @command);
    $self->wait_for($pid, $name, sub { port_answers($port) },
        $with{patience});

    my @workers = $with{single} ? ($pid) : children_of($pid, $count);
    die "$name has no worker\n" if @workers != $count;
    return { pid => $pid, worker => $workers[0], workers => \@workers,
        port => $port, name => $name };
}

sub start_node {
    my ($self, $place, $name, $modules, $script, @arguments) = @_;

    my $port = free_port();
    local $ENV{NODE_PATH} = $modules;
    local $ENV{NODE_ENV}  = 'production';

    my $pid = $self->spawn($place, $name,
        'node', $script, $port, @arguments);
    $self->wait_for($pid, $name, sub { port_answers($port) });
    return { pid => $pid, worker => $pid, port => $port, name => $name };
}

# taskset replaces itself by the program, so the pid that we know is the
# program's own, and nginx's workers are its only children.
sub children_of {
    my ($parent, $count) = @_;

    my $until = time + 5;
    my @children;
    while (@children < $count && time < $until) {
        @children = ();
        for my $stat (glob '/proc/[0-9]*/stat') {
            open my $in, '<', $stat or next;
            my $line = <$in> // next;
            if ($line =~ /^(\d+) \(.*\) \S (\d+)/ && $2 == $parent) {
                push @children, $1;
            }
        }
        sleep 0.02 if @children < $count;
    }
    return @children;
}

sub allowed_cpus {
    open my $in, '<', '/proc/self/status' or return (0);
    my ($list) = map { /^Cpus_allowed_list:\s*(\S+)/ ? $1 : () } <$in>;
    return map { /^(\d+)-(\d+)$/ ? $1 .. $2 : $_ } split /,/, $list // '0';
}

1;
