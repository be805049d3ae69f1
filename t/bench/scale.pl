#!/usr/bin/env perl

# scale.pl - what requests cost against the size of what they are about
# (`make bench-scale`); started by run.sh.
#
#   WORKSPACES="100 10000 1000000"   how many a tenant has
#   MEMBERS="10 1000 100000"         how many a workspace has
#   SAMPLES=200                      requests of each kind, 2 s at most
#
# One request at a time, over a connection that is kept, of one client: what is
# measured is what a request costs, not how many fit into a second.  For each
# kind and size: the median round trip, the CPU time of the worker and of
# Redis, how many commands Redis did, and its longest one, for that time it
# served nobody else.  A cost that may not grow is expected to be flat: where it
# is not, the line says so.  No figure makes this fail, but a wrong answer does.
#
# Redis is filled by a script that writes the keys itself.  First, with small
# numbers, what it leaves is compared with what the API leaves.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Getopt::Long qw(GetOptions);
use JSON::PP ();
use List::Util qw(max min);
use Time::HiRes qw(sleep time);

use Bench::Api;
use Bench::Gateway;
use Bench::Http;
use Bench::Report;
use Bench::Room;
use Bench::Store;

my $LIMIT_SECONDS = 2;      # for one kind of request at one size
my $TURNS         = 4;
my $WARM          = 3;
my $FLAT          = 1.6;    # so much more than the smallest is still flat
my $FLOOR_US      = 40;     # a difference below is none
my $FILL_AT_ONCE  = 20_000;
my $CACHED        = 20_000; # records whose memory is looked at
my $NOW           = int(time) . '000';

my %option = (
    workspaces => sizes('WORKSPACES', '100 10000 1000000'),
    members    => sizes('MEMBERS',    '10 1000 100000'),
    samples    => $ENV{SAMPLES} || 200,
);
GetOptions(\%option, 'module=s', 'lua=s', 'out=s', 'load=s') or exit 1;

$| = 1;
$SIG{$_} = sub { die "interrupted\n" } for qw(INT TERM HUP PIPE);
my $room = Bench::Room->new;
my ($store, %server);

my $done  = eval { run(); 1 };
my $error = $@;
$SIG{$_} = 'IGNORE' for qw(INT TERM HUP PIPE);
$room->tear_down;
if (!$done) {
    print STDERR "bench: $error";
    exit 1;
}
exit 0;


sub sizes {
    my ($name, $default) = @_;

    my @sizes = split ' ', $ENV{$name} || $default;
    for my $size (@sizes) {
        next if $size =~ /^[1-9]\d*$/;
        print STDERR "bench: $name must be whole numbers, not '$size'\n";
        exit 1;
    }
    return [sort { $a <=> $b } @sizes];
}

sub run {
    start();
    compare();
    my $results = {
        options => { map { $_ => $option{$_} } qw(workspaces members samples) },
        machine => Bench::Report::machine(),
        time    => Bench::Report::now(),
        tables  => [tenants(), members()],
        memory  => memory(),
    };
    $results->{memory}{workspace} = delete $option{per_workspace};
    $results->{memory}{member}    = delete $option{per_member};
    print_results($results);
    Bench::Report::write_file("$option{out}/scale.json", $results);
    print "\nAll is in $option{out}/scale.json\n";
    return;
}

