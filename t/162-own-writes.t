# Who sends back the Workspace-Revision of a write reads what he has written,
# on each worker: also where nobody has told it of the change.  The bound for
# that is far away here.

use strict;
use warnings;

use Test::More;

use Workspaces::Gateway;
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisServer;
use Workspaces::Relay;

my $workers = 3;
my $redis = Workspaces::RedisServer->started;
my $relay = Workspaces::Relay->started(redis => $redis);
my $gateway = Workspaces::Gateway->started(redis => $relay,
    workers => $workers, options => 'timeout=60s connect_timeout=5s',
    http => 'workspaces_cache 1m max_stale=60s;', server => <<'END');
        workspaces_identity trusted tenant=$http_x_tenant user=$http_x_user;
        location = /pid {
            return 200 $pid;
        }
        location = /app {
            workspaces_access docs:read;
            add_header X-Seen "$workspace_name $workspace_revision" always;
            empty_gif;
        }
        location = /status {
            workspaces_status;
        }
END
my %ann = (tenant => 't', user => 'ann');
my %bob = (tenant => 't', user => 'bob');
my $id = $gateway->ask_until(200, 5, POST => '', %ann,
                             json => { name => 'before' })->json->{_id};

sub get {
    my ($client, $path, $user, $revision) = @_;
    return $client->write("GET $path HTTP/1.1\r\nHost: g\r\nX-Tenant: t\r\n"
        . "X-User: $user\r\nX-Workspace-ID: $id\r\n"
        . ($revision ? "Workspace-Revision: $revision\r\n" : '') . "\r\n")
        ->answer;
}

# A connection to each worker, which hears of changes.
my %on;
until_true(20 * patience(), sub {
    my $client = $gateway->client;
    $on{ get($client, '/pid', 'ann')->{body} } //= $client;
    return keys %on == $workers;
}) or BAIL_OUT('not every worker can be reached');
my ($writer, @others) = map { $on{$_} } sort keys %on;
ok(until_true(10 * patience(), sub {
    get($writer, '/status', 'ann')->{body}
        =~ /^workspaces_redis_links_up\{link="tracking"\} $workers$/m;
}), 'each worker hears of changes');

# What all have read: bob is a member.
my $added = $writer->ask(POST => "/$id/members", %ann,
                         json => { userId => 'bob', roles => ['viewer'] });
ok(until_true(10 * patience(), sub {
    my @odd = grep { get($_, '/app', 'bob')->{status} != 200 }
        ($writer, @others) x 2;
    $redis->ask('CONFIG', 'RESETSTAT');
    get($_, '/app', 'bob') for $writer, @others;
    my $calls = $redis->calls;
    return !@odd && !$calls->{hget} && !$calls->{hmget};
}), 'each worker knows, without asking, that he is a member');

$relay->set(frozen => 1);
my $got = $writer->ask(PUT => "/$id", %ann, json => { name => 'after' });
my $renamed = $got->{headers}{'workspace-revision'};
cmp_ok($renamed, '>', $added->{headers}{'workspace-revision'},
       'each write has a later revision');
is(get($writer, '/app', 'bob')->{headers}{'x-seen'}, "after $renamed",
   'the worker that wrote knows it, in the access phase');
is($writer->ask(GET => "/$id", %bob)->json->{name}, 'after',
   'and in its answers');
for my $client (@others) {
    like(get($client, '/app', 'bob')->{headers}{'x-seen'}, qr/^before /,
         'another was not told');
    is(get($client, '/app', 'bob', $renamed)->{headers}{'x-seen'},
       "after $renamed", 'but reads that revision when it is asked for');
    is($client->ask(GET => "/$id", %bob, headers => {
        'Workspace-Revision' => $renamed })->json->{name}, 'after',
       'for its answers too');
}

my $revoked = $writer->ask(DELETE => "/$id/members/bob", %ann)
    ->{headers}{'workspace-revision'};
cmp_ok($revoked, '>', $renamed, 'so has a revocation');
is(get($writer, '/app', 'bob')->{status}, 404, 'which holds where it was made');
for my $client (@others) {
    is(get($client, '/app', 'bob', $revoked)->{status}, 404,
       'and where its revision is named');
    is($client->ask(GET => "/$id", %bob, headers => {
        'Workspace-Revision' => $revoked })->{status}, 404,
       'in both phases');
}

$relay->set(frozen => 0);
$gateway->finish;
$relay->stop;
$redis->stop('KILL');
done_testing;
