# /api/workspaces/{id}/members and /api/workspaces/{id}/members/{user}

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 267);

no_long_string();
run_tests();

__DATA__

=== TEST 1: lists the members, the oldest first
--- init
main::given('zoe POST / {"name":"A"}');
select undef, undef, undef, 0.005;   # times are told apart by milliseconds
main::given('zoe POST /1/members {"userId":"bob","roles":["member","x"]}');
--- request
GET /api/workspaces/1/members
--- more_headers
X-User: zoe
--- response_headers
ETag: "2"
--- response_body: [{"user":"zoe","roles":["admin","user"],"created":"TIME"},{"user":"bob","roles":["member","x"],"created":"TIME"}]



=== TEST 2: any member and a tenant admin may list them, a stranger may not
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["member"]}');
--- request eval
[('GET /api/workspaces/1/members') x 3, 'GET /api/workspaces/2/members']
--- more_headers eval
["X-User: bob", "X-User: root", "X-User: carol", "X-User: carol"]
--- error_code eval: [200, 200, 404, 404]
--- response_body_like eval
[(qr/"user":"alice".*"user":"bob"/) x 2, (qr/^{"message":"workspace not found"}$/) x 2]



=== TEST 3: adding answers a sentence and the workspace
--- init
main::given('alice POST / {"name":"A"}');
--- request
POST /api/workspaces/1/members
{"userId":"bob","roles":["member"]}
--- more_headers
X-User: alice
--- response_headers
ETag: "2"
--- response_body: {"message":"Member added successfully.","workspace":{"_id":"1","name":"A","logo":null,"labels":[],"members":[{"user":"alice","roles":["admin","user"],"created":"TIME"},{"user":"bob","roles":["member"],"created":"TIME"}],"invites":[]}}



=== TEST 4: nobody is added twice
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["member"]}');
--- request eval
["POST /api/workspaces/1/members\n" . '{"userId":"bob","roles":["admin"]}',
 "POST /api/workspaces/1/members\n" . '{"userId":"alice","roles":["x"]}',
 "GET /api/workspaces/1/members"]
--- more_headers
X-User: alice
--- error_code eval: [400, 400, 200]
--- response_body_like eval
[(qr/^{"message":"already a member"}$/) x 2,
 qr/"alice","roles":\["admin","user"\].*"bob","roles":\["member"\]/]



=== TEST 5: a user id is required, as a string
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map "POST /api/workspaces/1/members\n$_", '{"roles":["member"]}',
    map qq({"userId":$_,"roles":["member"]}), 'null', '17', '""', '["bob"]', '"a\nb"',
        '"' . 'a' x 256 . '"']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 7]
--- response_body eval
[('{"message":"userId must be a string of 1 to 255 bytes, without control characters","field":"userId"}') x 7]



=== TEST 6: roles are required, 1 to 32 names
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map "POST /api/workspaces/1/members\n" . '{"userId":"bob"' . "$_}", '', ',"roles":null',
    ',"roles":"admin"', ',"roles":{}', ',"roles":[]',
    ',"roles":[' . CORE::join(',', map qq("r$_"), 1 .. 33) . ']']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 6]
--- response_body eval
['{"message":"roles is required","field":"roles"}',
 ('{"message":"roles must be an array of 1 to 32 role names","field":"roles"}') x 5]



=== TEST 7: a role is a name of 1 to 64 of [A-Za-z0-9_-]
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map "POST /api/workspaces/1/members\n" . '{"userId":"bob","roles":["ok",' . "$_]}", '1', 'null',
    '""', '"a b"', '"a,admin"', '"a:b"', '"\u00e9"', '"' . 'a' x 65 . '"', '["admin"]', '"admin\u0000"']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 10]
--- response_body_like eval
[(qr/^{"message":"a role is a name of 1 to 64 of \[A-Za-z0-9_-\]","field":"roles"}$/) x 9, qr/U\+0000/]



=== TEST 8: nobody becomes the owner by a role
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["x"]}');
--- request eval
["POST /api/workspaces/1/members\n" . '{"userId":"carol","roles":["x","owner"]}',
 "PUT /api/workspaces/1/members/bob\n" . '{"roles":["owner"]}']
--- more_headers
X-User: alice
--- error_code eval: [400, 400]
--- response_body eval
[('{"message":"the role owner cannot be given","field":"roles"}') x 2]



