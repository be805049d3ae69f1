# workspaces_webhooks: what nginx refuses, and says

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

our $NoKeys = $t::Platform::HttpConfig =~ s/workspaces_seal_keys.*//r;
our $NoRedis = $t::Platform::HttpConfig =~ s/workspaces_redis.*?;//sr;

# The http block with a line more, and name servers, which nobody asks.
# FILE(text) is the name of such a file.
sub with_webhooks {
    my ($line) = @_;
    $line =~ s/FILE\((.*?)\)/key_file($1, 0644)/e;
    return "$t::Platform::HttpConfig    resolver 127.0.0.1:9; $line\n";
}

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * blocks() * 3 - 2;

no_long_string();
run_tests();

__DATA__

=== TEST 1: name servers are needed
--- http_config eval
"$t::Platform::HttpConfig workspaces_webhooks;"
--- config
--- must_die
--- error_log
"workspaces_webhooks" needs name servers: write "resolver address;" in the "http" block



=== TEST 2: those of a server are not enough
--- http_config eval
"$t::Platform::HttpConfig workspaces_webhooks;"
--- config
resolver 127.0.0.1:9;
--- must_die
--- error_log
"workspaces_webhooks" needs name servers: write "resolver address;" in the "http" block



=== TEST 3: keys are needed
--- http_config eval
"$main::NoKeys
resolver 127.0.0.1:9; workspaces_webhooks;"
--- config
--- must_die
--- error_log
"workspaces_webhooks" needs a key ring, for the secrets that sign are stored sealed: write "workspaces_seal_keys file;"



=== TEST 4: what is unknown is refused
--- http_config main::with_webhooks
workspaces_webhooks allow_https;
--- config
--- must_die
--- error_log
has an unknown parameter, or one twice: "allow_https": write "workspaces_webhooks [allow_http] [allow_private] [retry=0s,5s,5m,...] [trusted_certificate=file];" or "workspaces_webhooks off;"



=== TEST 5: a word is given once
--- http_config main::with_webhooks
workspaces_webhooks allow_http allow_http;
--- config
--- must_die
--- error_log
has an unknown parameter, or one twice: "allow_http"



=== TEST 6: a parameter is given once
--- http_config main::with_webhooks
workspaces_webhooks retry=0s,5s retry=0s;
--- config
--- must_die
--- error_log
"workspaces_webhooks" has "retry=" twice, or with nothing behind it



=== TEST 7: times are times
--- http_config main::with_webhooks
workspaces_webhooks retry=0s,soon;
--- config
--- must_die
--- error_log
"workspaces_webhooks": the times of tries are like "0s,5s,5m,30m,2h,1d"



=== TEST 8: the first is at once
--- http_config main::with_webhooks
workspaces_webhooks retry=5s,5m;
--- config
--- must_die
--- error_log
"workspaces_webhooks": the times of tries are like "0s,5s,5m,30m,2h,1d"



=== TEST 9: a parameter has a value
--- http_config main::with_webhooks
workspaces_webhooks retry=;
--- config
--- must_die
--- error_log
"workspaces_webhooks" has "retry=" twice, or with nothing behind it



=== TEST 10: certificates are in a file
--- http_config main::with_webhooks
workspaces_webhooks trusted_certificate=/nonexistent/ca.pem;
--- config
--- must_die
--- error_log
"workspaces_webhooks": no certificate can be read from "/nonexistent/ca.pem": write "trusted_certificate=file"



=== TEST 11: that file has certificates
--- http_config main::with_webhooks
workspaces_webhooks trusted_certificate=FILE(hello);
--- config
--- must_die
--- error_log
"workspaces_webhooks": no certificate can be read from



=== TEST 12: off takes nothing else
--- http_config main::with_webhooks
workspaces_webhooks off allow_http;
--- config
--- must_die
--- error_log
is "off", and takes nothing else



=== TEST 13: it is written once
--- http_config main::with_webhooks
workspaces_webhooks; workspaces_webhooks off;
--- config
--- must_die
--- error_log
"workspaces_webhooks" directive is duplicate



=== TEST 14: all of it
--- http_config main::with_webhooks
workspaces_webhooks allow_http allow_private retry=0s,5s,1d;
--- config
location /api/workspaces {
    workspaces platform;
}
--- request
GET /api/workspaces
--- error_code: 401



=== TEST 15: off needs nothing
--- http_config eval
"$main::NoKeys
workspaces_webhooks off;"
--- config
location /api/workspaces {
    workspaces platform;
}
--- request
GET /api/workspaces
--- error_code: 401



=== TEST 16: a Redis is needed
--- http_config eval
"$main::NoRedis
resolver 127.0.0.1:9; workspaces_webhooks;"
--- config
--- must_die
--- error_log
"workspaces_webhooks" needs to know its Redis: write "workspaces_redis unix:/path/to/socket;" or "workspaces_redis redis://host:port;" in the "http" block
