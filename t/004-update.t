# PUT /api/workspaces/{id}

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 181);

no_long_string();
run_tests();

__DATA__

=== TEST 1: changes what is given and leaves the rest
--- init
main::given('alice POST / {"name":"A","logo":"https://example.com/a.png","labels":["x"]}');
--- request eval
["PUT /api/workspaces/1\n" . '{"name":"B"}',
 "PUT /api/workspaces/1\n" . '{"labels":["y","z"]}',
 "PUT /api/workspaces/1\n" . '{"logo":"https://example.com/b.png"}']
--- more_headers
X-User: alice
--- error_code eval: [200, 200, 200]
--- response_body eval
my $members = '"members":[{"user":"alice","roles":["admin","user"],"created":"TIME"}],"invites":[]}';
['{"_id":"1","name":"B","logo":"https://example.com/a.png","labels":["x"],' . $members,
 '{"_id":"1","name":"B","logo":"https://example.com/a.png","labels":["y","z"],' . $members,
 '{"_id":"1","name":"B","logo":"https://example.com/b.png","labels":["y","z"],' . $members]



=== TEST 2: what was updated is what is read
--- init
main::given('alice POST / {"name":"A","labels":["x"]}',
    'alice PUT /1 {"name":"B","labels":[],"logo":"https://example.com/b.png"}');
--- request
GET /api/workspaces/1
--- more_headers
X-User: alice
--- response_body_like: ^\{"_id":"1","name":"B","logo":"https://example.com/b.png","labels":\[\],



=== TEST 3: an empty logo and null clear the logo
--- init
main::given('alice POST / {"name":"A","logo":"https://example.com/a.png"}',
    'alice POST / {"name":"B","logo":"https://example.com/b.png"}');
--- request eval
["PUT /api/workspaces/1\n" . '{"logo":""}', "PUT /api/workspaces/2\n" . '{"logo":null}',
 "GET /api/workspaces"]
--- more_headers
X-User: alice
--- error_code eval: [200, 200, 200]
--- response_body_like eval
[(qr/"logo":null/) x 2, qr/"logo":null.*"logo":null/]



=== TEST 4: every update is a new revision, and one that gives nothing is none
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
["PUT /api/workspaces/1\n" . '{"name":"B"}', "PUT /api/workspaces/1\n" . '{"name":"C"}',
 "PUT /api/workspaces/1\n" . '{}', "PUT /api/workspaces/1\n" . '{"colour":"red"}']
--- more_headers
X-User: alice
--- error_code eval: [(200) x 4]
--- response_headers eval
['ETag: "2"', ('ETag: "3"') x 3]



=== TEST 5: invites replace the pending ones
--- init
main::given('alice POST / {"name":"A"}',
    'alice PUT /1 {"invites":[{"email":"old@example.com"},{"email":"b@example.com","roles":["admin"]}]}');
--- request
PUT /api/workspaces/1
{"invites":[{"email":"b@example.com","name":"Bob"},{"email":"A@example.com","roles":["admin","user"]}]}
--- more_headers
X-User: alice
--- response_body_like eval
qr/"invites":\[\{"email":"A\@example.com","roles":\["admin","user"\],"created":"TIME"\},\{"email":"b\@example.com","name":"Bob","roles":\["member"\],"created":"TIME"\}\]\}$/



=== TEST 6: an empty list of invites removes them all
--- init
main::given('alice POST / {"name":"A"}', 'alice PUT /1 {"invites":[{"email":"b@example.com"}]}');
--- request eval
["PUT /api/workspaces/1\n" . '{"invites":[]}', 'GET /api/workspaces/1']
--- more_headers
X-User: alice
--- error_code eval: [200, 200]
--- response_body_like eval: [(qr/"invites":\[\]/) x 2]



=== TEST 7: an update without invites leaves them
--- init
main::given('alice POST / {"name":"A"}', 'alice PUT /1 {"invites":[{"email":"b@example.com"}]}');
--- request
PUT /api/workspaces/1
{"name":"B"}
--- more_headers
X-User: alice
--- response_body_like: "name":"B".*"invites":\[\{"email":"b\@example\.com"



=== TEST 8: invites are an array of at most 100 objects with an email
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map qq(PUT /api/workspaces/1\n{"invites":$_}), 'null', '{}', '"a@example.com"',
    '[' . CORE::join(',', map qq({"email":"u$_\@example.com"}), 1 .. 101) . ']']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 4]
--- response_body eval
[('{"message":"invites must be an array of at most 100","field":"invites"}') x 4]



=== TEST 9: each invite has a valid email
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map qq(PUT /api/workspaces/1\n{"invites":[$_]}), '{}', 'null', '"a@example.com"', '{"email":1}',
    map qq({"email":"$_"}), '', 'a', '@example.com', 'a@', 'a@b@c', 'a b@c', 'a@b,c@d', 'a\n@b',
        '<a@b>', 'a' x 243 . '@example.com']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 14]
--- response_body eval
[('{"message":"each invite must be an object with a valid email","field":"invites"}') x 14]



