# The partner dialect: workspaces.

use lib '.';
use t::Partner;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

our $New = '{"client_id":"acme-corp","name":"Acme Corp",'
    . '"admin_name":"Admin User","admin_email":"admin@acme.com"}';
our $Accepted = '{"reference_id":"REF"}';

plan tests => repeat_each() * (blocks() * 4 + 108);

no_long_string();
run_tests();

__DATA__

=== TEST 1: create, get, rename, delete
--- request eval
["POST /v1/workspaces\n$::New", 'GET /v1/workspaces/acme-corp', "PATCH /v1/workspaces/acme-corp/\n" . '{"name":"Acme Holding"}',
 'GET /v1/workspaces/acme-corp/', 'DELETE /v1/workspaces/acme-corp', 'GET /v1/workspaces/acme-corp', 'HEAD /v1/workspaces/acme-corp', "POST /v1/workspaces\n$::New"]
--- more_headers
X-API-Key: KEY
--- error_code eval: [202, 200, 202, 200, 202, 404, 404, 202]
--- response_body eval
[$::Accepted, '{"client_id":"acme-corp","name":"Acme Corp","created_at":"TIME","updated_at":"TIME"}', $::Accepted,
 '{"client_id":"acme-corp","name":"Acme Holding","created_at":"TIME","updated_at":"TIME"}', $::Accepted, '{"detail":"workspace not found"}', '', $::Accepted]



=== TEST 2: a client_id is taken once, by each partner
--- init
main::provision("POST /workspaces $::New");
--- request eval
[("POST /v1/workspaces\n$::New") x 2, 'GET /v1/workspaces/acme-corp', 'DELETE /v1/workspaces/acme-corp', 'GET /v1/workspaces/acme-corp']
--- more_headers eval
["X-API-Key: KEY", ("X-API-Key: OTHERKEY") x 3, "X-API-Key: KEY"]
--- error_code eval: [409, 202, 200, 202, 200]
--- response_body_like eval
[qr/^\{"detail":"there is a workspace with this client_id already"\}$/, qr/REF/, qr/acme-corp/, qr/REF/, qr/acme-corp/]



=== TEST 3: who is asking
--- init
main::provision("POST /workspaces $::New");
--- request eval
[('GET /v1/workspaces/acme-corp') x 4, 'GET /v1/else', 'GET /v1/workspaces']
--- more_headers eval
["X-User: root", "X-API-Key: wsk_unknown", "X-API-Key: KEY\nX-API-Key: KEY", "X-API-Key: OTHERKEY", "X-User: root", "X-API-Key: KEY"]
--- error_code eval: [401, 401, 401, 404, 401, 405]
--- response_body eval
[('{"detail":"Invalid or missing API key"}') x 3, '{"detail":"workspace not found"}', '{"detail":"Invalid or missing API key"}', '{"detail":"method not allowed"}']



=== TEST 4: a disabled partner
--- init
main::operate("PATCH /partners/$ENV{TEST_NGINX_TENANT} {\"enabled\":false}");
--- request eval
"POST /v1/workspaces\n$::New"
--- more_headers
X-API-Key: KEY
--- error_code: 403
--- response_body: {"detail":"this API key is disabled"}



=== TEST 5: what is wrong is said with what came
--- request eval
["POST /v1/workspaces\n" . '{"client_id":"x"}', "POST /v1/workspaces\n" . '{"client_id":7}', "POST /v1/workspaces\n{", "POST /v1/workspaces\n[]",
 "POST /v1/workspaces\n" . '{"client_id":"a","name":"","admin_name":"A","admin_email":"a@b.c"}']
--- more_headers
X-API-Key: KEY
--- error_code eval: [422, 422, 400, 400, 422]
--- response_body_like eval
[qr/^\{"detail":\[\{"type":"missing","loc":\["body","name"\],"msg":"name is required","input":\{"client_id":"x"\}\}\]\}$/,
 qr/^\{"detail":\[\{"type":"string_type","loc":\["body","client_id"\],"msg":"client_id must be a string","input":7\}\]\}$/,
 qr/^\{"detail":"[^"]*line 1, column [^"]*"\}$/, qr/^\{"detail":"the body must be a JSON object"\}$/, qr/"type":"value_error".*"input":""/]



=== TEST 6: a body that is too large
--- request eval
"POST /v1/workspaces\n" . '{"client_id":"' . 'x' x 1048576 . '"}'
--- more_headers
X-API-Key: KEY
--- error_code: 413
--- response_body_like: ^\{"detail":"[^"]+"\}$



=== TEST 7: ids in paths, and the user of the admin
--- request eval
["POST /v1/workspaces\n" . '{"client_id":"a/b c","name":"N","admin_name":"A","admin_email":"a@b.c"}', 'GET /v1/workspaces/a%2Fb%20c', 'GET /v1/workspaces/a%2Fb%20c/members']
--- more_headers
X-API-Key: KEY
X-ATS-User-ID: boss
--- error_code eval: [202, 200, 200]
--- response_body_like eval
[qr/REF/, qr/"client_id":"a\/b c"/, qr/^\{"members":\[\{"user_id":"boss","name":"A","email":"a\@b.c","roles":\["admin"\]\}\]\}$/]



=== TEST 8: revisions and keys of idempotency
--- init
main::provision("POST /workspaces $::New");
--- request eval
['GET /v1/workspaces/acme-corp', "PATCH /v1/workspaces/acme-corp\n" . '{"name":"B"}', 'GET /v1/workspaces/acme-corp', "POST /v1/workspaces\n" . '{"client_id":"b","name":"N","admin_name":"A","admin_email":"a@b.c"}',
 "POST /v1/workspaces\n" . '{"client_id":"b","name":"N","admin_name":"A","admin_email":"a@b.c"}', "POST /v1/workspaces\n$::New"]
--- more_headers eval
["X-API-Key: KEY\nIf-None-Match: \"7\"", "X-API-Key: KEY\nIf-Match: \"7\"", "X-API-Key: KEY\nIf-Match: \"1\"", ("X-API-Key: KEY\nIdempotency-Key: k") x 3]
--- error_code eval: [200, 412, 200, 202, 202, 422]
--- response_body_like eval
[qr/acme/, qr/^\{"detail":"the workspace is not at the revision of If-Match any more"\}$/, qr/acme/, qr/REF/, qr/REF/,
 qr/^\{"detail":\[\{"type":"value_error","loc":\["header","Idempotency-Key"\],"msg":"this Idempotency-Key was used for another request","input":"k"\}\]\}$/]
