# The documents of the dialects, and the page that shows them

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

# The page's own files are not looked into: any text will do.
my $assets = File::Temp->newdir('wsp-docs-XXXXXX', TMPDIR => 1);
for my $name (qw(swagger-ui.css swagger-ui-bundle.js
                 swagger-ui-standalone-preset.js))
{
    open my $file, '>', "$assets/$name" or die "$name: $!";
    print {$file} "/* $name */\n";
    close $file or die "$name: $!";
}
mkdir "$assets/partly" or die "partly: $!";
link "$assets/swagger-ui.css", "$assets/partly/swagger-ui.css"
    or die "partly: $!";
open my $empty, '>', "$assets/partly/swagger-ui-bundle.js" or die $!;
close $empty;

$ENV{TEST_NGINX_DOCS_ASSETS} = "$assets";

our $Docs = <<'CONF';
    location /docs { workspaces_docs assets=$TEST_NGINX_DOCS_ASSETS; }
CONF

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 3 + 53);

no_long_string();
no_root_location();
run_tests();

__DATA__

=== TEST 1: the page
--- config eval
"$::Docs $::Mount"
--- request
GET /docs
--- response_headers
Content-Type: text/html; charset=utf-8
Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
X-Content-Type-Options: nosniff
Cache-Control: no-cache
--- response_body
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Workspaces</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/swagger-ui-standalone-preset.js"></script>
<script src="/docs/page.js"></script>
</body>
</html>



=== TEST 2: the page with a slash, and its script
--- config eval
"$::Docs $::Mount"
--- pipelined_requests eval
["GET /docs/", "GET /docs/page.js"]
--- response_headers eval
["Content-Type: text/html; charset=utf-8",
 "Content-Type: application/javascript; charset=utf-8"]
--- response_body_like eval
[qr{src="/docs/page\.js"},
 qr{urls: \[
 +\{ name: "platform", url: "/docs/platform\.json" \},
 +\],}]



