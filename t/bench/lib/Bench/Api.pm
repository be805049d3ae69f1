package Bench::Api;

# Api: the workspaces that the scenarios read, made through the module's own
# API, so that the peers find in Redis what the module puts there.

use strict;
use warnings;

use Bench::Http;
use Time::HiRes qw(sleep);

our $MOUNT = '/api/workspaces';
our %ALICE = ('X-Tenant' => 'acme', 'X-User' => 'alice');
our %BOB   = ('X-Tenant' => 'acme', 'X-User' => 'bob');

# An nginx with the API.  `cache` is what workspaces_cache gets, `off` unless
# told; the rest is start_nginx's.
sub start {
    my ($room, $module, $name, %with) = @_;

    my $cache = delete $with{cache} // 'off';
    return $room->start_nginx($name,
        %with,
        modules => [$module],
        http    => <<"END",
    workspaces_redis unix:$room->{redis}{socket};
    workspaces_cache $cache;
END
        locations => <<"END");
        location $MOUNT {
            workspaces platform;
            workspaces_identity trusted
                tenant=\$http_x_tenant user=\$http_x_user
                admin=\$http_x_admin;
        }
END
}

# One workspace of alice with bob as a plain member.  Returns its path, the
# partition that its keys are in, and its id.
sub seed {
    my ($room, $port) = @_;

    my $created = call($port, 'POST', $MOUNT,
        '{"name":"Field Services North","logo":'
            . '"https://cdn.example.com/logos/north.png",'
            . '"labels":["field","north","2026"]}');
    my ($id) = $created->{body} =~ /"_id":"(\d+)"/
        or die "creating a workspace answered $created->{body}\n";
    grant($port, "$MOUNT/$id", 'bob');

    my ($partition) = map { /^wsp:\{([^}]+)\}:acme:w:\Q$id\E$/ ? $1 : () }
        $room->redis_command('KEYS', "wsp:{*}:acme:w:$id");
    die "the workspace's record is not where the peers look for it\n"
        if !defined $partition;
    return ("$MOUNT/$id", $partition, $id);
}

sub grant {
    my ($port, $path, $user) = @_;
    return call($port, 'POST', "$path/members",
        qq({"userId":"$user","roles":["member"]}));
}

sub revoke {
    my ($port, $path, $user) = @_;
    return call($port, 'DELETE', "$path/members/$user");
}

# A call of alice's that must succeed; 503 is repeated while the module's link
# to Redis comes up.
sub call {
    my ($port, $method, $path, $body) = @_;

    my $answer;
    for (1 .. 250) {
        $answer = Bench::Http::request($port, $method, $path, \%ALICE, $body);
        last if $answer->{status} != 503;
        sleep 0.02;
    }
    die "$method $path answered $answer->{status}: $answer->{body}\n"
        if $answer->{status} != 200;
    return $answer;
}

1;
