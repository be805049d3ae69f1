# Webhooks to partners: what arrives, and what comes of every way in which a
# host can fail to take it.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use Workspaces::Gateway;
use Workspaces::NameServer;
use Workspaces::Partner;
use Workspaces::Process qw(free_port patience until_true);
use Workspaces::RedisServer;
use Workspaces::WebhookServer;

my $names = Workspaces::NameServer->started(
    'hook.test'   => '127.0.0.1',
    'other.test'  => '127.0.0.1',
    'broken.test' => 'servfail',
    'silent.test' => 'silent',
);
my $receiver = Workspaces::WebhookServer->started(
    tls => 'DNS:hook.test,IP:127.0.0.1');
my $stranger = Workspaces::WebhookServer->started(tls => 'DNS:hook.test');
my $mute = Workspaces::WebhookServer->started;
$mute->mode(connect => 'hold');
my $redis = Workspaces::RedisServer->started;
my $gateway = Workspaces::Gateway->started(redis => $redis,
    server => $Workspaces::Partner::Locations, http => <<"END");
    resolver @{[$names->address]} ipv6=off;
    resolver_timeout 30s;
    workspaces_webhooks allow_private retry=0s,1s,1s,1h
        trusted_certificate=@{[$receiver->authority]};
END

sub open_files {
    my ($worker) = $gateway->workers;
    return scalar(() = glob "/proc/$worker/fd/*");
}

sub partner {
    my ($id, $mode, $url) = @_;
    $receiver->mode("/$id" => $mode) if $mode;
    $url //= 'https://hook.test:' . $receiver->port . "/$id";
    return Workspaces::Partner->registered($gateway, $redis, $id, $url);
}

# Partners whose events come to nothing: id => [mode, reason, what, URL]
sub all_fail {
    my (%given) = @_;
    my %partner = map { $_ => partner($_, @{ $given{$_} }[0, 3]) }
        sort keys %given;
    $partner{$_}->provision('c') for sort keys %given;
    for my $id (sort keys %given) {
        my (undef, $reason, $what) = @{ $given{$id} };
        my $failed = $partner{$id}->has_failed;
        like($failed->{error}, $reason, "$what: a failure");
        is($failed->{status}, 0, 'without an answer');
    }
    return;
}

# -- it arrives
{
    my $partner = partner('good', '200');
    my $reference = $partner->provision('acme')->json->{reference_id};
    my $got = $receiver->request('/good') or BAIL_OUT($gateway->said);
    my $header = $got->{header};
    is($got->{method}, 'POST', 'a webhook is a POST');
    is($header->{host}, 'hook.test:' . $receiver->port, 'to that host');
    is($header->{'content-type'}, 'application/json; charset=utf-8',
       'of JSON');
    is($got->{json}{event}, 'workspace.provisioned', 'which names the event');
    is($header->{'x-webhook-event'}, 'workspace.provisioned',
       'as a header does');
    is($got->{json}{client_id}, 'acme', 'its client');
    is($got->{json}{reference_id}, $reference, 'and its cause');
    is($header->{'x-carv-causation-id'}, $reference, 'in a header, too');
    ok(Workspaces::WebhookServer::is_signed($got, $partner->{outgoing_secret}),
       'it is signed with the outgoing secret');
    ok(!Workspaces::WebhookServer::is_signed($got,
                                             $partner->{incoming_secret}),
       'and with no other');
    is_deeply([sort grep { !/^(?:x-webhook-|x-carv-)/ } keys %$header],
              [qw(accept content-length content-type host user-agent)],
              'libcurl adds nothing');
    my $delivery = $partner->is_delivered;
    is($delivery->{state}, 'delivered', 'it is known to be delivered');
    is($delivery->{id}, $got->{json}{event_id}, 'under its id');
    is($delivery->{status}, 200, 'with the status');
    is($delivery->{tries}, 1, 'at the first try');
    ok($receiver->has_seen('closed /good'), 'its connection is closed');
    $partner->provision('acme2');
    $receiver->request('/good', 2);
    is($receiver->seen('connect'), 2, 'the next one has its own');
    is($names->asked('hook.test') > 0, 1, 'the name was looked up');
}

