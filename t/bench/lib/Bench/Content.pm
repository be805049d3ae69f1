package Bench::Content;

# Content: what it costs to serve GET /api/workspaces/{id} to a plain member.
#
#   (a) nginx `return 200` with (b)'s own answer: the floor, what nginx needs
#       to parse such a request and to send such an answer.  Its X-Request-ID
#       is a constant, so that nothing at all is computed.
#   (b) the module, through Redis: `workspaces_cache off`
#   (c) the same program in content_by_lua
#   (d) the same program in Fastify with ioredis
#   (e) the module with its cache
#
# (b) to (e) read the same Redis, seeded through the module's own API.  Before
# anything is measured their answers are compared: equal bodies, equal headers,
# the same refusals, and a change made through the API shows in each of them:
# at once in (b), (c) and (d), so none of these keeps a copy; in (e), which has
# to hear of it, within its max_stale.  A difference ends the run.
#
# All requests are for one workspace, so (e) finds in its cache what it looks
# for, and the others always ask.  The column "Redis calls" proves it.

use strict;
use warnings;

use FindBin;

use Bench::Api;
use Bench::Gateway;
use Bench::Http;
use Time::HiRes qw(time);

my $CACHE             = '16m';
my $MAX_STALE_SECONDS = 1;      # the module's default
my $MOUNT             = $Bench::Api::MOUNT;
my %BOB               = %Bench::Api::BOB;

# Headers that belong to the server rather than to the answer.
my %SERVERS_OWN = map { $_ => 1 } qw(server date connection keep-alive);

sub title { return 'content: GET /api/workspaces/{id} by a plain member' }
sub base  { return 'a' }
sub ours  { return qw(b e) }

# Starts everything and returns the peers: { key, name, worker, port, path,
# headers }.
sub start {
    my ($room, $option) = @_;

    Bench::Gateway::require_lua();

    my $redis = $room->start_redis;
    my $b     = Bench::Api::start($room, $option->{module}, 'workspaces');
    my ($path, $partition) = Bench::Api::seed($room, $b->{port});

    my $c = $room->start_nginx('lua',
        modules => [Bench::Gateway::lua_modules()],
        http    => <<"END",
    lua_package_path '$FindBin::Bin/content/?.lua;;';
    lua_socket_log_errors off;
    init_by_lua_block {
        require("workspace").configure("$redis->{socket}", "$partition")
    }
END
        locations => <<"END");
        location $MOUNT/ {
            content_by_lua_block { require("workspace").get() }
        }
END

    my $d = $room->start_node('server', 'fastify',
        "$option->{out}/node_modules", "$FindBin::Bin/content/server.js",
        $redis->{socket}, $partition);

    my $e = Bench::Api::start($room, $option->{module}, 'cached',
        cache => $CACHE);
    wait_for_answer($room, $e, $path);

    compare($path, $b, $c, $d, { %$e, cached => 1 });
    my $a = start_floor($room, 'floor', $b->{port}, $path);

    return peers($path,
        [a => 'nginx return 200'         => $a],
        [b => 'ngx_workspaces, Redis'    => $b],
        [c => 'content_by_lua, Redis'    => $c],
        [d => 'Fastify + ioredis, Redis' => $d],
        [e => 'ngx_workspaces, cache'    => $e]);
}

# (a), (b) and (e) as single processes for the profiler; `wrapper` gives the
# command of each, by its key.
sub start_single {
    my ($room, $option, $wrapper) = @_;

    $room->start_redis;
    my $seeder = Bench::Api::start($room, $option->{module}, 'workspaces');
    my ($path) = Bench::Api::seed($room, $seeder->{port});

    my $a = start_floor($room, 'floor', $seeder->{port}, $path,
        single => 1, patience => 60, wrapper => $wrapper->('a'));
    my $b = Bench::Api::start($room, $option->{module}, 'profiled',
        single => 1, patience => 60, wrapper => $wrapper->('b'));
    my $e = Bench::Api::start($room, $option->{module}, 'profiled_cached',
        single => 1, patience => 60, wrapper => $wrapper->('e'),
        cache  => $CACHE);
    wait_for_answer($room, $_, $path) for $b, $e;

    return peers($path,
        [a => 'nginx return 200'      => $a],
        [b => 'ngx_workspaces, Redis' => $b],
        [e => 'ngx_workspaces, cache' => $e]);
}

