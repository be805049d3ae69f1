# resty.workspaces beside the module, in one nginx, with other people's modules
# as well: both decide the same, whichever of them is used for changes, over a
# history at random.
#
#   WORKSPACES_TEST_SEED   of the random events, for doing one again

use strict;
use warnings;

use Test::More;

use Workspaces::Gateway;
use Workspaces::Lua qw(lua_missing lua_modules lua_http);
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisServer;

my $missing = lua_missing();
plan skip_all => $missing if $missing;

my $seed = $ENV{WORKSPACES_TEST_SEED} || int(time) % 1_000_000;
srand $seed;
note "WORKSPACES_TEST_SEED=$seed";

my $redis = Workspaces::RedisServer->started(tcp => 1);

# What a request was allowed is shown in headers; Lua shows it by itself.
my $server = <<'END';
    client_max_body_size 2m;
    location = /module {
        workspaces_identity trusted tenant=$http_x_tenant user=$http_x_user
            admin=$http_x_admin;
        workspaces_access $arg_needed;
        empty_gif;
        add_header X-Allowed "$workspace_id $workspace_external_id $workspace_name $workspace_tenant $workspace_user $workspace_roles $workspace_permissions";
    }
    location = /lua {
        access_by_lua_block {
            local d = workspaces.access {
                permission = ngx.var.arg_needed, identity = caller,
            }
            if d ~= ngx.ctx.workspace then
                ngx.exit(500)
            end
            ngx.header["X-Allowed"] = table.concat({ d.id, d.external_id,
                d.name, d.tenant, d.user, d.roles, d.permissions }, " ")
        }
        empty_gif;
    }
    location = /check {
        content_by_lua_block {
            local var = ngx.var
            local d, err = workspaces.check {
                tenant = var.http_x_tenant, user = var.http_x_user,
                admin = var.http_x_admin, workspace = var.http_x_workspace_id,
                external = var.http_x_ats_client_id,
                permission = var.arg_needed,
            }
            ngx.say(d and d.status or err)
        }
    }
    location /lua/workspaces {
        content_by_lua_block {
            workspaces.content("platform", { mount = "/lua/workspaces",
                                             identity = caller })
        }
    }
    location = /channel {
        nchan_publisher;
        nchan_channel_id a;
    }
END

my @tenants = qw(acme globex);
my @users = qw(ann bob cid dee);
my (%workspaces, %count, @wrong);

sub pick { return $_[rand @_] }

sub request {
    my ($method, $path, $headers, $body) = @_;
    $body //= '';
    return "$method $path HTTP/1.1\r\nHost: a\r\n"
        . join('', map { "$_\r\n" } @$headers)
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}