=== TEST 9: roles are kept in their order, each once, and 32 of 64 bytes fit
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
["POST /api/workspaces/1/members\n" . '{"userId":"bob","roles":["b","a","b","A"]}',
 "POST /api/workspaces/1/members\n" . '{"userId":"carol","roles":[' .
    CORE::join(',', map sprintf('"%064d"', $_), 1 .. 32) . ']}']
--- more_headers
X-User: alice
--- error_code eval: [200, 200]
--- response_body_like eval: [qr/"bob","roles":\["b","a","A"\]/, qr/"0{62}32"\]/]



=== TEST 10: changing roles answers them
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["member"]}');
--- request
PUT /api/workspaces/1/members/bob
{"roles":["admin","user"]}
--- more_headers
X-User: alice
--- response_headers
ETag: "3"
--- response_body: {"message":"Member roles updated successfully.","updatedMember":{"user":"bob","roles":["admin","user"]},"workspaceId":"1"}



=== TEST 11: new roles count at once
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["member"]}');
--- request eval
["PUT /api/workspaces/1\n" . '{"name":"B"}',
 "PUT /api/workspaces/1/members/bob\n" . '{"roles":["admin"]}',
 "PUT /api/workspaces/1\n" . '{"name":"C"}',
 "PUT /api/workspaces/1/members/bob\n" . '{"roles":["member"]}',
 "PUT /api/workspaces/1\n" . '{"name":"D"}']
--- more_headers eval
["X-User: bob", "X-User: alice", "X-User: bob", "X-User: alice", "X-User: bob"]
--- error_code eval: [403, 200, 200, 200, 403]
--- response_body_like eval
[qr/required/, qr/updatedMember/, qr/"name":"C"/, qr/updatedMember/, qr/required/]



=== TEST 12: removing answers who it was
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["member"]}');
--- request eval
['DELETE /api/workspaces/1/members/bob', 'GET /api/workspaces/1/members']
--- more_headers
X-User: alice
--- error_code eval: [200, 200]
--- response_headers eval: ['ETag: "3"', 'ETag: "3"']
--- response_body eval
['{"message":"Member removed from workspace.","removedMemberId":"bob","userId":"bob"}',
 '[{"user":"alice","roles":["admin","user"],"created":"TIME"}]']



=== TEST 13: who is no member can neither be changed nor removed
--- init
main::given('alice POST / {"name":"A"}', 'bob POST / {"name":"B"}');
--- request eval
["PUT /api/workspaces/1/members/bob\n" . '{"roles":["x"]}', 'DELETE /api/workspaces/1/members/bob',
 "PUT /api/workspaces/1/members/Alice\n" . '{"roles":["x"]}']
--- more_headers
X-User: alice
--- error_code eval: [404, 404, 404]
--- response_body eval: [('{"message":"not a member"}') x 3]



=== TEST 14: a member without admin may neither add, change nor remove, himself included
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["member"]}',
    'alice POST /1/members {"userId":"carol","roles":["member"]}');
--- request eval
["POST /api/workspaces/1/members\n" . '{"userId":"dave","roles":["member"]}',
 "PUT /api/workspaces/1/members/bob\n" . '{"roles":["admin"]}',
 "PUT /api/workspaces/1/members/carol\n" . '{"roles":["x"]}',
 'DELETE /api/workspaces/1/members/carol', 'DELETE /api/workspaces/1/members/bob',
 "POST /api/workspaces/1/members\n" . '{']
--- more_headers
X-User: bob
--- error_code eval: [(403) x 6]
--- response_body eval: [('{"message":"workspace admin privileges required"}') x 6]



=== TEST 15: a stranger gets 404 for each, whether it exists or not
--- init
main::given('alice POST / {"name":"A"}', 'bob POST / {"name":"B"}');
--- request eval
[map { ("POST /api/workspaces/$_/members\n" . '{"userId":"bob","roles":["admin"]}',
        "PUT /api/workspaces/$_/members/alice\n" . '{"roles":["x"]}',
        "DELETE /api/workspaces/$_/members/alice") } 1, 3]
--- more_headers
X-User: bob
--- error_code eval: [(404) x 6]
--- response_body eval: [('{"message":"workspace not found"}') x 6]



=== TEST 16: a tenant admin manages members without being one
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
["POST /api/workspaces/1/members\n" . '{"userId":"bob","roles":["admin"]}',
 "PUT /api/workspaces/1/members/bob\n" . '{"roles":["x"]}', 'DELETE /api/workspaces/1/members/bob']
