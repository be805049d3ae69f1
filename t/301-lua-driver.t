# The driver in Lua: what becomes of requests, light threads and timers while
# Redis is away, slow or wrong, and of the worker when it is to go.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use Workspaces::Gateway;
use Workspaces::Lua qw(lua_missing lua_modules lua_http);
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisProxy;
use Workspaces::RedisServer;

my $missing = lua_missing();
plan skip_all => $missing if $missing;

my $server = <<'END';
    lua_check_client_abort on;
    location /lua/workspaces {
        content_by_lua_block {
            workspaces.content("platform", { mount = "/lua/workspaces",
                                             identity = caller })
        }
    }
    location = /access {
        access_by_lua_block {
            workspaces.access { identity = caller }
        }
        empty_gif;
    }
    location = /odd {
        access_by_lua_block {
            if not pcall(workspaces.access, { identity = caller,
                                              settings = { 5 } }) then
                ngx.exit(500)
            end
        }
        empty_gif;
    }
    location = /check {
        content_by_lua_block {
            local d, err = workspaces.check { tenant = "acme", user = "ann",
                                              workspace = 1 }
            ngx.say(d and d.verdict or err, " ", d and d.status)
        }
    }
    location = /kill {
        content_by_lua_block {
            local waits = {}
            for i = 1, 20 do
                waits[i] = ngx.thread.spawn(workspaces.check,
                    { tenant = "acme", user = "u" .. i, workspace = 1 })
            end
            ngx.say(workspaces.waiting())
            for i = 1, 20 do
                assert(ngx.thread.kill(waits[i]))
            end
        }
    }
    location = /timer {
        content_by_lua_block {
            ngx.timer.at(0, function()
                local d, err = workspaces.check { tenant = "acme",
                    user = "ann", workspace = 1 }
                ngx.log(ngx.NOTICE, "in a timer: ", d and d.verdict or err)
            end)
            ngx.say("begun")
        }
    }
    location = /filter {
        content_by_lua_block { ngx.say("content") }
        header_filter_by_lua_block {
            local d, err = workspaces.check { tenant = "acme", user = "ann",
                                              workspace = 1 }
            ngx.header["X-Checked"] = d and d.verdict or "nil " .. err
        }
    }
    location = /waiting {
        content_by_lua_block {
            collectgarbage()
            collectgarbage()
            for size = 1, 200 do
                local garbage = ("g" .. math.random()):rep(size)
            end
            ngx.say(workspaces.waiting(), " ", collectgarbage("count"))
        }
    }
END

sub gateway {
    my ($redis, %given) = @_;
    my %options = (cache => 'false', %{ $given{options} || {} });
    return Workspaces::Gateway->started(redis => $given{module} // $redis,
        workers => $given{workers} || 1, tcp => $given{tcp},
        modules => [lua_modules()],
        http => lua_http(redis => $redis, options => \%options),
        server => $server);
}

sub text {
    my ($method, $path, $body) = @_;
    $body //= '';
    return "$method $path HTTP/1.1\r\nHost: a\r\nX-Tenant: acme\r\n"
        . "X-User: ann\r\nX-Workspace-ID: 1\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body";
}

sub ask {
    my ($gateway, @request) = @_;
    return $gateway->client->write(text(@request))->answer;
}

sub ask_until {
    my ($gateway, $status, @request) = @_;
    my $got;
    until_true(10 * patience(), sub {
        $got = ask($gateway, @request);
        return $got->{status} == $status;
    });
    return $got->{status};
}

sub waiting { return (split ' ', ask($_[0], 'GET', '/waiting')->{body})[0] }
sub kb { return (split ' ', ask($_[0], 'GET', '/waiting')->{body})[1] }

my @list = (GET => '/lua/workspaces');
my @change = (PUT => '/lua/workspaces/1', '{"name":"B"}');
my @create = (POST => '/lua/workspaces', '{"name":"A"}');

