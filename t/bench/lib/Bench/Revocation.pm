package Bench::Revocation;

# Revocation: how long somebody still gets in whose membership was taken.
#
#   (b) the module in the access phase, with its cache
#   (c) the module, asking Redis each time: what the measuring itself takes
#   (f) access_by_lua with decisions kept for a second (lua-resty-lrucache)
#
# The gateways are those of the access scenario (Gateway.pm), with two workers
# each, both on the server's CPU.  Memberships are given and taken through the
# module's API in another nginx, so that both workers must learn of it; a worker
# that makes the change itself knows at once.
#
# One revocation: a user who never was a member is made one, and asks each
# worker, over one kept connection to each, until it passes and is in the
# caches.  Then it is removed; when the API has acknowledged that, the user asks
# again without a pause, both workers at a time, until both refuse.  Counted
# from the acknowledgement:
#
#   refused   until the answer of the last worker's first refusal was there.
#             The truth is not later: this includes the probe's own round trip,
#             in which the request waits for its turn under load.
#   let_in    when the last request that still passed was sent; 0 if none did.
#             The truth is not earlier.
#
# After it each worker is asked once more; a user who is then let in again is
# counted and reported.
#
# For (f) the time depends on how old the entry is, so a batch of users is made
# members over the course of a second, one after another, and removed together;
# that spreads their ages evenly.  Its figures are as coarse as the time that
# it takes to ask for the whole batch.
#
# Before that, idle, Redis is asked whether it was read from: (b) and (f) must
# have answered from what they keep, (c) must not.
#
# Each is measured idle, and with wrk asking both workers for another member
# of the same workspace as fast as they answer: the worst case, in which a probe
# waits behind all the others and its worker for the other one's time slice, for
# they share a CPU.  Compare with "probe ms", what any request took then.  A part
# that takes too long is ended with fewer revocations.

use strict;
use warnings;

use Time::HiRes qw(sleep clock_gettime CLOCK_MONOTONIC);

use Bench::Api;
use Bench::Gateway;
use Bench::Http;
use Bench::Load;
use Bench::Report;

my $CACHE            = '16m';
my $PATH             = '/v1/items?page=2';
my $WORKERS          = 2;
my $LIMIT_SECONDS    = 20;      # for a part: one gateway, idle or under load
my $PATIENCE_SECONDS = 10;      # for a change to show: then something is broken
my $SETTLE_SECONDS   = 0.02;    # for invalidations of the grant to be heard
my $PROOFS           = 20;      # probes that show whether it keeps anything
my $MOST_CONTROLS    = 100;     # revocations with (c)
my $MOST_TIMED       = 60;      # and with (f), where each takes up to a second
my $BATCH            = 12;      # of (f)

my $users = 0;

sub title {
    return 'revocation: from the acknowledged removal of a member until every '
        . 'worker refuses';
}

sub measure {
    my ($room, $option) = @_;

    $room->start_redis;
    # away from the server's CPU, so that it can acknowledge at once
    my $api = Bench::Api::start($room, $option->{module}, 'api',
        place => 'service');
    my ($workspace, $partition, $id) = Bench::Api::seed($room, $api->{port});
    my $backend = Bench::Gateway::start_backend($room);

    my %with = (
        workers => $WORKERS,
        extra   => 'add_header X-Worker $pid always;',
    );
    my $wanted = $option->{revocations};
    my @peers  = (
        {
            key    => 'b',
            name   => 'ngx_workspaces, cache',
            server => Bench::Gateway::start_module($room, $backend, 'cached',
                $option->{module}, $CACHE, %with),
            keeps  => 1,
            batch  => 1,
            wanted => $wanted,
        },
        {
            key    => 'c',
            name   => 'ngx_workspaces, Redis',
            server => Bench::Gateway::start_module($room, $backend,
                'uncached', $option->{module}, 'off', %with),
            keeps  => 0,
            batch  => 1,
            wanted => lesser($wanted, $MOST_CONTROLS),
        },
        {
            key    => 'f',
            name   => 'access_by_lua, lrucache 1 s',
            server => Bench::Gateway::start_lua($room, $backend, 'lrucache',
                $partition, 'decide_with_cache', %with),
            keeps  => 1,
            batch  => $BATCH,
            wanted => lesser($wanted, $MOST_TIMED),
        },
    );

    $room->move_to('load');
    my $scene = { api => $api->{port}, workspace => $workspace, id => $id };
    my @rows;
    for my $peer (@peers) {
        for my $loaded (0, 1) {
            print STDERR "bench: revoking with ($peer->{key}) $peer->{name}, ",
                $loaded ? "under load\n" : "idle\n";
            push @rows, part($room, $option, $scene, $peer, $loaded);
        }
    }

    return {
        scenario  => 'revocation',
        title     => title(),
        workers   => $WORKERS,
        placement => $room->placement,
        rows      => \@rows,
    };
}

