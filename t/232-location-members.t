# Members of the location dialect: /workspace/members and
# /workspaces/{id}/transfer-ownership

use lib '.';
use t::Location;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 197);

no_long_string();
run_tests();

__DATA__

=== TEST 1: the list, and what a role is changed to
--- init
main::given('1 POST /workspaces [X-Name: John Doe; X-Email: john@example.com] {"name":"A"}');
main::platform(map qq(1 POST /1/members {"userId":"$_","roles":["user","member"]}), '2', 'x y');
main::given('2 DELETE /workspace-context [X-Name: Jane]', '2 PATCH /workspace-context/1 [X-Name: Jane Smith; X-Email: jane@example.com]');
--- request eval
['GET /api/v1/workspace/members', "PATCH /api/v1/workspace/members/2/role\n" . '{"role":"admin"}', "PUT /api/v1/workspace/members/x%20y/role/\n" . '{"role":"viewer"}',
 'GET /api/v1/workspace/members/', 'GET /api/workspaces/1/members']
--- more_headers
X-User: 1
--- error_code eval: [(200) x 5]
--- response_headers eval: ['! ETag', 'ETag: "4"', 'ETag: "5"', '! ETag', 'ETag: "5"']
--- response_body_like eval
my $list = sub { my @roles = @_; quotemeta '{"data":[{"id":1,"name":"John Doe","email":"john@example.com","role":"owner","added_at":"TIME"},'
 . '{"id":2,"name":"Jane Smith","email":"jane@example.com","role":"' . $roles[0] . '","added_at":"TIME"},{"id":"x y","name":null,"email":null,"role":"' . $roles[1] . '","added_at":"TIME"}]}' };
[$list->('member', 'member'), (qr/^\{"message":"Member role updated successfully\."\}$/) x 2, $list->('admin', 'viewer'), qr/"user":"2","roles":\["admin"\].*"user":"x y","roles":\["viewer"\]/]



=== TEST 2: managing members needs an admin
--- init
main::given('alice POST /workspaces {"name":"A"}');
main::platform(map qq(alice POST /1/members {"userId":"$_","roles":["$_"]}), 'admin', 'member', 'viewer', 'custom');
--- request eval
[(map +('GET /api/v1/workspace/members', "PUT /api/v1/workspace/members/viewer/role\n" . '{"role":"member"}', 'DELETE /api/v1/workspace/members/custom'), 1 .. 4),
 "PATCH /api/v1/workspace/members/admin/role\n" . '{"role":"viewer"}', 'DELETE /api/v1/workspace/members/member']
--- more_headers eval
[(map "X-User: $_\nX-Workspace-ID: 1", ('viewer') x 3, ('member') x 3, ('custom') x 3, ('admin') x 3, 'root', 'root')]
--- error_code eval: [(200, 403, 403) x 3, (200) x 5]
--- response_body_like eval
[(qr/"data"/, (quotemeta main::unseen()) x 2) x 3, qr/"data"/, qr/updated successfully/, qr/^\{"message":"Member removed from workspace\."\}$/, qr/updated successfully/, qr/removed/]



=== TEST 3: what is no role of the workspace, and who is no member
--- init
main::given('alice POST /workspaces {"name":"A"}', 'bob POST /workspaces {"name":"B"}', 'bob POST /workspace/roles {"name":"of_bob","display_name":"Of Bob","permissions":["a:b"]}');
main::platform('alice POST /1/members {"userId":"carol","roles":["x"]}');
--- request eval
[(map "PATCH /api/v1/workspace/members/carol/role\n$_", '{}', '{"role":null}', '{"role":["admin"]}', '{"role":""}', '{"role":"a,b"}', '{"role":"owner"}', '{"role":"of_bob"}', '{"role":"x"}',
  '{"role":"Admin"}', '['),
 "PATCH /api/v1/workspace/members/bob/role\n" . '{"role":"admin"}', 'DELETE /api/v1/workspace/members/bob', 'DELETE /api/v1/workspace/members/Carol',
 'GET /api/v1/workspace/members/carol', 'GET /api/v1/workspace/members/carol/role']
