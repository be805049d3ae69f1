# The operator surface through nginx: who gets there, partners with their keys
# and secrets, and where nothing of these is to be found.

use strict;
use warnings;

use Test::More;

use Workspaces::Gateway;
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisServer;

my $redis = Workspaces::RedisServer->started;
my $gateway = Workspaces::Gateway->started(redis => $redis, workers => 2,
    http => 'workspaces_cache 1m;',
    server => <<'END');
        location /operator {
            allow unix:;
            deny all;
            workspaces operator;
        }
        location /closed {
            allow 192.0.2.1;
            deny all;
            workspaces operator;
        }
        location /keyed {
            workspaces platform;
            workspaces_identity api_key user=$http_x_user;
        }
END

my @secrets;

# What the operator is answered; what is shown once is remembered.
sub operate {
    my ($method, $path, @given) = @_;
    my $got = $gateway->ask($method, $path, base => '/operator', @given);
    push @secrets, $got->{body} =~ /"((?:wsk|whs)_[\w-]{43})"/g;
    return $got;
}

sub is_problem {
    my ($got, $status, $title, $detail, $name) = @_;
    is($got->{status}, $status, "$name: $status") or diag $got->{body};
    is($got->{headers}{'content-type'}, 'application/problem+json',
       "$name: a problem");
    my $problem = eval { $got->json } // {};
    is_deeply([@{$problem}{qw(type title status)}],
              ['about:blank', $title, $status], "$name: of its status");
    like($problem->{detail}, $detail, "$name: with a sentence");
    return $problem;
}

# On a connection of its own, which is any worker's.
sub with_key {
    my ($key) = @_;
    return $gateway->client->ask(GET => '', base => '/keyed', user => 'bob',
        headers => { 'X-API-Key' => $key })->{status};
}

# -- who gets there
$gateway->ask_until(200, 5, GET => '/partners', base => '/operator');
is_problem($gateway->ask(GET => '/partners', base => '/closed'), 403,
           'Forbidden', qr/\S/, 'one whom nginx denies');
is($gateway->ask(GET => '/partners', base => '/operator',
                 tenant => 'x' x 300)->{status}, 200,
   'nobody is asked who he is');

# -- a partner
my $got = operate(POST => '/partners', json => {
    id => 'ats-1', name => 'An ATS',
    webhook_url => 'https://ats.example.com/hooks' });
is($got->{status}, 201, 'a partner is registered') or diag $got->{body};
is($got->{headers}{'cache-control'}, 'no-store', '... in no cache');
my $made = $got->json;
my ($key, $in, $out) =
    @{$made}{qw(api_key incoming_secret outgoing_secret)};
is(scalar @secrets, 3, '... with a key and two secrets');
is_problem(operate(POST => '/partners', json => {
               id => 'ats-1', name => 'B' }), 409, 'Conflict',
           qr/exists already/, 'the same id');
is(is_problem(operate(POST => '/partners', json => { id => 'ats-2' }), 422,
              'Unprocessable Content', qr/name is required/,
              'no name')->{field}, 'name', '... which is named');
is_problem(operate(POST => '/partners', body => '{'), 400, 'Bad Request',
           qr/line 1/, 'no JSON');
is_problem(operate(GET => '/partners/ats-9'), 404, 'Not Found',
           qr/partner not found/, 'an unknown partner');
is_problem(operate(GET => '/nothing'), 404, 'Not Found', qr/not found/,
           'an unknown path');
$got = operate(PUT => '/partners/ats-1', json => {});
is_problem($got, 405, 'Method Not Allowed', qr/not allowed/, 'a method');
is($got->{headers}{allow}, 'GET, HEAD, PATCH', '... and which there are');

$got = operate(GET => '/partners');
is_deeply($got->json, { partners => [{ id => 'ats-1', name => 'An ATS',
    enabled => JSON::true }], next => undef }, 'the list of partners');
is_problem(operate(GET => '/partners?limit=201'), 422,
           'Unprocessable Content', qr/1 to 200/, 'too long a page');

$got = operate(GET => '/partners/ats-1');
is($got->{headers}{etag}, '"1"', 'a partner has a revision');
is_deeply([grep { /key|secret/ } keys %{ $got->json }], [],
          '... and shows no secret again');

