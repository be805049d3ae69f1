# GET /api/workspaces/all

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 + 465);

no_long_string();
run_tests();

__DATA__

=== TEST 1: lists every workspace of the tenant with its usual fields
--- init
main::given('alice POST / {"name":"A","labels":["team"],"logo":"https://example.com/a.png"}',
    'bob POST / {"name":"B"}');
--- request
GET /api/workspaces/all
--- more_headers
X-User: root
--- response_headers
Cache-Control: private, no-cache
! ETag
! Link
--- response_body_filters eval: [sub { $_[0] =~ s/"t-[-\d]+"/"TENANT"/gr }]
--- response_body: [{"_id":"1","name":"A","logo":"https://example.com/a.png","tenant":"TENANT","labels":["team"]},{"_id":"2","name":"B","logo":null,"tenant":"TENANT","labels":[]}]



=== TEST 2: is for tenant admins only
--- init
main::given('alice POST / {"name":"A"}');
--- request eval
['GET /api/workspaces/all', 'GET /api/workspaces/all?limit=x']
--- more_headers
X-User: alice
--- error_code eval: [403, 403]
--- response_body eval
[('{"message":"administrator privileges required"}') x 2]



=== TEST 3: a tenant without workspaces has an empty array
--- request
GET /api/workspaces/all
--- more_headers
X-User: root
--- response_body: []



=== TEST 4: members.user finds those with any of the users
--- init
main::given('alice POST / {"name":"A"}', 'bob POST / {"name":"B"}', 'carol POST / {"name":"C"}',
    'alice POST /1/members {"userId":"dave","roles":["member"]}',
    'carol POST /3/members {"userId":"dave","roles":["member"]}');
--- request eval
[map "GET /api/workspaces/all?select=_id&members.user=$_", 'dave', 'bob,dave', 'alice&members.user=bob',
    'nobody', 'nobody,bob', ',bob,', '%62ob', 'Bob']
--- more_headers
X-User: root
--- error_code eval: [(200) x 8]
--- response_body eval
['[{"_id":"1"},{"_id":"3"}]', '[{"_id":"1"},{"_id":"2"},{"_id":"3"}]', '[{"_id":"1"},{"_id":"2"}]',
 '[]', '[{"_id":"2"}]', '[{"_id":"2"}]', '[{"_id":"2"}]', '[]']



=== TEST 5: labels finds those with any of the labels
--- init
main::given('alice POST / {"name":"A","labels":["important","x y"]}', 'alice POST / {"name":"B","labels":["team"]}',
    'alice POST / {"name":"C"}', 'alice POST / {"name":"D","labels":["team","important"]}');
--- request eval
[map "GET /api/workspaces/all?select=_id&labels=$_", 'important', 'important,team', 'team&labels=x+y',
    'Team', 'tea']
--- more_headers
X-User: root
--- error_code eval: [(200) x 5]
--- response_body eval
['[{"_id":"1"},{"_id":"4"}]', '[{"_id":"1"},{"_id":"2"},{"_id":"4"}]', '[{"_id":"1"},{"_id":"2"},{"_id":"4"}]',
 '[]', '[]']



=== TEST 6: labels follows an update
--- init
main::given('alice POST / {"name":"A","labels":["old","both"]}', 'alice PUT /1 {"labels":["both","new"]}',
    'alice POST / {"name":"B","labels":["old"]}', 'alice DELETE /2');
--- request eval
[map "GET /api/workspaces/all?select=_id&labels=$_", 'old', 'new', 'both']
--- more_headers
X-User: root
--- error_code eval: [(200) x 3]
--- response_body eval: ['[]', ('[{"_id":"1"}]') x 2]



=== TEST 7: _id finds those named, in the order of ids, each once
--- init
main::given(map qq(alice POST / {"name":"W$_"}), 1 .. 12);
--- request eval
[map "GET /api/workspaces/all?select=_id&_id=$_", '3', '11,2', '2&_id=3', '2,2,2', '99', 'x,0,-1,2', '', '%32']
--- more_headers
X-User: root
--- error_code eval: [(200) x 8]
--- response_body eval
['[{"_id":"3"}]', '[{"_id":"2"},{"_id":"11"}]', '[{"_id":"2"},{"_id":"3"}]', '[{"_id":"2"}]', '[]', '[{"_id":"2"}]',
 '[]', '[{"_id":"2"}]']



=== TEST 8: name is a regular expression, whatever the case, found anywhere
--- init
main::given('alice POST / {"name":"Engineering"}', 'alice POST / {"name":"Sales engineering"}',
    'alice POST / {"name":"R+D"}', 'alice POST / {"name":"Ops (EU)"}');