my $open = open_files();

# -- with other successes, and an address in the URL
{
    my $partner = partner('empty', '204',
        'https://127.0.0.1:' . $receiver->port . '/empty');
    $partner->provision('c');
    is($partner->is_delivered->{status}, 204, 'any 2xx will do');
}

# -- those that are slow are no other's trouble
my @slow = map { partner("slow$_", 'slow') } 1 .. 2;
for my $client (1 .. 5) {
    $_->provision("c$client") for @slow;
}
my $held = partner('held', undef,
    'https://127.0.0.1:' . $mute->port . '/held');
my $silent = partner('silent', undef, 'https://silent.test/');
$_->provision('c') for $held, $silent;
ok($receiver->has_seen("request /slow$_", 4), 'a host is slow') for 1, 2;
ok($mute->has_seen('connect'), 'another one is silent');
{
    my $partner = partner('quick', '200');
    my $start = time;
    $partner->provision('c');
    ok($receiver->request('/quick'), 'yet another one is told meanwhile');
    cmp_ok(time - $start, '<', 3 * patience(), 'soon');
    is($partner->is_delivered->{state}, 'delivered', 'with success');
    my $got = $gateway->ask(GET => '/alive', base => '');
    cmp_ok($got->{seconds}, '<', 1 * patience(), 'the only worker is free');
    my @threads = glob '/proc/' . ($gateway->workers)[0] . '/task/*';
    is(scalar @threads, 1, 'no thread of it waits for a name');
}

# -- 500, then 200
{
    my $partner = partner('again', '500');
    $partner->provision('c');
    my $first = $receiver->request('/again');
    my $failed = $partner->has_failed;
    is($failed->{status}, 500, 'a status of 500 is a failure');
    is($failed->{state}, 'pending', 'it will be tried again');
    sleep 0.1 until time >= 1 + ($first->{header}{'x-webhook-signature'}
        =~ /t=(\d+)/)[0];
    $receiver->mode('/again' => '200');
    $partner->hurry;
    my $last = $partner->is_delivered;
    is($last->{status}, 200, 'and is, with success');
    my @all = $receiver->requests('/again');
    my %ids = map { $_->{json}{event_id} => 1 } @all;
    is(scalar(keys %ids), 1, 'all tries have one event id');
    is(scalar(grep { $_->{body} ne $first->{body} } @all), 0, 'and body');
    isnt($all[-1]{header}{'x-webhook-signature'},
         $first->{header}{'x-webhook-signature'}, 'but not one signature');
    is(scalar(grep { !Workspaces::WebhookServer::is_signed($_,
        $partner->{outgoing_secret}) } @all), 0, 'each of them good');
}

# -- Retry-After
{
    my $partner = partner('later', '503 Retry-After:3000');
    $partner->provision('c');
    $partner->has_failed;
    my ($due) = values %{ $partner->lanes };
    cmp_ok($due, '>', 1000 * (time + 2900), 'Retry-After is heeded');
    $receiver->mode(
        '/later' => '503 Retry-After:Fri,_31_Dec_1999_23:59:59_GMT');
    $partner->force;
    $partner->has_failed(2);
    until_true(10 * patience(),
               sub { (values %{ $partner->lanes })[0] > 1000 });
    ($due) = values %{ $partner->lanes };
    cmp_ok($due, '<', 1000 * (time + 100), 'a date that is past says nothing');
    $receiver->mode('/later' => '200');
}

# -- gone
{
    my $partner = partner('gone', '410');
    $partner->provision('c');
    $partner->delivery(sub { $_[0]{state} eq 'failed' });
    is($receiver->seen('request /gone'), 1, '410: it is not tried again');
    my $shown = $gateway->ask(GET => '/partners/gone', base => '/operator')
        ->json;
    ok($shown->{webhook_stopped}, 'the endpoint is stopped');
    $partner->provision('d');
    my $mark = partner('mark', '200');
    $mark->provision('c');
    $mark->is_delivered;
    is($receiver->seen('request /gone'), 1, 'and told of nothing more');
}

