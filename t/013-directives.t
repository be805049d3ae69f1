# What nginx refuses to start with, and the sentence that says why

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 - 35);

no_long_string();
run_tests();

__DATA__

=== TEST 1: workspaces takes a dialect that is there
--- config
    location /api/workspaces { workspaces martian; }
--- must_die
--- error_log eval
[qr/\[emerg\].*unknown dialect "martian" in "workspaces": write one of \(.*platform.*\)/]



=== TEST 2: workspaces takes one dialect
--- config
    location /api/workspaces { workspaces platform platform; }
--- must_die
--- error_log
invalid number of arguments in "workspaces" directive



=== TEST 3: workspaces is not without a dialect
--- config
    location /api/workspaces { workspaces; }
--- must_die
--- error_log
invalid number of arguments in "workspaces" directive



=== TEST 4: one location has one dialect
--- config
    location /api/workspaces { workspaces platform; workspaces platform; }
--- must_die
--- error_log
"workspaces" directive is duplicate



=== TEST 5: workspaces needs to know where Redis is
--- http_config
--- config
    location /api/workspaces { workspaces platform; }
--- must_die
--- error_log
"workspaces" needs to know its Redis: write "workspaces_redis unix:/path/to/socket;" or "workspaces_redis redis://host:port;" in the "http" block; used in



=== TEST 6: workspaces is not for a location given by a regular expression
--- config
    location ~ ^/api/workspaces { workspaces platform; }
--- must_die
--- error_log
"workspaces" cannot be used in a location given by a regular expression: write it in a prefix or an exact location, like "location /api/workspaces { workspaces platform; }"



=== TEST 7: workspaces is not for a named location
--- config
    location @workspaces { workspaces platform; }
--- must_die
--- error_log
"workspaces" cannot be used in a named location: write it in a prefix or an exact location



=== TEST 8: workspaces is not for if
--- config
    location /api/workspaces { if ($http_x) { workspaces platform; } }
--- must_die
--- error_log
"workspaces" cannot be used in "if": write it in a prefix or an exact location



=== TEST 9: workspaces is not for limit_except
--- config
    location /api/workspaces { limit_except GET { workspaces platform; } }
--- must_die
--- error_log
"workspaces" cannot be used in "limit_except": write it in a prefix or an exact location



=== TEST 10: workspaces is not for a server
--- config
    workspaces platform;
--- must_die
--- error_log
"workspaces" directive is not allowed here



=== TEST 11: workspaces_redis is not for a server
--- config
    workspaces_redis redis://127.0.0.1;
--- must_die
--- error_log
"workspaces_redis" directive is not allowed here



=== TEST 12: one http block has one Redis
--- http_config
    workspaces_redis redis://127.0.0.1;
    workspaces_redis redis://127.0.0.1;
--- must_die
--- error_log
"workspaces_redis" directive is duplicate



=== TEST 13: workspaces_redis takes a URL
--- http_config
    workspaces_redis;
--- must_die
--- error_log
invalid number of arguments in "workspaces_redis" directive



=== TEST 14: a URL of another scheme is refused with what to write
--- http_config
    workspaces_redis http://127.0.0.1;
--- must_die
--- error_log
"workspaces_redis": write unix:/path/to/socket[:db] or redis://[[user]:password@]host[:port][/db]



=== TEST 15: a port that is none is refused
--- http_config
    workspaces_redis redis://127.0.0.1:65536;
--- must_die
--- error_log
"workspaces_redis": the port is a number of 1..65535: write



=== TEST 16: port 0 is refused
--- http_config
    workspaces_redis redis://127.0.0.1:0;
--- must_die
--- error_log
"workspaces_redis": the port is a number of 1..65535: write



=== TEST 17: a host is needed
--- http_config
    workspaces_redis redis://:6379;
--- must_die
--- error_log
"workspaces_redis": the host is missing: write



=== TEST 18: a database that is none is refused
--- http_config
    workspaces_redis redis://127.0.0.1/first;
--- must_die
--- error_log
"workspaces_redis": the database is a number of 0..65535: write



=== TEST 19: a socket has an absolute path
--- http_config
    workspaces_redis unix:redis.sock;
--- must_die
--- error_log
"workspaces_redis": the socket's path is absolute and at most 107 bytes: write



=== TEST 20: a socket's path has at most 107 bytes
--- http_config eval
"workspaces_redis unix:/" . 'a' x 107 . ';'
--- must_die
--- error_log
"workspaces_redis": the socket's path is absolute and at most 107 bytes: write



=== TEST 21: a password without a colon is not shown
--- http_config
    workspaces_redis redis://hush-hush@127.0.0.1;
--- must_die
--- error_log
"workspaces_redis": a password is written after a colon: write
--- no_error_log
hush-hush
[alert]



=== TEST 22: the password of a bad URL is not shown
--- http_config
    workspaces_redis redis://user:hush-hush@127.0.0.1:port;
--- must_die
--- error_log
"workspaces_redis": the port is a number of 1..65535
--- no_error_log
hush-hush
[alert]



