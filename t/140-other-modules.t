# Other modules in the same nginx: those that bring a Redis client of their
# own, and Lua.

use strict;
use warnings;

use Test::More;

use Workspaces::Gateway;
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisServer;

my ($ours) = grep { /ngx_http_workspaces_module/ }
    split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '';
plan skip_all => 'the module is linked into nginx' unless $ours;

# -- nothing of ours is seen by others
{
    my @symbols = map { (split ' ')[-1] } `nm -D --defined-only '$ours'`;
    is_deeply([sort @symbols],
              [qw(ngx_module_names ngx_module_order ngx_modules)],
              'the module exports what nginx needs, and nothing else');
    my $libraries = `ldd '$ours'`;
    unlike($libraries, qr/hiredis/, 'hiredis is inside');
    unlike($libraries, qr/not found/, 'all its libraries are there');
}

# -- Debian's modules in the same nginx.  nchan exports a hiredis of its own,
# older than ours, to all that are loaded after it.
my $dir = '/usr/lib/nginx/modules';
my %file = (ndk => "$dir/ndk_http_module.so",
            lua => "$dir/ngx_http_lua_module.so",
            nchan => "$dir/ngx_nchan_module.so");
my @missing = grep { !-e $file{$_} } sort keys %file;
is("@missing", '', "Debian's nchan, Lua and NDK are installed");

unless (@missing) {
    my $redis = Workspaces::RedisServer->started(tcp => 1);
    my %who = (tenant => 'acme', user => 'ann', admin => 1);

    for my $case ([1, qw(nchan ndk lua)], [0, qw(nchan ndk lua)],
                  [1, 'nchan'])
    {
        my ($before, @modules) = @$case;
        my $name = join ' ', @modules, $before ? 'before ours' : 'after ours';
        $redis->ask('FLUSHALL');
        my $load = join '', map { "load_module $_;\n" } @file{@modules};
        my $gateway = Workspaces::Gateway->new(redis => $redis,
            http => "upstream channels { nchan_redis_server "
                    . "redis://127.0.0.1:$redis->{port}; }",
            server => 'location /edge {
                       workspaces_identity trusted tenant=$http_x_tenant
                           user=$http_x_user;
                       workspaces_access on;
                       workspaces_forward on;
                       try_files /none @edge; }
                   location @edge { return 200
                       "$workspace_id $http_x_workspace_user"; }
                   location = /channel { nchan_publisher;
                       nchan_channel_id a; nchan_redis_pass channels; }'
                . (@modules > 1 ? ' location = /lua { content_by_lua_block {
                       ngx.say("from lua") } }' : ''));
        my $text = $gateway->config;
        $before ? $text =~ s/^/$load/
                : $text =~ s/(.*load_module [^\n]*\n)/$1$load/s;
        $gateway->write_config(text => $text)->start;

        my $got = $gateway->ask_until(200, 5, GET => '', %who);
        is($got->{status}, 200, "$name: it is served");
        $got = $gateway->ask(POST => '', %who, json => { name => 'Berlin' });
        is($got->{status}, 200, "$name: a write is done");
        my $id = $got->json->{_id};
        is($gateway->ask(POST => "/$id/encrypted", %who, json => { a => 1 })
                   ->{status}, 200, "$name: data is sealed");
        is($gateway->ask(GET => "/$id/encrypted", %who)->{body}, '{"a":1}',
           "$name: and opened");
        is($gateway->ask(GET => '/all?name=^b', %who)->{status}, 200,
           "$name: an expression is searched for");

        my $edge = sub {
            my $got = $gateway->client->write(
                "GET /edge HTTP/1.1\r\nHost: a\r\nX-Tenant: acme\r\n"
                . "X-User: $_[0]\r\nX-Workspace-ID: $id\r\n"
                . "X-Workspace-User: root\r\n\r\n")->answer;
            return $got->{status} == 200 ? $got->{body} : $got->{status};
        };
        is_deeply([map { $edge->($_) } 'ann', 'eve'], ["$id ann", 404],
                  "$name: a member gets through, a stranger does not");

        my $ask = sub {
            return $gateway->client->write(
                "$_[0] HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
                ->answer;
        };
        ok(until_true(5 * patience(), sub {
            $ask->('POST /channel')->{status} =~ /^20[12]$/;
        }), "$name: nchan speaks with its Redis, too");
        is($ask->('GET /lua')->{body}, "from lua\n", "$name: Lua runs")
            if @modules > 1;

        $redis->ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        is($gateway->ask_until(200, 5, GET => "/$id", %who)->{status}, 200,
           "$name: a lost link is opened again");
        ok($gateway->reload, "$name: reload");
        is($gateway->ask_until(200, 5, GET => "/$id", %who)->{status}, 200,
           "$name: it is served after it");
        $gateway->finish;
    }
    $redis->stop('KILL');
}

done_testing;
