# POST /workspaces of the organization dialect, below both of its bases

use lib '.';
use t::Organization;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 123);

no_long_string();
run_tests();

__DATA__

=== TEST 1: the creator becomes an admin
--- request eval
['POST /api/v1/workspaces
{"name":"Sales Team","organization_id":"ORG"}',
 'GET /api/v1/workspaces/1', 'GET /api/workspaces/1']
--- more_headers
X-User: alice
--- error_code eval: [201, 200, 200]
--- response_body eval
['{"success":true,"data":{"workspace":{"id":1,"name":"Sales Team","slug":"sales-team","organization_id":"ORG"},"message":"Workspace created successfully"},"message":"Workspace created successfully"}',
 '{"success":true,"data":{"workspace":{"id":1,"name":"Sales Team","slug":"sales-team","organization_id":"ORG","is_default":false},"message":"Workspace retrieved successfully"},"message":"Workspace retrieved successfully"}',
 '{"_id":"1","name":"Sales Team","logo":null,"labels":[],"members":[{"user":"alice","roles":["admin"],"created":"TIME"}],"invites":[]}']



=== TEST 2: the answer carries its revision and is not to be kept
--- request
POST /api/v1/workspaces
{"name":"A","organization_id":"ORG","settings":{"features":{"x":true}}}
--- more_headers
X-User: alice
--- error_code: 201
--- response_headers
Content-Type: application/json; charset=utf-8
ETag: "1"
Workspace-Revision: 1
Cache-Control: private, no-cache



=== TEST 3: where the path names the organization, the body need not
--- request eval
['POST /api/v1/organizations/ORG/workspaces
{"name":"A"}', 'POST /api/v1/organizations/ORG/workspaces/
{"name":"B","organization_id":"ORG"}', 'POST /api/v1/organizations/ORG/workspaces
{"name":"C","organization_id":"other"}', 'POST /api/v1/organizations/other/workspaces
{"name":"C"}']
--- more_headers
X-User: alice
--- error_code eval: [201, 201, 404, 404]
--- response_body_like eval
[qr/"id":1,"name":"A","slug":"a"/, qr/"id":2,"name":"B"/,
 qr/^\{"error":\{"code":"RESOURCE_NOT_FOUND","message":"organization not found","details":\{"field":"organization_id","reason":"organization not found"},"timestamp":"TIME"}}$/,
 qr/^\{"error":\{"code":"RESOURCE_NOT_FOUND","message":"organization not found","timestamp":"TIME"}}$/]



=== TEST 4: what is not good names the field
--- request eval
[map qq(POST /api/v1/workspaces\n$_),
 '{"organization_id":"ORG"}', '{"name":null,"organization_id":"ORG"}', '{"name":"","organization_id":"ORG"}',
 '{"name":["A"],"organization_id":"ORG"}', '{"name":"' . 'x' x 256 . '","organization_id":"ORG"}',
 '{"name":"A\u0007","organization_id":"ORG"}',
 '{"name":"A"}', '{"name":"A","organization_id":true}',
 '{"name":"A","organization_id":"ORG","settings":[]}',
 '{"name":"A","organization_id":"ORG","settings":{"allow_public_access":"yes"}}',
 '{"name":"A","organization_id":"ORG","settings":{"default_role_id":"admin"}}',
 '{"name":"A","organization_id":"ORG","settings":{"permissions":[]}}']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 12]
--- response_body_like eval
[map qr/^\{"error":\{"code":"VALIDATION_ERROR","message":"([^"]+)","details":\{"field":"$_","reason":"\1"},"timestamp":"TIME"}}$/,
 ('name') x 6, ('organization_id') x 2, 'settings', 'settings\.allow_public_access',
 'settings\.default_role_id', 'settings\.permissions']



=== TEST 5: a name and its slug are taken once, also of those one cannot see
--- init
main::given('alice POST /workspaces {"name":"Sales","organization_id":"ORG"}');
--- request eval
[map qq(POST /api/v1/workspaces\n{"name":"$_","organization_id":"ORG"}), 'Sales', 'sales', ' Sales! ', 'Sales 2']
--- more_headers
X-User: bob
--- error_code eval: [409, 409, 409, 201]
--- response_body_like eval
[qr/^\{"error":\{"code":"CONFLICT","message":"this name is taken by another workspace","details":\{"field":"name",/,
 (qr/^\{"error":\{"code":"CONFLICT","message":"the slug of this name is taken by another workspace","details":\{"field":"name",/) x 2,
 qr/"slug":"sales-2"/]



=== TEST 6: names of the platform dialect count, and slugs are made there too
--- init
main::platform('alice POST / {"name":"Same"}', 'alice POST / {"name":"Same"}');
--- request eval
['GET /api/v1/workspaces/1', 'GET /api/v1/workspaces/2', 'POST /api/v1/workspaces
{"name":"Same","organization_id":"ORG"}', 'POST /api/workspaces
{"name":"Same"}']
--- more_headers
X-User: alice
--- error_code eval: [200, 200, 409, 200]
--- response_body_like eval
[qr/"slug":"same"/, qr/"slug":"same-2"/, qr/"message":"this name is taken/, qr/"name":"Same"/]



=== TEST 7: an organization of another tenant has names of its own
--- request eval
[('POST /api/v1/workspaces
{"name":"A","organization_id":"ORG"}', 'POST /api/v1/workspaces
{"name":"A","organization_id":"ORGx"}') x 2]
--- more_headers eval
["X-User: alice", "X-User: alice\nX-Tenant: x", "X-User: alice\nX-Tenant: x", "X-User: alice"]
--- error_code eval: [201, 404, 404, 404]



=== TEST 8: names in other scripts
--- request eval
[map qq(POST /api/v1/workspaces\n{"name":"$_","organization_id":"ORG"}), 'Zürich', '東京', '大阪', 'Ω']
--- more_headers
X-User: alice
--- error_code eval: [(201) x 4]
--- response_body_like eval
[qr/"name":"Zürich","slug":"z-rich"/, qr/"name":"東京","slug":"workspace"/, qr/"slug":"workspace-3"/, qr/"slug":"workspace-4"/]



=== TEST 9: fields that are not the client's have no effect
--- request eval
['POST /api/v1/workspaces
{"name":"A","organization_id":"ORG","id":77,"slug":"mine","owner":"mallory","is_default":true,"members":[{"user_id":"mallory","role":"admin"}],"created_at":"2001-01-01T00:00:00.000Z"}',
 'GET /api/workspaces/1']
--- more_headers
X-User: alice
--- error_code eval: [201, 200]
--- response_body_like eval
[qr/"workspace":\{"id":1,"name":"A","slug":"a","organization_id":"ORG"}/,
 qr/"members":\[\{"user":"alice","roles":\["admin"\],"created":"TIME"}\]/]



=== TEST 10: who repeats a request with its key gets the first answer
--- request eval
[('POST /api/v1/workspaces
{"name":"A","organization_id":"ORG"}') x 2, 'POST /api/v1/workspaces
{"name":"B","organization_id":"ORG"}']
--- more_headers
X-User: alice
Idempotency-Key: once
--- error_code eval: [201, 201, 422]
--- response_body_like eval
[(qr/"workspace":\{"id":1,"name":"A"/) x 2, qr/^\{"error":\{"code":"VALIDATION_ERROR","message":"this Idempotency-Key was used for another request"/]
