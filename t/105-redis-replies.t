# What can become of replies on their way: corrupt, in pieces, lost.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Workspaces::Gateway;
use Workspaces::Invariants qw(broken_invariants);
use Workspaces::Process qw(patience);
use Workspaces::RedisProxy;
use Workspaces::RedisServer;

my $redis = Workspaces::RedisServer->started;
my %who = (tenant => 'acme', user => 'ann');
my @list = (GET => '', %who);

# -- pieces
{
    my $proxy = Workspaces::RedisProxy->started(redis => $redis,
                                                state => { split => 1 });
    my $gateway = Workspaces::Gateway->started(redis => $proxy,
        options => 'timeout=100s connect_timeout=100s');
    # a pause for each byte of some thousand
    my $got = $gateway->client->send(POST => '', %who,
        json => { name => 'Berlin', labels => ['a'] })->answer(100);
    is($got->{status}, 200, 'replies in single bytes: a write is done');
    is($gateway->ask(GET => '/' . $got->json->{_id}, %who)->json->{name},
       'Berlin', 'replies in single bytes: a read is right');
    $gateway->finish;
    $proxy->stop;
}

# -- random bytes
{
    my $proxy = Workspaces::RedisProxy->started(redis => $redis);
    my $gateway = Workspaces::Gateway->started(redis => $proxy,
                                               options => 'timeout=1s');
    is($gateway->ask_until(200, 5, @list)->{status}, 200, 'it is served');
    my @workers = $gateway->workers;
    my %count;
    for my $round (1 .. 30) {
        $proxy->set(corrupt => 1 + $round % 3);
        $count{ $gateway->ask(@list)->{status} }++ for 1 .. 3;
    }
    is_deeply([grep { !/^(?:200|50[03])$/ } keys %count], [],
              'corrupt replies: 200, or a clear error')
        or diag explain \%count;
    cmp_ok($count{503}, '>', 0, 'corrupt replies: clients got 503');
    $proxy->set(corrupt => 0);
    is($gateway->ask_until(200, 8, @list)->{status}, 200,
       'corrupt replies: it recovers by itself');
    is_deeply([$gateway->workers], \@workers,
              'corrupt replies: the worker is the same');
    $gateway->finish;
    $proxy->stop;
}

# -- replies that are RESP, but not what was asked for
{
    my @odd = ("+OK\r\n", ":1\r\n", "\$-1\r\n", "*-1\r\n", "*0\r\n",
               "-ERR odd\r\n", "*1\r\n*1\r\n*1\r\n:1\r\n", "\$3\r\nabc\r\n",
               "*2\r\n\$1\r\na\r\n", "*1048577\r\n", "*2147483647\r\n",
               "\$2147483647\r\nabc", "\$-5\r\n", "*-5\r\n",
               ":99999999999999999999999\r\n", "\$99999999999999999999\r\n",
               "*1\r\n" x 12 . "+deep\r\n", "+OK\r\n+OK\r\n+OK\r\n",
               "*7\r\n" . "\$-1\r\n" x 7, "*7\r\n" . "*0\r\n" x 7,
               "*7\r\n:1\r\n" . ":-1\r\n" x 6, "%1\r\n+a\r\n+b\r\n");
    my $proxy = Workspaces::RedisProxy->started(redis => $redis,
        state => { odd => -1, times => 0 },
        hook => sub {
            my ($words, $state) = @_;
            return unless $state->{times} > 0
                && $words->[0] !~ /^(?:CLIENT|SCRIPT|INFO|PING|GET)$/i;
            $state->{times}--;
            return { reply => $odd[$state->{odd}] };
        });
    my $gateway = Workspaces::Gateway->started(redis => $proxy,
        options => 'timeout=300ms connect_timeout=300ms');
    $gateway->ask_until(200, 5, @list);
    my $id = $gateway->ask_until(200, 5, POST => '', %who,
                                 json => { name => 'odd' })->json->{_id};
    my @workers = $gateway->workers;
    my @requests = ([@list], [GET => "/$id", %who],
        [PUT => "/$id", %who, json => { labels => ['b'] }],
        [POST => "/$id/members", %who,
         json => { userId => 'bob', roles => ['user'] }],
        [GET => '/all?q=odd', %who, admin => 1]);
    my %count;
    for my $odd (0 .. $#odd) {
        for my $request (@requests) {
            $proxy->set(odd => $odd, times => 1 + $odd % 2);
            $count{ $gateway->ask(@$request)->{status} }++;
        }
    }
    $proxy->set(times => 0);
    is_deeply([grep { !/^(?:200|400|404|409|500|503)$/ } keys %count], [],
              'odd replies: nothing but clear answers')
        or diag explain \%count;
    is($gateway->ask_until(200, 8, @list)->{status}, 200,
       'odd replies: it recovers by itself');
    is_deeply([$gateway->workers], \@workers,
              'odd replies: the worker is the same');
    $gateway->finish;
    $proxy->stop;
}

