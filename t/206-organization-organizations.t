# The organizations resource: the tenant with its default workspace

use lib '.';
use t::Organization;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 83);

no_long_string();
run_tests();

__DATA__

=== TEST 1: the answers
--- request eval
['POST /api/v1/organizations
{"name":"Acme Inc"}', 'GET /api/v1/organizations/ORG', 'PATCH /api/v1/organizations/ORG
{"name":"Acme"}', 'PATCH /api/v1/organizations/ORG
{}', 'GET /api/v1/workspaces/1']
--- more_headers
X-User: root
--- error_code eval: [201, 200, 200, 200, 200]
--- response_body eval
[(map qq({"success":true,"data":{"organization":{"id":"ORG","name":"$_->[0]","default_workspace_id":1,"created_at":"TIME","updated_at":"TIME"},"message":"Organization $_->[1] successfully"},"message":"Organization $_->[1] successfully"}),
  ['Acme Inc', 'created'], ['Acme Inc', 'retrieved'], ['Acme', 'updated'], ['Acme', 'updated']),
 '{"success":true,"data":{"workspace":{"id":1,"name":"Default","slug":"default","organization_id":"ORG","is_default":true},"message":"Workspace retrieved successfully"},"message":"Workspace retrieved successfully"}']



=== TEST 2: who creates it is an admin of the default workspace, which may be named
--- request eval
['POST /api/v1/organizations
{"name":"Acme","workspace_name":"Head Office"}', 'GET /api/workspaces/1', 'GET /api/v1/workspaces']
--- more_headers
X-User: alice
--- error_code eval: [201, 200, 200]
--- response_body_like eval
[qr/"default_workspace_id":1/, qr/"members":\[\{"user":"alice","roles":\["admin"\]/, qr/"name":"Head Office","slug":"head-office","organization_id":"ORG","is_default":true/]



=== TEST 3: once, and what is not good
--- init
main::given('bob POST /workspaces {"name":"Main","organization_id":"ORG"}');
--- request eval
[map qq(POST /api/v1/organizations\n$_), '{}', '{"name":""}', '{"name":"A","workspace_name":7}', '{"name":"A","workspace_name":"Main"}', '{"name":"A"}', '{"name":"A"}']
--- more_headers
X-User: alice
--- error_code eval: [400, 400, 400, 409, 201, 409]
--- response_body_like eval
[qr/"message":"name is required","details":\{"field":"name",/, qr/"field":"name"/, qr/"VALIDATION_ERROR","message":"workspace_name must be [^"]*","details":\{"field":"workspace_name"/,
 qr/"CONFLICT","message":"this name is taken by another workspace","details":\{"field":"workspace_name",/, qr/created/,
 qr/^\{"error":\{"code":"CONFLICT","message":"the organization exists already","timestamp":"TIME"}}$/]



=== TEST 4: one that is not there, another tenant's, and who may what
--- request eval
['GET /api/v1/organizations/ORG', 'PATCH /api/v1/organizations/ORG
{"name":"B"}', 'PUT /api/v1/organizations/ORG/settings
{}', 'POST /api/v1/organizations
{"name":"A"}', 'GET /api/v1/organizations/ORG', 'PATCH /api/v1/organizations/ORG
{"name":"B"}', 'GET /api/v1/organizations/ORGx', 'GET /api/v1/organizations/ORG']
--- more_headers eval
["X-User: alice", "X-User: root", "X-User: root", "X-User: alice", "X-User: bob", "X-User: alice", "X-User: alice", "X-User: alice\nX-Tenant: x"]
--- error_code eval: [404, 404, 404, 201, 200, 403, 404, 404]
--- response_body_like eval
[(qr/^\{"error":\{"code":"RESOURCE_NOT_FOUND","message":"organization not found","timestamp":"TIME"}}$/) x 3, qr/created/, qr/retrieved/,
 qr/^\{"error":\{"code":"PERMISSION_DENIED","message":"administrator privileges required","timestamp":"TIME"}}$/,
 (qr/^\{"error":\{"code":"RESOURCE_NOT_FOUND","message":"organization not found","timestamp":"TIME"}}$/) x 2]



=== TEST 5: a tenant whose name is a number
--- config
location /api/v1 {
    workspaces organization;
    workspaces_identity trusted tenant=$arg_as user=$http_x_user;
}
--- request eval
my $id = time . sprintf '%05d', $$ % 100000;
["POST /api/v1/organizations?as=$id\n{\"name\":\"A\"}", "GET /api/v1/organizations/$id?as=$id", "POST /api/v1/workspaces?as=$id\n{\"name\":\"B\",\"organization_id\":$id}",
 "POST /api/v1/workspaces?as=$id\n{\"name\":\"C\",\"organization_id\":\"$id\"}", "POST /api/v1/workspaces?as=$id\n{\"name\":\"D\",\"organization_id\":7}"]
--- more_headers
X-User: alice
--- error_code eval: [201, 200, 201, 201, 404]
--- response_body_like eval
[qr/"id":\d+,"name":"A"/, qr/"id":\d+,"name":"A"/, qr/"organization_id":\d+}/, qr/"organization_id":\d+}/, qr/organization not found/]
