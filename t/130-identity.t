# Who is asking is found out anew for each request, also on a connection that
# others have used.

use strict;
use warnings;

use Test::More;

use Workspaces::Gateway;
use Workspaces::RedisServer;

my $redis = Workspaces::RedisServer->started;
my $gateway = Workspaces::Gateway->started(redis => $redis);
$gateway->ask_until(200, 5, GET => '', tenant => 'acme', user => 'ann');

# -- users and tenants change on a connection
my @people = map { my $t = $_; map { [$t, $_] } qw(ann bob cem) }
    qw(acme bolt);
my %id;
my $client = $gateway->client;
for my $who (@people) {
    my ($tenant, $user) = @$who;
    my $got = $client->ask(POST => '', tenant => $tenant, user => $user,
                           json => { name => "$tenant of $user" });
    is($got->{status}, 200, "$user of $tenant makes a workspace");
    $id{"$tenant $user"} = $got->json->{_id};
}
for my $who (@people) {
    my %who = (tenant => $who->[0], user => $who->[1]);
    my $got = $client->ask(GET => '', %who);
    is_deeply([map { $_->{name} } @{ $got->json }], ["$who->[0] of $who->[1]"],
              "$who->[1] of $who->[0] sees his own on the same connection");
    my @others = grep {
        $client->ask(GET => '/' . $id{"$_->[0] $_->[1]"}, %who)->{status}
            != ($id{"$_->[0] $_->[1]"} eq $id{"$who->[0] $who->[1]"}
                && $_->[0] eq $who->[0] ? 200 : 404)
    } grep { $_->[0] eq $who->[0] } @people;
    is(scalar @others, 0, 'and none of the others');
}

# -- nobody, after somebody
is($client->ask(GET => '', tenant => 'acme', user => 'ann')->{status}, 200,
   'somebody');
is($client->ask(GET => '')->{status}, 401, 'then nobody: 401');
is($client->ask(GET => '', tenant => 'acme')->{status}, 401,
   'a tenant without a user: 401');
is($client->ask(GET => '', user => 'ann')->{status}, 401,
   'a user without a tenant: 401');
is($client->ask(GET => '', tenant => '', user => 'ann')->{status}, 401,
   'an empty tenant: 401');
is($client->ask(GET => '/all', tenant => 'acme', user => 'ann', admin => 1)
          ->{status}, 200, 'an admin');
is($client->ask(GET => '/all', tenant => 'acme', user => 'ann')->{status},
   403, 'then the same user, no admin: 403');

# -- pipelined
{
    my $pipe = $gateway->client;
    my @order = map { $people[$_ % @people] } 0 .. 59;
    $pipe->write(join '', map {
        Workspaces::Client::request_text(GET => '', tenant => $_->[0],
                                         user => $_->[1])
    } @order);
    my @wrong = grep {
        my $got = $pipe->answer;
        my $name = eval { $got->json->[0]{name} } // '';
        $name ne "$_->[0] of $_->[1]";
    } @order;
    is(scalar @wrong, 0, 'pipelined requests: each gets what is his');
}

# -- names that look alike, or like something else, are themselves
{
    my @names = ('ann', 'Ann', 'ANN', "a\xc3\xb1n", "an\xcc\x83n",
                 'a:n', 'a{n}', '{ann}', 'a%6en', 'ann:w', 'u:ann', 'a/n',
                 '...', '*', 'a' x 255);
    for my $name (@names) {
        my $got = $client->ask(POST => '', tenant => $name, user => $name,
                               json => { name => 'mine' });
        is($got->{status}, 200, 'a name as it is: ' . substr $name, 0, 9)
            or diag $got->{body};
        $got = $client->ask(GET => '', tenant => $name, user => $name);
        is(scalar @{ $got->json }, 1, 'and has its own only');
    }
    is($client->ask(GET => '', tenant => 'acme', user => 'a' x 256)->{status},
       401, 'a name of 256 bytes is nobody');
    is($client->ask(GET => '', tenant => 'acme', user => "a\x01b")->{status},
       401, 'a name with a control character is nobody');
    is($client->ask(GET => '', tenant => 'acme', user => "a\xffb")->{status},
       401, 'a name that is no UTF-8 is nobody');
}

$gateway->finish;
$redis->stop('KILL');
done_testing;