--- more_headers
X-User: root
--- error_code eval: [200, 200, 200]
--- response_body_like eval: [qr/added/, qr/updated/, qr/removed/]



=== TEST 17: the owner stays an admin, whoever asks and however many admins there are
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["admin"]}');
--- request eval
[("PUT /api/workspaces/1/members/alice\n" . '{"roles":["user"]}', 'DELETE /api/workspaces/1/members/alice') x 3,
 "PUT /api/workspaces/1/members/alice\n" . '{"roles":["x","admin"]}']
--- more_headers eval
[("X-User: alice") x 2, ("X-User: bob") x 2, ("X-User: root") x 2, "X-User: bob"]
--- error_code eval: [(400) x 6, 200]
--- response_body_like eval
[(qr/^{"message":"the owner must stay an admin of the workspace"}$/) x 6, qr/"roles":\["x","admin"\]/]



=== TEST 18: the last admin can be neither removed nor demoted
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["admin"]}');
my ($key) = @{ main::redis('KEYS', "wsp:*:$ENV{TEST_NGINX_TENANT}:w:1") };
main::redis('HSET', $key, 'owner', 'nobody');
--- request eval
['DELETE /api/workspaces/1/members/bob', "POST /api/workspaces/1/members\n" . '{"userId":"bob","roles":["admin"]}',
 "PUT /api/workspaces/1/members/alice\n" . '{"roles":["user"]}',
 "PUT /api/workspaces/1/members/bob\n" . '{"roles":["user"]}', 'DELETE /api/workspaces/1/members/bob']
--- more_headers eval
[("X-User: alice") x 3, ("X-User: root") x 2]
--- error_code eval: [200, 200, 200, 400, 400]
--- response_body_like eval
[qr/removed/, qr/added/, qr/updated/, (qr/^{"message":"the last admin cannot be removed or demoted"}$/) x 2]



=== TEST 19: an admin may remove himself as long as another one stays
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["admin"]}');
--- request eval
['DELETE /api/workspaces/1/members/bob', 'GET /api/workspaces/1']
--- more_headers
X-User: bob
--- error_code eval: [200, 404]
--- response_body_like eval: [qr/removed/, qr/not found/]



=== TEST 20: the active workspace of who is removed is cleared
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["member"]}',
    'bob POST /1/activate', 'alice DELETE /1/members/bob',
    'alice POST /1/members {"userId":"bob","roles":["member"]}');
--- request
GET /api/workspaces
--- more_headers
X-User: bob
--- response_body: [{"_id":"1","name":"A","logo":null,"labels":[],"isPrivilegedUser":false}]



=== TEST 21: odd user ids are different users, and find no other key
--- init
main::given('alice POST / {"name":"A"}',
    map(qq(alice POST /1/members {"userId":"$_","roles":["member"]}),
        'a/b', 'a%2fb', 'a:w', '{0}', '*', 'A', 'a', "\xc3\xa9", "e\xcc\x81", ' a', '...', 'all'));
--- request eval
['DELETE /api/workspaces/1/members/a%2Fb', 'DELETE /api/workspaces/1/members/a%252fb',
 'DELETE /api/workspaces/1/members/a:w', 'DELETE /api/workspaces/1/members/%7B0%7D',
 'DELETE /api/workspaces/1/members/*', 'DELETE /api/workspaces/1/members/%C3%A9',
 'DELETE /api/workspaces/1/members/%20a', 'GET /api/workspaces/1/members']
--- more_headers
X-User: alice
--- error_code eval: [(200) x 8]
--- response_body_like eval
[qr{"userId":"a/b"}, qr{"userId":"a%2fb"}, qr{"userId":"a:w"}, qr/"userId":"\{0\}"/, qr{"userId":"\*"},
 qr/"userId":"\xc3\xa9"/, qr{"userId":" a"},
 qr/^(?=.*"A")(?=.*"a")(?=.*"e\xcc\x81")(?=.*"\.\.\.")(?=.*"all")\[\{"user":"alice"(?:[^{]*\{){5}[^{]*\]$/]



=== TEST 22: GET of one member is not there, other methods name what is
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
['GET /api/workspaces/1/members/alice', 'DELETE /api/workspaces/1/members']
--- more_headers
X-User: alice
--- error_code eval: [405, 405]
--- response_headers eval: ['Allow: PUT, DELETE', 'Allow: GET, HEAD, POST']
--- response_body eval: [('{"message":"method not allowed"}') x 2]
