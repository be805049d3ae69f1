# Bodies that are too large, too slow, or end too early.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Workspaces::Client;
use Workspaces::Gateway;
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisServer;

my $redis = Workspaces::RedisServer->started;
my $gateway = Workspaces::Gateway->started(redis => $redis, tcp => 1,
    server => <<'END');
        client_max_body_size 2m;
        lingering_timeout 500ms;
        location /hurried {
            client_body_timeout 1500ms;
            workspaces platform;
            workspaces_identity trusted tenant=$http_x_tenant
                user=$http_x_user admin=$http_x_admin;
        }
END
my %who = (tenant => 'acme', user => 'ann', admin => 1);
my ($worker) = $gateway->workers;
is($gateway->ask_until(200, 5, GET => '', %who)->{status}, 200,
   'it is served');
my $id = $gateway->ask(POST => '', %who, json => { name => 'Berlin' })
    ->json->{_id};

sub is_refused {
    my ($got, $status, $what) = @_;
    is($got->{status}, $status, "$what: $status") or diag explain $got;
    like($got->{headers}{'content-type'} // '', qr{^application/json},
         "$what: in JSON");
    ok(length eval { $got->json->{message} },
       "$what: in the dialect's shape");
    return;
}

# a sealed document of so many bytes
sub document {
    my ($size) = @_;
    return '{"a":"' . 'x' x ($size - 8) . '"}';
}

sub chunked {
    my ($body, $piece) = @_;
    my $text = '';
    for (my $at = 0; $at < length $body; $at += $piece) {
        my $part = substr $body, $at, $piece;
        $text .= sprintf "%x\r\n%s\r\n", length $part, $part;
    }
    return "${text}0\r\n\r\n";
}

# -- at the limit of one MiB
for my $size (1048576 - 1, 1048576, 1048577) {
    my $expected = $size > 1048576 ? 413 : 200;
    for my $kind ('Content-Length', 'chunked') {
        my $got = $gateway->ask(POST => "/$id/encrypted", %who,
            $kind eq 'chunked'
                ? (headers => { 'Transfer-Encoding' => 'chunked' },
                   body => chunked(document($size), 10000))
                : (body => document($size)));
        my $what = "a body of $size bytes, $kind";
        if ($expected == 200) {
            is($got->{status}, 200, "$what: 200");
            is(length $gateway->ask(GET => "/$id/encrypted", %who)->{body},
               $size, "$what: and all of it is read back");
        } else {
            is_refused($got, 413, $what);
        }
    }
}

# -- far too large: said before it is read
is_refused($gateway->client->write(Workspaces::Client::request_text(
        POST => "/$id/encrypted", %who,
        headers => { 'Content-Length' => 1 << 40 }))->answer,
    413, 'a Content-Length of one TiB');
is_refused($gateway->client->write(Workspaces::Client::request_text(
        POST => "/$id/encrypted", %who,
        headers => { 'Content-Length' => 1 << 40,
                     Expect => '100-continue' }))->answer,
    413, 'the same, with Expect: 100-continue');
is_refused($gateway->ask(POST => "/$id/encrypted", %who,
        headers => { 'Transfer-Encoding' => 'chunked' },
        body => "ffffffffff\r\n{\"a\":"), 413, 'a chunk of one TiB');

# -- slow
for my $given ([body => 'nothing of it', ''],
               [body => 'the first byte', '{'])
{
    my $client = $gateway->client;
    $client->write(Workspaces::Client::request_text(POST => '', %who,
        base => '/hurried', headers => { 'Content-Length' => 20 })
        . $given->[2]);
    my $got = $client->answer;
    # nginx closes without an answer (408 is in the access log only)
    ok($got->{status} == 408 || $got->{why} eq 'closed',
       "a body of which $given->[1] comes: the request ends")
        or diag explain $got;
}
ok(until_true(3 * patience(), sub { 2 == (() = $gateway->accesses =~
                                          /" 408 /g) }),
   'both are in the access log as 408');
{
    # slow, but in time: a byte now and then
    my $client = $gateway->client;
    my $body = '{"name":"slowly"}';
    $client->write(Workspaces::Client::request_text(POST => '', %who,
        headers => { 'Content-Length' => length $body }));
    for (split //, $body) {
        $client->write($_);
        sleep 0.01;
    }
    my $got = $client->answer;
    is($got->{status}, 200, 'a body byte by byte: 200');
    is($got->json->{name}, 'slowly', 'a body byte by byte: is whole');
}
{
    my $client = $gateway->client;
    my $text = Workspaces::Client::request_text(POST => '', %who,
        headers => { 'Transfer-Encoding' => 'chunked' },
        body => chunked('{"name":"in chunks of one"}', 1));
    for (split //, $text) {
        $client->write($_);
        sleep 0.001;
    }
    is($client->answer->{status}, 200, 'chunks of one byte: 200');
    is($client->ask(GET => '', %who)->{status}, 200,
       'and the connection is kept');
}

# -- abort in mid body
{
    my $ended = sub {
        my $n = () = $gateway->accesses =~ /" (?:400|499) /g;
        return $n;
    };
    my $before = $ended->();
    my @sizes = $gateway->memory($worker);
    my @odd;
    for my $round (1 .. 30) {
        my @clients = map {
            $gateway->client->write(Workspaces::Client::request_text(
                POST => "/$id/encrypted", %who,
                headers => { 'Content-Length' => 1000000 })
                . '{"a":"' . 'y' x ($_ * 5000))
        } 1 .. 50;
        # all at once in each round, so that none needs more than the others
        $gateway->has_under_way(50)
            or push @odd, "round $round: they are not read";
        $_ % 2 ? $clients[$_]->abort : $clients[$_]->close
            for 0 .. $#clients;
        $gateway->ask(GET => '', %who)->{status} == 200
            or push @odd, "round $round: others are not served";
        # what is still to be ended holds its memory
        until_true(5 * patience(), sub { $ended->() - $before >= 50 * $round })
            or push @odd, "round $round: not all requests have ended";
        push @sizes, $gateway->memory($worker);
    }
    is(join("\n", @odd), '',
       'aborts in mid body: they end, and others are served');
    # 1000 of them are between the two
    cmp_ok($sizes[-1] - $sizes[10], '<',
           $ENV{SANITIZER_REPORTS} ? 65536 : 1024,
           "aborts in mid body: memory does not grow (kB: @sizes)");
    # together they have sent 6 MiB
    cmp_ok($sizes[-1] - $sizes[0], '<',
           $ENV{SANITIZER_REPORTS} ? 65536 : 4096,
           'aborts in mid body: what they held is given back');
    is(length $gateway->ask(GET => "/$id/encrypted", %who)->{body}, 1048576,
       'aborts in mid body: what was stored is untouched');
}

# -- bodies where none is wanted
is($gateway->ask(GET => "/$id", %who, body => document(5000))->{status}, 200,
   'a body with GET is ignored');
{
    my $client = $gateway->client;
    for my $request ([DELETE => '/999999999', %who, body => 'no json'],
                     [GET => '/999999999', %who, body => 'x' x 100000],
                     [PATCH => "/$id", %who, body => 'x' x 100000])
    {
        $client->ask(@$request);
    }
    is($client->ask(GET => "/$id", %who)->{status}, 200,
       'bodies with refused requests do not get into the next one');
}
ok(!grep({ -s } glob "$gateway->{dir}/tmp/body/*"),
   'no body was put into a temporary file');
is_deeply([$gateway->workers], [$worker], 'the worker is the same');

$gateway->finish;
$redis->stop('KILL');
done_testing;
