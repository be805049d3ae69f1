# The access phase over real connections: requests that wait for Redis, with
# bodies, over HTTP/2, with clients that go away, without Redis.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(sleep time);

use Workspaces::Gateway;
use Workspaces::Process qw(room free_port run_child patience until_true
                           is_running);
use Workspaces::RedisProxy;
use Workspaces::RedisServer;

my $redis = Workspaces::RedisServer->started;
my %who = (tenant => 'acme', user => 'ann');

# -- a backend that tells the digest of the body that it has got
my $backend = room() . '/backend';
{
    my $listening = IO::Socket::UNIX->new(Local => $backend, Listen => 128)
        or die "$backend: $!";
    run_child('backend', sub {
        while (my $client = $listening->accept) {
            my $bytes = '';
            my $length;
            while (!defined $length
                   || length $bytes < $length + index($bytes, "\r\n\r\n") + 4)
            {
                sysread $client, $bytes, 65536, length $bytes or last;
                next if $bytes !~ /\r\n\r\n/;
                $length = $bytes =~ /^Content-Length: (\d+)/mi ? $1 : 0;
            }
            my ($id) = $bytes =~ /^X-Workspace-ID: (.*?)\r$/m;
            my ($line) = $bytes =~ /\A(.*)\r\n/;
            my $body = substr $bytes, index($bytes, "\r\n\r\n") + 4;
            my $said = sprintf "%s|%s|%s\n", $line, $id // '', md5_hex($body);
            syswrite $client, "HTTP/1.0 200 OK\r\nContent-Length: "
                . length($said) . "\r\n\r\n$said";
            close $client;
        }
    });
    close $listening;
}

sub gateway {
    my ($from, %given) = @_;
    my $http2 = free_port();
    my $gateway = Workspaces::Gateway->started(redis => $from,
        http => 'workspaces_cache off;',
        options => $given{options} // 'timeout=20s',
        tcp => $given{tcp},
        server => <<"END");
        listen 127.0.0.1:$http2 http2;
        workspaces_identity trusted tenant=\$http_x_tenant
            user=\$http_x_user;
        client_body_buffer_size 16k;
        location /app {
            workspaces_access on;
            workspaces_forward on;
            proxy_pass http://unix:$backend;
        }
END
    $gateway->{http2} = $http2;
    return $gateway;
}

