# What is refused before any workspace is looked at: bodies, methods, paths,
# callers

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 408);

no_long_string();
run_tests();

__DATA__

=== TEST 1: a body that is not JSON is refused with line and column
--- request eval
[map "POST /api/workspaces\n$_", '{"name":"A"', '{"name" "A"}', "{\n  \"name\": A\n}", '{"name":"A"} x',
    "{'name':1}", '{"name":"A",}', '{"name":01}', "{\"name\":\"a\tb\"}", '{"name":1e999}', 'name=A', '<name/>']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 11]
--- response_body eval
[map qq({"message":"the body is not valid JSON: $_"}),
 'it ends too early at line 1, column 11', 'syntax error at line 1, column 11', 'syntax error at line 2, column 11',
 'something follows its end at line 1, column 14', 'syntax error at line 1, column 2', 'syntax error at line 1, column 13',
 'syntax error at line 1, column 9', 'syntax error at line 1, column 10', 'a number is out of range at line 1, column 13',
 'syntax error at line 1, column 4', 'syntax error at line 1, column 1']



=== TEST 2: an empty body is not JSON
--- request
POST /api/workspaces
--- more_headers
X-User: alice
Content-Type: application/json
--- error_code: 400
--- response_body_like: ^\{"message":"the body is not valid JSON: it ends too early at line 1, column 0"\}$



=== TEST 3: a body is an object
--- request eval
[map "POST /api/workspaces\n$_", '[]', '[{"name":"A"}]', '"A"', '1', 'null', 'true']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 6]
--- response_body eval
[('{"message":"the body must be a JSON object"}') x 6]



=== TEST 4: duplicate keys are refused
--- request eval
[map "POST /api/workspaces\n$_", '{"name":"A","name":"B"}', '{"name":"A","x":{"y":1,"y":1}}',
    '{"name":"A","n\u0061me":"B"}']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 3]
--- response_body_like eval
[(qr/^{"message":"the body is not valid JSON: duplicate key at line 1, column \d+"}$/) x 3]



=== TEST 5: invalid UTF-8, lone surrogates and U+0000 are refused
--- request eval
[map "POST /api/workspaces\n" . '{"name":"' . $_ . '"}', "\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
    '\ud800', '\udc00x', '\ud800\u0041', 'a\u0000', "a\x00b"]
--- more_headers
X-User: alice
--- error_code eval: [(400) x 10]
--- response_body_like eval
[(qr/^{"message":"the body is not valid JSON: .* at line 1, column \d+"}$/) x 10]



=== TEST 6: a byte order mark is refused
--- request eval
"POST /api/workspaces\n\xef\xbb\xbf" . '{"name":"A"}'
--- more_headers
X-User: alice
--- error_code: 400
--- response_body_like: not valid JSON



=== TEST 7: nesting of 32 is taken, of 33 refused, of 100000 too
--- request eval
[map "POST /api/workspaces\n" . '{"name":"A","x":' . '[' x $_ . ']' x $_ . '}', 31, 32, 100000]
--- more_headers
X-User: alice
--- error_code eval: [200, 400, 400]
--- response_body_like eval
[qr/"_id":"1"/,
 (qr/^{"message":"the body is not valid JSON: nesting deeper than 32 at line 1, column 48"}$/) x 2]



=== TEST 8: brackets in strings are no nesting
--- request eval
"POST /api/workspaces\n" . '{"name":"' . '[{\"' x 60 . '"}'
--- more_headers
X-User: alice
--- response_body_like: "_id":"1"



=== TEST 9: big integers are no crash
--- request eval
[map "POST /api/workspaces\n" . '{"name":"A","x":' . $_ . '}', '9223372036854775808', '1' x 400, '-' . '9' x 30, '1e400', '0.' . '1' x 5000]
--- more_headers
X-User: alice
--- error_code eval: [(400) x 4, 200]
--- response_body_like eval
[(qr/a number is out of range at line 1, column \d+/) x 4, qr/"_id":"1"/]



=== TEST 10: PUT, and members, refuse what is no JSON alike
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["x"]}');
--- request eval
["PUT /api/workspaces/1\n{", "PUT /api/workspaces/1\n[]", "POST /api/workspaces/1/members\n{", "POST /api/workspaces/1/members\n[]",
 "PUT /api/workspaces/1/members/bob\n{", "PUT /api/workspaces/1/members/bob\n[]", "PUT /api/workspaces/1"]
