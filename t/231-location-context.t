# The current workspace of the location dialect: /workspace-context and
# X-Workspace-ID

use lib '.';
use t::Location;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 248);

no_long_string();
run_tests();

__DATA__

=== TEST 1: switching and clearing
--- init
main::given('alice POST /workspaces {"name":"A"}', 'bob POST /workspaces {"name":"Warehouse"}');
main::platform('bob POST /2/members {"userId":"alice","roles":["viewer"]}');
--- request eval
['PATCH /api/v1/workspace-context/2', 'GET /api/v1/workspace/members', 'PATCH /api/v1/workspace-context/1/', 'GET /api/v1/workspace/members',
 'DELETE /api/v1/workspace-context/2', 'GET /api/v1/workspace/members', 'DELETE /api/v1/workspace-context/1', 'GET /api/v1/workspace/members',
 'PATCH /api/v1/workspace-context/2', 'DELETE /api/v1/workspace-context', 'DELETE /api/v1/workspace-context/', 'GET /api/v1/workspace/roles',
 'GET /api/v1/workspaces/2']
--- more_headers
X-User: alice
--- error_code eval: [(200) x 7, 422, 200, 200, 200, 422, 200]
--- response_body_like eval
my $switched = sub { my ($id, $name) = @_; qr/^\{"data":\{"current_workspace_id":$id,"workspace":\{"id":$id,"name":"$name"\}\},"message":"Workspace context updated\."\}$/ };
my $cleared = qr/^\{"message":"Workspace context cleared\."\}$/;
my $required = quotemeta main::error(workspace => 'workspace required');
[$switched->(2, 'Warehouse'), qr/"bob"/, $switched->(1, 'A'), qr/^((?!bob).)*$/, $cleared, qr/"alice"/, $cleared, $required,
 $switched->(2, 'Warehouse'), $cleared, $cleared, $required, qr/"name":"Warehouse"/]



=== TEST 2: no access, no switch: 403 for what is and for what is not
--- init
main::given('alice POST /workspaces {"name":"A"}', 'bob POST /workspaces {"name":"B"}', 'eve POST /workspaces [X-Tenant: other] {"name":"E"}');
--- request eval
['PATCH /api/v1/workspace-context/2', 'PATCH /api/v1/workspace-context/9', 'PATCH /api/v1/workspace-context/0', 'PATCH /api/v1/workspace-context/x',
 'DELETE /api/v1/workspace-context/9', 'DELETE /api/v1/workspace-context/2', 'PATCH /api/v1/workspace-context/2', 'GET /api/v1/workspace-context/1',
 'GET /api/v1/workspace/members']
--- more_headers eval
[("X-User: alice") x 6, "X-User: eve\nX-Tenant: other\nX-Permissions: view_all_locations", ("X-User: alice") x 2]
--- error_code eval: [403, 403, 404, 404, 200, 200, 403, 405, 200]
--- response_body_like eval
[(quotemeta main::unseen()) x 2, (qr/^\{"message":"not found"\}$/) x 2, (qr/cleared/) x 2, quotemeta main::unseen(), qr/not allowed/, qr/"alice"/]



=== TEST 3: who may view all switches to any, reads there, and writes nothing
--- init
main::given('alice POST /workspaces {"name":"A"}');
main::platform('alice POST /1/members {"userId":"bob","roles":["member"]}');
--- request eval
['PATCH /api/v1/workspace-context/1', 'GET /api/v1/workspace/members', 'GET /api/v1/workspace/roles', 'GET /api/v1/workspaces/1',
 "PATCH /api/v1/workspace/members/bob/role\n" . '{"role":"viewer"}', 'DELETE /api/v1/workspace/members/bob',
 "POST /api/v1/workspace/roles\n" . '{"name":"a","display_name":"A","permissions":["a:b"]}', "POST /api/v1/workspace/invitations\n" . '{"email":"a@b.c"}',
 'GET /api/v1/workspace/invitations', "PATCH /api/v1/workspaces/1\n" . '{"name":"X"}', 'PATCH /api/v1/document-subtypes/B01/workspace/1/set-preferred',
 'GET /api/v1/workspace/members', 'GET /api/v1/workspaces/1']
