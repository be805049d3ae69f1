# The operator surface through nginx: sealing keys that are replaced under
# traffic, tenants that are deleted, what was given up, and what is delivered.

use strict;
use warnings;

use Test::More;

use Workspaces::Gateway;
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisServer;

my $old_key = 'k1 ' . 'A' x 43 . '=';
my $new_key = 'k2 ' . 'B' x 42 . 'A=';

my $redis = Workspaces::RedisServer->started;
$redis->ask('SET', 'wsp:partitions', 4);
my $gateway = Workspaces::Gateway->started(redis => $redis, workers => 2,
    keys => $old_key, server => <<'END');
        location /operator {
            allow unix:;
            deny all;
            workspaces operator;
        }
END

sub operate {
    my ($method, $path, @given) = @_;
    return $gateway->ask($method, $path, base => '/operator', @given);
}

sub until_operated {
    my ($path, $is_so) = @_;
    my $got;
    until_true(30 * patience(), sub {
        $got = operate(GET => $path);
        return $is_so->($got);
    });
    return $got;
}

sub is_state {
    my ($state, $name) = @_;
    my $got = until_operated('/rewrap', sub {
        $_[0]{status} == 200 && $_[0]->json->{state} eq $state });
    return is($got->json->{state}, $state, $name) || diag $got->{body};
}

# As if the worker had died long ago.
sub leases_run_out {
    for my $queue (@{ $redis->ask('KEYS', 'wsp:{*}::q:work') }) {
        $redis->ask('ZADD', $queue, 1, $_)
            for @{ $redis->ask('ZRANGE', $queue, 0, -1) };
    }
    return;
}

$gateway->ask_until(200, 5, GET => '/partners', base => '/operator');

# -- what there is
my @tenants = ('acme', 'acme2', '*');
my $count = 120;        # workspaces of acme: more than one slice
my $client = $gateway->client;
for my $tenant (@tenants) {
    my %who = (tenant => $tenant, user => 'ann', admin => 1);
    for my $id (1 .. ($tenant eq 'acme' ? $count : 2)) {
        $client->send(POST => '', %who, json => { name => "W$id" });
        $client->answer->{status} == 200 or die 'no workspace';
        $client->send(POST => "/$id/encrypted", %who,
                      json => { is => "$tenant/$id" });
        $client->answer->{status} == 200 or die 'nothing sealed';
    }
}
is(operate(POST => '/partners', json => {
       id => 'acme', name => 'A', webhook_url => 'https://a.example/' })
       ->{status}, 201, 'one of them is a partner');

# -- sealing keys
is(operate(GET => '/rewrap')->json->{state}, 'none', 'no rewrap yet');

