# What is done in one dialect is so in the others

use lib '.';
use t::Location;
use Test::Nginx::Socket;

our $Mounts = $t::Platform::Mount . <<"END";
    location /org {
        workspaces organization;
        $t::Platform::Identity
    }
END

# ORG is the tenant of the block.
add_block_preprocessor(sub {
    my $block = shift;
    prepare($block);
    $block->set_value(request => [
        map { s/\bORG\b/$ENV{TEST_NGINX_TENANT}/gr } @{ $block->request }]);
});

plan tests => repeat_each() * (blocks() * 4 + 83);

no_long_string();
run_tests();

__DATA__

=== TEST 1: a workspace of each, seen in each
--- config eval: $::Mounts
--- request eval
["POST /api/workspaces\n" . '{"name":"P"}', "POST /org/workspaces\n" . '{"name":"O","organization_id":"ORG"}', "POST /api/v1/workspaces\n" . '{"name":"L"}',
 'GET /api/workspaces', 'GET /org/workspaces', 'GET /api/v1/workspaces',
 "PATCH /api/v1/workspaces/2\n" . '{"name":"Other"}', 'GET /org/workspaces/2', 'GET /api/workspaces/2',
 "POST /org/workspaces\n" . '{"name":"L","organization_id":"ORG"}', "POST /api/v1/workspaces\n" . '{"name":"Other"}', "POST /api/v1/workspaces\n" . '{"name":"O"}']
--- more_headers
X-User: alice
--- error_code eval: [200, 201, 201, (200) x 6, 409, 422, 201]
--- response_body_like eval
[qr/"_id":"1"/, qr/"id":2/, qr/"id":3/, qr/"name":"P".*"name":"O".*"name":"L".*"active":true/, qr/"name":"P".*"name":"O".*"name":"L"/,
 qr/"name":"P".*"name":"O".*"name":"L"/, qr/actualizada/, qr/"name":"Other","slug":"o"/, qr/"name":"Other"/, qr/CONFLICT/, qr/"errors":\{"name"/, qr/"id":\d/]



=== TEST 2: members, their roles and who is removed
--- config eval: $::Mounts
--- init
main::given('alice POST /workspaces {"name":"A"}');
main::platform('alice POST /1/members {"userId":"bob","roles":["member","user"]}', 'bob POST /1/activate');
--- request eval
['GET /api/v1/workspace/roles', "PUT /api/v1/workspace/members/bob/role\n" . '{"role":"viewer"}', 'GET /api/workspaces/1/members', 'DELETE /api/v1/workspace/members/bob',
 'GET /api/workspaces', 'GET /org/workspaces/1']
--- more_headers eval
["X-User: bob", ("X-User: alice") x 3, ("X-User: bob") x 2]
--- error_code eval: [(200) x 5, 404]
--- response_body_like eval
[qr/"viewer"/, qr/updated/, qr/"alice","roles":\["admin"\].*"bob","roles":\["viewer"\]/, qr/removed/, qr/^\[\]$/, qr/RESOURCE_NOT_FOUND/]



=== TEST 3: what is deleted is nobody's current workspace
--- config eval: $::Mounts
--- init
main::given('alice POST /workspaces {"name":"A"}', 'alice POST /workspaces {"name":"B"}');
main::platform('alice POST /2/members {"userId":"bob","roles":["member"]}');
main::given('bob PATCH /workspace-context/2', 'root PATCH /workspace-context/2');
--- request eval
['DELETE /org/workspaces/2', ('GET /api/v1/workspace/members') x 3, 'PATCH /api/v1/workspace-context/2', 'DELETE /api/v1/workspace-context/2', "POST /api/v1/workspaces\n" . '{"name":"B"}']
--- more_headers eval
["X-User: alice", "X-User: alice", "X-User: bob", "X-User: root", ("X-User: alice") x 3]
--- error_code eval: [200, (422) x 3, 403, 200, 201]
--- response_body_like eval
[qr/deleted/, (qr/workspace required/) x 3, qr/unauthorized/, qr/cleared/, qr/"id":3/]



=== TEST 4: preferred subtypes are settings, beneath them those of the organization
--- config eval: $::Mounts
--- init
main::given('alice POST /workspaces {"name":"A"}');
--- request eval
["POST /org/organizations\n" . '{"name":"Acme"}', "PUT /org/organizations/ORG/settings\n" . '{"preferred_document_subtypes":{"invoice":"B01","ticket":"B02"}}',
 'GET /api/v1/workspaces/1', 'PATCH /api/v1/document-subtypes/E31/workspace/1/set-preferred', 'GET /api/v1/workspaces/1', 'GET /org/workspaces/1/settings',
 "PUT /org/workspaces/1/settings\n" . '{"preferred_document_subtypes":{"ticket":null}}', 'GET /api/v1/workspaces/1']
--- more_headers eval
["X-User: root", "X-User: root", ("X-User: alice") x 6]
--- error_code eval: [201, (200) x 7]
--- response_body_like eval
[qr/Acme/, qr/B02/, qr/"preferred_document_subtypes":\{"invoice":"B01","ticket":"B02"\}/, qr/updated/, qr/"preferred_document_subtypes":\{"invoice":"E31","ticket":"B02"\}/,
 qr/"invoice":"E31"/, qr/updated/, qr/"preferred_document_subtypes":\{"invoice":"E31"\}/]
