# The processes that a test starts.  Each is the leader of its own process
# group, is known by its number, and is gone when the test ends, however it
# ends.
package Workspaces::Process;

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(room free_port start_process run_child stop_process
                    end_of_process is_running until_true patience);

# A test that hangs is ended.
our $LONGEST = $ENV{WORKSPACES_TEST_SECONDS} || 600;

my $owner = $$;
my %running;        # pid => what it is
my $room;

for my $signal (qw(INT TERM HUP)) {
    $SIG{$signal} = sub { die "ended by SIG$signal\n" };
}
$SIG{ALRM} = sub { die "the test took more than $LONGEST s\n" };
$SIG{PIPE} = 'IGNORE';
alarm $LONGEST;

# The directory of this test.  Its path is short, for unix sockets are in it.
sub room {
    $room //= do {
        my $dir = tempdir('w-XXXXXX', TMPDIR => 1, CLEANUP => 0);
        chmod 0755, $dir;
        $dir;
    };
    return $room;
}

# How much longer things may take under a sanitizer.
sub patience { return $ENV{SANITIZER_REPORTS} ? 4 : 1 }

# A port of loopback, below the range that outgoing connections take theirs
# from, and below those that are kept for suites (free_ports in t/tools/lib.sh).
sub free_port {
    for (1 .. 200) {
        my $port = 10000 + int rand 10000;
        my $probe = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            LocalPort => $port, Listen => 1) or next;
        return $port;
    }
    croak 'no free port';
}

# start_process(what => [command...], log => file): its pid
sub start_process {
    my (%given) = @_;
    my @command = @{ $given{command} };
    return run_child($command[0], sub {
        open STDIN,  '<', '/dev/null'   or die "/dev/null: $!";
        open STDOUT, '>>', $given{log} or die "$given{log}: $!";
        open STDERR, '>&', \*STDOUT    or die "stderr: $!";
        exec { $command[0] } @command or die "$command[0]: $!";
    });
}

# Runs code in a child that never comes back.
sub run_child {
    my ($what, $code) = @_;
    my $pid = fork // croak "fork: $!";
    if ($pid == 0) {
        setpgrp 0, 0;
        alarm 0;
        %running = ();
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP ALRM);
        my $done = eval { $code->(); 1 };
        print {*STDERR} "# $what: $@" unless $done;
        POSIX::_exit($done ? 0 : 1);
    }
    setpgrp $pid, $pid;
    $running{$pid} = $what;
    return $pid;
}

# A zombie is taken away and does not run.
sub is_running {
    my ($pid) = @_;
    return 0 unless $pid && $running{$pid};
    return 1 unless waitpid($pid, WNOHANG);
    delete $running{$pid};
    return 0;
}

# Waits for the end of one: its status, as of wait.
sub end_of_process {
    my ($pid) = @_;
    waitpid $pid, 0;
    delete $running{$pid};
    return $?;
}

# Asks with a signal and waits; what does not go is killed with its group.
# True when it went by itself.
sub stop_process {
    my ($pid, $signal, $seconds) = @_;
    return 1 unless is_running($pid);
    kill $signal || 'TERM', $pid;
    my $gone = until_true($seconds || 10 * patience(),
                          sub { !is_running($pid) });
    unless ($gone) {
        kill 'KILL', -$pid, $pid;
        end_of_process($pid);
    }
    return $gone;
}

# What the code answers as soon as that is true; false after the seconds, which
# are many more on a machine that has others at work.
sub until_true {
    my ($seconds, $code) = @_;
    my $end = time + 4 * $seconds;
    while () {
        my $got = $code->();
        return $got if $got || time >= $end;
        sleep 0.01;
    }
}

END {
    if ($$ == $owner) {
        my $status = $?;
        alarm 0;
        local $@;
        for my $pid (keys %running) {
            kill 'CONT', $pid;
            eval { stop_process($pid, 'TERM', 3) };
            kill 'KILL', -$pid;
        }
        if (defined $room && !$ENV{WORKSPACES_TEST_KEEP}) {
            require File::Path;
            File::Path::remove_tree($room);
        }
        $? = $status;
    }
}

1;
