# Workspaces of the location dialect: GET and POST /workspaces, GET, PUT and
# PATCH /workspaces/{id}

use lib '.';
use t::Location;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 270);

no_long_string();
run_tests();

__DATA__

=== TEST 1: creating answers the workspace, and makes it the current one
--- request eval
["POST /api/v1/workspaces\n" . '{"name":"New Branch"}', "POST /api/v1/workspaces/\n" . '{"name":"Depot","owner_id":9,"id":7}',
 'GET /api/v1/workspace/members', 'GET /api/workspaces']
--- more_headers
X-User: 1
X-Name: Admin User
X-Email: admin@example.com
--- error_code eval: [201, 201, 200, 200]
--- response_headers eval: ['ETag: "1"', 'ETag: "1"', '! ETag', '! ETag']
--- response_body eval
['{"data":{"id":1,"name":"New Branch","owner_id":1,"created_at":"TIME"},"message":"¡Sucursal creada correctamente!"}',
 '{"data":{"id":2,"name":"Depot","owner_id":1,"created_at":"TIME"},"message":"¡Sucursal creada correctamente!"}',
 '{"data":[{"id":1,"name":"Admin User","email":"admin@example.com","role":"owner","added_at":"TIME"}]}',
 '[{"_id":"1","name":"New Branch","logo":null,"labels":[],"isPrivilegedUser":true},{"_id":"2","name":"Depot","logo":null,"labels":[],"isPrivilegedUser":true,"active":true}]']



=== TEST 2: a name is given once in a tenant, in whatever dialect
--- init
main::given('alice POST /workspaces {"name":"Main Store"}');
main::platform('bob POST / {"name":"Depot"}');
--- request eval
["POST /api/v1/workspaces\n" . '{"name":"Main Store"}', "POST /api/v1/workspaces\n" . '{"name":"Depot"}',
 "PUT /api/v1/workspaces/1\n" . '{"name":"Depot"}', "PATCH /api/v1/workspaces/1\n" . '{"name":"Depot"}',
 "POST /api/workspaces\n" . '{"name":"Main Store"}', "PUT /api/v1/workspaces/1\n" . '{"name":"Main Store "}']
--- more_headers
X-User: alice
--- error_code eval: [(422) x 4, 200, 200]
--- response_body_like eval
[(map quotemeta, (main::error(name => 'this name is taken by another workspace')) x 4), qr/"_id":"\d+","name":"Main Store"/, qr/"name":"Main Store "/]



=== TEST 3: updating is the owner's, or a tenant admin's
--- init
main::given('alice POST /workspaces {"name":"A"}');
main::platform('alice POST /1/members {"userId":"bob","roles":["admin"]}');
--- request eval
[(map "$_ /api/v1/workspaces/1\n" . '{"name":"Updated Branch Name"}', ('PUT') x 3, ('PATCH') x 3), 'GET /api/v1/workspaces']
--- more_headers eval
["X-User: bob", "X-User: carol", "X-User: alice", "X-User: root", "X-User: bob", "X-User: carol\nX-Permissions: view_all_locations", "X-User: alice"]
--- error_code eval: [403, 404, 200, 200, 403, 404, 200]
--- response_headers eval: ['! ETag', '! ETag', 'ETag: "3"', 'ETag: "4"', '! ETag', '! ETag', '! ETag']
--- response_body eval
[main::unseen(), '{"message":"workspace not found"}',
 ('{"data":{"id":1,"name":"Updated Branch Name","updated_at":"TIME"},"message":"¡Sucursal actualizada correctamente!"}') x 2,
 main::unseen(), '{"message":"workspace not found"}',
 '{"data":[{"id":1,"name":"Updated Branch Name","owner_id":"alice","owner":{"id":"alice","name":null,"email":null},"is_owner":true,"created_at":"TIME","updated_at":"TIME"}]}']



=== TEST 4: what is wrong with a body is told of the field
--- init
main::given('alice POST /workspaces {"name":"A"}');
--- request eval
["POST /api/v1/workspaces\n" . '{}', "POST /api/v1/workspaces\n" . '{"name":null}', "POST /api/v1/workspaces\n" . '{"name":""}',
 "POST /api/v1/workspaces\n" . '{"name":"' . 'x' x 256 . '"}', "PATCH /api/v1/workspaces/1\n" . '{"name":5}',
 "POST /api/v1/workspaces\n" . '{"name":"a","name":"b"}', "PUT /api/v1/workspaces/1\n" . '{"name":', "PUT /api/v1/workspaces/1\n[]",
 "PUT /api/v1/workspaces/1\n" . '{"more":[1,2]}']
