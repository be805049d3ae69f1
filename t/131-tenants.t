# Two tenants at work at once, with the same users and the same numbers of
# workspaces, never see each other; and what is hidden looks and costs like
# what is not there.

use strict;
use warnings;

use Test::More;

use Workspaces::Gateway;
use Workspaces::Invariants qw(broken_invariants);
use Workspaces::Load;
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisServer;

my $redis = Workspaces::RedisServer->started;
my $gateway = Workspaces::Gateway->started(redis => $redis, workers => 2);
$gateway->ask_until(200, 5, GET => '', tenant => 'x', user => 'ann');

# -- all that a tenant writes has its name in it, and no answer to it may
# have the other's
my @tenants = qw(north south);

sub work {
    my ($number, $note, $on) = @_;
    my $tenant = $tenants[$number % 2];
    my $other = $tenants[1 - $number % 2];
    my $client = $gateway->client;
    my (%count, @odd);
    my $n = 0;
    while ($on->()) {
        my $user = (qw(ann bob cem))[rand 3];
        my %who = (tenant => $tenant, user => $user, admin => rand() < 0.5);
        my $id = 1 + int rand 30;
        my $mine = "$tenant-$number-" . ++$n;
        my @request = (
            [POST => '', json => { name => $mine, labels => [$tenant],
                                   logo => "https://$tenant/$n" }],
            [GET => ''], [GET => "/$id"], [GET => "/$id/members"],
            [GET => '/all'], [GET => '/all?q=th'],
            [GET => "/all?labels=$other"], [GET => "/all?name=$other"],
            [GET => '/all?select=name,members,invites&members.user=bob'],
            [PUT => "/$id", json => { name => $mine, invites => [
                { email => "a\@$tenant.example" }] }],
            [POST => "/$id/activate", json => {}],
            [POST => "/$id/members", json => { userId => "dora-$tenant",
                                               roles => [$tenant] }],
            [DELETE => "/$id/members/dora-$tenant"],
            [POST => "/$id/encrypted", json => { of => $tenant }],
            [GET => "/$id/encrypted"],
            [DELETE => "/$id"],
        )[int rand 16];
        next if $request[0][0] eq 'DELETE' && rand() < 0.5;
        my $got = $client->ask(@{ $request[0] }, %who);
        $count{ $got->{status} }++;
        push @odd, "$tenant: @{$request[0]}[0, 1]: $got->{status} "
            . ($got->{why} // '') . $got->{body}
            if $got->{body} =~ /$other/
            || $got->{status} !~ /^(?:200|400|403|404|409)$/;
        $client = $gateway->client if !$got->{status};
    }
    $note->({ count => \%count, odd => [@odd[0 .. ($#odd < 9 ? $#odd : 9)]],
              tenant => $tenant });
    return;
}

my @notes = Workspaces::Load->start(clients => 8, seconds => 3,
                                    run => \&work)->wait;
my (%count, @odd);
for my $note (@notes) {
    $count{ $note->{tenant} }{$_} += $note->{count}{$_}
        for keys %{ $note->{count} };
    push @odd, @{ $note->{odd} };
}
is(join("\n", @odd), '', 'no answer holds what is of the other tenant');
for my $tenant (@tenants) {
    my %of = %{ $count{$tenant} };
    note "$tenant: ", join ', ', map { "$_: $of{$_}" } sort keys %of;
    cmp_ok($of{200} // 0, '>', 20, "$tenant had answers");
}
is(join("\n", broken_invariants($redis)), '',
   'records, members and indexes of both agree');
my @mixed = grep {
    my $key = $_;
    my ($own) = $key =~ /:(north|south):/;
    my $other = { north => 'south', south => 'north' }->{ $own // '' };
    $own && grep { /$other/ } $key =~ /:w:\d+(?::[mi])?$/
        ? @{ $redis->ask('HGETALL', $key) } : $key;
} @{ $redis->ask('KEYS', 'wsp:{*') };
is("@mixed", '', 'no key of one holds what is of the other');

$gateway->finish;

# -- what is hidden: the same answer for the same commands, whatever the worker
# has read before
$gateway = Workspaces::Gateway->started(redis => $redis,
    http => 'workspaces_cache 1m max_stale=60s;', server => <<'END');
        location = /status {
            workspaces_status;
        }
END
my $hears = qr/^workspaces_redis_links_up\{link="tracking"\} 1$/m;
ok(until_true(10 * patience(), sub {
    $gateway->client->write("GET /status HTTP/1.1\r\nHost: g\r\n\r\n")
            ->answer->{body} =~ $hears;
}), 'a worker alone, with a cache');
my %ann = (tenant => 'hide', user => 'ann');
my %eve = (tenant => 'hide', user => 'eve');
my $hidden = $gateway->ask(POST => '', %ann, json => { name => 'secret' })
    ->json->{_id};
for my $request ([GET => ''], [PUT => '', json => { name => 'x' }],
                 [DELETE => ''], [POST => '/activate', json => {}],
                 [GET => '/members'],
                 [POST => '/members', json => { userId => 'eve',
                                                roles => ['user'] }],
                 [PUT => '/members/ann', json => { roles => ['user'] }],
                 [DELETE => '/members/ann'],
                 [POST => '', json => {}])
{
    my ($method, $rest, @more) = @$request;
    my %seen;
    for my $id ($hidden, 999_999_999) {
        $redis->ask('CONFIG', 'RESETSTAT');
        my $got = $gateway->ask($method => "/$id$rest", %eve, @more);
        my $calls = $redis->calls;
        delete @{$calls}{'config|resetstat', 'info', 'ping'};
        my %headers = %{ $got->{headers} };
        delete @headers{qw(x-request-id date)};
        $seen{$id} = { status => $got->{status}, body => $got->{body},
                       headers => \%headers, calls => $calls };
    }
    is_deeply($seen{$hidden}, $seen{999_999_999},
              "$method /{hidden}$rest: like one that does not exist, in "
              . 'answer and commands') or diag explain \%seen;
}
is($gateway->ask(GET => "/$hidden", %ann)->json->{name}, 'secret',
   'and nothing has happened to it');

$gateway->finish;
$redis->stop('KILL');
done_testing;
