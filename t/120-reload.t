# nginx reads its configuration again, under load.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Workspaces::Gateway;
use Workspaces::Load;
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisServer;

my $redis = Workspaces::RedisServer->started;
my $other = Workspaces::RedisServer->started;
my %who = (tenant => 'acme', user => 'ann', admin => 1);
my @list = (GET => '', %who);

sub key { return "$_[0] " . $_[1] x 42 . 'A=' }

my $gateway = Workspaces::Gateway->started(redis => $redis, workers => 2,
    tcp => 1, keys => key('old', 'B'), server => 'keepalive_timeout 5s;',
    main => 'worker_shutdown_timeout 20s;');
is($gateway->ask_until(200, 5, @list)->{status}, 200, 'it is served');
my $id = $gateway->ask(POST => '', %who, json => { name => 'Berlin' })
    ->json->{_id};

# A client asks again only where HTTP tells it to: a connection that an old
# worker kept open for a next request may be closed when that comes.
my $load = Workspaces::Load->start(clients => 6, seconds => 400,
    run => sub {
        my ($number, $note, $on) = @_;
        my ($client, $used, %count, @odd);
        my $n = 0;
        while ($on->()) {
            ($client, $used) = ($gateway->client, 0) unless $client;
            my @request = $n++ % 5
                ? (GET => "/$id", %who)
                : (PUT => "/$id", %who, json => { name => "n$number-$n" });
            my $got = $client->ask(@request);
            my $kept = $used++;
            if ($got->{status} == 0 && $got->{why} eq 'closed' && $kept) {
                $count{again}++;
                $client = undef;
                next;
            }
            # concurrent writers may be told to try again
            $count{ $got->{status} }++;
            push @odd, $got->{why} // $got->{body}
                unless $got->{status} == 200 || $got->{status} == 409;
            $client = undef
                if !$got->{status}
                || ($got->{headers}{connection} // '') eq 'close'
                || $number % 2;
        }
        $note->({ count => \%count, odd => \@odd });
    });

my $master = $gateway->pid;
my (@sizes, $late);
for my $round (1 .. 20) {
    $late++ unless $gateway->reload(20);
    push @sizes, $gateway->memory($master);
}
is($late, undef, 'after each of 20 reloads the old workers end');
is(scalar(my @now = $gateway->workers), 2, 'two workers are left');
my ($first, $last) = @sizes[4, -1];
# a pool of nginx's in each of the 15 between the two would be 240
cmp_ok($last - $first, '<', $ENV{SANITIZER_REPORTS} ? 20480 : 200,
       "the master's memory does not grow (kB: @sizes)");

# -- another Redis, other limits, at a second reload
$gateway->write_config(server => 'client_max_body_size 100;');
ok($gateway->reload, 'reload with a changed limit');
is($gateway->ask(POST => '', %who, json => { name => 'x' x 200 })->{status},
   413, 'the new limit holds');
$gateway->write_config(server => '');
ok($gateway->reload, 'and back');

# -- a broken configuration keeps the old one
my @workers = sort $gateway->workers;
for my $broken ('workspaces_redis nonsense;', 'workspaces_identity odd;',
                'no_such_directive;')
{
    $gateway->write_config(http => $broken);
    my $lines = () = $gateway->said =~ /\[emerg\]/g;
    $gateway->signal('HUP');
    ok(until_true(5 * patience(), sub {
        $lines < (() = $gateway->said =~ /\[emerg\]/g);
    }), "broken configuration ($broken): is refused");
}
$gateway->write_config(http => '');
$gateway->write_keys('only-a-name');
$gateway->signal('HUP');
ok($gateway->has_said(qr/\[emerg\].*seal\.keys/), 'broken key file: too');
chmod 0644, "$gateway->{dir}/seal.keys";
$gateway->signal('HUP');
ok($gateway->has_said(qr/\[emerg\].*chmod 600/),
   'a key file that others can read: too');
is_deeply([sort $gateway->workers], \@workers, 'the old workers go on');
is($gateway->ask(@list)->{status}, 200, 'and serve');

# -- the load over all this
my (%count, @odd);
for my $note ($load->stop) {
    $count{$_} += $note->{count}{$_} for keys %{ $note->{count} };
    push @odd, @{ $note->{odd} };
}
note join ', ', map { "$_: $count{$_}" } sort keys %count;
cmp_ok($count{200}, '>', 100, 'there was load all the time');
is(join("\n", @odd), '', 'no request failed in any of the reloads');

# -- the key ring is rotated
sub seal {
    my ($slot) = @_;
    return $gateway->ask(POST => "/$id/encrypted", %who,
        headers => { 'x-encrypted-id' => $slot },
        json => { in => $slot })->{status};
}
sub opened {
    my ($slot) = @_;
    my $got = $gateway->ask(GET => "/$id/encrypted", %who,
        headers => { 'x-encrypted-id' => $slot });
    return $got->{status} == 200 ? $got->json->{in} : $got->{status};
}
sub key_of {
    my ($slot) = @_;
    my ($key) = grep { /:w:$id:x$/ } @{ $redis->ask('KEYS', '*') };
    my $blob = $redis->ask('HGET', $key, $slot);
    return join ',', grep { $blob =~ /$_/ } qw(old new);
}
my $keys_are = sub {
    $gateway->write_keys(join "\n", @_);
    chmod 0600, "$gateway->{dir}/seal.keys";
    return $gateway->reload;
};
ok($keys_are->(key('old', 'B')), 'key ring: the old key');
is(seal('s1'), 200, 'sealed with the old key');
ok($keys_are->(key('new', 'C'), key('old', 'B')), 'key ring: new, old');
is(opened('s1'), 's1', 'what the old key sealed opens');
is(seal('s2'), 200, 'sealed with the new key');
is(opened('s2'), 's2', 'and opens');
is(key_of('s1') . ' ' . key_of('s2'), 'old new',
   'the first key of the ring seals');
ok($keys_are->(key('new', 'C')), 'key ring: the new key only');
is(opened('s1'), 500, 'what the old key sealed: 500, not null');
ok($gateway->has_said(qr/\[error\].*workspaces: .*(?:seal|key|open)/i),
   'and an error is logged');
is(opened('s2'), 's2', 'what the new key sealed opens');
ok($keys_are->(key('new', 'D'), key('old', 'B')),
   'key ring: another key under the name of the new one');
is(opened('s2'), 500, 'does not open with it');
is(opened('s1'), 's1', 'the old one is back');

# -- another Redis
$gateway->write_config(redis => $other);
ok($gateway->reload, 'reload with another Redis');
is($gateway->ask_until(200, 5, @list)->{body}, '[]', 'it is the one asked');

$gateway->finish(expected => qr/\[emerg\].*(?:nonsense|workspaces_redis
    |workspaces_identity|no_such_directive|seal\.keys)/x);
$_->stop('KILL') for $redis, $other;
done_testing;