--- more_headers
X-User: alice
--- error_code eval: [(422) x 5, (400) x 3, 200]
--- response_body_like eval
[quotemeta main::error(name => 'name is required'), quotemeta main::error(name => 'name must be a string'),
 (quotemeta main::error(name => 'name must be 1 to 255 characters, without control characters')) x 2, quotemeta main::error(name => 'name must be a string'),
 qr/^\{"message":"[^"]*line 1, column \d+[^"]*"\}$/, qr/^\{"message":"[^"]*line 1, column \d+[^"]*"\}$/, qr/^\{"message":"the body must be a JSON object"\}$/,
 qr/"name":"A"/]



=== TEST 5: the list is of one's own; who may view all and tenant admins see each
--- init
main::given('1 POST /workspaces [X-Name: Admin User; X-Email: a@b.c] {"name":"Main Store"}', 'bob POST /workspaces {"name":"Warehouse"}');
main::given('eve POST /workspaces [X-Tenant: other] {"name":"Elsewhere"}');
main::platform('1 POST /1/members {"userId":"bob","roles":["member"]}');
--- request eval
[('GET /api/v1/workspaces') x 4, 'GET /api/v1/workspaces/', 'HEAD /api/v1/workspaces']
--- more_headers eval
["X-User: 1", "X-User: bob", "X-User: root", "X-User: eve\nX-Permissions: a:b,view_all_locations", "X-User: eve", "X-User: 1"]
--- error_code eval: [(200) x 6]
--- response_body eval
my @admin = ('"Admin User"', '"a@b.c"');
my @both = map '{"data":[' . main::item(1, 'Main Store', 1, 'false', @admin) . ',' . main::item(2, 'Warehouse', '"bob"', $_) . ']}', 'true', 'false';
['{"data":[' . main::item(1, 'Main Store', 1, 'true', @admin) . ']}', $both[0], $both[1], $both[1], '{"data":[]}', '']



=== TEST 6: pages as Laravel tells them
--- init
main::given(map qq(alice POST /workspaces {"name":"W$_"}), 1 .. 5);
--- request eval
['GET /api/v1/workspaces?per_page=2&page=3', 'GET /api/v1/workspaces?page=2', 'GET /api/v1/workspaces/?page=1&other=x']
--- more_headers
X-User: alice
--- error_code eval: [200, 200, 200]
--- response_body eval
my $url = '/api/v1/workspaces?per_page=2&page';
my $link = sub { my ($url, $label, $active) = @_; qq({"url":$url,"label":"$label","active":$active}) };
['{"data":[' . main::item(5, 'W5', '"alice"', 'true') . '],"links":{"first":"' . $url . '=1","last":"' . $url . '=3","prev":"' . $url . '=2","next":null},'
 . '"meta":{"current_page":3,"from":5,"last_page":3,"links":[' . CORE::join(',', $link->(qq("$url=2"), '&laquo; Previous', 'false'),
    (map $link->(qq("$url=$_"), $_, $_ == 3 ? 'true' : 'false'), 1 .. 3), $link->('null', 'Next &raquo;', 'false'))
 . '],"path":"/api/v1/workspaces","per_page":2,"to":5,"total":5}}',
 '{"data":[],"links":{"first":"/api/v1/workspaces?page=1","last":"/api/v1/workspaces?page=1","prev":"/api/v1/workspaces?page=1","next":null},'
 . '"meta":{"current_page":2,"from":null,"last_page":1,"links":[' . CORE::join(',', $link->('"/api/v1/workspaces?page=1"', '&laquo; Previous', 'false'),
    $link->('"/api/v1/workspaces?page=1"', 1, 'false'), $link->('null', 'Next &raquo;', 'false'))
 . '],"path":"/api/v1/workspaces","per_page":15,"to":null,"total":5}}',
 '{"data":[' . CORE::join(',', map main::item($_, "W$_", '"alice"', 'true'), 1 .. 5) . '],"links":{"first":"/api/v1/workspaces?page=1","last":"/api/v1/workspaces?page=1","prev":null,"next":null},'
 . '"meta":{"current_page":1,"from":1,"last_page":1,"links":[' . CORE::join(',', $link->('null', '&laquo; Previous', 'false'),
    $link->('"/api/v1/workspaces?page=1"', 1, 'true'), $link->('null', 'Next &raquo;', 'false'))
 . '],"path":"/api/v1/workspaces","per_page":15,"to":5,"total":5}}']



