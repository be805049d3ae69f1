# Paths below the mount, and the ways in which nginx leads to it

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 216);

no_long_string();
run_tests();

__DATA__

=== TEST 1: a slash within an id is part of the id
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"a/b","roles":["x"]}',
    'alice POST /1/members {"userId":"a","roles":["x"]}');
--- request eval
["PUT /api/workspaces/1/members/a%2Fb\n" . '{"roles":["y"]}', "PUT /api/workspaces/1/members/a%2fb/\n" . '{"roles":["z"]}',
 "PUT /api/workspaces/1/members/a/b\n" . '{"roles":["y"]}', 'GET /api/workspaces/1/members']
--- more_headers
X-User: alice
--- error_code eval: [200, 200, 404, 200]
--- response_body_like eval
[qr{"user":"a/b","roles":\["y"\]}, qr{"user":"a/b","roles":\["z"\]}, qr/^{"message":"not found"}$/,
 qr{^(?=.*"a/b","roles":\["z"\])(?=.*"a","roles":\["x"\])}]



=== TEST 2: an encoded slash does not make two segments of one
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map "GET $_", '/api/workspaces/1%2Fmembers', '/api/workspaces%2F1', '/api%2Fworkspaces/1', '/api/workspaces/1/%6Dembers']
--- more_headers
X-User: alice
--- error_code eval: [404, 404, 200, 200]
--- response_body_like eval
[(qr/^{"message":"not found"}$/) x 2, qr/"_id":"1"/, qr/^\[\{"user":"alice"/]



=== TEST 3: //, /./ and /../ are resolved as nginx does, but not the encoded
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map "GET $_", '/api/workspaces//1', '//api///workspaces/1//', '/api/./workspaces/./1', '/api/workspaces/x/../1',
    '/x/../api/workspaces/1/members/..', '/api/workspaces/%2e/1', '/api/workspaces/x/%2e%2e/1', '/api/workspaces/1/..']
--- more_headers
X-User: alice
--- error_code eval: [(200) x 5, 404, 404, 200]
--- response_body_like eval: [(qr/^{"_id":"1"/) x 5, (qr/"not found"/) x 2, qr/^\[\{"_id":"1"/]



=== TEST 4: what leads out of the mount is not the mount's
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map "GET $_", '/api/workspaces/../index.html', '/api/workspaces/%2e%2e/%2e%2e/index.html', '/api/workspaces/../../..',
    '/api/workspacesx', '/api/workspaces.', '/API/workspaces', '/api']
--- more_headers
X-User: alice
--- error_code eval: [404, 200, 400, 404, 404, 404, 404]
--- raw_response_headers_like eval: [(qr/./) x 7]
--- response_body_unlike eval: [(qr/"_id"/) x 7]
--- no_error_log
[alert]



=== TEST 5: merge_slashes off leaves empty segments, which are not found
--- http_config eval: "merge_slashes off;\n$t::Platform::HttpConfig"
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map "GET $_", '/api/workspaces//1', '/api/workspaces/1//', '/api/workspaces//', '/api/workspaces/1']
--- more_headers
X-User: alice
--- error_code eval: [404, 404, 404, 200]
--- response_body_like eval
[(qr/^{"message":"not found"}$/) x 3, qr/"_id":"1"/]



=== TEST 6: a percent is decoded once
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"100%","roles":["x"]}',
    'alice POST /1/members {"userId":"%61","roles":["x"]}');
--- request eval
['GET /api/workspaces/%2531', 'DELETE /api/workspaces/1/members/100%25', 'DELETE /api/workspaces/1/members/%2561']
--- more_headers
X-User: alice
--- error_code eval: [404, 200, 200]
--- response_body_like eval: [qr/not found/, qr/"userId":"100%"/, qr/"userId":"%61"/]



=== TEST 7: a question mark or a hash in an id is encoded
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"a?b#c","roles":["x"]}');
--- request
DELETE /api/workspaces/1/members/a%3Fb%23c
--- more_headers
X-User: alice
--- response_body_like: "userId":"a\?b#c"



=== TEST 8: NUL, CR and LF in an id are refused
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map "DELETE /api/workspaces/1/members/$_", 'a%0d%0aX-Y:1', 'a%7f', '%ff', 'a' x 256, 'a%00']
--- more_headers
X-User: alice
--- error_code eval: [404, 404, 404, 404, 400]
--- raw_response_headers_like eval: [(qr/./) x 5]
--- raw_response_headers_unlike eval: [(qr/X-Y/) x 5]
--- response_body_unlike eval: [(qr/removed/) x 5]
--- no_error_log
[alert]



