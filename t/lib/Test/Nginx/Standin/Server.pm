package Test::Nginx::Standin::Server;

# The nginx process: start, reload, stop, and never leave one behind. There is
# at most one at a time. Only processes that were started here are ever killed,
# found by their pid file or as children of this process.

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(sleep time);

use Test::Nginx::Standin::Settings;
use Test::Nginx::Standin::Config qw(
    conf_file pid_file error_log_file access_log_file
    make_server_root remake_html write_config write_user_files
);
use Test::Nginx::Standin::Process qw(
    @ENDING_SIGNALS is_owner start_child adopt_orphans gone status_of
    children_of command_of
);
use Test::Nginx::Standin::Client ();
use Test::Nginx::Standin::Logs ();

my $pid;                # of the nginx that runs (the master, if there is one)
my $launcher;           # the process of a start that is under way
my $build;              # what nginx -V says

my $POLL = 0.001;
my $START_RETRY = 30;
my $RELOAD_WAIT = 30;
my $NEW_ANSWERS = 20;   # in a row, so that no old worker still listens


sub build {
    return $build if defined $build;
    local $SIG{CHLD} = 'DEFAULT';
    my $child = open my $output, '-|';
    defined $child or bail_out("cannot fork: $!");
    if (!$child) {
        open STDERR, '>&', \*STDOUT;
        { no warnings 'exec'; exec { $setting{binary} } $setting{binary}, '-V' }
        POSIX::_exit(127);
    }
    $build = do { local $/; <$output> };
    close $output;
    $build =~ /version:/ or bail_out("cannot run '$setting{binary} -V'");
    return $build;
}


sub version         { build() =~ m{version: \S+?/(\d+(?:\.\d+)*)} ? $1 : undef }
sub openssl_version { build() =~ m{OpenSSL (\d+(?:\.\d+)*)} ? $1 : undef }
sub is_running      { defined $pid && !gone($pid) }
sub pid             { $pid }


# The server that the block wants: a fresh one, the reloaded one (HUP mode) or,
# without --- config, the one that is there.
sub provide {
    my ($block) = @_;
    if (!defined section($block, 'config')) {
        is_running() or bail_out('no --- config, and no nginx runs yet');
        write_user_files($block);
        return;
    }
    my $token = use_hup() ? join('-', 'ver', $$, int(time * 1000), int rand 1e9) : undef;
    return reload($block, $token) if use_hup() && is_running();

    prepare($block, $token);
    my $deadline = time + $START_RETRY;
    while (1) {
        my $status = start(defined section($block, 'suppress_stderr'));
        return if defined $pid;
        # Anything but a port that is still taken would be the same again.
        my $port_is_taken =
            Test::Nginx::Standin::Logs::whole() =~ /bind\(\) to \S+ failed .*in use/;
        if (!$port_is_taken || time > $deadline) {
            my $log = Test::Nginx::Standin::Logs::serious();
            Test::Nginx::Standin::Logs::claim(qr/\[emerg\]/);
            bail_out("cannot start nginx (status $status) $log");
        }
        unlink error_log_file();
        sleep 0.1;
    }
}


# must_die: how nginx ended, as a status of wait(); undef if it lives.
sub provoke_death {
    my ($block) = @_;
    prepare($block, undef);
    return start(defined section($block, 'suppress_stderr'));
}


sub use_hup { $setting{use_hup} && !$setting{use_valgrind} }


# A fresh server root with all that the block puts there.
sub prepare {
    my ($block, $token) = @_;
    stop();
    Test::Nginx::Standin::Logs::close_book();
    stop_leftover();
    make_server_root();
    run_code($block, 'post_setup_server_root');
    write_user_files($block);
    write_config($block, build(), $token);
    Test::Nginx::Standin::Logs::new_book();
}


sub run_code {
    my ($block, $name) = @_;
    my $code = section($block, $name);
    return if !defined $code;
    my $error = Test::Nginx::Socket::evaluate($code);
    bail_out("--- $name: $error") if defined $error;
}