--- more_headers eval
[("X-User: auditor\nX-Permissions: reports:view view_all_locations") x 11, "X-User: auditor", "X-User: bob"]
--- error_code eval: [(200) x 4, (403) x 5, 404, 404, 403, 200]
--- response_body_like eval
[qr/updated/, qr/"bob"/, qr/"viewer"/, qr/"name":"A"/, (quotemeta main::unseen()) x 5, (qr/not found/) x 2, quotemeta main::unseen(), qr/"id":"bob","name":null,"email":null,"role":"member"/]



=== TEST 4: the context of who is removed is cleared, that of others stays
--- init
main::given('alice POST /workspaces {"name":"A"}', 'bob POST /workspaces {"name":"B"}');
main::platform(map qq(alice POST /1/members {"userId":"$_","roles":["member"]}), 'bob', 'carol');
main::given('bob PATCH /workspace-context/1', 'carol PATCH /workspace-context/1', 'alice DELETE /workspace/members/bob');
--- request eval
[('GET /api/v1/workspace/members') x 2, 'PATCH /api/v1/workspace-context/1', 'PATCH /api/v1/workspace-context/2', 'GET /api/v1/workspace/members']
--- more_headers eval
["X-User: bob", "X-User: carol", ("X-User: bob") x 3]
--- error_code eval: [422, 200, 403, 200, 200]
--- response_body_like eval
[quotemeta main::error(workspace => 'workspace required'), qr/"carol"/, quotemeta main::unseen(), qr/"current_workspace_id":2/, qr/"bob","name":null,"email":null,"role":"owner"/]



=== TEST 5: the header is about one request
--- init
main::given('alice POST /workspaces {"name":"A"}', 'bob POST /workspaces {"name":"B"}', 'alice POST /workspaces {"name":"C"}');
main::platform('alice POST /3/members {"userId":"carol","roles":["member"]}');
--- request eval
[('GET /api/v1/workspace/members') x 4]
--- more_headers eval
["X-User: alice\nX-Workspace-ID: 1", "X-User: alice", "X-User: root\nx-workspace-id: 2", "X-User: carol\nX-Workspace-ID: 3"]
--- error_code eval: [(200) x 4]
--- response_body_like eval
[qr/^((?!carol).)*$/, qr/"carol"/, qr/"bob"/, qr/"carol"/]



=== TEST 6: a header that is not one id is refused
--- init
main::given('alice POST /workspaces {"name":"A"}');
--- request eval
[('GET /api/v1/workspace/members') x 12]
--- more_headers eval
[(map "X-User: alice\nX-Workspace-ID: $_", '0', '-1', '+1', '01', '1.0', '1,1', '1, 2', 'one', '0x1', '9007199254740993', '18446744073709551617'),
 "X-User: alice\nX-Workspace-ID: 1\nX-Workspace-ID: 1"]
--- error_code eval: [(422) x 12]
--- response_body_like eval
[(quotemeta main::error('X-Workspace-ID' => 'X-Workspace-ID must be the id of one workspace')) x 12]



=== TEST 7: one that names another's is refused, not replaced by the current one
--- init
main::given('alice POST /workspaces {"name":"A"}', 'bob POST /workspaces {"name":"B"}');
--- request eval
['GET /api/v1/workspace/members', 'GET /api/v1/workspace/members', 'GET /api/v1/workspace/roles', "POST /api/v1/workspace/roles\n" . '{"name":"a","display_name":"A","permissions":["a:b"]}',
 'DELETE /api/v1/workspace/members/bob', 'GET /api/v1/workspace/invitations']
--- more_headers eval
["X-User: alice\nX-Workspace-ID: 2", "X-User: alice\nX-Workspace-ID: 9", ("X-User: alice\nX-Workspace-ID: 2") x 4]
--- error_code eval: [(403) x 6]
--- response_body eval: [(main::unseen()) x 6]



=== TEST 8: without any there must be one
--- request eval
['GET /api/v1/workspace/members', "PATCH /api/v1/workspace/members/x/role\n" . '{"role":"admin"}', 'DELETE /api/v1/workspace/members/x', 'GET /api/v1/workspace/roles',
 "POST /api/v1/workspace/roles\n{}", "PATCH /api/v1/workspace/roles/1\n{}", 'DELETE /api/v1/workspace/roles/1', 'GET /api/v1/workspace/invitations']
--- more_headers
X-User: alice
--- error_code eval: [(422) x 8]
--- response_body eval: [(main::error(workspace => 'workspace required')) x 8]
