# A long run of everything: nothing may grow.  All dialects, reads, writes,
# sealed data and the access phase, with clients that abort, Redis restarts and
# reloads; the memory of the workers stays flat, no descriptor is left open,
# and the error log has nothing that no server should say.
#
#   GROWTH_REQUESTS    how many requests, default 1000000
#
# First the workers live through most of the requests, in parts, and after each
# part, when all is quiet, their memory and descriptors are taken down.  Then
# the others are done while nginx is reloaded again and again: what the master
# has then is compared.

use strict;
use warnings;

BEGIN { $ENV{WORKSPACES_TEST_SECONDS} ||= 7200 }

use FindBin;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use Workspaces::Gateway;
use Workspaces::Invariants qw(broken_invariants);
use Workspaces::Process qw(room start_process stop_process is_running
                           until_true);
use Workspaces::RedisServer;

my $REQUESTS    = $ENV{GROWTH_REQUESTS} || 1_000_000;
my $PARTS       = 20;
my $WARM_PARTS  = 8;        # pools and caches fill up to what they may be
my $RELOADS     = 10;
my $CONNECTIONS = 32;
my $ABORTS      = 10;       # of 1000
my $WORKSPACES  = 100;
my $TENANT      = 'acme';

# What a worker may gain, in kB, in all parts but the warm ones: what the
# allocator of the C library keeps of freed memory comes and goes by as much.  A
# leak of 16 bytes in each of a million requests is half as much again.
my $LEEWAY = 2048;

my $load = room() . '/load';
is(system($ENV{CC} || 'cc', '-O2', '-o', $load,
          "$FindBin::Bin/../tools/load.c"), 0, 'the load generator compiles')
    or BAIL_OUT('no load generator');

my $redis = Workspaces::RedisServer->started(append => 1,
    options => ['--appendfsync', 'everysec']);
my $identity = 'workspaces_identity trusted tenant=$http_x_tenant '
    . 'user=$http_x_user admin=$http_x_admin name=$http_x_name '
    . 'email=$http_x_email;';
my $gateway = Workspaces::Gateway->started(
    redis   => $redis,
    tcp     => 1,
    workers => 2,
    options => 'timeout=2s',
    http    => 'workspaces_cache 1m;',
    server  => <<"END");
        access_log off;
        client_max_body_size 2m;
        location /organization { workspaces organization; $identity }
        location /location     { workspaces location;     $identity }
        location /app {
            $identity
            workspaces_access on;
            proxy_pass http://127.0.0.1:\$server_port/alive;
            proxy_set_header Connection "";
        }
END

# -- what is asked

my @requests;