--- request eval
[map "GET /api/workspaces/all?select=_id&name=$_", 'ENGINEERING', '^engineering$', 'eng.*ing$', '^sales|eu', 'r%5C%2Bd',
    'sales+eng', 'o(p)s', 'z', '', '[[:alpha:]]%7B9,%7D', '(?-i)ENG']
--- more_headers
X-User: root
--- error_code eval: [(200) x 11]
--- response_body eval
my ($one, $both) = ('[{"_id":"1"}]', '[{"_id":"1"},{"_id":"2"}]');
[$both, $one, $both, '[{"_id":"2"},{"_id":"4"}]', '[{"_id":"3"}]', '[{"_id":"2"}]', '[{"_id":"4"}]', '[]',
 '[{"_id":"1"},{"_id":"2"},{"_id":"3"},{"_id":"4"}]', $both, '[]']



=== TEST 9: | ^ $ and + in the query need no encoding
--- init
main::given('alice POST / {"name":"one two"}', 'alice POST / {"name":"three"}', 'alice POST / {"name":"one two three"}');
--- raw_request eval
"GET /api/workspaces/all?select=_id&name=^one+two\$|^three\$ HTTP/1.1\r\nHost: localhost\r\nX-User: root\r\nConnection: close\r\n\r\n"
--- response_body: [{"_id":"1"},{"_id":"2"}]



=== TEST 10: a plus that is meant is encoded
--- init
main::given('alice POST / {"name":"C++"}', 'alice POST / {"name":"C"}');
--- request eval
['GET /api/workspaces/all?select=_id&q=c%2B%2B', 'GET /api/workspaces/all?select=_id&q=c++']
--- more_headers
X-User: root
--- error_code eval: [200, 200]
--- response_body eval: ['[{"_id":"1"}]', '[]']



=== TEST 11: a pattern that is none is refused
--- request eval
[map "GET /api/workspaces/all?name=$_", '(', '[', '*a', 'a%5C', '(?=a)', '(a)%5C1', '(?P<n', 'a%7B1001%7D']
--- more_headers
X-User: root
--- error_code eval: [(400) x 8]
--- response_body eval
[('{"message":"name is not a valid regular expression","field":"name"}') x 8]



=== TEST 12: a pattern may have 256 bytes
--- request eval
[map "GET /api/workspaces/all?name=" . 'a' x $_, 256, 257]
--- more_headers
X-User: root
--- error_code eval: [200, 400]
--- response_body eval
['[]', '{"message":"name must be a pattern of at most 256 bytes","field":"name"}']



=== TEST 13: a pattern that explodes elsewhere is answered at once
--- init
main::given('alice POST / {"name":"' . 'a' x 254 . 'b"}');
--- request eval
[map "GET /api/workspaces/all?select=_id&name=$_", '^(a%2B)%2B$', '^(a|aa)%2B$', '(.*)*(.*)*(.*)*(.*)*c',
    '(((a%7B30%7D)%7B30%7D)%7B30%7D)%7B30%7D']
--- more_headers
X-User: root
--- timeout: 10
--- error_code eval: [200, 200, 200, 400]
--- response_body eval
['[]', '[]', '[]', '{"message":"name is not a valid regular expression","field":"name"}']



=== TEST 14: q is a text in the name, or in an invite's email or name
--- init
main::given('alice POST / {"name":"Blue sky"}', 'alice POST / {"name":"B"}', 'alice POST / {"name":"C"}',
    'alice POST / {"name":"a.c"}', 'alice POST / {"name":"abc","labels":["sky"]}',
    'alice PUT /2 {"invites":[{"email":"Sky@example.com"}]}',
    'alice PUT /3 {"invites":[{"email":"x@example.com","name":"Skyler","roles":["walker"]}]}');
--- request eval
[map "GET /api/workspaces/all?select=_id&q=$_", 'SKY', 'blue+sky', 'sky@', 'skyl', 'a.c', 'walker', 'created', '', '(']
--- more_headers
X-User: root
--- error_code eval: [(200) x 9]
--- response_body eval
['[{"_id":"1"},{"_id":"2"},{"_id":"3"}]', '[{"_id":"1"}]', '[{"_id":"2"}]', '[{"_id":"3"}]', '[{"_id":"4"}]', '[]', '[]',
 '[{"_id":"1"},{"_id":"2"},{"_id":"3"},{"_id":"4"},{"_id":"5"}]', '[]']



=== TEST 15: q has at most 256 bytes
--- request eval
[map "GET /api/workspaces/all?q=" . 'a' x $_, 256, 257]
--- more_headers
X-User: root
--- error_code eval: [200, 400]
--- response_body eval
['[]', '{"message":"q must be a text of at most 256 bytes","field":"q"}']



