# Entity requests of partners in Lua: access and check with errors = "partner"
# say what the module says.

use strict;
use warnings;

use Test::More;

use Workspaces::Gateway;
use Workspaces::Lua qw(lua_missing lua_modules lua_http);
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisServer;

my $missing = lua_missing();
plan skip_all => $missing if $missing;

my $redis = Workspaces::RedisServer->started;
my $http = lua_http(redis => $redis);
$http =~ s/(function caller\(\))/partners = workspaces.api_key {
            user = function() return ngx.var.http_x_ats_user_id end,
        }
        given = workspaces.api_key {
            key = function() return ngx.var.http_x_api_key end,
            user = function() return ngx.var.http_x_ats_user_id end,
        }
        $1/ or die;
my $gateway = Workspaces::Gateway->started(redis => $redis,
    modules => [lua_modules()], http => $http, server => <<'END');
    location /operator {
        workspaces operator;
    }
    location = /module {
        workspaces_identity api_key user=$http_x_ats_user_id;
        workspaces_access $arg_needed;
        workspaces_access_errors partner;
        empty_gif;
        add_header X-Allowed "$workspace_id $workspace_external_id $workspace_tenant $workspace_user";
    }
    location = /lua {
        access_by_lua_block {
            local d = workspaces.access {
                permission = ngx.var.arg_needed, identity = partners,
                errors = "partner",
            }
            ngx.header["X-Allowed"] = table.concat({ d.id, d.external_id,
                d.tenant, d.user }, " ")
        }
        empty_gif;
    }
    location = /check {
        content_by_lua_block {
            local d, err = workspaces.check {
                identity = given, external = ngx.var.http_x_ats_client_id,
                permission = ngx.var.arg_needed, errors = "partner",
            }
            ngx.say(d and d.status or err)
        }
    }
    location = /odd {
        content_by_lua_block {
            ngx.say(select(2, pcall(workspaces.check, {
                identity = given, errors = "partners" })))
        }
    }
END

my %key;
for my $partner (qw(ats-1 ats-2)) {
    my $got;
    until_true(10 * patience(), sub {
        $got = $gateway->ask(POST => '/partners', base => '/operator',
            json => { id => $partner, name => 'Some' });
        return $got->{status} == 201;
    });
    $key{$partner} = $got->json->{api_key};
    is($gateway->ask(POST => '', tenant => $partner, user => 'owner',
                     json => { name => 'Corp' })->{status}, 200,
       "$partner has a workspace");
    my ($record) = @{ $redis->ask('KEYS', "wsp:*:$partner:pt") };
    my $prefix = $record =~ s/pt\z//r;
    $redis->ask('HSET', "${prefix}w:1", 'external', "$partner-corp");
    $redis->ask('SET', "${prefix}e:$partner-corp", 1);
}

sub said {
    my ($where, @headers) = @_;
    my $got = $gateway->client->write("GET $where HTTP/1.1\r\nHost: g\r\n"
        . join('', map { "$_\r\n" } @headers) . "\r\n")->answer;
    return $got->{body} if $where !~ m{^/(?:module|lua)};
    my %h = %{ $got->{headers} };
    return join "\n", $got->{status}, $h{'x-allowed'} // '-',
        (map { "$_: " . ($h{$_} // '-') } qw(content-type cache-control
            www-authenticate retry-after)),
        $got->{status} == 200 ? '' : $got->{body};
}

my $key = "X-API-Key: $key{'ats-1'}";
my $client = 'X-ATS-Client-ID: ats-1-corp';
my $user = 'X-ATS-User-ID: owner';
for my $case (
    [200, 'a member', $key, $client, $user],
    [401, 'no key', $client, $user],
    [401, 'a key of nobody', 'X-API-Key: x', $client, $user],
    [401, 'a key twice', $key, $key, $client, $user],
    [422, 'no client', $key, $user],
    [422, 'no user', $key, $client],
    [422, 'a client twice', $key, $client, $client, $user],
    [422, 'a user twice', $key, $client, $user, $user],
    [422, 'an id', $key, $user, 'X-Workspace-ID: 1'],
    [409, 'an unknown client', $key, $user, 'X-ATS-Client-ID: x'],
    [409, 'a foreign client', $key, $user, 'X-ATS-Client-ID: ats-2-corp'],
    [403, 'no member', $key, $client, 'X-ATS-User-ID: eve'],
) {
    my ($status, $what, @headers) = @$case;
    my $module = said('/module', @headers);
    like($module, qr/^$status\n/, "$what: $status");
    is(said('/lua', @headers), $module, "$what: Lua says the same");
    next if $what =~ /twice/;
    is(said('/check', @headers), "$status\n", "$what: so does check");
}
like(said('/odd'), qr/errors is "problem" or "partner"/,
     'there are two kinds of errors');

$gateway->finish;
$redis->stop;
done_testing;
