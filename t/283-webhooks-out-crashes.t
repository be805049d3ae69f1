# Webhooks to partners, while workers and Redis are killed, reloaded and told to
# quit: no event is lost, and one that comes twice has the same id.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use Workspaces::Gateway;
use Workspaces::NameServer;
use Workspaces::Partner;
use Workspaces::Process qw(is_running patience until_true);
use Workspaces::RedisServer;
use Workspaces::WebhookServer;

my $names = Workspaces::NameServer->started(
    'hook.test' => '127.0.0.1',
    'slow.test' => 'silent',
);
my $receiver = Workspaces::WebhookServer->started(
    tls => 'DNS:hook.test,DNS:slow.test');
my $redis = Workspaces::RedisServer->started(append => 1);
my $gateway = Workspaces::Gateway->started(redis => $redis,
    server => $Workspaces::Partner::Locations, http => <<"END");
    resolver @{[$names->address]} ipv6=off;
    workspaces_webhooks allow_private retry=0s,1h,1h,1h,1h,1h
        trusted_certificate=@{[$receiver->authority]};
END

sub partner {
    my ($id, $mode, $host) = @_;
    $receiver->mode("/$id" => $mode);
    return Workspaces::Partner->registered($gateway, $redis, $id,
        'https://' . ($host // 'hook.test') . ':' . $receiver->port . "/$id");
}

sub kill_worker {
    my ($old) = $gateway->workers;
    kill 'KILL', $old or die "kill: $!";
    return $old;
}

# A new worker serves in place of that one.
sub has_recovered {
    my ($old) = @_;
    return until_true(10 * patience(), sub {
        my ($now) = $gateway->workers;
        return $now && $now != $old
            && $gateway->ask(GET => '/alive', base => '')->{status} == 200;
    });
}

# Has an event whose answer is held, and does with it what must be done within
# the five seconds that it has; where the machine was too slow for that, once
# more, with another partner.  The one it came about with.
sub in_time {
    my ($id, $code) = @_;
    for my $n (1 .. 5) {
        my $partner = partner("$id$n", 'hold');
        my $path = "/$partner->{id}";
        $partner->provision('c');
        $receiver->has_seen("request $path") or next;
        return $partner if $code->($path);
        $receiver->mode($path => '200');
    }
    return;
}

# All that came for a path is one event, so many times at least.
sub is_one_event {
    my ($partner, $times, $what) = @_;
    my @got = $receiver->requests("/$partner->{id}");
    my %ids = map { $_->{json}{event_id} => 1 } @got;
    cmp_ok(scalar @got, '>=', $times, "$what: it arrives");
    return is(scalar(keys %ids), 1, 'under one event id, however often');
}

# What a killed worker had in hand is another's when its lease is over.
sub comes_again {
    my ($partner, $times, $what) = @_;
    my ($due) = values %{ $partner->lanes };
    cmp_ok($due, '>', 1000 * time, "$what: the lease still stands");
    $partner->force;
    is($partner->is_delivered->{state}, 'delivered',
       'another worker delivers it');
    return is_one_event($partner, $times, $what);
}

# -- a worker is killed ...

{
    my $partner = partner('lookup', '200', 'slow.test');
    $partner->provision('c');
    ok(until_true(10 * patience(), sub { $names->asked('slow.test') }),
       'the name is being looked up');
    my $old = kill_worker();
    $names->names('slow.test' => '127.0.0.1');
    ok(has_recovered($old), 'a new worker serves');
    comes_again($partner, 1, 'killed before it connects');
}

{
    $receiver->mode(connect => 'hold');
    my $partner = partner('handshake', '200');
    my $seen = $receiver->seen('connect');
    $partner->provision('c');
    ok($receiver->has_seen('connect', $seen + 1), 'it is about to send');
    my $old = kill_worker();
    $receiver->mode(connect => 'accept');
    has_recovered($old);
    comes_again($partner, 1, 'killed while it sends');
}

{
    my $partner = partner('waits', 'hold');
    $partner->provision('c');
    ok($receiver->has_seen('request /waits'), 'it waits for the answer');
    my $old = kill_worker();
    $receiver->mode('/waits' => '200');
    has_recovered($old);
    comes_again($partner, 2, 'killed while it waits');
}

{
    my $partner = in_time('answered', sub {
        my ($path) = @_;
        $redis->freeze;
        $receiver->mode($path => '200');
        my $came = until_true(10 * patience(), sub {
            $receiver->seen("closed $path") || $receiver->seen("cut $path");
        });
        return 1 if $came && $receiver->seen("closed $path");
        $redis->thaw;
        return 0;
    }) or BAIL_OUT('no answer comes in time');
    # the end of the job is on its way to Redis: that goes, too
    my $old = kill_worker();
    $redis->stop('KILL');
    $redis->start;
    ok(has_recovered($old), 'a new worker serves');
    is($gateway->ask_until(200, 10, GET => '', tenant => 't',
                           user => 'u')->{status}, 200, 'with Redis');
    comes_again($partner, 2, 'killed before it could note the answer');
}

# -- Redis is killed

{
    my $partner = partner('durable', '500');
    $partner->provision("c$_") for 1 .. 5;
    ok($receiver->has_seen('request /durable'), 'events are under way');
    $redis->stop('KILL');
    $receiver->mode('/durable' => '200');
    $redis->start;
    is($gateway->ask_until(200, 10, GET => '', tenant => 't',
                           user => 'u')->{status}, 200, 'Redis is back');
    until_true(10 * patience(), sub {
        $partner->force;
        sleep 0.2;
        return 5 == grep { $_->{state} eq 'delivered' } $partner->deliveries;
    });
    is(scalar(grep { $_->{state} eq 'delivered' } $partner->deliveries), 5,
       'none of five is lost');
    my %clients;
    $clients{ $_->{json}{client_id} }{ $_->{json}{event_id} } = 1
        for $receiver->requests('/durable');
    is_deeply([map { scalar keys %$_ } values %clients], [(1) x 5],
              'each has one event id');
}

# -- a reload, with a delivery under way

{
    my $old;
    my $partner = in_time('reload', sub {
        my ($path) = @_;
        ($old) = $gateway->workers;
        $gateway->signal('HUP');
        until_true(10 * patience(), sub { $gateway->workers > 1 });
        $receiver->mode($path => '200');
        until_true(10 * patience(),
                   sub { !grep { $_ == $old } $gateway->workers });
        return $receiver->seen("closed $path");
    });
    ok($partner, 'a reload: the old worker waits for the answer, and goes');
    is($partner->is_delivered->{state}, 'delivered', 'it has noted it');
    is($receiver->seen("request /$partner->{id}"), 1, 'so it is sent once');
    is_deeply($partner->lanes, {}, 'and for good');
}

{
    my $partner = partner('never', 'hold');
    $partner->provision('c');
    ok($receiver->has_seen('request /never'), 'no answer comes');
    my $start = time;
    ok($gateway->reload, 'a reload does not wait for it');
    cmp_ok(time - $start, '<', 5 + 5 * patience(), 'for more than 5 s');
    is($partner->has_failed->{error}, 'no whole answer within 5 seconds',
       'the old worker has noted why');
    $receiver->mode('/never' => '200');
    $partner->force;
    is($partner->is_delivered->{state}, 'delivered', 'the new one delivers');
    is_one_event($partner, 2, 'not answered');
}

# -- several workers

$gateway->write_config(workers => 3);
$gateway->reload;
until_true(10 * patience(), sub { $gateway->workers == 3 });
{
    my $partner = partner('many', '200');
    my @clients = map { "c$_" } 1 .. 6;
    $partner->provision($_) for @clients;
    for my $user (qw(u1 u2 u3 u4)) {
        $partner->add_member($_, $user) for @clients;
    }
    ok(until_true(20 * patience(), sub {
        30 == grep { $_->{state} eq 'delivered' } $partner->deliveries;
    }), 'three workers deliver thirty events');
    my (%times, %order);
    for my $event (map { $_->{json} } $receiver->requests('/many')) {
        $times{ $event->{event_id} }++;
        push @{ $order{ $event->{client_id} } },
            $event->{data}{user_id} // 'provisioned';
    }
    is(scalar(keys %times), 30, 'each of them');
    is(scalar(grep { $_ > 1 } values %times), 0, 'once');
    is_deeply(\%order,
        { map { $_ => [qw(provisioned u1 u2 u3 u4)] } @clients },
        'those of a workspace in their order');
    is_deeply($partner->lanes, {}, 'and nothing is left');
}

# -- told to quit

{
    my $partner = in_time('quit', sub {
        my ($path) = @_;
        $gateway->signal('QUIT');
        until_true(10 * patience(), sub { !$gateway->client->{socket} });
        $receiver->mode($path => '200');
        until_true(10 * patience(), sub { !is_running($gateway->pid) });
        return 1 if $receiver->seen("closed $path");
        $gateway->start;
        return 0;
    });
    ok($partner, 'nginx is told to quit: it waits for the answer');
    $gateway->finish(expected => qr/exited on signal 9/);
    is(($partner->deliveries)[-1]{state}, 'delivered', 'and has noted it');
    is($receiver->seen("request /$partner->{id}"), 1, 'it was sent once');
}

$_->stop for $redis, $receiver, $names;

done_testing;