sub lesser { return $_[0] < $_[1] ? $_[0] : $_[1] }
sub now    { return clock_gettime(CLOCK_MONOTONIC) }

sub headers {
    my ($scene, $user) = @_;
    return { 'X-Tenant' => 'acme', 'X-User' => $user,
        'X-Workspace-ID' => $scene->{id} };
}

# One line of the table.
sub part {
    my ($room, $option, $scene, $peer, $loaded) = @_;

    my @workers = reach_workers($scene, $peer->{server});
    my $load;
    if ($loaded) {
        my $target = { %{ $peer->{server} }, path => $PATH,
            headers => headers($scene, 'bob') };
        $load = Bench::Load::begin($room, $target, 3 * $LIMIT_SECONDS,
            $option->{connections});
        sleep 1;
    } else {
        prove($room, $scene, $peer, @workers);
    }

    my $until = now() + $LIMIT_SECONDS;
    my (@samples, @probes);
    while (@samples < $peer->{wanted} && now() < $until) {
        my $count = lesser($peer->{batch}, $peer->{wanted} - @samples);
        push @samples,
            revoke($scene, $peer, \@workers, \@probes, $count);
    }

    my %row = (
        key          => $peer->{key},
        name         => $peer->{name},
        wanted       => $peer->{wanted},
        revocations  => scalar @samples,
        probe_us     => Bench::Report::median(@probes),
        let_in_again => scalar(grep { $_->{again} } @samples),
        load         => $load ? Bench::Load::finish($room, $load) : undef,
    );
    for my $what (qw(refused let_in)) {
        my @all = map { $_->{$what} } @samples;
        $row{$what} = {
            p50_us => Bench::Report::percentile(50,  @all),
            p99_us => Bench::Report::percentile(99,  @all),
            max_us => Bench::Report::percentile(100, @all),
            all_us => \@all,
        };
    }
    return \%row;
}

# A connection to each worker.  They are told apart by X-Worker; which one gets
# a connection is the kernel's choice.
sub reach_workers {
    my ($scene, $server) = @_;

    my $bob   = headers($scene, 'bob');
    my $until = now() + $PATIENCE_SECONDS;
    my %found;
    while (keys %found < $WORKERS) {
        die "$server->{name}: not every worker lets a member in\n"
            if now() > $until;
        my $socket = Bench::Http::connection($server->{port});
        Bench::Http::ask($socket, 'GET', $PATH, $bob);
        my $answer = Bench::Http::answer($socket, "a request of a member");
        my $worker = $answer->{headers}{'x-worker'};
        # refused while the worker's link to Redis comes up
        if ($answer->{status} == 200 && defined $worker) {
            $found{$worker} //= $socket;
        } else {
            sleep 0.02;
        }
    }
    return map { $found{$_} } sort { $a <=> $b } keys %found;
}

