# Entity requests of partners at the edge (workspaces_access_errors partner):
# who passes, what the backend is told, what the others are told, and that a
# change is heard by every worker.

use strict;
use warnings;

use Test::More;

use Workspaces::Gateway;
use Workspaces::Http2;
use Workspaces::Process qw(room free_port patience until_true);
use Workspaces::RedisServer;

my $redis = Workspaces::RedisServer->started;
my $http2 = free_port();
my $workers = 2;
my $backend = room() . '/backend';
my $gateway = Workspaces::Gateway->started(redis => $redis,
    workers => $workers, tcp => 1,
    # nothing is refused here only because a record has become too old
    http => 'workspaces_cache 1m max_stale=60s;'
        . <<'END' =~ s/BACKEND/unix:$backend/gr,
    map $request_method $needed {
        default candidates:view;
        POST    candidates:create;
        DELETE  candidates:delete;
    }
    upstream backend {
        server BACKEND;
    }
    server {
        listen BACKEND;
        underscores_in_headers on;
        location / {
            return 200 "$request_method $request_uri|$http_x_ats_client_id|$http_x_ats_user_id|$http_x_workspace_id|$http_x_workspace_tenant|$http_x_workspace_user|$http_x_api_key\n";
        }
        location /v1/elsewhere {
            add_header X-Accel-Redirect $http_x_to;
            return 200 "";
        }
    }
END
    server => <<"END");
        listen 127.0.0.1:$http2 http2;
        underscores_in_headers on;

        workspaces_identity api_key user=\$http_x_ats_user_id;
        workspaces_access_errors partner;

        location = /pid {
            return 200 \$pid;
        }
        location = /status {
            workspaces_status;
        }
        location /operator {
            workspaces operator;
        }
        location /v1/ {
            workspaces_access \$needed;
            workspaces_forward on;
            proxy_pass http://backend;
        }
        location /bare/ {
            workspaces_access on;
            empty_gif;
            add_header X-Who "\$workspace_decision \$workspace_reason \$workspace_tenant \$workspace_user \$workspace_external_id";
        }
        location /problem/ {
            workspaces_access on;
            workspaces_access_errors problem;
            empty_gif;
        }
        location /log-only/ {
            workspaces_access on;
            workspaces_access_log_only on;
            empty_gif;
            add_header X-Who "\$workspace_decision \$workspace_reason" always;
        }
        location /any/ {
            satisfy any;
            deny all;
            workspaces_access on;
            empty_gif;
        }
        location /open/ {
            satisfy any;
            allow all;
            workspaces_access on;
            workspaces_forward on;
            proxy_pass http://backend;
        }
        location /page/ {
            error_page 409 = /gone;
            workspaces_access on;
            empty_gif;
        }
        location = /gone {
            return 410 "gone\\n";
        }
        location /old/ {
            rewrite ^/old/(.*)\$ /v1/\$1 last;
        }
        location /tries/ {
            try_files /none \@entities;
        }
        location \@entities {
            workspaces_access on;
            workspaces_forward on;
            proxy_pass http://backend;
        }
        location /trusted/ {
            workspaces_identity trusted tenant=ats-1 user=owner admin=1;
            workspaces_access on;
            empty_gif;
        }
        location /renamed/ {
            workspaces_header external=X-Client;
            workspaces_access on;
            workspaces_forward on;
            proxy_pass http://backend;
        }
END

sub operator {
    my (@request) = @_;
    my $got;
    until_true(10 * patience(), sub {
        $got = $gateway->ask(@request, base => '/operator');
        return $got->{status} != 503;
    });
    return $got;
}

my %key;
for my $partner (qw(ats-1 ats-2)) {
    my $got = operator(POST => '/partners',
                       json => { id => $partner, name => 'Some' });
    is($got->{status}, 201, "$partner is registered") or diag $got->{body};
    $key{$partner} = $got->json->{api_key};
}

sub record {
    my ($partner, $suffix) = @_;
    my ($found) = @{ $redis->ask('KEYS', "wsp:*:$partner:pt") };
    return $found =~ s/pt\z/$suffix/r;
}

my %id;
sub provision {
    my ($partner, $client) = @_;
    my @who = (tenant => $partner, user => 'owner');
    my $got = $gateway->ask(POST => '', @who, json => { name => $client });
    is($got->{status}, 200, "$partner has a workspace for $client");
    my $id = $id{"$partner/$client"} = $got->json->{_id};
    for my $member (qw(recruiter:member viewer:viewer)) {
        my ($user, $role) = split /:/, $member;
        $gateway->ask(POST => "/$id/members", @who,
                      json => { userId => $user, roles => [$role] });
    }
    $redis->ask('HSET', record($partner, "w:$id"), 'external', $client);
    $redis->ask('SET', record($partner, "e:$client"), $id);
    return;
}
provision('ats-1', 'acme-corp');
provision('ats-2', 'other-corp');

