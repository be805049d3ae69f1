# workspaces_identity jwt: the directive, and bearer tokens in both phases.
# What makes a token a good one is tested in the core.

use lib '.';
use t::Edge;
use Test::Nginx::Socket;

use Time::HiRes ();

our $Secret = '0123456789abcdef' x 2;
our $Tenant = sprintf 'jwt-%d-%.0f-', $$, 1000 * Time::HiRes::time();

$ENV{TEST_NGINX_SECRET} = key_file("$Secret\n");
$ENV{TEST_NGINX_OPEN_SECRET} = key_file("$Secret\n", 0644);
$ENV{TEST_NGINX_SHORT_SECRET} = key_file("short\n");
$ENV{TEST_NGINX_LONG_SECRET} = key_file('x' x 65537);

add_block_preprocessor(sub {
    my $block = shift;
    $block->set_value(config => <<'END' . $block->config);
        location /jwt/workspaces {
            workspaces platform;
            workspaces_identity jwt secret=$TEST_NGINX_SECRET issuer=them
                audience=us;
        }
END
    prepare_edge($block);
});

# A token for the block's own tenant.
our $Serial = 0;
sub bearer {
    my (%claims) = @_;
    return 'Authorization: Bearer ' . token($Secret,
        { iss => 'them', aud => 'us', exp => time + 600, sub => 'alice',
          tenant => $Tenant, %claims });
}

plan tests => repeat_each() * (blocks() * 4 + 30);

no_long_string();
no_root_location();
run_tests();

__DATA__

=== TEST 1: a token is an identity for the API and for other locations
--- config
location / {
    workspaces_identity jwt secret=$TEST_NGINX_SECRET issuer=them audience=us;
    workspaces_access on;
    workspaces_forward on;
    proxy_pass http://backend;
}
--- request eval
[qq(POST /jwt/workspaces\n{"name":"A"}), ("GET /") x 6]
--- more_headers eval
my $id = "X-Workspace-ID: 1\n";
[main::bearer(tenant => "${main::Tenant}1"), $id . main::bearer(tenant => "${main::Tenant}1"),
 $id . main::bearer(tenant => "${main::Tenant}1", sub => 'bob'),
 $id . main::bearer(tenant => "${main::Tenant}2"),
 $id . main::bearer(tenant => "${main::Tenant}1", iss => 'others'),
 $id . main::bearer(tenant => "${main::Tenant}1", exp => time - 600),
 $id . "X-User: alice"]
--- error_code eval: [200, 200, 404, 404, 401, 401, 401]
--- response_body_like eval
[qr/"_id":"1"/, qr/ id=1 .* user=alice /, (qr/"status":404/) x 2, (qr/"status":401/) x 3]



=== TEST 2: two tokens are none
--- config
location / {
    workspaces_identity jwt secret=$TEST_NGINX_SECRET issuer=them audience=us;
    workspaces_access on;
    proxy_pass http://backend;
}
--- request
GET /
--- more_headers eval
main::bearer() . "\n" . main::bearer(sub => 'bob')
--- error_code_like: ^40[01]$



=== TEST 3: claims may have other names
--- config
location / {
    workspaces_identity jwt secret=$TEST_NGINX_SECRET issuer=them audience=us
        tenant_claim=org.id user_claim=uid leeway=1h;
    workspaces_access on;
    proxy_pass http://backend;
}
--- request eval
[qq(POST /jwt/workspaces\n{"name":"A"}), "GET /"]
--- more_headers eval
[main::bearer(tenant => "${main::Tenant}3", sub => 'carol'),
 "X-Workspace-ID: 1\n" . main::bearer(org => { id => "${main::Tenant}3" }, uid => 'carol', exp => time - 600)]
--- error_code eval: [200, 200]



=== TEST 4: the token is passed on, and is in no log line of ours
--- config
location / {
    workspaces_identity jwt secret=$TEST_NGINX_SECRET issuer=them audience=us;
    workspaces_access on;
    workspaces_forward on;
    proxy_set_header X-Workspace-Name $http_authorization;
    proxy_pass http://backend;
}
--- log_level: info
--- request eval
[qq(POST /jwt/workspaces\n{"name":"A"}), "GET /", "GET /"]
--- more_headers eval
[main::bearer(tenant => "${main::Tenant}4"),
 "X-Workspace-ID: 1\n" . main::bearer(tenant => "${main::Tenant}4"),
 "X-Workspace-ID: 1\nAuthorization: Bearer eyJhbGciOiJub25lIn0.e30."]
--- error_code eval: [200, 200, 401]
--- response_body_like eval
[qr/"_id"/, qr/name=Bearer eyJ/, qr/"status":401/]
--- no_error_log eval
["eyJ", qr/\[(?:alert|emerg|crit)\]/]