# -- Redis is away, and comes
{
    my $redis = Workspaces::RedisServer->new;
    my $gateway = gateway($redis, options => { timeout => 20 });
    my $got = ask($gateway, @list);
    is($got->{status}, 503, 'without Redis: 503');
    is($got->{headers}{'retry-after'}, 1, 'with Retry-After');
    like($got->{body}, qr/^\{"message":/, "in the dialect's shape");
    cmp_ok($got->{seconds}, '<', 10, 'at once');
    is(ask($gateway, GET => '/access')->{status}, 503,
       'no access is given without Redis');
    is(ask($gateway, GET => '/check')->{body}, "undecided 503\n",
       'and nothing is decided');
    $redis->start;
    is(ask_until($gateway, 200, @list), 200, 'Redis comes: 200');
    is(ask($gateway, @create)->{status}, 200, 'it can be written');
    is(ask($gateway, GET => '/access')->{status}, 200, 'access is given');
    for my $round (1 .. 3) {
        $redis->ask(qw(CLIENT KILL TYPE normal SKIPME yes));
        is(ask_until($gateway, 200, @list), 200,
           "round $round: a link that was cut is opened again");
    }
    $redis->stop('KILL');
    is(ask_until($gateway, 503, @list), 503, 'Redis goes: 503');
    unlike($gateway->said, qr/\[error\].* attempt to|stack traceback/,
           'no error of Lua');
    $gateway->finish;
}

# -- requests wait, and go away
my $redis = Workspaces::RedisServer->started;
my $proxy = Workspaces::RedisProxy->started(redis => $redis);
{
    my $gateway = gateway($proxy, tcp => 1, module => $redis,
                          options => { timeout => 20,
                                       connect_timeout => 20 });
    my ($worker) = $gateway->workers;
    is(ask_until($gateway, 200, @list), 200, 'it is served');
    is(ask($gateway, @create)->{status}, 200, 'there is a workspace');

    my (@sizes, @heaps);
    for my $round (1 .. 5) {
        $proxy->set(frozen => 1);
        my @clients = map {
            $gateway->client->write(text($_ % 3 == 0 ? @change
                : $_ % 3 == 1 ? @list : (GET => '/access')))
        } 1 .. 100;
        ok(until_true(10 * patience(), sub { waiting($gateway) == 100 }),
           "round $round: all wait");
        $_ % 2 ? $clients[$_]->abort : $clients[$_]->close
            for 0 .. $#clients;
        is(ask($gateway, GET => '/kill')->{body}, "120\n",
           "round $round: light threads wait, too, and are killed");
        ok(until_true(10 * patience(), sub {
            (() = $gateway->accesses =~ /" 499 /g) == 100 * $round;
        }), "round $round: the worker knows that they are gone");
        $proxy->set(frozen => 0);
        ok(until_true(10 * patience(), sub { waiting($gateway) == 0 }),
           "round $round: nothing is left of them");
        is(ask_until($gateway, 200, @list), 200,
           "round $round: those who stay are served");
        push @sizes, $gateway->memory($worker);
        push @heaps, kb($gateway);
    }
    cmp_ok($sizes[-1] - $sizes[1], '<', 1024,
           "the worker's memory does not grow (kB: @sizes)");
    cmp_ok($heaps[-1] - $heaps[2], '<', 128,
           "nor does Lua's (kB: @heaps)");

    # what the core has borrowed is kept while Lua collects all it can
    $proxy->set(frozen => 1);
    my %client_of = map {
        my $name = "n$_" . 'x' x ($_ % 40);
        $name => $gateway->client->write(text(POST => '/lua/workspaces',
            qq({"name":"$name","labels":["$name"]})) =~ s/ann/user$_/r)
    } 1 .. 60;
    ok(until_true(10 * patience(), sub { waiting($gateway) == 60 }),
       'requests wait');
    # each question collects, and leaves garbage of the sizes that were freed
    waiting($gateway) for 1 .. 10;
    $proxy->set(frozen => 0);
    is(join("\n", grep {
        my $got = $client_of{$_}->answer;
        my ($user) = /^n(\d+)/;
        $got->{status} != 200 || $got->json->{name} ne $_
            || $got->json->{labels}[0] ne $_
            || $got->json->{members}[0]{user} ne "user$user";
    } sort keys %client_of), '', 'each gets its own answer');

    # also when nobody waits any more
    my $gone = (() = $gateway->accesses =~ /" 499 /g);
    $proxy->set(frozen => 1);
    my @clients = map {
        $gateway->client->write(text(POST => '/lua/workspaces',
            qq({"name":"late$_"})) =~ s/ann/gone-user-$_/r)
    } 1 .. 40;
    ok(until_true(10 * patience(), sub { waiting($gateway) == 40 }),
       'requests wait again');
    $_->abort for @clients;
    ok(until_true(10 * patience(), sub {
        (() = $gateway->accesses =~ /" 499 /g) == $gone + 40;
    }), 'they are gone, their operations are not');
    waiting($gateway) for 1 .. 10;
    $proxy->set(frozen => 0);
    ok(until_true(10 * patience(), sub { waiting($gateway) == 0 }),
       'which end');
    is(join(' ', grep {
        my $list = $gateway->client->write(text(@list)
            =~ s/ann/gone-user-$_/r)->answer->{body};
        $list ne '[]'
            && $list !~ /^\[\{"_id":"\d+","name":"late$_",[^{]*\}\]$/;
    } 1 .. 40), '', 'and have done nothing else than they were asked');
    my $done = grep {
        $gateway->client->write(text(@list) =~ s/ann/gone-user-$_/r)
            ->answer->{body} ne '[]';
    } 1 .. 40;
    is($done, 40, 'all of it');

    # whoever asks for nonsense is the only one who suffers from it
    $proxy->set(frozen => 1);
    my $odd = $gateway->client->write(text(GET => '/odd'));
    my $before = waiting($gateway);
    my @others = map { $gateway->client->write(text(@list)) } 1 .. 10;
    ok(until_true(10 * patience(), sub {
        waiting($gateway) == $before + 10;
    }), 'requests wait behind one with odd options');
    $proxy->set(frozen => 0);
    is($odd->answer->{status}, 500, 'it is refused');
    is(join(' ', map { $_->answer->{status} } @others),
       join(' ', (200) x 10), 'the others are served');

    $proxy->set(split => 1);
    is(ask($gateway, GET => '/access')->{status}, 200,
       'replies may come in bytes');
    $proxy->set(split => 0);

    # timers, and phases that cannot wait
    $proxy->set(frozen => 1);
    is(ask($gateway, GET => '/timer')->{body}, "begun\n",
       'a timer checks while Redis stands still');
    my $alive = ask($gateway, GET => '/alive');
    is($alive->{body}, 'alive', 'and the worker is not blocked');
    is(waiting($gateway), 1, 'it waits');
    $proxy->set(frozen => 0);
    ok($gateway->has_said(qr/in a timer: allowed/), 'it gets its decision');
    like(ask($gateway, GET => '/filter')->{headers}{'x-checked'},
         qr/^nil API disabled in the context of header_filter_by_lua/,
         'where nothing can wait, nothing is decided');
    ok(until_true(10 * patience(), sub { waiting($gateway) == 0 }),
       'and nothing is left of it');
    is_deeply([$gateway->workers], [$worker], 'the worker is the same');
    $gateway->finish;
}

# -- deadlines, and what is no Redis
{
    my $gateway = gateway($proxy, module => $redis, options => {
        timeout => 0.3, connect_timeout => 0.3 });
    is(ask_until($gateway, 200, @list), 200, 'it is served');
    $proxy->set(frozen => 1);
    for my $path ('/lua/workspaces', '/access') {
        my $got = ask($gateway, GET => $path);
        is($got->{status}, 503, "$path: its deadline passes: 503");
        cmp_ok($got->{seconds}, '<', 8, "$path: in time");
    }
    $proxy->set(frozen => 0);
    is(ask_until($gateway, 200, @list), 200, 'it recovers');
    $proxy->set(corrupt => 3);
    ask($gateway, @list) for 1 .. 3;
    is(ask_until($gateway, 200, @list), 200, 'what is no reply cuts the link');
    $gateway->finish;
}

# -- pushed invalidation, between two workers
{
    my $gateway = gateway($redis, workers => 2,
                          options => { cache => 1 << 20, max_stale => 1 });
    is(ask_until($gateway, 200, GET => '/access'), 200, 'a member gets in');
    my @clients = map { $gateway->client } 1 .. 8;
    for my $round (1 .. 5) {
        for ('DELETE', 'POST') {
            my @change = $_ eq 'POST'
                ? (POST => '/lua/workspaces/1/members',
                   '{"userId":"bob","roles":["viewer"]}')
                : (DELETE => '/lua/workspaces/1/members/bob');
            ask($gateway, @change);
            my $wanted = $_ eq 'POST' ? 200 : 404;
            my @late = grep {
                my $client = $_;
                !until_true(2 * patience(), sub {
                    $client->write(text(GET => '/access')
                                       =~ s/ann/bob/r)->answer->{status}
                        == $wanted;
                });
            } @clients;
            is(scalar @late, 0, "round $round, $_: all workers know it");
        }
    }
    $gateway->finish;
}

# -- reload, and the end
for my $cache ('false', 1 << 20) {
    my $name = "cache = $cache";
    my $gateway = gateway($proxy, module => $redis,
                          options => { timeout => 10, cache => $cache });
    is(ask_until($gateway, 200, @list), 200, "$name: it is served");
    ok($gateway->reload(3), "$name: an old worker goes at once");
    is(ask_until($gateway, 200, @list), 200, "$name: the new one serves");
    $proxy->set(frozen => 1);
    my @clients = map { $gateway->client->write(text(@list)) } 1 .. 10;
    ok(until_true(10 * patience(), sub { waiting($gateway) >= 10 }),
       "$name: requests wait");
    $gateway->signal('HUP');
    ok($gateway->has_said(qr/gracefully shutting down/), "$name: reload");
    $proxy->set(frozen => 0);
    is(join(' ', map { $_->answer->{status} } @clients),
       join(' ', (200) x 10), "$name: they are answered by the old worker");
    is(ask_until($gateway, 200, @list), 200, "$name: it is served after it");
    $gateway->finish;
}

# -- the end, where nginx has no timer left to tell of it
for my $cache ('false', 1 << 20) {
    my $gateway = Workspaces::Gateway->started(redis => $redis,
        modules => [lua_modules()], server => $server,
        http => "lua_max_running_timers 3;\n" . lua_http(redis => $redis,
            options => { cache => $cache }));
    is(ask_until($gateway, 200, @list), 200, 'three timers are enough');
    my $links = $cache eq 'false' ? 1 : 2;
    ok(until_true(5 * patience(), sub {
        (() = $gateway->said =~ /link is ready, context: ngx\.timer/g) >= $links;
    }), 'for all links');
    $gateway->finish(expected => qr/lua_max_running_timers are not enough/);
}

$proxy->stop;
$redis->stop('KILL');
done_testing;
