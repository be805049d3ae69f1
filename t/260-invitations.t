# Invitations through nginx, with several workers: what a guest meets, what
# comes of many at once, and where a token is not to be found.

use strict;
use warnings;

use Test::More;

use Workspaces::Gateway;
use Workspaces::Invariants qw(broken_invariants);
use Workspaces::Process qw(patience);
use Workspaces::RedisServer;

my $workers = 4;
my $crowd = 100;

my $redis = Workspaces::RedisServer->started;
my $gateway = Workspaces::Gateway->started(redis => $redis,
    workers => $workers,
    http => <<'END',
    # as the manual says: paths with tokens are not logged
    map $uri $is_loggable {
        ~^/api/v1/invitations/  0;
        default                 1;
    }
    log_format plain '$request';
END
    server => <<'END');
        access_log requests.log plain if=$is_loggable;
        location /api/v1 {
            client_max_body_size 2k;
            workspaces location;
            workspaces_identity trusted tenant=$http_x_tenant
                user=$http_x_user email=$http_x_email admin=$http_x_admin;
        }
END

my $list = '/workspace/invitations';
my $client = $gateway->client;

# (status, body) of a call as somebody of a tenant, in workspace 1.
sub call {
    my ($user, $method, $path, %given) = @_;
    my %headers = ('X-Workspace-ID' => 1);
    $headers{'X-Email'} = delete $given{email} if defined $given{email};
    my $got = $client->ask($method, $path, base => '/api/v1',
        tenant => 'acme', user => $user, headers => \%headers, %given);
    return wantarray ? ($got->{status}, $got->{body}) : $got;
}

# As nobody at all.
sub look {
    my ($token) = @_;
    my $got = $client->ask(GET => "/invitations/$token",
                           base => '/api/v1');
    return ($got->{status}, $got->{body});
}

my @tokens;

sub sent {
    my ($got) = @_;
    my $data = $got->json->{data};
    push @tokens, $data->{token};
    return $data;
}

sub invited {
    my ($by, $email, @role) = @_;
    my $got = call($by, POST => $list, json => { email => $email, @role });
    is($got->{status}, 201, "$email is invited by $by");
    return sent($got);
}

sub is_answer {
    my ($name, $status, $body, @got) = @_;
    is($got[0], $status, "$name: the status") or diag $got[1];
    ref $body ? like($got[1], $body, "$name: the body")
              : is($got[1], $body, "$name: the body");
    return;
}

my $unknown = '{"message":"invitation not found"}';

$gateway->ask_until(200, 5, GET => '', tenant => 'acme', user => 'ann');
is($client->ask(POST => '', json => { name => 'Shop' }, tenant => 'acme',
                user => 'ann')->{status}, 200, 'there is a workspace');
is($client->ask(POST => '/1/members', tenant => 'acme', user => 'ann',
                json => { userId => 'bea', roles => ['admin'] })->{status},
   200, '... with another admin');

