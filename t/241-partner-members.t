# The partner dialect: members of a workspace.

use lib '.';
use t::Partner;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

our $New = 'POST /workspaces {"client_id":"acme-corp","name":"Acme Corp",'
    . '"admin_name":"Admin User","admin_email":"Admin@acme.com"}';
our $Jane = '{"user_id":"recruiter-001","name":"Jane Smith","email":"jane@acme.com"}';
our $Accepted = '{"reference_id":"REF"}';

plan tests => repeat_each() * (blocks() * 4 + 48);

no_long_string();
run_tests();

__DATA__

=== TEST 1: add, list, remove
--- init
main::provision($::New);
--- request eval
["POST /v1/workspaces/acme-corp/members\n$::Jane", 'GET /v1/workspaces/acme-corp/members', "POST /v1/workspaces/acme-corp/members\n$::Jane", 'DELETE /v1/workspaces/acme-corp/members/recruiter-001',
 'DELETE /v1/workspaces/acme-corp/members/recruiter-001', 'DELETE /v1/workspaces/acme-corp/members/admin%40acme.com']
--- more_headers
X-API-Key: KEY
--- error_code eval: [202, 200, 409, 202, 404, 409]
--- response_body eval
[$::Accepted, '{"members":[{"user_id":"admin@acme.com","name":"Admin User","email":"Admin@acme.com","roles":["admin"]},{"user_id":"recruiter-001","name":"Jane Smith","email":"jane@acme.com","roles":["member"]}]}',
 '{"detail":"already a member"}', $::Accepted, '{"detail":"not a member"}', '{"detail":"the owner must stay an admin of the workspace"}']



=== TEST 2: of a workspace that is not there, and of another partner's
--- init
main::provision($::New);
--- request eval
["POST /v1/workspaces/none/members\n$::Jane", 'GET /v1/workspaces/none/members', "POST /v1/workspaces/acme-corp/members\n$::Jane", 'GET /v1/workspaces/acme-corp/members', 'DELETE /v1/workspaces/acme-corp/members/admin%40acme.com']
--- more_headers eval
[("X-API-Key: KEY") x 2, ("X-API-Key: OTHERKEY") x 3]
--- error_code eval: [(404) x 5]
--- response_body eval
[('{"detail":"workspace not found"}') x 5]



=== TEST 3: what is wrong
--- init
main::provision($::New);
--- request eval
["POST /v1/workspaces/acme-corp/members\n{}", "POST /v1/workspaces/acme-corp/members\n" . '{"user_id":"u","name":1}', "POST /v1/workspaces/acme-corp/members\n" . '{"user_id":"u","name":"N","email":"n"}', "PUT /v1/workspaces/acme-corp/members\n{}"]
--- more_headers
X-API-Key: KEY
--- error_code eval: [422, 422, 422, 405]
--- response_body_like eval
[qr/"missing","loc":\["body","user_id"\]/, qr/"string_type","loc":\["body","name"\],.*"input":1/, qr/"value_error","loc":\["body","email"\],"msg":"email must be an e-mail address","input":"n"/, qr/"method not allowed"/]



=== TEST 4: what is done here is seen in the other dialects
--- init
main::provision($::New, "POST /workspaces/acme-corp/members $::Jane");
--- request
GET /api/workspaces/1
--- more_headers
X-User: recruiter-001
--- response_body_like: "name":"Acme Corp"
