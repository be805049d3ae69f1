package Test::Nginx::Standin::Process;

# Child processes, made so that none outlives the run, and what can be learnt of
# a process. Knows no nginx.

use strict;
use warnings;

use Config ();
use Exporter 'import';
use POSIX qw(WNOHANG SIG_BLOCK SIG_SETMASK SIGINT SIGTERM SIGHUP SIGQUIT SIGPIPE);

use Test::Nginx::Standin::Settings;

our @EXPORT_OK = qw(
    @ENDING_SIGNALS is_owner start_child adopt_orphans gone status_of
    children_of command_of
);

# Those that end a run; it ends in order.
our @ENDING_SIGNALS = qw(INT TERM HUP QUIT PIPE);

# prctl() as a system call, and what is asked of it.
my %PRCTL = (x86_64 => 157, i686 => 172, i386 => 172, aarch64 => 167,
             riscv64 => 167, arm => 172, powerpc64le => 171, s390x => 172);
my $PR_SET_PDEATHSIG       = 1;
my $PR_SET_CHILD_SUBREAPER = 36;

my $owner = $$;
my %status;     # how those ended that were reaped


sub is_owner { $$ == $owner }


# Runs the code in a child, which ends with it. $record->(pid) is called before
# any signal can interrupt this process, so that no child is forgotten.
sub start_child {
    my ($record, $code) = @_;
    my $ending = POSIX::SigSet->new(SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE);
    my $before = POSIX::SigSet->new;
    POSIX::sigprocmask(SIG_BLOCK, $ending, $before);
    my $child = fork;
    if (defined $child && !$child) {
        $SIG{$_} = 'DEFAULT' for @ENDING_SIGNALS, qw(CHLD __DIE__ __WARN__);
        prctl($PR_SET_PDEATHSIG, 9);
        POSIX::sigprocmask(SIG_SETMASK, $before);
        my $done = eval { $code->(); 1 };
        print STDERR $@ if !$done;
        # exit() would run the END blocks of the test file.
        POSIX::_exit($done ? 0 : 127);
    }
    my $why = $!;
    delete $status{$child} if defined $child;
    $record->($child) if defined $child;
    POSIX::sigprocmask(SIG_SETMASK, $before);
    defined $child or bail_out("cannot fork: $why");
    return $child;
}


# Whether this process becomes the parent of what its descendants leave behind,
# and so can reap it: PID 1 may take seconds.
sub adopt_orphans {
    my ($on) = @_;
    prctl($PR_SET_CHILD_SUBREAPER, $on);
}


sub prctl {
    my ($option, $value) = @_;
    my ($machine) = $Config::Config{archname} =~ /\A([^-]+)/;
    my $number = $PRCTL{$machine} or return;
    eval { syscall $number, $option, $value, 0, 0, 0 };
}


# Counts a zombie as gone: whoever has to reap it may take its time.
sub gone {
    my ($process) = @_;
    my $reaped = waitpid $process, WNOHANG;
    return 0 if $reaped == 0;
    if ($reaped == $process) {
        $status{$process} = $?;
        return 1;
    }
    return 1 if exists $status{$process} || !kill 0 => $process;
    my ($state) = stat_of($process);
    return defined $state && $state =~ /[ZX]/ ? 1 : 0;
}


# As of wait(), for one that is gone; 0 if it was not ours to reap.
sub status_of { $status{ $_[0] } // 0 }


# State letter and parent.
sub stat_of {
    my ($process) = @_;
    open my $file, '<', "/proc/$process/stat" or return;
    my $line = <$file>;
    return defined $line && $line =~ /\A.*\) (\S) (\d+)/s ? ($1, $2) : ();
}


sub children_of {
    my ($parent) = @_;
    opendir my $proc, '/proc' or return;
    return grep {
        my (undef, $of) = stat_of($_);
        defined $of && $of == $parent;
    } grep { /\A\d+\z/ } readdir $proc;
}


sub command_of {
    my ($process) = @_;
    open my $file, '<', "/proc/$process/cmdline" or return '';
    my $line = do { local $/; <$file> } // '';
    $line =~ tr/\0/ /;
    return $line;
}

1;
