# GET and POST /api/workspaces/{id}/encrypted

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 191);

no_long_string();
run_tests();

__DATA__

=== TEST 1: storing answers an empty object, not to be kept by anybody
--- init
main::given('alice POST / {"name":"A"}');
--- request
POST /api/workspaces/1/encrypted
{"apiKey":"secret-key","webhookSecret":"webhook-secret"}
--- more_headers
X-User: root
--- response_headers
Content-Type: application/json; charset=utf-8
Cache-Control: no-store
! ETag
--- response_body: {}



=== TEST 2: what was stored is read, byte for byte
--- init
main::given('alice POST / {"name":"A"}', 'root POST /1/encrypted { "apiKey" : "secret-key", "n":1.50 }');
--- request
GET /api/workspaces/1/encrypted
--- more_headers
X-User: root
--- response_headers
Content-Type: application/json; charset=utf-8
Cache-Control: no-store
! ETag
--- response_body: { "apiKey" : "secret-key", "n":1.50 }



=== TEST 3: null when nothing is stored
--- init
main::given('alice POST / {"name":"A"}');
--- request
GET /api/workspaces/1/encrypted
--- more_headers
X-User: root
--- response_headers
Content-Type: application/json; charset=utf-8
Cache-Control: no-store
Content-Length: 4
--- response_body: null



=== TEST 4: storing again replaces
--- init
main::given('alice POST / {"name":"A"}', 'root POST /1/encrypted {"a":1}', 'root POST /1/encrypted [2]');
--- request
GET /api/workspaces/1/encrypted
--- more_headers
X-User: root
--- response_body: [2]



=== TEST 5: x-encrypted-id names a slot, each with its own data
--- init
main::given('alice POST / {"name":"A"}', 'root POST /1/encrypted {"slot":0}',
    'root POST /1/encrypted [x-encrypted-id: a] {"slot":1}', 'root POST /1/encrypted [x-encrypted-id: A.b_c-9] {"slot":2}');
--- request eval
[('GET /api/workspaces/1/encrypted') x 5]
--- more_headers eval
["X-User: root", map "X-User: root\nX-Encrypted-ID: $_", 'a', 'A.b_c-9', 'A', '']
--- error_code eval: [(200) x 5]
--- response_body eval: ['{"slot":0}', '{"slot":1}', '{"slot":2}', 'null', '{"slot":0}']



=== TEST 6: the slot's name has 1 to 128 of [A-Za-z0-9._-], in one header
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[('GET /api/workspaces/1/encrypted') x 7, "POST /api/workspaces/1/encrypted\n{}"]
--- more_headers eval
[map "X-User: root\nx-encrypted-id: $_", 'a' x 128, 'a' x 129, 'a b', 'a/b', 'a:b', "\xc3\xa9", "a\nx-encrypted-id: b", 'a,b']
--- error_code eval: [200, (400) x 7]
--- response_body eval
['null', ('{"message":"x-encrypted-id must be one of 1 to 128 of [A-Za-z0-9._-]","field":"x-encrypted-id"}') x 7]



=== TEST 7: is for tenant admins: the workspace's own admin gets 403
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/members {"userId":"bob","roles":["member"]}',
    'root POST /1/encrypted {"a":"secret"}');
--- request eval
[('GET /api/workspaces/1/encrypted', "POST /api/workspaces/1/encrypted\n{}") x 2]
--- more_headers eval
[("X-User: alice") x 2, ("X-User: bob") x 2]
--- error_code eval: [(403) x 4]
--- response_body eval
[('{"message":"administrator privileges required"}') x 4]



=== TEST 8: a stranger gets 404, whether it exists or not
--- init
main::given('alice POST / {"name":"A"}', 'root POST /1/encrypted {"a":"secret"}');
--- request eval
[map { ("GET /api/workspaces/$_/encrypted", "POST /api/workspaces/$_/encrypted\n{}") } 1, 2]
--- more_headers
X-User: mallory
--- error_code eval: [(404) x 4]
--- response_body eval
[('{"message":"workspace not found"}') x 4]



=== TEST 9: a tenant admin gets 404 for what does not exist
--- request eval
['GET /api/workspaces/1/encrypted', "POST /api/workspaces/1/encrypted\n{}"]
--- more_headers
X-User: root
--- error_code eval: [404, 404]
--- response_body eval
[('{"message":"workspace not found"}') x 2]



