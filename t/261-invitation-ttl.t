# workspaces_invitation_ttl: what nginx takes, and what it does

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

our $Location = <<"END";
    location /api/workspaces {
        workspaces platform;
        $Identity
    }
    location /api/v1 {
        workspaces location;
        $Identity
    }
END

our $Ttl;

# How many seconds an invitation that was sent now holds.
sub main::seconds {
    my ($body) = @_;
    my ($then) = $body =~ /"expires_at":"([^"]+)"/ or return $body;
    my @then = $then =~ /(\d+)/g;
    $then[1]--;
    my $left = Time::Local::timegm(reverse @then) - time;
    my $most = $Ttl;
    return $left <= $most && $left > $most - 60 ? 'as it should be' : $left;
}

use Time::Local ();

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * blocks() * 3;

no_long_string();
run_tests();

__DATA__

=== TEST 1: 7 days unless something else is said
--- config eval: $main::Location
--- init
$main::Ttl = 7 * 24 * 3600;
main::given('alice POST / {"name":"A"}');
--- request
POST /api/v1/workspace/invitations
{"email":"a@b.c"}
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- error_code: 201
--- response_body_filters eval: \&main::seconds
--- response_body: as it should be



=== TEST 2: another time
--- http_config eval: $t::Platform::HttpConfig . "workspaces_invitation_ttl 1m;"
--- config eval: $main::Location
--- init
$main::Ttl = 60;
main::given('alice POST / {"name":"A"}');
--- request
POST /api/v1/workspace/invitations
{"email":"a@b.c"}
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- error_code: 201
--- response_body_filters eval: \&main::seconds
--- response_body: as it should be



=== TEST 3: a year at most
--- http_config eval: $t::Platform::HttpConfig . "workspaces_invitation_ttl 1y;"
--- config eval: $main::Location
--- init
$main::Ttl = 365 * 24 * 3600;
main::given('alice POST / {"name":"A"}');
--- request
POST /api/v1/workspace/invitations
{"email":"a@b.c"}
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- error_code: 201
--- response_body_filters eval: \&main::seconds
--- response_body: as it should be



=== TEST 4: less than a minute is refused
--- http_config eval: $t::Platform::HttpConfig . "workspaces_invitation_ttl 59s;"
--- config
--- must_die
--- error_log
invalid time "59s" in "workspaces_invitation_ttl": write one from 1m to 1y, like "7d"



=== TEST 5: more than a year is refused
--- http_config eval: $t::Platform::HttpConfig . "workspaces_invitation_ttl 366d;"
--- config
--- must_die
--- error_log
invalid time "366d" in "workspaces_invitation_ttl": write one from 1m to 1y, like "7d"



=== TEST 6: what is no time is refused
--- http_config eval: $t::Platform::HttpConfig . "workspaces_invitation_ttl never;"
--- config
--- must_die
--- error_log
invalid time "never" in "workspaces_invitation_ttl": write one from 1m to 1y, like "7d"



=== TEST 7: milliseconds are refused
--- http_config eval: $t::Platform::HttpConfig . "workspaces_invitation_ttl 60000ms;"
--- config
--- must_die
--- error_log
invalid time "60000ms" in "workspaces_invitation_ttl": write one from 1m to 1y, like "7d"



=== TEST 8: it is written once
--- http_config eval: $t::Platform::HttpConfig . "workspaces_invitation_ttl 1d; workspaces_invitation_ttl 1d;"
--- config
--- must_die
--- error_log
"workspaces_invitation_ttl" directive is duplicate



=== TEST 9: it is of http
--- config
    workspaces_invitation_ttl 1d;
--- must_die
--- error_log
"workspaces_invitation_ttl" directive is not allowed here
