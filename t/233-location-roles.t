# Roles and preferred document subtypes of the location dialect:
# /workspace/roles and /document-subtypes/{subtype}/workspace/{id}/set-preferred

use lib '.';
use t::Location;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 349);

no_long_string();
run_tests();

__DATA__

=== TEST 1: the built-in ones, then those of the workspace
--- init
main::given('alice POST /workspaces {"name":"A"}', 'alice POST /workspace/roles {"name":"sales_rep","display_name":"Sales Representative","permissions":["invoices:view","quotations:*"]}');
main::platform('alice POST /1/members {"userId":"bob","roles":["sales_rep"]}');
--- request eval
[('GET /api/v1/workspace/roles') x 3]
--- more_headers eval
["X-User: alice", "X-User: bob\nX-Workspace-ID: 1", "X-User: eve\nX-Workspace-ID: 1"]
--- error_code eval: [200, 200, 403]
--- response_body eval
my $all = '{"data":[{"id":1,"name":"admin","display_name":"Administrator","permissions":["*:*"]},'
 . '{"id":2,"name":"member","display_name":"Member","permissions":["*:view","*:read","*:create","*:edit","*:update"]},'
 . '{"id":3,"name":"viewer","display_name":"Viewer","permissions":["*:view","*:read"]},'
 . '{"id":11,"name":"sales_rep","display_name":"Sales Representative","permissions":["invoices:view","quotations:*"]}]}';
[$all, $all, main::unseen()]



=== TEST 2: creating and changing answer the role
--- init
main::given('alice POST /workspaces {"name":"A"}');
--- request eval
["POST /api/v1/workspace/roles\n" . '{"name":"sales_rep","display_name":"Sales Representative","permissions":["invoices:view","contacts:view","invoices:view"],"id":99,"stored":1}',
 "PATCH /api/v1/workspace/roles/11\n" . '{"permissions":["invoices:*"]}', "PUT /api/v1/workspace/roles/11/\n" . '{"name":"sales_rep","display_name":"Ventas \u00e9"}',
 "PATCH /api/v1/workspace/roles/11\n" . '{}', 'DELETE /api/v1/workspace/roles/11', 'DELETE /api/v1/workspace/roles/11']
--- more_headers
X-User: alice
--- error_code eval: [201, (200) x 4, 404]
--- response_headers eval: ['ETag: "2"', 'ETag: "3"', 'ETag: "4"', 'ETag: "4"', 'ETag: "5"', '! ETag']
--- response_body eval
my $role = sub { my ($display, $permissions, $message) = @_; qq({"data":{"id":11,"name":"sales_rep","display_name":"$display","permissions":[$permissions]},"message":"$message"}) };
[$role->('Sales Representative', '"invoices:view","contacts:view"', 'Role created successfully.'), $role->('Sales Representative', '"invoices:*"', 'Role updated successfully.'),
 ($role->("Ventas \xc3\xa9", '"invoices:*"', 'Role updated successfully.')) x 2, '{"message":"Role deleted successfully."}', '{"message":"role not found"}']



=== TEST 3: what is no role
--- init
main::given('alice POST /workspaces {"name":"A"}', 'alice POST /workspace/roles {"name":"taken","display_name":"Taken","permissions":["a:b"]}');
--- request eval
[(map "POST /api/v1/workspace/roles\n$_", '{}', '{"name":"a"}', '{"name":"a","display_name":"A"}',
  (map qq({"name":$_,"display_name":"A","permissions":["a:b"]}), 'null', '""', '"a-b"', '"a b"', '"' . 'x' x 65 . '"', '"taken"', '"member"', '"Admin"', '"owner"'),
  (map qq({"name":"a","display_name":$_,"permissions":["a:b"]}), '""', '5', '"\u0000"', '"\u0007"'),
  (map qq({"name":"a","display_name":"A","permissions":$_}), '[]', '"a:b"', '["a"]', '["a:b:c"]', '[":b"]', '[5]', '[' . CORE::join(',', ('"a:b"') x 101) . ']')),
 "PATCH /api/v1/workspace/roles/11\n" . '{"name":"other"}', "PATCH /api/v1/workspace/roles/11\n" . '{"permissions":[]}']
