# Idempotency-Key

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 103);

no_long_string();
run_tests();

__DATA__

=== TEST 1: a repeat gets the first answer, and is done once
--- request eval
[("POST /api/workspaces\n" . '{"name":"A"}') x 3, 'GET /api/workspaces']
--- more_headers
X-User: alice
Idempotency-Key: "8e03978e-40d5-43dd-bc93-6894a57f9324"
--- error_code eval: [(200) x 4]
--- response_headers eval: [('ETag: "1"') x 3, '! ETag']
--- response_body eval
[('{"_id":"1","name":"A","logo":null,"labels":[],"members":[{"user":"alice","roles":["admin","user"],"created":"TIME"}],"invites":[]}') x 3,
 '[{"_id":"1","name":"A","logo":null,"labels":[],"isPrivilegedUser":true}]']



=== TEST 2: without a key everything is done again
--- request eval
[("POST /api/workspaces\n" . '{"name":"A"}') x 2]
--- more_headers
X-User: alice
--- error_code eval: [200, 200]
--- response_body_like eval: [qr/"_id":"1"/, qr/"_id":"2"/]



=== TEST 3: the same key with another body gets 422
--- request eval
[map qq(POST /api/workspaces\n$_), '{"name":"A"}', '{"name":"B"}', '{"name": "A"}', '{"name":"A"}']
--- more_headers
X-User: alice
Idempotency-Key: k
--- error_code eval: [200, 422, 422, 200]
--- response_body_like eval
[qr/"_id":"1"/, (qr/^{"message":"this Idempotency-Key was used for another request"}$/) x 2, qr/"_id":"1"/]



=== TEST 4: the key of another user, tenant or route is another key
--- request eval
[("POST /api/workspaces\n" . '{"name":"A"}') x 3, "POST /api/workspaces/1/activate"]
--- more_headers eval
["X-User: alice\nIdempotency-Key: k", "X-User: bob\nIdempotency-Key: k",
 "X-User: alice\nX-Tenant: x\nIdempotency-Key: k", "X-User: alice\nIdempotency-Key: k"]
--- error_code eval: [(200) x 4]
--- response_body_like eval: [qr/"_id":"1"/, qr/"_id":"2"/, qr/"_id":"1"/, qr/"_id":"1"/]



=== TEST 5: the same key for another workspace gets 422
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}');
--- request eval
[map qq(POST /api/workspaces/$_/members\n{"userId":"bob","roles":["x"]}), 1, 2, 1]
--- more_headers
X-User: alice
Idempotency-Key: k
--- error_code eval: [200, 422, 200]
--- response_headers eval: ['ETag: "2"', '! ETag', 'ETag: "2"']
--- response_body_like eval: [qr/added/, qr/used for another/, qr/added/]



=== TEST 6: while the first still runs, the repeat gets 409
--- init
main::given('alice POST / [Idempotency-Key: k] {"name":"A"}');
my ($key) = @{ main::redis('KEYS', "wsp:*:$ENV{TEST_NGINX_TENANT}:k:*") };
my $stored = main::redis('GET', $key);
main::redis('SET', $key, 'R' . substr($stored, 1, 32) . ':0123456789abcdef');
--- request eval
[map qq(POST /api/workspaces/\n$_), '{"name":"A"}', '{"name":"B"}']
--- more_headers
X-User: alice
Idempotency-Key: k
--- error_code eval: [409, 422]
--- response_body eval
['{"message":"the first request with this Idempotency-Key is still running"}',
 '{"message":"this Idempotency-Key was used for another request"}']



=== TEST 7: an answer is kept for 24 hours
--- init
main::given('alice POST / [Idempotency-Key: k] {"name":"A"}');
my ($key) = @{ main::redis('KEYS', "wsp:*:$ENV{TEST_NGINX_TENANT}:k:*") };
my $left = main::redis('PTTL', $key);
main::ok($left <= 86400000 && $left > 86340000, "the answer is kept for a day");
main::redis('DEL', $key);
--- request
POST /api/workspaces
{"name":"A"}
--- more_headers
X-User: alice
Idempotency-Key: k
--- response_body_like: "_id":"2"



=== TEST 8: what was refused can be asked again with the same key
--- request eval
[map qq(POST /api/workspaces\n$_), '{"name":""}', '{"name"', '{"name":"A"}']
--- more_headers
X-User: alice
Idempotency-Key: k
--- error_code eval: [400, 400, 200]
--- response_body_like eval: [qr/"field":"name"/, qr/not valid JSON/, qr/"_id":"1"/]



=== TEST 9: who lost the right does not get the answer of then
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["admin"]}',
    'bob POST /1/members [Idempotency-Key: k] {"userId":"carol","roles":["x"]}',
    'alice PUT /1/members/bob {"roles":["x"]}');
--- request
POST /api/workspaces/1/members
{"userId":"carol","roles":["x"]}
--- more_headers
X-User: bob
Idempotency-Key: k
--- error_code: 403
--- response_body: {"message":"workspace admin privileges required"}



=== TEST 10: a key is one header of 1 to 255 characters
--- request eval
[("POST /api/workspaces\n" . '{"name":"A"}') x 4]
--- more_headers eval
[map "X-User: alice\nIdempotency-Key: $_", 'a' x 255, 'a' x 256, '', "a\nIdempotency-Key: a"]
--- error_code eval: [200, (400) x 3]
--- response_body_like eval
[qr/"_id":"1"/, (qr/^{"message":"Idempotency-Key must be one header of 1 to 255 characters"}$/) x 3]



=== TEST 11: PUT and DELETE do not know it
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[(map qq(PUT /api/workspaces/1\n{"name":"$_"}), 'B', 'C'), 'DELETE /api/workspaces/1', 'DELETE /api/workspaces/1']
--- more_headers
X-User: alice
Idempotency-Key: k
--- error_code eval: [200, 200, 200, 404]
--- response_body_like eval: [qr/"name":"B"/, qr/"name":"C"/, qr/"name":"C"/, qr/not found/]



=== TEST 12: a member is added once, and the repeat has the first revision
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members [Idempotency-Key: k] {"userId":"bob","roles":["x"]}', 'alice PUT /1 {"name":"B"}');
--- request
POST /api/workspaces/1/members
{"userId":"bob","roles":["x"]}
--- more_headers
X-User: alice
Idempotency-Key: k
--- response_headers
ETag: "2"
--- response_body_like: added successfully.*"name":"A"



=== TEST 13: the repeat of an answer that nobody may keep says so too
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[("POST /api/workspaces/1/encrypted\n" . '{"a":"secret"}') x 2]
--- more_headers
X-User: root
Idempotency-Key: k
--- error_code eval: [200, 200]
--- response_headers eval: [('Cache-Control: no-store') x 2]
--- response_body eval: ['{}', '{}']



=== TEST 14: activating again by a repeat changes nothing
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}',
    'alice POST /1/activate [Idempotency-Key: k]', 'alice POST /2/activate');
--- request eval
['POST /api/workspaces/1/activate', 'GET /api/workspaces']
--- more_headers
X-User: alice
Idempotency-Key: k
--- error_code eval: [200, 200]
--- response_body_like eval: [qr/^{"_id":"1"/, qr/"_id":"2".*"active":true/]
