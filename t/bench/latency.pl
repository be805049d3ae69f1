#!/usr/bin/env perl

# latency.pl - how long the access phase takes at a fixed rate of requests
# (`make bench-latency`); started by run.sh.
#
#   DURATION=5      seconds of each run
#   LOADS="50 80"   rates, in percent of what can be done at most
#
# A closed loop waits with the next request until the last one is answered, so
# it asks least when answers are slowest, and hides them.  Here requests are
# due at fixed times, whatever became of those before, and latency counts from
# then (t/tools/load.c).
#
# With the cache and without it: what can be done at most is measured first, in
# a closed loop; then at parts of that rate:
#
#   alone
#   beside another client, which pulls sealed blobs of 1 MiB and pages of 100
#       workspaces with their members from the same worker, 20 of each a second
#   beside searches for a name that none has, 4 a second, in a tenant where each
#       looks at as many as one request may
#   through reloads, one a second
#   with a Redis whose answers come 2 ms later
#
# The requests are of one member for one of a thousand workspaces.  An answer
# but 200 and, under too much load, 503 ends it; 503s are counted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Getopt::Long qw(GetOptions);
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

use Bench::Api;
use Bench::Gateway;
use Bench::Http;
use Bench::Report;
use Bench::Room;
use Bench::Store;

my $CONNECTIONS = 256;
my $WORKSPACES  = 1000;
my $PULLS       = 20;       # a second, of blobs and of pages
my $SEARCHES    = 4;        # a second
my $SEARCHED    = 10_000;   # workspaces of the other tenant
my $DELAY_US    = 2000;
my $BLOB        = 1024 * 1024;
my $MOUNT       = $Bench::Api::MOUNT;
my %KINDS       = (cache => '16m', Redis => 'off');

my %option = (
    duration => $ENV{DURATION} || 5,
    loads    => [split ' ', $ENV{LOADS} || '50 80'],
);
GetOptions(\%option, 'module=s', 'lua=s', 'out=s') or exit 1;

$| = 1;
$SIG{$_} = sub { die "interrupted\n" } for qw(INT TERM HUP PIPE);
my $room  = Bench::Room->new;
my $done  = eval { run(); 1 };
my $error = $@;
$SIG{$_} = 'IGNORE' for qw(INT TERM HUP PIPE);
$room->tear_down;
if (!$done) {
    print STDERR "bench: $error";
    exit 1;
}
exit 0;


sub run {
    $room->start_redis;
    my $backend = Bench::Gateway::start_backend($room);
    my $slow    = start_delay();
    my (%server, %slow_server);
    for my $kind (sort keys %KINDS) {
        $server{$kind} = start_server($kind, $KINDS{$kind}, $backend,
            $room->{redis}{socket});
        $slow_server{$kind} = start_server("slow-$kind", $KINDS{$kind},
            $backend, $slow);
    }
    seed($server{Redis});
    my $access = requests_file('access',
        [1, request_text(GET => '/v1/items?page=2',
            'X-Workspace-ID' => '{i}')]);
    my $pulls  = requests_file('pulls',
        [1, request_text(GET => "$MOUNT/1/encrypted", 'X-Admin' => 'on')],
        [1, request_text(GET => "$MOUNT/all?limit=100&select=name,members",
            'X-Admin' => 'on')]);
    my $searches = requests_file('searches',
        [1, request_text(GET => "$MOUNT/all?name=nowhere\$",
            'X-Tenant' => 'big', 'X-Admin' => 'on')]);

    my @rows;
    for my $kind (sort keys %KINDS) {
        print STDERR "bench: what can be done at most, with $kind\n";
        my $server = $server{$kind};
        load($server, $access, '-d', 1);
        my $most = load($server, $access, '-d', $option{duration});
        my $capacity = $most->{statuses}{200} / $most->{seconds};
        for my $percent (@{ $option{loads} }) {
            my $rate = int($capacity * $percent / 100);
            my %with = (kind => $kind, percent => $percent, rate => $rate);
            print STDERR "bench: $kind, $rate requests a second\n";
            push @rows, { %with, what => 'alone',
                at_rate($server, $access, $rate) };
            push @rows, { %with, what => 'beside blobs and pages',
                at_rate($server, $access, $rate, sub {
                    return spawn_load($server, $pulls, '-r', 2 * $PULLS,
                        '-d', $option{duration});
                }) };
            push @rows, { %with, what => 'beside searches',
                at_rate($server, $access, $rate, sub {
                    return spawn_load($server, $searches, '-r', $SEARCHES,
                        '-d', $option{duration});
                }) };
            push @rows, { %with, what => 'through reloads',
                at_rate($server, $access, $rate, sub {
                    return spawn_reloads($server);
                }) };
            push @rows, { %with, what => 'Redis 2 ms later',
                at_rate($slow_server{$kind}, $access, $rate) };
        }
    }
    my $results = {
        options => { %option{qw(duration loads)} },
        machine => Bench::Report::machine(),
        time    => Bench::Report::now(),
        rows    => \@rows,
    };
    print_results($results);
    Bench::Report::write_file("$option{out}/latency.json", $results);
    print "\nAll is in $option{out}/latency.json\n";
    return;
}

