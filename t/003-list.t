# GET /api/workspaces

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 12);

no_long_string();
run_tests();

__DATA__

=== TEST 1: who has no workspace gets an empty array
--- request
GET /api/workspaces
--- more_headers
X-User: alice
--- response_headers
Content-Type: application/json; charset=utf-8
Cache-Control: private, no-cache
! ETag
! Link
--- response_body: []



=== TEST 2: lists what one is a member of, and where one is an admin
--- init
main::given('alice POST / {"name":"A","labels":["team","project"],"logo":"https://example.com/logo.png"}',
    'bob POST / {"name":"B"}', 'carol POST / {"name":"C"}',
    'bob POST /2/members {"userId":"alice","roles":["member"]}');
--- request
GET /api/workspaces
--- more_headers
X-User: alice
--- response_body: [{"_id":"1","name":"A","logo":"https://example.com/logo.png","labels":["team","project"],"isPrivilegedUser":true},{"_id":"2","name":"B","logo":null,"labels":[],"isPrivilegedUser":false}]



=== TEST 3: a tenant admin lists his own workspaces only
--- init
main::given('alice POST / {"name":"A"}', 'root POST / {"name":"R"}',
    'alice POST / {"name":"B"}', 'alice POST /3/members {"userId":"root","roles":["member"]}');
--- request
GET /api/workspaces
--- more_headers
X-User: root
--- response_body: [{"_id":"2","name":"R","logo":null,"labels":[],"isPrivilegedUser":true},{"_id":"3","name":"B","logo":null,"labels":[],"isPrivilegedUser":false}]



=== TEST 4: only the role admin makes privileged, not what is like it
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["Admin","administrator","admin-2"]}',
    'alice POST /1/members {"userId":"carol","roles":["x","admin"]}');
--- request eval
['GET /api/workspaces', 'GET /api/workspaces']
--- more_headers eval
["X-User: bob", "X-User: carol"]
--- error_code eval: [200, 200]
--- response_body_like eval
[qr/"isPrivilegedUser":false/, qr/"isPrivilegedUser":true/]



=== TEST 5: the active workspace is marked
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}',
    'alice POST /2/activate');
--- request
GET /api/workspaces
--- more_headers
X-User: alice
--- response_body: [{"_id":"1","name":"A","logo":null,"labels":[],"isPrivilegedUser":true},{"_id":"2","name":"B","logo":null,"labels":[],"isPrivilegedUser":true,"active":true}]



=== TEST 6: what one was removed from is not listed any more
--- init
main::given('alice POST / {"name":"A"}',
    'alice POST /1/members {"userId":"bob","roles":["member"]}',
    'alice DELETE /1/members/bob');
--- request
GET /api/workspaces
--- more_headers
X-User: bob
--- response_body: []



=== TEST 7: what was deleted is not listed any more
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}',
    'alice POST /1/members {"userId":"bob","roles":["member"]}', 'alice DELETE /1');
--- request eval
['GET /api/workspaces', 'GET /api/workspaces']
--- more_headers eval
["X-User: alice", "X-User: bob"]
--- error_code eval: [200, 200]
--- response_body_like eval: [qr/^\[\{"_id":"2"[^{]*}\]$/, qr/^\[\]$/]



=== TEST 8: is ordered by id, beyond ten
--- init
main::given(map qq(alice POST / {"name":"W$_"}), 1 .. 11);
--- request
GET /api/workspaces
--- more_headers
X-User: alice
--- response_body_like eval: CORE::join '.*', '^', map(qq("_id":"$_","name":"W$_"), 1 .. 11), '\]$'



=== TEST 9: a list that takes several trips to the store is complete
--- init
main::given(map qq(alice POST / {"name":"W"}), 1 .. 501);
--- request
GET /api/workspaces
--- more_headers
X-User: alice
--- response_body_like eval: qr/^\[(?:\{"_id":"\d+"[^{}]*},?){501}\]$/



=== TEST 10: with a slash at the end
--- request
GET /api/workspaces/
--- more_headers
X-User: alice
--- response_body: []



=== TEST 11: an entry whose workspace is gone is left out
--- init
main::given('alice POST / {"name":"A"}', 'alice POST / {"name":"B"}');
my ($key) = @{ main::redis('KEYS', "wsp:*:$ENV{TEST_NGINX_TENANT}:w:1") };
main::redis('DEL', $key);
--- request
GET /api/workspaces
--- more_headers
X-User: alice
--- response_body: [{"_id":"2","name":"B","logo":null,"labels":[],"isPrivilegedUser":true}]
