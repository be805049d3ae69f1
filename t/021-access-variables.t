# $workspace_*

use lib '.';
use t::Edge;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare_edge);

plan tests => repeat_each() * (blocks() * 8 + 13);

no_long_string();
no_root_location();
run_tests();

__DATA__

=== TEST 1: all of them, of an owner
--- init
main::given('alice POST / {"name":"A"}', 'alice PUT /1 {"name":"Branch 1"}');
main::external_id_of(1, 'ats-7');
main::settings_of(1, '{"region":"eu","seats":5,"beta":true,"deep":{"x":1},"none":null}');
--- config
location / {
    workspaces_access on;
    add_header X-Id "$workspace_id";
    add_header X-External "$workspace_external_id";
    add_header X-Name "$workspace_name";
    add_header X-Of "$workspace_tenant";
    add_header X-Who "$workspace_user";
    add_header X-Roles "$workspace_roles";
    add_header X-Permissions "$workspace_permissions";
    add_header X-Revision "$workspace_revision";
    add_header X-Decision "$workspace_decision, $workspace_reason";
    add_header X-Settings "$workspace_setting_region, $workspace_setting_seats, $workspace_setting_beta, <$workspace_setting_deep$workspace_setting_none$workspace_setting_other>";
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- response_headers
X-Id: 1
X-External: ats-7
X-Name: Branch 1
X-Who: alice
X-Roles: owner,admin,user
X-Permissions: *:*
X-Revision: 2
X-Decision: allowed, owner
X-Settings: eu, 5, true, <>
--- raw_response_headers_like: X-Of: t-\d+-\d+-\d+\r\n



=== TEST 2: of a member, and of a tenant admin who is none
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["viewer","x"]}');
--- config
location / {
    workspaces_access on;
    add_header X-Decision "$workspace_decision, $workspace_reason, $workspace_roles, $workspace_permissions";
    proxy_pass http://backend;
}
--- request eval
[("GET /") x 2]
--- more_headers eval
["X-User: bob\nX-Workspace-ID: 1", "X-User: root\nX-Workspace-ID: 1"]
--- response_headers eval
["X-Decision: allowed, member, viewer,x, *:view,*:read",
 "X-Decision: allowed, tenant_admin, , *:*"]



=== TEST 3: where nothing is decided there are none
--- config
location / {
    add_header X-All "<$workspace_id$workspace_external_id$workspace_name$workspace_tenant$workspace_user$workspace_roles$workspace_permissions$workspace_revision$workspace_decision$workspace_reason$workspace_setting_region>";
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- response_headers
X-All: <>



=== TEST 4: of a refused one only who he is, and why
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["viewer"]}');
main::settings_of(1, '{"region":"eu"}');
--- config
location / {
    workspaces_access docs:write;
    add_header X-Decision "$workspace_decision, $workspace_reason, $workspace_user" always;
    add_header X-All "<$workspace_id$workspace_external_id$workspace_name$workspace_roles$workspace_permissions$workspace_revision$workspace_setting_region>" always;
    proxy_pass http://backend;
}
--- request eval
[("GET /") x 4]
--- more_headers eval
["X-User: bob\nX-Workspace-ID: 1", "X-User: carol\nX-Workspace-ID: 1", "X-Workspace-ID: 1",
 "X-User: bob\nX-Workspace-ID: x"]
--- error_code eval: [403, 404, 401, 400]
--- response_headers eval
["X-Decision: refused, no_permission, bob\nX-All: <>", "X-Decision: refused, not_member, carol\nX-All: <>",
 "X-Decision: refused, no_identity, \nX-All: <>", "X-Decision: refused, bad_header, bob\nX-All: <>"]



=== TEST 5: the access log has them
--- init
main::given('alice POST / {"name":"A"}');
--- config
access_log $TEST_NGINX_SERVER_ROOT/logs/access.log decision;
location / {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request eval
["GET /", "GET /"]
--- more_headers eval
["X-User: alice\nX-Workspace-ID: 1", "X-User: bob\nX-Workspace-ID: 1"]
--- error_code eval: [200, 404]
--- access_log eval
qr/^decision=(?:allowed reason=owner tenant=t\S+ user=alice id=1 status=200|refused reason=not_member tenant=t\S+ user=bob id=- status=404)$/m



=== TEST 6: looked at too early they are none, and right again after
--- init
main::given('alice POST / {"name":"A"}');
--- http_config
limit_req_zone $workspace_id zone=early:1m rate=1r/m;
--- config
set $early "<$workspace_id$workspace_decision>";
location / {
    set $earlier "<$workspace_id>";
    limit_req zone=early;
    workspaces_access on;
    add_header X-Early "$early $earlier $workspace_id";
    proxy_pass http://backend;
}
--- request eval
["GET /", "GET /"]
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- response_headers eval
[("X-Early: <> <> 1") x 2]



=== TEST 7: the last decision counts
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["viewer"]}');
--- config
access_log $TEST_NGINX_SERVER_ROOT/logs/access.log decision;
location /elsewhere {
    workspaces_access docs:read;
    proxy_pass http://backend;
}
location /write {
    workspaces_access docs:write;
    add_header X-Decision "$workspace_decision $workspace_reason $workspace_id" always;
    proxy_pass http://backend;
}
--- request
GET /elsewhere
--- more_headers
X-User: bob
X-Workspace-ID: 1
X-Elsewhere: /write
--- error_code: 403
--- response_headers
X-Decision: refused no_permission
--- access_log
decision=refused reason=no_permission



