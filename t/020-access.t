# workspaces_access

use lib '.';
use t::Edge;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare_edge);

plan tests => repeat_each() * (blocks() * 7 + 28);

no_long_string();
no_root_location();
run_tests();

__DATA__

=== TEST 1: a member gets through
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["viewer"]}');
--- config
location / {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request eval
["GET /a?b", "GET /a?b"]
--- more_headers eval
["X-User: alice\nX-Workspace-ID: 1", "X-User: bob\nX-Workspace-ID: 1"]
--- error_code eval: [200, 200]
--- response_body_like eval
[(qr{^/a\?b id=1 }) x 2]



=== TEST 2: nobody gets 401 and is told how to say who he is
--- config
location / {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-Workspace-ID: 1
--- error_code: 401
--- response_headers
Content-Type: application/problem+json
WWW-Authenticate: Bearer
Cache-Control: private, no-cache
--- raw_response_headers_like: X-Request-ID: [0-9a-f]{32}\r\n
--- response_body: {"type":"about:blank","title":"Unauthorized","status":401,"detail":"authentication required"}



=== TEST 3: without an identity source nobody is known
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_identity off;
    workspaces_access on;
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- error_code: 401



=== TEST 4: a stranger sees the same as where there is nothing
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request eval
["GET /", "GET /"]
--- more_headers eval
["X-User: bob\nX-Workspace-ID: 1", "X-User: bob\nX-Workspace-ID: 2"]
--- error_code eval: [404, 404]
--- response_body eval
[('{"type":"about:blank","title":"Not Found","status":404,"detail":"workspace not found"}') x 2]



=== TEST 5: another tenant's workspace is not there
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-Tenant: other
X-User: alice
X-Workspace-ID: 1
--- error_code: 404



=== TEST 6: a member without the permission gets 403
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["viewer"]}');
--- config
location /read {
    workspaces_access docs:read;
    proxy_pass http://backend;
}
location /write {
    workspaces_access docs:write;
    proxy_pass http://backend;
}
--- request eval
["GET /read", "GET /write", "GET /write"]
--- more_headers eval
[("X-User: bob\nX-Workspace-ID: 1") x 2, "X-User: alice\nX-Workspace-ID: 1"]
--- error_code eval: [200, 403, 200]
--- response_body_like eval
[qr/id=1/, qr/^{"type":"about:blank","title":"Forbidden","status":403,/, qr/id=1/]



=== TEST 7: what is needed may come from a variable
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["viewer"]}');
--- http_config
map $request_method $needed {
    GET     docs:read;
    POST    docs:write;
    PUT     on;
    PATCH   "";
    OPTIONS off;
}
--- config
location / {
    workspaces_access $needed;
    proxy_pass http://backend;
}
--- request eval
["GET /", "POST /", "PUT /", "PATCH /", "OPTIONS /", "OPTIONS /", "PATCH /"]
--- more_headers eval
[("X-User: bob\nX-Workspace-ID: 1") x 5, "", ""]
--- error_code eval: [200, 403, 200, 200, 200, 200, 401]



=== TEST 8: what is nothing that could be needed is refused, and logged
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access $arg_needed;
    proxy_pass http://backend;
}
--- request eval
[map "GET /?needed=$_", 'docs', 'docs:', ':read', 'a:b:c', 'ON', 'no',
    'a:b%20c', 'a*:b', '*b:c', '**:c', 'docs:read,docs:write', 'x"y']
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- error_code eval: [(500) x 12]
--- error_log
workspaces: "workspaces_access" has become "



=== TEST 9: wildcards can be needed
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["viewer"]}');
--- config
location / {
    workspaces_access $arg_needed;
    proxy_pass http://backend;
}
--- request eval
["GET /?needed=*:read", "GET /?needed=docs:*", "GET /?needed=*:*", "GET /?needed=*:*"]
--- more_headers eval
[("X-User: bob\nX-Workspace-ID: 1") x 3, "X-User: alice\nX-Workspace-ID: 1"]
--- error_code eval: [200, 403, 403, 200]



=== TEST 10: the id goes before the external id, and that before the current workspace
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}',
    'alice POST / {"name":"C"}', 'alice POST /3/activate');
