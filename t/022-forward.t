# workspaces_forward

use lib '.';
use t::Edge;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare_edge);

plan tests => repeat_each() * (blocks() * 3 + 8);

no_long_string();
no_root_location();
run_tests();

__DATA__

=== TEST 1: the backend gets what has been verified, once each
--- init
main::given('alice POST / {"name":"Branch 1"}');
main::external_id_of(1, 'ats-7');
--- config
location / {
    workspaces_access on;
    workspaces_forward on;
    proxy_pass http://echo;
}
--- tcp_reply eval
\&main::echo
--- request
GET /
--- more_headers
X-User: alice
X-Workspace-ID: 1
X-Other: stays
--- response_body_like eval
qr/\AGET \/ HTTP\/1\.\d\r
Host: echo\r
(?:Connection: close\r
)?X-User: alice\r
X-Other: stays\r
X-Workspace-ID: 1\r
X-ATS-Client-ID: ats-7\r
X-Workspace-Name: Branch 1\r
X-Workspace-Tenant: TENANT\r
X-Workspace-User: alice\r
X-Workspace-Roles: owner,admin,user\r
X-Workspace-Permissions: \*:\*\r
\r
\z/



=== TEST 2: what the client sent under those names is gone, in any spelling
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/activate');
--- config
underscores_in_headers on;
ignore_invalid_headers off;
location / {
    workspaces_access on;
    workspaces_forward on;
    proxy_pass http://echo;
}
--- tcp_reply eval
\&main::echo
--- request
GET /
--- more_headers
X-User: alice
x-workspace-id: 1
X_Workspace_Id: evil
X.Workspace.ID: evil
X-Workspace_ID: evil
X-WORKSPACE-USER: evil
x_workspace_user: evil
x-Workspace-Tenant: evil
X_WORKSPACE_TENANT: evil
X-Workspace-Roles: evil
X-Workspace-Roles: evil
x_workspace-roles: evil
X-Workspace-Permissions: evil
X_Workspace_Permissions: evil
X-Workspace-Name: evil
X_Workspace_Name: evil
X_ATS_Client_ID: evil
X-API-Key: evil
x_api_key: evil
X-Workspace-Identity: stays
Authorization: Bearer stays
--- response_body_like eval
qr/\AGET \/ HTTP\/1\.\d\r
Host: echo\r
(?:Connection: close\r
)?X-User: alice\r
X-Workspace-Identity: stays\r
Authorization: Bearer stays\r
X-Workspace-ID: 1\r
X-Workspace-Name: A\r
X-Workspace-Tenant: TENANT\r
X-Workspace-User: alice\r
X-Workspace-Roles: owner,admin,user\r
X-Workspace-Permissions: \*:\*\r
\r
\z/



=== TEST 3: where nothing has been decided they are gone as well
--- config
location / {
    workspaces_forward on;
    proxy_pass http://echo;
}
--- tcp_reply eval
\&main::echo
--- request
GET /
--- more_headers
X-Workspace-ID: 1
X-Workspace-User: evil
X-ATS-Client-ID: evil
X-API-Key: evil
X-Other: stays
--- response_body_like eval
qr/\AGET \/ HTTP\/1\.\d\r
Host: echo\r
(?:Connection: close\r
)?X-Other: stays\r
\r
\z/



=== TEST 4: so they are of a request that log only has let through
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    workspaces_access_log_only on;
    workspaces_forward on;
    proxy_pass http://backend;
}
--- request eval
["GET /", "GET /"]
--- more_headers eval
["X-User: bob\nX-Workspace-ID: 1\nX-Workspace-User: alice", "X-User: alice\nX-Workspace-ID: 1"]
--- response_body_like eval
[qr/^\/ id= external= name= tenant= user= roles= permissions=$/, qr/ id=1 .* user=alice /]



=== TEST 5: off, nothing is touched
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-User: alice
X-Workspace-ID: 1
X-Workspace-User: mallory
--- response_body_like: id=1 external= name= tenant= user=mallory roles=



=== TEST 6: proxy_set_header goes before it
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    workspaces_forward on;
    proxy_set_header X-Workspace-Name "";
    proxy_set_header x-workspace-user "<$workspace_user>";
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- response_body_like: id=1 external= name= tenant=TENANT user=<alice> roles=



=== TEST 7: the names of workspaces_header are verified too
--- init
main::given('alice POST / {"name":"A"}');
main::external_id_of(1, 'ats-7');
--- config
location / {
    workspaces_header id=X-Branch external=X-Partner-Ref;
    workspaces_access on;
    workspaces_forward on;
    proxy_pass http://echo;
}
--- tcp_reply eval
\&main::echo
--- request
GET /
--- more_headers
X-User: alice
X-Branch: 1
X-Partner-Ref: evil
X-ATS-Client-ID: evil
--- response_body_like eval
qr/\AGET \/ HTTP\/1\.\d\r
Host: echo\r
(?:Connection: close\r
)?X-User: alice\r
X-Workspace-ID: 1\r
X-ATS-Client-ID: ats-7\r
X-Workspace-Name: A\r
X-Workspace-Tenant: TENANT\r
X-Workspace-User: alice\r
X-Workspace-Roles: owner,admin,user\r
X-Workspace-Permissions: \*:\*\r
X-Branch: 1\r
X-Partner-Ref: ats-7\r
\r
\z/



