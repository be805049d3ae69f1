# POST /workspaces/{id}/clone of the organization dialect

use lib '.';
use t::Organization;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 84);

no_long_string();
run_tests();

__DATA__

=== TEST 1: settings go with it, members do not
--- init
main::given('alice POST /workspaces {"name":"A","organization_id":"ORG","settings":{"x":{"y":1}}}');
main::platform('alice PUT /1 {"labels":["red"],"logo":"https://example.com/l.png","invites":[{"email":"guest@example.com"}]}',
    'alice POST /1/members {"userId":"bob","roles":["member"]}', 'root POST /1/encrypted {"secret":1}');
--- request eval
['POST /api/v1/workspaces/1/clone
{"name":"Copy"}', 'GET /api/v1/workspaces/2/settings', 'GET /api/workspaces/2', 'GET /api/workspaces/2/encrypted']
--- more_headers eval
[("X-User: alice") x 3, "X-User: root"]
--- error_code eval: [(200) x 4]
--- response_body eval
['{"success":true,"data":{"workspace":{"id":2,"name":"Copy","slug":"copy","organization_id":"ORG","source_workspace_id":1},"message":"Workspace cloned successfully"},"message":"Workspace cloned successfully"}',
 '{"success":true,"data":{"settings":{"x":{"y":1}},"message":"Workspace settings retrieved successfully"},"message":"Workspace settings retrieved successfully"}',
 '{"_id":"2","name":"Copy","logo":"https://example.com/l.png","labels":["red"],"members":[{"user":"alice","roles":["admin"],"created":"TIME"}],"invites":[]}',
 'null']



=== TEST 2: members, with their roles, where that is asked for
--- init
main::given('alice POST /workspaces {"name":"A","organization_id":"ORG","settings":{"x":1}}');
main::platform('alice POST /1/members {"userId":"bob","roles":["admin","editor"]}', 'alice POST /1/members {"userId":"carol","roles":["viewer"]}');
--- request eval
['POST /api/v1/organizations/ORG/workspaces/1/clone
{"name":"Copy","copy_members":true,"copy_settings":false}', 'GET /api/v1/workspaces/2/settings', 'GET /api/workspaces/2', 'GET /api/v1/workspaces',
 'DELETE /api/workspaces/2/members/carol', 'GET /api/workspaces/1/members']
--- more_headers eval
[map "X-User: $_", 'bob', 'bob', 'bob', 'carol', 'bob', 'carol']
--- error_code eval: [(200) x 6]
--- response_body_like eval
[qr/"id":2/, qr/"settings":\{},/,
 qr/"members":\[(?=.*\{"user":"alice","roles":\["admin"\])(?=.*\{"user":"bob","roles":\["admin","editor"\])(?=.*\{"user":"carol","roles":\["viewer"\])/,
 qr/\{"id":1,.*\{"id":2,.*"total_count":2/, qr/removed/, qr/"user":"carol"/]



=== TEST 3: a tenant admin who is no member owns the clone
--- init
main::given('alice POST /workspaces {"name":"A","organization_id":"ORG"}');
--- request eval
['POST /api/v1/workspaces/1/clone
{"name":"Copy","copy_members":true}', 'GET /api/workspaces/2']
--- more_headers
X-User: root
--- error_code eval: [200, 200]
--- response_body_like eval
[qr/"source_workspace_id":1/, qr/"members":\[(?=.*\{"user":"alice","roles":\["admin"\])(?=.*\{"user":"root","roles":\["admin"\])/]



=== TEST 4: what is not good, and who may not
--- init
main::given('alice POST /workspaces {"name":"A","organization_id":"ORG"}');
main::platform('alice POST /1/members {"userId":"bob","roles":["member"]}');
--- request eval
[(map qq(POST /api/v1/workspaces/1/clone\n$_), '{}', '{"name":7}', '{"name":"B","copy_members":1}', '{"name":"B","copy_settings":null}', '{"name":"A"}',
  '{"name":"a"}', ('{"name":"B"}') x 2), 'POST /api/v1/workspaces/99/clone
{"name":"B"}', 'POST /api/v1/workspaces/1/clone
']
--- more_headers eval
[("X-User: alice") x 6, "X-User: bob", "X-User: mallory", "X-User: alice", "X-User: alice"]
--- error_code eval: [400, 400, 400, 400, 409, 409, 403, 404, 404, 400]
--- response_body_like eval
[qr/"message":"name is required","details":\{"field":"name",/, qr/"field":"name"/, qr/"field":"copy_members","reason":"copy_members must be true or false"/,
 qr/"field":"copy_settings","reason":"copy_settings must be true or false"/, qr/"CONFLICT","message":"this name is taken/, qr/"CONFLICT","message":"the slug of this name/,
 qr/"PERMISSION_DENIED"/, qr/"RESOURCE_NOT_FOUND"/, qr/"RESOURCE_NOT_FOUND"/, qr/"VALIDATION_ERROR","message":"the body is not valid JSON: /]



=== TEST 5: the clone is apart from its source
--- init
main::given('alice POST /workspaces {"name":"A","organization_id":"ORG","settings":{"x":1}}', 'alice POST /workspaces/1/clone {"name":"B"}');
--- request eval
['PUT /api/v1/workspaces/2/settings
{"x":2}', 'GET /api/v1/workspaces/1/settings', 'DELETE /api/v1/workspaces/1', 'GET /api/v1/workspaces/2/settings']
--- more_headers
X-User: alice
--- error_code eval: [(200) x 4]
--- response_body_like eval
[qr/"x":2/, qr/"x":1/, qr/deleted/, qr/"x":2/]