# A request to /app as bytes.
sub app {
    my ($method, %given) = @_;
    my $body = $given{body};
    my $version = $given{version} // '1.1';
    return "$method /app HTTP/$version\r\nHost: gateway\r\nX-Tenant: acme\r\n"
        . 'X-User: ' . ($given{user} // 'ann') . "\r\n"
        . 'X-Workspace-ID: ' . ($given{id} // 1) . "\r\n"
        . ($given{more} // '')
        . (defined $body && !$given{more}
            ? 'Content-Length: ' . length($body) . "\r\n" : '')
        . "\r\n" . ($body // '');
}

sub ask_app {
    my ($gateway, @request) = @_;
    return $gateway->client->write(app(@request))->answer;
}

my $proxy = Workspaces::RedisProxy->started(redis => $redis);

# -- whoever waits goes on with all that it has sent
for my $transport ('tcp', 'unix socket') {
    my $gateway = gateway($proxy, tcp => $transport eq 'tcp');
    $gateway->ask_until(200, 5, GET => '', %who);
    $gateway->ask(POST => '', %who, json => { name => 'A' })
        if $transport eq 'tcp';

    my $large = 'x' x 300_000;
    my %digest = map { $_ => md5_hex($_) } '', 'small', $large;
    for my $round (1, 2) {
        $proxy->set(frozen => 1);
        my $get = $gateway->client->write(app('GET'));
        my $small = $gateway->client->write(app(POST => body => 'small'));
        my $chunked = $gateway->client->write(app(POST =>
            more => "Transfer-Encoding: chunked\r\n",
            body => "3\r\nsma\r\n2\r\nll\r\n0\r\n\r\n"));
        my $late = $gateway->client->write(app(POST =>
            more => "Content-Length: 300000\r\n", body => ''));
        my $stranger = $gateway->client->write(app(POST => user => 'bob',
            body => 'small') . app('GET'));
        my $keep = $gateway->client->write(app('GET') . app(POST =>
            body => 'small') . app(GET => user => 'bob') . app('GET'));
        $gateway->has_under_way(6) or fail("$transport: all wait");
        $late->write(substr $large, 0, 1000);
        sleep 0.1;
        $proxy->set(frozen => 0);
        $late->write(substr $large, 1000);

        my $name = "$transport, round $round";
        like($get->answer->{body}, qr/^GET .*\|1\|$digest{''}$/, "$name: GET");
        like($small->answer->{body}, qr/^POST .*\|1\|$digest{small}$/,
             "$name: a small body");
        like($chunked->answer->{body}, qr/^POST .*\|1\|$digest{small}$/,
             "$name: a chunked body");
        like($late->answer->{body}, qr/^POST .*\|1\|$digest{$large}$/,
             "$name: a large body that comes meanwhile");
        is($stranger->answer->{status}, 404, "$name: a stranger's body");
        is($stranger->answer->{status}, 200,
           "$name: and a member after it on the same connection");
        is_deeply([map { $keep->answer->{status} } 1 .. 4],
                  [200, 200, 404, 200],
                  "$name: each request of a connection is decided by itself");
    }
    my $old = $gateway->client->write(app(GET => version => '1.0'))->answer;
    is($old->{status}, 200, "$transport: HTTP/1.0");
    $gateway->finish;
}

# -- HTTP/2
SKIP: {
    my $has = `curl -V 2>/dev/null` =~ /^Features:.*\bHTTP2\b/m;
    skip 'no curl with HTTP/2', 10 if !$has;
    my $gateway = gateway($proxy);
    $gateway->ask_until(200, 5, GET => '', %who);
    my $file = room() . '/body';
    open my $out, '>', $file or die "$file: $!";
    print {$out} 'y' x 200_000;
    close $out;
    my $curl = sub {
        my ($user, @more) = @_;
        my $quoted = join ' ', map { "'$_'" } '-H', "X-User: $user", '-H',
            'X-Tenant: acme', '-H', 'X-Workspace-ID: 1', @more;
        return "curl -s --http2-prior-knowledge -m 20 -w '%{http_version} "
            . "%{http_code}' $quoted http://127.0.0.1:$gateway->{http2}/app";
    };
    like(`@{[$curl->('ann')]}`, qr/^GET .*\|1\|.*\n2 200$/, 'HTTP/2: a member');
    like(`@{[$curl->('bob')]}`, qr/"status":404.*\}2 404$/,
         'HTTP/2: a stranger');
    is(`@{[$curl->('bob', '-I', '-o', '/dev/null')]}`, '2 404',
       'HTTP/2: HEAD');

    $proxy->set(frozen => 1);
    my @waiting = map {
        my $command = $curl->(@$_);
        open my $pipe, '-|', $command or die "curl: $!";
        $pipe;
    } ['ann'], ['ann', '--data-binary', "\@$file"],
      ['bob', '--data-binary', 'small'];
    my $gone = open my $pipe, '-|', 'exec ' . $curl->('ann');
    ok($gateway->has_under_way(4), 'HTTP/2: requests wait');
    kill KILL => $gone;
    close $pipe;
    ok(until_true(5 * patience(), sub { $gateway->accesses =~ /" 499 / }),
       'HTTP/2: a client that goes away is noticed');
    $proxy->set(frozen => 0);
    my $digest = md5_hex('y' x 200_000);
    my @said = map { local $/; scalar readline $_ } @waiting;
    like($said[0], qr/\|1\|.*\n2 200$/, 'HTTP/2: who waited goes on');
    like($said[1], qr/^POST .*\|1\|$digest\n2 200$/,
         'HTTP/2: with the body');
    like($said[2], qr/"status":404/, 'HTTP/2: or is refused');
    close $_ for @waiting;
    $gateway->finish;
}

# -- clients that go away
{
    my $gateway = gateway($proxy, tcp => 1);
    my ($worker) = $gateway->workers;
    $gateway->ask_until(200, 5, GET => '', %who);
    my @sizes;
    my $aborts = 0;
    for my $round (1 .. 5) {
        $proxy->set(frozen => 1);
        my @clients = map {
            $gateway->client->write($_ % 2 ? app('GET')
                                           : app(POST => body => 'small'))
        } 1 .. 200;
        $gateway->has_under_way(200) or fail('they are not read');
        $_ % 3 ? $clients[$_]->abort : $clients[$_]->close
            for 0 .. $#clients;
        $aborts += @clients;
        until_true(5 * patience(), sub {
            $aborts <= (() = $gateway->accesses =~ /" 499 /g)
        });
        $proxy->set(frozen => 0);
        is(ask_app($gateway, 'GET')->{status}, 200,
           "aborts, round $round: those who stay are served");
        push @sizes, $gateway->memory($worker);
    }
    is(scalar(() = $gateway->accesses =~ /" 499 /g), $aborts,
       "each of $aborts aborts is in the access log as 499");
    is_deeply([$gateway->workers], [$worker], 'the worker is the same');
    cmp_ok($sizes[-1] - $sizes[1], '<', $ENV{SANITIZER_REPORTS} ? 40960 : 512,
           "its memory does not grow (kB: @sizes)");
    $gateway->finish;
}

# -- the deadline
{
    my $gateway = gateway($proxy,
                          options => 'timeout=500ms connect_timeout=500ms');
    $gateway->ask_until(200, 5, GET => '', %who);
    $proxy->set(frozen => 1);
    my $got = ask_app($gateway, POST => body => 'small');
    is($got->{status}, 503, 'a Redis that says nothing: 503');
    is($got->{headers}{'content-type'}, 'application/problem+json',
       'as a problem');
    ok($got->{headers}{'retry-after'}, 'with Retry-After');
    cmp_ok($got->{seconds}, '>=', 0.3, 'not before the deadline');
    cmp_ok($got->{seconds}, '<', 8 * patience(), 'and not long after');
    like($gateway->said, qr/\[error\] .*access undecided: reason "\w+"/,
         'it is said that nothing could be decided');
    $proxy->set(frozen => 0);
    my $again;
    until_true(5 * patience(), sub {
        $again = ask_app($gateway, 'GET');
        $again->{status} == 200;
    });
    is($again->{status}, 200, 'and it is served again when Redis is back');
    $gateway->finish;
}

# -- who waits when the worker is told to quit gets through
{
    my $gateway = gateway($proxy);
    $gateway->ask_until(200, 5, GET => '', %who);
    $proxy->set(frozen => 1);
    my @clients = map { $gateway->client->write(app('GET')) } 1 .. 5;
    ok($gateway->has_under_way(5), 'requests wait');
    $gateway->signal('QUIT');
    $gateway->has_said(qr/gracefully shutting down/);
    sleep 0.3;
    $proxy->set(frozen => 0);
    is_deeply([map { $_->answer->{status} } @clients], [(200) x 5],
              'QUIT: requests that waited get through');
    ok(until_true(5 * patience(), sub { !is_running($gateway->pid) }),
       'then nginx has ended');
    $gateway->finish;
}

# -- TERM ends them at once
{
    my $gateway = gateway($proxy);
    $gateway->ask_until(200, 5, GET => '', %who);
    $proxy->set(frozen => 1);
    my @clients = map { $gateway->client->write(app('GET')) } 1 .. 5;
    ok($gateway->has_under_way(5), 'requests wait');
    $gateway->finish(signal => 'TERM');
    $proxy->set(frozen => 0);
}

# -- no Redis at all
{
    my $gateway = gateway('unix:' . room() . '/nobody');
    my $got = ask_app($gateway, 'GET');
    is($got->{status}, 503, 'no Redis: 503');
    like($got->{body}, qr/"status":503/, 'as a problem');
    $gateway->finish;
}

# -- reloads under load: nobody gets in who may not
{
    my $gateway = gateway($proxy);
    $gateway->ask_until(200, 5, GET => '', %who);
    my %seen;
    for my $round (1 .. 5) {
        $gateway->signal('HUP');
        for (1 .. 100) {
            my ($member, $stranger) = map { $gateway->client->write(
                app(GET => user => $_)) } 'ann', 'bob';
            $seen{'member ' . $member->answer->{status}}++;
            $seen{'stranger ' . $stranger->answer->{status}}++;
        }
    }
    is_deeply(\%seen, { 'member 200' => 500, 'stranger 404' => 500 },
              'reloads: members get through, strangers do not')
        or diag explain \%seen;
    $gateway->finish;
}

$proxy->stop;
$redis->stop;
done_testing();
