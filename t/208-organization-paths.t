# All that is done with a workspace, below the path of its organization

use lib '.';
use t::Organization;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 3 + 58);

no_long_string();
run_tests();

__DATA__

=== TEST 1: the same as without it
--- request eval
['POST /api/v1/organizations/ORG/workspaces
{"name":"A"}', 'PUT /api/v1/organizations/ORG/workspaces/1
{"name":"B"}', 'GET /api/v1/organizations/ORG/workspaces/1',
 'PUT /api/v1/organizations/ORG/workspaces/1/settings?provenance=1
{"x":1}', 'GET /api/v1/organizations/ORG/workspaces/1/settings',
 'POST /api/v1/organizations/ORG/workspaces/1/clone
{"name":"C"}', 'GET /api/v1/organizations/ORG/workspaces',
 'DELETE /api/v1/organizations/ORG/workspaces/1',
 'GET /api/v1/organizations/ORG/workspaces/1',
 'GET /api/v1/workspaces/2/settings']
--- more_headers
X-User: alice
--- error_code eval: [201, 200, 200, 200, 200, 200, 200, 200, 404, 200]
--- response_body_like eval
[qr/"workspace":\{"id":1,"name":"A","slug":"a","organization_id":"ORG"\}/,
 qr/"workspace":\{"id":1,"name":"B","updated_at":"TIME"\}/,
 qr/"name":"B","slug":"a"/,
 qr/"settings":\{"x":1\},"provenance":\{"x":"workspace"\}/,
 qr/"settings":\{"x":1\},"message"/,
 qr/"id":2,"name":"C","slug":"c","organization_id":"ORG","source_workspace_id":1/,
 qr/"total_count":2/,
 qr/Workspace deleted successfully/,
 qr/"RESOURCE_NOT_FOUND"/,
 qr/"settings":\{"x":1\}/]



=== TEST 2: not below another organization
--- init
main::given('alice POST /workspaces {"name":"A","organization_id":"ORG"}');
--- request eval
[(map "$_->[0] /api/v1/organizations/other/workspaces$_->[1]\n$_->[2]",
  ['PUT', '/1', '{"name":"B"}'], ['PUT', '/1/settings', '{"x":1}'],
  ['POST', '/1/clone', '{"name":"C"}'], ['DELETE', '/1', '']),
 'GET /api/v1/organizations/ORG/workspaces', 'GET /api/v1/workspaces/1/settings']
--- more_headers
X-User: alice
--- error_code eval: [404, 404, 404, 404, 200, 200]
--- response_body_like eval
[(qr/"RESOURCE_NOT_FOUND","message":"organization not found"/) x 4,
 qr/"workspaces":\[\{"id":1,"name":"A",[^]]*\],"total_count":1/,
 qr/"settings":\{\}/]