main::external_id_of(2, 'ats-7');
--- config
location / {
    workspaces_access on;
    workspaces_forward on;
    proxy_pass http://backend;
}
--- request eval
[("GET /") x 3]
--- more_headers eval
["X-User: alice\nX-ATS-Client-ID: ats-7\nX-Workspace-ID: 1",
 "X-User: alice\nX-ATS-Client-ID: ats-7",
 "X-User: alice"]
--- error_code eval: [(200) x 3]
--- response_body_like eval
[qr/id=1 external= name=A/, qr/id=2 external=ats-7 name=B/, qr/id=3 external= name=C/]



=== TEST 11: a header that is wrong is never replaced by the next source
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/activate',
    'bob POST / {"name":"B"}');
--- config
location / {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request eval
[("GET /") x 11]
--- more_headers eval
[map "X-User: alice\n$_", "X-Workspace-ID: 2", "X-Workspace-ID: 1\nX-Workspace-ID: 1",
 "X-Workspace-ID: 1, 2", "X-Workspace-ID: 0", "X-Workspace-ID: -1", "X-Workspace-ID:",
 "X-Workspace-ID: 18446744073709551617", "X-Workspace-ID: 01",
 "X-ATS-Client-ID: nobody", "X-ATS-Client-ID: a\nX-ATS-Client-ID: b", "X-ATS-Client-ID:"]
--- error_code eval: [404, 400, 400, 400, 400, 400, 400, 400, 404, 400, 400]



=== TEST 12: the headers may have other names
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}');
main::external_id_of(2, 'ats-7');
--- config
location / {
    workspaces_header id=X-Branch external=X-Partner-Ref;
    workspaces_access on;
    workspaces_forward on;
    proxy_pass http://backend;
}
--- request eval
[("GET /") x 3]
--- more_headers eval
["X-User: alice\nX-Branch: 1", "X-User: alice\nX-Partner-Ref: ats-7",
 "X-User: alice\nX-Workspace-ID: 1"]
--- error_code eval: [200, 200, 404]
--- response_body_like eval
[qr/id=1 /, qr/id=2 /, qr/workspace not found/]



=== TEST 13: a server protects all but what it opens
--- config
workspaces_access on;
location /a {
    proxy_pass http://backend;
}
location /b {
    workspaces_access docs:read;
    location /b/c {
        proxy_pass http://backend;
    }
}
location /open {
    workspaces_access off;
    proxy_pass http://backend;
}
--- request eval
["GET /a", "GET /b/c", "GET /open", "GET /api/workspaces"]
--- error_code eval: [401, 401, 200, 401]
--- response_body_like eval
[qr/"status":401/, qr/"status":401/, qr/open/, qr/"status":401/]



=== TEST 14: it can stand beside a mount
--- init
main::given('alice POST / {"name":"A"}');
--- config
location /other/workspaces {
    workspaces platform;
    workspaces_access on;
    workspaces_forward on;
}
--- request eval
[("GET /other/workspaces/1") x 2]
--- more_headers eval
["X-User: alice\nX-Workspace-ID: 1", "X-User: bob\nX-Workspace-ID: 1"]
--- error_code eval: [200, 404]
--- response_body_like eval
[qr/"_id":"1"/, qr/"title":"Not Found"/]



=== TEST 15: satisfy all: who is denied is not even looked up
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    deny all;
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- error_code: 403
--- response_body_like: <center>nginx
--- error_log
access forbidden by rule
--- no_error_log
workspaces: access



=== TEST 16: satisfy any: a member gets through where all addresses are denied
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["viewer"]}');
--- config
location / {
    satisfy any;
    workspaces_access docs:write;
    deny all;
    proxy_pass http://backend;
}
--- request eval
[("GET /") x 4]
--- more_headers eval
["X-User: alice\nX-Workspace-ID: 1", "X-User: bob\nX-Workspace-ID: 1",
 "X-User: carol\nX-Workspace-ID: 1", "X-Workspace-ID: 1"]
--- error_code eval: [200, 403, 404, 401]
--- response_body_like eval
[qr/id=1/, qr/"status":403/, qr/"status":404/, qr/"status":401/]
--- no_error_log
[alert]



