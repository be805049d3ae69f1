# The same over HTTP/2: several requests on one connection, uploads, streams
# that are reset.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Workspaces::Gateway;
use Workspaces::Http2;
use Workspaces::Process qw(room patience start_process stop_process
                           is_running until_true);
use Workspaces::RedisProxy;
use Workspaces::RedisServer;

my $features = `curl --version 2>/dev/null` || '';
plan skip_all => 'curl knows no HTTP/2' unless $features =~ /\bHTTP2\b/;

my $redis = Workspaces::RedisServer->started;
my $proxy = Workspaces::RedisProxy->started(redis => $redis);
my $gateway = Workspaces::Gateway->started(redis => $proxy, http2 => 1,
    tcp => 1, options => 'timeout=20s',
    server => <<'END');
        client_max_body_size 2m;
        location /hurried {
            client_body_timeout 1500ms;
            workspaces platform;
            workspaces_identity trusted tenant=$http_x_tenant
                user=$http_x_user admin=$http_x_admin;
        }
END
my $url = "http://127.0.0.1:$gateway->{port}/api/workspaces";
my ($worker) = $gateway->workers;

my @curl = ('curl', '-s', '--http2-prior-knowledge', '--max-time', '60',
            '-H', 'X-Tenant: acme', '-H', 'X-User: ann', '-H', 'X-Admin: 1');

# Runs curl to its end: (what it printed, its status)
sub curl {
    my $out = room() . '/curl.out';
    unlink $out;
    my $pid = start_process(log => $out, command => [@curl, @_]);
    until_true(25, sub { !is_running($pid) }) or stop_process($pid, 'KILL');
    open my $file, '<', $out or return '';
    local $/;
    return scalar <$file> // '';
}

sub status { return (curl('-o', '/dev/null', '-w', '%{http_version} '
                          . '%{http_code}', @_)) }

sub file {
    my ($name, $text) = @_;
    my $path = room() . "/$name";
    open my $file, '>', $path or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
    return $path;
}

sub document { return '{"a":"' . 'x' x ($_[0] - 8) . '"}' }

is(status($url), '2 200', 'a list over HTTP/2');
my ($id) = curl('-d', '{"name":"Berlin"}', $url) =~ /"_id":\s*"(\d+)"/;
ok($id, 'a workspace is made');
is(status("$url/$id/members/ann", '-X', 'PUT', '-d', '{"roles":["user"]}'),
   '2 400', 'a refusal');
is(curl('-I', "$url/$id") =~ /^HTTP\/2 200/ ? 1 : 0, 1, 'HEAD');

