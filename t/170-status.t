# What the workers count, and that they count exactly: over known series of
# requests, under load, over reloads, and without Redis.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use Workspaces::Client;
use Workspaces::Gateway;
use Workspaces::Load;
use Workspaces::Process qw(room patience until_true);
use Workspaces::RedisServer;

my %ann = (tenant => 'acme', user => 'ann');
my %bob = (tenant => 'acme', user => 'bob');
my %eve = (tenant => 'acme', user => 'eve');
my %root = (tenant => 'acme', user => 'root', admin => 1);

my $server = <<'END_OF_SERVER';
workspaces_identity trusted tenant=$http_x_tenant user=$http_x_user
    admin=$http_x_admin;
location = /metrics { workspaces_status; }
location = /member { workspaces_access on; workspaces_status; }
location = /writer { workspaces_access docs:write; workspaces_status; }
END_OF_SERVER

my $redis = Workspaces::RedisServer->started;
my $gateway = Workspaces::Gateway->started(redis => $redis, workers => 2,
    tcp => 1, server => $server, options => 'timeout=4s',
    http => 'workspaces_cache 16m max_stale=3s;',
    location => 'client_max_body_size 1k;');

# A request outside of the mount.
sub fetch {
    my ($from, $method, $path, %headers) = @_;
    my $client = $from->client;
    $client->write(join "\r\n", "$method $path HTTP/1.1", 'Host: gateway',
        (map { "$_: $headers{$_}" } sort keys %headers), '', '');
    return $client->answer;
}

sub scrape { return fetch($_[0], GET => '/metrics')->{body} }

# {series => value}
sub metrics {
    my ($from) = @_;
    my %value;
    for (split /\n/, scrape($from)) {
        next if /^#/;
        /^(\S+) (\S+)$/ or die "no series: $_";
        $value{$1} = $2;
    }
    return \%value;
}