# Leaves $pid set, or returns how nginx ended.
sub start {
    my ($quiet) = @_;
    my @command = ($setting{binary}, '-e', error_log_file(),
                   '-p', "$setting{server_root}/", '-c', conf_file());
    unshift @command, valgrind() if $setting{use_valgrind};
    verbose("start: @command");

    # Only while nginx turns into a daemon: orphans that a test file makes are
    # left to whom they belong.
    adopt_orphans(1);
    local $SIG{CHLD} = 'DEFAULT';
    my $child = start_child(sub { $launcher = $_[0] },
                            sub { become(\@command, $quiet) });
    $pid = $setting{use_valgrind} ? await_foreground($child) : await_daemon($child);
    $launcher = undef;
    adopt_orphans(0);
    return defined $pid ? undef : status_of($child);
}


# Runs in the child.
sub become {
    my ($command, $quiet) = @_;
    # nginx would take it for its list of inherited sockets.
    delete $ENV{NGINX};
    # Standard output is for TAP.
    open STDOUT, '>&', \*STDERR;
    open STDERR, '>', '/dev/null' if $quiet;
    { no warnings 'exec'; exec { $command->[0] } @$command }
    die "cannot run $command->[0]: $!\n";
}


# The process that was started ends when the sockets listen; the daemon that
# it leaves then writes its pid file.
sub await_daemon {
    my ($child) = @_;
    my $deadline = time + 60;
    while (!gone($child)) {
        if (time > $deadline) {
            kill KILL => $child;
            bail_out('nginx neither daemonised nor failed within 60 s');
        }
        sleep $POLL / 2;
    }
    return undef if status_of($child) != 0;
    $deadline = time + 10;
    while (1) {
        my $daemon = read_pid_file();
        return $daemon if defined $daemon;
        last if time > $deadline;
        sleep $POLL / 2;
    }
    kill_strays();
    bail_out('nginx started but wrote no pid file within 10 s');
}


sub await_foreground {
    my ($child) = @_;
    my $deadline = time + 60;
    while (!gone($child)) {
        my $written = read_pid_file();
        return $child if defined $written && $written == $child;
        if (time > $deadline) {
            kill KILL => $child;
            bail_out('nginx under valgrind did not start within 60 s');
        }
        sleep 0.01;
    }
    return undef;
}


sub valgrind {
    my @command = qw(valgrind --num-callers=100 -q --tool=memcheck
                     --leak-check=full --gen-suppressions=all);
    push @command, '--suppressions=valgrind.suppress' if -f 'valgrind.suppress';
    return @command;
}


sub reload {
    my ($block, $token) = @_;
    Test::Nginx::Standin::Logs::close_book();
    remake_html();
    run_code($block, 'post_setup_server_root');
    write_user_files($block);
    write_config($block, build(), $token);
    unlink error_log_file(), access_log_file();
    Test::Nginx::Standin::Logs::new_book();

    kill USR1 => $pid;
    # A new configuration that fails is reported in the log that is open then.
    my $deadline = time + 5;
    sleep $POLL until -e error_log_file() || time > $deadline;
    my @old_workers = children_of($pid);
    kill HUP => $pid;
    if (defined section($block, 'reload_fails')) {
        sleep 0.3;
        return;
    }
    await_reload($token, @old_workers);
}


# The master starts the new workers 0.1 s before it ends the old ones. In that
# time both accept, and any number of new answers may come in a row: so first
# the old ones have to be told.
sub await_reload {
    my ($token, @old_workers) = @_;
    my $request = "GET /ver HTTP/1.1\r\nHost: Test-Nginx\r\nConnection: close\r\n\r\n";
    my $deadline = time + $RELOAD_WAIT;
    my $hits = 0;
    while ($hits < $NEW_ANSWERS) {
        @old_workers = grep { !has_stopped_listening($_) } @old_workers;
        if (!@old_workers && answers($request, $token)) {
            $hits++;
            next;
        }
        $hits = 0;
        my $log = Test::Nginx::Standin::Logs::serious();
        bail_out("nginx refused the new configuration: $log") if $log =~ /\[emerg\]/;
        bail_out('nginx ended at the reload') if !is_running();
        bail_out('the new configuration does not answer') if time > $deadline;
        sleep 0.005;
    }
}


