# workspaces_access_errors: the directive

use lib '.';
use t::Edge;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare_edge);

plan tests => repeat_each() * (blocks() * 3 + 4);

no_long_string();
no_root_location();
run_tests();

__DATA__

=== TEST 1: what a location says goes before what is inherited
--- http_config
workspaces_access on;
workspaces_access_errors partner;
--- config
location /inherits { try_files /none @ok; }
location /says {
    workspaces_access_errors problem;
    try_files /none @ok;
}
location @ok { return 200 "ok\n"; }
--- request eval
["GET /inherits", "GET /says"]
--- error_code eval: [401, 401]
--- response_body eval
[qq({"detail":"Invalid or missing API key"}),
 qq({"type":"about:blank","title":"Unauthorized","status":401,)
 . qq("detail":"authentication required"})]



=== TEST 2: what could let nobody in is warned about
--- http_config
workspaces_access_errors partner;
workspaces_identity api_key user=$http_x_ats_user_id;
--- config
location /trusted {
    workspaces_access on;
}
location /no-user {
    workspaces_identity api_key;
    workspaces_access on;
}
location /open { }
location /good {
    workspaces_identity api_key user=$http_x_ats_user_id;
    workspaces_access on;
}
--- request
GET /trusted
--- error_code: 401
--- response_body: {"detail":"Invalid or missing API key"}
--- grep_error_log eval
qr/refuses every request of location "[^"]+"/
--- grep_error_log_out
refuses every request of location "/trusted"
refuses every request of location "/no-user"



=== TEST 3: there are two kinds of errors
--- config
workspaces_access_errors partners;
--- must_die
--- error_log: write "problem" or "partner"



=== TEST 4: one at a time
--- config
workspaces_access_errors partner;
workspaces_access_errors problem;
--- must_die
--- error_log: "workspaces_access_errors" directive is duplicate
