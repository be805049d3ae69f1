# Settings of workspaces and of the organization beneath them

use lib '.';
use t::Organization;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 186);

no_long_string();
run_tests();

__DATA__

=== TEST 1: the answers
--- init
main::given('alice POST /organizations {"name":"Acme"}');
--- request eval
['GET /api/v1/workspaces/1/settings', 'PUT /api/v1/workspaces/1/settings
{"allow_public_access":false}', 'GET /api/v1/organizations/ORG/workspaces/1/settings', 'PUT /api/v1/organizations/ORG/settings
{"theme":"dark"}', 'GET /api/v1/organizations/ORG/settings', 'GET /api/v1/workspaces/1/settings']
--- more_headers
X-User: root
--- error_code eval: [(200) x 6]
--- response_body eval
['{"success":true,"data":{"settings":{},"message":"Workspace settings retrieved successfully"},"message":"Workspace settings retrieved successfully"}',
 '{"success":true,"data":{"settings":{"allow_public_access":false},"message":"Workspace settings updated successfully"},"message":"Workspace settings updated successfully"}',
 '{"success":true,"data":{"settings":{"allow_public_access":false},"message":"Workspace settings retrieved successfully"},"message":"Workspace settings retrieved successfully"}',
 '{"success":true,"data":{"settings":{"theme":"dark"},"message":"Organization settings updated successfully"},"message":"Organization settings updated successfully"}',
 '{"success":true,"data":{"settings":{"theme":"dark"},"message":"Organization settings retrieved successfully"},"message":"Organization settings retrieved successfully"}',
 '{"success":true,"data":{"settings":{"theme":"dark","allow_public_access":false},"message":"Workspace settings retrieved successfully"},"message":"Workspace settings retrieved successfully"}']



=== TEST 2: who may
--- init
main::given('alice POST /organizations {"name":"Acme"}');
main::platform('alice POST /1/members {"userId":"bob","roles":["viewer"]}');
--- request eval
[('GET /api/v1/workspaces/1/settings', 'PUT /api/v1/workspaces/1/settings
{}') x 3, ('GET /api/v1/organizations/ORG/settings', 'PUT /api/v1/organizations/ORG/settings
{}') x 2, 'GET /api/v1/organizations/other/settings']
--- more_headers eval
[map "X-User: $_", 'alice', 'alice', 'bob', 'bob', 'mallory', 'mallory', 'alice', 'alice', ('root') x 3]
--- error_code eval: [200, 200, 200, 403, 404, 404, 403, 403, 200, 200, 404]



=== TEST 3: keys are put one by one, four of them merge
--- init
main::given('alice POST /workspaces {"name":"A","organization_id":"ORG","settings":{"features":{"a":1,"b":{"c":1}},"x":{"y":1},"z":[1,2.50]}}');
--- request eval
[(map qq(PUT /api/v1/workspaces/1/settings\n$_), '{}', '{"features":{"b":{"d":2},"e":"\u00e9"},"x":{"w":1}}', '{"z":null,"features":{"a":null}}'),
 'PUT /api/v1/workspaces/1
{"settings":{"x":null,"permissions":{"p":true}}}', 'GET /api/v1/workspaces/1/settings']
--- more_headers
X-User: alice
--- error_code eval: [(200) x 5]
--- response_body_like eval
[qr/"settings":\{"features":\{"a":1,"b":\{"c":1}},"x":\{"y":1},"z":\[1,2\.5\]},/, qr/"settings":\{"features":\{"a":1,"b":\{"d":2},"e":"é"},"x":\{"w":1},"z":\[1,2\.5\]},/,
 qr/"settings":\{"features":\{"b":\{"d":2},"e":"é"},"x":\{"w":1}},/, qr/updated/, qr/"settings":\{"features":\{"b":\{"d":2},"e":"é"},"permissions":\{"p":true}},/]



=== TEST 4: the workspace inherits, at every depth, and null hides
--- init
main::given('alice POST /organizations {"name":"Acme"}',
    'root PUT /organizations/ORG/settings {"theme":"dark","limits":{"a":1,"b":{"c":2}},"list":[1,2],"plan":"x"}');
--- request eval
[(map qq(PUT /api/v1/workspaces/1/settings\n$_), '{"limits":{"b":{"d":3}},"list":[3],"own":true}', '{"limits":{"a":null,"b":{"c":null}},"theme":null}',
  '{"limits":null,"plan":{"name":"y"}}'), map "GET /api/v1/workspaces/1/settings?$_", 'provenance=1', 'provenance=0']
--- more_headers
X-User: alice
--- error_code eval: [(200) x 5]
--- response_body_like eval
[qr/"settings":\{"theme":"dark","limits":\{"a":1,"b":\{"c":2,"d":3}},"list":\[3\],"plan":"x","own":true},/,
 qr/"settings":\{"limits":\{"b":\{}},"list":\[3\],"plan":"x","own":true},/,
 qr/"settings":\{"list":\[3\],"plan":\{"name":"y"},"own":true},/,
 qr/"settings":\{[^}]*},"own":true},"provenance":\{"list":"workspace","plan":"workspace","own":"workspace"},"message"/, qr/"own":true},"message"/]



=== TEST 5: what was hidden is inherited again
--- init
main::given('alice POST /organizations {"name":"Acme"}', 'root PUT /organizations/ORG/settings {"theme":"dark"}',
    'alice PUT /workspaces/1/settings {"theme":null}');
--- request eval
['GET /api/v1/workspaces/1/settings', 'PUT /api/v1/workspaces/1/settings?inherit=theme&provenance=1
{}', 'PUT /api/v1/organizations/ORG/settings
{"theme":null}', 'GET /api/v1/workspaces/1/settings']
--- more_headers
X-User: root
--- error_code eval: [(200) x 4]
--- response_body_like eval
[qr/"settings":\{},/, qr/"settings":\{"theme":"dark"},"provenance":\{"theme":"organization"},/, qr/"settings":\{},/, qr/"settings":\{},/]



=== TEST 6: what is not good names the key
--- init
main::given('alice POST /organizations {"name":"Acme"}');
--- request eval
[map { my $path = $_; map qq(PUT /api/v1/$path/settings\n$_), '{"allow_public_access":1}', '{"default_role_id":"1"}', '{"permissions":1}', '{"features":[]}',
       '{"integrations":"x"}', '{"a":' . '[' x 8 . ']' x 8 . '}', '{"k":"' . 'x' x 65530 . '"}', '[]', '{"a":1,"a":2}', '{"a":' } 'workspaces/1', 'organizations/ORG']
--- more_headers
X-User: root
--- error_code eval: [(400) x 20]
--- response_body_like eval
[((map qr/^\{"error":\{"code":"VALIDATION_ERROR","message":"$_ must be [^"]*","details":\{"field":"$_","reason":/, 'allow_public_access', 'default_role_id', 'permissions',
   'features', 'integrations'), qr/"message":"settings must not be nested deeper than 8 levels","details":\{"field":"settings",/,
  qr/"message":"settings must be at most 65536 bytes","details":\{"field":"settings",/, qr/"message":"the body must be a JSON object","timestamp"/,
  qr/"message":"the body is not valid JSON: duplicate key at line 1, column \d+","timestamp"/, qr/"message":"the body is not valid JSON: [^"]*","timestamp"/) x 2]



=== TEST 7: the variables of the access phase show what is inherited
--- config
location /api/v1 {
    workspaces organization;
    workspaces_identity trusted tenant=$TEST_NGINX_TENANT user=$http_x_user admin=$is_root;
}
location /show {
    workspaces_identity trusted tenant=$TEST_NGINX_TENANT user=$http_x_user admin=$is_root;
    workspaces_access on;
    add_header X-Theme "$workspace_setting_theme;$workspace_setting_seats;$workspace_setting_none" always;
    try_files /none =204;
}
--- init
main::given('alice POST /organizations {"name":"Acme"}', 'root PUT /organizations/ORG/settings {"theme":"dark","seats":5}');
--- request eval
['GET /show', 'PUT /api/v1/workspaces/1/settings
{"theme":"light"}', 'GET /show', 'PUT /api/v1/organizations/ORG/settings
{"seats":6}', 'GET /show', 'PUT /api/v1/workspaces/1/settings
{"theme":null}', 'GET /show']
--- more_headers
X-User: root
X-Workspace-ID: 1
--- error_code eval: [204, 200, 204, 200, 204, 200, 204]
--- raw_response_headers_like eval
[qr/X-Theme: dark;5;\r\n/, qr/json/, qr/X-Theme: light;5;\r\n/, qr/json/, qr/X-Theme: light;6;\r\n/, qr/json/, qr/X-Theme: ;6;\r\n/]
