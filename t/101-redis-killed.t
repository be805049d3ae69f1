# Redis is killed under load, comes back with its append-only file, and holds
# every write that was acknowledged, whole.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Workspaces::Gateway;
use Workspaces::Invariants qw(broken_invariants);
use Workspaces::Load;
use Workspaces::RedisServer;

my $redis = Workspaces::RedisServer->started(append => 1);
my $gateway = Workspaces::Gateway->started(redis => $redis, workers => 2,
                                           options => 'timeout=2s');

# Each client makes workspaces, gives them labels and members, takes members
# out and deletes some, and notes what was answered.
sub work {
    my ($number, $note, $on) = @_;
    my %who = (tenant => "t$number", user => 'ann');
    my $client = $gateway->client;
    my $n = 0;
    my $ask = sub {
        my $got = $client->ask(@_, %who);
        $client = $gateway->client unless $got->{status};
        $note->({ status => $got->{status} });
        return $got;
    };
    while ($on->()) {
        my $name = 'w' . ++$n;
        my %seen = (tenant => $who{tenant}, name => $name);
        my $got = $ask->(POST => '', json => { name => $name,
                                               labels => ['a', "b$n"] });
        sleep 0.005 if $got->{status} != 200;
        next if $got->{status} != 200;
        my $id = $seen{id} = $got->json->{_id};
        for my $user (qw(bob cem)) {
            $got = $ask->(POST => "/$id/members",
                          json => { userId => $user, roles => ['user'] });
            $seen{members}{$user} = $got->{status} == 200 ? 'in' : 'unknown';
        }
        $got = $ask->(DELETE => "/$id/members/cem");
        $seen{members}{cem} = $got->{status} == 200 ? 'out' : 'unknown';
        $got = $ask->(PUT => "/$id", json => { name => "$name!",
                                               labels => ['c'] });
        $seen{name} = $got->{status} == 200 ? "$name!" : undef;
        $seen{gone} = 0;
        if ($n % 4 == 0) {
            $got = $ask->(DELETE => "/$id");
            $seen{gone} = $got->{status} == 200 ? 1 : undef;
        }
        $note->(\%seen);
    }
    return;
}

my $load = Workspaces::Load->start(clients => 6, seconds => 400,
                                   run => \&work);
my @ask = (GET => '', tenant => 'x', user => 'ann');
for my $kill (1 .. 3) {
    ok($redis->has_changed(100), "before kill $kill there is load");
    $redis->stop('KILL');
    is($gateway->ask_until(503, 5, @ask)->{status}, 503,
       "clients feel kill $kill");
    sleep 0.2;
    $redis->start;
}
ok($redis->has_changed(100), 'after the last kill there is load');
my $got = $gateway->ask_until(200, 7, @ask);
is($got->{status}, 200, 'and it is served');
my @notes = $load->stop;
$redis->stop('KILL')->start;

my @answers = grep { exists $_->{status} } @notes;
my @seen = grep { exists $_->{id} } @notes;
my %count;
$count{ $_->{status} }++ for @answers;
note 'answers: ' . join ', ', map { "$_: $count{$_}" } sort keys %count;
cmp_ok($count{200}, '>', 200, 'there was load');
is_deeply([grep { !/^(?:200|503|400|404)$/ } keys %count], [],
          'nobody saw another error or a broken connection');
# a member added twice, a workspace deleted twice, after a write whose
# acknowledgement was lost and that had its effect
cmp_ok(($count{400} || 0) + ($count{404} || 0), '<', 50,
       'refusals are few');

is(join("\n", broken_invariants($redis)), '',
   'records, members and indexes agree: nothing is half done');

my @lost;
my %prefix;
for my $key (@{ $redis->ask('KEYS', 'wsp:{*:ws') }) {
    $prefix{$1} = substr $key, 0, -2 if $key =~ /:([^:]+):ws$/;
}
for my $seen (@seen) {
    my $key = "$prefix{$seen->{tenant}}w:$seen->{id}";
    my $name = $redis->ask('HGET', $key, 'name');
    if (!defined $name) {
        push @lost, "$key is gone" if defined $seen->{gone} && !$seen->{gone};
        next;
    }
    push @lost, "$key is there" if $seen->{gone};
    push @lost, "$key is $name, not $seen->{name}"
        if defined $seen->{name} && $seen->{name} ne $name;
    for my $user (sort keys %{ $seen->{members} }) {
        my $is = $redis->ask('HEXISTS', "$key:m", $user) ? 'in' : 'out';
        my $was = $seen->{members}{$user};
        push @lost, "$key: $user is $is, not $was"
            if $was ne 'unknown' && $was ne $is;
    }
}
is(join("\n", @lost), '', 'every acknowledged write is there');

$gateway->finish;
done_testing;