--- more_headers
X-User: alice
--- error_code eval: [(422) x 9, 400, 404, 404, 404, 405, 405]
--- response_body_like eval
[quotemeta main::error(role => 'role is required'), (quotemeta main::error(role => 'role must be the name of a role')) x 4, qr/"errors":\{"role":\["the role owner cannot be given/,
 (quotemeta main::error(role => 'the workspace has no role of this name')) x 3, qr/line 1/, (qr/^\{"message":"not a member"\}$/) x 3, (qr/not allowed/) x 2]



=== TEST 4: the owner stays, and the last admin
--- init
main::given('alice POST /workspaces {"name":"A"}');
main::platform('alice POST /1/members {"userId":"bob","roles":["admin"]}');
--- request eval
['DELETE /api/v1/workspace/members/alice', 'DELETE /api/v1/workspace/members/alice', "PUT /api/v1/workspace/members/alice/role\n" . '{"role":"member"}',
 "PUT /api/v1/workspace/members/alice/role\n" . '{"role":"admin"}', 'DELETE /api/v1/workspace/members/bob', 'GET /api/v1/workspace/members']
--- more_headers eval
[map "X-User: $_\nX-Workspace-ID: 1", 'bob', 'root', 'bob', 'alice', 'bob', 'alice']
--- error_code eval: [422, 422, 422, 200, 200, 200]
--- response_body_like eval
[(quotemeta main::error(member => 'You cannot remove the workspace owner. Transfer ownership first if needed.')) x 2, qr/"errors":\{"member":\["/, qr/updated/, qr/removed/,
 qr/^\{"data":\[\{"id":"alice","name":null,"email":null,"role":"owner","added_at":"TIME"\}\]\}$/]



=== TEST 5: ownership is the owner's to give, to a member
--- init
main::given('alice POST /workspaces {"name":"A"}');
main::platform('alice POST /1/members {"userId":"7","roles":["viewer"]}', 'alice POST /1/members {"userId":"bob","roles":["admin"]}');
--- request eval
[(map "POST /api/v1/workspaces/1/transfer-ownership\n$_", ('{"user_id":7}') x 3, '{}', '{"user_id":"eve"}', '{"user_id":8}', '{"user_id":7.5}', '{"user_id":7}', '{"user_id":"alice"}'),
 'GET /api/v1/workspaces/1', "PUT /api/v1/workspaces/1\n" . '{"name":"B"}', 'DELETE /api/v1/workspace/members/7', 'DELETE /api/v1/workspace/members/alice']
--- more_headers eval
["X-User: bob", "X-User: eve", "X-User: eve\nX-Permissions: view_all_locations", ("X-User: alice") x 6, "X-User: 7", "X-User: alice", "X-User: alice", "X-User: 7\nX-Workspace-ID: 1"]
--- error_code eval: [403, 404, 404, (422) x 4, 200, 403, 200, 403, 422, 200]
--- response_body_like eval
[quotemeta main::unseen(), (qr/workspace not found/) x 2, quotemeta main::error(user_id => 'user_id is required'),
 (quotemeta main::error(user_id => 'the new owner must be a member of the workspace')) x 2, qr/"errors":\{"user_id":\["user_id must be/,
 qr/^\{"data":\{"id":1,"name":"A","owner_id":7,"updated_at":"TIME"\},"message":"Ownership transferred successfully\."\}$/, quotemeta main::unseen(),
 qr/"owner_id":7,.*"is_owner":true,.*"id":"alice","name":null,"email":null,"role":"admin".*"id":7,"name":null,"email":null,"role":"owner"/, quotemeta main::unseen(), qr/You cannot remove/, qr/removed/]



=== TEST 6: who is added elsewhere is a member here, with the first role there is for him
--- init
main::given('alice POST /workspaces {"name":"A"}', 'alice POST /workspace/roles {"name":"sales_rep","display_name":"Sales","permissions":["invoices:view"]}');
main::platform('alice POST /1/members {"userId":"b","roles":["viewer","sales_rep","member"]}', 'alice POST /1/members {"userId":"c","roles":["viewer","admin","sales_rep"]}',
    'alice POST /1/members {"userId":"d","roles":["free-name","other"]}', 'alice POST /1/members {"userId":"e","roles":["free-name","viewer"]}');
--- request
GET /api/v1/workspace/members
--- more_headers
X-User: alice
--- response_body_like: "id":"b","name":null,"email":null,"role":"sales_rep".*"id":"c","name":null,"email":null,"role":"admin".*"id":"d","name":null,"email":null,"role":"free-name".*"id":"e","name":null,"email":null,"role":"viewer"