sub peers {
    my ($path, @peers) = @_;

    return map {
        my ($key, $name, $server) = @$_;
        +{
            key     => $key,
            name    => $name,
            worker  => $server->{worker},
            pid     => $server->{pid},
            port    => $server->{port},
            path    => $path,
            headers => {%BOB},
        };
    } @peers;
}

sub wait_for_answer {
    my ($room, $server, $path) = @_;

    $room->wait_for($server->{pid}, $server->{name}, sub {
        Bench::Http::request($server->{port}, 'GET', $path, \%BOB)->{status}
            == 200;
    }, 60);
    return;
}

# Dies unless the peers do equal work.
sub compare {
    my ($path, $ours, @peers) = @_;

    my $nobody = { 'X-Tenant' => 'acme' };
    my $mallory = { %BOB, 'X-User' => 'mallory' };
    my @refused = (
        ['without an identity' => 401, $nobody,  $path],
        ['by a stranger'       => 404, $mallory, $path],
        ['of no workspace'     => 404, \%BOB,    "$MOUNT/999999"],
    );

    for my $turn ('seeded', 'changed') {
        if ($turn eq 'changed') {
            Bench::Api::call($ours->{port}, 'PUT', $path,
                '{"name":"Field Services \"North\" & Äußeres"}');
        }
        my $want =
            Bench::Http::request($ours->{port}, 'GET', $path, \%BOB);
        die "the module answered $want->{status}: $want->{body}\n"
            if $want->{status} != 200;
        for my $peer (@peers) {
            my $until = time + ($peer->{cached} ? $MAX_STALE_SECONDS : 0);
            my $got;
            do {
                $got = Bench::Http::request($peer->{port}, 'GET', $path,
                    \%BOB);
            } while ($got->{body} ne $want->{body} && time < $until);
            same("$peer->{name}, $turn", $want, $got);
        }
    }

    for my $peer ($ours, @peers) {
        for my $case (@refused) {
            my ($what, $status, $headers, $at) = @$case;
            my $got =
                Bench::Http::request($peer->{port}, 'GET', $at, $headers);
            die "unequal work: $peer->{name}: GET $what answered "
                . "$got->{status} instead of $status\n"
                if $got->{status} != $status;
        }
    }
    return;
}

sub same {
    my ($who, $want, $got) = @_;

    die "unequal work: $who: status $got->{status}\n"
        if $got->{status} != $want->{status};
    die "unequal work: $who:\n  ours  $want->{body}\n  peer  $got->{body}\n"
        if $got->{body} ne $want->{body};

    for my $name (sort keys %{ $want->{headers} }) {
        next if $SERVERS_OWN{$name};
        my ($ours, $theirs) = map { $_->{headers}{$name} // '' } $want, $got;
        if ($name eq 'x-request-id') {          # random, so only its form
            tr/0-9a-f/x/ for $ours, $theirs;
        }
        die "unequal work: $who: header $name is '$theirs', ours '$ours'\n"
            if $ours ne $theirs;
    }
    for my $name (sort keys %{ $got->{headers} }) {
        die "unequal work: $who: header $name is not in our answer\n"
            if !exists $want->{headers}{$name} && !$SERVERS_OWN{$name};
    }
    return;
}

# (a), made from an answer of (b).
sub start_floor {
    my ($room, $name, $port, $path, %with) = @_;

    my $answer = Bench::Http::request($port, 'GET', $path, \%BOB);
    my %nginxs = map { $_ => 1 } qw(server date connection content-length);

    my $conf = '';
    for my $line (@{ $answer->{lines} }) {
        my ($header, $value) = $line =~ /^([^:]+):\s*(.*)$/;
        next if $nginxs{ lc $header };
        $conf .= lc $header eq 'content-type'
            ? "            default_type @{[quoted($value)]};\n"
            : "            add_header $header @{[quoted($value)]};\n";
    }
    $conf .= "            return 200 @{[quoted($answer->{body})]};\n";

    my $floor = $room->start_nginx($name, %with,
        locations => "        location $MOUNT {\n$conf        }\n");

    my $got = Bench::Http::request($floor->{port}, 'GET', $path, \%BOB);
    same('return 200', $answer, $got);
    die "return 200 sends a head of $got->{head_bytes} bytes, "
        . "the module one of $answer->{head_bytes}\n"
        if $got->{head_bytes} != $answer->{head_bytes};
    return $floor;
}

sub quoted {
    my ($text) = @_;

    die "nginx cannot be given '\$' in a text: $text\n" if $text =~ /\$/;
    $text =~ s/([\\'])/\\$1/g;
    return "'$text'";
}

1;