sub answers {
    my ($request, $token) = @_;
    my $answer = Test::Nginx::Standin::Client::exchange(
        packets => [[0, $request]], timeout => 1, is_alive => \&is_running);
    return $answer->{bytes} =~ /\r\n\r\n\Q$token\E\z/;
}


sub stop {
    return if !defined $pid;
    my $victim = $pid;
    if (gone($victim)) {
        $pid = undef;
        report_crash(status_of($victim));
    }
    else {
        kill $setting{fast_shutdown} ? 'TERM' : 'QUIT', $victim;
        my $how = wait_until_gone($victim);
        $pid = undef;
        report_crash(status_of($victim)) if $how eq 'went';
    }
}


sub wait_until_gone {
    my ($victim) = @_;
    my $patience = seconds($setting{timeout});
    $patience *= 10 if $setting{use_valgrind};
    my $deadline = time + $patience;
    while (!gone($victim)) {
        if (time > $deadline) {
            verbose("nginx $victim does not quit: killing it");
            kill_family($victim);
            return 'killed';
        }
        sleep $POLL;
    }
    return 'went';
}


# The workers of a master that is killed would live on. Stopped first, it makes
# no new ones.
sub kill_family {
    my ($master) = @_;
    kill STOP => $master;
    kill KILL => $master, children_of($master);
    my $deadline = time + 5;
    sleep $POLL until gone($master) || time > $deadline;
}


# A server that crashed after its answer must not pass.
sub report_crash {
    my ($status) = @_;
    return if !$status;
    my $builder = Test::More->builder;
    my $signal = $status & 127;
    if ($signal) {
        $builder->ok(0, Test::Nginx::Standin::Logs::writer() . " - nginx was alive to the end");
        $builder->diag("nginx was terminated by signal $signal");
    }
    else {
        $builder->diag('nginx ended with code ' . ($status >> 8));
    }
}


sub read_pid_file {
    open my $file, '<', pid_file() or return undef;
    my $line = <$file>;
    return defined $line && $line =~ /\A(\d+)\n/ ? $1 : undef;
}


sub is_our_nginx          { index(command_of($_[0]), conf_file()) >= 0 }
sub has_stopped_listening { gone($_[0]) || command_of($_[0]) =~ /is shutting down/ }


# A run that was killed in the hard way could not stop its nginx.
sub stop_leftover {
    my $old = read_pid_file();
    return if !defined $old || !is_our_nginx($old) || gone($old);
    Test::More::diag("stopping nginx $old, left in $setting{server_root} by an earlier run");
    kill QUIT => $old;
    wait_until_gone($old);
}


# What was being started when the run was interrupted, or gave up: the process
# that was to become a daemon, or the daemon that it left to this process.
sub kill_strays {
    if (defined $launcher) {
        my $deadline = time + 10;
        if (!$setting{use_valgrind}) {
            sleep $POLL until gone($launcher) || time > $deadline;
        }
        kill KILL => $launcher if !gone($launcher);
        $launcher = undef;
    }
    kill_family($_) for grep { is_our_nginx($_) } children_of($$);
}


sub tear_down {
    return if !is_owner();
    local @SIG{@ENDING_SIGNALS} = ('IGNORE') x @ENDING_SIGNALS;
    if ($setting{no_clean} && is_running()) {
        Test::More::diag("TEST_NGINX_NO_CLEAN: nginx $pid goes on in $setting{server_root}");
        Test::Nginx::Standin::Logs::close_book();
        $pid = undef;
        return;
    }
    stop();
    Test::Nginx::Standin::Logs::close_book();
    kill_strays();
}

1;