=== TEST 9: a long id is answered, not a crash
--- http_config eval: "large_client_header_buffers 4 64k;\n$t::Platform::HttpConfig"
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map "DELETE /api/workspaces/1/members/$_", 'a' x 10240, '%41' x 10240, 'a%2F' x 5000 . 'b']
--- more_headers
X-User: alice
--- error_code eval: [404, 404, 404]
--- response_body eval: [('{"message":"not found"}') x 3]



=== TEST 10: an absolute URI is taken by its path
--- init
main::given('alice POST / {"name":"A"}');
--- raw_request eval
"GET http://other.example:99/api/workspaces/1?x=1 HTTP/1.1\r\nHost: localhost\r\nX-User: alice\r\nConnection: close\r\n\r\n"
--- response_body_like: ^\{"_id":"1"



=== TEST 11: an exact location is a mount of that path alone
--- config eval
"location = /w {
    workspaces platform;
    $t::Platform::Identity
}"
--- request eval
['GET /w', 'GET /w/1', 'GET /w/']
--- more_headers
X-User: alice
--- error_code eval: [200, 404, 404]
--- response_body_like eval: [qr/^\[\]$/, (qr/<html>/) x 2]
--- no_error_log
[alert]



=== TEST 12: a mount with a slash at its end
--- config eval
"location /w/ {
    workspaces platform;
    $t::Platform::Identity
}"
--- request eval
["POST /w/\n" . '{"name":"A"}', 'GET /w/1', 'GET /w/all?select=_id&limit=1', 'GET /wx']
--- more_headers
X-User: root
--- error_code eval: [200, 200, 200, 404]
--- response_body_like eval: [(qr/^{"_id":"1"/) x 2, qr/^\[\{"_id":"1"\}\]$/, qr/<html>/]
--- no_error_log
[alert]



=== TEST 13: a mount whose path needs encoding shows it so in links
--- config eval
"location '/a b/w' {
    workspaces platform;
    $t::Platform::Identity
}"
--- request eval
["POST /a%20b/w\n" . '{"name":"A"}', "POST /a%20b/w\n" . '{"name":"B"}', 'GET /a%20b/w/all?select=_id&limit=1', 'GET /a%20b/w/2']
--- more_headers
X-User: root
--- error_code eval: [200, 200, 200, 200]
--- response_headers eval
['! Link', '! Link', 'Link: </a%20b/w/all?select=_id&limit=1&after=1>; rel="next"', '! Link']
--- response_body_like eval: [qr/"_id":"1"/, qr/"_id":"2"/, qr/^\[\{"_id":"1"\}\]$/, qr/"_id":"2"/]



=== TEST 14: a location within a mount is not the mount
--- config eval
"location /api/workspaces {
    workspaces platform;
    $t::Platform::Identity
    location /api/workspaces/files { return 200 file; }
}"
--- request eval
['GET /api/workspaces/files/1', 'GET /api/workspaces']
--- more_headers
X-User: alice
--- error_code eval: [200, 200]
--- response_body eval: ['file', '[]']



=== TEST 15: rewrite leads to a mount, with the id as it was decoded
--- config eval
"$t::Platform::Mount
location /old/ { rewrite ^/old/(.*)\$ /api/workspaces/\$1 last; }"
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"a b%","roles":["x"]}');
--- request eval
['GET /old/1', 'GET /old/all?select=_id', 'DELETE /old/1/members/a%20b%25', 'GET /old/2']
--- more_headers
X-User: root
--- error_code eval: [200, 200, 200, 404]
--- response_body_like eval
[qr/^{"_id":"1"/, qr/^\[\{"_id":"1"\}\]$/, qr/"userId":"a b%"/, qr/^{"message":"workspace not found"}$/]



=== TEST 16: rewrite ... break within a mount cannot leave it
--- config eval
"location /api/workspaces {
    rewrite ^ /elsewhere/1 break;
    workspaces platform;
    $t::Platform::Identity
}"
--- request
GET /api/workspaces/1
--- more_headers
X-User: alice
--- error_code: 404
--- response_headers
Content-Type: application/json; charset=utf-8
--- response_body: {"message":"not found"}



