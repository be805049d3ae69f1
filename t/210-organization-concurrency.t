# Names are unique, and provisioning is all or nothing: when many ask at once,
# and when Redis is killed in the middle.

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
    options => 'timeout=10s queue=1024', server => <<'END');
        location /api/v1 {
            workspaces organization;
            workspaces_identity trusted tenant=$http_x_tenant
                user=$http_x_user admin=$http_x_admin;
        }
        location /location {
            workspaces location;
            workspaces_identity trusted tenant=$http_x_tenant
                user=$http_x_user;
        }
END
my %base = (base => '/api/v1');
is($gateway->ask_until(200, 7, GET => '/workspaces', tenant => 'a',
                       user => 'u', %base)->{status}, 200, 'it is served');

# All are sent before the first answer is read.
sub at_once {
    my ($count, $ask) = @_;
    my @clients = map { $gateway->client } 1 .. $count;
    $clients[$_]->send($ask->($_)) for 0 .. $#clients;
    my %answers;
    $answers{ $_->answer->{status} }++ for @clients;
    return \%answers;
}

sub index_of {
    my ($tenant, $name) = @_;
    my ($key) = @{ $redis->ask('KEYS', "wsp:{*}:$tenant:n:$name") };
    return $key ? $redis->ask('ZCARD', $key) : 0;
}

# -- one name, a hundred times

is_deeply(at_once(100, sub {
        my ($n) = @_;
        return (POST => '/workspaces', tenant => 'a', user => "u$n", %base,
                json => { name => 'Only', organization_id => 'a' });
    }), { 201 => 1, 409 => 99 }, 'of a hundred creates of one name one wins');
is(index_of('a', 'Only'), 1, 'and one workspace has it');

# names that differ, and whose slug is one
is_deeply(at_once(40, sub {
        my ($n) = @_;
        return (POST => '/workspaces', tenant => 'a', user => "u$n", %base,
                json => { name => 'Same' . '!' x $n, organization_id => 'a' });
    }), { 201 => 1, 409 => 39 }, 'of forty names with one slug one wins');

# renamed to one name, from workspaces that are there
my @ids = map {
    $gateway->ask(POST => '/workspaces', tenant => 'a', user => 'u', %base,
                  json => { name => "R$_", organization_id => 'a' })
        ->json->{data}{workspace}{id}
} 0 .. 19;
is_deeply(at_once(20, sub {
        my ($n) = @_;
        return (PUT => "/workspaces/$ids[$n]", tenant => 'a', user => 'u',
                %base, json => { name => 'Renamed' });
    }), { 200 => 1, 409 => 19 }, 'of twenty renames to one name one wins');

# the platform asks for no names of its own, and is counted all the same
is_deeply(at_once(20, sub {
        my ($n) = @_;
        return (POST => '', tenant => 'a', user => 'u',
                json => { name => 'Twenty' });
    }), { 200 => 20 }, 'the platform takes a name twenty times at once');
is(index_of('a', 'Twenty'), 20, 'all of them are known');

# the location dialect asks for it, too
my $both = at_once(40, sub {
    my ($n) = @_;
    my @who = (tenant => 'a', user => "u$n");
    return $n % 2
        ? (POST => '/workspaces', @who, base => '/location',
           json => { name => 'Shared' })
        : (POST => '/workspaces', @who, %base,
           json => { name => 'Shared', organization_id => 'a' });
});
is($both->{201}, 1, 'of forty creates in two dialects one wins');
is(($both->{409} || 0) + ($both->{422} || 0), 39, 'each of the others is '
                                                  . 'told in its own way');
is(index_of('a', 'Shared'), 1, 'and one workspace has the name');

# batches with a name in common
is_deeply(at_once(20, sub {
        my ($n) = @_;
        return (POST => '/workspaces/provision', tenant => 'a', user => 'u',
                admin => 1, %base, json => { organization_id => 'a',
                workspaces => [{ name => "B$n-1" }, { name => 'Common' },
                               { name => "B$n-2" }] });
    }), { 201 => 1, 409 => 19 }, 'of twenty batches with a common name one '
                                 . 'wins');
is(index_of('a', 'Common'), 1, 'the common name is there once');
is(scalar @{ $redis->ask('KEYS', 'wsp:{*}:a:n:B*') }, 2,
   'with the others of its batch, and of no other');

is_deeply(at_once(20, sub {
        return (POST => '/organizations', tenant => 'a', user => 'u', %base,
                json => { name => 'A' });
    }), { 201 => 1, 409 => 19 }, 'an organization is made once');

is(join("\n", broken_invariants($redis)), '',
   'records, names, slugs and members agree');

# -- Redis is killed under batches

sub provision {
    my ($number, $note, $on) = @_;
    my $client = $gateway->client;
    for (my $n = 0; $on->(); $n++) {
        my $name = "k$number-$n";
        my $got = $client->ask(POST => '/workspaces/provision', %base,
            tenant => 'k', user => 'u', admin => 1,
            json => { organization_id => 'k',
                      workspaces => [map {
                          { name => "$name-$_", settings => { n => $n },
                            members => [{ user_id => "m$number",
                                          role => 'member' }] }
                      } 1 .. 5] });
        $note->({ name => $name, status => $got->{status} });
        $client = $gateway->client if !$got->{status};
        sleep 0.005 if $got->{status} != 201;
    }
    return;
}

my $load = Workspaces::Load->start(clients => 4, seconds => 400,
                                   run => \&provision);
for my $kill (1 .. 3) {
    ok($redis->has_changed(20), "there is load before kill $kill");
    $redis->stop('KILL');
    sleep 0.1;
    $redis->start;
}
ok($redis->has_changed(20), 'and after the last');
my @notes = $load->stop;
$redis->stop('KILL')->start;

my %status;
$status{ $_->{status} }++ for @notes;
note 'answers: ' . join ', ', map { "$_: $status{$_}" } sort keys %status;
cmp_ok($status{201} || 0, '>', 20, 'batches were made');
is_deeply([grep { !/^(?:0|201|409|503)$/ } keys %status], [],
          'and nothing but a clear refusal beside them');

my (@half, @lost);
my %there;
$there{$_}++ for map { /:n:(k\d+-\d+)-\d+$/ ? $1 : () }
    @{ $redis->ask('KEYS', 'wsp:{*}:k:n:k*') };
push @half, "$_: $there{$_}" for grep { $there{$_} != 5 } sort keys %there;
push @lost, $_->{name}
    for grep { $_->{status} == 201 && !$there{ $_->{name} } } @notes;
is(join("\n", @half), '', 'each batch is there as a whole, or not at all');
is(join("\n", @lost), '', 'and each that was acknowledged is there');
is(join("\n", broken_invariants($redis)), '',
   'records, names, slugs and members agree');

$gateway->finish;
done_testing;