=== TEST 5: what a token says of roles and permissions opens nothing
--- config
location / {
    workspaces_identity jwt secret=$TEST_NGINX_SECRET issuer=them audience=us;
    workspaces_access docs:write;
    workspaces_forward on;
    proxy_pass http://backend;
}
location /read {
    workspaces_identity jwt secret=$TEST_NGINX_SECRET issuer=them audience=us;
    workspaces_access docs:read;
    workspaces_forward on;
    proxy_pass http://backend;
}
--- request eval
[qq(POST /jwt/workspaces\n{"name":"A"}), qq(POST /jwt/workspaces/1/members\n{"userId":"bob","roles":["viewer"]}),
 "GET /", "GET /read", "GET /read"]
--- more_headers eval
my %all = (tenant => "${main::Tenant}5", roles => ['owner', 'admin'], permissions => ['*:*', 'docs:write']);
my $id = "X-Workspace-ID: 1\n";
[main::bearer(%all), main::bearer(%all), map { $id . main::bearer(%all, sub => $_) } 'bob', 'bob', 'eve']
--- error_code eval: [200, 200, 403, 200, 404]
--- response_body_like eval
[(qr/"_id"/) x 2, qr/"status":403/, qr/ user=bob roles=viewer permissions=\*:view,\*:read$/, qr/"status":404/]



=== TEST 6: an address that is not verified is none
--- config
location /branches {
    workspaces location;
    workspaces_identity jwt secret=$TEST_NGINX_SECRET issuer=them audience=us;
}
--- request eval
[qq(POST /branches/workspaces\n{"name":"A"}), ("GET /branches/workspace/members") x 3]
--- more_headers eval
my %who = (tenant => "${main::Tenant}6");
[main::bearer(%who, email => 'a@x.example', email_verified => JSON::false),
 main::bearer(%who, email => 'a@x.example', email_verified => JSON::false),
 main::bearer(%who, email => 'a@x.example', email_verified => JSON::true),
 main::bearer(%who, email => 'a@x.example')]
--- error_code eval: [201, 200, 200, 200]
--- response_body_like eval
[qr/"id":1/, qr/"id":"alice","name":null,"email":null/, (qr/"id":"alice","name":null,"email":"a\@x.example"/) x 2]



=== TEST 7: a secret that others can read is refused
--- config
location /x {
    workspaces_identity jwt secret=$TEST_NGINX_OPEN_SECRET issuer=them audience=us;
}
--- must_die
--- error_log
can be used by others than its owner: do "chmod 600 



=== TEST 8: so is a short one
--- config
location /x {
    workspaces_identity jwt secret=$TEST_NGINX_SHORT_SECRET issuer=them audience=us;
}
--- must_die
--- error_log
"workspaces_identity jwt": 



=== TEST 9: so is a file that is too large
--- config
location /x {
    workspaces_identity jwt secret=$TEST_NGINX_LONG_SECRET issuer=them audience=us;
}
--- must_die
--- error_log
is larger than 65536 bytes



=== TEST 10: so is none
--- config
location /x {
    workspaces_identity jwt secret=/nonexistent issuer=them audience=us;
}
--- must_die
--- error_log
"/nonexistent" failed



=== TEST 11: a public key need not be secret, but a key
--- user_files
>>> key.pem
no key
--- config
location /x {
    workspaces_identity jwt key=$TEST_NGINX_SERVER_ROOT/html/key.pem issuer=them audience=us;
}
--- must_die
--- error_log
"workspaces_identity jwt": 
--- no_error_log
chmod



=== TEST 12: keys, issuer and audience are needed: a key
--- config
location /x {
    workspaces_identity jwt issuer=them audience=us;
}
--- must_die
--- error_log
"workspaces_identity jwt" needs a key: write key=<file>, secret=<file> or jwks=<file>



=== TEST 13: an issuer
--- config
location /x {
    workspaces_identity jwt secret=$TEST_NGINX_SECRET audience=us;
}
--- must_die
--- error_log
"workspaces_identity jwt" needs an issuer



=== TEST 14: an audience
--- config
location /x {
    workspaces_identity jwt secret=$TEST_NGINX_SECRET issuer=them;
}
--- must_die
--- error_log
"workspaces_identity jwt" needs an audience



=== TEST 15: each is written once
--- config
location /x {
    workspaces_identity jwt secret=$TEST_NGINX_SECRET issuer=them issuer=others audience=us;
}
--- must_die
--- error_log
"workspaces_identity jwt" has "issuer=" twice



=== TEST 16: variables are not known when it is read
--- config
location /x {
    workspaces_identity jwt secret=$TEST_NGINX_SECRET issuer=$host audience=us;
}
--- must_die
--- error_log
invalid "issuer=" in "workspaces_identity jwt": write a value without variables



=== TEST 17: an unknown parameter is not repeated
--- config
location /x {
    workspaces_identity jwt hunter2 issuer=them audience=us;
}
--- must_die
--- error_log
"workspaces_identity jwt" has an unknown parameter
--- no_error_log
hunter2



=== TEST 18: leeway is a time
--- config
location /x {
    workspaces_identity jwt secret=$TEST_NGINX_SECRET issuer=them audience=us leeway=1d;
}
--- must_die
--- error_log
invalid "leeway=1d" in "workspaces_identity jwt": write a time from 0 to 1h