# -- the life of an invitation
my $got = call('ann', POST => $list, json => { email => 'Zoe@example.com' });
my $zoe = sent($got);
is($got->{status}, 201, 'an invitation is sent');
is($got->{headers}{'cache-control'}, 'no-store', '... and its token not kept');
like($got->{body}, qr/^\{"data":\{"id":1,"email":"Zoe\@example\.com",
     "role":"member","token":"[A-Za-z0-9_-]{43}",
     "expires_at":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"\},
     "message":"Invitation\ sent\ successfully\."\}$/x, '... as it is shown');

is_answer('again', 422,
    '{"message":"the address has a pending invitation already","errors":'
    . '{"email":["the address has a pending invitation already"]}}',
    call('bea', POST => $list, json => { email => 'zoe@example.com' }));
is_answer('no address', 422,
    '{"message":"email is required","errors":{"email":["email is required"]}}',
    call('bea', POST => $list, json => {}));
is_answer('the list', 200, qr/^\{"data":\[\{"id":1,"email":"Zoe\@example\.com",
    "role":"member","status":"pending","created_at":"[^"]+",
    "expires_at":"[^"]+"\}\]\}$/x, call('bea', GET => $list));
is_answer('who has the token', 200, qr/^\{"data":\{
    "email":"Zoe\@example\.com","role":"member","workspace_name":"Shop",
    "expires_at":"[^"]+","status":"pending"\}\}$/x, look($zoe->{token}));

is_answer('who has another address', 403,
    '{"message":"This action is unauthorized."}',
    call('eve', POST => "/invitations/$zoe->{token}/accept",
         email => 'eve@example.com'));
is_answer('who is of another tenant', 404, $unknown,
    call('zoe', POST => "/invitations/$zoe->{token}/accept",
         email => 'zoe@example.com', tenant => 'globex'));
is_answer('nobody', 401, '{"message":"Unauthenticated."}', do {
    my $answer = $client->ask(POST => "/invitations/$zoe->{token}/accept",
                              base => '/api/v1');
    @{$answer}{qw(status body)};
});

$got = call('bea', POST => "$list/1/resend");
is($got->{status}, 200, 'it is sent again');
my $again = sent($got);
is_answer('the old token', 404, $unknown, look($zoe->{token}));
is_answer('the old token', 404, $unknown,
    call('zoe', POST => "/invitations/$zoe->{token}/accept",
         email => 'zoe@example.com'));
is_answer('accepting', 200, '{"data":{"workspace":{"id":1,"name":"Shop"},'
    . '"role":"member"},"message":"Invitation accepted."}',
    call('zoe', POST => "/invitations/$again->{token}/accept",
         email => 'zoe@example.com'));
is_answer('accepting twice', 409,
    '{"message":"the invitation was accepted already"}',
    call('zoe', POST => "/invitations/$again->{token}/accept",
         email => 'zoe@example.com'));
is_answer('a member', 422, qr/"errors":\{"email":\["the\ address\ is\ a
    \ member's\ already"\]\}/x,
    call('ann', POST => $list, json => { email => 'zoe@example.com' }));

my $abe = invited('ann', 'abe@example.com', role => 'viewer');
is_answer('declining', 200, '{"message":"Invitation declined."}',
    call('abe', POST => "/invitations/$abe->{token}/decline",
         email => 'abe@example.com'));
is_answer('accepting then', 409, '{"message":"the invitation was declined"}',
    call('abe', POST => "/invitations/$abe->{token}/accept",
         email => 'abe@example.com'));

my $cem = invited('bea', 'cem@example.com', role => 'admin');
is_answer('revoking', 200, '{"message":"Invitation revoked."}',
    call('ann', DELETE => "$list/$cem->{id}"));
is_answer('a revoked one', 404, $unknown, look($cem->{token}));

$cem = invited('bea', 'cem@example.com', role => 'admin');
is((call('ann', PATCH => '/workspace/members/bea/role',
         json => { role => 'viewer' }))[0], 200, 'who invited is demoted');
is_answer('accepting then', 410,
    '{"message":"who sent the invitation may not invite any more"}',
    call('cem', POST => "/invitations/$cem->{token}/accept",
         email => 'cem@example.com'));

# -- many at once, on every worker
my $dan = invited('ann', 'dan@example.com');
my @accepting = map {
    my $each = $gateway->client;
    [$each, POST => "/invitations/$dan->{token}/accept", base => '/api/v1',
     tenant => 'acme', user => 'dan',
     headers => { 'X-Email' => 'dan@example.com' }];
} 1 .. $crowd;
for my $each (@accepting) {
    my ($one, @request) = @$each;
    $one->send(@request);
}
my %count;
$count{ $_->[0]->answer->{status} }++ for @accepting;
is_deeply(\%count, { 200 => 1, 409 => $crowd - 1 },
          "of $crowd accepts one is done");
my ($members) = @{ $redis->ask('KEYS', 'wsp:{*}:acme:w:1:m') };
is($redis->ask('HLEN', $members), 4, '... and there is one more member');
is(scalar($gateway->workers), $workers, 'the workers live');

my %eve = map { $_ => invited('ann', "eve$_\@example.com") } 1 .. 3;
@accepting = map {
    my $each = $gateway->client;
    my $number = 1 + $_ % 3;
    [$each, POST => "/invitations/$eve{$number}{token}/accept",
     base => '/api/v1', tenant => 'acme', user => "eve$_",
     headers => { 'X-Email' => "EVE$number\@example.com" }];
} 1 .. $crowd;
for my $each (@accepting) {
    my ($one, @request) = @$each;
    $one->send(@request);
}
%count = ();
$count{ $_->[0]->answer->{status} }++ for @accepting;
is_deeply(\%count, { 200 => 3, 409 => $crowd - 3 },
          'of three tokens each lets one in');
is($redis->ask('HLEN', $members), 7, '... and no more');
is(join("\n", broken_invariants($redis)), '', 'the counts are right');

# -- nginx says which request it is that is wrong, and what led to it
my $gus = invited('ann', 'gus@example.com')->{token};
sub too_large {
    my ($name, $path, $shown, %headers) = @_;
    my $before = length $gateway->said;
    is($client->ask(POST => $path, base => '/api/v1', tenant => 'acme',
                    user => 'gus', headers => \%headers,
                    body => 'x' x 3000)->{status}, 413, "$name: refused");
    ok($gateway->has_said(qr/\A.{$before}.*too large body.*\Q$shown\E/s),
       "$name: it is said without the token")
        or diag substr $gateway->said, $before;
    $client = $gateway->client;
    return;
}
my $stars = '*' x 43;
too_large('accepting', "/invitations/$gus/accept",
          qq{request: "POST /api/v1/invitations/$stars/accept HTTP/1.1"});
too_large('looking', "/invitations/$gus?a",
          qq{request: "POST /api/v1/invitations/$stars?a HTTP/1.1"});
too_large('coming from there', '/workspaces',
          qq{referrer: "https://example.com/invitations/$stars"},
          Referer => "https://example.com/invitations/$gus");
too_large('by number', "$list/123456/resend",
          qq{request: "POST /api/v1$list/123456/resend HTTP/1.1"});

# -- where no token is
my $last = invited('ann', 'fay@example.com');
my $lists = join '', (call('ann', GET => $list))[1],
    map { $client->ask(GET => $_, tenant => 'acme', user => 'ann',
                       admin => 1)->{body} }
    '', '/1', '/all?select=invites,members';
my $stored = '';
my %reading = (string => ['GET'], hash => ['HGETALL'], set => ['SMEMBERS'],
               zset => ['ZRANGE', 0, -1]);
for my $key (@{ $redis->ask('KEYS', '*') }) {
    my ($command, @rest) = @{ $reading{ $redis->ask('TYPE', $key) } };
    my $value = $redis->ask($command, $key, @rest);
    $stored .= join ' ', $key, ref $value ? @$value : $value, "\n";
}
my $requests = do {
    local (@ARGV, $/) = "$gateway->{dir}/requests.log";
    <>;
};
like($requests, qr/invitations HTTP/, 'requests are logged');
for my $where ([lists => $lists], [Redis => $stored],
               ['the error log' => $gateway->said],
               ['the access log' => $requests]) {
    my ($name, $text) = @$where;
    is(scalar(grep { index($text, $_) >= 0 } @tokens), 0,
       "no token is in $name");
}
# it was looked for where it could be: what is hidden is there as a hash
like($stored, qr/wsp:i:[0-9a-f]{64}/, 'Redis knows the hashes');
unlike($lists, qr/[0-9a-f]{64}/, '... and lists do not show them');

$gateway->finish;
$redis->stop;
done_testing;
