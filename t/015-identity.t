# workspaces_identity: who nginx says that the caller is

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 159);

no_long_string();
run_tests();

__DATA__

=== TEST 1: by default nobody is trusted, whatever the client says
--- config
    location /api/workspaces {
        workspaces platform;
    }
--- request
GET /api/workspaces
--- more_headers
X-User: alice
X-Tenant: t
X-Forwarded-User: alice
Authorization: Bearer alice
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer
Content-Type: application/json; charset=utf-8
--- response_body: {"message":"authentication required"}



=== TEST 2: off is nobody, also within a server that trusts
--- config eval
"$t::Platform::Identity
location /api/workspaces { workspaces platform; workspaces_identity off; }"
--- request
GET /api/workspaces
--- more_headers
X-User: alice
--- error_code: 401
--- response_body: {"message":"authentication required"}



=== TEST 3: what the server says holds for its locations
--- config eval
"$t::Platform::Identity
location /api/workspaces { workspaces platform; }"
--- request
GET /api/workspaces
--- more_headers
X-User: alice
--- response_body: []



=== TEST 4: what the http block says holds for its servers
--- http_config eval: $t::Platform::HttpConfig . $t::Platform::Identity
--- config
    location /api/workspaces { workspaces platform; }
--- request
GET /api/workspaces
--- more_headers
X-User: alice
--- response_body: []



=== TEST 5: what a location says replaces all of what the server says
--- config
    workspaces_identity trusted tenant=$TEST_NGINX_TENANT user=alice admin=on;
    location /api/workspaces {
        workspaces platform;
        workspaces_identity trusted tenant=$TEST_NGINX_TENANT user=$http_x_user;
    }
--- request
GET /api/workspaces/all
--- more_headers
X-User: bob
--- error_code: 403
--- response_body: {"message":"administrator privileges required"}



=== TEST 6: a location within a location inherits who one is
--- config eval
"location /api {
    $t::Platform::Identity
    location /api/workspaces { workspaces platform; }
}"
--- request
GET /api/workspaces
--- more_headers
X-User: alice
--- response_body: []



=== TEST 7: a value may be made of text and several variables
--- config
    location /api/workspaces {
        workspaces platform;
        workspaces_identity trusted tenant=$TEST_NGINX_TENANT user=user-$arg_a-$arg_b;
    }
--- request eval
["POST /api/workspaces?a=1&b=2\n" . '{"name":"A"}', "GET /api/workspaces?a=1&b=2", "GET /api/workspaces?a=2&b=1"]
--- error_code eval: [200, 200, 200]
--- response_body_like eval: [qr/"user":"user-1-2"/, qr/"_id":"1"/, qr/^\[\]$/]



=== TEST 8: 1, on, true and yes make an admin, in any case
--- config
    location /api/workspaces {
        workspaces platform;
        workspaces_identity trusted tenant=$TEST_NGINX_TENANT user=alice admin=$http_x_admin;
    }
--- request eval
[('GET /api/workspaces/all') x 7]
--- more_headers eval
[map "X-Admin: $_", '1', 'on', 'true', 'yes', 'On', 'TRUE', 'Yes']
--- error_code eval: [(200) x 7]
--- response_body eval: [('[]') x 7]



=== TEST 9: nothing else makes an admin
--- config
    location /api/workspaces {
        workspaces platform;
        workspaces_identity trusted tenant=$TEST_NGINX_TENANT user=alice admin=$http_x_admin;
    }
--- request eval
[('GET /api/workspaces/all') x 11]
--- more_headers eval
[map "X-Admin: $_", '', '0', 'off', 'false', 'no', '2', '11', 'admin', 'on,on', 'true;', 'y']
--- error_code eval: [(403) x 11]
--- response_body eval: [('{"message":"administrator privileges required"}') x 11]



=== TEST 10: roles and permissions of the identity make no admin
--- config
    location /api/workspaces {
        workspaces platform;
        workspaces_identity trusted tenant=$TEST_NGINX_TENANT user=alice
            roles=admin,owner permissions=* email=root name=root;
    }
--- request
GET /api/workspaces/all
--- error_code: 403
--- response_body: {"message":"administrator privileges required"}



=== TEST 11: an id of a user or tenant has at most 255 bytes, UTF-8, without control characters
--- request eval
[('GET /api/workspaces') x 6]
--- more_headers eval
[map "X-User: $_", 'a' x 255, 'a' x 256, 'a' x 8000, "\xff", "\xc3\xa9", "a\x01b"]
--- error_code eval: [200, 401, 401, 401, 200, 401]
--- response_body eval
my $bad = '{"message":"invalid identity"}';
['[]', $bad, $bad, $bad, '[]', $bad]



=== TEST 12: ids that are alike are different users
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
[('GET /api/workspaces/1') x 5]
--- more_headers eval
[map "X-User: $_", 'Alice', 'alice.', '%61lice', "al\xc4\xb1ce", 'alice,alice']
--- error_code eval: [(404) x 5]
--- response_body eval: [('{"message":"workspace not found"}') x 5]



=== TEST 13: ids with the marks of Redis keys stay apart
--- request eval
[map("POST /api/workspaces\n" . '{"name":"A"}', 1 .. 6), map('GET /api/workspaces', 1 .. 6)]
--- more_headers eval
my @users = ('a:w', 'a', '{a}', 'a/b', 'a%3Aw', '*');
[map "X-User: $_", @users, @users]
--- error_code eval: [(200) x 12]
--- response_body_like eval
[map(qr/"_id":"$_"/, 1 .. 6), map(qr/^\[\{"_id":"$_"[^{]*\]$/, 1 .. 6)]



=== TEST 14: a tenant's name with the marks of Redis keys is a tenant of its own
--- request eval
[map("POST /api/workspaces\n" . '{"name":"A"}', 1 .. 5), 'GET /api/workspaces']
--- more_headers eval
[(map "X-User: alice\nX-Tenant: $_", ':w', ':w:1', '}', '{x}', "\xc3\xa9"), 'X-User: alice']
--- error_code eval: [(200) x 6]
--- response_body_like eval: [(qr/^{"_id":"1"/) x 5, qr/^\[\]$/]



=== TEST 15: the variable is that of this request, not of the one before on the connection
--- pipelined_requests eval
["GET /api/workspaces?user=alice", "GET /api/workspaces?user=", "GET /api/workspaces?user=bob"]
--- config
    location /api/workspaces {
        workspaces platform;
        workspaces_identity trusted tenant=$TEST_NGINX_TENANT user=$arg_user;
    }
--- error_code eval: [200, 401, 200]
--- response_body eval: ['[]', '{"message":"authentication required"}', '[]']



=== TEST 16: who passed nginx's password is the user
--- config
    location /api/workspaces {
        auth_basic workspaces;
        auth_basic_user_file $TEST_NGINX_SERVER_ROOT/html/users;
        workspaces platform;
        workspaces_identity trusted tenant=$TEST_NGINX_TENANT user=$remote_user;
    }
--- user_files
>>> users
alice:{PLAIN}secret
--- request eval
["POST /api/workspaces\n" . '{"name":"A"}', 'GET /api/workspaces', 'GET /api/workspaces']
--- more_headers eval
["Authorization: Basic YWxpY2U6c2VjcmV0", "Authorization: Basic YWxpY2U6d3Jvbmc=", ""]
--- error_code eval: [200, 401, 401]
--- response_headers_like eval
['WWW-Authenticate: ', ('WWW-Authenticate: Basic realm="workspaces"') x 2]
--- response_body_like eval
[qr/"user":"alice"/, (qr/^{"message":"/) x 2]
--- no_error_log
[alert]
