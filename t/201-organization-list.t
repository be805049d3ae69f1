# GET /workspaces of the organization dialect

use lib '.';
use t::Organization;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 84);

no_long_string();
run_tests();

__DATA__

=== TEST 1: one's own, in the order of ids, with their number
--- init
main::given('alice POST /organizations {"name":"Acme"}',
    'alice POST /workspaces {"name":"A","organization_id":"ORG"}', 'bob POST /workspaces {"name":"B","organization_id":"ORG"}');
main::platform('alice POST / {"name":"C"}');
--- request
GET /api/v1/workspaces
--- more_headers
X-User: alice
--- response_body: {"success":true,"data":{"workspaces":[{"id":1,"name":"Default","slug":"default","organization_id":"ORG","is_default":true},{"id":2,"name":"A","slug":"a","organization_id":"ORG","is_default":false},{"id":4,"name":"C","slug":"c","organization_id":"ORG","is_default":false}],"total_count":3,"message":"Workspaces listed successfully"},"message":"Workspaces listed successfully"}



=== TEST 2: nothing
--- request eval: ["GET /api/v1/workspaces", "GET /api/v1/organizations/ORG/workspaces?skip=7", "HEAD /api/v1/workspaces"]
--- more_headers
X-User: alice
--- error_code eval: [200, 200, 200]
--- response_body eval
[('{"success":true,"data":{"workspaces":[],"total_count":0,"message":"Workspaces listed successfully"},"message":"Workspaces listed successfully"}') x 2, '']



=== TEST 3: pages, and all of them for a tenant admin
--- init
main::given(map qq(alice POST /workspaces {"name":"W$_","organization_id":"ORG"}), 1 .. 7);
main::given('bob POST /workspaces {"name":"of bob","organization_id":"ORG"}');
--- request eval
[(map "GET /api/v1/workspaces?$_", 'limit=3', 'skip=3&limit=3', 'limit=3&skip=6', 'skip=7'),
 (map "GET /api/v1/organizations/ORG/workspaces?$_", 'limit=1&skip=7', 'skip=8&limit=100')]
--- more_headers eval
[("X-User: alice") x 4, ("X-User: root") x 2]
--- error_code eval: [(200) x 6]
--- response_body_like eval
[qr/"workspaces":\[\{"id":1,[^{]*\{"id":2,[^{]*\{"id":3,[^{]*\],"total_count":7,/, qr/\[\{"id":4,[^{]*\{"id":5,[^{]*\{"id":6,[^{]*\],"total_count":7,/,
 qr/\[\{"id":7,[^{]*\],"total_count":7,/, qr/"workspaces":\[\],"total_count":7,/,
 qr/\[\{"id":8,"name":"of bob",[^{]*\],"total_count":8,/, qr/"workspaces":\[\],"total_count":8,/]



=== TEST 4: what is no page
--- request eval
[map "GET /api/v1/workspaces?$_", 'limit=0', 'limit=101', 'limit=-1', 'limit=x', 'limit=', 'limit=1000000000', 'skip=-1', 'skip=', 'skip=1.5',
 'skip=9007199254740993', 'skip=%zz']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 11]
--- response_body_like eval
[(qr/^\{"error":\{"code":"VALIDATION_ERROR","message":"limit must be a number of 1 to 100","details":\{"field":"limit","reason":"limit must be a number of 1 to 100"},"timestamp":"TIME"}}$/) x 6,
 (qr/^\{"error":\{"code":"VALIDATION_ERROR","message":"skip must be a number of 0 or more","details":\{"field":"skip",/) x 4,
 qr/^\{"error":\{"code":"VALIDATION_ERROR","message":"the query string is malformed","timestamp":"TIME"}}$/]



=== TEST 5: a member sees it, and who was removed or whose workspace is gone does not
--- init
main::given('alice POST /workspaces {"name":"A","organization_id":"ORG"}', 'alice POST /workspaces {"name":"B","organization_id":"ORG"}');
main::platform('alice POST /1/members {"userId":"bob","roles":["viewer"]}', 'alice POST /2/members {"userId":"bob","roles":["viewer"]}');
--- request eval
['GET /api/v1/workspaces', 'DELETE /api/workspaces/1/members/bob', 'GET /api/v1/workspaces', 'DELETE /api/v1/workspaces/2', 'GET /api/v1/workspaces']
--- more_headers eval
[map "X-User: $_", 'bob', 'alice', 'bob', 'alice', 'bob']
--- error_code eval: [(200) x 5]
--- response_body_like eval
[qr/\{"id":1,.*\{"id":2,.*"total_count":2,/, qr/removed/, qr/\[\{"id":2,[^{]*\],"total_count":1,/, qr/deleted/, qr/"workspaces":\[\],"total_count":0,/]
