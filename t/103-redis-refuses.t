# Redis answers, but with a refusal.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Workspaces::Gateway;
use Workspaces::Invariants qw(broken_invariants);
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisProxy;
use Workspaces::RedisServer;

my %who = (tenant => 'acme', user => 'ann');
my @list = (GET => '', %who);
my @make = (POST => '', %who, json => { name => 'Berlin', labels => ['a'] });

sub is_unavailable {
    my ($got, $what) = @_;
    is($got->{status}, 503, "$what: 503") or diag $got->{body};
    is($got->{headers}{'retry-after'}, '1', "$what: with Retry-After");
    unlike($got->{body}, qr/OOM|READONLY|MISCONF|LOADING|redis/i,
           "$what: and nothing of Redis' own words");
    return;
}

# -- LOADING: a proxy answers like a Redis that still reads its file
{
    my $redis = Workspaces::RedisServer->started;
    my $proxy = Workspaces::RedisProxy->started(redis => $redis,
        state => { loading => 1 },
        hook => sub {
            my ($words, $state) = @_;
            return unless $state->{loading};
            return { reply => "-LOADING Redis is loading the dataset in "
                              . "memory\r\n" };
        });
    my $gateway = Workspaces::Gateway->started(redis => $proxy);
    sleep 0.2;
    is_unavailable($gateway->ask(@list), 'LOADING at start');
    ok($gateway->has_said(qr/workspaces: .*LOADING/), 'LOADING: is logged');
    $proxy->set(loading => 0);
    is($gateway->ask_until(200, 8, @list)->{status}, 200,
       'LOADING: it recovers by itself');
    sleep 1.1;
    $proxy->set(loading => 1);
    is_unavailable($gateway->ask(@list), 'LOADING on a link that was good');
    $proxy->set(loading => 0);
    is($gateway->ask_until(200, 8, @list)->{status}, 200,
       'LOADING: and recovers again');
    $gateway->finish;
    $proxy->stop;
    $redis->stop('KILL');
}

# -- LOADING: a Redis that reads its file for as long as it is told to; what
# it answers while it does, it chooses itself
{
    my $redis = Workspaces::RedisServer->started;
    my $gateway = Workspaces::Gateway->started(redis => $redis);
    my $id = $gateway->ask_until(200, 5, @make)->json->{_id};
    $redis->ask('MSET', map { ("other-$_" => 'x' x 1024) } 1 .. 1000);
    $redis->ask('SAVE');
    $redis->stop('KILL');
    is_unavailable($gateway->ask(@list), 'before it loads');

    $redis->begin('--key-load-delay', 100_000,
                  '--loading-process-events-interval-bytes', 1024);
    ok($gateway->has_said(qr/no Redis link: LOADING/, 10),
       'it loads: is logged');
    is_unavailable($gateway->ask(@list), 'it loads');
    ok($gateway->has_said(qr/Redis tracking link.*: LOADING/, 10),
       'it loads: of the other link, too');
    $redis->ask('CONFIG', 'SET', 'key-load-delay', 0);
    is($gateway->ask_until(200, 8, GET => "/$id", %who)->{status}, 200,
       'it has loaded: it is served');
    unlike($gateway->said, qr/not asked for/, 'and nothing else was seen');
    $gateway->finish;
    $redis->stop('KILL');
}

