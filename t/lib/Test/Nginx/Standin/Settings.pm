package Test::Nginx::Standin::Settings;

# What the whole run shares: the settings (environment first, then the functions
# that a test file calls), the way to read a section, the expansion of
# $TEST_NGINX_* and the one way to give up, bail_out().

use strict;
use warnings;

use Exporter 'import';
use File::Spec;
use Socket qw(AF_INET SOCK_STREAM SOL_SOCKET SO_REUSEADDR INADDR_ANY pack_sockaddr_in);
use Test::More ();

our @EXPORT = qw(
    %setting bail_out section expand_env expand_server_port seconds
    forget_random_ports verbose
);

my $port = $ENV{TEST_NGINX_PORT} || 1984;

our %setting = (
    binary      => $ENV{TEST_NGINX_BINARY} || 'nginx',
    server_root => File::Spec->rel2abs($ENV{TEST_NGINX_SERVROOT}
                                       || File::Spec->catdir('t', 'servroot')),

    server_port            => $ENV{TEST_NGINX_SERVER_PORT} || $port,
    server_port_for_client => $ENV{TEST_NGINX_CLIENT_PORT} || $port,
    server_addr            => '127.0.0.1',
    server_name            => 'localhost',

    repeat_each        => 1,
    workers            => 1,
    worker_connections => 64,
    log_level          => $ENV{TEST_NGINX_LOG_LEVEL} || 'debug',
    timeout            => $ENV{TEST_NGINX_TIMEOUT} || 3,
    config_preamble    => '',
    env_lines          => [qw(LD_PRELOAD LD_LIBRARY_PATH ASAN_OPTIONS)],
    root_location      => 1,

    # Seconds; three of them pass before a log is read.
    sleep => $ENV{TEST_NGINX_SLEEP} // 0.015,

    # How much longer, at most, lines of a log are waited for.
    log_patience => $ENV{TEST_NGINX_LOG_PATIENCE} || 0,

    shuffle       => !$ENV{TEST_NGINX_NO_SHUFFLE},
    long_string   => 1,
    use_hup       => $ENV{TEST_NGINX_USE_HUP} ? 1 : 0,
    use_valgrind  => $ENV{TEST_NGINX_USE_VALGRIND} ? 1 : 0,
    fast_shutdown => $ENV{TEST_NGINX_FAST_SHUTDOWN} ? 1 : 0,
    no_clean      => $ENV{TEST_NGINX_NO_CLEAN} ? 1 : 0,
    accum_log     => $ENV{TEST_NGINX_CHECK_ACCUM_ERR_LOG} ? 1 : 0,
    master        => ($ENV{TEST_NGINX_MASTER_PROCESS} || '') =~ /^(?:on|1)$/i ? 1 : 0,

    # The name of the block under test, for bail_out().
    block_name => undef,
);

# A test file may use these two in the very first expression it evaluates.
$ENV{TEST_NGINX_SERVER_PORT} = $setting{server_port};
$ENV{TEST_NGINX_SERVER_ROOT} = $setting{server_root};

my %random_port;


sub bail_out {
    my ($why) = @_;
    $why = "$setting{block_name} - $why" if defined $setting{block_name};
    chomp $why;
    Test::More->builder->BAIL_OUT($why);
}


sub verbose {
    Test::More::diag(@_) if $ENV{TEST_NGINX_VERBOSE};
}


# The value of a section, undef when the block has none.
sub section {
    my ($block, $name) = @_;
    my $values = $block->{$name};
    return defined $values ? $values->[0] : undef;
}


# "2", "2s" or "200ms" as seconds.
sub seconds {
    my ($text) = @_;
    $text =~ /\A \s* (\d+ (?:\.\d*)? | \.\d+) \s* (ms|s|) \s* \z/x
        or bail_out("'$text' is no time: write 2, 2s or 200ms");
    return $2 eq 'ms' ? $1 / 1000 : $1;
}


sub expand_env {
    my ($text) = @_;
    return $text if !defined $text || ref $text;
    $text =~ s/\$(TEST_NGINX_[A-Z0-9_]+)/env_value($1)/ge;
    return $text;
}


sub env_value {
    my ($name) = @_;
    if ($name =~ /\ATEST_NGINX_RAND_PORT_\d+\z/) {
        $random_port{$name} = free_port() if !$random_port{$name};
        return $random_port{$name};
    }
    bail_out("the environment variable $name is used but not set")
        if !defined $ENV{$name};
    return $ENV{$name};
}


sub expand_server_port {
    my ($text) = @_;
    return $text if !defined $text || ref $text;
    $text =~ s/\$ServerPort\b/$setting{server_port}/g;
    return $text;
}


# TEST_NGINX_RAND_PORT_n stays the same within a block only.
sub forget_random_ports { %random_port = () }


# Below the range from which the kernel takes the ports of outgoing connections,
# so that none of those grabs it before nginx does.
sub free_port {
    my %taken = reverse %random_port;
    for (1 .. 1000) {
        my $port = 20000 + int rand 12000;
        next if $taken{$port};
        socket(my $socket, AF_INET, SOCK_STREAM, 0) or bail_out("socket: $!");
        setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
        return $port if bind $socket, pack_sockaddr_in($port, INADDR_ANY);
    }
    bail_out("found no free port for TEST_NGINX_RAND_PORT_n");
}

1;
