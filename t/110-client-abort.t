# Clients that go away while their request waits for Redis.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Workspaces::Gateway;
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisProxy;
use Workspaces::RedisServer;

my $redis = Workspaces::RedisServer->started;
my $proxy = Workspaces::RedisProxy->started(redis => $redis);
my %who = (tenant => 'acme', user => 'ann');
my @list = (GET => '', %who);

for my $transport ('tcp', 'unix socket') {
    my $gateway = Workspaces::Gateway->started(redis => $proxy,
        tcp => $transport eq 'tcp', options => 'timeout=20s');
    my ($worker) = $gateway->workers;
    is($gateway->ask_until(200, 5, @list)->{status}, 200,
       "$transport: it is served");
    my $accesses = sub {
        my $n = () = $gateway->accesses =~ /" $_[0] /g;
        return $n;
    };

    # some hundreds in each round, of every kind of request; half of them
    # abort, half of them close
    my @sizes;
    my $aborts = 0;
    for my $round (1 .. 6) {
        $proxy->set(frozen => 1);
        for my $wave (1 .. 2) {
            my @clients = map {
                $gateway->client->send(
                    $_ % 3 == 0 ? (POST => '', %who,
                                   json => { name => 'x' x 200 })
                    : $_ % 3 == 1 ? (PUT => "/$_", %who,
                                     json => { labels => ['a'] })
                    : @list)
            } 1 .. 100;
            $gateway->has_under_way(100) or fail('they are not read');
            $_ % 2 ? $clients[$_]->abort : $clients[$_]->close
                for 0 .. $#clients;
            $aborts += @clients;
            until_true(5 * patience(),
                       sub { $accesses->(499) >= $aborts });
        }
        $proxy->set(frozen => 0);
        is($gateway->ask(@list)->{status}, 200,
           "$transport, round $round: those who stay are served");
        push @sizes, $gateway->memory($worker);
    }
    is($accesses->(499), $aborts,
       "$transport: each of $aborts aborts is in the access log as 499");
    is_deeply([$gateway->workers], [$worker],
              "$transport: the worker is the same");
    my $growth = $sizes[-1] - $sizes[1];
    # a sanitizer keeps freed memory
    cmp_ok($growth, '<', $ENV{SANITIZER_REPORTS} ? 40960 : 512,
           "$transport: its memory does not grow (kB: @sizes)");
    $gateway->finish;
}

# -- what was cancelled before it went to Redis is not done
{
    $proxy->set(frozen => 1);
    my $gateway = Workspaces::Gateway->started(redis => $proxy,
        options => 'timeout=20s connect_timeout=20s');
    my %never = (tenant => 'never', user => 'ann');
    my @clients = map {
        $gateway->client->send(POST => '', %never, json => { name => "n$_" })
    } 1 .. 20;
    ok($gateway->has_under_way(20), 'they wait for Redis');
    $_->abort for @clients;
    until_true(5 * patience(), sub { 20 == (() = $gateway->accesses =~
                                            /" 499 /g) });
    $proxy->set(frozen => 0);
    is($gateway->ask(GET => '', %never)->{body}, '[]',
       'a request that was cancelled before Redis got it has no effect');
    $gateway->finish;
}

# -- a request behind another on one connection is no abort
{
    my $gateway = Workspaces::Gateway->started(redis => $proxy,
                                               options => 'timeout=20s');
    $gateway->ask_until(200, 5, @list);
    $proxy->set(frozen => 1);
    my $client = $gateway->client;
    $client->send(@list) for 1 .. 5;
    sleep 0.1 * patience();
    $proxy->set(frozen => 0);
    is_deeply([map { $client->answer->{status} } 1 .. 5], [(200) x 5],
              'pipelined requests are all answered');

    # aborted in the middle of a pipeline
    $proxy->set(frozen => 1);
    my @clients = map { $gateway->client } 1 .. 20;
    for my $each (@clients) {
        $each->send(@list) for 1 .. 3;
    }
    sleep 0.1 * patience();
    $_->abort for @clients;
    $proxy->set(frozen => 0);
    is($gateway->ask(@list)->{status}, 200,
       'aborted pipelines: others are served');
    $gateway->finish;
}

# -- aborts while replies come
{
    $proxy->set(delay => 0.001);
    my $gateway = Workspaces::Gateway->started(redis => $proxy,
                                               options => 'timeout=20s');
    for my $round (1 .. 40) {
        my @clients = map { $gateway->client->send(@list) } 1 .. 10;
        sleep 0.0005 * ($round % 12);
        $_->abort for @clients;
    }
    is($gateway->ask(@list)->{status}, 200,
       'aborts at any moment: others are served');
    $gateway->finish;
}

$proxy->stop;
$redis->stop('KILL');
done_testing;