=== TEST 16: filters are ANDed
--- init
main::given('alice POST / {"name":"Red one","labels":["x"]}', 'alice POST / {"name":"Red two","labels":["y"]}',
    'bob POST / {"name":"Red three","labels":["x"]}', 'alice POST / {"name":"Blue","labels":["x"]}');
--- request eval
[map "GET /api/workspaces/all?select=_id&$_", 'members.user=alice&labels=x', 'members.user=alice&labels=x&name=red',
    'labels=x&q=red', '_id=2,3,4&labels=x', '_id=1,2,3&members.user=alice', '_id=1,2,3&members.user=alice&labels=y&q=two',
    'name=red&q=o', 'labels=y&members.user=bob']
--- more_headers
X-User: root
--- error_code eval: [(200) x 8]
--- response_body eval
['[{"_id":"1"},{"_id":"4"}]', '[{"_id":"1"}]', '[{"_id":"1"},{"_id":"3"}]', '[{"_id":"3"},{"_id":"4"}]',
 '[{"_id":"1"},{"_id":"2"}]', '[{"_id":"2"}]', '[{"_id":"1"},{"_id":"2"}]', '[]']



=== TEST 17: select names the fields, _id is always there
--- init
main::given('alice POST / {"name":"A","labels":["x"]}', 'alice PUT /1 {"invites":[{"email":"b@example.com"}]}');
--- request eval
[map "GET /api/workspaces/all?select=$_", 'name', 'labels,name', 'name&select=labels', 'members', 'invites',
    'owner,created,updated', '_id', '', 'name,,labels,']
--- more_headers
X-User: root
--- error_code eval: [(200) x 9]
--- response_body eval
my $named = '[{"_id":"1","name":"A","labels":["x"]}]';
['[{"_id":"1","name":"A"}]', $named, $named,
 '[{"_id":"1","members":[{"user":"alice","roles":["admin","user"],"created":"TIME"}]}]',
 '[{"_id":"1","invites":[{"email":"b@example.com","roles":["member"],"created":"TIME"}]}]',
 '[{"_id":"1","owner":"alice","created":"TIME","updated":"TIME"}]',
 '[{"_id":"1"}]', '[{"_id":"1"}]', $named]



=== TEST 18: select of anything else is refused, secrets above all
--- request eval
[map "GET /api/workspaces/all?select=name,$_", 'encrypted', 'sealed', 'rev', 'admins', 'Name', '*', 'name%20labels', '-name']
--- more_headers
X-User: root
--- error_code eval: [(400) x 8]
--- response_body eval
[('{"message":"select takes _id, name, logo, tenant, labels, members, invites, owner, created and updated","field":"select"}') x 8]



=== TEST 19: pages by limit and after, and links to the next
--- init
main::given(map qq(alice POST / {"name":"W"}), 1 .. 5);
--- request eval
[map "GET /api/workspaces/all?select=_id&limit=2$_", '', '&after=2', '&after=4', '&after=5', '&after=0']
--- more_headers
X-User: root
--- error_code eval: [(200) x 5]
--- response_headers eval
['Link: </api/workspaces/all?select=_id&limit=2&after=2>; rel="next"',
 'Link: </api/workspaces/all?select=_id&limit=2&after=4>; rel="next"', '! Link', '! Link',
 'Link: </api/workspaces/all?select=_id&limit=2&after=2>; rel="next"']
--- response_body eval
['[{"_id":"1"},{"_id":"2"}]', '[{"_id":"3"},{"_id":"4"}]', '[{"_id":"5"}]', '[]', '[{"_id":"1"},{"_id":"2"}]']



=== TEST 20: a last page that is full has no next
--- init
main::given(map qq(alice POST / {"name":"W"}), 1 .. 2);
--- request
GET /api/workspaces/all?select=_id&limit=2
--- more_headers
X-User: root
--- response_headers
! Link
--- response_body: [{"_id":"1"},{"_id":"2"}]



=== TEST 21: the next link keeps the filters, encoded
--- init
main::given(map qq(alice POST / {"name":"a b"}), 1 .. 3);
--- request
GET /api/workspaces/all?name=^a+b$|%0d&limit=1&q=&labels
--- more_headers
X-User: root
--- error_code: 400
--- response_body: {"message":"the query string is malformed"}