# How many workspaces of all tenants answer what was sealed in them.
sub opened {
    my $good = 0;
    for my $tenant (@tenants) {
        for my $id (1 .. ($tenant eq 'acme' ? $count : 2)) {
            my $got = $client->ask(GET => "/$id/encrypted", user => 'ann',
                tenant => $tenant, admin => 1);
            $good++ if $got->{body} =~ /^\{"is":"\Q$tenant\/$id\E/;
        }
    }
    return $good;
}
my $all = $count + 4;
is(opened(), $all, 'all opens');

$gateway->write_keys("$old_key\n$new_key");
ok($gateway->reload, 'the new key comes, below the first');
$gateway->write_keys("$new_key\n$old_key");
ok($gateway->reload, '... and goes to the top');
$client = $gateway->client;
is(opened(), $all, 'all opens with either');

my $got = operate(POST => '/rewrap');
is($got->{status}, 202, 'a rewrap is begun') or diag $got->{body};
is($got->json->{key}, 'k2', '... under the new key');
kill KILL => $gateway->workers;
until_true(10 * patience(), sub { $gateway->workers == 2 });
leases_run_out();
$client = $gateway->client;
for my $id (1 .. 20) {
    my $got = $client->ask(POST => "/$id/encrypted", tenant => 'acme',
        user => 'ann', admin => 1, json => { is => "acme/$id", n => 2 });
    $got->{status} == 200 or diag $got->{body};
}
is_state('done', 'it is done, though workers were killed');
$got = operate(GET => '/rewrap')->json;
is($got->{failed}, 0, '... without a failure');
is($got->{tenants}, 3, '... for all tenants');
is($got->{workspaces}, $all, '... and workspaces');
cmp_ok($got->{blobs}, '==', $all + 2, '... and secrets');
is(operate(POST => '/rewrap')->{status}, 202, 'it can be begun again');
is_state('done', '... and be done');
is(operate(GET => '/rewrap')->json->{rewrapped}, 0, '... without any work');

$gateway->write_keys($new_key);
ok($gateway->reload, 'the old key goes');
$client = $gateway->client;
is(opened(), $all, 'all opens without it');
is(operate(POST => '/partners/acme/secrets/incoming')->json
       ->{incoming_grace_until} ? 1 : 0, 1, '... so do the secrets');

# -- what was given up
my ($job, $other) = ('0123456789abcdef' x 2, 'fedcba9876543210' x 2);
for my $id ($job, $other) {
    $redis->ask('HSET', "wsp:{0}::j:$id", kind => 'mail', tenant => 'acme2',
                lane => $id, created => 1000, tries => 9,
                payload => 'hush', reason => 'refused');
    $redis->ask('ZADD', 'wsp:{0}::dead:mail', 1767225600000, $id);
}
$got = operate(GET => '/dead-letters?kind=mail&limit=1');
is_deeply($got->json->{dead_letters}, [{
    job => $other, kind => 'mail', tenant => 'acme2', tries => 9,
    reason => 'refused', created_at => '1970-01-01T00:00:01.000Z',
    died_at => '2026-01-01T00:00:00.000Z' }], 'a dead letter is listed');
$got = operate(GET => '/dead-letters?limit=1&after=' . $got->json->{next});
is($got->json->{dead_letters}[0]{job}, $job, '... and the one before');
unlike($got->{body}, qr/hush/, '... but not what it was to say');
is(operate(GET => '/dead-letters?kind=x')->{status}, 422, 'an unknown kind');
is(operate(DELETE => "/dead-letters/$other")->{status}, 200,
   'one is forgotten');
is(operate(DELETE => "/dead-letters/$other")->{status}, 404, '... once');
is(operate(POST => "/dead-letters/$job/retry")->{status}, 202,
   'one is tried again');
is($redis->ask('HGET', "wsp:{0}::j:$job", 'tries'), 0,
   '... as if it never had been');
is_deeply(operate(GET => '/dead-letters')->json,
          { dead_letters => [], next => undef }, 'there are no others');

# -- what is delivered
my ($partner) = grep { /:acme:pt$/ } @{ $redis->ask('KEYS', 'wsp:*:pt') };
(my $prefix = $partner) =~ s/pt\z//;
$redis->ask('HSET', "${prefix}y:e-1", event => 'workspace.provisioned',
            reference => 'r-1', client => 'corp', state => 'failed',
            created => 1000, ended => 2000, tries => 1, status => 500,
            error => 'answered 500', job => 'none', body => '{"a":1}');
$redis->ask('RPUSH', "${prefix}y:e-1:a", '{"at":"1970-01-01T00:00:01.000Z",'
            . '"duration_ms":3,"status":500,"error":"answered 500",'
            . '"answer":"no"}');
$redis->ask('ZADD', "${prefix}ys", 0, 'e-1');
$redis->ask('ZADD', "${prefix}yz", 2000, 'e-1');
$got = operate(GET => '/partners/acme/deliveries?state=failed')->json;
is($got->{deliveries}[0]{event_id}, 'e-1', 'a delivery is listed');
$got = operate(GET => '/partners/acme/deliveries/e-1')->json;
is_deeply([$got->{body}, scalar @{ $got->{log} }], [{ a => 1 }, 1],
          '... and shown with its tries');
$got = operate(POST => '/partners/acme/deliveries/e-1/redeliver');
is($got->{status}, 202, 'it is delivered again');
is(operate(GET => '/partners/acme/deliveries/e-1')->json->{state},
   'pending', '... from now on');
is(operate(GET => '/partners/acme/deliveries/e-2')->{status}, 404,
   'an unknown one');

# -- tenants
is_deeply([map { $_->{id} } @{ operate(GET => '/tenants')->json->{tenants} }],
          ['*', 'acme', 'acme2'], 'the tenants');
$got = operate(GET => '/tenants/acme')->json;
is_deeply([@{$got}{qw(partner workspaces memberships sealed_blobs)}],
          [JSON::true, $count, $count, $count], 'what one holds');
is(operate(GET => '/tenants/nobody')->{status}, 404, 'an unknown one');
my @others = sort @{ $redis->ask('KEYS', 'wsp:*:acme2:[^t]*') };
$got = operate(DELETE => '/tenants/acme');
is($got->{status}, 202, 'one is deleted') or diag $got->{body};
kill KILL => ($gateway->workers)[0];
until_true(10 * patience(), sub { $gateway->workers == 2 });
leases_run_out();
is(until_operated('/tenants/acme', sub { $_[0]{status} == 404 })->{status},
   404, '... until nothing is left');
is_deeply($redis->ask('KEYS', 'wsp:*:acme:*'), [], '... in Redis, either');
is_deeply($redis->ask('KEYS', 'wsp:k:*'), [], '... nor its API key');
is(operate(GET => '/partners/acme')->{status}, 404, '... nor as a partner');
is(operate(DELETE => '/tenants/%2A')->{status}, 202, 'one named * is, too');
is(until_operated('/tenants/%2A', sub { $_[0]{status} == 404 })->{status},
   404, '... until nothing is left');
is_deeply([sort @{ $redis->ask('KEYS', 'wsp:*:acme2:[^t]*') }], \@others,
          'nothing of the other is gone');
$got = $gateway->ask(GET => '/2/encrypted', tenant => 'acme2',
                     user => 'ann', admin => 1);
is($got->{body}, '{"is":"acme2/2"}', '... and what it sealed opens');
is($gateway->ask(POST => '', tenant => 'acme', user => 'ann',
                 json => { name => 'New' })->{status}, 200,
   'the name is free again');

unlike($gateway->said, qr/hush|whs_|wsk_/, 'no secret was logged');
$gateway->finish(expected => qr/exited on signal 9/);

done_testing();