sub start_delay {
    my $socket = $room->dir . '/slow.sock';
    my $pid = $room->spawn('redis', 'delay', "$option{out}/delay", $socket,
        $room->{redis}{socket}, $DELAY_US);
    $room->wait_for($pid, 'delay', sub { -S $socket });
    return $socket;
}

sub start_server {
    my ($name, $cache, $backend, $redis) = @_;

    my $identity = 'workspaces_identity trusted tenant=$http_x_tenant '
        . 'user=$http_x_user admin=$http_x_admin;';
    my $keys = $room->dir . "/$name.keys";
    open my $out, '>', $keys or die "$keys: $!\n";
    chmod 0600, $keys;
    print $out 'k1 ' . 'A' x 43 . "=\n";
    close $out or die "$keys: $!\n";

    my $server = $room->start_nginx($name,
        modules => [$option{module}],
        http    => <<"END",
    workspaces_redis unix:$redis;
    workspaces_cache $cache;
    workspaces_seal_keys $keys;
    client_max_body_size 2m;
    upstream backend {
        server 127.0.0.1:$backend->{port};
        keepalive $CONNECTIONS;
        keepalive_requests 1000000000;
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
        location $MOUNT {
            $identity
            workspaces platform;
            client_body_buffer_size 2m;
        }
END
    $room->wait_for($server->{pid}, $name, sub {
        Bench::Http::request($server->{port}, 'GET', $MOUNT,
            \%Bench::Api::BOB)->{status} == 200;
    });
    return $server;
}

# A thousand workspaces of alice, bob in all of them, and a blob; and another
# tenant with more.
sub seed {
    my ($server) = @_;

    my $socket = Bench::Http::connection($server->{port});
    my $post   = sub {
        my ($path, $body, %more) = @_;
        Bench::Http::ask($socket, 'POST', "$MOUNT$path",
            { %Bench::Api::ALICE, %more }, $body);
        my $got = Bench::Http::answer($socket, "POST $path");
        die "POST $path answered $got->{status}: $got->{body}\n"
            if $got->{status} != 200;
    };
    for my $id (1 .. $WORKSPACES) {
        $post->('', qq({"name":"Workspace $id"}));
        $post->("/$id/members", '{"userId":"bob","roles":["member"]}');
    }
    my $frame = length '{"blob":""}';
    $post->('/1/encrypted', '{"blob":"' . 'x' x ($BLOB - $frame) . '"}',
        'X-Admin' => 'on');

    my $store = Bench::Store->new($room->{redis}{socket});
    $store->script('fill', $store->prefix('big'), 'workspaces', 1, $SEARCHED,
        int(time) . '000');
    return;
}

sub request_text {
    my ($method, $path, %headers) = @_;

    my %all = (Host => '127.0.0.1', %Bench::Api::BOB, %headers);
    return "$method $path HTTP/1.1\r\n"
        . join('', map { "$_: $all{$_}\r\n" } sort keys %all) . "\r\n";
}

sub requests_file {
    my ($name, @requests) = @_;

    my $path = $room->dir . "/$name.requests";
    open my $out, '>', $path or die "$path: $!\n";
    print $out map { "$_->[0] " . length($_->[1]) . "\n$_->[1]\n" } @requests;
    close $out or die "$path: $!\n";
    return $path;
}

sub load_command {
    my ($server, $requests, @options) = @_;

    return ("$option{out}/load", '-p', $server->{port}, '-m', $WORKSPACES,
        '-c', $CONNECTIONS, @options, $requests);
}

sub load {
    my ($server, $requests, @options) = @_;

    open my $from, '-|', 'taskset', '-c', $room->cpu('load'),
        load_command($server, $requests, @options) or die "load: $!\n";
    my $line = do { local $/; <$from> };
    close $from or die "load failed against $server->{name}\n";
    my $told = JSON::PP::decode_json($line);
    my @odd  = grep { $_ != 200 && $_ != 503 } keys %{ $told->{statuses} };
    die "$server->{name} answered $odd[0] to $told->{statuses}{$odd[0]} of "
        . "$told->{requests} requests\n" if @odd;
    die "$server->{name} answered nothing\n" if !$told->{statuses}{200};
    return $told;
}

# What goes on beside: a child, to be waited for.
sub spawn_load {
    my ($server, $requests, @options) = @_;

    my $name = 'beside.' . ++$room->{loads};
    my $pid  = $room->spawn('load', $name,
        load_command($server, $requests, '-c', 8, @options));
    return sub {
        waitpid $pid, 0;
        my $told = JSON::PP::decode_json($room->output_of($name));
        my @odd  = grep { $_ != 200 && $_ != 503 } keys %{ $told->{statuses} };
        die "$server->{name} answered $odd[0] to another client\n" if @odd;
        return (beside => $told->{statuses}{200} // 0,
            beside_refused => $told->{statuses}{503} // 0,
            beside_p50_us => $told->{p50_us});
    };
}

sub spawn_reloads {
    my ($server) = @_;

    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        for (1 .. $option{duration} - 1) {
            sleep 1;
            kill 'HUP', $server->{pid};
        }
        POSIX::_exit(0);
    }
    return sub { waitpid $pid, 0; return };
}

# Until all is in the cache, and then for the record.
sub at_rate {
    my ($server, $requests, $rate, $beside) = @_;

    load($server, $requests, '-n', 8 * $WORKSPACES);
    my $finish = $beside ? $beside->() : sub { return };
    my $told   = load($server, $requests, '-r', $rate,
        '-d', $option{duration});
    my %more   = $finish->();
    return (
        (map { $_ => $told->{$_} } qw(requests p50_us p90_us p99_us p999_us
            max_us waiting failed again)),
        refused => $told->{statuses}{503} // 0,
        %more,
    );
}

sub print_results {
    my ($results) = @_;

    my @lines = (['', 'load', 'requests/s', 'p50 ms', 'p99 ms', 'p99.9 ms',
        'max ms', '503', 'cut off']);
    for my $row (@{ $results->{rows} }) {
        push @lines, ["$row->{kind}, $row->{what}", "$row->{percent} %",
            $row->{rate},
            (map { sprintf '%.2f', $row->{$_} / 1000 }
                qw(p50_us p99_us p999_us max_us)),
            $row->{refused}, $row->{failed}];
    }
    print "\naccess at a fixed rate: latency from when a request was due\n\n";
    Bench::Report::print_columns(@lines);
    print "\nload: of what a closed loop gets; runs of $option{duration} s; "
        . "one worker\n";
    return;
}
