# POST /api/workspaces/{id}/activate

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 27);

no_long_string();
run_tests();

__DATA__

=== TEST 1: answers the workspace
--- init
main::given('alice POST / {"name":"A"}');
--- request
POST /api/workspaces/1/activate
--- more_headers
X-User: alice
--- response_headers
ETag: "1"
--- response_body: {"_id":"1","name":"A","logo":null,"labels":[],"members":[{"user":"alice","roles":["admin","user"],"created":"TIME"}],"invites":[]}



=== TEST 2: a body is not needed, whatever its type says, and not read
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
["POST /api/workspaces/1/activate", "POST /api/workspaces/1/activate\n{}",
 "POST /api/workspaces/1/activate\n{"]
--- more_headers
X-User: alice
Content-Type: application/json
--- error_code eval: [200, 200, 200]
--- response_body_like eval: [(qr/^{"_id":"1"/) x 3]



=== TEST 3: a Content-Length of 0 is an empty body
--- init
main::given('alice POST / {"name":"A"}');
--- request
POST /api/workspaces/1/activate
--- more_headers
X-User: alice
Content-Type: application/json
Content-Length: 0
--- response_body_like: ^\{"_id":"1"



=== TEST 4: another one takes its place
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}',
    'alice POST /1/activate', 'alice POST /2/activate', 'alice POST /2/activate');
--- request
GET /api/workspaces
--- more_headers
X-User: alice
--- response_body: [{"_id":"1","name":"A","logo":null,"labels":[],"isPrivilegedUser":true},{"_id":"2","name":"B","logo":null,"labels":[],"isPrivilegedUser":true,"active":true}]



=== TEST 5: each user has his own
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}',
    map(qq(alice POST /$_/members {"userId":"bob","roles":["member"]}), 1, 2),
    'alice POST /1/activate', 'bob POST /2/activate');
--- request eval
['GET /api/workspaces', 'GET /api/workspaces']
--- more_headers eval
["X-User: alice", "X-User: bob"]
--- error_code eval: [200, 200]
--- response_body_like eval
[qr/^\[\{"_id":"1"[^}]*"active":true\},\{"_id":"2"[^}]*"isPrivilegedUser":true\}\]$/,
 qr/^\[\{"_id":"1"[^}]*"isPrivilegedUser":false\},\{"_id":"2"[^}]*"active":true\}\]$/]



=== TEST 6: a plain member may activate, and sees what a member sees
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["member"]}');
--- request
POST /api/workspaces/1/activate
--- more_headers
X-User: bob
--- response_body_like: "members":\[\{"user":"bob","roles":\["member"\],"created":"TIME"\}\],"invites":\[\]



=== TEST 7: a stranger gets 404, and his active workspace stays
--- init
main::given('alice POST / {"name":"A"}', 'bob POST / {"name":"B"}', 'bob POST /2/activate');
--- request eval
['POST /api/workspaces/1/activate', 'POST /api/workspaces/3/activate', 'GET /api/workspaces']
--- more_headers
X-User: bob
--- error_code eval: [404, 404, 200]
--- response_body_like eval
[(qr/^{"message":"workspace not found"}$/) x 2, qr/"_id":"2".*"active":true/]



=== TEST 8: activating is no change of the workspace
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/activate');
--- request
GET /api/workspaces/1
--- more_headers
X-User: alice
--- response_headers
ETag: "1"



=== TEST 9: only POST activates
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
['GET /api/workspaces/1/activate', "PUT /api/workspaces/1/activate\n{}"]
--- more_headers
X-User: alice
--- error_code eval: [405, 405]
--- response_headers eval: [('Allow: POST') x 2]
--- response_body eval: [('{"message":"method not allowed"}') x 2]
