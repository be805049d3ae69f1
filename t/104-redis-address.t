# How Redis is named in the configuration: tcp and unix socket, password,
# user, database.

use strict;
use warnings;

use Test::More;

use Workspaces::Gateway;
use Workspaces::RedisServer;

my @list = (GET => '', tenant => 'acme', user => 'ann');
my @make = (POST => '', tenant => 'acme', user => 'ann',
            json => { name => 'Berlin' });

# a password for everybody, and a user of our own
my $redis = Workspaces::RedisServer->started(tcp => 1, options => [
    '--user', 'default', 'on', '>open sesame', '~*', '&*', '+@all',
    '--user', 'gate', 'on', '>s3cret:/@#', '~wsp:*', '&*', '+@all',
    '--user', 'poor', 'on', '>poor', '~other:*', '&*', '+@all']);
$redis->{connection} = undef;
$redis->ask('AUTH', 'open sesame');

my $tcp = "127.0.0.1:$redis->{port}";
my $path = $redis->socket;

for my $case (
    ['password, tcp'           => "redis://:open%20sesame\@$tcp", 0],
    ['password, unix socket'   => "unix://:open%20sesame\@$path", 0],
    ['user, tcp'      => "redis://gate:s3cret%3A%2F%40%23\@$tcp", 0],
    ['user, unix socket' => "unix://gate:s3cret%3A%2F%40%23\@$path", 0],
    ['database, tcp'       => "redis://:open%20sesame\@$tcp/3", 3],
    ['database, unix socket' => "unix://:open%20sesame\@$path?db=4", 4])
{
    my ($name, $url, $database) = @$case;
    $redis->ask('FLUSHALL');
    my $gateway = Workspaces::Gateway->started(redis => $url);
    is($gateway->ask_until(200, 5, @list)->{status}, 200,
       "$name: it is served") or diag $gateway->said;
    is($gateway->ask(@make)->{status}, 200, "$name: a write is done");
    for (0, 3, 4) {
        $redis->ask('SELECT', $_);
        my $keys = $redis->ask('DBSIZE');
        ok($_ == $database ? $keys > 0 : $keys == 0,
           "$name: database $_ has " . ($_ == $database ? 'it' : 'nothing'));
    }
    unlike($gateway->said, qr/sesame|s3cret/, "$name: no password is logged");
    $gateway->finish;
}

for my $case (
    ['no password'     => "redis://$tcp", qr/wants a password/],
    ['wrong password'  => "redis://:open%20poppy\@$tcp",
     qr/refused the user or the password/],
    ['wrong user'      => "unix://gait:s3cret%3A%2F%40%23\@$path",
     qr/refused the user or the password/],
    ['wrong database'  => "redis://:open%20sesame\@$tcp/99",
     qr/refused the database number/],
    ['user without our keys' => "redis://poor:poor\@$tcp", qr/NOPERM/])
{
    my ($name, $url, $said) = @$case;
    my $gateway = Workspaces::Gateway->started(redis => $url);
    ok($gateway->has_said(qr/\[error\].*workspaces: /),
       "$name: the error log says so");
    ok($gateway->has_said($said), "$name: and what is wrong")
        or diag $gateway->said;
    my $got = $gateway->ask(@list);
    is($got->{status}, 503, "$name: 503");
    is($got->{headers}{'retry-after'}, '1', "$name: with Retry-After");
    unlike($gateway->said, qr/sesame|poppy|s3cret/,
           "$name: no password is logged");
    $gateway->finish;
}

# -- the password is changed under a running gateway
{
    $redis->ask('SELECT', 0);
    $redis->ask('ACL', 'SETUSER', 'gate', 'on', '>new', '+@all');
    my $gateway = Workspaces::Gateway->started(
        redis => "redis://gate:new\@$tcp");
    is($gateway->ask_until(200, 5, @list)->{status}, 200, 'it is served');
    $redis->ask('ACL', 'SETUSER', 'gate', '<new');
    $redis->ask('CLIENT', 'KILL', 'USER', 'gate');
    is($gateway->ask_until(503, 5, @list)->{status}, 503,
       'password withdrawn: 503');
    $redis->ask('ACL', 'SETUSER', 'gate', '>new');
    is($gateway->ask_until(200, 8, @list)->{status}, 200,
       'and recovers when it is valid again');
    $gateway->finish;
}

$redis->stop('KILL');
done_testing;
