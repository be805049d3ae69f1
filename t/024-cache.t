# workspaces_cache

use lib '.';
use t::Edge;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare_edge);

plan tests => repeat_each() * (blocks() * 4 + 1);

no_long_string();
no_root_location();
run_tests();

__DATA__

=== TEST 1: it is there unless it is turned off
--- config
location / {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request
GET /
--- error_code: 401
--- wait: 0.2
--- error_log
Redis tracking link is ready



=== TEST 2: off, nobody listens for changes
--- http_config
workspaces_cache off;
--- config
location / {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request
GET /
--- error_code: 401
--- wait: 0.2
--- error_log
Redis link is ready
--- no_error_log
tracking
[error]



=== TEST 3: off, decisions are the same
--- http_config
workspaces_cache off;
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request eval
[("GET /") x 3]
--- more_headers eval
["X-User: alice\nX-Workspace-ID: 1", "X-User: bob\nX-Workspace-ID: 1", "X-User: alice\nX-Workspace-ID: 1"]
--- error_code eval: [200, 404, 200]



=== TEST 4: who is removed is out at once, who is added is in
--- http_config
workspaces_cache 1m max_stale=500ms;
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["viewer"]}');
--- config
location / {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request eval
["GET /", "GET /", "DELETE /api/workspaces/1/members/bob", "GET /",
 qq(POST /api/workspaces/1/members\n{"userId":"bob","roles":["viewer"]}), "GET /"]
--- more_headers eval
["X-User: bob\nX-Workspace-ID: 1", "X-User: bob\nX-Workspace-ID: 1", "X-User: alice",
 "X-User: bob\nX-Workspace-ID: 1", "X-User: alice", "X-User: bob\nX-Workspace-ID: 1"]
--- error_code eval: [200, 200, 200, 404, 200, 200]



=== TEST 5: the smallest size
--- http_config
workspaces_cache 256k;
--- config
location / {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request
GET /
--- error_code: 401



=== TEST 6: a smaller one is refused
--- http_config
workspaces_cache 255k;
--- config
--- must_die
--- error_log
invalid size "255k" in "workspaces_cache": write one from 256k on, like "16m", or "off"



=== TEST 7: so is what is no size
--- http_config
workspaces_cache on;
--- config
--- must_die
--- error_log
invalid size "on" in "workspaces_cache"



=== TEST 8: so is a bound of nothing
--- http_config
workspaces_cache 1m max_stale=0;
--- config
--- must_die
--- error_log
invalid "max_stale=0" in "workspaces_cache": write a time from 1ms to 1h, like "1s"



=== TEST 9: so is an unknown parameter
--- http_config
workspaces_cache 1m stale=1s;
--- config
--- must_die
--- error_log
unknown parameter "stale=1s" in "workspaces_cache"



=== TEST 10: off takes no bound
--- http_config
workspaces_cache off max_stale=1s;
--- config
--- must_die
--- error_log
"workspaces_cache off" takes no "max_stale=1s"



=== TEST 11: it is written once
--- http_config
workspaces_cache 1m;
workspaces_cache 2m;
--- config
--- must_die
--- error_log
"workspaces_cache" directive is duplicate