=== TEST 7: what is no page
--- request eval
[map "GET /api/v1/workspaces?$_", 'per_page=101', 'per_page=0', 'per_page=1000000000', 'per_page=x', 'page=0', 'page=-1', 'page=1.5',
 'page=9007199254740993', 'page=1&page=1', 'page=%00', 'per_page=100&page=9007199254740992']
--- more_headers
X-User: alice
--- error_code eval: [(422) x 9, 400, 200]
--- response_body_like eval
[(quotemeta main::error(per_page => 'per_page must be a number of 1 to 100')) x 4, (quotemeta main::error(page => 'page must be a number of 1 or more')) x 5,
 qr/malformed/, qr/"data":\[\]/]



=== TEST 8: one, with owner, members and settings
--- init
main::given('1 POST /workspaces [X-Name: Ann; X-Email: ann@b.c] {"name":"A"}');
main::platform('1 POST /1/members {"userId":"bob","roles":["x","viewer"]}');
--- request eval
[('GET /api/v1/workspaces/1') x 2, 'HEAD /api/v1/workspaces/1/', ('GET /api/v1/workspaces/1') x 2, 'GET /api/v1/workspaces/2', 'GET /api/v1/workspaces/01']
--- more_headers eval
["X-User: bob", "X-User: eve\nX-Permissions: view_all_locations", "X-User: 1", "X-User: root", "X-User: eve", "X-User: root", "X-User: 1"]
--- error_code eval: [(200) x 4, (404) x 3]
--- response_headers eval: [('ETag: "2"') x 4, ('! ETag') x 3]
--- response_body eval
my @one = map '{"data":' . (main::item(1, 'A', 1, 'false', '"Ann"', '"ann@b.c"') =~ s/\}\z//r)
 . ',"members":[{"id":1,"name":"Ann","email":"ann@b.c","role":"owner","added_at":"TIME"},{"id":"bob","name":null,"email":null,"role":"viewer","added_at":"TIME"}],'
 . '"settings":{"preferred_document_subtypes":{}}}}', 1;
[@one, @one, '', @one, ('{"message":"workspace not found"}') x 2, '{"message":"not found"}']



=== TEST 9: If-Match, Idempotency-Key and other methods
--- init
main::given('alice POST /workspaces {"name":"A"}', 'alice PATCH /workspaces/1 {"name":"B"}');
--- request eval
[("PATCH /api/v1/workspaces/1\n" . '{"name":"C"}') x 2, ("POST /api/v1/workspaces\n" . '{"name":"N"}') x 2, "POST /api/v1/workspaces\n" . '{"name":"O"}',
 'DELETE /api/v1/workspaces/1', 'POST /api/v1/workspaces/1', 'PUT /api/v1/workspaces', 'GET /api/v1/workspaces/1/members', 'GET /api/v1']
--- more_headers eval
["X-User: alice\nIf-Match: \"1\"", "X-User: alice\nIf-Match: \"2\"", ("X-User: alice\nIdempotency-Key: k") x 3, ("X-User: alice") x 5]
--- error_code eval: [412, 200, 201, 201, 422, (405) x 3, 404, 404]
--- response_headers eval
['! Allow', '! Allow', '! Allow', '! Allow', '! Allow', ('Allow: GET, HEAD, PUT, PATCH') x 2, 'Allow: GET, HEAD, POST', '! Allow', '! Allow']
--- response_body_like eval
[qr/any more/, qr/"name":"C"/, (qr/"id":2,"name":"N"/) x 2, qr/another request/, (qr/^\{"message":"method not allowed"\}$/) x 3, (qr/^\{"message":"not found"\}$/) x 2]



=== TEST 10: nobody is unauthenticated
--- request eval
['GET /api/v1/workspaces', "POST /api/v1/workspaces\n" . '{"name":"A"}', 'GET /api/v1/workspaces/1', 'DELETE /api/v1/workspace-context',
 'GET /api/v1/workspace/members', 'GET /api/v1/nothing']
--- error_code eval: [(401) x 6]
--- response_headers eval: [('WWW-Authenticate: Bearer') x 6]
--- response_body eval: [('{"message":"Unauthenticated."}') x 6]
