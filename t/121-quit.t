# nginx ends, gracefully or fast, with requests under way.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use Workspaces::Gateway;
use Workspaces::Process qw(patience is_running until_true);
use Workspaces::RedisProxy;
use Workspaces::RedisServer;

my $redis = Workspaces::RedisServer->started;
my %who = (tenant => 'acme', user => 'ann');
my @list = (GET => '', %who);
my @make = (POST => '', %who, json => { name => 'Berlin' });

# -- requests that wait for a slow Redis get their answer
for my $case ({ name => 'a worker' },
              { name => 'two workers', workers => 2 })
{
    my $name = $case->{name};
    my $proxy = Workspaces::RedisProxy->started(redis => $redis);
    my $gateway = Workspaces::Gateway->started(redis => $proxy, %$case,
        tcp => 1, options => 'timeout=20s');
    is($gateway->ask_until(200, 5, @list)->{status}, 200,
       "$name: it is served");
    my $idle = $gateway->client;
    $idle->ask(@list);
    $proxy->set(frozen => 1);
    my @clients = map { $gateway->client->send($_ % 2 ? @list : @make) }
        1 .. 10;
    ok($gateway->has_under_way(10), "$name: requests wait");
    my @workers = $gateway->workers;
    $gateway->signal('QUIT');
    ok($gateway->has_said(qr/gracefully shutting down/),
       "$name: it was told to quit");
    ok(until_true(5 * patience(), sub {
        $gateway->client->{why} =~ /refused/;
    }), "$name: no new connection is taken");
    # a worker that has got none of the requests may go
    cmp_ok(scalar(grep { kill 0, $_ } @workers), '>=', 1,
           "$name: who has requests waits");
    is($idle->answer->{why}, 'closed',
       "$name: an idle connection is closed");
    $proxy->set(frozen => 0);
    is_deeply([grep { $_ != 200 } map { $_->answer->{status} } @clients], [],
              "$name: QUIT: requests that waited get 200");
    $_->close for @clients;     # nginx lingers after a POST
    ok(until_true(5 * patience(), sub { !is_running($gateway->pid) }),
       "$name: then nginx has ended");
    $gateway->finish;
    $proxy->stop;
}

# -- and when Redis stays away, their 503 at the deadline
{
    my $proxy = Workspaces::RedisProxy->started(redis => $redis);
    my $gateway = Workspaces::Gateway->started(redis => $proxy,
        options => 'timeout=1s');
    is($gateway->ask_until(200, 5, @list)->{status}, 200, 'it is served');
    $proxy->set(frozen => 1);
    my @clients = map { $gateway->client->send(@list) } 1 .. 5;
    ok($gateway->has_under_way(5), 'requests wait');
    my $from = time;
    $gateway->signal('QUIT');
    is_deeply([map { $_->answer->{status} } @clients], [(503) x 5],
              'QUIT with a frozen Redis: 503');
    ok(until_true(5 * patience(), sub { !is_running($gateway->pid) }),
       'and nginx ends');
    cmp_ok(time - $from, '<', 15 * patience(), 'after the deadline');
    $gateway->finish;
    $proxy->stop;
}

# -- Redis is restarted while the last requests wait: they are sent again
{
    my $proxy = Workspaces::RedisProxy->started(redis => $redis);
    my $gateway = Workspaces::Gateway->started(redis => $proxy,
        options => 'timeout=20s');
    $gateway->ask_until(200, 5, @list);
    sleep 1.1;
    $proxy->set(frozen => 1);
    my @clients = map { $gateway->client->send($_ % 2 ? @list : @make) }
        1 .. 6;
    ok($gateway->has_under_way(6), 'requests wait');
    $gateway->signal('QUIT');
    ok($gateway->has_said(qr/gracefully shutting down/), 'quitting');
    $proxy->set(frozen => 0, cut_now => 1);
    is_deeply([grep { $_ != 200 } map { $_->answer->{status} } @clients], [],
              'QUIT, then the link is lost: requests that wait get 200');
    $_->close for @clients;     # nginx lingers after a POST
    ok(until_true(5 * patience(), sub { !is_running($gateway->pid) }),
       'and nginx ends');
    $gateway->finish;
    $proxy->stop;
}

# -- without Redis nothing keeps it: neither backoff nor a handshake
for my $case (['a Redis that is not there', 'redis://127.0.0.1:1'],
              ['a Redis that does not answer', undef])
{
    my ($name, $url) = @$case;
    my $proxy = Workspaces::RedisProxy->started(redis => $redis);
    $proxy->set(frozen => 1);
    my $gateway = Workspaces::Gateway->started(redis => $url // $proxy,
        options => 'connect_timeout=30s timeout=30s');
    sleep 0.3;
    my $from = time;
    $gateway->signal('QUIT');
    ok(until_true(5 * patience(), sub { !is_running($gateway->pid) }),
       "$name: QUIT ends nginx");
    cmp_ok(time - $from, '<', 8, "$name: at once");
    $gateway->finish;
    $proxy->stop;
}

# -- fast; without a master process nginx knows no other way
for my $case ([0, 'TERM'], [1, 'TERM'], [1, 'QUIT']) {
    my ($single, $signal) = @$case;
    my $name = $single ? 'no master process' : 'a worker';
    my $proxy = Workspaces::RedisProxy->started(redis => $redis);
    my $gateway = Workspaces::Gateway->started(redis => $proxy,
        single => $single, options => 'timeout=20s');
    $gateway->ask_until(200, 5, @list);
    $proxy->set(frozen => 1);
    my @clients = map { $gateway->client->send($_ % 2 ? @list : @make) }
        1 .. 10;
    ok($gateway->has_under_way(10), "$name, $signal: requests wait");
    my $from = time;
    $gateway->signal($signal);
    ok(until_true(5 * patience(), sub { !is_running($gateway->pid) }),
       "$name: $signal with requests that wait ends nginx");
    cmp_ok(time - $from, '<', 8, "$name: at once");
    is_deeply([grep { $_ ne 'closed' } map { $_->answer->{why} // '' }
               @clients], [], "$name: its clients are cut");
    unlike($gateway->said, qr/open socket/, "$name: no socket is left");
    $gateway->finish;
    $proxy->stop;
}

$redis->stop('KILL');
done_testing;