=== TEST 23: the password of another scheme is not shown
--- http_config
    workspaces_redis rediss://user:hush-hush@127.0.0.1;
--- must_die
--- error_log
"workspaces_redis": write
--- no_error_log
hush-hush
[alert]



=== TEST 24: the password is not shown when the parameters are bad
--- http_config
    workspaces_redis redis://user:hush-hush@127.0.0.1 timeout=never;
--- must_die
--- error_log
"timeout=never"
--- no_error_log
hush-hush
[alert]



=== TEST 25: an encoding that is none is refused
--- http_config
    workspaces_redis redis://user:hush-hush%zz@127.0.0.1;
--- must_die
--- error_log
"workspaces_redis": user and password are percent-encoded, and the password is not empty: write
--- no_error_log
hush-hush
[alert]



=== TEST 26: a host that cannot be resolved is refused
--- http_config
    workspaces_redis redis://:hush-hush@no-such-host.invalid;
--- must_die
--- error_log eval
[qr/"workspaces_redis": host not found.* in "no-such-host\.invalid:6379": write an address that nginx can use when it starts/]
--- no_error_log
hush-hush
[alert]



=== TEST 27: an unknown parameter of workspaces_redis is refused
--- http_config
    workspaces_redis redis://127.0.0.1 pool=7;
--- must_die
--- error_log
write "workspaces_redis <url> [timeout=2s] [connect_timeout=1s] [queue=4096];"



=== TEST 28: a time of workspaces_redis is from 1ms to 1h
--- http_config
    workspaces_redis redis://127.0.0.1 timeout=0;
--- must_die
--- error_log
invalid "timeout=0" in "workspaces_redis": write a time from 1ms to 1h, like "2s"



=== TEST 29: a time over an hour is refused
--- http_config
    workspaces_redis redis://127.0.0.1 connect_timeout=2h;
--- must_die
--- error_log
invalid "connect_timeout=2h" in "workspaces_redis": write a time from 1ms to 1h, like "2s"



=== TEST 30: the queue is a number of 1 to 1048576
--- http_config
    workspaces_redis redis://127.0.0.1 queue=1048577;
--- must_die
--- error_log
invalid "queue=1048577" in "workspaces_redis": write a number from 1 to 1048576



=== TEST 31: a queue that is no number is refused
--- http_config
    workspaces_redis redis://127.0.0.1 queue=-1;
--- must_die
--- error_log
invalid "queue=-1" in "workspaces_redis": write a number from 1 to 1048576



=== TEST 32: a parameter of workspaces_redis is given once
--- http_config
    workspaces_redis redis://127.0.0.1 timeout=1s timeout=1s;
--- must_die
--- error_log
"workspaces_redis" has "timeout=" twice: write it once



=== TEST 33: workspaces_identity knows trusted, jwt and off
--- config
    workspaces_identity guess tenant=$arg_t user=$arg_u;
--- must_die
--- error_log
invalid "workspaces_identity guess": write "workspaces_identity trusted tenant=$tenant user=$user;", "workspaces_identity jwt key=<file> issuer=... audience=...;", "workspaces_identity api_key;" or "workspaces_identity off;"



=== TEST 34: off takes nothing more
--- config
    workspaces_identity off tenant=$arg_t;
--- must_die
--- error_log
workspaces_identity off



=== TEST 35: trusted needs a tenant
--- config
    workspaces_identity trusted user=$arg_u;
--- must_die
--- error_log
"workspaces_identity trusted" needs a tenant and a user: write "workspaces_identity trusted tenant=$tenant user=$user;"



=== TEST 36: trusted needs a user
--- config
    workspaces_identity trusted tenant=$arg_t;
--- must_die
--- error_log
"workspaces_identity trusted" needs a tenant and a user: write "workspaces_identity trusted tenant=$tenant user=$user;"



=== TEST 37: an unknown trait is refused
--- config
    workspaces_identity trusted tenant=$arg_t user=$arg_u Admin=$arg_a;
--- must_die
--- error_log
unknown parameter "Admin=$arg_a" in "workspaces_identity": write one of (tenant=, user=, email=, name=, roles=, permissions=, admin=)



=== TEST 38: a trait is given once
--- config
    workspaces_identity trusted tenant=$arg_t user=$arg_u user=$arg_v;
--- must_die
--- error_log
"workspaces_identity" has "user=" twice: write it once



=== TEST 39: a trait has a value
--- config
    workspaces_identity trusted tenant=$arg_t user=;
--- must_die
--- error_log
"user=" in "workspaces_identity" has no value: write a variable, like "user=$my_variable"



=== TEST 40: a variable that nobody sets is refused
--- config
    workspaces_identity trusted tenant=$arg_t user=$nobody_sets_this;
--- must_die
--- error_log
unknown "nobody_sets_this" variable



=== TEST 41: one level has one workspaces_identity
--- config
    workspaces_identity off;
    workspaces_identity off;
--- must_die
--- error_log
"workspaces_identity" directive is duplicate
