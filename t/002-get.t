# GET /api/workspaces/{id}

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 68);

no_long_string();
run_tests();

__DATA__

=== TEST 1: an admin of the workspace sees members and invites
--- init
main::given('alice POST / {"name":"A","labels":["team"],"logo":"https://example.com/logo.png"}',
    'alice POST /1/members {"userId":"bob","roles":["member"]}',
    'alice PUT /1 {"invites":[{"email":"Carol@Example.com","name":"Carol"}]}');
--- request
GET /api/workspaces/1
--- more_headers
X-User: alice
--- response_body: {"_id":"1","name":"A","logo":"https://example.com/logo.png","labels":["team"],"members":[{"user":"alice","roles":["admin","user"],"created":"TIME"},{"user":"bob","roles":["member"],"created":"TIME"}],"invites":[{"email":"Carol@Example.com","name":"Carol","roles":["member"],"created":"TIME"}]}



=== TEST 2: a tenant admin who is no member sees the same
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["member"]}',
    'alice PUT /1 {"invites":[{"email":"carol@example.com"}]}');
--- request
GET /api/workspaces/1
--- more_headers
X-User: root
--- response_body: {"_id":"1","name":"A","logo":null,"labels":[],"members":[{"user":"alice","roles":["admin","user"],"created":"TIME"},{"user":"bob","roles":["member"],"created":"TIME"}],"invites":[{"email":"carol@example.com","roles":["member"],"created":"TIME"}]}



=== TEST 3: a plain member sees himself alone, and no invites
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["member","editor"]}',
    'alice PUT /1 {"invites":[{"email":"carol@example.com"}]}');
--- request
GET /api/workspaces/1
--- more_headers
X-User: bob
--- response_body: {"_id":"1","name":"A","logo":null,"labels":[],"members":[{"user":"bob","roles":["member","editor"],"created":"TIME"}],"invites":[]}



=== TEST 4: the answer carries the revision, and is not to be kept without asking
--- init
main::given('alice POST / {"name":"A"}', 'alice PUT /1 {"name":"B"}');
--- request
GET /api/workspaces/1
--- more_headers
X-User: alice
--- response_headers
Content-Type: application/json; charset=utf-8
Cache-Control: private, no-cache
ETag: "2"



=== TEST 5: a stranger sees the same for what exists and for what does not
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
['GET /api/workspaces/1', 'GET /api/workspaces/2']
--- more_headers
X-User: bob
--- error_code eval: [404, 404]
--- response_headers eval
[("Content-Length: 33\nCache-Control: private, no-cache\n! ETag") x 2]
--- response_body eval
[('{"message":"workspace not found"}') x 2]



=== TEST 6: who was removed is a stranger again
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["member"]}',
    'bob GET /1', 'alice DELETE /1/members/bob');
--- request
GET /api/workspaces/1
--- more_headers
X-User: bob
--- error_code: 404
--- response_body: {"message":"workspace not found"}



=== TEST 7: who is invited only is a stranger
--- init
main::given('alice POST / {"name":"A"}',
    'alice PUT /1 {"invites":[{"email":"bob@example.com","name":"bob"}]}');
--- request
GET /api/workspaces/1
--- more_headers
X-User: bob@example.com
--- error_code: 404
--- response_body: {"message":"workspace not found"}



=== TEST 8: what is no id finds nothing
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map "GET /api/workspaces/$_", qw(0 01 +1 -1 1.0 1e0 0x1 one 1%20 1:m 1%3Am
    9007199254740993 9223372036854775808 18446744073709551617), '1' x 3000]
--- more_headers
X-User: alice
--- error_code eval: [(404) x 15]
--- response_body eval: [('{"message":"not found"}') x 15]



=== TEST 9: an encoded id is the same id
--- init
main::given('alice POST / {"name":"A"}');
--- request
GET /api/workspaces/%31
--- more_headers
X-User: alice
--- response_body_like: ^\{"_id":"1"



=== TEST 10: a slash at the end changes nothing
--- init
main::given('alice POST / {"name":"A"}');
--- request
GET /api/workspaces/1/
--- more_headers
X-User: alice
--- response_body_like: ^\{"_id":"1"



=== TEST 11: a query is ignored
--- init
main::given('alice POST / {"name":"A"}');
--- request
GET /api/workspaces/1?select=name&x=%zz
--- more_headers
X-User: alice
--- response_body_like: ^\{"_id":"1".*"members":