# -- redirects
{
    my $partner = partner('moved', '302 Location:https://hook.test:'
        . $receiver->port . '/elsewhere');
    $receiver->mode('/elsewhere' => '200');
    $partner->provision('c');
    is($partner->has_failed->{status}, 302, 'a redirect is a failure');
    is($receiver->seen('request /elsewhere'), 0, 'and not followed');
}

# -- answers that do not end
{
    my $partner = partner('endless', 'endless');
    $partner->provision('c');
    is($partner->is_delivered->{status}, 200, 'a body without end: 200');
    ok($receiver->has_seen('cut /endless'), 'it is hung up on');
    my ($last) = ($partner->deliveries)[-1]{last};
    is(length(($last =~ /"answer":"(x*)"/)[0]), 65536, '64 KiB are kept');
}

# -- no answers
$stranger->mode('/stranger' => '200');
all_fail(
    headers => ['endless-header', qr/^the answer's header is too large$/,
                'a header without end'],
    reset   => ['reset', qr/\S/, 'a connection that is reset'],
    close   => ['close', qr/\S/, 'one that is closed'],
    garbage => ['garbage', qr/\S/, 'another protocol'],
    short   => ['short', qr/\S/, 'half an answer'],
    dead    => [undef, qr/connect/, 'a port that nobody listens on',
                'https://hook.test:' . free_port() . '/dead'],
    wrong   => ['200', qr/certificate/, 'a certificate for another name',
                'https://other.test:' . $receiver->port . '/wrong'],
    stranger => [undef, qr/certificate/, 'one that nobody vouches for',
                 'https://hook.test:' . $stranger->port . '/stranger'],
    plain   => [undef, qr/http/i, 'http',
                'http://hook.test:' . $receiver->port . '/plain'],
    unknown => [undef, qr/^the name cannot be looked up: Host not found$/,
                'a name that nobody has', 'https://unknown.test/'],
    broken  => [undef, qr/^the name cannot be looked up: Server failure$/,
                'a name server that fails', 'https://broken.test/'],
);
ok($receiver->has_seen('cut /headers'), 'a long header is hung up on');
is($receiver->seen('request /wrong'), 0, 'what is not verified');
is($stranger->seen('request /stranger'), 0, 'is told of nothing');

# -- what became of the slow ones
for (@slow, $held) {
    is($_->has_failed->{error}, 'no whole answer within 5 seconds',
       'a host has five seconds');
}
like($silent->has_failed->{error},
     qr/^(?:no whole answer within 5|the name cannot be looked up: Op)/,
     'with its name server');
ok($receiver->has_seen("cut /slow$_"), 'a slow one is hung up on') for 1, 2;

# -- carried by a gateway that serves nothing itself
{
    my $redis = Workspaces::RedisServer->started;
    my $serving = Workspaces::Gateway->started(redis => $redis,
        server => $Workspaces::Partner::Locations);
    my $carrying = Workspaces::Gateway->new(redis => $redis,
        http => $gateway->{http});
    my $text = $carrying->config =~
        s/location \/api\/workspaces \{.*?^        \}//msr;
    $carrying->write_config(text => $text)->start;
    $receiver->mode('/carried' => '200');
    my $partner = Workspaces::Partner->registered($serving, $redis, 'carried',
        'https://hook.test:' . $receiver->port . '/carried');
    $partner->provision('c');
    is($partner->is_delivered->{state}, 'delivered',
       'a gateway without a mount delivers');
    $_->finish for $serving, $carrying;
    $redis->stop;
}

# -- nothing is left
$receiver->mode(map { ("/slow$_" => '200') } 1, 2);
ok(until_true(10 * patience(), sub { open_files() <= $open }),
   'no connection is left open') or diag open_files() . " and not $open";
unlike($gateway->said, qr/whs_|wsk_|v1=/, 'no secret is said');
$gateway->finish;
$_->stop for $redis, $receiver, $stranger, $mute, $names;

done_testing;
