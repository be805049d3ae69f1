# The partner dialect: signed webhooks of partners.

use lib '.';
use t::Partner;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

our $Accepted = '{"reference_id":"REF"}';
our $Hook = "POST /v1/webhooks/ATS\n";

sub event {
    my ($name, $id, $more) = @_;
    return qq({"event":"$name","event_id":"$id","client_id":"acme-corp"$more});
}

our $Created = event('workspace.created', 'evt-ws-001',
    ',"user_id":"admin-user","name":"Acme Corp","admin_name":"Admin User",'
    . '"admin_email":"admin@acme.com"');
our $Member = event('member.created', 'evt-m-001',
    ',"user_id":"u-1","name":"U","email":"u@acme.com"');

plan tests => repeat_each() * (blocks() * 4 + 100);

no_long_string();
run_tests();

__DATA__

=== TEST 1: each event
--- request eval
[$::Hook . $::Created, $::Hook . main::event('workspace.updated', 2, ',"name":"Other"'), $::Hook . $::Member, 'GET /v1/workspaces/acme-corp/members',
 $::Hook . main::event('member.deleted', 4, ',"user_id":"u-1"'), 'GET /v1/workspaces/acme-corp', $::Hook . main::event('workspace.deleted', 5, ''), 'GET /v1/workspaces/acme-corp']
--- more_headers eval
[("X-Webhook-Signature: SIGNED") x 3, "X-API-Key: KEY", "X-Webhook-Signature: SIGNED", "X-API-Key: KEY", "X-Webhook-Signature: SIGNED", "X-API-Key: KEY"]
--- error_code eval: [202, 202, 202, 200, 202, 200, 202, 404]
--- response_body_like eval
[(qr/^\{"reference_id":"REF"\}$/) x 3, qr/"admin-user".*"u-1","name":"U","email":"u\@acme.com"/, qr/REF/, qr/"name":"Other"/, qr/REF/, qr/not found/]



=== TEST 2: what is not signed by the partner
--- request eval
[($::Hook . $::Created) x 5, "POST /v1/webhooks/nobody\n$::Created", "POST /v1/webhooks/OTHER\n$::Created"]
--- more_headers eval
["X-API-Key: KEY", "X-Webhook-Signature: t=1,v1=00", "X-Webhook-Signature: SIGNED\nX-Webhook-Signature: SIGNED", "X-Webhook-Signature: SIGNED,t=1", "X-Webhook-Signature: OTHERSIGNED",
 "X-Webhook-Signature: SIGNED", "X-Webhook-Signature: SIGNED"]
--- error_code eval: [(401) x 7]
--- response_body eval
[('{"detail":"Invalid signature"}') x 7]



=== TEST 3: order, and what comes again
--- request eval
[$::Hook . $::Member, $::Hook . $::Created, $::Hook . $::Created, $::Hook . $::Created . ' ', $::Hook . $::Member, $::Hook . $::Member,
 $::Hook . main::event('workspace.created', 'evt-9', ',"name":"N","admin_name":"A","admin_email":"a@b.c"'), $::Hook . main::event('workspace.updated', 'evt-ws-001', ',"name":"Other"')]
--- more_headers
X-Webhook-Signature: SIGNED
--- error_code eval: [404, (202) x 5, 409, 409]
--- response_body eval
['{"detail":"there is no workspace with this client_id: workspace.created comes first"}', ($::Accepted) x 5, '{"detail":"there is a workspace with this client_id already"}', '{"detail":"this event_id was used for another event"}']



=== TEST 4: what is signed and wrong
--- request eval
[$::Hook . '{', $::Hook . main::event('workspace.exploded', 1, ''), $::Hook . '{"event":"workspace.deleted"}', $::Hook . main::event('workspace.created', 1, ''), "GET /v1/webhooks/ATS"]
--- more_headers
X-Webhook-Signature: SIGNED
X-API-Key: KEY
--- error_code eval: [400, 422, 422, 422, 405]
--- response_body_like eval
[qr/line 1/, qr/"loc":\["body","event"\].*"input":"workspace.exploded"/, qr/"missing","loc":\["body","event_id"\]/, qr/"missing","loc":\["body","name"\]/, qr/method not allowed/]



=== TEST 5: of a partner that is disabled
--- init
main::operate("PATCH /partners/$ENV{TEST_NGINX_TENANT} {\"enabled\":false}");
--- request eval
[($::Hook . $::Created) x 2]
--- more_headers eval
["X-Webhook-Signature: SIGNED", "X-Webhook-Signature: OTHERSIGNED"]
--- error_code eval: [403, 401]
--- response_body eval
['{"detail":"this partner is disabled"}', '{"detail":"Invalid signature"}']



=== TEST 6: both secrets are good while one is replaced
--- init
main::operate("POST /partners/$ENV{TEST_NGINX_TENANT}/secrets/incoming");
--- request eval
[$::Hook . $::Created]
--- more_headers eval
["X-Webhook-Signature: SIGNED"]
--- error_code eval: [202]
--- response_body eval: [$::Accepted]