# What is more than before, of one metric: {labels => increase}.
sub increase {
    my ($before, $after, $name) = @_;
    my %more;
    for (keys %$after) {
        my ($labels) = /^\Q$name\E\{(.*)\}$/ or next;
        my $by = $after->{$_} - ($before->{$_} // 0);
        $more{$labels} = $by if $by;
    }
    return \%more;
}

# Waits until a series has a value; links and caches are shown 50 ms later.
sub becomes {
    my ($from, $name, $value, $what) = @_;
    my $last;
    until_true(10 * patience(), sub {
        $last = metrics($from)->{$name};
        return defined $last && ref $value ? $last =~ $value
                                           : ($last // '') eq $value;
    });
    return ref $value ? like($last, $value, $what) : is($last, $value, $what);
}

# What the workers have counted, when they have shown all of it.
sub settled {
    my ($from) = @_;
    my ($was, $same) = ('', 0);
    my $now;
    until_true(10 * patience(), sub {
        $now = metrics($from);
        my $is = join ' ', map { "$_ $now->{$_}" }
            sort grep { /^workspaces_cache_\w+_total/ } keys %$now;
        $same = $is eq $was ? $same + 1 : 0;
        $was = $is;
        sleep 0.05;
        return $same >= 10;
    });
    return $now;
}

sub requests {
    my ($operation, $status) = @_;
    return qq(dialect="platform",operation="$operation",status="$status");
}

sub decision {
    my ($result, $reason) = @_;
    return qq(result="$result",reason="$reason");
}

my $promtool = join '/', grep { defined } (grep { -x "$_/promtool" }
    split /:/, $ENV{PATH} // '')[0], 'promtool';

sub lint {
    my ($text) = @_;
    my $file = room() . '/metrics';
    open my $out, '>', $file or die "$file: $!";
    print {$out} $text;
    close $out or die "$file: $!";
    my $said = `'$promtool' check metrics < '$file' 2>&1`;
    return ($? == 0, $said);
}

sub up { return qq(workspaces_redis_links_up{link="$_[0]"}) }

# -- what it looks like

becomes($gateway, up('data'), 2, 'both workers have a link to Redis');
becomes($gateway, up('tracking'), 2, 'and hear of changes');

my $got = fetch($gateway, GET => '/metrics');
is($got->{status}, 200, 'it is there for whoever may ask');
is($got->{headers}{'content-type'},
   'text/plain; version=0.0.4; charset=utf-8', 'as the text of Prometheus');
is($got->{headers}{'content-length'}, length $got->{body}, 'of known length');

ok(-x $promtool, 'promtool is there (on Debian: apt-get install prometheus)');
my ($fine, $said) = lint($got->{body});
ok($fine, 'promtool finds nothing in it') or diag($said);
($fine, $said) = lint("# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n");
ok(!$fine, 'but does in what is wrong') or diag($said);

{
    my $client = $gateway->client;
    $client->write("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        . "GET /alive HTTP/1.0\r\n\r\n");
    my ($bytes, $socket) = ('', $client->{socket});
    while (sysread $socket, $bytes, 65536, length $bytes) { }
    my ($head, $rest) = split /\r\n\r\n/, $bytes, 2;
    like($head, qr{^HTTP/1\.1 200 .*version=0\.0\.4}s, 'HEAD');
    like($head, qr{^Content-Length: [1-9]}m, 'says how long it would be');
    like($rest, qr{^HTTP/1\.1 200 .*\r\n\r\nalive$}s, 'and has no body');
}

for my $method (qw(POST PUT DELETE OPTIONS)) {
    my $got = fetch($gateway, $method => '/metrics', 'Content-Length' => 0);
    is("$got->{status} $got->{headers}{allow}", '405 GET, HEAD', $method);
}

my $now = metrics($gateway);
is($now->{workspaces_workers}, 2, 'two workers');
is_deeply([grep { $now->{$_} } grep { /^workspaces_(?:requests|decisions)_/ }
           keys %$now], [], 'nothing was asked of the dialects so far');
ok(exists $now->{"workspaces_requests_total{" . requests($_, 503) . '}'},
   "what alerts look at is there from the start: $_")
    for qw(none workspace.get sealed.set);

# -- requests, one by one

my $before = metrics($gateway);
my %expected;

# asks (operation, status, request...)
sub expect {
    my ($operation, $status, @request) = @_;
    my $got = $gateway->ask(@request);
    $got->{status} == $status
        or fail("$operation: $got->{status}, not $status: $got->{body}");
    $expected{requests($operation, $status)}++;
    return $got;
}

my $id = expect('workspace.create', 200, POST => '', %ann,
                json => { name => 'A' })->json->{_id};
expect('workspace.create', 200, POST => '', %ann, json => { name => $_ })
    for 'B' .. 'D';
expect('workspace.create', 400, POST => '', %ann, body => '{"name":');
expect('workspace.create', 400, POST => '', %ann, json => { name => '' });
expect('workspace.list', 200, GET => '', %ann) for 1 .. 5;
my $tag = expect('workspace.get', 200, GET => "/$id", %ann)->{headers}{etag};
expect('workspace.get', 200, GET => "/$id", %ann) for 1 .. 19;
expect('workspace.get', 304, GET => "/$id", %ann,
       headers => { 'If-None-Match' => $tag }) for 1 .. 3;
expect('workspace.get', 404, GET => "/$id", %eve) for 1 .. 7;
expect('workspace.get', 404, GET => '/999', %ann) for 1 .. 2;
expect('member.add', 200, POST => "/$id/members", %ann,
       json => { userId => 'bob', roles => ['viewer'] });
expect('member.add', 403, POST => "/$id/members", %bob,
       json => { userId => 'eve', roles => ['viewer'] });
expect('workspace.update', 412, PUT => "/$id", %ann, json => { name => 'Z' },
       headers => { 'If-Match' => '"0"' });
expect('workspace.activate', 200, POST => "/$id/activate", %ann);
expect('sealed.set', 200, POST => "/$id/encrypted", %root, json => { a => 1 });
expect('sealed.get', 403, GET => "/$id/encrypted", %bob);
expect('none', 401, GET => "/$id") for 1 .. 4;
expect('none', 404, GET => '/a/b/c', %ann) for 1 .. 2;
expect('none', 405, PUT => '', %ann);
expect('none', 413, POST => '', %ann, json => { name => 'x' x 2000 })
    for 1 .. 3;

is_deeply(increase($before, metrics($gateway), 'workspaces_requests_total'),
          \%expected, 'requests are counted by operation and status');

# -- decisions

$before = metrics($gateway);
%expected = ();

sub decide {
    my ($result, $reason, $status, $path, $who, %headers) = @_;
    my %sent = (($who->{tenant} ? ('X-Tenant' => $who->{tenant}) : ()),
                ($who->{user} ? ('X-User' => $who->{user}) : ()),
                ($who->{admin} ? ('X-Admin' => 1) : ()), %headers);
    my $got = fetch($gateway, GET => $path, %sent);
    $got->{status} == $status
        or fail("$reason: $got->{status}, not $status: $got->{body}");
    $expected{decision($result, $reason)}++;
    return;
}

my @here = ('X-Workspace-ID' => $id);
decide('allowed', 'owner', 200, '/member', \%ann, @here) for 1 .. 11;
decide('allowed', 'owner', 200, '/member', \%ann);
decide('allowed', 'member', 200, '/member', \%bob, @here) for 1 .. 5;
decide('allowed', 'tenant_admin', 200, '/writer', \%root, @here) for 1 .. 2;
decide('refused', 'no_identity', 401, '/member', {}, @here) for 1 .. 3;
decide('refused', 'not_member', 404, '/member', \%eve, @here) for 1 .. 4;
decide('refused', 'not_member', 404, '/member', \%eve,
       'X-Workspace-ID' => 999);
decide('refused', 'no_workspace', 404, '/member', \%eve) for 1 .. 2;
decide('refused', 'no_permission', 403, '/writer', \%bob, @here) for 1 .. 6;
decide('refused', 'bad_header', 400, '/member', \%ann,
       'X-Workspace-ID' => 'x');

$now = metrics($gateway);
is_deeply(increase($before, $now, 'workspaces_decisions_total'),
          \%expected, 'decisions are counted by result and reason');
is_deeply(increase($before, $now, 'workspaces_requests_total'), {},
          'and are no requests of the dialect');

# -- the histogram

sub histogram_is_sound {
    my ($text, $what) = @_;
    my $name = 'workspaces_redis_duration_seconds';
    my (@bounds, @counts);
    while ($text =~ /^${name}_bucket\{le="(.*?)"\} (\d+)$/mg) {
        push @bounds, $1;
        push @counts, $2;
    }
    my ($sum) = $text =~ /^${name}_sum (\S+)$/m;
    my ($count) = $text =~ /^${name}_count (\d+)$/m;
    is(pop @bounds, '+Inf', "$what: the last bucket has no bound");
    is($counts[-1], $count, "$what: and holds all");
    is("@bounds", "@{[sort { $a <=> $b } @bounds]}", "$what: bounds ascend");
    is("@counts", "@{[sort { $a <=> $b } @counts]}", "$what: counts too");
    cmp_ok($sum, '<=', 1.5 * $count, "$what: the sum is plausible");
    return $count;
}

cmp_ok(histogram_is_sound(scrape($gateway), 'histogram'), '>=', 10,
       'requests went to Redis');

# -- the cache, of the one worker that a connection stays with

{
    my $client = $gateway->client;
    my @read = (GET => "/$id", %ann);
    $client->ask(@read) for 1 .. 3;
    my $before = settled($gateway);
    $client->ask(@read) for 1 .. 10;
    my ($hits, $misses) = map { "workspaces_cache_${_}_total" }
        qw(hits misses);
    becomes($gateway, $hits, $before->{$hits} + 20,
            'ten reads hit with two records each');
    is(metrics($gateway)->{$misses}, $before->{$misses}, 'and miss none');
    my $changes = 'workspaces_cache_invalidations_total';
    $client->ask(PUT => "/$id", %ann, json => { name => 'A2' });
    $client->ask(@read);
    ok(until_true(10 * patience(), sub {
        my $now = metrics($gateway);
        return !grep { $now->{$_} <= $before->{$_} } $misses, $changes;
    }), 'after a change, which is told, it is read again');
    my $now = metrics($gateway);
    cmp_ok($now->{workspaces_cache_bytes}, '>', 100, 'the cache has a size');
    cmp_ok($now->{workspaces_cache_staleness_seconds}, '<=', 3,
           'it is as fresh as it is to be');
    is($now->{workspaces_cache_max_stale_seconds}, 3, 'which is known');
    is($now->{workspaces_redis_queue}, 0, 'nothing is under way');
}

# -- under load

$before = metrics($gateway);
my $load = Workspaces::Load->start(clients => 6, seconds => 60, run => sub {
    my ($number, $note, $on) = @_;
    my ($client, %count, $scrapes);
    my $n = 0;
    while ($on->()) {
        $client = $gateway->client if $n % 50 == 0;
        my @who = $n % 3 ? %ann : %eve;
        my $got = $n % 7 ? $client->ask(GET => "/$id", @who)
            : $client->ask(PUT => "/$id", @who, json => { name => "n$n" });
        $count{ ($n % 7 ? 'get' : 'update') . " $got->{status}" }++;
        $n++;
    }
    $note->(\%count);
});
my ($scrapes, $odd, $last) = (0, '', $before);
for (my $end = time + 3 * patience(); time < $end || $scrapes < 25;) {
    my $now = metrics($gateway);
    for (grep { /_total|_bucket|_count/ } keys %$now) {
        $odd = "$_ falls" if $now->{$_} < ($last->{$_} // 0);
    }
    $last = $now;
    $scrapes++;
}
cmp_ok($scrapes, '>', 20, 'it can be asked under load');
is($odd, '', 'and no counter ever falls');
%expected = ();
for my $note ($load->stop) {
    for (keys %$note) {
        my ($operation, $status) = split;
        $expected{requests("workspace.$operation", $status)} += $note->{$_};
    }
}
is_deeply(increase($before, metrics($gateway), 'workspaces_requests_total'),
          \%expected, 'every answer was counted once');
my $answers = 0;
$answers += $_ for values %expected;
cmp_ok($answers, '>', 100, "there was load ($answers answers)");
histogram_is_sound(scrape($gateway), 'after the load');
($fine, $said) = lint(scrape($gateway));
ok($fine, 'promtool finds nothing in it still') or diag($said);

# -- reload

sub counters {
    my ($from) = @_;
    my $now = metrics($from);
    return { map { $_ => $now->{$_} } grep {
        /^workspaces_(?:requests|decisions|cache_(?:hits|misses))_/
    } keys %$now };
}

settled($gateway);
$before = counters($gateway);
ok($gateway->reload, 'reload');
is_deeply(counters($gateway), $before, 'the counters are kept');
becomes($gateway, up('data'), 2, 'the new workers have links');
becomes($gateway, 'workspaces_redis_connects_total{link="data"}', 4,
        'which are new ones');
expect('workspace.list', 200, GET => '', %ann);
is(counters($gateway)->{'workspaces_requests_total{'
       . requests('workspace.list', 200) . '}'},
   $before->{'workspaces_requests_total{'
       . requests('workspace.list', 200) . '}'} + 1, 'and count on');

$gateway->write_config(workers => 3);
ok($gateway->reload, 'reload with another worker');
becomes($gateway, up('data'), 3, 'all of them are shown');
is(metrics($gateway)->{workspaces_workers}, 3, 'as three');

# -- without Redis

$redis->stop('KILL');
becomes($gateway, up('data'), 0, 'no link without Redis');
becomes($gateway, up('tracking'), 0, 'neither of them');
$before = metrics($gateway);
cmp_ok($before->{'workspaces_redis_losses_total{link="data"}'}, '>=', 3,
       'three were lost');
%expected = ();
expect('workspace.list', 503, GET => '', %ann) for 1 .. 3;
is_deeply(increase($before, metrics($gateway), 'workspaces_requests_total'),
          \%expected, 'what could not be answered is counted');
%expected = ();
decide('undecided', 'store_unavailable', 503, '/member', \%ann, @here)
    for 1 .. 3;
is_deeply(increase($before, metrics($gateway), 'workspaces_decisions_total'),
          \%expected, 'what could not be decided too');
becomes($gateway, 'workspaces_cache_staleness_seconds', qr/^[1-9]/,
        'how long nothing was heard is told');
$redis->start;
becomes($gateway, up('tracking'), 3, 'it is back');
becomes($gateway, 'workspaces_cache_staleness_seconds', qr/^0/,
        'and heard of');

# -- a decision that comes too late

$redis->freeze;
$before = metrics($gateway);
%expected = ();
decide('undecided', 'store_unavailable', 503, '/member',
       { tenant => 'acme', user => 'late' }, @here);
is_deeply(increase($before, metrics($gateway), 'workspaces_decisions_total'),
          \%expected, 'what was decided too late is counted once');
$redis->thaw;
$gateway->ask_until(200, 10, GET => '', %ann);

# -- no cache

$gateway->write_config(http => 'workspaces_cache off;');
ok($gateway->reload, 'reload without a cache');
becomes($gateway, up('data'), 3, 'the links to Redis are there');
becomes($gateway, 'workspaces_cache_max_stale_seconds', 0, 'no cache');
$now = metrics($gateway);
is($now->{up('tracking')}, undef, 'none that would hear of changes');
is($now->{workspaces_cache_bytes}, 0, 'and nothing is cached');

# -- what is refused

sub refused {
    my ($what, $says, %with) = @_;
    my $broken = Workspaces::Gateway->new(redis => $redis, %with);
    my ($status, $said) = $broken->check_config;
    isnt($status, 0, "$what: refused");
    like($said, $says, "$what: says why");
    return;
}

refused('twice', qr/"workspaces_status" directive is duplicate/,
        server => 'location /m { workspaces_status; workspaces_status; }');
refused('with an argument', qr/invalid number of arguments/,
        server => 'location /m { workspaces_status on; }');
refused('outside of a location', qr/is not allowed here/,
        server => 'workspaces_status;');
refused('in a mount', qr/cannot be used beside "workspaces":/,
        location => 'workspaces_status;');
refused('with a mount', qr/cannot be used beside "workspaces_status":/,
        server => 'location /m { workspaces_status; workspaces platform; }');

$gateway->finish(expected => qr/Redis/);

# -- one process only

{
    my $single = Workspaces::Gateway->new(redis => $redis, single => 1,
        workers => 4, server => $server);
    $single->{workers} = 1;     # that there will be
    $single->start;
    becomes($single, up('data'), 1, 'master_process off: one link');
    is(metrics($single)->{workspaces_workers}, 1, 'of one worker');
    is($single->ask(GET => '', %ann)->{status}, 200, 'it serves');
    is(metrics($single)->{'workspaces_requests_total{'
        . requests('workspace.list', 200) . '}'}, 1, 'and counts');
    $single->finish;
}

# -- without a mount and without Redis

{
    my $bare = Workspaces::Gateway->new(redis => $redis);
    my $text = $bare->config;
    $text =~ s/^ *workspaces_redis .*$//m or die 'no redis';
    $text =~ s/location \/api\/workspaces \{.*?\n {8}\}/$server/s
        or die 'no mount';
    $text =~ s/^ *location = \/(?:member|writer).*$//mg;
    $bare->write_config(text => $text);
    $bare->start;
    my $now = metrics($bare);
    is($now->{workspaces_workers}, 1, 'it needs neither Redis nor a mount');
    is($now->{up('data')}, 0, 'and has no link');
    $bare->finish;
}

# -- the number of workers comes last

{
    my $late = Workspaces::Gateway->new(redis => $redis, workers => 3,
        server => $server);
    my $text = $late->config;
    $text =~ s/^(worker_processes .*;)$//m or die 'no worker_processes';
    $late->write_config(text => "$text\n$1\n");
    $late->start;
    becomes($late, up('data'), 3, 'worker_processes after http: all links');
    is(metrics($late)->{workspaces_workers}, 3, 'of all workers');
    $late->finish;
}

$redis->stop('KILL');
done_testing;
