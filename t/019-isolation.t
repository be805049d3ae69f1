# Tenants do not see each other, and what a client says of itself counts only
# where it is asked for

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 129);

no_long_string();
run_tests();

__DATA__

=== TEST 1: every route treats another tenant's workspace as if it were not there
--- init
main::given('alice POST / [X-Tenant: a] {"name":"A"}', 'alice POST / [X-Tenant: a] {"name":"A2"}',
    'alice POST /2/members [X-Tenant: a] {"userId":"bob","roles":["x"]}', 'root POST /2/encrypted [X-Tenant: a] {"s":1}',
    'alice POST / [X-Tenant: b] {"name":"B"}');
--- request eval
[map { ("GET $_", "PUT $_\n" . '{"name":"X"}', "DELETE $_", "POST $_/activate", "GET $_/members",
        "POST $_/members\n" . '{"userId":"carol","roles":["x"]}', "PUT $_/members/bob\n" . '{"roles":["x"]}',
        "DELETE $_/members/bob", "GET $_/encrypted", "POST $_/encrypted\n{}") } '/api/workspaces/2']
--- more_headers
X-User: root
X-Tenant: b
--- error_code eval: [(404) x 10]
--- response_body eval: [('{"message":"workspace not found"}') x 10]



=== TEST 2: an id is another workspace in another tenant
--- init
main::given('alice POST / [X-Tenant: a] {"name":"of a"}', 'alice POST / [X-Tenant: b] {"name":"of b"}');
--- request eval
["GET /api/workspaces/1", "PUT /api/workspaces/1\n" . '{"name":"changed"}', "GET /api/workspaces/1", "GET /api/workspaces",
 "GET /api/workspaces"]
