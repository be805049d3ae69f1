# workspaces partner: what it needs beside it.

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * blocks() * 4;

no_long_string();
run_tests();

__DATA__

=== TEST 1: without an identity
--- config
    location /v1 { workspaces partner; }
--- must_die
--- error_log
"workspaces partner" in
write "workspaces_identity api_key user=$http_x_ats_user_id;"



=== TEST 2: with another identity, inherited
--- config
    workspaces_identity trusted tenant=$http_x_tenant user=$http_x_user;
    location /v1 { workspaces partner; }
--- must_die
--- error_log
knows who asks by API keys alone
write "workspaces_identity api_key user=$http_x_ats_user_id;"



=== TEST 3: without a key ring
--- http_config
    workspaces_redis redis://127.0.0.1:$TEST_NGINX_REDIS_PORT;
--- config
    location /v1 { workspaces partner; workspaces_identity api_key; }
--- must_die
--- error_log
"workspaces partner" in
write "workspaces_seal_keys file;" in the "http" block