# -- changes
$got = operate(PATCH => '/partners/ats-1', json => { name => 'Other' },
               headers => { 'If-Match' => '"1"' });
is($got->json->{name}, 'Other', 'its name is changed');
is($got->{headers}{etag}, '"2"', '... and its revision');
ok(!exists $got->{headers}{'workspace-revision'},
   '... which is no workspace\'s');
is_problem(operate(PATCH => '/partners/ats-1', json => { name => 'C' },
                   headers => { 'If-Match' => '"1"' }), 412,
           'Precondition Failed', qr/If-Match/, 'one that is too late');
is(is_problem(operate(PATCH => '/partners/ats-1', json => {
       webhook_url => 'gopher://a/' }), 422, 'Unprocessable Content',
              qr/webhook_url/, 'no URL')->{field}, 'webhook_url',
   '... which is named');
is(operate(PATCH => '/partners/ats-1', json => { webhook_url => undef })
       ->json->{webhook_url}, undef, 'no webhooks any more');

# -- the API key
is(with_key($key), 200, 'the key opens') for 1 .. 4;
operate(PATCH => '/partners/ats-1', json => { enabled => JSON::false });
ok(until_true(10 * patience(), sub { with_key($key) == 403 }),
   'that of a disabled partner does not');
operate(PATCH => '/partners/ats-1', json => { enabled => JSON::true });
ok(until_true(10 * patience(), sub { with_key($key) == 200 }),
   'when it is enabled it does again');
$got = operate(POST => '/partners/ats-1/api-key');
is($got->{status}, 200, 'the key is replaced') or diag $got->{body};
is($got->{headers}{'cache-control'}, 'no-store', '... in no cache');
my $next = $got->json->{api_key};
is(with_key($next), 200, 'the new one opens');
ok(until_true(10 * patience(), sub {
    4 == grep { with_key($key) == 401 } 1 .. 4 }),
   '... and the old one nothing');

# -- the secrets
for my $way (qw(incoming outgoing)) {
    $got = operate(POST => "/partners/ats-1/secrets/$way",
                   json => { grace => 3600 });
    is($got->{status}, 200, "the $way secret is replaced")
        or diag $got->{body};
    is($got->{headers}{'cache-control'}, 'no-store', '... in no cache');
    like($got->json->{"${way}_secret"}, qr/\Awhs_[\w-]{43}\z/,
         '... and the new one shown');
    like(operate(GET => '/partners/ats-1')->json->{"${way}_grace_until"},
         qr/\A20\d\d-/, 'the old one stays for a while');
    $got = operate(POST => "/partners/ats-1/secrets/$way",
                   json => { grace => 0 });
    is($got->json->{"${way}_grace_until"}, undef, 'or not at all');
    is(operate(POST => "/partners/ats-1/secrets/$way")->{status}, 200,
       'it needs no body');
    is(is_problem(operate(POST => "/partners/ats-1/secrets/$way",
                          json => { grace => 2592001 }), 422,
                  'Unprocessable Content', qr/grace/,
                  'too long')->{field}, 'grace', '... which is named');
}

# -- where nothing of them is
my %seen;
my @shown = grep { !$seen{$_}++ } @secrets;
cmp_ok(scalar @shown, '>', 9, 'secrets were shown');
is(scalar @shown, scalar @secrets, '... each once');
my $stored = join '', map {
    my $type = $redis->ask('TYPE', $_);
    $_, $type eq 'hash' ? @{ $redis->ask('HGETALL', $_) }
      : $type eq 'string' ? $redis->ask('GET', $_) : ();
} @{ $redis->ask('KEYS', '*') };
for my $place ([Redis => $stored], ['the log' => $gateway->said],
               ['the list' => operate(GET => '/partners')->{body}])
{
    my ($name, $text) = @$place;
    is(scalar(grep { index($text, $_) >= 0 } @shown), 0,
       "... and none is in $name");
}
unlike($gateway->said,
       qr/\[(?:error|crit|alert|emerg)\] (?!.*forbidden by rule)/,
       'nothing went wrong');
$gateway->finish;

done_testing();
