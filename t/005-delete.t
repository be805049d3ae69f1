# DELETE /api/workspaces/{id}

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 42);

no_long_string();
run_tests();

__DATA__

=== TEST 1: answers the workspace that was deleted
--- init
main::given('alice POST / {"name":"A","labels":["x"]}',
    'alice PUT /1 {"invites":[{"email":"b@example.com"}]}');
--- request
DELETE /api/workspaces/1
--- more_headers
X-User: alice
--- response_headers
! ETag
--- response_body: {"_id":"1","name":"A","logo":null,"labels":["x"],"members":[{"user":"alice","roles":["admin","user"],"created":"TIME"}],"invites":[{"email":"b@example.com","roles":["member"],"created":"TIME"}]}



=== TEST 2: what was deleted is gone, for its admin and for a tenant admin
--- init
main::given('alice POST / {"name":"A"}', 'alice DELETE /1');
--- request eval
['GET /api/workspaces/1', 'GET /api/workspaces/1/members', 'DELETE /api/workspaces/1',
 'GET /api/workspaces/1', 'GET /api/workspaces/1/encrypted']
--- more_headers eval
[("X-User: alice") x 3, ("X-User: root") x 2]
--- error_code eval: [(404) x 5]
--- response_body eval
[('{"message":"workspace not found"}') x 5]



=== TEST 3: members, invites, sealed data, labels and contexts go with it
--- init
main::given('alice POST / {"name":"A","labels":["x","y"]}',
    'alice POST /1/members {"userId":"bob","roles":["member"]}',
    'alice PUT /1 {"invites":[{"email":"b@example.com"}]}',
    'root POST /1/encrypted {"a":1}', 'alice POST /1/activate', 'bob POST /1/activate',
    'alice DELETE /1');
my @left = @{ main::redis('KEYS', "wsp:*:$ENV{TEST_NGINX_TENANT}:*") };
@left = grep !/:i?id$|:t:/, @left;
main::is("@left", "", "nothing is left behind");
--- request
GET /api/workspaces
--- more_headers
X-User: bob
--- response_body: []



=== TEST 4: nobody's active workspace is one that was deleted
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}',
    'alice POST /1/members {"userId":"bob","roles":["member"]}',
    'bob POST / {"name":"C"}', 'alice POST /2/activate', 'bob POST /1/activate',
    'alice DELETE /1');
--- request eval
['GET /api/workspaces', 'GET /api/workspaces']
--- more_headers eval
["X-User: alice", "X-User: bob"]
--- error_code eval: [200, 200]
--- response_body_like eval
[qr/^\[\{"_id":"2".*"active":true\}\]$/, qr/^\[\{"_id":"3",[^}]*"isPrivilegedUser":true\}\]$/]



=== TEST 5: an id is not given a second time
--- init
main::given('alice POST / {"name":"A"}', 'alice DELETE /1');
--- request
POST /api/workspaces
{"name":"B"}
--- more_headers
X-User: alice
--- response_body_like: ^\{"_id":"2"



=== TEST 6: a member without admin gets 403, and it stays
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["member"]}');
--- request eval
['DELETE /api/workspaces/1', 'GET /api/workspaces/1']
--- more_headers
X-User: bob
--- error_code eval: [403, 200]
--- response_body_like eval
[qr/^{"message":"workspace admin privileges required"}$/, qr/"name":"A"/]



=== TEST 7: a stranger gets 404, and it stays
--- init
main::given('alice POST / {"name":"A"}', 'bob POST / {"name":"B"}');
--- request eval
['DELETE /api/workspaces/1', 'DELETE /api/workspaces/3', 'GET /api/workspaces/1']
--- more_headers eval
["X-User: bob", "X-User: bob", "X-User: alice"]
--- error_code eval: [404, 404, 200]
--- response_body_like eval
[(qr/^{"message":"workspace not found"}$/) x 2, qr/"name":"A"/]



=== TEST 8: an admin who is not the owner may delete
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["admin"]}');
--- request
DELETE /api/workspaces/1
--- more_headers
X-User: bob
--- response_body_like: ^\{"_id":"1"



=== TEST 9: a tenant admin may delete without being a member
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
['DELETE /api/workspaces/1', 'GET /api/workspaces/1']
--- more_headers eval
["X-User: root", "X-User: alice"]
--- error_code eval: [200, 404]
--- response_body_like eval: [qr/^{"_id":"1"/, qr/not found/]



=== TEST 10: deletes with many members
--- init
main::given('alice POST / {"name":"A"}', map(qq(alice POST /1/members {"userId":"u$_","roles":["member"]}), 1 .. 150),
    'alice DELETE /1');
--- request eval
['GET /api/workspaces', 'GET /api/workspaces']
--- more_headers eval
["X-User: u1", "X-User: u150"]
--- error_code eval: [200, 200]
--- response_body eval: ["[]", "[]"]
