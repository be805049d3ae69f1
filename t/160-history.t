# A history of grants, revocations and requests over several workers, at
# random, while what tells them of changes is killed, frozen or late, or what
# they read comes after it, and while Redis stands still.  No request that
# began later than the bound after an acknowledged change is answered as if it
# had not been.  (How soon it is when nothing is wrong: 161.)
#
#   WORKSPACES_TEST_SEED      of the random events, for doing one again
#   WORKSPACES_TEST_HISTORY   seconds, default 12

use strict;
use warnings;

use IO::Select;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use Workspaces::Gateway;
use Workspaces::Process qw(patience);
use Workspaces::RedisServer;
use Workspaces::Relay;

my $seed = $ENV{WORKSPACES_TEST_SEED} || int(time) % 1_000_000;
my $seconds = $ENV{WORKSPACES_TEST_HISTORY} || 12;
srand $seed;
note "WORKSPACES_TEST_SEED=$seed";

my $max_stale = 0.4;
my $slack = 0.25 * patience();      # scheduling, the clocks of the workers
my $users = 60;
my $workers = 3;

my $redis = Workspaces::RedisServer->started;
my $relay = Workspaces::Relay->started(redis => $redis);
# The timeout is longer than the bound: a link that is silent is still there
# when what it has told must not be used any more.
my $gateway = Workspaces::Gateway->started(redis => $relay,
    workers => $workers, options => 'timeout=1500ms connect_timeout=700ms',
    http => 'workspaces_cache 1m max_stale=400ms;', server => <<'END');
        workspaces_identity trusted tenant=$http_x_tenant user=$http_x_user;
        location = /app {
            workspaces_access on;
            empty_gif;
        }
END
$gateway->ask_until(200, 5, GET => '', tenant => 't', user => 'ann');
my @ann = (tenant => 't', user => 'ann');
my $ann = $gateway->client;
is(join(' ', map { $ann->ask(POST => '', json => { name => "W$_" },
                             @ann)->{status} } 1 .. $users),
   join(' ', (200) x $users), 'each user has a workspace to get into');

# Where the members are.  Touching one changes nothing, but nobody knows that:
# those who are asked for are read again, beside the changes.
my @members = @{ $redis->ask('KEYS', 'wsp:{*}:t:w:*:m') };
is(scalar @members, $users, 'and members');
sub touch { $redis->ask('PEXPIRE', $_[0], 3_600_000); return }

sub now { return clock_gettime(CLOCK_MONOTONIC) }

# -- who is a member, as far as answers have said: for each user the changes,
#    [since, granted], with `since` when it was acknowledged.  `busy`: one is
#    under way, and nothing is certain.  Who has had a change without a clear
#    answer is left alone, and another takes his place.

my ($named, @user) = 0;
sub new_user {
    my ($workspace) = @_;
    return { name => 'u' . ++$named, workspace => $workspace, granted => 0,
             since => now(), until => now(), busy => undef };
}

# Some changes follow at once, most let the answers of a while be judged.
sub changed {
    my ($user, $granted) = @_;
    $user->{since} = now();
    $user->{until} = now() + (rand() < 0.3 ? rand 0.1 : rand 3);
    $user->{granted} = $granted;
    $user->{busy} = undef;
    return;
}
@user = map { new_user($_) } 1 .. $users;

# -- what is wrong, and when: [from, to, what]

my (@faults, %did);
my $fault;
my $next_fault = now() + 1;
my $calm_since = now();

sub begin_fault {
    my ($what) = @_;
    my $lasts = 0;
    if ($what eq 'kill') {
        $redis->ask(qw(CLIENT KILL TYPE pubsub));
    } elsif ($what eq 'cut') {
        $redis->ask(qw(CLIENT KILL TYPE normal SKIPME yes));
    } elsif ($what eq 'freeze') {
        $relay->set(frozen => 1);
        $lasts = 0.2 + rand 2;
    } elsif ($what eq 'late') {
        $relay->set(delay => 0.01 + rand 0.3);
        $lasts = 0.2 + rand 1;
    } elsif ($what eq 'behind') {
        $relay->set(behind => 0.005 + rand 0.1);
        $lasts = 0.5 + rand 1;
    } else {
        $redis->freeze;
        $lasts = 0.1 + rand 2;
    }
    $did{$what}++;
    $fault = { from => now(), what => $what, until => now() + $lasts };
    return;
}

sub end_fault {
    my $what = $fault->{what};
    $fault->{to} = now();
    $relay->set(frozen => 0) if $what eq 'freeze';
    $relay->set(delay => 0)  if $what eq 'late';
    $relay->set(behind => 0) if $what eq 'behind';
    $redis->thaw             if $what eq 'pause';
    push @faults, $fault;
    $fault = undef;
    $calm_since = now();
    return;
}

# Long enough for links to come back, and be heard.
sub is_calm { return !$fault && now() - $calm_since > 2 * patience() }

# -- the connections: an idle one sends something at random