=== TEST 17: satisfy any: an address that is allowed needs no workspace, and gets none
--- config
location / {
    satisfy any;
    workspaces_access on;
    workspaces_forward on;
    allow 127.0.0.1;
    deny all;
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-Workspace-ID: 1
X-Workspace-User: alice
--- response_body
/ id= external= name= tenant= user= roles= permissions=



=== TEST 18: satisfy any: who has been asked for a password may still give it
--- init
main::given('alice POST / {"name":"A"}');
--- user_files
>>> passwords
root:{PLAIN}secret
--- config
location / {
    satisfy any;
    workspaces_access on;
    auth_basic "here";
    auth_basic_user_file $TEST_NGINX_SERVER_ROOT/html/passwords;
    proxy_pass http://backend;
}
--- request eval
[("GET /") x 4]
--- more_headers eval
["X-User: bob\nX-Workspace-ID: 1", "X-User: bob\nX-Workspace-ID: 1\nAuthorization: Basic cm9vdDpzZWNyZXQ=",
 "X-User: alice\nX-Workspace-ID: 1", "X-Workspace-ID: 1"]
--- error_code eval: [401, 200, 200, 401]
--- raw_response_headers_like eval
[qr/WWW-Authenticate: Basic realm="here"/, qr/200 OK/, qr/200 OK(?!.*WWW-Authenticate)/s,
 qr/WWW-Authenticate: Basic/]
--- no_error_log
[alert]



=== TEST 19: the identity may come from auth_request
--- init
main::given('alice POST / {"name":"A"}');
--- config
location = /check {
    internal;
    proxy_pass http://backend/whoami;
}
location / {
    auth_request /check;
    auth_request_set $who $upstream_http_x_who;
    workspaces_identity trusted tenant=$TEST_NGINX_TENANT user=$who;
    workspaces_access on;
    proxy_pass http://backend;
}
--- request eval
[("GET /") x 3]
--- more_headers eval
["X-Token: alice\nX-Workspace-ID: 1", "X-Token: bob\nX-Workspace-ID: 1", "X-Workspace-ID: 1"]
--- error_code eval: [200, 404, 401]
--- response_body_like eval
[qr/id=1/, qr/"status":404/, qr/<center>nginx/]



=== TEST 20: a page of the gateway goes before ours
--- user_files
>>> sorry.html
sorry
--- config
location / {
    workspaces_access on;
    error_page 401 /sorry.html;
    error_page 404 @gone;
    proxy_pass http://backend;
}
location = /sorry.html {
}
location @gone {
    return 410 "gone\n";
}
--- request eval
[("GET /") x 2]
--- more_headers eval
["X-Workspace-ID: 1", "X-User: bob\nX-Workspace-ID: 1"]
--- error_code eval: [401, 404]
--- response_body eval
["sorry\n", "gone\n"]
--- raw_response_headers_unlike eval
[qr/problem/, qr/problem/]



=== TEST 21: the location of a page is protected too, unless it says otherwise
--- user_files
>>> sorry.html
sorry
--- config
workspaces_access on;
location / {
    error_page 401 /sorry.html;
    proxy_pass http://backend;
}
--- request
GET /
--- error_code: 401
--- response_headers
Content-Type: application/problem+json
--- response_body_like: "status":401



=== TEST 22: a redirect inside of nginx is decided again
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["viewer"]}');
--- config
location /elsewhere {
    workspaces_access docs:read;
    proxy_pass http://backend;
}
location /write {
    workspaces_access docs:write;
    proxy_pass http://backend;
}
location /read {
    workspaces_access docs:read;
    proxy_pass http://backend;
}
location /files {
    workspaces_access docs:read;
    try_files /nothing @write;
}
location @write {
    workspaces_access docs:write;
    proxy_pass http://backend;
}
--- request eval
["GET /elsewhere", "GET /elsewhere", "GET /elsewhere", "GET /files", "GET /files"]
--- more_headers eval
["X-User: bob\nX-Workspace-ID: 1\nX-Elsewhere: /write",
 "X-User: bob\nX-Workspace-ID: 1\nX-Elsewhere: /read",
 "X-User: alice\nX-Workspace-ID: 1\nX-Elsewhere: /write",
 "X-User: bob\nX-Workspace-ID: 1",
 "X-User: alice\nX-Workspace-ID: 1"]
