package Bench::Writes;

# Writes: what it costs to create a workspace, and to add a member to one.
#
#   (a) the module
#   (b) the same in content_by_lua
#   (c) the same in Fastify with ioredis
#
# All of them commit at once or not at all, keep the same keys in Redis with
# every index, and take each request once by its Idempotency-Key, of which
# every request has one of its own; writes/service.lua says how the peers do
# it.  They differ in this: the module claims the key first, so that a second
# request with it is refused while the first one runs, and reads before it
# commits, so that the rules are in one place for all dialects; the peers put
# what they can into a script, so that they create in one trip to Redis, and
# add a member in two.
#
# Before anything is measured the three are asked for the same, and must give
# the same answers and leave the same in Redis, field by field; repeat an
# answer without a second effect; refuse a key that was used for another
# request, and who may not.  After it the workspaces and the members are
# counted: there must be what was answered for.
#
# Members are added to one workspace after another, so that no two requests
# meet at one, and all peers to the same, which grow alike.

use strict;
use warnings;

use FindBin;
use JSON::PP ();
use Time::HiRes qw(time);

use Bench::Api;
use Bench::Gateway;
use Bench::Http;
use Bench::Load;

my $MOUNT        = $Bench::Api::MOUNT;
my %ALICE        = %Bench::Api::ALICE;
my $SEED_SECONDS = 2;
my $TENANT       = $ALICE{'X-Tenant'};

my %SERVERS_OWN = map { $_ => 1 } qw(server date connection keep-alive);

my %WHAT = (
    create => {
        title => 'create: POST /api/workspaces, with an Idempotency-Key',
        path  => $MOUNT,
        body  => '{"name":"Field Services {run} {n}",'
            . '"labels":["field","north"]}',
    },
    add => {
        title => 'add: POST /api/workspaces/{id}/members, with an '
            . 'Idempotency-Key',
        path  => "$MOUNT/{w}/members",
        body  => '{"userId":"user-{run}-{n}","roles":["member"]}',
    },
);

sub base { return 'a' }
sub ours { return qw(a) }

# -- the two scenarios

package Bench::Writes::Create {
    our @ISA = ('Bench::Writes');
    sub title { return $WHAT{create}{title} }
    sub start { return Bench::Writes::start_for('create', @_) }
    sub check { return Bench::Writes::check_for('create', @_) }
}

package Bench::Writes::Add {
    our @ISA = ('Bench::Writes');
    sub title { return $WHAT{add}{title} }
    sub start { return Bench::Writes::start_for('add', @_) }
    sub check { return Bench::Writes::check_for('add', @_) }
}

sub start_for {
    my ($what, $room, $option) = @_;

    Bench::Gateway::require_lua();
    my $redis = $room->start_redis;
    my $a     = Bench::Api::start($room, $option->{module}, 'workspaces');
    my (undef, $partition) = Bench::Api::seed($room, $a->{port});

    my ($create, $add) = map { $room->load_script(
            "$FindBin::Bin/writes/$_.redis.lua") } qw(create add);
    my $b = $room->start_nginx('lua',
        modules => [Bench::Gateway::lua_modules()],
        http    => <<"END",
    lua_package_path '$FindBin::Bin/writes/?.lua;;';
    lua_socket_log_errors off;
    init_by_lua_block {
        require("service").configure("$redis->{socket}", "$partition",
                                     "$create", "$add")
    }
END
        locations => <<"END");
        location = $MOUNT {
            content_by_lua_block { require("service").create() }
        }
        location $MOUNT/ {
            content_by_lua_block { require("service").add() }
        }
END
    my $c = $room->start_node('server', 'fastify',
        "$option->{out}/node_modules", "$FindBin::Bin/writes/server.js",
        $redis->{socket}, $partition, "$FindBin::Bin/writes");

    my @servers = (
        [a => 'ngx_workspaces'         => $a],
        [b => 'content_by_lua, Redis'    => $b],
        [c => 'Fastify + ioredis, Redis' => $c],
    );
    my $prefix = "wsp:{$partition}:$TENANT";
    my @peers = map {
        my ($key, $name, $server) = @$_;
        +{
            key     => $key,
            name    => $name,
            worker  => $server->{worker},
            port    => $server->{port},
            path    => $MOUNT,
            headers => {%ALICE},
            prefix  => $prefix,
            write   => ['POST', $WHAT{create}{path}, $WHAT{create}{body}],
            count   => 1,
        };
    } @servers;

    if ($what eq 'add') {
        Bench::Load::run($room, $peers[0], $SEED_SECONDS,
            $option->{connections});
        # when wrk went away some got an id, and then nothing else
        my ($made) = $room->redis_command('ZCARD', "$prefix:ws");
        my $count  = $made - 2 * $option->{connections};
        my ($there) = $count < 1 ? 0
            : $room->redis_command('ZCOUNT', "$prefix:ws", 1, $count);
        die "of the first $count ids $there are workspaces\n"
            if $there != $count;
        for my $peer (@peers) {
            $peer->{write} = ['POST', $WHAT{add}{path}, $WHAT{add}{body}];
            $peer->{count} = $count;
        }
    }
    # after that, for a request that is repeated uses up an id
    compare($room, $prefix, @servers);
    for my $peer (@peers) {
        $peer->{before} = count($what, $room, $peer);
        @$peer{qw(answered unanswered turns)} = (0, 0, 0);
    }
    return @peers;
}