=== TEST 22: a header cannot be split by what comes in the query
--- init
main::given(map qq(alice POST / {"name":"a b"}), 1 .. 3);
--- request
GET /api/workspaces/all?select=_id&name=^a+b$|%3E&limit=1&x=%22%3E%3B
--- more_headers
X-User: root
--- response_headers
Link: </api/workspaces/all?select=_id&name=%5Ea%20b%24%7C%3E&limit=1&x=%22%3E%3B&after=1>; rel="next"
--- response_body: [{"_id":"1"}]



=== TEST 23: pages while a filter looks at every record
--- init
main::given(map qq(alice POST / {"name":"W$_"}), 1 .. 7);
--- request eval
[map "GET /api/workspaces/all?select=_id&name=[1357]&limit=2$_", '', '&after=3']
--- more_headers
X-User: root
--- error_code eval: [200, 200]
--- response_headers_like eval
['Link: .*after=3>; rel="next"', 'Link: ']
--- response_body eval
['[{"_id":"1"},{"_id":"3"}]', '[{"_id":"5"},{"_id":"7"}]']



=== TEST 24: limit is a number of 1 to 1000
--- request eval
[map "GET /api/workspaces/all?limit=$_", '1', '1000', '0', '-1', '1001', '1000000000', '99999999999999999999', 'x', '1.5', '', '%201']
--- more_headers
X-User: root
--- error_code eval: [200, 200, (400) x 9]
--- response_body eval
['[]', '[]', ('{"message":"limit must be a number of 1 to 1000","field":"limit"}') x 9]



=== TEST 25: after is an id
--- request eval
[map "GET /api/workspaces/all?after=$_", '0', '9007199254740992', '-1', 'x', '9007199254740993', '']
--- more_headers
X-User: root
--- error_code eval: [200, 200, (400) x 4]
--- response_body eval
['[]', '[]', ('{"message":"after must be the _id of a workspace","field":"after"}') x 4]



=== TEST 26: what is to be given once is not given twice
--- request eval
[map "GET /api/workspaces/all?$_", map "$_=1&$_=1", 'limit', 'after', 'name', 'q']
--- more_headers
X-User: root
--- error_code eval: [(400) x 4]
--- response_body eval
[map qq({"message":"given twice","field":"$_"}), 'limit', 'after', 'name', 'q']



=== TEST 27: unknown parameters and empty ones are ignored
--- request
GET /api/workspaces/all?&&sort=name&x&=y&
--- more_headers
X-User: root
--- response_body: []



=== TEST 28: a query that cannot be decoded is refused
--- request eval
[map "GET /api/workspaces/all?$_", 'name=%', 'name=%4', 'name=%zz', 'q=%ff', 'q=%00', 'q=%c3', 'x=%ed%a0%80', '%zz=1']
--- more_headers
X-User: root
--- error_code eval: [(400) x 8]
--- response_body eval: [('{"message":"the query string is malformed"}') x 8]



=== TEST 29: at most 100 users, 100 labels, 10000 ids
--- http_config eval: "large_client_header_buffers 4 128k;\n$t::Platform::HttpConfig"
--- request eval
[map "GET /api/workspaces/all?select=_id&$_", map { my ($name, $count) = @$_; "$name=" . CORE::join ',', 1 .. $count }
    ['members.user', 100], ['members.user', 101], ['labels', 100], ['labels', 101], ['_id', 10000], ['_id', 10001]]
--- more_headers
X-User: root
--- error_code eval: [200, 400, 200, 400, 200, 400]
--- response_body eval
['[]', '{"message":"at most 100 users can be asked for","field":"members.user"}',
 '[]', '{"message":"at most 100 labels can be asked for","field":"labels"}',
 '[]', '{"message":"at most 10000 ids can be asked for","field":"_id"}']



=== TEST 30: a hundred are answered when no limit is given
--- init
main::given(map qq(alice POST / {"name":"W"}), 1 .. 101);
--- request eval
['GET /api/workspaces/all?select=_id', 'GET /api/workspaces/all?select=_id&after=100',
 'GET /api/workspaces/all?select=_id&limit=1000']
--- more_headers
X-User: root
--- error_code eval: [200, 200, 200]
--- response_headers eval
['Link: </api/workspaces/all?select=_id&after=100>; rel="next"', '! Link', '! Link']
--- response_body_like eval
[qr/^\[(?:\{"_id":"\d+"},?){100}\]$/, qr/^\[\{"_id":"101"}\]$/, qr/^\[(?:\{"_id":"\d+"},?){101}\]$/]



=== TEST 31: has no other method
--- request eval
["POST /api/workspaces/all\n{}", "DELETE /api/workspaces/all"]
--- more_headers
X-User: root
--- error_code eval: [405, 405]
--- response_headers eval: [('Allow: GET, HEAD') x 2]
--- response_body eval: [('{"message":"method not allowed"}') x 2]
