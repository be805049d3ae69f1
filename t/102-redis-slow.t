# A Redis that has stopped answering: requests get 503 when their time is
# over, no more of them wait than may, and all is well when it goes on.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use Workspaces::Gateway;
use Workspaces::Process qw(patience);
use Workspaces::RedisProxy;
use Workspaces::RedisServer;

my @list = (GET => '', tenant => 'acme', user => 'ann');
my $redis = Workspaces::RedisServer->started;

# -- frozen under requests
{
    my $gateway = Workspaces::Gateway->started(redis => $redis,
        options => 'timeout=700ms connect_timeout=500ms');
    is($gateway->ask_until(200, 5, @list)->{status}, 200, 'it is served');
    sleep 1.1;      # the link counts as stable

    $redis->freeze;
    my @clients = map { $gateway->client->send(@list) } 1 .. 20;
    my @got = map { $_->answer } @clients;
    is_deeply([grep { $_->{status} != 503 } @got], [],
              'frozen Redis: 503 for all that wait');
    my ($last) = sort { $b <=> $a } map { $_->{seconds} } @got;
    cmp_ok($last, '>', 0.6, 'at their deadline');
    cmp_ok($last, '<', 8, 'and not much later');
    is($got[0]{headers}{'retry-after'}, '1', 'with Retry-After');
    ok($gateway->has_said(qr/Redis link lost: no reply in time/),
       'the link is given up, and the log says why');

    # the handshake hangs: those that wait fail with it, then backoff
    my $slow = $gateway->ask(@list);
    is($slow->{status}, 503, 'while it stays frozen: 503');
    cmp_ok($slow->{seconds}, '<', 8,
           'not later than the deadline');
    sleep 0.6;
    is($gateway->client->write("GET /alive HTTP/1.1\r\nHost: a\r\n\r\n")
               ->answer->{body}, 'alive', 'the worker is not held up');

    $redis->thaw;
    is($gateway->ask_until(200, 8, @list)->{status}, 200,
       'Redis goes on: it recovers by itself');
    $gateway->finish;
}

# -- a write that was under way when Redis froze is done once or not at all
{
    my $gateway = Workspaces::Gateway->started(redis => $redis,
        options => 'timeout=500ms');
    my %who = (tenant => 'once', user => 'ann');
    $gateway->ask_until(200, 5, GET => '', %who);
    sleep 1.1;
    $redis->freeze;
    my $got = $gateway->ask(POST => '', %who, json => { name => 'one' });
    is($got->{status}, 503, 'a write to a frozen Redis: 503');
    $redis->thaw;
    my @names = map { $_->{name} }
        @{ $gateway->ask_until(200, 8, GET => '', %who)->json };
    cmp_ok(scalar @names, '<=', 1, 'it was done once or not at all');
    $gateway->finish;
}

# -- replies that are slow but in time
{
    my $proxy = Workspaces::RedisProxy->started(redis => $redis,
        state => { delay => 0.02 });
    my $gateway = Workspaces::Gateway->started(redis => $proxy,
        options => 'timeout=5s connect_timeout=5s');
    my $got = $gateway->ask_until(200, 5, @list);
    is($got->{status}, 200, 'slow replies within the deadline: 200');
    cmp_ok($got->{seconds}, '>', 0.02, 'after they came');
    $gateway->finish;
    $proxy->stop;
}

# -- the queue is bounded
for my $queue (1, 4) {
    my $proxy = Workspaces::RedisProxy->started(redis => $redis);
    my $gateway = Workspaces::Gateway->started(redis => $proxy,
        options => "timeout=20s queue=$queue");
    is($gateway->ask_until(200, 5, @list)->{status}, 200,
       "queue=$queue: it is served");
    $proxy->set(frozen => 1);
    my @waiting = map { $gateway->client->send(@list) } 1 .. $queue;
    ok($gateway->has_under_way($queue), "queue=$queue: it is full");
    my @excess = map { $gateway->ask(@list) } 1 .. 5;
    is_deeply([grep { $_->{status} != 503 } @excess], [],
              "queue=$queue: one more gets 503");
    cmp_ok($excess[0]{seconds}, '<', 10,
           "queue=$queue: at once");
    is($excess[0]{headers}{'retry-after'}, '1',
       "queue=$queue: with Retry-After");
    $proxy->set(frozen => 0);
    is_deeply([map { $_->answer->{status} } @waiting], [(200) x $queue],
              "queue=$queue: those in the queue get their answer");
    is($gateway->ask(@list)->{status}, 200, "queue=$queue: there is room");
    $gateway->finish;
    $proxy->stop;
}

# -- far more waits to be written than a socket takes
{
    my $proxy = Workspaces::RedisProxy->started(redis => $redis);
    my $gateway = Workspaces::Gateway->started(redis => $proxy,
        options => 'timeout=60s', server => 'client_max_body_size 2m;');
    my %who = (tenant => 'big', user => 'ann', admin => 1);
    $gateway->ask_until(200, 5, GET => '', %who);
    my $id = $gateway->ask(POST => '', %who, json => { name => 'big' })
        ->json->{_id};
    # slots that are there: a new one counts those that there are
    $gateway->ask(POST => "/$id/encrypted", %who, json => {},
                  headers => { 'x-encrypted-id' => "s$_" }) for 1 .. 30;
    my $text = sub { qq({"$_[0]":") . 'x' x 700_000 . '"}' };
    $proxy->set(frozen => 1);
    my @clients = map {
        $gateway->client->send(POST => "/$id/encrypted", %who,
            headers => { 'x-encrypted-id' => "s$_" }, body => $text->($_))
    } 1 .. 30;
    my @gone = map {
        $gateway->client->send(POST => "/$id/encrypted", %who,
            headers => { 'x-encrypted-id' => "gone$_" }, body => $text->($_))
    } 1 .. 10;
    ok($gateway->has_under_way(40), 'all bodies have been read');
    $_->abort for @gone;
    $proxy->set(frozen => 0);
    is_deeply([map { $_->answer(60 * patience())->{status} } @clients],
              [(200) x 30], '20 MB wait for Redis: all is written');
    my @wrong = grep {
        $gateway->ask(GET => "/$id/encrypted", %who,
            headers => { 'x-encrypted-id' => "s$_" })->{body} ne $text->($_)
    } 1 .. 30;
    is("@wrong", '', 'and read back');
    $gateway->finish;
    $proxy->stop;
}

$redis->stop('KILL');
done_testing;
