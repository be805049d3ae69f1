package Test::Nginx::Socket;

# A stand-in for Test::Nginx::Socket (openresty/test-nginx), for machines that
# have Test::Base but not the real module:
#
#     prove -It/lib t/
#
# It does the part of the real one that the suites here use, so that the same
# .t files pass, unmodified, under both. What it does not know - a section, a
# filter, a function - it refuses in a clear sentence, where the real one would
# silently pass it by. The rooms under Test/Nginx/Standin/:
#
#     Settings    environment and settings, sections, bail_out()
#     Config      the server root, nginx.conf, user_files
#     Server      the nginx process
#     Request     sections to bytes         Client   bytes over a connection
#     Response    bytes to responses        Judge    responses against sections
#     Logs        the log sections          Mock     tcp_listen
#     Skip        skip_* and todo*      Process  children that never outlive us
#     Answers     what was answered, for checks beside the tests
#
# This file is the entry: the functions that a test file calls, and the order in
# which a block is run.
#
# Settings for the whole run come from the environment: TEST_NGINX_BINARY,
# _SERVROOT (t/servroot), _PORT (1984), _SERVER_PORT, _CLIENT_PORT, _LOAD_MODULES,
# _TIMEOUT (3), _SLEEP (0.015), _LOG_LEVEL (debug), _MASTER_PROCESS, _USE_HUP,
# _USE_VALGRIND, _NO_SHUFFLE, _NO_CLEAN (leave the last nginx running),
# _FAST_SHUTDOWN, _CHECK_ACCUM_ERR_LOG, _ERROR_LOG, _VERBOSE and _ANSWERS, and
# _LOG_PATIENCE (0): seconds that expected lines of a log may be late.

use Test::Base -base;

use List::Util ();
use POSIX ();
use Test::More ();

use Test::Nginx::Socket::Filter ();
use Test::Nginx::Standin::Settings;
use Test::Nginx::Standin::Process qw(@ENDING_SIGNALS is_owner);
use Test::Nginx::Standin::Config ();
use Test::Nginx::Standin::Answers ();
use Test::Nginx::Standin::Client ();
use Test::Nginx::Standin::Judge ();
use Test::Nginx::Standin::Logs ();
use Test::Nginx::Standin::Mock ();
use Test::Nginx::Standin::Request ();
use Test::Nginx::Standin::Response ();
use Test::Nginx::Standin::Server ();
use Test::Nginx::Standin::Skip ();

our @EXPORT = qw(
    run_tests repeat_each no_shuffle no_long_string no_root_location
    add_block_preprocessor add_cleanup_handler add_test_cleanup_handler
    add_response_body_check env_to_nginx log_level timeout workers
    worker_connections master_on master_off master_process_enabled use_hup
    check_accum_error_log server_port server_port_for_client server_addr
    server_name server_root html_dir config_preamble bail_out is_str
);

my %KNOWN = map { $_ => 1 } qw(
    config http_config main_config post_main_config server_name log_level
    user_files init post_setup_server_root must_die suppress_stderr reload_fails

    raw_request raw_request_middle_delay pipelined_requests request more_headers
    timeout abort shutdown

    error_code error_code_like response_headers response_headers_like
    raw_response_headers_like raw_response_headers_unlike response_body
    response_body_like response_body_unlike response_body_filters
    ignore_response http09

    wait error_log no_error_log grep_error_log grep_error_log_out
    access_log no_access_log

    tcp_listen tcp_query tcp_query_len tcp_reply tcp_reply_delay tcp_no_close
    tcp_shutdown tcp_shutdown_delay

    skip_nginx skip_nginx2 skip_eval skip_openssl todo_nginx todo
    SKIP ONLY LAST

    name description seq_num is_filtered blocks_object original_values
    _section_map _section_order
);

my (@preprocessors, @cleanups, @block_cleanups);


# Settings that are read and written by a function of their name.
for my $name (qw(repeat_each log_level timeout workers worker_connections
                 server_port_for_client server_addr server_name config_preamble))
{
    no strict 'refs';
    *$name = sub {
        $setting{$name} = $_[0] if @_;
        return $setting{$name};
    };
}