=== TEST 8: it is known where a page of the gateway or an open location answers
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    error_page 404 @gone;
    proxy_pass http://backend;
}
location @gone {
    add_header X-Decision "$workspace_decision $workspace_user" always;
    return 404 "gone";
}
location /elsewhere {
    workspaces_access on;
    proxy_pass http://backend;
}
location /open {
    add_header X-Decision "$workspace_decision $workspace_id";
    proxy_pass http://backend;
}
--- request eval
["GET /", "GET /elsewhere"]
--- more_headers eval
["X-User: bob\nX-Workspace-ID: 1", "X-User: alice\nX-Workspace-ID: 1\nX-Elsewhere: /open"]
--- error_code eval: [404, 200]
--- response_headers eval
["X-Decision: refused bob", "X-Decision: allowed 1"]



=== TEST 9: log only: they tell what would have been
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    workspaces_access_log_only on;
    add_header X-Decision "$workspace_decision $workspace_reason <$workspace_id>";
    proxy_pass http://backend;
}
--- request eval
["GET /", "GET /"]
--- more_headers eval
["X-User: alice\nX-Workspace-ID: 1", "X-User: bob\nX-Workspace-ID: 1"]
--- response_headers eval
["X-Decision: allowed owner <1>", "X-Decision: refused not_member <>"]



=== TEST 10: a setting with a line break is none
--- init
main::given('alice POST / {"name":"A"}');
main::settings_of(1, '{"region":"eu\r\nX-Evil: 1","zone":"b\u0001c","place":"d\u007fe","name":"\u00e4"}');
--- config
location / {
    workspaces_access on;
    add_header X-Settings "<$workspace_setting_region$workspace_setting_zone$workspace_setting_place>";
    add_header X-Name "$workspace_setting_name";
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- response_headers eval
"X-Settings: <>\nX-Name: \xc3\xa4\n! X-Evil"



=== TEST 11: a stored name with a line break gets into no header
--- init
main::given('alice POST / {"name":"A"}');
main::redis('HSET', (main::workspace(1))[0], 'name', "A\r\nX-Evil: 1");
--- config
location / {
    workspaces_access on;
    workspaces_forward on;
    add_header X-Name "<$workspace_name>";
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- response_headers
X-Name: <>
! X-Evil
--- response_body_like: id=1 external= name= tenant=TENANT



=== TEST 12: nor does one with a NUL or another control character
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}', 'alice POST / {"name":"C"}');
main::redis('HSET', (main::workspace(1))[0], 'name', "A\0B");
main::redis('HSET', (main::workspace(2))[0], 'name', "A\x1bB");
main::redis('HSET', (main::workspace(3))[0], 'name', "A\tB\x7f");
--- config
location / {
    workspaces_access on;
    workspaces_forward on;
    add_header X-Name "<$workspace_name>";
    proxy_pass http://backend;
}
--- request eval
[("GET /") x 3]
--- more_headers eval
[map "X-User: alice\nX-Workspace-ID: $_", 1 .. 3]
--- response_headers eval
[("X-Name: <>") x 3]
--- response_body_like eval
[map qr/id=$_ external= name= tenant=TENANT/, 1 .. 3]



=== TEST 13: a map of a setting chooses the backend
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}', 'alice POST / {"name":"C"}');
main::settings_of(1, '{"region":"eu"}');
main::settings_of(2, '{"region":"us"}');
--- http_config
map $workspace_setting_region $region_backend {
    default backend;
    us      other;
}
upstream other {
    server unix:$TEST_NGINX_SERVER_ROOT/other.sock;
}
server {
    listen unix:$TEST_NGINX_SERVER_ROOT/other.sock;
    return 200 "the other\n";
}
--- config
location / {
    workspaces_access on;
    proxy_pass http://$region_backend;
}
--- request eval
[("GET /") x 3]
--- more_headers eval
[map "X-User: alice\nX-Workspace-ID: $_", 1 .. 3]
--- response_body_like eval
[qr/id=1/, qr/the other/, qr/id=3/]



