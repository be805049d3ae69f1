# workspaces_identity api_key: the directive, and keys in both phases.

use lib '.';
use t::Edge;
use Test::Nginx::Socket;

use Time::HiRes ();

# The BLAKE2b-256 of the keys below (b2sum -l 256).
our %Hash = map {
    my ($hash) = `printf %s '$_' | b2sum -l 256` =~ /\A([0-9a-f]{64}) /
        or die 'b2sum (coreutils) is needed';
    $_ => $hash;
} qw(good-key off-key);

# A key of the block's tenant.
sub key_is {
    my ($key, @fields) = @_;
    redis('DEL', "wsp:k:$Hash{$key}");
    redis('HSET', "wsp:k:$Hash{$key}", 'tenant',
          $ENV{TEST_NGINX_TENANT}, @fields);
}

add_block_preprocessor(sub {
    my $block = shift;
    $block->set_value(config => <<'END' . $block->config);
        location /key/workspaces {
            workspaces platform;
            workspaces_identity api_key;
        }
        location /named/workspaces {
            workspaces platform;
            workspaces_identity api_key key=$arg_key user=$http_x_as;
        }
        location /edge {
            workspaces_identity api_key;
            workspaces_access on;
            try_files /none @ok;
        }
        location @ok { return 200 "$http_x_api_key\n"; }
END
    prepare_edge($block);
});

plan tests => repeat_each() * (blocks() * 3 + 4);

no_long_string();
no_root_location();
run_tests();

__DATA__

=== TEST 1: a key that Redis knows says tenant and user
--- init
main::key_is('good-key', user => 'alice');
main::given('alice POST / {"name":"A"}');
--- config
--- request
GET /key/workspaces/1
--- more_headers
X-API-Key: good-key
--- response_body_like: "_id":"1","name":"A"



=== TEST 2: no key is 401
--- config
--- request
GET /key/workspaces
--- error_code: 401
--- response_body: {"message":"API key required"}
--- response_headers
WWW-Authenticate: Bearer



=== TEST 3: an unknown key is 401
--- config
--- request
GET /key/workspaces
--- more_headers
X-API-Key: another
--- error_code: 401
--- response_body: {"message":"invalid API key"}



=== TEST 4: two keys are none
--- init
main::key_is('good-key', user => 'alice');
--- config
--- request
GET /key/workspaces
--- more_headers
X-API-Key: good-key
X-API-Key: good-key
--- error_code: 401
--- response_body: {"message":"invalid API key"}



=== TEST 5: a disabled key is 403
--- init
main::key_is('off-key', user => 'alice', disabled => 1);
--- config
--- request
GET /key/workspaces
--- more_headers
X-API-Key: off-key
--- error_code: 403
--- response_body: {"message":"this API key is disabled"}



=== TEST 6: whatever the field says but no disables it
--- init
main::key_is('off-key', user => 'alice', disabled => 'TRUE');
main::key_is('good-key', user => 'alice', disabled => 'false');
main::given('alice POST / {"name":"A"}');
--- config
--- request eval
["GET /key/workspaces", "GET /key/workspaces"]
--- more_headers eval
["X-API-Key: off-key", "X-API-Key: good-key"]
--- error_code eval: [403, 200]
--- response_body_like eval
[qr/this API key is disabled/, qr/"name":"A"/]



=== TEST 7: the user that the source names goes before the key's own
--- init
main::key_is('good-key', user => 'alice');
main::given('bob POST / {"name":"of bob"}');
--- config
--- request
GET /named/workspaces/1?key=good-key
--- more_headers
X-As: bob
--- response_body_like: "name":"of bob"



=== TEST 8: a key without a user needs one named
--- init
main::key_is('good-key');
--- config
--- request
GET /named/workspaces?key=good-key
--- error_code: 401
--- response_body: {"message":"a user is required"}



=== TEST 9: a key makes no tenant admin
--- init
main::key_is('good-key', user => 'root', admin => 1);
--- config
--- request
GET /key/workspaces/all
--- more_headers
X-API-Key: good-key
X-Admin: 1
--- error_code: 403
--- response_body: {"message":"administrator privileges required"}



=== TEST 10: a member with a key passes the access phase
--- init
main::key_is('good-key', user => 'alice');
main::given('alice POST / {"name":"A"}');
--- config
--- request
GET /edge
--- more_headers
X-API-Key: good-key
X-Workspace-ID: 1
--- response_body
good-key



=== TEST 11: a stranger with a key does not
--- init
main::key_is('good-key', user => 'eve');
main::given('alice POST / {"name":"A"}');
--- config
--- request
GET /edge
--- more_headers
X-API-Key: good-key
X-Workspace-ID: 1
--- error_code: 404
--- response_body_like: "status":404
