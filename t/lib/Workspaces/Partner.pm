# A partner of a gateway, and the events that it is told of.
package Workspaces::Partner;

use strict;
use warnings;

use Carp qw(croak);
use Time::HiRes qw(sleep time);

use Workspaces::Process qw(until_true patience);

# What a gateway needs in its server block.
our $Locations = <<'END';
        location /operator { workspaces operator; }
        location /v1 {
            workspaces partner;
            workspaces_identity api_key user=$http_x_ats_user_id;
        }
END

# registered(gateway, redis, id, webhook URL)
sub registered {
    my ($class, $gateway, $redis, $id, $url) = @_;
    my $got = $gateway->ask(POST => '/partners', base => '/operator',
        json => { id => $id, name => $id, webhook_url => $url });
    croak "no partner: $got->{status} $got->{body}" if $got->{status} != 201;
    return bless { %{ $got->json }, gateway => $gateway, redis => $redis },
        $class;
}

# A workspace is made for a client: an event.  What was answered.
sub provision {
    my ($self, $client) = @_;
    return $self->_ask('/workspaces', {
        client_id => $client, name => "Of $client",
        admin_name => 'Ann', admin_email => 'ann@example.com' });
}

# A member more: the next event of that client.
sub add_member {
    my ($self, $client, $user) = @_;
    return $self->_ask("/workspaces/$client/members", {
        user_id => $user, name => $user, email => "$user\@example.com" });
}

sub _ask {
    my ($self, $path, $body) = @_;
    my $got = $self->{gateway}->ask(POST => $path, base => '/v1',
        headers => { 'X-API-Key' => $self->{api_key} }, json => $body);
    croak "$path: $got->{status} $got->{body}" if $got->{status} != 202;
    return $got;
}

# The deliveries in the store, the oldest first: hashes with their id.
sub deliveries {
    my ($self) = @_;
    my $redis = $self->{redis};
    my %found = map {
        m{^wsp:\{\w+\}:\Q$self->{id}\E:y:([^:]+)$}
            ? ($1 => { id => $1, @{ $redis->ask('HGETALL', $_) } }) : ()
    } @{ $redis->ask('KEYS', "wsp:{*}:$self->{id}:y:*") };
    return sort { $a->{created} <=> $b->{created} || $a->{id} cmp $b->{id} }
        values %found;
}

# Waits until the last of them is as the code wants it, and gives it back.
sub delivery {
    my ($self, $wanted, $seconds) = @_;
    my $last;
    until_true(($seconds || 10) * patience(), sub {
        $last = ($self->deliveries)[-1];
        return $last && $wanted->($last);
    });
    return $last || {};
}

sub is_delivered { return $_[0]->delivery(sub { $_[0]{state} eq 'delivered' }) }

# After a try that came to nothing.
sub has_failed {
    my ($self, $tries) = @_;
    return $self->delivery(sub { $_[0]{tries} >= ($tries || 1) });
}

# The lanes of this partner in the queue: {lane => due}
sub lanes {
    my ($self) = @_;
    my $redis = $self->{redis};
    my %lanes = map { @{ $redis->ask('ZRANGE', $_, 0, -1, 'WITHSCORES') } }
        @{ $redis->ask('KEYS', 'wsp:{*}::q:webhook') };
    return { map { m{^\Q$self->{id}\E/} ? ($_ => $lanes{$_}) : () }
             keys %lanes };
}

# Makes what was put off, by less than a lease, due now.
sub hurry { return $_[0]->_due_now(60_000) }

# The same whatever it waits for: a lease, or Retry-After.
sub force { return $_[0]->_due_now(1e9) }

sub _due_now {
    my ($self, $ms) = @_;
    my $redis = $self->{redis};
    for my $queue (@{ $redis->ask('KEYS', 'wsp:{*}::q:webhook') }) {
        my $due = $redis->ask('ZRANGEBYSCORE', $queue, '(0',
                              1000 * time + $ms);
        $redis->ask('ZADD', $queue, 'XX', 0, $_)
            for grep { m{^\Q$self->{id}\E/} } @$due;
    }
    return $self;
}

1;