=== TEST 14: a limit for each workspace: in a named location, after the decision
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}');
--- http_config
limit_req_zone $workspace_tenant/$workspace_id zone=each:1m rate=1r/m;
limit_req_zone $binary_remote_addr zone=addresses:1m rate=1000r/s;
--- config
location / {
    workspaces_access on;
    try_files /no/such/file @limited;
}
location @limited {
    limit_req zone=addresses burst=1000 nodelay;
    limit_req zone=each burst=1 nodelay;
    workspaces_forward on;
    proxy_pass http://backend;
}
--- request eval
[("GET /x?y") x 5, "POST /x?y\nbody"]
--- more_headers eval
[map "X-User: alice\nX-Workspace-ID: $_", 1, 1, 1, 2, 2, 2]
--- error_code eval: [200, 200, 503, 200, 200, 503]
--- response_body_like eval
[qr{^/x\?y id=1}, qr/id=1/, qr/nginx/, qr{^/x\?y id=2}, qr/id=2/, qr/nginx/]
--- no_error_log
[alert]



=== TEST 15: or in a second hop, by the header that the first has verified
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}');
--- http_config
limit_req_zone $http_x_workspace_id zone=hop:1m rate=1r/m;
server {
    listen unix:$TEST_NGINX_SERVER_ROOT/limits.sock;
    location / {
        limit_req zone=hop;
        proxy_pass http://backend;
    }
}
--- config
location / {
    workspaces_access on;
    workspaces_forward on;
    proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/limits.sock;
}
--- request eval
[("GET /") x 4]
--- more_headers eval
[map "X-User: alice\nX-Workspace-ID: $_", 1, 1, 2, 2]
--- error_code eval: [200, 503, 200, 503]
--- no_error_log
[alert]



=== TEST 16: a cache key for each workspace
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}');
--- http_config
proxy_cache_path $TEST_NGINX_SERVER_ROOT/cache keys_zone=pages:1m;
--- config
location / {
    workspaces_access on;
    workspaces_forward on;
    proxy_cache pages;
    proxy_cache_valid 1m;
    proxy_cache_key "$workspace_tenant\t$workspace_id\t$request_uri";
    add_header X-Cache $upstream_cache_status;
    proxy_pass http://backend;
}
--- request eval
[("GET /") x 4]
--- more_headers eval
["X-User: alice\nX-Workspace-ID: 1", "X-User: alice\nX-Workspace-ID: 1",
 "X-User: alice\nX-Workspace-ID: 2", "X-User: bob\nX-Workspace-ID: 1"]
--- error_code eval: [200, 200, 200, 404]
--- response_headers eval
["X-Cache: MISS", "X-Cache: HIT", "X-Cache: MISS", "! X-Cache"]
--- response_body_like eval
[qr/id=1/, qr/id=1/, qr/id=2/, qr/not found/]



=== TEST 17: which no tenant can make that of another
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}');
--- http_config
proxy_cache_path $TEST_NGINX_SERVER_ROOT/cache keys_zone=pages:1m;
--- config
location / {
    workspaces_access on;
    workspaces_forward on;
    proxy_cache pages;
    proxy_cache_valid 1m;
    proxy_cache_key "$workspace_tenant\t$workspace_id\t$request_uri";
    add_header X-Cache $upstream_cache_status;
    proxy_pass http://backend;
}
--- request eval
[(qq(POST /api/workspaces\n{"name":"A"})) x 2, "GET /2/x", "GET /x"]
--- more_headers eval
[("X-User: alice\nX-Tenant: /1") x 2, "X-User: alice\nX-Workspace-ID: 1",
 "X-User: alice\nX-Tenant: /1\nX-Workspace-ID: 2"]
--- response_headers eval
[("! X-Cache") x 2, ("X-Cache: MISS") x 2]
--- response_body_like eval
[(qr/"_id"/) x 2, qr{^/2/x id=1 .* tenant=TENANT user}, qr{^/x id=2 .* tenant=TENANT/1 user}]



=== TEST 18: subrequests see those of the request
--- init
main::given('alice POST / {"name":"A"}');
--- user_files
>>> page.html
<!--#include virtual="/part" --><!--#echo var="workspace_id" -->
--- config
location = /page.html {
    workspaces_access on;
    ssi on;
    ssi_types text/plain;
}
location /part {
    proxy_set_header X-Workspace-ID "$workspace_id/$workspace_decision";
    proxy_pass http://backend;
}
--- request
GET /page.html
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- response_body_like: ^/part id=1/allowed .*\n1$