=== TEST 10: only an object or an array is stored
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[(map "POST /api/workspaces/1/encrypted\n$_", '1', '"text"', 'null', 'true'), 'GET /api/workspaces/1/encrypted']
--- more_headers
X-User: root
--- error_code eval: [(400) x 4, 200]
--- response_body eval
[('{"message":"the body must be a JSON object or array"}') x 4, 'null']



=== TEST 11: what is not JSON is refused without repeating any of it
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
["POST /api/workspaces/1/encrypted\n" . '{"apiKey":"top-secret" "x":1}', 'POST /api/workspaces/1/encrypted',
 "POST /api/workspaces/1/encrypted\n" . '{"top-secret":1,"top-secret":2}']
--- more_headers
X-User: root
--- error_code eval: [400, 400, 400]
--- response_body_unlike eval: [(qr/top-secret/) x 3]



=== TEST 12: what is stored in Redis and in the log shows nothing of it
--- init
main::given('alice POST / {"name":"A"}', 'root POST /1/encrypted {"apiKey":"plain-as-day"}');
my $hash = main::sealed_hash(1);
my $blob = main::redis('HGET', $hash, 'default');
main::unlike($blob, qr/plain-as-day|apiKey/, "what is stored shows nothing");
--- request
GET /api/workspaces/1/encrypted
--- more_headers
X-User: root
--- no_error_log
plain-as-day
[error]
[alert]



=== TEST 13: the same data is sealed differently each time
--- init
main::given('alice POST / {"name":"A"}', 'root POST /1/encrypted {"a":1}');
my $first = main::redis('HGET', main::sealed_hash(1), 'default');
main::given('root POST /1/encrypted {"a":1}');
my $second = main::redis('HGET', main::sealed_hash(1), 'default');
main::isnt(substr($first, -23), substr($second, -23), "sealed differently");
--- request
GET /api/workspaces/1/encrypted
--- more_headers
X-User: root
--- response_body: {"a":1}



=== TEST 14: a flipped bit anywhere is an error, never null
--- init
main::given('alice POST / {"name":"A"}', map "root POST /1/encrypted [x-encrypted-id: s$_] {\"a\":1}", 0 .. 6);
my $hash = main::sealed_hash(1);
my @at = (0, 1, 2, 7, 30, -16, -1);   # version, size, key id, nonce, data, tag
for (0 .. 6) {
    my $blob = main::redis('HGET', $hash, "s$_");
    substr($blob, $at[$_], 1) ^= "\x01";
    main::redis('HSET', $hash, "s$_", $blob);
}
--- request eval
[('GET /api/workspaces/1/encrypted') x 7]
--- more_headers eval
[map "X-User: root\nx-encrypted-id: s$_", 0 .. 6]
--- error_code eval: [(500) x 7]
--- response_body eval
[('{"message":"sealed data cannot be opened"}') x 7]
--- error_log eval
[qr/\[error\].*sealed\.get: sealed data .*workspace 1, slot s\d, tenant "t-/]



=== TEST 15: a blob that is cut, or none at all, is an error
--- init
main::given('alice POST / {"name":"A"}', map "root POST /1/encrypted [x-encrypted-id: s$_] {\"a\":1}", 0 .. 3);
my $hash = main::sealed_hash(1);
my $blob = main::redis('HGET', $hash, "s0");
main::redis('HSET', $hash, "s0", '', "s1", substr($blob, 0, -1), "s2", substr($blob, 0, 10), "s3", "null");
--- request eval
[('GET /api/workspaces/1/encrypted') x 4]
--- more_headers eval
[map "X-User: root\nx-encrypted-id: s$_", 0 .. 3]
--- error_code eval: [(500) x 4]
--- response_body eval
[('{"message":"sealed data cannot be opened"}') x 4]
--- error_log
sealed data does not open



=== TEST 16: a blob moved to another slot, workspace or tenant does not open
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}', 'alice POST / [X-Tenant: x] {"name":"A"}',
    'root POST /1/encrypted {"a":1}', 'root POST /2/encrypted {"b":1}', 'root POST /1/encrypted [X-Tenant: x] {"c":1}');