# -- the reply to a commit is lost, and the link with it
{
    my $proxy = Workspaces::RedisProxy->started(redis => $redis,
        state => { lose => 0 },
        hook => sub {
            my ($words, $state) = @_;
            return unless $words->[0] eq 'EVALSHA' && $state->{lose} > 0;
            $state->{lose}--;
            return { lose => 1 };
        });
    my $gateway = Workspaces::Gateway->started(redis => $proxy);
    my %lost = (tenant => 'lost', user => 'ann');
    $gateway->ask_until(200, 5, GET => '', %lost);
    my $revision = sub {
        my ($tag) = $gateway->ask_until(200, 8, GET => "/$_[0]", %lost)
            ->{headers}{etag} =~ /(\d+)/;
        return $tag;
    };

    # a link that was lost once is opened again at once, and once more; when
    # it has lasted a second that is forgotten
    sleep 1.1;
    $proxy->set(lose => 1);
    my $got = $gateway->ask(POST => '', %lost, json => { name => 'made' });
    is($got->{status}, 200, 'a lost acknowledgement: 200 by sending it again');
    my $id = $got->json->{_id};
    is(scalar @{ $gateway->ask(GET => '', %lost)->json }, 1,
       'and the workspace is there once');

    my $was = $revision->($id);
    $proxy->set(lose => 1);
    $got = $gateway->ask(POST => "/$id/members", %lost,
                         json => { userId => 'bob', roles => ['admin'] });
    is($got->{status}, 200, 'a member added: 200, not "already a member"');
    is($revision->($id), $was + 1, 'one revision later');

    sleep 1.1;
    $proxy->set(lose => 1);
    $got = $gateway->ask(DELETE => "/$id/members/bob", %lost);
    is($got->{status}, 200, 'a member removed: 200, not 404');
    is($revision->($id), $was + 2, 'one revision later');

    # twice: what became of it is unknown, and the client is told
    $proxy->set(lose => 2);
    $got = $gateway->ask(PUT => "/$id", %lost, json => { name => 'twice' });
    is($got->{status}, 503, 'lost twice: a clear 503');
    is($got->{headers}{'retry-after'}, '1', 'lost twice: with Retry-After');
    is($revision->($id), $was + 3, 'lost twice: it had its effect once');

    sleep 1.1;
    $proxy->set(lose => 1);
    $got = $gateway->ask(DELETE => "/$id", %lost);
    is($got->{status}, 200, 'a workspace deleted: 200, not 404');
    is(scalar @{ $gateway->ask_until(200, 8, GET => '', %lost)->json }, 0,
       'and it is gone');

    # with an Idempotency-Key, after a 503, the client may try again
    $proxy->set(lose => 2);
    my @keyed = (POST => '', %lost, json => { name => 'keyed' },
                 headers => { 'Idempotency-Key' => 'k-1' });
    $got = $gateway->ask(@keyed);
    is($got->{status}, 503, 'with an Idempotency-Key, lost twice: 503');
    $gateway->ask_until(200, 8, GET => '', %lost);
    $got = $gateway->ask(@keyed);
    is($got->{status}, 200, 'and again: the first answer');
    is(scalar @{ $gateway->ask(GET => '', %lost)->json }, 1,
       'and the workspace is there once');
    is(join("\n", broken_invariants($redis)), '', 'all agrees');
    $gateway->finish;
    $proxy->stop;
}

$redis->stop('KILL');
done_testing;
