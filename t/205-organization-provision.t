# POST /workspaces/provision of the organization dialect: all or nothing

use lib '.';
use t::Organization;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

our $One = '/api/v1/workspaces/provision';

plan tests => repeat_each() * (blocks() * 4 + 112);

no_long_string();
run_tests();

__DATA__

=== TEST 1: several at once, with settings and members
--- request eval
["POST $::One
" . '{"organization_id":"ORG","workspaces":[{"name":"A","settings":{"x":1},"members":[{"user_id":"bob","role":"admin"},{"user_id":7,"role":"viewer"}]},{"name":"B"}]}',
 'GET /api/workspaces/1', 'GET /api/v1/workspaces/1/settings', 'GET /api/workspaces/2', 'POST /api/v1/organizations/ORG/workspaces/provision
{"workspaces":[{"name":"C"}]}']
--- more_headers
X-User: root
--- error_code eval: [201, 200, 200, 200, 201]
--- response_body_like eval
[qr/^\{"success":true,"data":\{"workspaces":\[\{"id":1,"name":"A","slug":"a","organization_id":"ORG"},\{"id":2,"name":"B","slug":"b","organization_id":"ORG"}\],"total_count":2,"message":"Workspaces provisioned successfully"},"message":"Workspaces provisioned successfully"}$/,
 qr/"members":\[\{"user":"7","roles":\["viewer"\],"created":"TIME"},\{"user":"bob","roles":\["admin"\],"created":"TIME"},\{"user":"root","roles":\["admin"\],"created":"TIME"}\]/,
 qr/"settings":\{"x":1}/, qr/"members":\[\{"user":"root","roles":\["admin"\],"created":"TIME"}\]/, qr/"total_count":1,/]



=== TEST 2: one that is not good is named, and none is made
--- init
main::given('alice POST /workspaces {"name":"Taken","organization_id":"ORG"}');
--- request eval
[(map qq(POST $::One\n{"organization_id":"ORG","workspaces":$_}), '[]', '{}', 'null', '[' . CORE::join(',', ('{"name":"x"}') x 101) . ']', '[{"name":"A"},7]',
  '[{"name":"A"},{}]', '[{"name":"A"},{"name":"A"}]', '[{"name":"A"},{"name":"b"},{"name":"B"}]', '[{"name":"A"},{"name":"B"},{"name":"C"},{"name":"Taken"}]',
  '[{"name":"A","settings":{"features":1}}]', '[{"name":"A","members":7}]', '[{"name":"A","members":[{"user_id":"u"}]}]',
  '[{"name":"A","members":[{"user_id":"u","role":"owner"}]}]', '[{"name":"A","members":[{"user_id":"u","role":"x"},{"user_id":"u","role":"y"}]}]',
  '[{"name":"A","members":[{"user_id":"","role":"x"}]}]'), "GET /api/v1/workspaces"]
--- more_headers
X-User: root
--- error_code eval: [(400) x 6, 409, 409, 409, (400) x 6, 200]
--- response_body_like eval
[(map qr/"details":\{"field":"\Q$_\E",/, ('workspaces') x 4, 'workspaces[1]', 'workspaces[1].name', 'workspaces[1].name', 'workspaces[2].name', 'workspaces[3].name',
  'workspaces[0].settings.features', 'workspaces[0].members', 'workspaces[0].members[0].role', 'workspaces[0].members[0].role',
  'workspaces[0].members[1].user_id', 'workspaces[0].members[0].user_id'), qr/"total_count":1,/]



=== TEST 3: messages of each kind
--- init
main::given('alice POST /workspaces {"name":"Taken","organization_id":"ORG"}');
--- request eval
[map qq(POST $::One\n$_), '{"organization_id":"ORG","workspaces":[{"name":"Taken"}]}', '{"organization_id":"ORG","workspaces":[{"name":"taken"}]}',
 '{"workspaces":[{"name":"A"}]}', '{"organization_id":"other","workspaces":[{"name":"A"}]}', '{"organization_id":"ORG"}']
--- more_headers
X-User: root
--- error_code eval: [409, 409, 400, 404, 400]
--- response_body eval
['{"error":{"code":"CONFLICT","message":"this name is taken by another workspace","details":{"field":"workspaces[0].name","reason":"this name is taken by another workspace"},"timestamp":"TIME"}}',
 '{"error":{"code":"CONFLICT","message":"the slug of this name is taken by another workspace","details":{"field":"workspaces[0].name","reason":"the slug of this name is taken by another workspace"},"timestamp":"TIME"}}',
 '{"error":{"code":"VALIDATION_ERROR","message":"organization_id is required","details":{"field":"organization_id","reason":"organization_id is required"},"timestamp":"TIME"}}',
 '{"error":{"code":"RESOURCE_NOT_FOUND","message":"organization not found","details":{"field":"organization_id","reason":"organization not found"},"timestamp":"TIME"}}',
 '{"error":{"code":"VALIDATION_ERROR","message":"workspaces must be an array of 1 to 100 objects","details":{"field":"workspaces","reason":"workspaces must be an array of 1 to 100 objects"},"timestamp":"TIME"}}']



=== TEST 4: a tenant admin only
--- request eval
["POST $::One\n" . '{"organization_id":"ORG","workspaces":[{"name":"A"}]}', 'GET /api/v1/workspaces']
--- more_headers
X-User: alice
--- error_code eval: [403, 200]
--- response_body_like eval
[qr/^\{"error":\{"code":"PERMISSION_DENIED","message":"administrator privileges required","timestamp":"TIME"}}$/, qr/"total_count":0/]



=== TEST 5: a hundred
--- request eval
["POST $::One\n" . '{"organization_id":"ORG","workspaces":[' . CORE::join(',', map qq({"name":"W$_","members":[{"user_id":"u$_","role":"member"}]}), 1 .. 100) . ']}',
 "GET /api/v1/workspaces?skip=99", 'GET /api/v1/workspaces']
--- more_headers eval
["X-User: root", "X-User: root", "X-User: u50"]
--- error_code eval: [201, 200, 200]
--- response_body_like eval
[qr/"total_count":100,/, qr/"workspaces":\[\{"id":100,"name":"W100"[^{]*\],"total_count":100,/, qr/"workspaces":\[\{"id":50,[^{]*\],"total_count":1,/]



=== TEST 6: again with the same key: the first answer, and no second effect
--- request eval
[("POST $::One\n" . '{"organization_id":"ORG","workspaces":[{"name":"A"},{"name":"B"}]}') x 2, 'GET /api/v1/workspaces']
--- more_headers
X-User: root
Idempotency-Key: p
--- error_code eval: [201, 201, 200]
--- response_body_like eval: [(qr/"workspaces":\[\{"id":1,.*\{"id":2,/) x 2, qr/"total_count":2,/]
