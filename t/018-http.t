# HTTP around the dialect: versions, methods, connections

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 461);

no_long_string();
run_tests();

__DATA__

=== TEST 1: HTTP/1.0 is answered, and the connection closed
--- raw_request eval
"GET /api/workspaces HTTP/1.0\r\nX-User: alice\r\n\r\n"
--- response_headers
Connection: close
Content-Length: 2
! Transfer-Encoding
--- response_body: []



=== TEST 2: HTTP/1.0 with a body
--- raw_request eval
"POST /api/workspaces HTTP/1.0\r\nX-User: alice\r\nContent-Length: 12\r\n\r\n{\"name\":\"A\"}"
--- response_body_like: ^\{"_id":"1"



=== TEST 3: HTTP/1.0 may keep the connection
--- raw_request eval
"GET /api/workspaces HTTP/1.0\r\nX-User: alice\r\nConnection: keep-alive\r\n\r\n" .
"GET /api/workspaces HTTP/1.0\r\nX-User: alice\r\n\r\n"
--- http09
--- response_body_like eval
qr{^HTTP/1\.1 200 OK\r\n.*\r\nConnection: keep-alive\r\n.*\r\n\r\n\[\]HTTP/1\.1 200 OK\r\n.*\r\nConnection: close\r\n.*\r\n\r\n\[\]$}s



=== TEST 4: pipelined requests are answered in their order, each for its own user
--- pipelined_requests eval
["POST /api/workspaces\n" . '{"name":"A"}', "GET /api/workspaces", "GET /api/workspaces", "GET /api/workspaces/1",
 "GET /api/workspaces/1", "GET /api/workspaces"]
--- more_headers eval
["X-User: alice", "X-User: alice", "X-User: bob", "X-User: bob", "X-User: alice", ""]
--- error_code eval: [200, 200, 200, 404, 200, 401]
--- response_body_like eval
[qr/^{"_id":"1"/, qr/^\[\{"_id":"1"/, qr/^\[\]$/, qr/^{"message":"workspace not found"}$/, qr/^{"_id":"1"/,
 qr/^{"message":"authentication required"}$/]



=== TEST 5: a hundred requests on one connection
--- pipelined_requests eval
[map { ("POST /api/workspaces\n" . qq({"name":"W$_"}), "GET /api/workspaces/$_") } 1 .. 50]
--- more_headers
X-User: alice
--- error_code eval: [(200) x 100]
--- response_body_like eval
[map { (qr/^{"_id":"$_","name":"W$_",/) x 2 } 1 .. 50]



=== TEST 6: HEAD between others has no body
--- raw_request eval
CORE::join '', map("$_ HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\n\r\n", 'HEAD /api/workspaces', 'GET /api/workspaces',
    'HEAD /api/workspaces/1'), "GET /api/workspaces HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nConnection: close\r\n\r\n"
--- http09
--- response_body_like eval
my ($two, $thirty) = map "(?:[^\r]+\r\n)*Content-Length: $_\r\n(?:[^\r]+\r\n)*\r\n", 2, 33;
my ($found, $missing) = ("HTTP/1\\.1 200 OK\r\n", "HTTP/1\\.1 404 Not Found\r\n");
"^$found$two$found$two\\[\\]$missing$thirty$found$two\\[\\]\$"



=== TEST 7: 304 between others has no body
--- init
main::given('alice POST / {"name":"A"}');
--- raw_request eval
CORE::join '', map("GET /api/workspaces/$_ HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nIf-None-Match: \"1\"\r\n\r\n", 1, 2),
    "GET /api/workspaces/1 HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nConnection: close\r\n\r\n"
--- http09
--- response_body_like eval
my $headers = "\r\n(?:[^\r]+\r\n)*\r\n";
"^HTTP/1\\.1 304 Not Modified${headers}HTTP/1\\.1 404 Not Found$headers\\{\"message\":\"workspace not found\"\}" .
"HTTP/1\\.1 200 OK$headers\\{\"_id\":\"1\".*\\]\}\$"



=== TEST 8: an error keeps the connection
--- pipelined_requests eval
["POST /api/workspaces\n{", "DELETE /api/workspaces", "GET /api/workspaces/x", "GET /api/workspaces"]
--- more_headers
X-User: alice
--- error_code eval: [400, 405, 404, 200]
--- response_body_like eval: [qr/not valid JSON/, qr/not allowed/, qr/not found/, qr/^\[\]$/]



=== TEST 9: TRACE is refused by nginx
--- raw_request eval
"TRACE /api/workspaces HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nConnection: close\r\n\r\n"
--- error_code: 405
--- raw_response_headers_like: .
--- response_body_unlike: alice



=== TEST 10: OPTIONS names the methods
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map "OPTIONS /api/workspaces$_", '', '/1', '/all', '/1/members', '/1/members/bob', '/1/encrypted', '/1/activate']
--- more_headers
X-User: alice
--- error_code eval: [(405) x 7]
--- response_headers eval
[map "Allow: $_", 'GET, HEAD, POST', 'GET, HEAD, PUT, DELETE', 'GET, HEAD', 'GET, HEAD, POST', 'PUT, DELETE',
    'GET, HEAD, POST', 'POST']
--- response_body eval: [('{"message":"method not allowed"}') x 7]



=== TEST 11: methods are not told apart by case wrongly
--- raw_request eval
"get /api/workspaces HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nConnection: close\r\n\r\n"
--- error_code: 400
--- raw_response_headers_like: .
--- response_body_unlike: \[\]



=== TEST 12: Expect: 100-continue gets its 100 before the answer
--- raw_request eval
["POST /api/workspaces HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nConnection: close\r\n" .
 "Content-Length: 12\r\nExpect: 100-continue\r\n\r\n", '{"name":"A"}']
--- raw_request_middle_delay: 0.1
--- http09
--- response_body_like eval
qr{^HTTP/1\.1 100 Continue\r\n\r\nHTTP/1\.1 200 OK\r\n.*\r\n\r\n\{"_id":"1"}s



=== TEST 13: Expect: 100-continue with a body that is too large gets 413, and no 100
--- raw_request eval
"POST /api/workspaces HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nConnection: close\r\n" .
"Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n"
--- error_code: 413
--- response_body: {"message":"the body is too large"}
--- shutdown



=== TEST 14: each request has an id of its own
--- request eval
['GET /api/workspaces', 'GET /api/workspaces']
--- more_headers
X-User: alice
X-Request-ID: from-the-client
--- error_code eval: [200, 200]
--- raw_response_headers_unlike eval: [(qr/from-the-client/) x 2]
--- response_body eval: ['[]', '[]']



=== TEST 15: the id of the answer is the id of the log
--- config eval
qq{$t::Platform::Mount add_header X-Same \$request_id always;}
--- request
GET /api/workspaces/1
--- more_headers
X-User: alice
--- error_code: 404
--- raw_response_headers_like: X-Request-ID: ([0-9a-f]{32})\r\n(?:.*\r\n)?X-Same: \1\r\n



=== TEST 16: a repeated Content-Type, and an odd one, do no harm
--- request
POST /api/workspaces
{"name":"A"}
--- more_headers
X-User: alice
Content-Type: multipart/form-data; boundary=x
Content-Encoding: gzip
Accept: text/html
--- response_body_like: ^\{"_id":"1"



=== TEST 17: the status line is logged as it was sent
--- init
main::given('alice POST / {"name":"A"}');
--- request
GET /api/workspaces/1
--- more_headers
X-User: bob
--- error_code: 404
--- access_log eval
[qr{"GET /api/workspaces/1 HTTP/1\.1" 404 33 }]



=== TEST 18: a client that shuts its side down is no error
--- request
GET /api/workspaces
--- more_headers
X-User: alice
--- ignore_response
--- shutdown
--- no_error_log
[error]
[alert]