=== TEST 17: try_files and an error page lead to a mount
--- config eval
"$t::Platform::Mount
location /try { try_files \$uri /api/workspaces/1; }
location /missing { root /nowhere; error_page 404 =200 /api/workspaces/1; }"
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
['GET /try/this', 'GET /missing/this']
--- more_headers
X-User: alice
--- error_code eval: [200, 200]
--- response_body_like eval: [(qr/^{"_id":"1"/) x 2]
--- no_error_log
[alert]



=== TEST 18: an error page does not replace what the dialect answers
--- config eval
"error_page 400 401 403 404 405 413 500 503 /oops;
location /oops { return 200 oops; }
$t::Platform::Mount"
--- request eval
['GET /api/workspaces/1', 'GET /api/workspaces', 'PUT /api/workspaces']
--- more_headers eval
["X-User: alice", "", "X-User: alice"]
--- error_code eval: [404, 401, 405]
--- response_body_like eval: [(qr/^{"message":"[^"]+"}$/) x 3]



=== TEST 19: nginx's own refusals within a mount have the dialect's shape
--- config eval
"location /api/workspaces {
    workspaces platform;
    $t::Platform::Identity
    if (\$http_x_refuse = 403) { return 403; }
    if (\$http_x_refuse = 503) { return 503; }
    if (\$http_x_refuse = 429) { return 429; }
    if (\$http_x_refuse = 418) { return 418; }
}"
--- request eval
[('GET /api/workspaces') x 5]
--- more_headers eval
["X-User: alice", map "X-User: alice\nX-Refuse: $_", 403, 503, 429, 418]
--- error_code eval: [200, 403, 503, 429, 418]
--- raw_response_headers_like eval
[(qr/Content-Type: application\/json; charset=utf-8\r\n.*X-Request-ID: [0-9a-f]{32}\r\n/s) x 5]
--- response_headers eval
["! Retry-After", "! Retry-After", "Retry-After: 1", "! Retry-After", "! Retry-After"]
--- response_body eval
['[]', map qq({"message":"$_"}), 'forbidden', 'temporarily unavailable', 'too many requests', 'bad request']



=== TEST 20: deny refuses before the dialect, and allow does not make an identity
--- config eval
"location /api/workspaces { deny all; workspaces platform; $t::Platform::Identity }
location /open { allow all; satisfy any; deny all; workspaces platform; $t::Platform::Identity }"
--- request eval
['GET /api/workspaces', 'GET /open', 'GET /open']
--- more_headers eval
["X-User: alice", "", "X-User: alice"]
--- error_code eval: [403, 401, 200]
--- response_body eval
['{"message":"forbidden"}', '{"message":"authentication required"}', '[]']
--- no_error_log
[alert]



=== TEST 21: return within a mount comes first
--- config eval
"location /api/workspaces { return 204; workspaces platform; $t::Platform::Identity }"
--- request
GET /api/workspaces
--- more_headers
X-User: alice
--- error_code: 204



=== TEST 22: limit_except within a mount refuses, and lets through
--- config eval
"location /api/workspaces { limit_except GET { deny all; } workspaces platform; $t::Platform::Identity }"
--- request eval
['GET /api/workspaces', "POST /api/workspaces\n" . '{"name":"A"}', 'GET /api/workspaces']
--- more_headers
X-User: alice
--- error_code eval: [200, 403, 200]
--- response_body eval: ['[]', '{"message":"forbidden"}', '[]']
--- no_error_log
[alert]



=== TEST 23: a subrequest of auth_request asks a mount, with the caller's own identity
--- config eval
"$t::Platform::Mount
location /page { auth_request /api/workspaces/1; try_files /index.html =404; }"
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
["GET /page", "POST /page\n" . '{"name":"B"}', "GET /page", "GET /api/workspaces/1"]
--- more_headers eval
["X-User: alice", "X-User: alice", "X-User:", "X-User: alice"]
--- error_code eval: [200, 405, 401, 200]
--- response_body_like eval: [qr/It works/, qr/405/, qr/401/, qr/"name":"A"/]
--- no_error_log
[alert]



=== TEST 24: SSI includes what a mount answers
--- config eval
"$t::Platform::Mount
location /page { ssi on; default_type text/html; }"
--- user_files
>>> page/a.html
one:<!--#include virtual="/api/workspaces" -->
two:<!--#include virtual="/api/workspaces/1" -->
--- init
main::given('alice POST / {"name":"A"}');
--- request
GET /page/a.html
--- more_headers
X-User: alice
--- response_body_like eval
qr/^one:\[\{"_id":"1","name":"A".*\}\]\ntwo:\{"_id":"1".*"invites":\[\]\}\n$/s



=== TEST 25: mirror asks a mount beside
--- config eval
"$t::Platform::Mount
location /page { mirror /api/workspaces; mirror_request_body off; try_files /index.html =404; }"
--- request
POST /page
{"name":"A"}
--- more_headers
X-User: alice
--- error_code: 405
--- ignore_response
--- no_error_log
[alert]



=== TEST 26: an encoded member's id leads to no other resource
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}');
--- request eval
["DELETE /api/workspaces/1/members/..%2f..%2f2", "DELETE /api/workspaces/1/members/%2e%2e",
 "DELETE /api/workspaces/1/members/%2E%2E%2F..%2F2", "GET /api/workspaces/2", "GET /api/workspaces/1"]
--- more_headers
X-User: alice
--- error_code eval: [404, 404, 404, 200, 200]
--- response_body_like eval: [(qr/"not found"/) x 3, qr/"name":"B"/, qr/"name":"A"/]