my (%count, @wrong);
my @connections = map { { changes => $_ <= 4 } } 1 .. 16;

sub send_one {
    my ($c) = @_;
    $c->{client} //= $gateway->client;
    my $user = $c->{user} = $user[rand @user];
    if ($c->{changes}) {
        return if $user->{busy} || now() < $user->{until}
            || now() < ($c->{not_before} // 0);
        $c->{grants} = !$user->{granted};
        $user->{busy} = now();
        $c->{client}->send($c->{grants}
            ? (POST => "/$user->{workspace}/members", @ann,
               json => { userId => $user->{name}, roles => ['viewer'] })
            : (DELETE => "/$user->{workspace}/members/$user->{name}", @ann));
    } else {
        # what is certain at the beginning
        @{$c}{qw(granted since busy)} = @{$user}{qw(granted since busy)};
        $c->{began} = now();
        $c->{calm} = is_calm();
        $c->{client}->write("GET /app HTTP/1.1\r\nHost: g\r\nX-Tenant: t\r\n"
            . "X-User: $user->{name}\r\n"
            . "X-Workspace-ID: $user->{workspace}\r\n\r\n");
    }
    $c->{out} = 1;
    return;
}

sub take_one {
    my ($c) = @_;
    my $got = $c->{client}->answer;
    my $status = $got->{status};
    $c->{out} = 0;
    $c->{client} = undef
        if !$status || ($got->{headers}{connection} // '') eq 'close';
    if ($c->{changes}) {
        my $user = $c->{user};
        if ($status == 200) {
            changed($user, $c->{grants});
            $count{ $c->{grants} ? 'grants' : 'revocations' }++;
        } else {
            push @wrong, "a change was answered $status $got->{body}"
                if $status && $status != 503;
            $count{"changes $status"}++;
            $c->{not_before} = now() + rand 0.1;
            @user = map { $_ == $user ? new_user($_->{workspace}) : $_ }
                @user;
        }
        return;
    }
    $count{$status}++;
    judge($c, $status);
    return;
}

sub judge {
    my ($c, $status) = @_;
    my $user = $c->{user};
    my $about = sprintf '%s, %.3f s after it was %s, %s', $user->{name},
        $c->{began} - $c->{since}, $c->{granted} ? 'granted' : 'revoked',
        $fault ? "with $fault->{what}" : 'with nothing wrong';
    push @wrong, "$about: $status"
        if $status && $status !~ /^(?:200|404|503)$/;
    push @wrong, "$about: $status in a calm" if $c->{calm} && is_calm()
        && $status == 503;

    # Redis stands still, for longer than what is known may be used
    push @wrong, "$about: $status, and Redis was not asked"
        if $fault && $fault->{what} eq 'pause' && $status != 503
            && $c->{began} > $fault->{from} + $max_stale + $slack;

    # nothing was certain, or it has changed meanwhile
    return if $c->{busy} || $user->{busy} || $user->{since} != $c->{since};
    my $bound = $max_stale + $slack;
    my $stale = $status == ($c->{granted} ? 404 : 200);
    if ($c->{began} <= $c->{since} + $bound) {
        $count{'stale within the bound'}++ if $stale;
        return;
    }
    $count{judged}++;
    push @wrong, "$about: $status" if $stale;
    return;
}

# -- the history

my $end = now() + $seconds;
while (now() < $end || $fault || grep { $_->{out} } @connections) {
    my $on = now() < $end;
    if ($fault) {
        end_fault() if now() >= $fault->{until};
        $next_fault = now() + (rand() < 0.2 ? 3 * patience() : rand 0.3);
    } elsif ($on && now() >= $next_fault) {
        begin_fault((qw(kill cut freeze freeze late behind behind pause))
                    [rand 8]);
    }
    if ($fault && $fault->{what} eq 'behind') {
        touch($members[rand @members]) for 1 .. $users / 10;
    }
    if ($on) {
        send_one($_) for grep { !$_->{out} && rand() < 0.5 } @connections;
    }
    my @out = grep { $_->{out} } @connections;
    my %of = map { ($_->{client}{socket} => $_) }
        grep { $_->{client}{socket} } @out;
    take_one($_) for grep { !$_->{client}{socket} } @out;
    take_one($of{$_})
        for IO::Select->new(map { $_->{client}{socket} } values %of)
                      ->can_read(0.005);
}

note join ', ', map { "$_: $did{$_}" } sort keys %did;
note join ', ', map { "$_: $count{$_}" } sort keys %count;
cmp_ok($count{$_} // 0, '>', 10, "there were $_")
    for qw(grants revocations judged 200 404);
is(join("\n", @wrong[0 .. ($#wrong < 20 ? $#wrong : 20)]), '',
   'each answer was true, or had been within the bound')
    or diag "WORKSPACES_TEST_SEED=$seed, wrong: " . @wrong;
is($gateway->ask_until(404, 10, GET => '/9999', @ann)->{status}, 404,
   'when it is over, it is served');

$gateway->finish;
$relay->stop;
$redis->stop('KILL');
done_testing;
