# The keys that bearer tokens are verified with: sets and public keys in
# files, and others after a reload.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use JSON ();
use MIME::Base64 qw(encode_base64);
use Test::More;

use Workspaces::Gateway;
use Workspaces::Process qw(room);
use Workspaces::RedisServer;

my $json = JSON->new->canonical;

sub base64url {
    my $text = encode_base64($_[0], '');
    $text =~ tr{+/=}{-_}d;
    return $text;
}

sub write_file {
    my ($name, $text) = @_;
    my $file = room() . "/$name";
    my $old = umask 077;
    open my $out, '>', $file or die "$file: $!";
    print {$out} $text;
    close $out or die "$file: $!";
    umask $old;
    return $file;
}

# -- two secrets in a set, by kid; and an RSA key

my %secret = map { $_ => $_ x 32 } 'a' .. 'c';
sub jwk {
    my ($kid) = @_;
    return { kty => 'oct', alg => 'HS256', kid => $kid,
             k => base64url($secret{$kid}) };
}
sub write_set { return write_file(jwks => $json->encode({ keys => [@_] })) }

my $private = room() . '/private.pem';
my $public = room() . '/public.pem';
sub new_rsa_key {
    system('openssl genrsa -out ' . "$private 2048 2>/dev/null"
        . " && openssl rsa -in $private -pubout -out $public 2>/dev/null")
        == 0 or die 'openssl is needed';
    return;
}
new_rsa_key();

my %claims = (iss => 'them', aud => 'us', exp => time + 3600,
              tenant => 'acme', sub => 'ann');

sub signing_input {
    return join '.', map { base64url($json->encode($_)) } $_[0], \%claims;
}

sub of_set {
    my ($kid, $with) = @_;
    my $text = signing_input({ alg => 'HS256', kid => $kid });
    return "$text." . base64url(hmac_sha256($text, $secret{ $with // $kid }));
}

sub of_rsa {
    my $text = signing_input({ alg => 'RS256' });
    my $file = write_file(signed => $text);
    my $signature = `openssl dgst -sha256 -sign $private $file`;
    return "$text." . base64url($signature);
}

my $set = write_set(map { jwk($_) } 'a', 'b');
my $redis = Workspaces::RedisServer->started;
my $gateway = Workspaces::Gateway->started(redis => $redis, server => <<"END");
        location /set {
            workspaces platform;
            workspaces_identity jwt jwks=$set issuer=them audience=us;
        }
        location /rsa {
            workspaces platform;
            workspaces_identity jwt key=$public issuer=them audience=us;
        }
END
$gateway->ask_until(200, 5, GET => '', tenant => 'acme', user => 'ann');

my $client;
sub status_of {
    my ($base, $token) = @_;
    return $client->ask(GET => '', base => $base,
        headers => { Authorization => "Bearer $token" })->{status};
}

my %token = ((map { $_ => of_set($_) } keys %secret), rsa => of_rsa());

$client = $gateway->client;
is(status_of('/set', $token{$_}), 200, "the key $_ of a set") for qw(a b);
is(status_of('/set', $token{c}), 401, 'a kid that is not in it');
is(status_of('/set', of_set('a', 'b')), 401, 'a kid, and the other key');
is(status_of('/rsa', $token{rsa}), 200, 'a public key');
is(status_of('/rsa', $token{a}), 401, 'a token of the set is none of its');
is(status_of('/set', $token{rsa}), 401, 'nor the other way round');

# -- the files are others: what was verified before counts no more

write_set(map { jwk($_) } 'b', 'c');
my $old_rsa = $token{rsa};
new_rsa_key();
$token{rsa} = of_rsa();
is(status_of('/set', $token{c}), 401, 'files are not read between reloads');
ok($gateway->reload, 'reload');
$client = $gateway->client;
is(status_of('/set', $token{a}), 401, 'a key that was taken out of the set');
is(status_of('/set', $token{b}), 200, 'one that has stayed');
is(status_of('/set', $token{c}), 200, 'one that has come');
is(status_of('/rsa', $old_rsa), 401, 'the public key of before');
is(status_of('/rsa', $token{rsa}), 200, 'the new one');

# -- a file that is of no use leaves all as it was

write_set('no key');
$gateway->signal('HUP');
ok($gateway->has_said(qr/\[emerg\] .*"workspaces_identity jwt"/),
   'a reload with a set of no use is refused');
is(status_of('/set', $token{b}), 200, 'and the keys are those of before');

unlike($gateway->said, qr/eyJ|@{[ join '|', values %secret ]}/,
       'no token and no secret is in the log');
$gateway->finish(expected => qr/"workspaces_identity jwt"/);
$redis->stop('KILL');
done_testing;