my $blob = main::redis('HGET', main::sealed_hash(1), 'default');
main::redis('HSET', main::sealed_hash(1), 'other', $blob);
main::redis('HSET', main::sealed_hash(2), 'default', $blob);
my ($hash) = @{ main::redis('KEYS', "wsp:*:$ENV{TEST_NGINX_TENANT}x:w:1:x") };
main::redis('HSET', $hash, 'default', $blob);
--- request eval
['GET /api/workspaces/1/encrypted', 'GET /api/workspaces/2/encrypted', 'GET /api/workspaces/1/encrypted']
--- more_headers eval
["X-User: root\nx-encrypted-id: other", "X-User: root", "X-User: root\nX-Tenant: x"]
--- error_code eval: [500, 500, 500]
--- response_body eval
[('{"message":"sealed data cannot be opened"}') x 3]
--- error_log
sealed data does not open



=== TEST 17: a key that is not in the ring is named so in the log
--- init
main::given('alice POST / {"name":"A"}', 'root POST /1/encrypted {"a":1}');
my $blob = main::redis('HGET', main::sealed_hash(1), 'default');
substr($blob, 2, 5) = 'other';
main::redis('HSET', main::sealed_hash(1), 'default', $blob);
--- request
GET /api/workspaces/1/encrypted
--- more_headers
X-User: root
--- error_code: 500
--- response_body: {"message":"sealed data cannot be opened"}
--- error_log
sealed data under a key that is not in the key file, workspace 1, slot default, tenant "t-



=== TEST 18: the first key of the ring seals
--- http_config eval
my $second = main::key_file("new " . 'AgIC' x 10 . "AgI=\nfirst " . 'AQEB' x 10 . "AQE=\n");
(my $config = $t::Platform::HttpConfig) =~ s/\$TEST_NGINX_SEAL_KEYS/$second/;
$config
--- init
main::given('alice POST / {"name":"A"}', 'root POST /1/encrypted {"a":1}');
my $blob = main::redis('HGET', main::sealed_hash(1), 'default');
main::is(substr($blob, 1, 4), "\x03new", "sealed by the first key");
--- request
GET /api/workspaces/1/encrypted
--- more_headers
X-User: root
--- response_body: {"a":1}



=== TEST 19: without a key file sealed data answers 503, and the rest works
--- http_config eval
$t::Platform::HttpConfig =~ s/workspaces_seal_keys.*;//r
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
['GET /api/workspaces/1/encrypted', "POST /api/workspaces/1/encrypted\n{}", 'GET /api/workspaces/1']
--- more_headers
X-User: root
--- error_code eval: [503, 503, 200]
--- response_body_like eval
[(qr/^{"message":"sealed data is not configured here"}$/) x 2, qr/"_id":"1"/]



=== TEST 20: a workspace has at most 64 slots, and those can be written again
--- init
main::given('alice POST / {"name":"A"}', map "root POST /1/encrypted [x-encrypted-id: s$_] {}", 1 .. 64);
--- request eval
[("POST /api/workspaces/1/encrypted\n[1]") x 2, 'GET /api/workspaces/1/encrypted']
--- more_headers eval
[map "X-User: root\nx-encrypted-id: s$_", 65, 64, 64]
--- error_code eval: [400, 200, 200]
--- response_body eval
['{"message":"a workspace has at most 64 sealed slots"}', '{}', '[1]']



=== TEST 21: deleting the workspace deletes its sealed data
--- init
main::given('alice POST / {"name":"A"}', 'root POST /1/encrypted {"a":1}');
my $hash = main::sealed_hash(1);
main::given('alice DELETE /1');
main::is(main::redis('EXISTS', $hash), 0, "nothing is left behind");
--- request
GET /api/workspaces/1/encrypted
--- more_headers
X-User: root
--- error_code: 404
--- response_body: {"message":"workspace not found"}



=== TEST 22: has no other method
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
['DELETE /api/workspaces/1/encrypted', "PUT /api/workspaces/1/encrypted\n{}"]
--- more_headers
X-User: root
--- error_code eval: [405, 405]
--- response_headers eval: [('Allow: GET, HEAD, POST') x 2]
--- response_body eval: [('{"message":"method not allowed"}') x 2]