# On one connection, as long as nginx keeps it.
my ($gateway, $client);
sub answer {
    my (@request) = @_;
    $client //= $gateway->client;
    my $got = $client->write(request(@request))->answer;
    $client = undef
        if !$got->{status} || ($got->{headers}{connection} // '') eq 'close';
    return $got;
}

# A change by one who may, through the module or through Lua.
sub change {
    my ($tenant) = @_;
    my $known = $workspaces{$tenant} ||= [];
    my $via = pick('/api/workspaces', '/lua/workspaces');
    my $id = @$known ? pick(@$known) : 0;
    my $user = pick(@users);
    my $roles = '["' . join('","', map { pick(qw(admin member viewer x)) }
                                   1 .. 1 + rand 2) . '"]';
    my $what = $id ? int rand 8 : 0;
    my @change = $what == 0 ? (POST => '', qq({"name":"W$user"}))
        : $what <= 3 ? (POST => "/$id/members",
                        qq({"userId":"$user","roles":$roles}))
        : $what == 4 ? (PUT => "/$id/members/$user", qq({"roles":$roles}))
        : $what == 5 ? (DELETE => "/$id/members/$user")
        : $what == 6 ? (POST => "/$id/activate")
        : rand() < 0.3 ? (DELETE => "/$id")
        : (PUT => "/$id", qq({"name":"N$user"}));
    my ($method, $path, $body) = @change;
    my $as = $what == 0 || $what == 6 ? $user : 'root';
    my $got = answer($method, "$via$path",
        ["X-Tenant: $tenant", "X-User: $as", 'X-Admin: 1'], $body);
    push @wrong, "$method $via$path: $got->{status} $got->{body}"
        if $got->{status} !~ /^(?:200|4..)$/;
    $count{"change $got->{status}"}++;
    return if $got->{status} != 200;
    push @$known, $got->json->{_id} if $what == 0;
    @$known = grep { $_ ne $id } @$known
        if $method eq 'DELETE' && $path eq "/$id";
    if ($what == 0 && rand() < 0.5) {
        my $new = $got->json->{_id};
        my ($key) = @{ $redis->ask('KEYS', "wsp:*:$tenant:w:$new") };
        my ($prefix) = $key =~ /\A(.*:)w:/;
        $redis->ask('HSET', $key, external => "ext-$new");
        $redis->ask('SET', "${prefix}e:ext-$new", $new);
    }
    return;
}

my @odd_ids = ('', 0, '01', -1, 'x', '1, 2', '18446744073709551617', 9999);

sub question {
    my $tenant = pick(@tenants);
    my @ids = (@{ $workspaces{ pick(@tenants) } || [] }, 1);
    my @headers;
    push @headers, "X-Tenant: $tenant" if rand() < 0.95;
    push @headers, 'X-User: ' . pick(@users) if rand() < 0.95;
    push @headers, 'X-Admin: ' . pick(qw(1 on 0 yes x)) if rand() < 0.1;
    push @headers, 'X-Workspace-ID: ' . pick(@ids) if rand() < 0.7;
    push @headers, 'x-workspace-id: ' . pick(@odd_ids) if rand() < 0.1;
    push @headers, 'X-ATS-Client-ID: ext-' . pick(@ids) if rand() < 0.2;
    push @headers, 'X-ATS-Client-ID: ' . pick('', 'nobody') if rand() < 0.05;
    my $needed = pick('', '', 'docs:read', 'docs:create', 'docs:delete',
                      '*:*', '*:view', 'docs:*');
    return ($needed, @headers);
}

# What both say, apart from the request's own id.
sub said {
    my ($where, $needed, @headers) = @_;
    my $got = answer(GET => "$where?needed=$needed", \@headers);
    my %h = %{ $got->{headers} };
    my $id = $h{'x-request-id'} // 'none';
    $id =~ s/[0-9a-f]{32}/an id/;
    return join "\n", $got->{status}, $h{'x-allowed'} // '-', $id,
        (map { "$_: " . ($h{$_} // '-') } qw(content-type cache-control
            www-authenticate retry-after)),
        $got->{status} == 200 ? '' : $got->{body};
}

sub compare {
    my ($settled) = @_;
    my ($needed, @headers) = question();
    my ($module, $lua);
    until_true($settled ? 5 * patience() : 0.001, sub {
        $module = said('/module', $needed, @headers);
        $lua = said('/lua', $needed, @headers);
        return $module eq $lua;
    });
    push @wrong, "needed $needed, @headers: the module says\n$module\n"
        . "and Lua\n$lua" if $module ne $lua;
    my ($status) = $lua =~ /\A(\d+)/;
    $count{$status}++;
    my %seen;
    return if grep { /^([^:]+)/; $seen{ lc $1 }++ } @headers;
    my $check;
    until_true($settled ? 5 * patience() : 0.001, sub {
        $check = answer(GET => "/check?needed=$needed", \@headers)->{body};
        $status = (split ' ', said('/module', $needed, @headers))[0];
        return $check eq "$status\n";
    });
    push @wrong, "check, needed $needed, @headers: $check, and not $status"
        if $check ne "$status\n";
    return;
}

for my $cache (0, 1) {
    my $name = $cache ? 'with caches' : 'without caches';
    $redis->ask('FLUSHALL');
    %workspaces = %count = @wrong = ();
    $gateway = Workspaces::Gateway->started(redis => $redis,
        workers => 1 + $cache,
        modules => ['/usr/lib/nginx/modules/ngx_nchan_module.so',
                    lua_modules()],
        http => ($cache ? '' : 'workspaces_cache off;')
            . lua_http(redis => $redis,
                       options => $cache ? {} : { cache => 'false' }),
        server => $server);
    $client = undef;
    $gateway->ask_until(200, 5, GET => '', tenant => 'acme', user => 'ann');
    ok(until_true(5 * patience(), sub {
        answer(GET => '/lua/workspaces', ['X-Tenant: acme', 'X-User: ann'])
            ->{status} == 200;
    }), "$name: both are served");

    for my $step (1 .. 150) {
        change(pick(@tenants));
        compare($cache) for 1 .. 3;
    }
    note join ', ', map { "$_: $count{$_}" } sort keys %count;
    cmp_ok($count{$_} // 0, '>', 0, "$name: there were $_")
        for 200, 400, 401, 403, 404;
    is(join("\n", @wrong[0 .. ($#wrong < 5 ? $#wrong : 5)]), '',
       "$name: the module and Lua decide the same")
        or diag "WORKSPACES_TEST_SEED=$seed, wrong: " . @wrong;
    like(answer(POST => '/channel', [], 'hi')->{status}, qr/^20[12]$/,
         "$name: nchan is there, too");
    $gateway->finish;
}

$redis->stop('KILL');
done_testing;
