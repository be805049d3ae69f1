# What the suites of the platform dialect have in common: a mount, an identity
# made of request headers, a tenant of its own for every block.
#
#     use lib '.';
#     use t::Platform;
#     use Test::Nginx::Socket;
#
#     add_block_preprocessor(\&prepare);
#
# The caller says who he is: X-User is the user, X-Tenant is added to the name
# of the block's tenant, and the user "root" is an admin of his tenant.  Ids
# count from 1 in each tenant, so the first workspace of a block is always 1.
#
# A block with `config` or `http_config` of its own gets nothing but that;
# $HttpConfig, $Mount and $Identity are there to be built upon.
#
# With TEST_NGINX_IN_LUA the same is served by resty.workspaces: see
# t::InLua.

package t::Platform;

use strict;
use warnings;

use File::Temp ();
use IO::Socket::INET;
use Test::More ();
use Time::HiRes ();

use t::InLua qw(in_lua http_in_lua server_in_lua different);

use Exporter 'import';
our @EXPORT = qw(
    $Base $HttpConfig $Identity $Mount
    prepare given redis sealed_hash key_file
);

$ENV{TEST_NGINX_REDIS_PORT} ||= 6379;

our $Base = '/api/workspaces';

our $Identity = 'workspaces_identity trusted'
    . ' tenant=$TEST_NGINX_TENANT$http_x_tenant user=$http_x_user'
    . ' admin=$is_root;';

# With time for a Redis on a busy machine.
our $HttpConfig = <<'END';
    map $http_x_user $is_root {
        default "";
        root    on;
    }

    workspaces_redis redis://127.0.0.1:$TEST_NGINX_REDIS_PORT
        timeout=20s connect_timeout=20s;
    workspaces_seal_keys $TEST_NGINX_SEAL_KEYS;
END

our $Mount = <<"END";
    location /api/workspaces {
        workspaces platform;
        $Identity
    }
END

# nginx takes a key file only if nobody else can read it: user_files cannot
# make one.
my $room = File::Temp->newdir('wsp-keys-XXXXXX', TMPDIR => 1);
my $serial = 0;

# Writes a key file and answers its name.
sub key_file {
    my ($text, $mode) = @_;
    my $name = "$room/" . ++$serial . '.keys';
    open my $file, '>', $name or die "$name: $!";
    print {$file} $text;
    close $file or die "$name: $!";
    chmod $mode // 0600, $name or die "$name: $!";
    return $name;
}

# base64 of 32 bytes 0x01
my $key = ('AQEB' x 10) . 'AQE=';
$ENV{TEST_NGINX_SEAL_KEYS} = key_file("# for tests\nfirst $key\n");


my $tenants = 0;

sub prepare {
    my $block = shift;

    # also told apart from what an earlier run has left in this Redis
    $ENV{TEST_NGINX_TENANT} =
        sprintf 't-%d-%.0f-%d', $$, 1000 * Time::HiRes::time(), ++$tenants;

    $block->set_value(http_config => $HttpConfig)
        if !defined $block->http_config;

    my $usual = !defined $block->config;
    $block->set_value(config => $Mount) if $usual;
    if (in_lua()) {
        $block->set_value(config => server_in_lua($block->config));
        $block->set_value(http_config => http_in_lua($block->http_config));
        if (my $skip = different($block->name)) {
            my ($count, $why) = @$skip;
            $block->set_value(skip_eval => "$count: 1  # $why");
        }
    }

    if (defined $block->must_die) {
        $block->set_value(no_error_log => [qr/\[alert\]/])
            if !defined $block->no_error_log;
        $block->set_value(suppress_stderr => '')
            if !defined $block->suppress_stderr;
        return;
    }

    # What a block wants to see in the log may be an [error].
    if (!defined $block->no_error_log) {
        my $unwanted = defined $block->error_log
            ? qr/\[(?:crit|alert|emerg)\]/
            : qr/\[(?:error|crit|alert|emerg)\]/;
        $block->set_value(no_error_log => [$unwanted]);
    }

    # Times are compared by their form alone.
    $block->set_value(response_body_filters => [\&hide_times])
        if !defined $block->response_body_filters;

    return if !$usual || defined $block->raw_response_headers_like
        || defined $block->ignore_response || defined $block->http09;
    my $requests = $block->pipelined_requests // $block->raw_request
        // $block->request;
    my $count = ref $requests eq 'ARRAY' && !defined $block->raw_request
        ? @$requests : 0;
    my $headers = qr{Content-Type:[ ]application/json;[ ]charset=utf-8\r\n
                     .*X-Request-ID:[ ][0-9a-f]{32}\r\n}sx;
    $block->set_value(raw_response_headers_like =>
        $count ? [($headers) x $count] : $headers);
}


sub hide_times {
    my ($body) = @_;
    my $time = qr/20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d\.\d{3}Z/;
    $body =~ s/"(created|updated|created_at|updated_at|timestamp)":"$time"/"$1":"TIME"/g;
    return $body;
}


# given('alice POST /1/members {"userId":"bob","roles":["member"]}', ...)
#
# For `init`: what has happened before the request of the block.  Each text is
# a user, a method, a path below $Base, perhaps headers in brackets
# and perhaps a body.  One that does not succeed is a failed test, not the
# end of all tests, as a die in `init` would be.  Answers the bodies.
sub given {
    return map { succeed($_) } @_;
}

sub succeed {
    my ($text) = @_;
    my ($user, $method, $path, $headers, $body) = $text
        =~ /\A\s*(\S+) (\S+) (\S+)(?: \[([A-Za-z-]+: [^\]\n]+)\])?(?: (.+?))?\s*\z/s
        or die "no user, method and path in: $text";
    $body //= '';
    my $request = join "\r\n", "$method $Base$path HTTP/1.1",
        'Host: localhost', 'Connection: close', "X-User: $user",
        (defined $headers ? split(/;\s*/, $headers) : ()),
        'Content-Length: ' . length $body, '', $body;

    my $socket = connect_to(main::server_port_for_client());
    print {$socket} $request;
    my $answer = do { local $/; <$socket> } // '';
    return $1 if $answer =~ m{\AHTTP/1\.1 20[01] .*?\r\n\r\n(.*)\z}s;
    Test::More::fail("given: $text");
    Test::More::diag($answer);
    return '';
}


# One command to Redis, for `init`.  Answers its reply.
sub redis {
    my @words = @_;
    my $socket = connect_to($ENV{TEST_NGINX_REDIS_PORT});
    print {$socket} '*' . @words . "\r\n",
        map { '$' . length($_) . "\r\n$_\r\n" } @words;
    return reply($socket);
}

sub reply {
    my ($socket) = @_;
    my $line = <$socket> // die 'Redis has closed the connection';
    $line =~ s/\r\n\z//;
    my ($type, $value) = $line =~ /\A(.)(.*)\z/s;
    die "Redis: $value\n" if $type eq '-';
    return $value if $type eq '+' || $type eq ':';
    return undef if $value < 0;
    return [map { reply($socket) } 1 .. $value] if $type eq '*';
    read $socket, my $bytes, $value + 2;
    return substr $bytes, 0, $value;
}

# The name of the hash with the sealed data of a workspace of this block.
sub sealed_hash {
    my ($workspace) = @_;
    my $found = redis('KEYS', "wsp:*:$ENV{TEST_NGINX_TENANT}:w:$workspace:x");
    Test::More::fail("data is sealed in workspace $workspace") if !@$found;
    return $found->[0] // '';
}

sub connect_to {
    my ($port) = @_;
    return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", Timeout => 10)
        // die "127.0.0.1:$port: $@";
}

1;
