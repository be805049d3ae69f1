# What was sealed is nowhere in a worker's memory when its request is over.

use strict;
use warnings;

use Test::More;

use Workspaces::Gateway;
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisProxy;
use Workspaces::RedisServer;

use constant BLOCK => 1 << 20;
use constant LARGEST => 1 << 30;    # the shadow of a sanitizer is larger

my $key = 'c3dvcmRmaXNoc3dvcmRmaXNoc3dvcmRmaXNoc3dvcmQ=';

# How often a text is in what a process can write; undef when nobody may look.
sub times_in {
    my ($pid, $text) = @_;
    open my $maps, '<', "/proc/$pid/maps" or return;
    open my $mem, '<:raw', "/proc/$pid/mem" or return;
    my ($count, $read) = (0, 0);
    while (my $line = <$maps>) {
        # whoever binds a symbol late keeps there what was in the registers
        next if $line =~ /\[stack\]$/;
        my ($from, $to) = $line =~ /^([0-9a-f]+)-([0-9a-f]+) rw/ or next;
        ($from, $to) = map { unpack 'Q>', pack 'H16', substr "0" x 16 . $_, -16 }
            $from, $to;
        next if $to - $from > LARGEST;
        sysseek $mem, $from, 0 or next;
        my $kept = '';
        while ($from < $to) {
            my $n = sysread $mem, my $block,
                $to - $from < BLOCK ? $to - $from : BLOCK;
            last unless $n;
            $read += $n;
            $from += $n;
            $block = $kept . $block;
            $count++ while $block =~ /\Q$text\E/g;
            $kept = substr $block, 1 - length $text;
        }
    }
    return $read ? $count : undef;
}

my $redis = Workspaces::RedisServer->started;
my $proxy = Workspaces::RedisProxy->started(redis => $redis);
my $gateway = Workspaces::Gateway->started(redis => $proxy,
                                           keys => "k1 $key");
my ($worker) = $gateway->workers;

unless (defined times_in($worker, 'workspaces')) {
    $gateway->finish;
    plan skip_all => 'the memory of another process cannot be read';
}

my %root = (tenant => 'acme', user => 'root', admin => 1);
my $made = $gateway->ask_until(200, 5, POST => '', %root,
                               json => { name => 'W' });
my $id = $made->json->{_id};

# Each time other secrets: what is left is known by its name.
my $turn = 0;

sub secret {
    my ($size) = @_;
    my $name = sprintf 'swordfish%02d', ++$turn;
    return ($name, { map { ("$name-key-$_" => "$name-" . 'x' x $size,
                            "deep-$_" => [{ "$name-$_" => "$name" }]) }
                     1 .. 20 });
}

sub is_wiped {
    my ($name, $what) = @_;
    my $left;
    until_true(patience() / 4, sub { !($left = times_in($worker, $name)) });
    is($left, 0, "$what: nothing is left of it");
    return;
}

for my $size (8, 300, 20_000) {
    my ($name, $data) = secret($size);
    my @store = (POST => "/$id/encrypted", %root, json => $data);

    $proxy->set(frozen => 1);
    my $client = $gateway->client->send(@store);
    ok(until_true(5 * patience(), sub { times_in($worker, $name) }),
       "$size: what is under way is found");
    $proxy->set(frozen => 0);
    is($client->answer->{status}, 200, "$size: stored");
    is_wiped($name, "$size: stored");

    is_deeply($gateway->ask(GET => "/$id/encrypted", %root)->json, $data,
              "$size: read");
    is_wiped($name, "$size: read");

    for (1, 2) {
        is($gateway->ask(@store, headers => { 'Idempotency-Key' => "k$turn" })
                   ->{status}, 200, "$size: stored under a key");
    }
    is_wiped($name, "$size: stored under a key");
}

for my $case ([400, 'no JSON', sub { "$_[0]}" }],
              [400, 'a key twice', sub { $_[0] =~ s/\}$/,"a":1,"a":"$_[1]"}/r }],
              [403, 'refused', sub { $_[0] }, admin => undef])
{
    my ($status, $what, $body, @who) = @$case;
    my ($name, $data) = secret(300);
    my $text = $body->(JSON->new->canonical->encode($data), $name);
    is($gateway->ask(POST => "/$id/encrypted", %root, @who, body => $text)
               ->{status}, $status, $what);
    is_wiped($name, $what);
}

# -- in pieces, in chunks, and not to its end
{
    my ($name, $data) = secret(300);
    my $text = JSON->new->canonical->encode($data);
    my $head = "POST /api/workspaces/$id/encrypted HTTP/1.1\r\nHost: a\r\n"
        . "X-Tenant: acme\r\nX-User: root\r\nX-Admin: 1\r\n";
    my $half = length($text) / 2;

    my $client = $gateway->client->write(
        $head . "Content-Length: @{[length $text]}\r\n\r\n");
    $client->write($_) for unpack '(a1000)*', $text;
    is($client->answer->{status}, 200, 'in pieces');
    is_wiped($name, 'in pieces');

    $client = $gateway->client->write(
        $head . "Transfer-Encoding: chunked\r\n\r\n");
    $client->write(sprintf "%x\r\n%s\r\n", length, $_)
        for unpack('(a1000)*', $text), '';
    is($client->answer->{status}, 200, 'in chunks');
    is_wiped($name, 'in chunks');

    $client = $gateway->client->write(
        $head . "Content-Length: @{[length $text]}\r\n\r\n"
        . substr $text, 0, $half);
    ok(until_true(5 * patience(), sub { times_in($worker, $name) }),
       'half of a body is found');
    $client->close;
    is_wiped($name, 'half of a body');
}

# -- the key ring: as it is written it is in no process
is(times_in($_, $key), 0, 'the text of a key is in no memory')
    for $worker, $gateway->pid;

$gateway->finish;
$proxy->stop;
$redis->stop('KILL');
done_testing;