--- more_headers eval
[map "X-User: alice\nX-Tenant: $_", 'a', 'b', 'a', 'a', 'b']
--- error_code eval: [(200) x 5]
--- response_body_like eval
[qr/of a/, qr/changed/, qr/of a/, qr/^\[[^{]*\{[^{]*of a[^{]*\]$/, qr/^\[[^{]*\{[^{]*changed[^{]*\]$/]



=== TEST 3: a tenant admin searches his own tenant only
--- init
main::given('alice POST / [X-Tenant: a] {"name":"of a","labels":["x"]}',
    'alice POST / [X-Tenant: b] {"name":"of b","labels":["x"]}', 'alice POST / [X-Tenant: b] {"name":"more of b"}');
--- request eval
[map "GET /api/workspaces/all?select=name$_", '', '&_id=1,2,3', '&labels=x', '&members.user=alice', '&name=of', '&q=of+b']
--- more_headers
X-User: root
X-Tenant: a
--- error_code eval: [(200) x 6]
--- response_body eval
[('[{"_id":"1","name":"of a"}]') x 5, '[]']



=== TEST 4: the active workspace is one of the tenant
--- init
main::given('alice POST / [X-Tenant: a] {"name":"A"}', 'alice POST / [X-Tenant: b] {"name":"B"}',
    'alice POST /1/activate [X-Tenant: a]');
--- request
GET /api/workspaces
--- more_headers
X-User: alice
X-Tenant: b
--- response_body: [{"_id":"1","name":"B","logo":null,"labels":[],"isPrivilegedUser":true}]



=== TEST 5: deleting a workspace leaves those of other tenants
--- init
main::given(map("alice POST / [X-Tenant: $_] {\"name\":\"$_\"}", 'a', 'b'), 'alice POST /1/activate [X-Tenant: b]',
    'alice DELETE /1 [X-Tenant: a]');
--- request
GET /api/workspaces
--- more_headers
X-User: alice
X-Tenant: b
--- response_body: [{"_id":"1","name":"b","logo":null,"labels":[],"isPrivilegedUser":true,"active":true}]



=== TEST 6: tenants whose names are alike are different
--- init
main::given('alice POST / [X-Tenant: t] {"name":"A"}');
--- request eval
[('GET /api/workspaces/1') x 5]
--- more_headers eval
[map "X-User: root\nX-Tenant: $_", 'T', 't:', 'tt', '%74', 't%20']
--- error_code eval: [(404) x 5]
--- response_body eval: [('{"message":"workspace not found"}') x 5]



=== TEST 7: headers that say who one is count in the one spelling that is configured
--- config
    location /api/workspaces {
        workspaces platform;
        workspaces_identity trusted tenant=$TEST_NGINX_TENANT user=$http_x_user admin=$http_x_admin;
    }
--- request eval
[('GET /api/workspaces/all') x 7]
--- more_headers eval
["X-User: alice\nX_Admin: on", "X-User: alice\nX-Admin : on", "X-User: alice\nX-Admin-: on", "X-User: alice\nAdmin: on",
 "X_User: alice", "X-User: alice\nX.Admin: on", "x-uSER: alice\nx-aDMIN: on"]
--- error_code_like eval: [(qr/^403$/) , qr/^40[03]$/, (qr/^403$/) x 2, qr/^401$/, qr/^403$/, qr/^200$/]
--- no_error_log
[alert]



=== TEST 8: of a header that comes twice no half makes an admin
--- config
    location /api/workspaces {
        workspaces platform;
        workspaces_identity trusted tenant=$TEST_NGINX_TENANT user=alice admin=$http_x_admin;
    }
--- request
GET /api/workspaces/all
--- more_headers
X-Admin: off
X-Admin: on
--- error_code: 403
--- response_body: {"message":"administrator privileges required"}



=== TEST 9: X-Workspace-ID, X-Tenant-ID and the like change nothing here
--- init
main::given('alice POST / {"name":"A"}', 'bob POST / {"name":"B"}');
--- request eval
['GET /api/workspaces/1', 'GET /api/workspaces']
--- more_headers
X-User: bob
X-Workspace-ID: 1
X-Tenant-ID: other
X-User-ID: alice
X-Original-URL: /api/workspaces/2
X-HTTP-Method-Override: DELETE
Forwarded: for=127.0.0.1
--- error_code eval: [404, 200]
--- response_body_like eval: [qr/^{"message":"workspace not found"}$/, qr/^\[\{"_id":"2"[^{]*\]$/]



=== TEST 10: a query does not say who one is
--- init
main::given('alice POST / {"name":"A"}');
--- request
GET /api/workspaces/1?user=alice&tenant=x&admin=on&_method=DELETE
--- more_headers
X-User: bob
--- error_code: 404
--- response_body: {"message":"workspace not found"}



=== TEST 11: a name with a line end of another header gets into no header and no log line
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"x\u00e9","roles":["x"]}');
--- request eval
["PUT /api/workspaces/1\n" . '{"name":"a\r\nX-Evil: 1"}', "POST /api/workspaces/1/members\n" . '{"userId":"a\r\nX-Evil: 1","roles":["x"]}',
 "PUT /api/workspaces/1\n" . '{"logo":"https://a\r\nX-Evil: 1"}']
--- more_headers
X-User: alice
--- error_code eval: [400, 400, 400]
--- raw_response_headers_unlike eval: [(qr/X-Evil/) x 3]
--- response_body_unlike eval: [(qr/Evil/) x 3]
--- no_error_log
X-Evil
[alert]



=== TEST 12: two mounts with identities of their own do not mix
--- config
    location /a {
        workspaces platform;
        workspaces_identity trusted tenant=$TEST_NGINX_TENANT-a user=$http_x_user admin=on;
    }
    location /b {
        workspaces platform;
        workspaces_identity trusted tenant=$TEST_NGINX_TENANT-b user=$http_x_user;
    }
--- request eval
["POST /a\n" . '{"name":"A"}', 'GET /a/1', 'GET /b/1', 'GET /b', 'GET /b/all', 'GET /a/all?limit=1&select=_id']
--- more_headers
X-User: alice
--- error_code eval: [200, 200, 404, 200, 403, 200]
--- response_body_like eval
[(qr/^{"_id":"1"/) x 2, qr/^{"message":"workspace not found"}$/, qr/^\[\]$/, qr/administrator/, qr/^\[\{"_id":"1"\}\]$/]
