# The sizes and shapes in which a body comes

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 35);

no_long_string();
run_tests();

__DATA__

=== TEST 1: a body of 1 MiB is taken, and read back
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
["POST /api/workspaces/1/encrypted\n[\"" . 'a' x 1048572 . '"]', 'GET /api/workspaces/1/encrypted']
--- more_headers
X-User: root
--- error_code eval: [200, 200]
--- response_body_like eval: [qr/^{}$/, '^\["a{32000}a+"\]$']
--- response_headers eval: ['Content-Length: 2', 'Content-Length: 1048576']



=== TEST 2: a body of 1 MiB and a byte is refused by its Content-Length
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
"POST /api/workspaces/1/encrypted\n[\"" . 'a' x 1048573 . '"]'
--- more_headers
X-User: root
--- error_code: 413
--- response_body: {"message":"the body is too large"}



=== TEST 3: so it is before all of it has come
--- raw_request eval
"POST /api/workspaces HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nContent-Length: 1048577\r\n\r\n{"
--- error_code: 413
--- response_headers
Connection: close
--- response_body: {"message":"the body is too large"}
--- shutdown



=== TEST 4: a chunked body of 1 MiB is taken
--- init
main::given('alice POST / {"name":"A"}');
--- raw_request eval
CORE::join '', "POST /api/workspaces/1/encrypted HTTP/1.1\r\nHost: localhost\r\nX-User: root\r\nConnection: close\r\n",
    "Transfer-Encoding: chunked\r\n\r\n", "2\r\n[\"\r\n", "10000\r\n" . 'a' x 65536 . "\r\n", ("e0000\r\n" . 'b' x 917504 . "\r\n"),
    "fffc\r\n" . 'c' x 65532 . "\r\n", "2\r\n\"]\r\n", "0\r\n\r\n"
--- response_body: {}



=== TEST 5: a chunked body of a byte more is refused
--- init
main::given('alice POST / {"name":"A"}');
--- raw_request eval
CORE::join '', "POST /api/workspaces/1/encrypted HTTP/1.1\r\nHost: localhost\r\nX-User: root\r\nConnection: close\r\n",
    "Transfer-Encoding: chunked\r\n\r\n", "2\r\n[\"\r\n", "10000\r\n" . 'a' x 65536 . "\r\n", ("e0000\r\n" . 'b' x 917504 . "\r\n"),
    "fffd\r\n" . 'c' x 65533 . "\r\n", "2\r\n\"]\r\n", "0\r\n\r\n"
--- error_code: 413
--- response_body: {"message":"the body is too large"}
--- error_log
client sent more than the 1048576 bytes that a body may have



=== TEST 6: chunks in small pieces, with pauses and a trailer, make one body
--- raw_request eval
["POST /api/workspaces HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
 "2\r\n{\"\r\n", "4;x=y\r\nname\r\n3", "\r\n\":\"\r\n1\r", "\nA\r\n2\r\n\"}\r\n0\r\nX-User: root\r\n\r\n"]
