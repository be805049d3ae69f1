# POST /api/workspaces

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 167);

no_long_string();
run_tests();

__DATA__

=== TEST 1: the creator becomes the owner, with the roles admin and user
--- request
POST /api/workspaces
{"name":"New Workspace","labels":["team","project"]}
--- more_headers
X-User: alice
--- response_body: {"_id":"1","name":"New Workspace","logo":null,"labels":["team","project"],"members":[{"user":"alice","roles":["admin","user"],"created":"TIME"}],"invites":[]}



=== TEST 2: the answer is JSON, carries its revision and is not to be kept
--- request
POST /api/workspaces
{"name":"A"}
--- more_headers
X-User: alice
--- response_headers
Content-Type: application/json; charset=utf-8
ETag: "1"
Cache-Control: private, no-cache
! Location



=== TEST 3: ids count from 1 and are strings
--- request eval
['POST /api/workspaces
{"name":"A"}', 'POST /api/workspaces
{"name":"A"}', 'POST /api/workspaces
{"name":"A"}']
--- more_headers
X-User: alice
--- error_code eval: [200, 200, 200]
--- response_body_like eval: [qr/^{"_id":"1",/, qr/^{"_id":"2",/, qr/^{"_id":"3",/]



=== TEST 4: logo may be a http, https or data URL
--- request eval
[map qq(POST /api/workspaces\n{"name":"A","logo":"$_"}),
    'https://example.com/logo.png', 'HTTP://example.com/', 'data:image/png;base64,AA==']
--- more_headers
X-User: alice
--- error_code eval: [200, 200, 200]
--- response_body_like eval
[qr{"logo":"https://example.com/logo.png"}, qr{"logo":"HTTP://example.com/"},
 qr{"logo":"data:image/png;base64,AA=="}]



=== TEST 5: an empty logo and null are no logo
--- request eval
[map qq(POST /api/workspaces\n{"name":"A","logo":$_}), '""', 'null']
--- more_headers
X-User: alice
--- error_code eval: [200, 200]
--- response_body_like eval: [(qr/"logo":null/) x 2]



=== TEST 6: a name may have 255 characters, whatever their bytes
--- request eval
[map qq(POST /api/workspaces\n{"name":"$_"}), 'a' x 255, "\xc3\xa9" x 255, '\u00e9' x 255]
--- more_headers
X-User: alice
--- error_code eval: [200, 200, 200]
--- response_body_like eval
['"name":"a{255}"', ('"name":"(?:\xc3\xa9){255}"') x 2]



=== TEST 7: what JSON must escape is escaped in the answer
--- request
POST /api/workspaces
{"name":"\"\\\/\u2028 ﬀ"}
--- more_headers
X-User: alice
--- response_body_like eval: qr{"name":"\\"\\\\/\xe2\x80\xa8 \xef\xac\x80"}



=== TEST 8: a name is required
--- request
POST /api/workspaces
{"labels":["team"]}
--- more_headers
X-User: alice
--- error_code: 400
--- response_body: {"message":"name is required","field":"name"}



=== TEST 9: a name is a string
--- request eval
[map qq(POST /api/workspaces\n{"name":$_}), qw(null 1 true [] {})]
--- more_headers
X-User: alice
--- error_code eval: [(400) x 5]
--- response_body eval
[('{"message":"name must be a string","field":"name"}') x 5]



=== TEST 10: a name that is empty, too long or has control characters is refused
--- request eval
[map qq(POST /api/workspaces\n{"name":"$_"}), '', 'a' x 256, 'a\u0007', 'a\r\nX-Y: 1', '\u007f']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 5]
--- response_body eval
[('{"message":"name must be 1 to 255 characters, without control characters","field":"name"}') x 5]



=== TEST 11: a logo is a string or null
--- request eval
[map qq(POST /api/workspaces\n{"name":"A","logo":$_}), qw(1 false [] {})]
--- more_headers
X-User: alice
--- error_code eval: [(400) x 4]
--- response_body eval
[('{"message":"logo must be a string or null","field":"logo"}') x 4]



=== TEST 12: a logo of another scheme, with blanks, or too long is refused
--- request eval
[map qq(POST /api/workspaces\n{"name":"A","logo":"$_"}),
    'javascript:alert(1)', 'logo.png', 'ftp://example.com/', 'https://', 'http://a b',
    'https://example.com/\"onload=', 'https://example.com/\u00e9', 'https://' . 'a' x 2041,
    'data:' . 'a' x 65532]
--- more_headers
X-User: alice
--- error_code eval: [(400) x 9]
--- response_body_like eval: [(qr/^{"message":"logo must be an http, https or data URL .*","field":"logo"}$/) x 9]



=== TEST 13: a logo at its greatest length is taken
--- request eval
[map qq(POST /api/workspaces\n{"name":"A","logo":"$_"}),
    'https://' . 'a' x 2040, 'data:' . 'a' x 65531]
--- more_headers
X-User: alice
--- error_code eval: [200, 200]
--- response_body_like eval: [qr{"logo":"https://a+"}, qr{"logo":"data:a+"}]



=== TEST 14: labels are kept in their order, each once
--- request
POST /api/workspaces
{"name":"A","labels":["b","a","b"]}
--- more_headers
X-User: alice
--- response_body_like: "labels":\["b","a"\]



=== TEST 15: labels are an array of strings
--- request eval
[map qq(POST /api/workspaces\n{"name":"A","labels":$_}), 'null', '"team"', '{}', '1']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 4]
--- response_body eval
[('{"message":"labels must be an array of strings","field":"labels"}') x 4]



=== TEST 16: a label has 1 to 64 characters
--- request eval
[map qq(POST /api/workspaces\n{"name":"A","labels":["ok",$_]}),
    '1', 'null', '""', '"' . 'a' x 65 . '"', '"a\n"', '["a"]']
--- more_headers
X-User: alice
--- error_code eval: [(400) x 6]
--- response_body eval
[('{"message":"each label must be a string of 1 to 64 characters, without control characters","field":"labels"}') x 6]



=== TEST 17: 100 labels are taken, 101 are not
--- request eval
[map { "POST /api/workspaces\n" . '{"name":"A","labels":[' . CORE::join(',', map qq("$_"), 1 .. $_) . ']}' } 100, 101]
--- more_headers
X-User: alice
--- error_code eval: [200, 400]
--- response_body_like eval: [qr/"99","100"\]/, qr/^{"message":"labels must be at most 100","field":"labels"}$/]



=== TEST 18: what only the server decides is not taken from the body
--- request eval
['POST /api/workspaces
{"name":"A","_id":"77","id":77,"owner":"mallory","owner_id":"mallory","tenant":"other","created":1,
"rev":9,"admins":5,"members":[{"user":"mallory","roles":["admin"]}],"isPrivilegedUser":true,"colour":"red"}',
'GET /api/workspaces/1', 'GET /api/workspaces/77', 'GET /api/workspaces/1']
--- more_headers eval
["X-User: alice", "X-User: alice", "X-User: alice", "X-User: mallory"]
--- error_code eval: [200, 200, 404, 404]
--- response_body eval
[('{"_id":"1","name":"A","logo":null,"labels":[],"members":[{"user":"alice","roles":["admin","user"],"created":"TIME"}],"invites":[]}') x 2,
 ('{"message":"workspace not found"}') x 2]



=== TEST 19: a name is not unique in the tenant
--- request eval
["POST /api/workspaces\n{\"name\":\"A\"}", "POST /api/workspaces\n{\"name\":\"A\"}"]
--- more_headers eval
["X-User: alice", "X-User: bob"]
--- error_code eval: [200, 200]
--- response_body_like eval: [qr/"_id":"1"/, qr/"_id":"2"/]



=== TEST 20: a refused body uses up no id
--- request eval
[map qq(POST /api/workspaces\n{"name":"$_"}), '', 'A']
--- more_headers
X-User: alice
--- error_code eval: [400, 200]
--- response_body_like eval: [qr/"field":"name"/, qr/^{"_id":"1"/]



=== TEST 21: a body without any JSON type is read as JSON
--- request
POST /api/workspaces
{"name":"A"}
--- more_headers
X-User: alice
Content-Type: text/plain; charset=iso-8859-1
--- response_body_like: "name":"A"