sub server_port {
    $ENV{TEST_NGINX_SERVER_PORT} = $setting{server_port} = $_[0] if @_;
    return $setting{server_port};
}

sub master_process_enabled {
    $setting{master} = $_[0] && $_[0] ne 'off' ? 1 : 0 if @_;
    return $setting{master};
}

sub no_shuffle            { $setting{shuffle} = 0 }
sub no_long_string        { $setting{long_string} = 0 }
sub no_root_location      { $setting{root_location} = 0 }
sub master_on             { $setting{master} = 1 }
sub master_off            { $setting{master} = 0 }
sub use_hup               { $setting{use_hup} = 1 }
sub check_accum_error_log { $setting{accum_log} = 1 }
sub server_root           { $setting{server_root} }
sub html_dir              { Test::Nginx::Standin::Config::html_dir() }

sub add_block_preprocessor   { unshift @preprocessors, code_of(@_) }
sub add_cleanup_handler      { unshift @cleanups, code_of(@_) }
sub add_test_cleanup_handler { unshift @block_cleanups, code_of(@_) }
sub add_response_body_check  { push @{ $setting{body_checks} }, code_of(@_) }

sub code_of {
    my ($code) = @_;
    ref $code eq 'CODE' or bail_out('a handler is no sub');
    return $code;
}


sub env_to_nginx {
    for my $line (@_) {
        # The real module quotes such a value once more at every block.
        $line =~ /\A\w+(?:=\S*)?\z/
            or bail_out("env_to_nginx: '$line' is neither NAME nor NAME=word");
        push @{ $setting{env_lines} }, $line;
    }
}


sub is_str {
    my ($got, $expected, $name) = @_;
    my $builder = Test::More->builder;
    return $builder->like($got, $expected, $name) if ref $expected eq 'Regexp';
    if ($setting{long_string} && eval { require Test::LongString; 1 }) {
        return Test::LongString::is_string($got, $expected, $name);
    }
    return is($got, $expected, $name);
}


# Code of a section. Answers the error, or undef; the value goes to $value_to.
sub evaluate {
    my ($code_of_section, $value_to) = @_;
    local $@;
    my $value = eval $code_of_section;
    return $@ if $@ ne '';
    $$value_to = $value if $value_to;
    return undef;
}


sub run_tests {
    introduce();
    my @blocks = blocks();
    refuse_unknown_sections($_) for @blocks;
    @blocks = List::Util::shuffle(@blocks) if $setting{shuffle};
    for my $block (@blocks) {
        $block->set_value(name => "$0 " . $block->name);
        $setting{block_name} = $block->name;
        run_block($block);
    }
    clean_up();
    $setting{block_name} = undef;
}


sub introduce {
    my ($version) = Test::Nginx::Standin::Server::build() =~ /version: (\S+)/;
    diag("Test::Nginx::Socket is the stand-in beside the tests, with $version, "
         . "port $setting{server_port}, in $setting{server_root}");
}


sub refuse_unknown_sections {
    my ($block) = @_;
    for my $name (sort keys %$block) {
        bail_out($block->name . ": --- $name is no section that the stand-in for "
                 . 'Test::Nginx knows') if !$KNOWN{$name};
    }
}


sub run_block {
    my ($block) = @_;
    forget_random_ports();
    $_->($block) for @preprocessors;
    refuse_unknown_sections($block);

    if (my ($count, $reason) = Test::Nginx::Standin::Skip::skipped($block)) {
        my $name = $block->name;
        Test::More->builder->skip("$name - $reason")
            for 1 .. $count * $setting{repeat_each};
        return;
    }
    my $to_do = Test::Nginx::Standin::Skip::to_do($block);
    Test::More->builder->todo_start($to_do) if defined $to_do;
    defined section($block, 'must_die') ? run_must_die($block) : run_requests($block);
    Test::More->builder->todo_end if defined $to_do;
    $_->($block) for @block_cleanups;
}