# Dies unless there is what the requests were answered for.  What wrk asked for
# when its time was up, or did not wait for, may be there, too.
sub check_for {
    my ($what, $room, $option, @peers) = @_;

    my ($answered, $more) = (0, 0);
    for my $peer (@peers) {
        $answered += $peer->{answered};
        $more     += $peer->{turns} * $option->{connections}
            + $peer->{unanswered};
    }
    my $made = count($what, $room, $peers[0]) - $peers[0]{before};
    die "$answered writes were answered, and $made took effect\n"
        if $made < $answered || $made > $answered + $more;
    return;
}

sub count {
    my ($what, $room, $peer) = @_;

    return ($room->redis_command('ZCARD', "$peer->{prefix}:ws"))[0]
        if $what eq 'create';
    my ($members) = $room->redis_command('EVAL', <<'END', 0,
local members = 0
for id = 1, tonumber(ARGV[2]) do
  members = members + redis.call('HLEN', ARGV[1] .. ':w:' .. id .. ':m')
end
return members
END
        $peer->{prefix}, $peer->{count});
    return $members;
}

# -- equal work

sub compare {
    my ($room, $prefix, @servers) = @_;

    # the same instant for all is not to be had, nor the same id
    my (%created, %added);
    for my $server (@servers) {
        my ($key, $name, $at) = @$server;
        my $who  = "unequal work: ($key) $name";
        my $body = qq({"name":"Field \\"$key\\" & Services","labels":)
            . '["field","north","field"]}';
        my $first = ask($at, $MOUNT, $body, "$key-1");
        die "$who: creating answered $first->{status}: $first->{body}\n"
            if $first->{status} != 200;
        my ($id) = $first->{body} =~ /"_id":"(\d+)"/;
        $created{$key} = { answer => plain($first, $key, $id),
            redis => stored($room, $prefix, $id, $key) };
        repeat($who, $at, $MOUNT, $body, "$key-1", $first);

        my $path   = "$MOUNT/$id/members";
        my $member = '{"userId":"dora","roles":["member","editor"]}';
        my $second = ask($at, $path, $member, "$key-2");
        die "$who: adding a member answered $second->{status}: "
            . "$second->{body}\n" if $second->{status} != 200;
        $added{$key} = { answer => plain($second, $key, $id),
            redis => stored($room, $prefix, $id, $key) };
        repeat($who, $at, $path, $member, "$key-2", $second);

        for my $case (
            ['a member for the second time' => 400, $path, $member, "$key-3"],
            ['to nowhere' => 404, "$MOUNT/999999/members", $member, "$key-4"],
            ['by a stranger' => 404, $path, $member, "$key-5",
                { %ALICE, 'X-User' => 'mallory' }],
            ['by a plain member' => 403, $path, $member, "$key-6",
                { %ALICE, 'X-User' => 'dora' }],
            ['by nobody' => 401, $path, $member, "$key-7",
                { 'X-Tenant' => $TENANT }],
            ['no user' => 400, $path, '{"roles":["member"]}', "$key-8"],
        ) {
            my ($case_name, $status, @request) = @$case;
            my $got = ask($at, @request);
            die "$who: adding $case_name answered $got->{status} instead of "
                . "$status\n" if $got->{status} != $status;
        }
    }

    my ($ours, @others) = map { $_->[0] } @servers;
    for my $peer (@others) {
        for my $pair ([creating => \%created], ['adding a member' => \%added])
        {
            my ($doing, $seen) = @$pair;
            for my $of (qw(answer redis)) {
                my ($want, $got) = map { $seen->{$_}{$of} } $ours, $peer;
                die "unequal work: $doing: $of of ($peer)\n$got\n"
                    . "of ($ours)\n$want\n" if $want ne $got;
            }
        }
    }
    return;
}

# The same request once more, and another one under its key.
sub repeat {
    my ($who, $at, $path, $body, $key, $first) = @_;

    my $again = ask($at, $path, $body, $key);
    die "$who: a repeated request was answered $again->{status} "
        . "$again->{body}, at first $first->{status} $first->{body}\n"
        if $again->{status} != 200 || $again->{body} ne $first->{body}
        || $again->{headers}{etag} ne $first->{headers}{etag};

    (my $other = $body) =~ s/\{"/{"other":1,"/;
    my $got = ask($at, $path, $other, $key);
    die "$who: another request under a used key answered $got->{status}\n"
        if $got->{status} != 422;
    return;
}

sub ask {
    my ($at, $path, $body, $key, $headers) = @_;

    my $until = time + 10;
    my $got;
    do {        # 503: the link to Redis comes up
        $got = Bench::Http::request($at->{port}, 'POST', $path,
            { %{ $headers // \%ALICE }, 'Idempotency-Key' => $key }, $body);
    } while ($got->{status} == 503 && time < $until);
    return $got;
}

# An answer without what differs from request to request.
sub plain {
    my ($answer, $key, $id) = @_;

    my $headers = join '', map { "$_: $answer->{headers}{$_}\n" }
        grep { !$SERVERS_OWN{$_} && $_ ne 'x-request-id'
            && $_ ne 'content-length' }
        sort keys %{ $answer->{headers} };
    (my $body = $answer->{body}) =~ s/"_id":"$id"/"_id":"ID"/;
    return neutral("$headers\n$body", $key);
}

# What Redis has of a workspace, without what differs from one to the other.
sub stored {
    my ($room, $prefix, $id, $key) = @_;

    my @found;
    for my $name_of (
        "w:$id", "w:$id:m", "w:$id:n", "w:$id:r", "w:$id:i", 'u:alice:w',
        'u:dora:w', 'l:field', 'l:north', 'ws',
        "n:Field%20%22$key%22%20%26%20Services", "s:field-$key-services",
    ) {
        my $name = $name_of;
        my ($type) = $room->redis_command('TYPE', "$prefix:$name");
        my @value
            = $type eq 'hash' ? pairs($room->redis_command('HGETALL',
                "$prefix:$name"))
            : $type eq 'zset' ? is($id, $room->redis_command('ZSCORE',
                "$prefix:$name", $id))
            : $type eq 'string' ? is($id, $room->redis_command('GET',
                "$prefix:$name"))
            : ();
        $name =~ s/^w:$id/w:ID/;
        push @found, "$name: @value";
    }
    return neutral(join("\n", @found), $key);
}

sub is {
    my ($id, $value) = @_;
    return $value eq $id ? 'ID' : $value;
}

sub pairs {
    my %value = @_;
    return map { "$_=$value{$_}" } sort keys %value;
}

sub neutral {
    my ($text, $key) = @_;

    $text =~ s/\b1\d{12}\b/NOW/g;
    $text =~ s/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/NOW/g;
    $text =~ s/(\\?["-]|%22)\Q$key\E(?=\\?["-]|%22)/${1}KEY/g;
    return $text;
}

1;
