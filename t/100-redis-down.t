# The gateway without its Redis: it starts, answers at once, and finds Redis
# when it comes.

use strict;
use warnings;

use Test::More;

use Workspaces::Gateway;
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisServer;

my @list = (GET => '', tenant => 'acme', user => 'ann');

sub is_unavailable {
    my ($got, $what) = @_;
    is($got->{status}, 503, "$what: 503");
    is($got->{headers}{'retry-after'}, '1', "$what: with Retry-After");
    like($got->{headers}{'content-type'}, qr{^application/json},
         "$what: in JSON");
    ok(length eval { $got->json->{message} },
       "$what: in the dialect's shape");
    return;
}

# -- a configuration is checked without Redis, and does not connect to one
{
    my $redis = Workspaces::RedisServer->started;
    my $gateway = Workspaces::Gateway->new(redis => $redis);
    my $connections = sub {
        my ($n) = $redis->ask('INFO', 'stats') =~
            /total_connections_received:(\d+)/;
        return $n;
    };
    my $seen = $connections->();
    my ($status, $said) = $gateway->check_config;
    is($status, 0, 'nginx -t is content') or diag $said;
    is($connections->(), $seen, 'nginx -t does not connect to Redis');
    $redis->stop;
    ($status) = $gateway->check_config;
    is($status, 0, 'nginx -t is content without Redis');
}

# -- down at start; a worker, several, or no master at all
for my $case ({ name => 'unix socket, a worker' },
              { name => 'tcp, two workers', tcp => 1, workers => 2 },
              { name => 'no master process', single => 1 })
{
    my $name = $case->{name};
    my $redis = Workspaces::RedisServer->new(tcp => $case->{tcp});
    my $gateway = Workspaces::Gateway->started(redis => $redis, %$case,
        tcp => 0, options => 'timeout=20s');

    my $got = $gateway->ask(@list);
    is_unavailable($got, $name);
    cmp_ok($got->{seconds}, '<', 10,
           "$name: at once, not after the deadline");
    is($gateway->ask(POST => '', tenant => 'acme', user => 'ann',
                     json => { name => 'Berlin' })->{status}, 503,
       "$name: a write gets 503");
    ok($gateway->has_said(qr/\[error\].*workspaces: no Redis link: \S/),
       "$name: the error log says that there is no Redis, and why");
    my @workers = sort $gateway->workers;

    $redis->start;
    $got = $gateway->ask_until(200, 7, @list);
    is($got->{status}, 200, "$name: it recovers by itself");
    is($got->{body}, '[]', "$name: with the right answer");
    ok($gateway->has_said(qr/workspaces: Redis link is ready/),
       "$name: and says so");
    # another worker than the one that answered may still be waiting
    is($gateway->ask_until(200, 7, POST => '', tenant => 'acme',
                           user => 'ann',
                           json => { name => 'Berlin' })->{status}, 200,
       "$name: writes are done again");
    is_deeply([sort $gateway->workers], \@workers,
              "$name: the workers are the same");
    my $lines = () = $gateway->said =~ /no Redis link/g;
    cmp_ok($lines, '<', 40 * ($case->{workers} || 1),
           "$name: the log is not flooded");
    $gateway->finish;
    $redis->stop;
}

# -- a hundred requests at once while it is away
{
    my $redis = Workspaces::RedisServer->new;
    my $gateway = Workspaces::Gateway->started(redis => $redis);
    my @clients = map { $gateway->client->send(@list) } 1 .. 100;
    my @status = map { $_->answer->{status} } @clients;
    is_deeply([grep { $_ != 503 } @status], [], 'a hundred at once get 503');
    is($gateway->client->write("GET /alive HTTP/1.1\r\nHost: a\r\n\r\n")
               ->answer->{body}, 'alive', 'other locations are served');
    $gateway->finish;
}

done_testing;