# A connection to each worker.
my %on;
until_true(20 * patience(), sub {
    my $client = $gateway->client;
    $client->write("GET /pid HTTP/1.1\r\nHost: g\r\n\r\n");
    my $pid = $client->answer->{body};
    $on{$pid} //= $client;
    return keys %on == $workers;
}) or BAIL_OUT('not every worker can be reached');
my @clients = values %on;

# One request, with the headers given, on a connection that stays.
sub asks {
    my ($client, $line, @headers) = @_;
    $client->write("$line HTTP/1.1\r\nHost: g\r\n"
        . join('', map { "$_\r\n" } @headers) . "\r\n");
    return $client->answer;
}

my @acme = ("X-API-Key: $key{'ats-1'}", 'X-ATS-Client-ID: acme-corp',
            'X-ATS-User-ID: recruiter');

sub entity {
    my ($client, $user, $key) = @_;
    return ('X-API-Key: ' . ($key // $key{'ats-1'}),
            "X-ATS-Client-ID: $client", "X-ATS-User-ID: $user");
}

# What every worker says, one after the other: one text where they agree.
sub said {
    my ($line, @headers) = @_;
    my %said;
    for my $client (@clients) {
        my $got = asks($client, $line, @headers);
        $said{"$got->{status} $got->{body}"}++;
    }
    return join '', sort keys %said;
}

sub until_said {
    my ($wanted, $what, @request) = @_;
    my $said;
    until_true(10 * patience(), sub {
        $said = said(@request);
        return $said eq $wanted;
    });
    return is($said, $wanted, $what);
}

sub is_invalid {
    my ($said, $type, $header, $what, $test) = @_;
    return is($said =~ s/,"input":.*//sr,
              qq(422 {"detail":[{"type":"$type","loc":["header","$header"],)
              . qq("msg":"$header $what"), $test);
}
my $unprovisioned =
    '409 {"detail":"no workspace is provisioned for this client"}';
my $no_key = '401 {"detail":"Invalid or missing API key"}';
my $no_member =
    '403 {"detail":"the user is not a member of this workspace"}';
my $told = "acme-corp|recruiter|$id{'ats-1/acme-corp'}|ats-1|recruiter|\n";

# -- who passes, and what the backend is told

is(said('GET /v1/candidates?page=2', @acme),
   "200 GET /v1/candidates?page=2|$told", 'a member passes');
is(said('POST /v1/candidates', @acme, 'Content-Length: 0'),
   "200 POST /v1/candidates|$told", 'with a permission as well');
is(said('DELETE /v1/candidates/1', @acme),
   '403 {"detail":"permission required"}', 'not without it');
is(said('GET /v1/candidates', @acme, 'X_ATS_User_ID: evil',
        'x-ats-user_id: evil', 'X_ATS_CLIENT_ID: evil', 'X_Api_Key: evil',
        'X-Workspace-ID: 77', 'X-Workspace-User: evil'),
   "200 GET /v1/candidates|$told",
   'the backend is told what was verified, whatever else is said');
{
    my $got = asks($clients[0], 'GET /bare/', @acme);
    is($got->{headers}{'x-who'}, 'allowed member ats-1 recruiter acme-corp',
       'variables have it');
}

# -- which key

is(said('GET /v1/candidates', @acme[1, 2]), $no_key, 'no key');
is(said('GET /v1/candidates', 'X-API-Key: x', @acme[1, 2]), $no_key,
   'a key of nobody');
is(said('GET /v1/candidates', @acme, $acme[0]), $no_key, 'a key twice');
is(said('GET /v1/candidates'), $no_key,
   'the key is asked for before the headers');
is(said('GET /trusted/', @acme), $no_key,
   'who is trusted without a key is nobody here');
{
    my $hash = $redis->ask('HGET', record('ats-1', 'pt'), 'key');
    my $got = asks($clients[0], 'GET /v1/candidates');
    ok($got->{headers}{'www-authenticate'}, 'a 401 says what is asked for');
    like($got->{headers}{'x-request-id'}, qr/^[0-9a-f]{32}$/,
         'and has a request id');
    is($got->{headers}{'content-type'}, 'application/json; charset=utf-8',
       'and a type');

    # both workers have it in their caches
    $redis->ask('HSET', "wsp:k:$hash", 'disabled', 1);
    until_said('403 {"detail":"this API key is disabled"}',
               'a key that was disabled is refused by every worker',
               'GET /v1/candidates', @acme);
    is(said('GET /v1/candidates', $acme[0]),
       '403 {"detail":"this API key is disabled"}',
       'before the headers, too');
    $redis->ask('HDEL', "wsp:k:$hash", 'disabled');
    until_said("200 GET /v1/candidates|$told", 'and enabled again',
               'GET /v1/candidates', @acme);
}

# -- which client, and which user

is(said('GET /v1/candidates', entity('nobody-corp', 'owner')),
   $unprovisioned, 'an unknown client');
is(said('GET /v1/candidates', entity('other-corp', 'owner')),
   $unprovisioned, 'a client of another partner');
{
    my @got = map { asks($clients[0], 'GET /v1/candidates',
                         entity($_, 'owner')) } qw(other-corp nobody-corp);
    delete $_->{headers}{'x-request-id'} for @got;
    delete $_->{headers}{date} for @got;
    is_deeply($got[0]{headers}, $got[1]{headers}, '... with equal headers');
}
is(said('GET /v1/candidates',
        entity('other-corp', 'owner', $key{'ats-2'})),
   "200 GET /v1/candidates|other-corp|owner|$id{'ats-2/other-corp'}"
   . "|ats-2|owner|\n", 'who has it passes');
is(said('GET /v1/candidates', entity('acme-corp', 'stranger')), $no_member,
   'who is no member');
is(said('GET /v1/candidates', entity($id{'ats-1/acme-corp'}, 'owner')),
   $unprovisioned, 'the id of a workspace is no client');

# -- the headers

is_invalid(said('GET /v1/candidates', @acme[0, 2]),
    'missing', 'X-ATS-Client-ID', 'is required',
    'no client');
is_invalid(said('GET /v1/candidates', @acme[0, 1]),
    'missing', 'X-ATS-User-ID', 'is required',
    'no user');
is_invalid(said('GET /v1/candidates', @acme[0, 2],
        "X-Workspace-ID: $id{'ats-1/acme-corp'}"),
    'missing', 'X-ATS-Client-ID', 'is required',
    'the id of a workspace does not replace a client');
is_invalid(said('GET /v1/candidates', @acme, 'x-ats-client-id: acme-corp'),
    'value_error', 'X-ATS-Client-ID', 'is given more than once',
    'a client twice');
is_invalid(said('GET /v1/candidates', @acme, 'X-ATS-User-ID: viewer'),
    'value_error', 'X-ATS-User-ID', 'is given more than once',
    'a user twice');
is_invalid(said('GET /v1/candidates', $acme[0], $acme[2], 'X-ATS-Client-ID:'),
    'value_error', 'X-ATS-Client-ID', 'must be 1 to 255 bytes of UTF-8',
    'an empty client');
is_invalid(said('GET /v1/candidates', entity('../x', 'recruiter')),
    'value_error', 'X-ATS-Client-ID',
    "must not be '.' or '..', nor have them between slashes",
    'an odd client');
is(said('GET /renamed/', $acme[0], $acme[2], 'X-Client: acme-corp'),
   "200 GET /renamed/|$told", 'a header of another name');
is_invalid(said('GET /renamed/', @acme),
    'missing', 'X-Client', 'is required',
    '... which then is the one');

# -- what the directives around it do

is(asks($clients[0], 'GET /problem/', entity('nobody-corp', 'owner'))
       ->{headers}{'content-type'}, 'application/problem+json',
   'a location may have the other errors');
{
    my $got = asks($clients[0], 'GET /log-only/',
                   entity('nobody-corp', 'owner'));
    is("$got->{status} $got->{headers}{'x-who'}", '200 refused no_workspace',
       'log only refuses nobody');
}
like($gateway->said,
     qr/refused, not enforced: reason "no_workspace".* "nobody-corp"/,
     '... and says whom it would');
unlike($gateway->said, qr/\Q$key{'ats-1'}\E/, 'no key is in the log');
is((split ' ', said('GET /any/', @acme))[0], 200,
   'satisfy any: a member passes where the address is denied');
is(said('GET /any/', entity('nobody-corp', 'owner')), $unprovisioned,
   'satisfy any: others are refused in the same words');
is(said('GET /open/', entity('nobody-corp', 'evil')),
   "200 GET /open/||||||\n",
   'satisfy any: who passes by the address is not told as verified');
is((split ' ', said('GET /page/', entity('nobody-corp', 'owner')))[0], 410,
   'a page of the gateway goes before ours');
is(said('GET /page/', entity('acme-corp', 'stranger')), $no_member,
   '... where there is one');

# -- redirects inside of nginx

is(said('GET /old/candidates', @acme),
   "200 GET /v1/candidates|$told", 'after a rewrite');
is(said('GET /old/candidates', entity('other-corp', 'owner')),
   $unprovisioned, 'after a rewrite others are refused');
is(said('GET /tries/candidates', @acme),
   "200 GET /tries/candidates|$told", 'in a named location');
is(said('GET /tries/candidates', entity('acme-corp', 'stranger')),
   $no_member, 'in a named location others are refused');
is(said('GET /v1/elsewhere', @acme, 'X-To: /v1/candidates'),
   "200 GET /v1/candidates|$told",
   'where the backend leads elsewhere it is decided again');
is(said('GET /v1/elsewhere', entity('acme-corp', 'viewer'), 'X-To: /any/x'),
   said('GET /any/x', entity('acme-corp', 'viewer')),
   '... from what the client sent');

# -- HEAD and HTTP/2

{
    my $client = $gateway->client;
    $client->write("HEAD /v1/candidates HTTP/1.1\r\nHost: g\r\n"
        . "Connection: close\r\n"
        . join('', map { "$_\r\n" } entity('nobody-corp', 'owner')) . "\r\n");
    my $answer = do { local $/; readline $client->{socket} };
    like($answer, qr/\AHTTP\/1\.1 409 .*\r\n\r\n\z/s, 'HEAD: no body');
    my ($length) = $unprovisioned =~ /^\d+ (.*)/;
    like($answer, qr/^Content-Length: @{[ length $length ]}\r$/m,
         'HEAD: the length of one');
}
{
    my %h2 = (port => $http2);
    my $to = bless { client => Workspaces::Client->new(%h2) },
        'Workspaces::Entities::To';
    my $connection = Workspaces::Http2->connect($to);
    my $ask = sub {
        my ($path, @headers) = @_;
        my %headers = map { split /: /, $_, 2 } @headers;
        my $got = $connection->answer($connection->send(GET => $path,
            base => '', headers => \%headers));
        return "$got->{status} $got->{body}";
    };
    is($ask->('/v1/candidates', @acme), "200 GET /v1/candidates|$told",
       'HTTP/2: a member passes');
    is($ask->('/v1/candidates', entity('other-corp', 'owner')),
       $unprovisioned, 'HTTP/2: a client of another partner');
    is($ask->('/v1/candidates', entity('acme-corp', 'viewer')),
       "200 GET /v1/candidates|acme-corp|viewer|$id{'ats-1/acme-corp'}"
       . "|ats-1|viewer|\n", 'HTTP/2: another user on that connection');
    is_invalid($ask->('/v1/candidates', $acme[0]),
    'missing', 'X-ATS-Client-ID', 'is required',
    'HTTP/2: no headers');
}

# -- what changes is heard by every worker

my @owner = (tenant => 'ats-1', user => 'owner');
{
    my @new = entity('new-corp', 'recruiter');
    is(said('GET /v1/candidates', @new), $unprovisioned,
       'before it is provisioned');
    provision('ats-1', 'new-corp');
    my $id = $id{'ats-1/new-corp'};
    my $passes =
        "200 GET /v1/candidates|new-corp|recruiter|$id|ats-1|recruiter|\n";
    until_said($passes, '... and after', 'GET /v1/candidates', @new);
    is($gateway->ask(DELETE => "/$id/members/recruiter", @owner)->{status},
       200, 'a member is removed');
    until_said($no_member, 'who was removed is refused by every worker',
               'GET /v1/candidates', @new);
    is($gateway->ask(POST => "/$id/members", @owner, json => {
           userId => 'recruiter', roles => ['member'] })->{status}, 200,
       'and added again');
    until_said($passes, '... and passes', 'GET /v1/candidates', @new);
    is($gateway->ask(DELETE => "/$id", @owner)->{status}, 200,
       'the workspace is deleted');
    until_said($unprovisioned, 'every worker has none any more',
               'GET /v1/candidates', @new);
}
{
    my $hash = $redis->ask('HGET', record('ats-2', 'pt'), 'key');
    my @request = ('GET /v1/candidates',
                   entity('other-corp', 'owner', $key{'ats-2'}));
    like(said(@request), qr/^200 /, 'a key that is known');
    $redis->ask('DEL', "wsp:k:$hash");
    until_said($no_key, 'a key that is gone is refused by every worker',
               @request);
}
{
    my $shown = asks($clients[0], 'GET /status')->{body};
    for my $reason (qw(member no_identity bad_header no_workspace not_member
                       no_permission)) {
        like($shown, qr/^workspaces_decisions_total\{[^}]*"$reason"\}[ ]
                        [1-9]/mx, "$reason is counted");
    }
}

# -- without Redis

$redis->stop('KILL');
my $got;
until_true(20 * patience(), sub {
    $got = asks($gateway->client, 'GET /v1/candidates', @acme);
    return $got->{status} == 503;
});
is($got->{status}, 503, 'without Redis nobody passes');
like($got->{body}, qr/^\{"detail":"[^"]+"\}$/, '... in the same shape');
is($got->{headers}{'retry-after'}, 1, '... and is told when to try again');

$gateway->finish;
done_testing;

package Workspaces::Entities::To;

sub client { return $_[0]{client} }