=== TEST 3: a document, with its mount as its server
--- config eval
"$::Docs $::Mount"
--- request
GET /docs/platform.json
--- response_headers
Content-Type: application/json; charset=utf-8
--- response_body_like eval
qr{\A\{
  "servers": \[\{"url":"/api/workspaces"\}\],
  "openapi": "3\.1\.0",}



=== TEST 4: all mounts of this server, and of no other
--- http_config eval
"$::HttpConfig
    server {
        listen unix:\$TEST_NGINX_SERVROOT/other.sock;
        location /elsewhere { workspaces platform; }
        location /location { workspaces location; }
    }"
--- config eval
"$::Docs
    location /second { workspaces platform; }
    location /outer {
        location /outer/inner/ { workspaces organization; }
    }
    location '/a b' { workspaces platform; }
    $::Mount"
--- pipelined_requests eval
["GET /docs/platform.json", "GET /docs/organization.json",
 "GET /docs/location.json", "GET /docs/page.js"]
--- error_code eval
[200, 200, 404, 200]
--- response_body_like eval
[qr{"servers": \[\{"url":"/second"\},\{"url":"/a%20b"\},\{"url":"/api/workspaces"\}\],\n},
 qr{"servers": \[\{"url":"/outer/inner"\}\],\n},
 qr{404 Not Found},
 qr{urls: \[
 +\{ name: "platform", url: "/docs/platform\.json" \},
 +\{ name: "organization", url: "/docs/organization\.json" \},
 +\],}]



=== TEST 5: the files of Swagger UI
--- config eval
"$::Docs $::Mount"
--- pipelined_requests eval
["GET /docs/swagger-ui.css", "GET /docs/swagger-ui-bundle.js",
 "GET /docs/swagger-ui-standalone-preset.js"]
--- response_headers eval
["Content-Type: text/css; charset=utf-8",
 "Content-Type: application/javascript; charset=utf-8",
 "Content-Type: application/javascript; charset=utf-8"]
--- response_headers_like
Last-Modified: .+GMT
--- response_body eval
["/* swagger-ui.css */\n", "/* swagger-ui-bundle.js */\n",
 "/* swagger-ui-standalone-preset.js */\n"]



=== TEST 6: a file that the browser has is not sent again
--- config eval
"$::Docs $::Mount if_modified_since before;"
--- request
GET /docs/swagger-ui.css
--- more_headers
If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT
--- error_code: 304
--- response_body



=== TEST 7: nothing else is there
--- config eval
"$::Docs $::Mount"
--- pipelined_requests eval
["GET /docs/index.html", "GET /docsplatform.json", "GET /docs/page.js/",
 "GET /docs//", "GET /docs/partly/swagger-ui.css", "GET /docs/martian.json"]
--- error_code eval
[404, 404, 404, 200, 404, 404]



=== TEST 8: it is read only
--- config eval
"$::Docs $::Mount"
--- pipelined_requests eval
["POST /docs\nbody", "DELETE /docs/platform.json"]
--- error_code eval
[405, 405]
--- response_headers eval
["Allow: GET, HEAD", "Allow: GET, HEAD"]



=== TEST 9: HEAD is answered as GET, without the body
--- config eval
"$::Docs $::Mount"
--- request
HEAD /docs/swagger-ui.css
--- response_headers
Content-Length: 21
--- response_body



=== TEST 10: below another prefix, with what must be escaped in it
--- config eval
"$::Mount
    location '/about \"us\"/<api>' {
        workspaces_docs assets=\$TEST_NGINX_DOCS_ASSETS;
    }"
--- pipelined_requests eval
["GET /about%20%22us%22/%3Capi%3E",
 "GET /about%20%22us%22/%3Capi%3E/page.js",
 "GET /about%20%22us%22/%3Capi%3E/platform.json"]
--- response_body_like eval
[qr{src="/about%20%22us%22/%3Capi%3E/page\.js"},
 qr{url: "/about%20%22us%22/%3Capi%3E/platform\.json" },
 qr{"url":"/api/workspaces"}]



=== TEST 11: at the root
--- config eval
"$::Mount
    location / { workspaces_docs assets=\$TEST_NGINX_DOCS_ASSETS; }"
--- pipelined_requests eval
["GET /", "GET /page.js"]
--- response_body_like eval
[qr{src="/page\.js"}, qr{url: "/platform\.json"}]



=== TEST 12: a location with a slash is found without it
--- config eval
"$::Mount
    location /docs/ { workspaces_docs assets=\$TEST_NGINX_DOCS_ASSETS; }"
--- pipelined_requests eval
["GET /docs", "GET /docs/"]
--- error_code eval
[301, 200]
--- response_headers_like eval
["Location: http://[^/]+/docs/", ""]



=== TEST 13: conditions and limits of the location
--- config eval
"$::Mount
    location /docs {
        workspaces_docs assets=\$TEST_NGINX_DOCS_ASSETS;
        if (\$arg_x) { set \$y 1; }
        limit_except GET { allow all; }
    }"
--- pipelined_requests eval
["GET /docs?x=1", "POST /docs\nbody"]
--- error_code eval
[200, 405]



=== TEST 14: nobody is asked who he is, where nobody has to say it
--- config eval
"$::Mount
    location /docs {
        workspaces_docs assets=\$TEST_NGINX_DOCS_ASSETS;
        workspaces_access on;
        $::Identity
    }
    location /open {
        workspaces_docs assets=\$TEST_NGINX_DOCS_ASSETS;
    }"
--- pipelined_requests eval
["GET /docs", "GET /open/page.js"]
--- error_code eval
[401, 200]



=== TEST 15: a rewrite that leads elsewhere
--- config eval
"$::Mount
    location /docs {
        rewrite ^ /x break;
        workspaces_docs assets=\$TEST_NGINX_DOCS_ASSETS;
    }"
--- request
GET /docs
--- error_code: 404



=== TEST 16: Swagger UI is not there
--- config eval
"$::Mount
    location /docs { workspaces_docs; }"
--- must_die
--- error_log eval
qr{\[emerg\] .*"workspaces_docs": open\(\) ".*/swagger-ui/swagger-ui\.css" failed: do "t/tools/fetch\.sh swagger-ui .*/swagger-ui", or put the files of npm's "swagger-ui-dist" into a directory and write "workspaces_docs assets=<directory>;"}



=== TEST 17: Swagger UI is not whole
--- config eval
"$::Mount
    location /docs { workspaces_docs assets=\$TEST_NGINX_DOCS_ASSETS/partly; }"
--- must_die
--- error_log eval
qr{\[emerg\] .*"workspaces_docs": ".*/partly/swagger-ui-bundle\.js" is no file of Swagger UI}



=== TEST 18: a server without a mount has nothing to show
--- config eval
$::Docs
--- must_die
--- error_log eval
qr{\[emerg\] .*"workspaces_docs" has nothing to show: write "workspaces <dialect>;" in a location of the same server; used in .*nginx\.conf:\d+}



=== TEST 19: once in a location
--- config eval
"$::Mount
    location /docs {
        workspaces_docs assets=\$TEST_NGINX_DOCS_ASSETS;
        workspaces_docs assets=\$TEST_NGINX_DOCS_ASSETS;
    }"
--- must_die
--- error_log
"workspaces_docs" directive is duplicate



=== TEST 20: not beside a mount
--- config
    location /api {
        workspaces platform;
        workspaces_docs assets=$TEST_NGINX_DOCS_ASSETS;
    }
--- must_die
--- error_log
"workspaces_docs" cannot be used beside "workspaces": write it in a location of its own



=== TEST 21: no mount beside it
--- config
    location /api {
        workspaces_docs assets=$TEST_NGINX_DOCS_ASSETS;
        workspaces platform;
    }
--- must_die
--- error_log
"workspaces" cannot be used beside "workspaces_docs": write it in a location of its own



=== TEST 22: not in an exact location
--- config eval
"$::Mount
    location = /docs { workspaces_docs assets=\$TEST_NGINX_DOCS_ASSETS; }"
--- must_die
--- error_log
"workspaces_docs" cannot be used in an exact location: write it in a prefix location, like "location /docs { workspaces_docs; }"



=== TEST 23: not in a location given by a regular expression
--- config eval
"$::Mount
    location ~ ^/docs { workspaces_docs assets=\$TEST_NGINX_DOCS_ASSETS; }"
--- must_die
--- error_log
"workspaces_docs" cannot be used in a location given by a regular expression



=== TEST 24: not in an if
--- config eval
"$::Mount
    location /docs {
        if (\$arg_x) { workspaces_docs assets=\$TEST_NGINX_DOCS_ASSETS; }
    }"
--- must_die
--- error_log
"workspaces_docs" cannot be used in "if"



=== TEST 25: another parameter
--- config eval
"$::Mount
    location /docs { workspaces_docs directory=\$TEST_NGINX_DOCS_ASSETS; }"
--- must_die
--- error_log
invalid parameter "directory=



=== TEST 26: assets without a directory
--- config eval
"$::Mount
    location /docs { workspaces_docs assets=; }"
--- must_die
--- error_log
invalid parameter "assets=" in "workspaces_docs": write "assets=<directory of Swagger UI>"