--- more_headers
X-User: alice
--- error_code eval: [(422) x 14, 400, (422) x 10]
--- response_body_like eval
[quotemeta main::error(name => 'name is required'), quotemeta main::error(display_name => 'display_name is required'), quotemeta main::error(permissions => 'permissions is required'),
 (quotemeta main::error(name => 'name must be 1 to 64 of [A-Za-z0-9_]')) x 5, (quotemeta main::error(name => 'the workspace has a role of this name')) x 4,
 (qr/"errors":\{"display_name":\["/) x 2, qr/^\{"message":"[^"]*"\}$/, qr/"errors":\{"display_name":\["/, (qr/"errors":\{"permissions":\["/) x 7,
 quotemeta main::error(name => 'the name of a role cannot be changed'), qr/"errors":\{"permissions":\["/]



=== TEST 4: the built-in ones are what they are, and others' are not there
--- init
main::given('alice POST /workspaces {"name":"A"}', 'bob POST /workspaces {"name":"B"}', 'bob POST /workspace/roles {"name":"x","display_name":"X","permissions":["a:b"]}');
--- request eval
[(map +("PATCH /api/v1/workspace/roles/$_\n" . '{"display_name":"Y"}', "DELETE /api/v1/workspace/roles/$_"), 1 .. 3, 11, 4, 0, -1, 'x', '011', '9007199254740993')]
--- more_headers
X-User: alice
--- error_code eval: [(403) x 6, (404) x 14]
--- response_body eval
[(main::unseen()) x 6, ('{"message":"role not found"}') x 14]



=== TEST 5: one that is held is deleted when its holders get another
--- init
main::given('alice POST /workspaces {"name":"A"}', map(qq(alice POST /workspace/roles {"name":"$_","display_name":"X","permissions":["a:b"]}), 'old', 'new'));
main::platform(map(qq(alice POST /1/members {"userId":"$_","roles":["old"]}), 'bob', 'carol'), 'alice POST /1/members {"userId":"dave","roles":["member","old"]}');
main::given('alice POST /workspace/invitations {"email":"guest@example.com","role":"old"}');
--- request eval
['DELETE /api/v1/workspace/roles/11', (map "DELETE /api/v1/workspace/roles/11?reassign_to=$_", 'old', 'none', 'owner', '', 'new&reassign_to=new', '%zz'),
 'DELETE /api/v1/workspace/roles/11?reassign_to=new', 'GET /api/v1/workspace/members', 'GET /api/v1/workspace/invitations', 'DELETE /api/v1/workspace/roles/12']
--- more_headers
X-User: alice
--- error_code eval: [(422) x 6, 400, 200, 200, 200, 422]
--- response_body_like eval
[quotemeta main::error(role => 'the role is in use by 3 members and 1 pending invitation'), (qr/"errors":\{"reassign_to":\["/) x 3,
 (quotemeta main::error(reassign_to => 'reassign_to must name one role')) x 2, qr/malformed/, qr/^\{"message":"Role deleted successfully\."\}$/,
 qr/"bob".*"role":"new".*"carol".*"role":"new".*"dave".*"role":"new"/, qr/"role":"new"/, qr/3 members/]



=== TEST 6: roles are the admins', and nobody gives what he lacks
--- init
main::given('alice POST /workspaces {"name":"A"}', 'alice POST /workspace/roles {"name":"clerk","display_name":"Clerk","permissions":["*:*"]}');
main::platform('alice POST /1/members {"userId":"bob","roles":["clerk"]}', 'alice POST /1/members {"userId":"carol","roles":["member"]}');
--- request eval
[("POST /api/v1/workspace/roles\n" . '{"name":"a","display_name":"A","permissions":["a:b"]}', "PATCH /api/v1/workspace/roles/11\n" . '{"permissions":["*:*"]}', 'DELETE /api/v1/workspace/roles/11') x 3]
--- more_headers eval
[map "X-User: $_\nX-Workspace-ID: 1", ('bob') x 3, ('carol') x 3, ('eve') x 3]
--- error_code eval: [(403) x 9]
--- response_body eval: [(main::unseen()) x 9]



=== TEST 7: one preferred subtype of each type of document
--- init
main::given('alice POST /workspaces {"name":"A"}');
main::platform('alice POST /1/members {"userId":"bob","roles":["admin"]}', 'alice POST /1/members {"userId":"carol","roles":["member"]}');
--- request eval
['PATCH /api/v1/document-subtypes/B01/workspace/1/set-preferred', "PATCH /api/v1/document-subtypes/E31/workspace/1/set-preferred\n" . '{"document_type":"credit_note"}',
 "PATCH /api/v1/document-subtypes/2/workspace/1/set-preferred/\n" . '{"document_type":"invoice"}', 'GET /api/v1/workspaces/1',
 'PATCH /api/v1/document-subtypes/B01/workspace/1/set-preferred', 'PATCH /api/v1/document-subtypes/B01/workspace/1/set-preferred', 'PATCH /api/v1/document-subtypes/B01/workspace/9/set-preferred']
--- more_headers eval
[map "X-User: $_", 'alice', 'bob', 'root', 'carol', 'carol', 'eve', 'alice']
--- error_code eval: [(200) x 4, 403, 404, 404]
--- response_headers eval: ['ETag: "4"', 'ETag: "5"', 'ETag: "6"', 'ETag: "6"', ('! ETag') x 3]
--- response_body_like eval
[(qr/^\{"message":"Preferred document subtype updated\."\}$/) x 3, qr/"settings":\{"preferred_document_subtypes":\{"invoice":"2","credit_note":"E31"\}\}\}\}$/,
 quotemeta main::unseen(), (qr/^\{"message":"workspace not found"\}$/) x 2]



=== TEST 8: what is neither type nor subtype
--- init
main::given('alice POST /workspaces {"name":"A"}');
--- request eval
[(map "PATCH /api/v1/document-subtypes/$_/workspace/1/set-preferred", 'a%20b', '%C3%A9', 'x' x 65, 'a%2Fb'),
 (map "PATCH /api/v1/document-subtypes/B01/workspace/1/set-preferred\n$_", '{"document_type":""}', '{"document_type":7}', '{"document_type":"a b"}', '[]', '{'),
 'PATCH /api/v1/document-subtypes/B01/workspace/x/set-preferred', 'GET /api/v1/document-subtypes/B01/workspace/1/set-preferred']
--- more_headers
X-User: alice
--- error_code eval: [(422) x 7, 400, 400, 404, 405]
--- response_body_like eval
[(quotemeta main::error(subtype => 'a document subtype is 1 to 64 of [A-Za-z0-9_.-]')) x 4, (quotemeta main::error(document_type => 'document_type must be 1 to 64 of [A-Za-z0-9_.-]')) x 3,
 qr/JSON object/, qr/line 1/, qr/not found/, qr/not allowed/]