# -- uploads
for my $size (1, 20_000, 200_000, 1_048_576) {
    my $body = $size < 10 ? '{}' : document($size);
    my $path = file('upload', $body);
    is(status('--data-binary', "\@$path", "$url/$id/encrypted"), '2 200',
       'an upload of ' . length($body) . ' bytes');
    my $back = curl("$url/$id/encrypted");
    ok($back eq $body, 'all of it is read back')
        or diag length($back), ' bytes';
    is(status('-H', 'Transfer-Encoding: chunked', '-H', 'Content-Length:',
              '-X', 'POST', '-T', $path, "$url/$id/encrypted"), '2 200',
       'the same without a length');
}
my $big = file('big', document(1_048_577));
# nginx resets the stream behind its answer, which curl then throws away
curl('-o', '/dev/null', '--data-binary', "\@$big", "$url/$id/encrypted");
ok(until_true(5 * patience(), sub { $gateway->accesses =~ /" 413 / }),
   'a byte too much: 413');
curl('-o', '/dev/null', '-X', 'POST', '-T', $big, '-H', 'Content-Length:',
     "$url/$id/encrypted");
ok(until_true(5 * patience(), sub {
    2 == (() = $gateway->accesses =~ /" 413 /g);
}), 'a byte too much, without a length: 413');

# -- several on one connection
my %who = (tenant => 'acme', user => 'ann', admin => 1);
my @get = (GET => "/$id", %who);
{
    my $connection = Workspaces::Http2->connect($gateway);
    for my $round (1 .. 3) {
        my @streams = map { $connection->send(@get) } 1 .. 100;
        is_deeply([grep { $_ != 200 }
                   map { $connection->answer($_)->{status} } @streams], [],
                  "100 requests at once on a connection, round $round: 200");
    }
    my $all = 1;
    my %of;
    for my $user (qw(bob cem)) {
        $of{$user} = [map {
            $connection->send(POST => '', tenant => 'mixed', user => $user,
                              json => { name => "of $user" })
        } 1 .. 20];
    }
    for my $user (qw(bob cem)) {
        $connection->answer($_)->{body} =~ /"of $user"/ or $all = 0
            for @{ $of{$user} };
        my $list = $connection->ask(GET => '', tenant => 'mixed',
                                    user => $user)->{body};
        my $own = () = $list =~ /"of $user"/g;
        my $others = () = $list =~ /"of /g;
        is("$own $others", '20 20', "$user has his own on it, and no other");
    }
    ok($all, 'users on one connection get what is theirs');
}

# -- bodies that come in frames, late, or not at all
{
    my $connection = Workspaces::Http2->connect($gateway);
    my $stream = $connection->send(POST => '', %who, body => '{"name":',
                                   open => 1);
    $connection->data($stream, $_) for '', '"in', '';
    $connection->data($stream, ' frames"}', 1);
    my $got = $connection->answer($stream);
    is($got->{status}, 200, 'a body in frames: 200');
    like($got->{body}, qr/"in frames"/, 'a body in frames: is whole');

    $stream = $connection->send(POST => '', %who, base => '/hurried',
                                body => '{', open => 1);
    $got = $connection->answer($stream, 20 * patience());
    ok($got->{ended}, 'a body that does not go on: the stream ends')
        or diag explain $got;
    $stream = $connection->send(POST => '', %who, body => '{', open => 1);
    $connection->reset($stream);
    is($connection->ask(@get)->{status}, 200,
       'a stream reset in mid body: others are served');
}

# -- streams that are reset, connections that are cut
{
    my $gone = sub {
        my $n = () = $gateway->accesses =~ /" 499 /g;
        return $n;
    };
    my @sizes;
    for my $round (1 .. 12) {
        $proxy->set(frozen => 1);
        my $connection = Workspaces::Http2->connect($gateway);
        my @streams = map {
            $connection->send($_ % 2 ? (POST => '', %who,
                                        json => { name => 'never' }) : @get)
        } 1 .. 100;
        my $other = Workspaces::Http2->connect($gateway);
        $other->send(@get) for 1 .. 100;
        $_->settle or fail('streams are not taken') for $connection, $other;
        $connection->reset(@streams[0 .. 49]);
        $other->close;
        until_true(5 * patience(), sub { $gone->() >= 150 * $round });
        $proxy->set(frozen => 0);
        is_deeply([grep { $_ != 200 } map {
                       $connection->answer($_)->{status}
                   } @streams[50 .. 99]], [],
                  "half of the streams are reset, round $round: the others "
                  . 'get 200');
        push @sizes, $gateway->memory($worker);
    }
    is($gone->(), 12 * 150, 'those that were reset or cut have ended');
    # blocks of operations are kept for the next ones, up to a limit
    cmp_ok($sizes[-1] - $sizes[6], '<',
           $ENV{SANITIZER_REPORTS} ? 40960 : 1024,
           "memory does not grow (kB: @sizes)");

    $proxy->set(delay => 0.001);
    my $connection = Workspaces::Http2->connect($gateway);
    for my $round (1 .. 30) {
        my @streams = map { $connection->send(@get) } 1 .. 10;
        sleep 0.001 * ($round % 10);
        $connection->reset(@streams);
    }
    $proxy->set(delay => 0);
    is($connection->ask(@get)->{status}, 200,
       'resets at any moment: the connection serves on');
}
for my $rate ('100k', '1m') {
    my $path = file('slow', document(900_000));
    my @pids = map {
        start_process(log => '/dev/null', command => [@curl,
            '--limit-rate', $rate, '--data-binary', "\@$path",
            "$url/$id/encrypted"])
    } 1 .. 10;
    sleep 0.3;
    stop_process($_, 'KILL') for @pids;
    is(status("$url/$id"), '2 200',
       "uploads aborted at $rate: others are served");
}
# -- Redis away
{
    $proxy->stop;
    until_true(5 * patience(), sub { status($url) eq '2 503' });
    my $head = curl('-D', '-', $url);
    like($head, qr/^HTTP\/2 503/, 'without Redis: 503');
    like($head, qr/^retry-after: 1\r$/m, 'with Retry-After');
    like($head, qr/"message"/, "in the dialect's shape");
}

is_deeply([$gateway->workers], [$worker], 'the worker is the same');
$gateway->finish;
$redis->stop('KILL');
done_testing;