=== TEST 8: after redirects there is one of each
--- init
main::given('alice POST / {"name":"A"}');
--- config
workspaces_forward on;
location / {
    workspaces_access on;
    try_files /nothing @second;
}
location @second {
    workspaces_access docs:read;
    error_page 502 = @third;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
location @third {
    proxy_pass http://echo;
}
--- tcp_reply eval
\&main::echo
--- request
GET /
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- response_body_like eval
qr/\AGET \/ HTTP\/1\.\d\r
Host: echo\r
(?:Connection: close\r
)?X-User: alice\r
X-Workspace-ID: 1\r
X-Workspace-Name: A\r
X-Workspace-Tenant: TENANT\r
X-Workspace-User: alice\r
X-Workspace-Roles: owner,admin,user\r
X-Workspace-Permissions: \*:\*\r
\r
\z/
--- no_error_log
[alert]



=== TEST 9: auth_request before the decision gets nothing that a client made up
--- init
main::given('alice POST / {"name":"A"}');
--- config
workspaces_forward on;
location = /check {
    internal;
    proxy_set_header X-Token "$http_x_workspace_id$http_x_workspace_user";
    proxy_pass http://backend/whoami;
}
location / {
    auth_request /check;
    workspaces_access on;
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-User: alice
X-Workspace-ID: 1
X-Workspace-User: evil
--- error_code: 401
--- response_body_like: <center>nginx



=== TEST 10: and leaves the request its own
--- init
main::given('alice POST / {"name":"A"}');
--- config
workspaces_forward on;
location = /check {
    internal;
    proxy_set_header X-Token "yes";
    proxy_pass http://backend/whoami;
}
location / {
    auth_request /check;
    workspaces_access on;
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- response_body_like: id=1 .* user=alice



=== TEST 11: a mirror gets what the backend gets
--- init
main::given('alice POST / {"name":"A"}');
--- http_config
log_format mirrored '$request_uri $http_x_workspace_id $http_x_workspace_user $http_x_workspace_name.';
server {
    listen unix:$TEST_NGINX_SERVER_ROOT/mirror.sock;
    access_log $TEST_NGINX_SERVER_ROOT/logs/access.log mirrored;
    location / {
        return 200;
    }
}
--- config
location = /mirror {
    internal;
    workspaces_forward on;
    proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/mirror.sock;
}
location / {
    workspaces_access on;
    workspaces_forward on;
    mirror /mirror;
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-User: alice
X-Workspace-ID: 1
X-Workspace-Name: evil
--- response_body_like: id=1
--- access_log
/mirror 1 alice A.



=== TEST 12: what was asked for before is asked for anew
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/activate');
--- http_config
map $http_x_workspace_roles $by_role {
    default  0;
    root     1;
}
--- config
if ($http_x_workspace_user = "nobody") {
    return 400;
}
location / {
    workspaces_access on;
    workspaces_forward on;
    set $claimed $http_x_workspace_user;
    proxy_set_header X-As $http_x_workspace_user;
    proxy_set_header X-Claimed $claimed;
    proxy_set_header X-Key "[$http_x_api_key]";
    proxy_set_header X-Root $by_role;
    proxy_pass http://echo;
}
--- tcp_reply eval
\&main::echo
--- request
GET /
--- more_headers
X-User: alice
X-API-Key: a-key
X-Workspace-User: root
X-Workspace-Roles: root
--- response_body_like eval
qr/X-As: alice\r
X-Claimed: root\r
X-Key: \[\]\r
X-Root: 0\r
/



=== TEST 13: an id that a header would make another one is not told
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/activate',
    'alice POST /1/members {"userId":"alice ","roles":["viewer"]}',
    'alice POST /1/members {"userId":" alice","roles":["viewer"]}');
--- config
location / {
    workspaces_access on;
    workspaces_forward on;
    location /after {
        workspaces_identity trusted tenant=$TEST_NGINX_TENANT "user=alice ";
        proxy_pass http://backend;
    }
    location /before {
        workspaces_identity trusted tenant=$TEST_NGINX_TENANT "user= alice";
        proxy_pass http://backend;
    }
}
--- request eval
["GET /after", "GET /before"]
--- more_headers
X-Workspace-ID: 1
X-Workspace-User: root
--- response_body_like eval
[(qr/ id=1 .* tenant=TENANT user= roles=viewer /) x 2]



=== TEST 14: forty headers of a client
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    workspaces_forward on;
    proxy_pass http://echo;
}
--- tcp_reply eval
\&main::echo
--- request
GET /
--- more_headers eval
CORE::join "\n", "X-User: alice", (map "X-Filler-$_: $_\nX-Workspace-Roles: evil$_", 1 .. 40), "X-Workspace-ID: 1"
--- response_body_like eval
qr/X-Filler-1: 1\r\nX-Filler-2: 2\r\n.*X-Filler-40: 40\r\nX-Workspace-ID: 1\r\n(?!.*evil)/s
--- response_body_unlike: evil