=== TEST 10: an email is invited once, however it is written
--- init
main::given('alice POST / {"name":"A"}');
--- request
PUT /api/workspaces/1
{"invites":[{"email":"b@example.com"},{"email":"B@Example.com"}]}
--- more_headers
X-User: alice
--- error_code: 400
--- response_body: {"message":"an email is invited twice","field":"invites"}



=== TEST 11: the name of an invite is a text of at most 255 characters
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map qq(PUT /api/workspaces/1\n{"invites":[{"email":"b\@example.com","name":$_}]}),
    '1', '[]', '"' . 'a' x 256 . '"', '"a\u0000"', '"a\n"']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 5]
--- response_body_like eval
[(qr/^{"message":"the name of an invite must be at most 255 characters, without control characters","field":"invites"}$/) x 3,
 qr/^{"message":"the body is not valid JSON: U\+0000 in a string at line 1, column \d+"}$/,
 qr/^{"message":"the name of an invite /]



=== TEST 12: an invite cannot name a role that nobody can be given
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map qq(PUT /api/workspaces/1\n{"invites":[{"email":"b\@example.com","roles":$_}]}),
    '["owner"]', '["a b"]', '[]', '"admin"', '[1]']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 5]
--- response_body eval
['{"message":"the role owner cannot be given","field":"invites"}',
 '{"message":"a role is a name of 1 to 64 of [A-Za-z0-9_-]","field":"invites"}',
 ('{"message":"invites must be an array of 1 to 32 role names","field":"invites"}') x 2,
 '{"message":"a role is a name of 1 to 64 of [A-Za-z0-9_-]","field":"invites"}']



=== TEST 13: the fields are checked as at creation, and nothing is changed then
--- init
main::given('alice POST / {"name":"A","labels":["x"]}');
--- request eval
[(map qq(PUT /api/workspaces/1\n$_), '{"name":""}', '{"name":null}', '{"name":"B","logo":1}',
    '{"name":"B","labels":"x"}', '{"name":"B","labels":[""]}', '{"name":"B","invites":1}'),
 'GET /api/workspaces/1']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 6, 200]
--- response_body_like eval
[qr/"field":"name"/, qr/"field":"name"/, qr/"field":"logo"/, (qr/"field":"labels"/) x 2,
 qr/"field":"invites"/, qr/"name":"A","logo":null,"labels":\["x"\]/]
--- response_headers eval
[('! ETag') x 6, 'ETag: "1"']



=== TEST 14: owner, members and id are not taken from the body
--- init
main::given('alice POST / {"name":"A"}');
--- request
PUT /api/workspaces/1
{"_id":"2","owner":"bob","owner_id":"bob","tenant":"x","created":0,"members":[{"user":"bob","roles":["admin"]}]}
--- more_headers
X-User: alice
--- response_body: {"_id":"1","name":"A","logo":null,"labels":[],"members":[{"user":"alice","roles":["admin","user"],"created":"TIME"}],"invites":[]}



=== TEST 15: a member without admin gets 403, and nothing is changed
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["member","user","Admin"]}');
--- request eval
["PUT /api/workspaces/1\n" . '{"name":"B"}', 'GET /api/workspaces/1']
--- more_headers
X-User: bob
--- error_code eval: [403, 200]
--- response_body_like eval
[qr/^{"message":"workspace admin privileges required"}$/, qr/"name":"A"/]



=== TEST 16: any admin of the workspace may update
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["admin"]}');
--- request
PUT /api/workspaces/1
{"name":"B"}
--- more_headers
X-User: bob
--- response_body_like: "name":"B"



=== TEST 17: a tenant admin may update without being a member
--- init
main::given('alice POST / {"name":"A"}');
--- request
PUT /api/workspaces/1
{"name":"B"}
--- more_headers
X-User: root
--- response_body_like: "name":"B".*"members":\[\{"user":"alice","roles":\["admin","user"\],"created":"TIME"\}\]



=== TEST 18: a stranger gets 404 for what exists and for what does not
--- init
main::given('alice POST / {"name":"A"}', 'bob POST / {"name":"B"}');
--- request eval
["PUT /api/workspaces/1\n" . '{"name":"C"}', "PUT /api/workspaces/3\n" . '{"name":"C"}',
 "PUT /api/workspaces/1\n" . '{"name":', 'GET /api/workspaces/1']
--- more_headers eval
[("X-User: bob") x 3, "X-User: alice"]
--- error_code eval: [404, 404, 404, 200]
--- response_body_like eval
[(qr/^{"message":"workspace not found"}$/) x 3, qr/"name":"A"/]



=== TEST 19: PATCH and POST are not for one workspace
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map "$_ /api/workspaces/1\n{}", 'PATCH', 'POST']
--- more_headers
X-User: alice
--- error_code eval: [405, 405]
--- response_headers eval
[('Allow: GET, HEAD, PUT, DELETE') x 2]
--- response_body eval
[('{"message":"method not allowed"}') x 2]