--- error_code eval: [403, 200, 200, 403, 200]



=== TEST 23: the decision of another location is about what the client sent
--- init
main::given('alice POST / {"name":"A"}', 'alice POST /1/activate', 'bob POST / {"name":"B"}');
--- config
location /files {
    workspaces_forward on;
    try_files /nothing @checked;
}
location @checked {
    workspaces_access on;
    workspaces_forward on;
    proxy_pass http://backend;
}
--- request eval
[("GET /files") x 3]
--- more_headers eval
["X-User: alice\nX-Workspace-ID: 2", "X-User: alice\nX-Workspace-ID: 1",
 "X-User: alice\nX-Workspace-ID: 1\nX-Workspace-ID: 1"]
--- error_code eval: [404, 200, 400]
--- response_body_like eval
[qr/"status":404/, qr/ id=1 /, qr/"status":400/]



=== TEST 24: nginx checks no subrequest
--- user_files
>>> page.html
<!--#include virtual="/part" -->
--- config
location = /page.html {
    ssi on;
    ssi_types text/plain;
}
location /part {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request eval
["GET /page.html", "GET /part"]
--- error_code eval: [200, 401]
--- response_body_like eval
[qr{^/part id=}, qr/"status":401/]



=== TEST 25: nothing of a refused request's body is left on the connection
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    proxy_pass http://backend;
}
--- pipelined_requests eval
["POST /a\nGET /x HTTP/1.1\nHost: a\n\n", "GET /b", "POST /c\nbody", "HEAD /d", "GET /e"]
--- more_headers eval
["X-User: bob\nX-Workspace-ID: 1", "X-User: alice\nX-Workspace-ID: 1",
 "X-Workspace-ID: 1", "X-User: bob\nX-Workspace-ID: 1", "X-User: alice\nX-Workspace-ID: 1"]
--- error_code eval: [404, 200, 401, 404, 200]
--- response_body_like eval
[qr/"status":404/, qr/^\/b id=1/, qr/"status":401/, qr/^$/, qr/^\/e id=1/]



=== TEST 26: HEAD is answered without the body, with its length
--- config
location / {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request
HEAD /
--- more_headers
X-Workspace-ID: 1
--- error_code: 401
--- response_headers
Content-Length: 93
--- response_body:



=== TEST 27: a body goes to the backend untouched
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    proxy_pass http://echo;
}
--- tcp_reply eval
\&main::echo
--- request
POST /
one two three
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- response_body_like: \r\n\r\none two three$



=== TEST 28: log only: all get through, and it is said who would not
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    workspaces_access_log_only on;
    proxy_pass http://backend;
}
--- request eval
["GET /", "GET /", "GET /"]
--- more_headers eval
["X-User: bob\nX-Workspace-ID: 1", "X-Workspace-ID: 1\nX-Workspace-ID: 2\nAuthorization: Bearer abc",
 "X-User: alice\nX-Workspace-ID: 1"]
--- error_code eval: [200, 200, 200]
--- log_level: info
--- no_error_log eval
["abc", qr/\[(?:alert|emerg|crit|error)\]/]



=== TEST 29: log only: the line says who would not get in, and why
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    workspaces_access_log_only on;
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-User: bob
X-Workspace-ID: 1
--- error_log eval
qr/\[warn\] .*: access refused, not enforced: reason "not_member", tenant "t-[-0-9]+", user "bob", workspace "1", client: /
--- no_error_log
[error]



=== TEST 30: log only: what cannot be decided gets through as well
--- config
location / {
    workspaces_access $arg_needed;
    workspaces_access_log_only on;
    proxy_pass http://backend;
}
--- request
GET /?needed=nonsense
--- error_log
workspaces: access could not be decided, not enforced



=== TEST 31: log only: satisfy any is satisfied by others
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    satisfy any;
    workspaces_access on;
    workspaces_access_log_only on;
    deny all;
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers
X-User: alice
X-Workspace-ID: 1
--- error_code: 403
--- no_error_log
[alert]