--- more_headers
X-User: alice
--- error_code eval: [(400) x 7]
--- response_body_like eval
[(qr/ends too early at line 1, column 1"/, qr/must be a JSON object/) x 3, qr/ends too early at line 1, column 0"/]



=== TEST 11: an unknown method gets 405, and the methods that are
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
['DELETE /api/workspaces', "PUT /api/workspaces\n{}", 'PATCH /api/workspaces/1', 'OPTIONS /api/workspaces',
 'PROPFIND /api/workspaces/1', 'FOO /api/workspaces']
--- more_headers
X-User: alice
--- error_code eval: [(405) x 6]
--- response_headers eval
[map "Allow: $_", 'GET, HEAD, POST', 'GET, HEAD, POST', 'GET, HEAD, PUT, DELETE', 'GET, HEAD, POST',
    'GET, HEAD, PUT, DELETE', 'GET, HEAD, POST']
--- response_body eval
[('{"message":"method not allowed"}') x 6]



=== TEST 12: unknown paths get 404
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[map "GET /api/workspaces$_", '/1/nothing', '/1/members/alice/roles', '/1/encrypted/x', '/all/x', '/1/2/3/4/5/6/7/8/9', '/ALL', '/1/Members']
--- more_headers
X-User: alice
--- error_code eval: [(404) x 7]
--- response_body eval
[('{"message":"not found"}') x 7]



=== TEST 13: without an identity everything gets 401
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
['GET /api/workspaces', "POST /api/workspaces\n{}", 'GET /api/workspaces/all', 'GET /api/workspaces/1',
 "PUT /api/workspaces/1\n{}", 'DELETE /api/workspaces/1', 'POST /api/workspaces/1/activate',
 'GET /api/workspaces/1/members', "POST /api/workspaces/1/members\n{}", "PUT /api/workspaces/1/members/a\n{}",
 'DELETE /api/workspaces/1/members/a', 'GET /api/workspaces/1/encrypted', "POST /api/workspaces/1/encrypted\n{}",
 'GET /api/workspaces/1/nothing', 'DELETE /api/workspaces', "POST /api/workspaces\n{"]
--- error_code eval: [(401) x 16]
--- response_headers eval
[("WWW-Authenticate: Bearer\nCache-Control: private, no-cache\n! Allow\n! ETag") x 16]
--- response_body eval
[('{"message":"authentication required"}') x 16]



=== TEST 14: HEAD is answered where GET is, without the body
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
['HEAD /api/workspaces', 'HEAD /api/workspaces/1', 'HEAD /api/workspaces/1/', 'HEAD /api/workspaces/1/members',
 'HEAD /api/workspaces/2', 'HEAD /api/workspaces/all', 'HEAD /api/workspaces/1/activate']
--- more_headers
X-User: alice
--- error_code eval: [200, 200, 200, 200, 404, 403, 405]
--- response_headers eval
["Content-Length: 72\n! ETag", ("Content-Length: 150\nETag: \"1\"") x 2, 'ETag: "1"', '! ETag', '! ETag', 'Allow: POST']
--- response_body eval: [('') x 7]



=== TEST 15: each path is also taken with a slash at its end
--- init
main::given('root POST / {"name":"A"}');
--- request eval
["POST /api/workspaces/1/members/\n" . '{"userId":"bob","roles":["x"]}', "PUT /api/workspaces/1/members/bob/\n" . '{"roles":["y"]}',
 'GET /api/workspaces/1/members/', 'POST /api/workspaces/1/activate/', 'GET /api/workspaces/all/', 'GET /api/workspaces/1/encrypted/',
 "POST /api/workspaces/1/encrypted/\n{}", 'DELETE /api/workspaces/1/members/bob/', "PUT /api/workspaces/1/\n" . '{"name":"B"}',
 'DELETE /api/workspaces/1/', 'GET /api/workspaces/']
--- more_headers
X-User: root
--- error_code eval: [(200) x 11]
--- response_body_like eval
[qr/added/, qr/updated/, qr/"bob"/, qr/"_id":"1"/, qr/^\[\{"_id"/, qr/^null$/, qr/^{}$/, qr/removed/, qr/"name":"B"/, qr/"_id":"1"/, qr/^\[\]$/]



=== TEST 16: a tenant without a user, and a user without a tenant, is nobody
--- config
    location /api/workspaces {
        workspaces platform;
        workspaces_identity trusted tenant=$http_x_tenant user=$http_x_user;
    }
--- request eval
[('GET /api/workspaces') x 4]
--- more_headers eval
["X-User: alice", "X-Tenant: t", "X-User:\nX-Tenant: t", "X-User: alice\nX-Tenant: "]
--- error_code eval: [(401) x 4]
--- response_body eval
[('{"message":"authentication required"}') x 4]
