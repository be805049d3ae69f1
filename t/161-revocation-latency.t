# How long after an acknowledged revocation every worker refuses: what is
# pushed is there in no time.  The bound for when nothing is pushed is far
# away here.
#
#   WORKSPACES_TEST_REVOCATIONS   how many, default 150

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use Workspaces::Gateway;
use Workspaces::Process qw(patience until_true);
use Workspaces::RedisServer;

my $rounds = $ENV{WORKSPACES_TEST_REVOCATIONS} || 150;
my $workers = 4;

my $redis = Workspaces::RedisServer->started;
my $gateway = Workspaces::Gateway->started(redis => $redis,
    workers => $workers,
    http => 'workspaces_cache 1m max_stale=60s;',
    server => <<'END');
        workspaces_identity trusted tenant=$http_x_tenant user=$http_x_user;
        location = /pid {
            return 200 $pid;
        }
        location = /app {
            workspaces_access on;
            empty_gif;
        }
END

# A connection to each worker.
my %on;
until_true(20 * patience(), sub {
    my $client = $gateway->client;
    $client->write("GET /pid HTTP/1.1\r\nHost: g\r\n\r\n");
    my $pid = $client->answer->{body};
    $on{$pid} //= $client;
    return keys %on == $workers;
}) or BAIL_OUT('not every worker can be reached');

sub may {
    my ($client, $user) = @_;
    $client->write("GET /app HTTP/1.1\r\nHost: g\r\nX-Tenant: t\r\n"
        . "X-User: $user\r\nX-Workspace-ID: 1\r\n\r\n");
    return $client->answer->{status};
}

my $ann = $gateway->client;
$gateway->ask_until(200, 5, GET => '', tenant => 't', user => 'ann');
my @ann = (tenant => 't', user => 'ann');
is($ann->ask(POST => '', json => { name => 'W' }, @ann)->{status}, 200,
   'there is a workspace');

my (@late, @odd);
for my $round (1 .. $rounds) {
    my $user = "u$round";
    my $got = $ann->ask(POST => '/1/members', @ann,
                        json => { userId => $user, roles => ['viewer'] });
    push @odd, "$user: granted $got->{status}" if $got->{status} != 200;
    for my $client (values %on, values %on) {
        my $in = until_true(5 * patience(),
                            sub { may($client, $user) == 200 });
        push @odd, "$user does not get in" unless $in;
    }
    $got = $ann->ask(DELETE => "/1/members/$user", @ann);
    my $acknowledged = time;
    push @odd, "$user: revoked $got->{status}" if $got->{status} != 200;
    for my $client (values %on) {
        my $status;
        until_true(5 * patience(), sub {
            $status = may($client, $user);
            return $status == 404;
        });
        push @odd, "$user: still $status" if $status != 404;
        push @late, time - $acknowledged;
    }
}
is(join("\n", @odd), '', 'who is granted gets in, who is revoked does not');

my @sorted = sort { $a <=> $b } @late;
my ($middle, $p99, $most) =
    map { 1000 * $sorted[$_ * $#sorted] } 0.5, 0.99, 1;
diag sprintf 'acknowledged to refused on every worker, ms: '
    . 'p50 %.2f, p99 %.2f, max %.2f of %d',
    $middle, $p99, $most, scalar @sorted;
# where others are at work, too; without what is pushed it were a minute
cmp_ok($middle, '<', 1000, 'it is refused in no time');
cmp_ok($most, '<', 15000, '... and never late');

$gateway->finish;
$redis->stop;
done_testing;
