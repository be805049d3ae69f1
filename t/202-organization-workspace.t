# GET, PUT and DELETE /workspaces/{id} of the organization dialect

use lib '.';
use t::Organization;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 168);

no_long_string();
run_tests();

__DATA__

=== TEST 1: the answers
--- init
main::given('alice POST /workspaces {"name":"A","organization_id":"ORG"}');
--- request eval
['GET /api/v1/workspaces/1', 'PUT /api/v1/workspaces/1
{"name":"B","settings":{"x":1}}', 'GET /api/v1/organizations/ORG/workspaces/1', 'DELETE /api/v1/workspaces/1', 'GET /api/v1/workspaces/1']
--- more_headers
X-User: alice
--- error_code eval: [200, 200, 200, 200, 404]
--- response_body eval
['{"success":true,"data":{"workspace":{"id":1,"name":"A","slug":"a","organization_id":"ORG","is_default":false},"message":"Workspace retrieved successfully"},"message":"Workspace retrieved successfully"}',
 '{"success":true,"data":{"workspace":{"id":1,"name":"B","updated_at":"TIME"},"message":"Workspace updated successfully"},"message":"Workspace updated successfully"}',
 '{"success":true,"data":{"workspace":{"id":1,"name":"B","slug":"a","organization_id":"ORG","is_default":false},"message":"Workspace retrieved successfully"},"message":"Workspace retrieved successfully"}',
 '{"success":true,"data":{"message":"Workspace deleted successfully"},"message":"Workspace deleted successfully"}',
 '{"error":{"code":"RESOURCE_NOT_FOUND","message":"workspace not found","timestamp":"TIME"}}']



=== TEST 2: who may not, and who may not even know
--- init
main::given('alice POST /workspaces {"name":"A","organization_id":"ORG"}');
main::platform('alice POST /1/members {"userId":"bob","roles":["member"]}');
--- request eval
[('GET /api/v1/workspaces/1', 'PUT /api/v1/workspaces/1
{"name":"B"}', 'DELETE /api/v1/workspaces/1') x 2]
--- more_headers eval
[map "X-User: $_", ('bob') x 3, ('mallory') x 3]
--- error_code eval: [200, 403, 403, 404, 404, 404]
--- response_body_like eval
[qr/"name":"A"/, (qr/^\{"error":\{"code":"PERMISSION_DENIED","message":"workspace admin privileges required","timestamp":"TIME"}}$/) x 2,
 (qr/^\{"error":\{"code":"RESOURCE_NOT_FOUND","message":"workspace not found","timestamp":"TIME"}}$/) x 3]



=== TEST 3: a new name must be free
--- init
main::given('alice POST /workspaces {"name":"A","organization_id":"ORG"}', 'bob POST /workspaces {"name":"B","organization_id":"ORG"}');
main::platform('bob POST / {"name":"P"}');
--- request eval
[map qq(PUT /api/v1/workspaces/1\n{"name":$_}), '"B"', '"P"', '"A"', '"C"', '""', 'null', '7']
--- more_headers
X-User: alice
--- error_code eval: [409, 409, 200, 200, 400, 400, 400]
--- response_body_like eval
[(qr/^\{"error":\{"code":"CONFLICT","message":"this name is taken by another workspace","details":\{"field":"name","reason":"this name is taken by another workspace"},"timestamp":"TIME"}}$/) x 2,
 qr/"name":"A"/, qr/"name":"C"/,
 (qr/^\{"error":\{"code":"VALIDATION_ERROR","message":"name must be [^"]*","details":\{"field":"name",/) x 3]



=== TEST 4: the revision
--- init
main::given('alice POST /workspaces {"name":"A","organization_id":"ORG"}');
--- request eval
['GET /api/v1/workspaces/1', 'PUT /api/v1/workspaces/1
{"name":"B"}', 'PUT /api/v1/workspaces/1
{"name":"C"}', 'GET /api/v1/workspaces/1']
--- more_headers eval
["X-User: alice\nIf-None-Match: \"1\"", "X-User: alice\nIf-Match: \"1\"", "X-User: alice\nIf-Match: \"1\"", "X-User: alice"]
--- error_code eval: [304, 200, 412, 200]
--- raw_response_headers_like eval
[qr/ETag: "1"/, qr/ETag: "2"/, qr/json/, qr/ETag: "2"/]



=== TEST 5: the default workspace stays, whoever asks and in whatever dialect
--- init
main::given('alice POST /organizations {"name":"Acme"}');
--- request eval
['DELETE /api/v1/workspaces/1', 'DELETE /api/v1/organizations/ORG/workspaces/1', 'DELETE /api/workspaces/1', 'GET /api/v1/workspaces/1']
--- more_headers eval
["X-User: alice", ("X-User: root") x 3]
--- error_code eval: [409, 409, 409, 200]
--- response_body_like eval
[(qr/^\{"error":\{"code":"CONFLICT","message":"the default workspace of the organization cannot be deleted","timestamp":"TIME"}}$/) x 2,
 qr/^\{"message":"the default workspace of the organization cannot be deleted"}$/, qr/"is_default":true/]



=== TEST 6: what another dialect changes is seen here, and the other way round
--- init
main::given('alice POST /workspaces {"name":"A","organization_id":"ORG"}');
--- request eval
['PUT /api/workspaces/1
{"name":"From there","labels":["x"]}', 'GET /api/v1/workspaces/1', 'PUT /api/v1/workspaces/1
{"name":"From here"}', 'GET /api/workspaces/1', 'DELETE /api/workspaces/1', 'GET /api/v1/workspaces', 'POST /api/v1/workspaces
{"name":"A","organization_id":"ORG"}']
--- more_headers
X-User: alice
--- error_code eval: [200, 200, 200, 200, 200, 200, 201]
--- response_body_like eval
[qr/From there/, qr/"name":"From there","slug":"a"/, qr/From here/, qr/"name":"From here","logo":null,"labels":\["x"\]/, qr/From here/,
 qr/"workspaces":\[\]/, qr/"slug":"a"/]



=== TEST 7: ids that are none, and paths that are nothing
--- request eval
[map "GET /api/v1/$_", 'workspaces/0', 'workspaces/01', 'workspaces/-1', 'workspaces/a', 'workspaces/9007199254740993', 'workspaces/1/x', 'x',
 'organizations/ORG/x', 'organizations/ORG/workspaces/0', '']
--- more_headers
X-User: alice
--- error_code eval: [(404) x 10]
--- response_body_like eval: [(qr/^\{"error":\{"code":"RESOURCE_NOT_FOUND","message":"(?:workspace )?not found","timestamp":"TIME"}}$/) x 10]



=== TEST 8: methods
--- request eval
['PATCH /api/v1/workspaces/1', 'DELETE /api/v1/workspaces', 'GET /api/v1/workspaces/provision', 'GET /api/v1/workspaces/1/clone',
 'PATCH /api/v1/workspaces/1/settings', 'GET /api/v1/organizations', 'PUT /api/v1/organizations/ORG', 'POST /api/v1/organizations/ORG/settings']
--- more_headers
X-User: alice
--- error_code eval: [(405) x 8]
--- raw_response_headers_like eval
[map qr/Allow: $_\r\n/, 'GET, HEAD, PUT, DELETE', 'GET, HEAD, POST', 'POST', 'POST', 'GET, HEAD, PUT', 'POST', 'GET, HEAD, PATCH', 'GET, HEAD, PUT']
--- response_body_like eval: [(qr/^\{"error":\{"code":"VALIDATION_ERROR","message":"method not allowed","timestamp":"TIME"}}$/) x 8]