sub run_must_die {
    my ($block) = @_;
    defined section($block, 'config') or bail_out('--- must_die without --- config');
    my ($code) = section($block, 'must_die') =~ /\A\s*(\d*)\s*\z/
        or bail_out('--- must_die: the exit code is no number');
    my $builder = Test::More->builder;
    for my $repeat (0 .. $setting{repeat_each} - 1) {
        my $status = Test::Nginx::Standin::Server::provoke_death($block);
        my $name = $block->name . ' - nginx must die';
        if (!defined $status) {
            $builder->ok(0, $name);
        }
        elsif ($code eq '') {
            $builder->ok($status != 0, $name);
        }
        else {
            $builder->is_num($status & 127 ? -($status & 127) : $status >> 8, $code,
                             "$name with code $code");
        }
        Test::Nginx::Standin::Server::stop();
        Test::Nginx::Standin::Logs::begin_block($block);
        Test::Nginx::Standin::Logs::judge($block, $repeat, 1);
    }
}


sub run_requests {
    my ($block) = @_;
    Test::Nginx::Standin::Server::provide($block);
    Test::Nginx::Standin::Logs::begin_block($block);
    Test::Nginx::Standin::Server::run_code($block, 'init');

    my @conversations = Test::Nginx::Standin::Request::conversations($block);
    my $responses = 0;
    $responses += @{ $_->{methods} } for @conversations;
    for my $repeat (0 .. $setting{repeat_each} - 1) {
        Test::Nginx::Standin::Config::write_user_files($block) if $repeat;
        my $mock = Test::Nginx::Standin::Mock::start($block);
        my $i = 0;
        for my $conversation (@conversations) {
            my @requests = @{ $conversation->{requests} };
            for my $response (converse($block, $conversation)) {
                Test::Nginx::Standin::Answers::keep($block, shift @requests,
                                                    $response);
                my $which = { block => $block, repeat => $repeat, i => $i++,
                              count => $responses,
                              request => join '', map { $_->[1] }
                                  @{ $conversation->{packets} } };
                Test::Nginx::Standin::Judge::judge($which, $response)
                    if !defined section($block, 'ignore_response');
                Test::Nginx::Standin::Logs::judge($block, $repeat);
            }
        }
        judge_mock($block, $mock) if $mock;
    }
}


# One connection; answers its responses.
sub converse {
    my ($block, $conversation) = @_;
    my $timeout = section($block, 'timeout');
    my $shutdown = section($block, 'shutdown');
    $shutdown = 1 if defined $shutdown && $shutdown !~ /\d/;
    my $answer = Test::Nginx::Standin::Client::exchange(
        packets  => $conversation->{packets},
        timeout  => seconds($timeout // $setting{timeout}),
        shutdown => $shutdown,
        is_alive => \&Test::Nginx::Standin::Server::is_running,
    );
    my $name = $block->name;
    Test::More->builder->ok(0, "$name - the server accepts a connection")
        if $answer->{refused};
    Test::More->builder->ok(0, "$name - the client timed out")
        if $answer->{timed_out} && !defined section($block, 'abort');
    my @methods = @{ $conversation->{methods} };
    return defined section($block, 'http09')
        ? Test::Nginx::Standin::Response::whole_body($answer->{bytes})
        : Test::Nginx::Standin::Response::cut($answer->{bytes}, @methods);
}


sub judge_mock {
    my ($block, $mock) = @_;
    my $query = section($block, 'tcp_query');
    my $length = section($block, 'tcp_query_len');
    my $got = Test::Nginx::Standin::Mock::finish($mock,
        defined $query || defined $length);
    my $builder = Test::More->builder;
    my $name = $block->name;
    is_str($got, $query, "$name - tcp_query") if defined $query;
    $builder->is_num(length $got, $length, "$name - tcp_query_len") if defined $length;
}


# At the end of run_tests(), or when the run ends in some other way.
sub clean_up {
    Test::Nginx::Standin::Mock::tear_down();
    Test::Nginx::Standin::Server::tear_down();
    my @handlers = splice @cleanups;
    $_->() for @handlers;
}


# exit() runs the END block; a signal alone would not. PIPE: whoever read the
# TAP has gone.
for my $signal (@ENDING_SIGNALS) {
    next if ($SIG{$signal} // 'DEFAULT') ne 'DEFAULT';
    $SIG{$signal} = sub {
        POSIX::_exit(1) if !is_owner();
        exit 1;
    };
}

END {
    if (is_owner()) {
        local ($?, $@, $!);
        clean_up();
    }
}

1;
