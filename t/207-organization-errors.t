# Errors of the organization dialect: one shape, whoever finds them out

use lib '.';
use t::Organization;
use t::Edge ();
use Test::Nginx::Socket;

our $Secret = '0123456789abcdef' x 2;
$ENV{TEST_NGINX_SECRET} = t::Platform::key_file("$Secret\n");

add_block_preprocessor(\&prepare);

sub bearer {
    my (%claims) = @_;
    return 'Authorization: Bearer ' . t::Edge::token($main::Secret,
        { iss => 'them', aud => 'us', exp => time + 600, sub => 'alice', tenant => 'ORG-jwt', %claims });
}

plan tests => repeat_each() * (blocks() * 4 + 35);

no_long_string();
run_tests();

__DATA__

=== TEST 1: nobody, who is nobody any more, and whose token is not good
--- config
location /api/v1 {
    workspaces organization;
    workspaces_identity jwt secret=$TEST_NGINX_SECRET issuer=them audience=us;
}
--- request eval
[('GET /api/v1/workspaces') x 4]
--- more_headers eval
['X-None: 1', main::bearer(exp => time - 600), main::bearer(aud => 'others'), main::bearer()]
--- error_code eval: [401, 401, 401, 200]
--- response_body_like eval
[map qr/$_/, '^\{"error":\{"code":"AUTH_REQUIRED","message":"[^"]+","timestamp":"TIME"}}$', '^\{"error":\{"code":"AUTH_EXPIRED","message":"[^"]+","timestamp":"TIME"}}$',
 '^\{"error":\{"code":"AUTH_INVALID","message":"[^"]+","timestamp":"TIME"}}$', '"success":true']
--- raw_response_headers_like eval
[qr/WWW-Authenticate: Bearer\r\n/, (qr/WWW-Authenticate: Bearer error="invalid_token"\r\n/) x 2, qr/json/]



=== TEST 2: bodies that are not JSON
--- request eval
[map "POST /api/v1/workspaces\n$_", '{', '[]', '{"name":"A","name":"B"}', "{\"name\":\"\xff\"}", '{"name":"\ud800"}', '[' x 40, 'x']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 7]
--- response_body_like eval
[map qr/^\{"error":\{"code":"VALIDATION_ERROR","message":"the body $_[^"]*","timestamp":"TIME"}}$/, 'is not valid JSON: it ends too early at line 1, column', 'must be a JSON object',
 'is not valid JSON: duplicate key', 'is not valid JSON: invalid UTF-8', 'is not valid JSON: ', 'is not valid JSON: nesting deeper than 32', 'is not valid JSON: syntax error']



=== TEST 3: a body that is too large, and one whose size is given wrong
--- config
location /api/v1 {
    workspaces organization;
    workspaces_identity trusted tenant=$TEST_NGINX_TENANT user=$http_x_user;
    client_max_body_size 100;
}
--- request eval
"POST /api/v1/workspaces\n" . 'x' x 101
--- more_headers
X-User: alice
--- error_code: 413
--- response_body_like: ^\{"error":\{"code":"VALIDATION_ERROR","message":"[^"]+","timestamp":"TIME"\}\}$
--- no_error_log
[alert]



=== TEST 4: the store does not answer
--- http_config
workspaces_redis redis://127.0.0.1:1;
--- config
location /api/v1 {
    workspaces organization;
    workspaces_identity trusted tenant=a user=$http_x_user;
}
--- request
GET /api/v1/workspaces
--- more_headers
X-User: alice
--- error_code: 503
--- response_headers
Retry-After: 1
--- response_body_like: ^\{"error":\{"code":"SERVICE_UNAVAILABLE","message":"[^"]+","timestamp":"TIME"\}\}$
--- no_error_log
[alert]
