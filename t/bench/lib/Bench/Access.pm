package Bench::Access;

# Access: what it costs to let only members of a workspace through to a
# backend.
#
#   (a) proxy_pass with kept connections, no check: the floor
#   (b) the module in the access phase, with its cache
#   (c) the module, asking Redis each time
#   (d) auth_request to Fastify with ioredis, asking Redis each time
#   (e) access_by_lua, asking Redis each time
#   (f) access_by_lua with decisions kept for a second (lua-resty-lrucache)
#   (g) resty.workspaces, with its cache
#   (h) resty.workspaces, asking Redis each time
#
# What is decided: the user of the headers is a member of the workspace that
# X-Workspace-ID names; the records are those that the module's API has put
# into Redis.  Before anything is measured all of them are asked for members,
# strangers, nobody, and workspaces that are not there; answers that pass must
# be equal to (a)'s; and a membership given or taken through the API must show
# in each, at the latest when (f) forgets its decision.  A difference ends the
# run.  (f) does less than (b): what it lets in may have been revoked up to a
# second before; see the revocation scenario.
#
# Who refuses, and how, is each one's own: 403 for a stranger with (d), for
# auth_request knows no other, and 404 with the others.
#
# All requests are of one member for one workspace, so (b), (f) and (g) find in
# their caches what they look for, and (c), (d), (e) and (h) always ask.  The
# column "Redis calls" proves it.
#
# The service of (d) runs beside the server, not in its place: it has a CPU of
# its own where there is one, and else the one of Redis, where more is left
# than on the server's.  What it costs is in the table under "service us".

use strict;
use warnings;

use FindBin;
use Time::HiRes qw(sleep time);

use Bench::Api;
use Bench::Gateway;
use Bench::Http;

my $CACHE            = '16m';
my $PATH             = '/v1/items?page=2';
my $PATIENCE_SECONDS = 5;       # for a change to show

my %SERVERS_OWN = map { $_ => 1 } qw(server date connection keep-alive);

sub title {
    return 'access: GET through a gateway, for members of a workspace only';
}
sub base { return 'a' }
sub ours { return qw(b c) }

sub start {
    my ($room, $option) = @_;

    my $redis = $room->start_redis;
    my $api   = Bench::Api::start($room, $option->{module}, 'api');
    my ($workspace, $partition, $id) = Bench::Api::seed($room, $api->{port});

    my $backend = Bench::Gateway::start_backend($room);
    my $service = $room->start_node('service', 'service',
        "$option->{out}/node_modules", "$FindBin::Bin/access/service.js",
        $redis->{socket}, $partition);

    my @gateways = (
        [a => 'proxy_pass, no check',
            Bench::Gateway::start_open($room, $backend, 'open')],
        [b => 'ngx_workspaces, cache',
            Bench::Gateway::start_module($room, $backend, 'cached',
                $option->{module}, $CACHE)],
        [c => 'ngx_workspaces, Redis',
            Bench::Gateway::start_module($room, $backend, 'uncached',
                $option->{module}, 'off')],
        [d => 'auth_request, Fastify',
            Bench::Gateway::start_auth_request($room, $backend,
                'auth_request', $service->{port})],
        [e => 'access_by_lua, Redis',
            Bench::Gateway::start_lua($room, $backend, 'lua', $partition,
                'decide')],
        [f => 'access_by_lua, lrucache 1 s',
            Bench::Gateway::start_lua($room, $backend, 'lrucache', $partition,
                'decide_with_cache')],
        [g => 'resty.workspaces, cache',
            Bench::Gateway::start_resty($room, $backend, 'resty_cached',
                $option->{lua}, 16 << 20)],
        [h => 'resty.workspaces, Redis',
            Bench::Gateway::start_resty($room, $backend, 'resty',
                $option->{lua}, 'false')],
    );

    my @peers = peers($id, @gateways);
    $_->{others}{backend} = $backend->{worker} for @peers;
    $_->{others}{service} = $service->{worker}
        for grep { $_->{key} eq 'd' } @peers;

    compare($api, $workspace, $id, @peers);
    return @peers;
}

# (a), (b) and (c) as single processes for the profiler; `wrapper` gives the
# command of each, by its key.
sub start_single {
    my ($room, $option, $wrapper) = @_;

    $room->start_redis;
    my $api = Bench::Api::start($room, $option->{module}, 'api');
    my (undef, undef, $id) = Bench::Api::seed($room, $api->{port});
    my $backend = Bench::Gateway::start_backend($room);
    my %single  = map {
        $_ => [single => 1, patience => 60, wrapper => $wrapper->($_)]
    } qw(a b c);

    my @peers = peers($id,
        [a => 'proxy_pass, no check',
            Bench::Gateway::start_open($room, $backend, 'open',
                @{ $single{a} })],
        [b => 'ngx_workspaces, cache',
            Bench::Gateway::start_module($room, $backend, 'cached',
                $option->{module}, $CACHE, @{ $single{b} })],
        [c => 'ngx_workspaces, Redis',
            Bench::Gateway::start_module($room, $backend, 'uncached',
                $option->{module}, 'off', @{ $single{c} })]);

    # the links to Redis come up
    await($_, $_->{headers}, 'passes', 'a member') for @peers;
    return @peers;
}

