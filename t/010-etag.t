# ETag, If-Match, If-None-Match

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 127);

no_long_string();
run_tests();

__DATA__

=== TEST 1: a revision that is known already is not sent again
--- init
main::given('alice POST / {"name":"A"}');
--- request
GET /api/workspaces/1
--- more_headers
X-User: alice
If-None-Match: "1"
--- error_code: 304
--- response_headers
ETag: "1"
Cache-Control: private, no-cache
! Content-Type
! Content-Length
--- raw_response_headers_like: X-Request-ID: [0-9a-f]{32}\r\n



=== TEST 2: If-None-Match takes a list, weak tags and a star
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[('GET /api/workspaces/1') x 4, 'HEAD /api/workspaces/1', 'GET /api/workspaces/1/members']
--- more_headers eval
[map "X-User: alice\nIf-None-Match: $_", '"0", "1"', 'W/"1"', '*', '"x" ,	W/"1" ,', '"1"', '"1"']
--- error_code eval: [(304) x 6]
--- raw_response_headers_like eval: [(qr/ETag: "1"\r\n/) x 6]



=== TEST 3: another revision, or what is no tag, is answered in full
--- init
main::given('alice POST / {"name":"A"}', 'alice PUT /1 {"name":"B"}');
--- request eval
[('GET /api/workspaces/1') x 5]
--- more_headers eval
[map "X-User: alice\nIf-None-Match: $_", '"1"', '2', '"22"', '""', 'W/2']
--- error_code eval: [(200) x 5]
--- response_headers eval: [('ETag: "2"') x 5]



=== TEST 4: a stranger learns nothing by If-None-Match
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[('GET /api/workspaces/1') x 2, 'GET /api/workspaces/2']
--- more_headers eval
[map "X-User: bob\nIf-None-Match: $_", '"1"', '*', '*']
--- error_code eval: [404, 404, 404]
--- response_body eval: [('{"message":"workspace not found"}') x 3]



=== TEST 5: an update of the revision that is meant succeeds
--- init
main::given('alice POST / {"name":"A"}');
--- request
PUT /api/workspaces/1
{"name":"B"}
--- more_headers
X-User: alice
If-Match: "1"
--- response_headers
ETag: "2"
--- response_body_like: "name":"B"



=== TEST 6: an update of an older revision gets 412, and changes nothing
--- init
main::given('alice POST / {"name":"A"}', 'alice PUT /1 {"name":"B"}');
--- request eval
["PUT /api/workspaces/1\n" . '{"name":"C"}', 'GET /api/workspaces/1']
--- more_headers eval
["X-User: alice\nIf-Match: \"1\"", "X-User: alice"]
--- error_code eval: [412, 200]
--- response_headers eval: ['! ETag', 'ETag: "2"']
--- response_body_like eval
[qr/^{"message":"the workspace is not at the revision of If-Match any more"}$/, qr/"name":"B"/]



=== TEST 7: If-Match takes a list, weak tags and a star
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[("PUT /api/workspaces/1\n" . '{"name":"B"}') x 3]
--- more_headers eval
[map "X-User: alice\nIf-Match: $_", '"7", "1"', 'W/"2"', '*']
--- error_code eval: [200, 200, 200]
--- response_headers eval: [map qq(ETag: "$_"), 2 .. 4]



=== TEST 8: an If-Match that is no tag matches nothing
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[("PUT /api/workspaces/1\n" . '{"name":"B"}') x 4]
--- more_headers eval
[map "X-User: alice\nIf-Match: $_", '1', '"01"', '""', '']
--- error_code eval: [(412) x 4]
--- response_body_like eval: [(qr/"message":"the workspace is not/) x 4]



=== TEST 9: every write to a workspace heeds If-Match
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["x"]}');
--- request eval
['DELETE /api/workspaces/1', "POST /api/workspaces/1/members\n" . '{"userId":"carol","roles":["x"]}',
 "PUT /api/workspaces/1/members/bob\n" . '{"roles":["y"]}', 'DELETE /api/workspaces/1/members/bob',
 "POST /api/workspaces/1/encrypted\n{}", 'GET /api/workspaces/1/members']
--- more_headers eval
[("X-User: root\nIf-Match: \"1\"") x 5, "X-User: root"]
--- error_code eval: [(412) x 5, 200]
--- response_body_like eval
[(qr/"message":"the workspace is not/) x 5, qr/"bob","roles":\["x"\],"created":"TIME"\}\]$/]



=== TEST 10: membership is part of the revision
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
["POST /api/workspaces/1/members\n" . '{"userId":"bob","roles":["x"]}',
 "PUT /api/workspaces/1/members/bob\n" . '{"roles":["y"]}', 'DELETE /api/workspaces/1/members/bob']
--- more_headers eval
[map qq(X-User: alice\nIf-Match: "$_"), 1 .. 3]
--- error_code eval: [200, 200, 200]
--- response_headers eval: [map qq(ETag: "$_"), 2 .. 4]



=== TEST 11: sealed data is part of the revision
--- init
main::given('alice POST / {"name":"A"}', 'root POST /1/encrypted {}');
--- request
DELETE /api/workspaces/1
--- more_headers
X-User: alice
If-Match: "2"
--- error_code: 200



=== TEST 12: who may not gets 403 or 404 whatever he says in If-Match
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["x"]}');
--- request eval
[("PUT /api/workspaces/1\n" . '{"name":"B"}') x 4]
--- more_headers eval
[map { my $user = $_; map "X-User: $user\nIf-Match: $_", '"2"', '"9"' } 'bob', 'mallory']
--- error_code eval: [403, 403, 404, 404]
--- response_body_like eval: [(qr/admin privileges/) x 2, (qr/not found/) x 2]



=== TEST 13: creation does not know If-Match, lists have no ETag
--- request eval
["POST /api/workspaces\n" . '{"name":"A"}', 'GET /api/workspaces', 'GET /api/workspaces/all']
--- more_headers
X-User: root
If-Match: "9"
--- error_code eval: [200, 200, 200]
--- response_headers eval: ['ETag: "1"', '! ETag', '! ETag']



=== TEST 14: If-Unmodified-Since and If-Modified-Since are not nginx's to judge
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
["PUT /api/workspaces/1\n" . '{"name":"B"}', 'GET /api/workspaces/1']
--- more_headers
X-User: alice
If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT
If-Modified-Since: Mon, 01 Jan 2035 00:00:00 GMT
--- error_code eval: [200, 200]
--- response_body_like eval: [(qr/"name":"B"/) x 2]



=== TEST 15: a range is not cut out of the answer
--- init
main::given('alice POST / {"name":"A"}');
--- request
GET /api/workspaces/1
--- more_headers
X-User: alice
Range: bytes=0-3
--- response_headers
! Accept-Ranges
! Content-Range
--- response_body_like: ^\{"_id":"1".*\}$



=== TEST 16: gzip does not weaken the tag, and a tag that was weakened still matches
--- http_config eval
"gzip on; gzip_types application/json; gzip_min_length 1;\n$t::Platform::HttpConfig"
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
['GET /api/workspaces/1', "PUT /api/workspaces/1\n" . '{"name":"B"}']
--- more_headers
X-User: alice
Accept-Encoding: gzip
If-Match: W/"1"
--- error_code eval: [200, 200]
--- response_headers eval
["ETag: \"1\"\nContent-Encoding: gzip", "ETag: \"2\"\nContent-Encoding: gzip"]
