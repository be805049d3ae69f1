# Everything at once, at random: load, clients that abort, links that are cut,
# frozen, slow or lose replies, scripts that are forgotten, reloads.
#
#   WORKSPACES_TEST_SEED    of the random events, for doing one again
#   WORKSPACES_TEST_CHAOS   seconds, default 3

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use Workspaces::Gateway;
use Workspaces::Invariants qw(broken_invariants);
use Workspaces::Load;
use Workspaces::Process qw(patience);
use Workspaces::RedisProxy;
use Workspaces::RedisServer;

my $seed = $ENV{WORKSPACES_TEST_SEED} || time * 1000 % 1_000_000;
my $seconds = $ENV{WORKSPACES_TEST_CHAOS} || 3;
srand $seed;
note "WORKSPACES_TEST_SEED=$seed";

my $redis = Workspaces::RedisServer->started;
my $proxy = Workspaces::RedisProxy->started(redis => $redis,
    state => { lose => 0 },
    hook => sub {
        my ($words, $state) = @_;
        return unless $state->{lose} > 0 && $words->[0] eq 'EVALSHA';
        $state->{lose}--;
        return $state->{lose} % 2 ? { lose => 1 } : { cut => 1 };
    });
my $gateway = Workspaces::Gateway->started(redis => $proxy, workers => 2,
    options => 'timeout=500ms connect_timeout=300ms queue=64',
    server => 'client_body_timeout 2s;');
$gateway->ask_until(200, 5, GET => '', tenant => 'x', user => 'ann');

sub a_request {
    my ($number, $n) = @_;
    my $id = 1 + int rand(3 + $n / 20);
    my %who = (tenant => 't' . $number % 3, admin => rand() < 0.6,
               user => (qw(ann bob cem))[rand 3]);
    my $user = (qw(ann bob cem dora))[rand 4];
    my %keyed = (headers => { 'Idempotency-Key' => int rand 1000 });
    return @{ (
        [POST => '', json => { name => "c$number-$n",
                               labels => [('a' .. 'd')[rand 4]] }, %keyed],
        [POST => '', json => { name => "c$number-$n", labels => ['e'] }],
        [GET => ''], [GET => "/$id"], [GET => "/$id/members"],
        [GET => '/all?q=c'], [GET => '/all?labels=a,b'],
        [PUT => "/$id", json => { name => "u$n",
                                  labels => [('a' .. 'd')[rand 4]] }],
        [POST => "/$id/activate", json => {}],
        [POST => "/$id/members", json => { userId => $user,
             roles => [rand() < 0.5 ? 'admin' : 'user'] }],
        [PUT => "/$id/members/$user",
         json => { roles => [rand() < 0.5 ? 'admin' : 'user'] }],
        [DELETE => "/$id/members/$user"],
        [rand() < 0.2 ? 'DELETE' : 'GET', "/$id"],
        [POST => "/$id/encrypted", json => { n => 'x' x rand 20_000 }],
        [GET => "/$id/encrypted"],
    )[int rand 15] }, %who;
}

sub work {
    my ($number, $note, $on) = @_;
    srand $seed + $number;
    my ($n, %count, @odd, $client) = (0);
    while ($on->()) {
        $client //= $gateway->client;
        my @request = a_request($number, ++$n);
        $client->send(@request);
        if (rand() < 0.1) {
            sleep rand 0.02;
            $client->abort;
            $client = undef;
            $count{aborted}++;
            next;
        }
        my $got = $client->answer;
        $count{ $got->{status} || $got->{why} }++;
        push @odd, "@request[0, 1]: $got->{status} $got->{body}"
            unless $got->{status} =~ /^(?:0|200|400|403|404|409|422|503)$/;
        sleep 0.005 if $got->{status} == 503;
        if (!$got->{status}) {
            # an old worker closes what was kept open
            push @odd, "@request[0, 1]: $got->{why}"
                if $got->{why} ne 'closed';
            $client = undef;
        } elsif (($got->{headers}{connection} // '') eq 'close'
                 || rand() < 0.1) {
            $client = undef;
        }
    }
    $note->({ count => \%count, odd => \@odd });
    return;
}

my $load = Workspaces::Load->start(clients => 6, run => \&work,
    seconds => $seconds + 30 * patience());

my %did;
my $end = time + $seconds;
# on a machine that is busy nothing much may happen meanwhile
while (time < $end || (time < $end + 60 && !$redis->has_changed(150, 0))) {
    sleep 0.02 + rand 0.15;
    my $what = (qw(cut cut lose lose freeze delay split kill flush reload))
        [rand 10];
    $did{$what}++;
    if ($what eq 'cut') {
        $proxy->cut;
    } elsif ($what eq 'lose') {
        $proxy->set(lose => 1 + int rand 3);
    } elsif ($what eq 'freeze') {
        $proxy->set(frozen => 1);
        sleep rand 0.7;
        $proxy->set(frozen => 0);
    } elsif ($what eq 'delay') {
        $proxy->set(delay => 0.002);
        sleep rand 0.2;
        $proxy->set(delay => 0);
    } elsif ($what eq 'split') {
        $proxy->set(split => 1);
        sleep rand 0.2;
        $proxy->set(split => 0);
    } elsif ($what eq 'kill') {
        $redis->ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    } elsif ($what eq 'flush') {
        $redis->ask('SCRIPT', 'FLUSH');
    } else {
        $gateway->signal('HUP');
    }
}
note join ', ', map { "$_: $did{$_}" } sort keys %did;
$proxy->set(lose => 0);

my $got = $gateway->ask_until(200, 10, GET => '', tenant => 'x',
                              user => 'ann');
is($got->{status}, 200, 'when it is over, it is served');
my (%count, @odd);
for my $note ($load->stop) {
    $count{$_} += $note->{count}{$_} for keys %{ $note->{count} };
    push @odd, @{ $note->{odd} };
}
note join ', ', map { "$_: $count{$_}" } sort keys %count;
cmp_ok($count{200}, '>', 20, 'there was work');
is(join("\n", @odd[0 .. ($#odd < 20 ? $#odd : 20)]), '',
   'nobody saw anything but clear answers');
is(join("\n", broken_invariants($redis)), '',
   'records, members and indexes agree')
    or diag "WORKSPACES_TEST_SEED=$seed";
ok($gateway->reload(20), 'old workers end, none is stuck');

$gateway->finish;
$proxy->stop;
$redis->stop('KILL');
done_testing;
