# Webhooks to partners: only to addresses of the public internet, whatever
# their names say, and only to them.

use strict;
use warnings;

use Test::More;

use Workspaces::Gateway;
use Workspaces::NameServer;
use Workspaces::Partner;
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisServer;
use Workspaces::WebhookServer;

# A public address whose networks throw away what they get (AS112, RFC 7535):
# nobody answers there.
my $public = '192.31.196.1';

my $names = Workspaces::NameServer->started(
    'hook.test'     => '127.0.0.1',
    'private.test'  => '10.0.0.1',
    'metadata.test' => '169.254.169.254',
    'nothing.test'  => '0.0.0.0',
    'rebind.test'   => "$public 127.0.0.1",
    'both.test'     => "127.0.0.1,10.0.0.1",
    'localhost'     => '127.0.0.1',
    '127.1'         => '127.0.0.1',
    '0x7f000001'    => '127.0.0.1',
    '2130706433'    => '127.0.0.1',
    '0177.0.0.1'    => '127.0.0.1',
);
my $receiver = Workspaces::WebhookServer->started(
    tls => 'DNS:hook.test,DNS:localhost,IP:127.0.0.1');
my $port = $receiver->port;
my $redis = Workspaces::RedisServer->started;
my $gateway = Workspaces::Gateway->started(redis => $redis,
    server => $Workspaces::Partner::Locations, http => <<"END");
    resolver @{[$names->address]} ipv6=off valid=1s;
    workspaces_webhooks allow_http retry=0s,1h
        trusted_certificate=@{[$receiver->authority]};
END

my $count = 0;

sub partner_at {
    my ($url) = @_;
    my $partner = Workspaces::Partner->registered($gateway, $redis,
                                                  'p' . ++$count, $url);
    $partner->provision('c');
    return $partner;
}

my %refused = map { $_ => partner_at($_) } (
    "https://hook.test:$port/", "http://hook.test:$port/",
    "https://127.0.0.1:$port/", "http://127.0.0.1:$port/",
    "http://[::1]:$port/", "http://[::ffff:127.0.0.1]:$port/",
    "http://[::]:$port/", "http://[fe80::1]:$port/",
    "http://[64:ff9b::7f00:1]:$port/", "http://[2002:7f00:1::]:$port/",
    'https://private.test/', 'http://metadata.test/latest/meta-data/',
    "http://nothing.test:$port/", "http://0.0.0.0:$port/",
    "https://both.test:$port/", 'https://10.0.0.1/', 'https://172.16.0.1/',
    'https://192.168.0.1/', 'https://100.64.0.1/', 'http://169.254.169.254/',
    "http://0177.0.0.1:$port/",
);
for my $url (sort keys %refused) {
    is($refused{$url}->has_failed->{error}, 'the address is not public',
       "$url is not called");
}

# who reads such a name as a number gets nowhere, either
for my $url (map { "http://$_:$port/" }
             qw(127.1 0x7f000001 2130706433 localhost hook.test.)) {
    my $failed = partner_at($url)->has_failed;
    ok($failed->{error} && !$failed->{status}, "$url neither")
        or diag explain $failed;
}
is($receiver->seen('connect'), 0, 'nobody was connected to');

# -- a name that changes its mind
{
    my $partner = partner_at("https://rebind.test:$port/");
    my $failed = $partner->has_failed;
    isnt($failed->{error}, 'the address is not public',
         'a public address is tried');
    is($names->asked('rebind.test'), 1, 'the name is looked up once');
    until_true(10 * patience(), sub {
        (values %{ $partner->lanes })[0] > 1000 * (time + 600);
    });
    sleep 2;    # the resolver remembers an address for one second
    $partner->force;
    is($partner->has_failed(2)->{error}, 'the address is not public',
       'the next time it is private, and not called');
    is($names->asked('rebind.test'), 2, 'and was looked up again');
    is($receiver->seen('connect'), 0, 'nobody was connected to');
}

# -- the same names, with leave
$receiver->mode('/' => '200');
$gateway->write_config(http => $gateway->{http}
    =~ s/allow_http/allow_http allow_private/r);
$gateway->reload;
{
    my $partner = partner_at("https://hook.test:$port/");
    is($partner->is_delivered->{state}, 'delivered', 'allow_private');
    $partner = partner_at("https://hook.test.:$port/");
    is($partner->is_delivered->{state}, 'delivered',
       'a dot at the end of a name does no harm');
}

$gateway->finish;
$_->stop for $redis, $receiver, $names;

done_testing;