--- raw_request_middle_delay: 0.05
--- response_body_like: ^\{"_id":"1","name":"A".*"user":"alice"



=== TEST 7: a body in small pieces is one body
--- raw_request eval
["POST /api/workspaces HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nConnection: close\r\nContent-Length: 12\r\n\r\n",
 '{"na', 'me":"', 'A"}']
--- raw_request_middle_delay: 0.05
--- response_body_like: ^\{"_id":"1","name":"A"



=== TEST 8: a chunk that is none gets 400 in the dialect's shape
--- raw_request eval
"POST /api/workspaces HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
--- error_code: 400
--- response_body: {"message":"bad request"}
--- error_log
client sent invalid chunked body



=== TEST 9: an empty chunked body is an empty body
--- raw_request eval
"POST /api/workspaces HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
--- error_code: 400
--- response_body_like: ^\{"message":"the body is not valid JSON: it ends too early



=== TEST 10: client_max_body_size is answered in the dialect's shape
--- config eval
$t::Platform::Mount =~ s/workspaces platform;/workspaces platform; client_max_body_size 20;/r
--- request eval
[map "POST /api/workspaces\n" . qq({"name":"$_"}), 'a' x 9, 'a' x 10]
--- more_headers
X-User: alice
--- error_code eval: [200, 413]
--- response_headers eval
[("Content-Type: application/json; charset=utf-8") x 2]
--- raw_response_headers_like eval: [(qr/X-Request-ID: [0-9a-f]{32}\r\n/) x 2]
--- response_body_like eval: [qr/"_id":"1"/, qr/^{"message":"the body is too large"}$/]
--- no_error_log
[alert]



=== TEST 11: client_max_body_size holds for chunks too
--- config eval
$t::Platform::Mount =~ s/workspaces platform;/workspaces platform; client_max_body_size 20;/r
--- raw_request eval
"POST /api/workspaces HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" .
"15\r\n" . '{"name":"aaaaaaaaaa"}' . "\r\n0\r\n\r\n"
--- error_code: 413
--- response_headers
Content-Type: application/json; charset=utf-8
--- response_body: {"message":"the body is too large"}
--- error_log
client intended to send too large chunked body



=== TEST 12: no client_max_body_size of nginx raises the dialect's
--- config eval
$t::Platform::Mount =~ s/workspaces platform;/workspaces platform; client_max_body_size 0;/r
--- request eval
"POST /api/workspaces\n" . '{"name":"A","x":"' . 'a' x 1048576 . '"}'
--- more_headers
X-User: alice
--- error_code: 413
--- response_body: {"message":"the body is too large"}



=== TEST 13: a body goes into no file, whatever the buffers
--- config eval
$t::Platform::Mount =~ s/workspaces platform;/workspaces platform; client_body_buffer_size 1k; client_body_in_file_only on;/r
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
["POST /api/workspaces/1/encrypted\n[\"" . 'a' x 100000 . '"]', 'GET /api/workspaces/1/encrypted']
--- more_headers
X-User: root
--- error_code eval: [200, 200]
--- response_body_like eval: [qr/^{}$/, qr/^\["a+"\]$/]
--- no_error_log
client request body is buffered to a temporary file
client_body_temp
[error]
[alert]



=== TEST 14: the body of a GET or HEAD is ignored, and the next request is read after it
--- init
main::given('alice POST / {"name":"A"}');
--- pipelined_requests eval
["GET /api/workspaces/1\n{\"name\":\"B\"}", "GET /api/workspaces\n" . 'x' x 5000, "GET /api/workspaces/1"]
--- more_headers
X-User: alice
--- error_code eval: [200, 200, 200]
--- response_body_like eval: [qr/"name":"A"/, qr/^\[\{/, qr/"name":"A"/]



=== TEST 15: the body of a DELETE is ignored
--- init
main::given('alice POST / {"name":"A"}');
--- request
DELETE /api/workspaces/1
not JSON
--- more_headers
X-User: alice
--- response_body_like: "_id":"1"



=== TEST 16: the body that a refusal leaves is read away
--- pipelined_requests eval
["POST /api/workspaces/1/nothing\n" . 'x' x 20000, "DELETE /api/workspaces\n" . 'x' x 100, "GET /api/workspaces"]
--- more_headers
X-User: alice
--- error_code eval: [404, 405, 200]
--- response_body eval: ['{"message":"not found"}', '{"message":"method not allowed"}', '[]']



=== TEST 17: Expect: 100-continue is answered before the body
--- raw_request eval
["POST /api/workspaces HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nConnection: close\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n",
 '{"name":"A"}']
--- raw_request_middle_delay: 0.1
--- ignore_response
--- no_error_log
[error]
[alert]



=== TEST 18: a client that goes away in the middle of its body leaves nothing
--- raw_request eval
"POST /api/workspaces HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nContent-Length: 12\r\n\r\n{\"name\""
--- shutdown
--- ignore_response
--- no_error_log
[error]
[alert]