sub start {
    $room->start_redis(appendonly => 'no');
    $store = Bench::Store->new($room->{redis}{socket});
    my $identity = 'workspaces_identity trusted tenant=$http_x_tenant '
        . 'user=$http_x_user admin=$http_x_admin name=$http_x_name '
        . 'email=$http_x_email;';
    my $backend = Bench::Gateway::start_backend($room);
    for my $kind (['cached', '64m'], ['direct', 'off']) {
        my ($name, $cache) = @$kind;
        $server{$name} = $room->start_nginx($name,
            modules => [$option{module}],
            http    => <<"END",
    workspaces_redis unix:$room->{redis}{socket} timeout=30s;
    workspaces_cache $cache;
    upstream backend {
        server 127.0.0.1:$backend->{port};
        keepalive 16;
    }
END
            locations => <<"END");
        location / {
            $identity
            workspaces_access on;
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
        location /api/workspaces { workspaces platform; $identity }
        location /organization { workspaces organization; $identity }
        location /location { workspaces location; $identity }
END
    }
    connect_again();
    for my $server (values %server) {
        $room->wait_for($server->{pid}, $server->{name}, sub {
            ask($server, 'acme', GET => '/api/workspaces')->{status} == 200;
        });
    }
    return;
}

# nginx has closed what was idle while Redis was filled.
sub connect_again {
    $_->{connection} = Bench::Http::connection($_->{port}) for values %server;
    return;
}

sub ask {
    my ($server, $tenant, $method, $path, %with) = @_;

    my %headers = ('X-Tenant' => $tenant, 'X-User' => $with{user} // 'alice',
        %{ $with{headers} // {} });
    $headers{'X-Admin'} = 'on' if $with{admin};
    Bench::Http::ask($server->{connection}, $method, $path, \%headers,
        $with{body});
    return Bench::Http::answer($server->{connection}, "$method $path");
}

sub fill_workspaces {
    my ($tenant, $count) = @_;

    for (my $first = 1; $first <= $count; $first += $FILL_AT_ONCE) {
        $store->script('fill', $store->prefix($tenant), 'workspaces', $first,
            min($first + $FILL_AT_ONCE - 1, $count), $NOW);
    }
    return;
}

sub fill_members {
    my ($tenant, $id, $count) = @_;
    $store->script('fill', $store->prefix($tenant), 'members', $id, $count,
        $NOW);
    return;
}

# Dies unless the script leaves what the API leaves.
sub compare {
    my ($workspaces, $members) = (23, 3);

    for my $number (1 .. $workspaces) {
        my $made = ask($server{direct}, 'made', POST => '/api/workspaces',
            user => 'owner-' . int(($number - 1) / 10),
            body => qq({"name":"Workspace $number","labels":["all","m)
                . $number % 100 . '"]}');
        die "creating answered $made->{status}: $made->{body}\n"
            if $made->{status} != 200;
    }
    for my $number (1 .. $members) {
        my $added = ask($server{direct}, 'made',
            POST => '/api/workspaces/7/members', user => 'owner-0',
            body => qq({"userId":"member-$number","roles":["user"]}));
        die "adding answered $added->{status}: $added->{body}\n"
            if $added->{status} != 200;
    }
    fill_workspaces('filled', $workspaces);
    fill_members('filled', 7, $members);

    my ($made, $filled) = map {
        my $all   = $store->script('dump', $store->prefix($_));
        my @lines = grep { !/^t:/ } @$all;
        s/\b1\d{12}\b/NOW/g for @lines;
        \@lines;
    } qw(made filled);
    for my $i (0 .. max($#$made, $#$filled)) {
        my ($want, $got) = map { $_->[$i] // 'nothing' } $made, $filled;
        die "the script leaves\n$got\nwhere the API leaves\n$want\n"
            if $want ne $got;
    }
    print STDERR "bench: the script leaves the same ", scalar @$made,
        " keys as the API\n";
    return;
}

# -- measuring

# Nanoseconds that a process was running.
sub cpu_ns {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/schedstat" or return 0;
    my ($ns) = <$in> =~ /^(\d+)/;
    return $ns;
}

# A turn of one kind at one size: `next` gives the arguments of a request while
# there are `more`, `status` must come, and what the answer `looks` like is
# judged.
sub turn {
    my ($with, $samples) = @_;

    my $server = $with->{server};
    $store->watch_slow;
    my $before = $store->work;
    my $cpu    = cpu_ns($server->{worker});
    my $until  = time + $LIMIT_SECONDS / $TURNS;
    my (@us, $bytes);
    do {
        my $start = time;
        $bytes = once($with);
        push @us, 1e6 * (time - $start);
    } while (@us < $samples && time < $until
        && (!$with->{more} || $with->{more}->()));
    my $cpu_after = cpu_ns($server->{worker});
    my $after     = $store->work;

    return {
        us             => \@us,
        bytes          => $bytes,
        worker_us      => ($cpu_after - $cpu) / 1000 / @us,
        redis_us       => ($after->{cpu_us} - $before->{cpu_us}) / @us,
        redis_commands =>
            ($after->{commands} - $before->{commands} - 1) / @us,
        slowest_us     => $store->slowest,
    };
}

sub summary {
    my @turns = @_;

    my @us     = map { @{ $_->{us} } } @turns;
    my $median = sub {
        my ($what) = @_;
        return Bench::Report::median(map { $_->{$what} } @turns);
    };
    return {
        samples    => scalar @us,
        bytes      => $turns[0]{bytes},
        p50_us     => Bench::Report::median(@us),
        max_us     => max(@us),
        slowest_us => $median->('slowest_us'),
        map { $_ => $median->($_) } qw(worker_us redis_us redis_commands),
    };
}

# All kinds at all sizes; the turns of the sizes alternate.
sub table {
    my ($title, $tenant, $kinds, @sizes) = @_;

    connect_again();
    my @lines;
    my %kinds = map { $_ => [$kinds->($_)] } @sizes;
    for my $size (@sizes) {
        $_->{tenant} = $tenant . $size for @{ $kinds{$size} };
    }
    for my $i (0 .. $#{ $kinds{ $sizes[0] } }) {
        my ($name, $expected) = @{ $kinds{ $sizes[0] }[$i] }{qw(name expected)};
        print STDERR "bench: $name\n";
        my %turns;
        for my $number (1 .. $TURNS) {
            for my $size (@sizes) {
                my $kind = $kinds{$size}[$i];
                $kind->{server} //= $server{direct};
                $kind->{before}->() if $kind->{before} && $number == 1;
                next if $kind->{more} && !$kind->{more}->();
                if ($number == 1) {
                    once($kind) for 1 .. $kind->{warm} // $WARM;
                }
                my $samples = $kind->{samples} // $option{samples};
                push @{ $turns{$size} },
                    turn($kind, max(1, int($samples / $TURNS)));
            }
        }
        push @lines, { name => $name, expected => $expected,
            at => { map { $_ => summary(@{ $turns{$_} }) } @sizes } };
    }
    return { title => $title, sizes => \@sizes, lines => \@lines };
}

sub once {
    my ($with) = @_;

    my ($method, $path, @more) = $with->{next}->();
    my $got = ask($with->{server}, $with->{tenant}, $method, $path, @more);
    die "$with->{name}: $method $path answered $got->{status}: "
        . substr($got->{body}, 0, 300) . "\n"
        if $got->{status} != ($with->{status} // 200);
    $with->{looks}->($got) if $with->{looks};
    return length $got->{body};
}

sub has {
    my ($pattern, $count) = @_;

    return sub {
        my ($got) = @_;
        my $found = () = $got->{body} =~ /$pattern/g;
        die "an answer has $found of $pattern, not $count: "
            . substr($got->{body}, 0, 300) . "\n"
            if $found != $count;
    };
}

# -- tenants

sub tenants {
    for my $size (@{ $option{workspaces} }) {
        print STDERR "bench: a tenant with $size workspaces\n";
        my $before = $store->memory;
        fill_workspaces("t$size", $size);
        $option{per_workspace} = ($store->memory - $before) / $size;
    }
    return table('of workspaces in the tenant', 't', \&tenant_kinds,
        @{ $option{workspaces} });
}

sub tenant_kinds {
    my ($size) = @_;

    my $mount  = '/api/workspaces';
    # so that a whole page follows
    my $middle = $size < 200 ? 0 : int($size / 2);
    my $one    = $middle || 1;
    my $any    = sub { 1 + int rand $size };
    my $owner  = sub { (user => 'owner-' . int(($_[0] - 1) / 10)) };
    my $page   = min(100, $size);
    my $fresh  = 0;
    my (@made, @all_made);
    my %admin  = (admin => 1);
    my $all    = sub {
        my ($query) = @_;
        return sub { (GET => "$mount/all$query", %admin) };
    };
    return (
        { name => 'get by the owner, cache', expected => 'flat',
            server => $server{cached},
            next => sub { (GET => "$mount/$one", $owner->($one)) } },
        { name => 'get by the owner, Redis', expected => 'flat',
            next => sub { my $id = $any->(); (GET => "$mount/$id",
                $owner->($id)) } },
        { name => 'access, cache', expected => 'flat',
            server => $server{cached},
            next => sub { (GET => '/', $owner->($one),
                headers => { 'X-Workspace-ID' => $one }) } },
        { name => 'access, Redis', expected => 'flat',
            next => sub { my $id = $any->(); (GET => '/', $owner->($id),
                headers => { 'X-Workspace-ID' => $id }) } },
        { name => "a user's own 10", expected => 'flat',
            looks => has('"_id"', 10),
            next => sub { (GET => $mount, $owner->($one)) } },
        { name => 'page of 100', expected => 'flat',
            looks => has('"_id"', $page), next => $all->('') },
        { name => 'page of 100, in the middle', expected => 'flat',
            looks => has('"_id"', $page),
            next => $all->("?after=$middle") },
        { name => 'page of 100, skip to the middle (organization)',
            expected => 'flat',
            looks => has('"slug"', $page),
            next => sub { (GET =>
                "/organization/workspaces?skip=$middle&limit=100", %admin) } },
        { name => '100 of `_id`', expected => 'flat',
            looks => has('"_id"', $page),
            next => $all->('?_id='
                . join ',', map { $middle + $_ } 1 .. $page) },
        { name => '`labels`, all have it', expected => 'flat',
            looks => has('"_id"', $page), next => $all->('?labels=all') },
        { name => '`labels`, 1 % has it', expected => 'page',
            looks => has('"_id"', min(100, int($size / 100))),
            next => $all->('?labels=m7') },
        { name => '`members.user`', expected => 'flat',
            looks => has('"_id"', 10),
            next => $all->('?members.user=owner-5') },
        { name => '`name`, all match', expected => 'flat',
            looks => has('"_id"', $page), next => $all->('?name=^workspace') },
        { name => '`name`, none matches', expected => 'bound',
            looks => has('"_id"', 0), next => $all->('?name=nowhere$') },
        { name => '`q`, none matches', expected => 'bound',
            looks => has('"_id"', 0), next => $all->('?q=nowhere') },
        { name => 'create', expected => 'flat', warm => 0,
            looks => sub { push @made, $_[0]{body} =~ /"_id":"(\d+)"/ },
            next => sub { (POST => $mount, user => 'maker',
                body => '{"name":"New ' . ++$fresh . '","labels":["all"]}') } },
        { name => 'rename', expected => 'flat',
            next => sub { (PUT => "$mount/" . $made[rand @made],
                user => 'maker', body => '{"name":"Newer ' . ++$fresh
                    . '"}') } },
        { name => 'add a member', expected => 'flat', warm => 0,
            next => sub { push @all_made, @made if !@all_made;
                (POST => "$mount/" . pop(@all_made) . '/members',
                    user => 'maker', body => '{"userId":"bob'
                    . ++$fresh . '","roles":["user"]}') } },
        { name => 'delete', expected => 'flat', warm => 0,
            more => sub { scalar @made },
            next => sub { (DELETE => "$mount/" . pop @made,
                user => 'maker') } },
    );
}

# -- workspaces

sub members {
    for my $size (@{ $option{members} }) {
        print STDERR "bench: a workspace with $size members\n";
        fill_workspaces("m$size", 10);
        fill_members("m$size", 5, 1);
        my $before = $store->memory;
        fill_members("m$size", 1, $size);
        $option{per_member} = ($store->memory - $before) / $size;
    }
    return table('of members in the workspace', 'm', \&member_kinds,
        @{ $option{members} });
}

sub member_kinds {
    my ($size) = @_;

    my $tenant = "m$size";
    my $mount  = '/api/workspaces';
    my $any    = sub { 'member-' . (1 + int rand $size) };
    my %owner  = (user => 'owner-0');
    my %here   = (headers => { 'X-Workspace-ID' => 1 });
    my ($fresh, $gone, $deleted) = (0, 0, 0);
    return (
        { name => 'get by a member, cache', expected => 'flat',
            server => $server{cached},
            next => sub { (GET => "$mount/1", user => 'member-1') } },
        { name => 'get by a member, Redis', expected => 'flat',
            next => sub { (GET => "$mount/1", user => $any->()) } },
        { name => 'access, cache', expected => 'flat',
            server => $server{cached},
            next => sub { (GET => '/', user => 'member-1', %here) } },
        { name => 'access, Redis', expected => 'flat',
            next => sub { (GET => '/', user => $any->(), %here) } },
        { name => "a user's own", expected => 'flat',
            next => sub { (GET => $mount, user => $any->()) } },
        { name => 'get by an admin: shows all members', expected => 'answer',
            next => sub { (GET => "$mount/1", %owner) } },
        { name => 'list of the members', expected => 'answer',
            next => sub { (GET => "$mount/1/members", %owner) } },
        { name => 'list of the members (location)', expected => 'answer',
            next => sub { (GET => '/location/workspace/members', %owner,
                %here) } },
        { name => 'add a member: shows all members', expected => 'answer',
            next => sub { (POST => "$mount/1/members", %owner, body =>
                '{"userId":"new-' . ++$fresh . '","roles":["user"]}') } },
        { name => 'give other roles', expected => 'flat',
            next => sub { (PUT => "$mount/1/members/new-1", %owner, body =>
                '{"roles":["role' . ++$fresh . '"]}') } },
        { name => 'activate by a member', expected => 'flat',
            next => sub { (POST => "$mount/" . (++$fresh % 2 ? 1 : 5)
                . '/activate', user => 'member-1', body => '{}') } },
        { name => 'send an invitation (location)', expected => 'flat',
            status => 201, samples => 60,
            next => sub { (POST => '/location/workspace/invitations', %owner,
                %here, body => '{"email":"guest' . ++$fresh
                    . '@example.com"}') } },
        { name => 'remove a member', expected => 'flat', warm => 0,
            more => sub { $gone < $size / 2 },
            next => sub { (DELETE => "$mount/1/members/member-"
                . ($size - $gone++), %owner) } },
        { name => 'delete the workspace (organization)', expected => 'flat',
            warm => 0, samples => 3,
            more => sub { rest_of_deletions(); $deleted < 3 },
            before => sub { fill_members($tenant, $_, $size) for 2 .. 4 },
            next => sub { (DELETE => '/organization/workspaces/'
                . (2 + $deleted++), %owner) } },
    );
}

# What is done after a workspace was deleted is no part of the next one's cost.
sub rest_of_deletions {
    sleep 0.05
        while grep { length } $room->redis_command('KEYS', 'wsp:*:w:*:f[mc]');
    return;
}

# -- memory

# What a worker needs for a cached record, beyond the bytes that it counts.
sub memory {
    my $tenant = 'memory';
    print STDERR "bench: memory of cached records\n";
    fill_workspaces($tenant, $CACHED);

    my $fresh = $room->start_nginx('fresh',
        modules => [$option{module}],
        http    => <<"END",
    workspaces_redis unix:$room->{redis}{socket};
    workspaces_cache 256m;
END
        locations => <<'END');
        location /api/workspaces {
            workspaces platform;
            workspaces_identity trusted tenant=$http_x_tenant
                user=$http_x_user;
        }
        location = /status { workspaces_status; }
END
    $fresh->{connection} = Bench::Http::connection($fresh->{port});
    $room->wait_for($fresh->{pid}, 'fresh', sub {
        ask($fresh, $tenant, GET => '/api/workspaces')->{status} == 200;
    });
    my $read = sub {
        for my $id ($_[0] .. $_[1]) {
            my $got = ask($fresh, $tenant, GET => "/api/workspaces/$id",
                user => 'owner-' . int(($id - 1) / 10));
            die "a read answered $got->{status}\n" if $got->{status} != 200;
        }
    };
    my $look = sub {
        my $status = ask($fresh, $tenant, GET => '/status')->{body};
        my ($bytes) = $status =~ /^workspaces_cache_bytes\S* (\d+)/m;
        return [resident($fresh->{worker}), $bytes];
    };
    $read->(1, 1000);
    my $before = $look->();
    $read->(1001, $CACHED);
    my $after  = $look->();
    my $records = 2 * ($CACHED - 1000);     # the workspace and the membership
    return {
        worker_record        => ($after->[0] - $before->[0]) / $records,
        worker_record_counted => ($after->[1] - $before->[1]) / $records,
    };
}

sub resident {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/status" or die "process $pid is gone\n";
    my ($kb) = map { /^VmRSS:\s+(\d+)/ ? $1 : () } <$in>;
    return 1024 * $kb;
}

# -- reporting

sub print_results {
    my ($results) = @_;

    for my $table (@{ $results->{tables} }) {
        my @sizes = @{ $table->{sizes} };
        my @lines = (['', '', map { ("$_:", 'worker', 'Redis', 'commands',
            'longest') } @sizes]);
        for my $line (@{ $table->{lines} }) {
            push @lines, [$line->{name}, verdict($line, @sizes),
                map { my $at = $line->{at}{$_};
                    (map { sprintf '%.0f', $_ }
                        @$at{qw(p50_us worker_us redis_us)}),
                    sprintf('%.1f', $at->{redis_commands}),
                    $at->{slowest_us} ? "$at->{slowest_us}" : '-' } @sizes];
        }
        print "\nin us: median round trip, CPU of the worker and of Redis, "
            . "the longest command of Redis\n"
            . "against the number $table->{title}\n\n";
        Bench::Report::print_columns(@lines);
    }
    my $memory = $results->{memory};
    printf "\nRedis: %.0f bytes a workspace, %.0f a member; worker: %.0f bytes "
        . "a cached record, of which it counts %.0f\n", @$memory{
        qw(workspace member worker_record worker_record_counted)};
    return;
}

# What is expected of the line, and whether it came.
sub verdict {
    my ($line, @sizes) = @_;

    my $expected = $line->{expected};
    return { answer => 'grows with the answer', page => 'by the page',
        bound => 'bounded' }->{$expected}
        if $expected ne 'flat';
    my ($least, $most) = map { cost($line->{at}{$_}) } @sizes[0, -1];
    my $flat = $most <= $FLAT * $least || $most - $least < $FLOOR_US;
    $line->{flat} = $flat ? JSON::PP::true : JSON::PP::false;
    return $flat ? 'flat' : 'NOT FLAT';
}

# Time on the CPU, which what else the machine does changes least.
sub cost {
    my ($at) = @_;
    return $at->{worker_us} + $at->{redis_us};
}