# Dies unless who should keep something answers from it, and who should not
# reads from Redis each time.
sub prove {
    my ($room, $scene, $peer, @workers) = @_;

    my $headers = headers($scene, 'bob');
    my $before  = $room->redis_commands_of('hget');
    probe($headers, @workers) for 1 .. $PROOFS;
    my $reads   = $room->redis_commands_of('hget') - $before;
    my $answers = $PROOFS * @workers;

    die "($peer->{key}) $peer->{name} should have kept something, and asked "
        . "Redis $reads times for $answers answers\n"
        if $peer->{keeps} && $reads >= $answers;
    die "($peer->{key}) $peer->{name} should have asked Redis each time, and "
        . "did so $reads times for $answers answers\n"
        if !$peer->{keeps} && $reads < $answers;
    return;
}

# Revokes `count` users and returns their samples, in microseconds.
sub revoke {
    my ($scene, $peer, $workers, $probes, $count) = @_;

    my @users = map { { name => 'user' . ++$users } } 1 .. $count;
    my $start = now();
    for my $i (0 .. $#users) {
        my $user = $users[$i];
        $user->{headers} = headers($scene, $user->{name});
        Bench::Api::grant($scene->{api}, $scene->{workspace}, $user->{name});
        await_entry($peer, $workers, $user, $probes);
        my $early = $start + ($i + 1) / $count - now();
        sleep $early if $peer->{batch} > 1 && $early > 0;
    }
    for my $user (@users) {
        Bench::Api::revoke($scene->{api}, $scene->{workspace}, $user->{name});
        $user->{acknowledged} = now();
        $user->{let_in} = 0;
        $user->{open}   = [@$workers];
    }

    my $until   = now() + $PATIENCE_SECONDS;
    my @waiting = @users;
    while (@waiting) {
        for my $user (@waiting) {
            my @probed = probe($user->{headers}, @{ $user->{open} });
            $user->{open} = [];
            for my $probed (@probed) {
                if ($probed->{passed}) {
                    push @{ $user->{open} }, $probed->{worker};
                    $user->{let_in} = $probed->{sent} - $user->{acknowledged};
                } else {
                    $user->{refused} =
                        $probed->{answered} - $user->{acknowledged};
                }
            }
        }
        @waiting = grep { @{ $_->{open} } } @waiting;
        die "($peer->{key}) $peer->{name} still lets somebody in "
            . "$PATIENCE_SECONDS s after the membership was taken\n"
            if @waiting && now() > $until;
    }

    return map {
        my $user  = $_;
        my @again = grep { $_->{passed} } probe($user->{headers}, @$workers);
        +{
            refused => 1e6 * $user->{refused},
            let_in  => 1e6 * $user->{let_in},
            again   => scalar @again,
        };
    } @users;
}

# Asks until every worker lets the user in and has had the time to keep what
# that rests on: a reply that an invalidation has overtaken is not kept, so
# the first one may not be.
sub await_entry {
    my ($peer, $workers, $user, $probes) = @_;

    my $until = now() + $PATIENCE_SECONDS;
    while (grep { !$_->{passed} } probe($user->{headers}, @$workers)) {
        die "($peer->{key}) $peer->{name} does not let a new member in\n"
            if now() > $until;
    }
    sleep $SETTLE_SECONDS if $peer->{batch} == 1;
    for (1 .. 2) {
        my @probed = probe($user->{headers}, @$workers);
        push @$probes, map { 1e6 * ($_->{answered} - $_->{sent}) } @probed;
    }
    return;
}

# One request to each of the workers at a time.
sub probe {
    my ($headers, @workers) = @_;

    my @probed;
    for my $worker (@workers) {
        push @probed, { worker => $worker, sent => now() };
        Bench::Http::ask($worker, 'GET', $PATH, $headers);
    }
    for my $probed (@probed) {
        my $status =
            Bench::Http::answer($probed->{worker}, 'a probe')->{status};
        $probed->{answered} = now();
        die "a probe was answered with $status\n"
            if $status != 200 && $status != 404;
        $probed->{passed} = $status == 200;
    }
    return @probed;
}

1;