# -- READONLY, OOM, MISCONF: reads go on, nothing is half written
{
    my $redis = Workspaces::RedisServer->started(
        options => ['--dbfilename', 'blocked']);
    my $gateway = Workspaces::Gateway->started(redis => $redis);
    $gateway->ask_until(200, 5, @list);
    my $id = $gateway->ask(@make)->json->{_id};
    ok($id, 'there is a workspace');
    my $keys = join ' ', sort @{ $redis->ask('KEYS', '*') };
    my $keys_are = sub {
        return join ' ', sort grep { !/:[tk]:\w+$/ }
            @{ $redis->ask('KEYS', '*') };
    };
    my $was = $keys_are->();
    my @writes = ([@make], [PUT => "/$id", %who, json => { labels => ['b'] }],
                  [POST => "/$id/members", %who,
                   json => { userId => 'bob', roles => ['user'] }],
                  [DELETE => "/$id", %who],
                  [POST => "/$id/activate", %who, json => {}]);

    # out of memory
    my ($used) = $redis->ask('INFO', 'memory') =~ /^used_memory:(\d+)/m;
    $redis->ask('CONFIG', 'SET', 'maxmemory', 1 << 20);
    for my $write (@writes) {
        is_unavailable($gateway->ask(@$write), "OOM: $write->[0] $write->[1]");
    }
    is($gateway->ask(@list)->{status}, 200, 'OOM: reads go on');
    is($gateway->ask(GET => "/$id", %who)->{status}, 200,
       'OOM: of one workspace, too');
    ok($gateway->has_said(qr/Redis refused a command: .*OOM/),
       'OOM: is logged');
    is($keys_are->(), $was, 'OOM: nothing was half written');
    is($redis->ask('HGET', (grep { /w:$id$/ } split / /, $keys)[0], 'labels'),
       '["a"]', 'OOM: nor changed');
    $redis->ask('CONFIG', 'SET', 'maxmemory', 0);
    is($gateway->ask_until(200, 2, @list)->{status}, 200, 'OOM: over');
    is($gateway->ask(PUT => "/$id", %who, json => { labels => ['c'] })
               ->{status}, 200, 'OOM: writes are done again');
    is(join("\n", broken_invariants($redis)), '', 'OOM: all agrees');

    # cannot persist: a directory has the name of its file
    $was = $keys_are->();
    mkdir "$redis->{dir}/blocked";
    $redis->ask('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'yes');
    $redis->ask('CONFIG', 'SET', 'save', '3600 1');
    $redis->try('BGSAVE');
    until_true(5 * patience(), sub {
        $redis->ask('INFO', 'persistence') =~ /rdb_last_bgsave_status:err/;
    }) or diag 'no MISCONF came about';
    for my $write (@writes) {
        is_unavailable($gateway->ask(@$write),
                       "MISCONF: $write->[0] $write->[1]");
    }
    is($gateway->ask(GET => "/$id", %who)->{status}, 200,
       'MISCONF: reads go on');
    is($keys_are->(), $was, 'MISCONF: nothing was half written');
    $redis->ask('CONFIG', 'SET', 'save', '');
    is($gateway->ask_until(200, 8, PUT => "/$id", %who,
                           json => { labels => ['d'] })->{status}, 200,
       'MISCONF: writes are done again');

    # a replica
    $was = $keys_are->();
    $redis->ask('CONFIG', 'SET', 'replica-serve-stale-data', 'yes');
    $redis->ask('REPLICAOF', '127.0.0.1', '1');
    my $got = $gateway->ask(PUT => "/$id", %who, json => { labels => ['e'] });
    is_unavailable($got, 'READONLY: a write');
    ok($gateway->has_said(qr/workspaces: .*READONLY/), 'READONLY: is logged');
    is($gateway->ask_until(200, 8, GET => "/$id", %who)->{status}, 200,
       'READONLY: reads go on');
    my %status;
    for (1 .. 150) {
        $status{write}{ $gateway->ask(PUT => "/$id", %who,
                                      json => { labels => ['e'] })
                                ->{status} }++;
        $status{read}{ $gateway->ask(GET => "/$id", %who)->{status} }++;
        sleep 0.01;
    }
    is(join(' ', %{ $status{write} }), '503 150',
       'READONLY: many writes, each gets 503');
    is(join(' ', %{ $status{read} }), '200 150',
       'READONLY: which cost nobody else a read');
    is($keys_are->(), $was, 'READONLY: nothing was half written');
    $redis->ask('REPLICAOF', 'NO', 'ONE');
    is($gateway->ask_until(200, 8, PUT => "/$id", %who,
                           json => { labels => ['f'] })->{status}, 200,
       'READONLY: writes are done when it is master again');
    is(join("\n", broken_invariants($redis)), '', 'READONLY: all agrees');
    is($gateway->ask(GET => "/$id", %who)->json->{labels}[0], 'f',
       'and the last write is what is read');
    $gateway->finish;
    $redis->stop('KILL');
}

# -- a new keyspace in a Redis that takes no writes yet
{
    my $redis = Workspaces::RedisServer->started(
        options => ['--maxmemory', 1000]);
    my $gateway = Workspaces::Gateway->started(redis => $redis);
    sleep 0.1;
    is_unavailable($gateway->ask(@list), 'OOM in a new keyspace');
    ok($gateway->has_said(qr/workspaces: .*OOM/),
         'OOM in a new keyspace: the log says what it is');
    $redis->ask('CONFIG', 'SET', 'maxmemory', 0);
    is($gateway->ask_until(200, 8, @make)->{status}, 200,
       'OOM in a new keyspace: it recovers by itself');
    $gateway->finish;
    $redis->stop('KILL');

    $redis = Workspaces::RedisServer->started;
    $redis->ask('REPLICAOF', '127.0.0.1', '1');
    $gateway = Workspaces::Gateway->started(redis => $redis);
    sleep 0.1;
    is_unavailable($gateway->ask(@list), 'READONLY in a new keyspace');
    ok($gateway->has_said(qr/workspaces: .*READONLY/),
         'READONLY in a new keyspace: the log says what it is');
    $redis->ask('REPLICAOF', 'NO', 'ONE');
    is($gateway->ask_until(200, 8, @make)->{status}, 200,
       'READONLY in a new keyspace: it recovers by itself');
    $gateway->finish;
    $redis->stop('KILL');
}

# -- what administrators do
{
    my $redis = Workspaces::RedisServer->started;
    my $gateway = Workspaces::Gateway->started(redis => $redis);
    $gateway->ask_until(200, 5, @list);
    my $id = $gateway->ask(@make)->json->{_id};

    for (1 .. 3) {
        $redis->ask('SCRIPT', 'FLUSH');
        is($gateway->ask(PUT => "/$id", %who, json => { name => "n$_" })
                   ->{status}, 200, "SCRIPT FLUSH $_: the write is done");
    }
    is($gateway->ask(GET => "/$id", %who)->json->{name}, 'n3',
       'SCRIPT FLUSH: and read');
    $redis->ask('SCRIPT', 'FLUSH');
    my @clients = map {
        $gateway->client->send(POST => '', %who, json => { name => "m$_" })
    } 1 .. 30;
    is_deeply([grep { $_ != 200 } map { $_->answer->{status} } @clients], [],
              'SCRIPT FLUSH: many writes at once are done');
    is(scalar @{ $gateway->ask(@list)->json }, 31, 'each of them once');

    sleep 1;
    for (1 .. 2) {
        $redis->ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        is($gateway->ask(@list)->{status}, 200,
           "CLIENT KILL $_: a read is sent again") or diag $gateway->said;
        sleep 1.1;
    }
    $redis->ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    is($gateway->ask(PUT => "/$id", %who, json => { name => 'killed' })
               ->{status}, 200, 'CLIENT KILL: a write is done');

    $redis->ask('CLIENT', 'PAUSE', 300, 'WRITE');
    is($gateway->ask(PUT => "/$id", %who, json => { name => 'paused' })
               ->{status}, 200, 'CLIENT PAUSE: a write waits, and is done');

    $redis->ask('FLUSHALL');
    # told to the workers right after it is acknowledged
    is($gateway->ask_until(404, 5, GET => "/$id", %who)->{status}, 404,
       'FLUSHALL: what was there is not found');
    is($gateway->ask(PUT => "/$id", %who, json => { name => 'x' })->{status},
       404, 'FLUSHALL: and cannot be written');
    is($gateway->ask(@list)->{body}, '[]', 'FLUSHALL: the list is empty');
    is($gateway->ask(@make)->{status}, 200, 'FLUSHALL: new ones are made');
    is(join("\n", grep { !/odd key/ } broken_invariants($redis)), '',
       'FLUSHALL: all agrees');
    $gateway->reload;
    is($gateway->ask_until(200, 5, @list)->{status}, 200,
       'FLUSHALL: new workers serve');
    is(scalar @{ $gateway->ask(@list)->json }, 1,
       'FLUSHALL: and see what was made after it');
    $gateway->finish;
    $redis->stop('KILL');
}

# -- an eviction policy is warned about
for my $policy (qw(allkeys-lru volatile-ttl noeviction)) {
    my $redis = Workspaces::RedisServer->started(
        options => ['--maxmemory-policy', $policy]);
    my $gateway = Workspaces::Gateway->started(redis => $redis);
    is($gateway->ask_until(200, 5, @list)->{status}, 200,
       "maxmemory-policy $policy: it is served");
    my $warned = $gateway->said =~ /\[warn\].*maxmemory-policy $policy/;
    ok($policy eq 'noeviction' ? !$warned : $warned,
       "maxmemory-policy $policy: " . ($policy eq 'noeviction'
                                       ? 'no warning' : 'a warning'));
    $gateway->finish;
    $redis->stop('KILL');
}

done_testing;