sub request {
    my ($weight, $method, $path, $user, %given) = @_;
    my %headers = (
        Host => 'gateway', 'X-Tenant' => $TENANT, 'X-User' => $user,
        'X-Name' => $user, 'X-Email' => "$user\@example.com",
        %{ $given{headers} || {} },
    );
    my $body = $given{body};
    if (defined $body) {
        $headers{'Content-Type'} = 'application/json';
        # {n} becomes nine digits
        (my $long = $body) =~ s/\{n\}/123456789/g;
        $headers{'Content-Length'} = length $long;
    }
    my $text = "$method $path HTTP/1.1\r\n"
        . join('', map { "$_: $headers{$_}\r\n" } sort keys %headers)
        . "\r\n" . ($body // '');
    push @requests, [$weight, $text];
    return;
}

my $platform = '/api/workspaces';
my %admin    = (headers => { 'X-Admin' => 'on' });
my $blob     = '{"blob":"' . 'x' x 100_000 . '"}';

sub in { return (headers => { 'X-Workspace-ID' => '{i}' }) }

request(40, GET => '/app', 'alice', in());
request(40, GET => '/app', 'bob', in());
request(10, GET => '/app', 'mallory', in());
request(40, GET => "$platform/{i}", 'bob');
request(20, GET => "$platform/{i}", 'alice');
request( 5, GET => "$platform/{i}", 'alice',
    headers => { 'If-None-Match' => '*' });
request( 5, GET => "$platform/{i}", 'mallory');
request( 5, GET => $platform, 'bob');
request( 5, GET => "$platform/{i}/members", 'bob');
request( 2, GET => "$platform/all?limit=20", 'root', %admin);
request( 2, GET => "$platform/all?name=^W.*7\$&limit=20", 'root', %admin);
request( 2, GET => "$platform/all?q=seed&labels=a,b&limit=20", 'root',
    %admin);
request( 2, GET => "$platform/all?name=(", 'root', %admin);
request( 4, POST => $platform, 'maker',
    body => '{"name":"N {n}","labels":["made","x"]}');
request( 4, POST => $platform, 'maker', body => '{"name":"K {n}"}',
    headers => { 'Idempotency-Key' => 'new-{n}' });
request( 4, POST => $platform, 'maker', body => '{"name":"again"}',
    headers => { 'Idempotency-Key' => 'one of {i}' });
request( 4, PUT => "$platform/{i}", 'alice',
    body => '{"name":"W {n}","labels":["a","n"],"invites":[]}');
request( 2, PUT => "$platform/{i}", 'alice', body => '{"name":"W"',);
request( 2, PUT => "$platform/{i}", 'alice',
    body => '{"invites":[{"email":"z{n}@example.com","roles":["user"]}]}');
request( 4, POST => "$platform/{i}/activate", 'bob', body => '{}');
for my $user (qw(v1 v2 v3)) {
    request(3, POST => "$platform/{i}/members", 'alice',
        body => qq({"userId":"$user","roles":["user","viewer"]}));
    request(2, PUT => "$platform/{i}/members/$user", 'alice',
        body => '{"roles":["admin"]}');
    request(3, DELETE => "$platform/{i}/members/$user", 'alice');
}
request( 2, POST => "$platform/{i}/encrypted", 'root', %admin, body => $blob);
request( 2, POST => "$platform/{i}/encrypted", 'root', %admin,
    body => '{"n":{n}}');
request( 5, GET => "$platform/{i}/encrypted", 'root', %admin);
request( 5, GET => "$platform/nowhere/at/all", 'bob');
request( 2, DELETE => $platform, 'bob');

request( 5, GET => '/organization/workspaces?limit=10', 'bob');
request( 5, GET => '/organization/workspaces/{i}', 'bob');
request( 3, POST => '/organization/workspaces', 'maker',
    body => qq({"name":"O {n}","organization_id":"$TENANT"}));
request( 3, PUT => '/organization/workspaces/{i}', 'alice',
    body => '{"settings":{"features":{"n":{n}}}}');
request( 5, GET => '/organization/workspaces/{i}/settings', 'bob');
request( 1, POST => '/organization/workspaces/{i}/clone', 'alice',
    body => '{"name":"C {n}","copy_members":true}');

request( 5, GET => '/location/workspaces', 'bob');
request( 5, GET => '/location/workspace/members', 'bob', in());
request( 3, PATCH => '/location/workspaces/{i}', 'alice',
    body => '{"name":"L {n}"}');
request( 3, POST => '/location/workspace/invitations', 'alice',
    in(), body => '{"email":"e{n}@example.com","role":"member"}');
request( 2, GET => '/location/workspace/invitations', 'alice', in());
request( 2, GET => '/location/invitations/' . 'A' x 43, 'bob');
request( 3, POST => '/location/workspace/roles', 'alice', in(),
    body => '{"name":"r{n}","permissions":["a:b"]}');
request( 2, PATCH => '/location/workspace-context/{i}', 'bob', body => '{}');
request( 2, DELETE => '/location/workspace-context', 'bob');

my $requests_file = room() . '/requests';
open my $out, '>', $requests_file or die "$requests_file: $!";
print $out map { $_->[0] . ' ' . length($_->[1]) . "\n$_->[1]\n" } @requests;
close $out or die "$requests_file: $!";

# -- the population

for my $id (1 .. $WORKSPACES) {
    my $got = $gateway->ask_until(200, 5, POST => '', tenant => $TENANT,
        user => 'alice', json => { name => "seed $id", labels => ['a'] });
    $got = $gateway->ask(POST => "/$id/members", tenant => $TENANT,
        user => 'alice', json => { userId => 'bob', roles => ['user'] });
    $got->{status} == 200 or BAIL_OUT("seeding: $got->{status} $got->{body}");
}
my ($key) = grep { /:ws$/ } @{ $redis->ask('KEYS', 'wsp:*:ws') };
(my $prefix = $key) =~ s/ws$//;

# Takes away what was made beside it, which would grow by right.
sub tidy {
    my ($client, $left) = ($gateway->client, 0);
    for my $id (@{ $redis->ask('ZRANGEBYSCORE', $key, $WORKSPACES + 1,
                               '+inf') }) {
        my @request = (DELETE => "/$id", tenant => $TENANT, user => 'root',
            admin => 1);
        my $got = $client->ask(@request);
        $client = $gateway->client if !$got->{status};
        # 503: this worker has no Redis yet
        $got = $gateway->ask_until(200, 10, @request)
            if $got->{status} != 200;
        $left++ if $got->{status} != 200;
    }
    # no request takes a custom role or an invitation of location away
    $redis->ask('UNLINK', map { $prefix . "w:$_:r", $prefix . "w:$_:i" }
        1 .. $WORKSPACES);
    return $left;
}

# -- the load

my (%statuses, %total);
my $sent = 0;

sub begin {
    my ($count) = @_;
    my $to = room() . '/load.out';
    unlink $to;
    my $pid = start_process(log => $to, command => [$load,
        '-p', $gateway->{port}, '-c', $CONNECTIONS, '-n', $count,
        '-a', $ABORTS, '-w', 10, '-m', $WORKSPACES, '-f', $sent,
        $requests_file]);
    $sent += $count;
    return [$pid, $to];
}

sub wait_for {
    my ($started) = @_;
    my ($pid, $from) = @$started;
    until_true(1800, sub { !is_running($pid) }) or stop_process($pid);
    open my $in, '<', $from or die "$from: $!";
    my $text = do { local $/; <$in> };
    my $told = eval { JSON::PP::decode_json($text) }
        or BAIL_OUT("the load: $text");
    $statuses{$_} += $told->{statuses}{$_} for keys %{ $told->{statuses} };
    $total{$_} += $told->{$_} for qw(requests given_up again failed);
    return;
}

sub descriptors {
    my ($pid) = @_;
    my @open = glob "/proc/$pid/fd/*";
    return scalar @open;
}

# Memory and descriptors of processes, once clients are gone.
sub quiet {
    my ($most, @pids) = @_;
    my @now;
    until_true(10, sub {
        @now = map { descriptors($_) } @pids;
        return !grep { $_ > $most } @now;
    });
    return map { [$gateway->memory($pids[$_]), $now[$_]] } 0 .. $#pids;
}

sub restart_redis {
    $redis->stop('TERM');
    $redis->start;
    return;
}

# -- one life of two workers

my @workers = $gateway->workers;
is(scalar @workers, 2, 'two workers');
my $master = $gateway->{pid};
# listening, logs, epoll, the channel, two links to Redis; those of a worker
# that has served nothing, and one that a test's own client may have
my $at_rest = 2 + (sort { $a <=> $b } map { descriptors($_) } @workers)[-1];

my $part = int 0.8 * $REQUESTS / $PARTS;
my (@memory, @open);
for my $number (1 .. $PARTS) {
    my $started = begin($part);
    if ($number % 4 == 0) {
        sleep 0.3;
        restart_redis();
    }
    wait_for($started);
    $gateway->ask_until(200, 10, GET => '', tenant => $TENANT, user => 'bob');
    is(tidy(), 0, "part $number: what was made is taken away");
    my @now = quiet($at_rest, @workers);
    push @memory, [map { $_->[0] } @now];
    push @open, [map { $_->[1] } @now];
    note "part $number: kB @{ $memory[-1] }, descriptors @{ $open[-1] }";
}

is("@{[$gateway->workers]}", "@workers", 'no worker was replaced');
for my $i (0, 1) {
    my @kb     = map { $_->[$i] } @memory;
    my @before = sort { $a <=> $b } @kb[$WARM_PARTS - 3 .. $WARM_PARTS + 1];
    my @after  = sort { $a <=> $b } @kb[-5 .. -1];
    my $grown  = $after[2] - $before[2];
    cmp_ok($grown, '<=', $LEEWAY,
        "worker $i: memory is flat (kB, from $before[2] to $after[2])");
    cmp_ok($open[-1][$i], '<=', $at_rest,
        "worker $i: no descriptor is left open");
}

# -- many lives

my ($before) = quiet(1000, $master);
my $reloads = 0;
my $started = begin(int 0.2 * $REQUESTS);
for my $number (1 .. $RELOADS) {
    sleep 0.2;
    $reloads++ if $gateway->reload(20);
    restart_redis() if $number == 5;
    # the first has what every later one has, too
    ($before) = quiet(1000, $master) if $number == 2;
}
wait_for($started);
is($reloads, $RELOADS, 'after each reload the old workers end');
my ($after) = quiet(1000, $master);
cmp_ok($after->[0] - $before->[0], '<=', $LEEWAY,
    "the master's memory is flat (kB, from $before->[0] to $after->[0])");
is($after->[1], $before->[1], 'the master has no descriptor left open');
@workers = $gateway->workers;
is(scalar @workers, 2, 'two workers');
my @now = quiet($at_rest, @workers);
cmp_ok($_->[1], '<=', $at_rest, 'a new worker has no descriptor left open')
    for @now;

# -- what was answered

$gateway->ask_until(200, 10, GET => '', tenant => $TENANT, user => 'bob');
note join ', ', map { "$_: $total{$_}" } sort keys %total;
note join ', ', map { "$_: $statuses{$_}" } sort keys %statuses;
my $answered = 0;
$answered += $_ for values %statuses;
my $good = 0;
$good += $statuses{$_} // 0 for 200, 201, 304;
is($total{requests}, $PARTS * $part + int 0.2 * $REQUESTS, 'all were sent');
cmp_ok($good, '>', $answered / 2, 'most were carried out');
is(join(' ', grep { !/^(?:200|201|304|400|401|403|404|405|409|422|503)$/ }
        sort keys %statuses), '', 'nobody saw anything but clear answers');
cmp_ok($total{failed}, '<=', $CONNECTIONS * $RELOADS,
    'hardly an answer was cut off');
tidy();
is(join("\n", broken_invariants($redis)), '',
   'records, members and indexes agree');

$gateway->finish;
$redis->stop;
done_testing;