sub peers {
    my ($id, @gateways) = @_;

    return map {
        my ($key, $name, $server) = @$_;
        +{
            key     => $key,
            name    => $name,
            worker  => $server->{worker},
            pid     => $server->{pid},
            port    => $server->{port},
            path    => $PATH,
            headers => { %Bench::Api::BOB, 'X-Workspace-ID' => $id },
        };
    } @gateways;
}

# Dies unless all but the first, which checks nothing, decide the same.
sub compare {
    my ($api, $workspace, $id, $open, @peers) = @_;

    my $bob  = { %Bench::Api::BOB, 'X-Workspace-ID' => $id };
    my $want = ask($open, $bob);
    die "the backend answered $want->{status}\n" if $want->{status} != 200;

    my $nobody = {%$bob};
    delete $nobody->{'X-User'};
    my $homeless = {%$bob};
    delete $homeless->{'X-Tenant'};
    my $nowhere = {%$bob};
    delete $nowhere->{'X-Workspace-ID'};

    my @cases = (
        ['a member'                    => 'passes',  $bob],
        ['the owner'                   => 'passes',
            { %$bob, 'X-User' => 'alice' }],
        ['a stranger'                  => 'refused',
            { %$bob, 'X-User' => 'mallory' }],
        ['nobody'                      => 401,       $nobody],
        ['a user of no tenant'         => 401,       $homeless],
        ['a user of another tenant'    => 'refused',
            { %$bob, 'X-Tenant' => 'globex' }],
        ['a member, no workspace'      => 'refused', $nowhere],
        ['a member, another workspace' => 'refused',
            { %$bob, 'X-Workspace-ID' => '999999' }],
        ['a member, no id'             => 'refused',
            { %$bob, 'X-Workspace-ID' => "x$id" }],
    );
    for my $peer (@peers) {
        # the links to Redis come up
        await($peer, $bob, 'passes', 'a member');
        for my $case (@cases) {
            my ($who, $expected, $headers) = @$case;
            my $got = ask($peer, $headers);
            die "unequal work: ($peer->{key}) $peer->{name}: $who: answered "
                . "$got->{status}, expected: $expected\n"
                if !is($got->{status}, $expected);
            same($peer, $want, $got) if $expected eq 'passes';
        }
    }

    my $carol = { %$bob, 'X-User' => 'carol' };
    await($_, $carol, 'refused', 'before being given a membership') for @peers;
    Bench::Api::grant($api->{port}, $workspace, 'carol');
    await($_, $carol, 'passes', 'with a new membership') for @peers;
    Bench::Api::revoke($api->{port}, $workspace, 'carol');
    await($_, $carol, 'refused', 'after the membership was taken') for @peers;
    return;
}

sub ask {
    my ($peer, $headers) = @_;
    return Bench::Http::request($peer->{port}, 'GET', $peer->{path}, $headers);
}

sub is {
    my ($status, $expected) = @_;

    return $status == 200 if $expected eq 'passes';
    return $status == 400 || $status == 403 || $status == 404
        if $expected eq 'refused';
    return $status == $expected;
}

sub await {
    my ($peer, $headers, $expected, $what) = @_;

    my $until = time + $PATIENCE_SECONDS;
    my $got;
    while (!is(($got = ask($peer, $headers))->{status}, $expected)) {
        die "unequal work: ($peer->{key}) $peer->{name}: $what: still "
            . "answered $got->{status} after $PATIENCE_SECONDS s, expected: "
            . "$expected\n"
            if time > $until;
        sleep 0.01;
    }
    return;
}

sub same {
    my ($peer, $want, $got) = @_;

    my $who = "unequal work: ($peer->{key}) $peer->{name}";
    die "$who: another body: $got->{body}\n" if $got->{body} ne $want->{body};
    my %seen = (%{ $want->{headers} }, %{ $got->{headers} });
    for my $name (sort keys %seen) {
        next if $SERVERS_OWN{$name};
        my ($theirs, $open) =
            map { $_->{headers}{$name} // '' } $got, $want;
        die "$who: header $name is '$theirs', '$open' without a check\n"
            if $theirs ne $open;
    }
    return;
}

1;