=== TEST 32: what a client made up is escaped in the log
--- init
main::given('alice POST / {"name":"A"}');
--- config
location / {
    workspaces_access on;
    workspaces_access_log_only on;
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers eval
"X-User: bob\nX-ATS-Client-ID: x\", user \"root\x7f\xc3\xa4\x1b"
--- log_level: info
--- error_log
external "x\x22, user \x22root\x7F\xC3\xA4\x1B"
--- no_error_log
[alert]



=== TEST 33: a constant that nobody can mean is refused at start
--- config
location / {
    workspaces_access docs;
}
--- must_die
--- error_log
invalid "docs" in "workspaces_access": write "on", "off", a permission like "docs:read" or a variable that holds one of these



=== TEST 34: so is an empty one
--- config
location / {
    workspaces_access "";
}
--- must_die
--- error_log
invalid "" in "workspaces_access"



=== TEST 35: so are three halves
--- config
location / {
    workspaces_access docs:read:all;
}
--- must_die
--- error_log
invalid "docs:read:all" in "workspaces_access"



=== TEST 36: it is written once
--- config
location / {
    workspaces_access on;
    workspaces_access off;
}
--- must_die
--- error_log
"workspaces_access" directive is duplicate



=== TEST 37: a return that stands before it is warned about
--- config
location /never {
    workspaces_access on;
    return 200 "unprotected\n";
}
--- request
GET /never
--- response_body
unprotected
--- error_log eval
qr/\[warn\] .*"workspaces_access" in .*nginx.conf:\d+ never runs, for a "return" answers before it/



=== TEST 38: a return under a condition is not, nor where access is inherited
--- config
workspaces_access on;
location /sometimes {
    workspaces_access on;
    if ($arg_no) {
        return 403;
    }
    proxy_pass http://backend;
}
location /health {
    return 200 "well\n";
}
--- request
GET /health
--- response_body
well
--- no_error_log
never runs
[alert]



=== TEST 39: a return of the server is warned about in its locations
--- config
return 200 "unprotected\n";
location /never {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request
GET /never
--- response_body
unprotected
--- error_log eval
qr/\[warn\] .*"workspaces_access" in .*nginx.conf:\d+ never runs, for a "return" answers before it/



=== TEST 40: an http block protects all servers
--- http_config
workspaces_access docs:write;
--- config
location /open/workspaces {
    workspaces platform;
    workspaces_access off;
}
location / {
    proxy_pass http://backend;
}
location = /exact {
    workspaces_access on;
    proxy_pass http://backend;
}
--- request eval
[qq(POST /open/workspaces\n{"name":"A"}), qq(POST /open/workspaces/1/members\n{"userId":"bob","roles":["viewer"]}),
 ("GET /") x 3, "GET //a/../exact"]
--- more_headers eval
["X-User: alice", "X-User: alice",
 "X-User: alice\nX-Workspace-ID: 1", "X-User: bob\nX-Workspace-ID: 1", "X-Workspace-ID: 1", "X-User: bob\nX-Workspace-ID: 1"]
--- error_code eval: [200, 200, 200, 403, 401, 200]



=== TEST 41: the blocks within a location are protected like it
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["viewer"]}');
--- config
location / {
    workspaces_access docs:write;
    if ($arg_if) {
        proxy_pass http://backend;
    }
    limit_except GET {
        allow all;
    }
    location /inner {
        proxy_pass http://backend;
    }
    location ~ ^/rewritten/(.*) {
        rewrite ^ /elsewhere/$1 break;
        proxy_pass http://backend;
    }
    proxy_pass http://backend;
}
--- request eval
[(map { ("GET $_") x 2 } "/", "/?if=1", "/inner", "/rewritten/a"), ("POST /\nbody") x 2]
--- more_headers eval
[("X-User: alice\nX-Workspace-ID: 1", "X-User: bob\nX-Workspace-ID: 1") x 5]
--- error_code eval: [(200, 403) x 5]



=== TEST 42: a header has a name
--- config
location / {
    workspaces_header id=X_Workspace;
}
--- must_die
--- error_log
invalid "X_Workspace" in "workspaces_header": write the name of a header, of letters, digits and dashes



=== TEST 43: there are two headers
--- config
location / {
    workspaces_header user=X-User;
}
--- must_die
--- error_log
unknown parameter "user=X-User" in "workspaces_header"
