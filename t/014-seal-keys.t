# workspaces_seal_keys: which key files are taken

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

# `--- http_config key_file` writes what follows into a file and names it;
# the mode is the first line.
sub key_file_of {
    my ($mode, $text) = split /\n/, shift, 2;
    return 'workspaces_seal_keys ' . key_file($text // '', oct $mode) . ';';
}

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * (blocks() * 4 - 18);

no_long_string();
run_tests();

__DATA__

=== TEST 1: a file that is not there is refused
--- http_config
    workspaces_seal_keys /nowhere/workspaces.keys;
--- must_die
--- error_log eval
[qr{"workspaces_seal_keys": open\(\) "/nowhere/workspaces\.keys" failed: write the name of a key file that nginx can read when it starts.*\(2: No such file or directory\)}]



=== TEST 2: a name is relative to the directory of nginx.conf
--- http_config
    workspaces_seal_keys no.keys;
--- must_die
--- error_log eval
[qr{"workspaces_seal_keys": open\(\) "/.*/conf/no\.keys" failed}]



=== TEST 3: a file that its group can read is refused
--- http_config key_file_of
0640
k AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
--- must_die
--- error_log eval
[qr{"workspaces_seal_keys": "(\S+)" can be used by others than its owner: do "chmod 600 \1"}]



=== TEST 4: a file that everybody can read is refused
--- http_config key_file_of
0604
k AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
--- must_die
--- error_log
can be used by others than its owner



=== TEST 5: a file that everybody can write is refused
--- http_config key_file_of
0602
k AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
--- must_die
--- error_log
can be used by others than its owner



=== TEST 6: a directory is refused
--- http_config
    workspaces_seal_keys /tmp;
--- must_die
--- error_log
"workspaces_seal_keys": "/tmp" is not a regular file: write the name of a key file



=== TEST 7: a file that is no file is refused
--- http_config
    workspaces_seal_keys /dev/null;
--- must_die
--- error_log
"workspaces_seal_keys": "/dev/null" is not a regular file: write the name of a key file



=== TEST 8: an empty file is refused with what to write
--- http_config key_file_of
0600
--- must_die
--- error_log
the key file holds no key: write a line "<key id> <base64 of 32 random bytes>"



=== TEST 9: a file of comments is refused
--- http_config key_file_of
0600
# k AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
--- must_die
--- error_log
the key file holds no key



=== TEST 10: a line without a key is refused by its number, and not shown
--- http_config key_file_of
0600
# one
hush-hush
--- must_die
--- error_log
: line 2: after the key id comes the base64 of exactly 32 bytes
--- no_error_log
hush-hush
[alert]



=== TEST 11: a key of 31 bytes is refused, and not shown
--- http_config key_file_of
0600
k AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==
--- must_die
--- error_log
: line 1: after the key id comes the base64 of exactly 32 bytes
--- no_error_log
AQEB
[alert]



=== TEST 12: a key of 33 bytes is refused
--- http_config key_file_of
0600
k AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB
--- must_die
--- error_log
: line 1: after the key id comes the base64 of exactly 32 bytes



=== TEST 13: something after the key is refused
--- http_config key_file_of
0600
k AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE= x
--- must_die
--- error_log
: line 1: after the key id comes the base64 of exactly 32 bytes



=== TEST 14: what is not base64 is refused
--- http_config key_file_of
0600
k AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBA*E=
--- must_die
--- error_log
: line 1: after the key id comes the base64 of exactly 32 bytes



=== TEST 15: a key id has 1 to 32 of [A-Za-z0-9._-]
--- http_config key_file_of
0600
k AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
k:2 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
--- must_die
--- error_log
: line 2: a key id is 1..32 of [A-Za-z0-9._-]



=== TEST 16: a key id of 33 is refused
--- http_config key_file_of
0600
123456789012345678901234567890123 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
--- must_die
--- error_log
: line 1: a key id is 1..32 of [A-Za-z0-9._-]



=== TEST 17: a key id is there once
--- http_config key_file_of
0600
k AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=

k AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=
--- must_die
--- error_log
: line 3: this key id is there already



=== TEST 18: a file over 64 KiB is refused
--- http_config eval
'workspaces_seal_keys ' . t::Platform::key_file('#' x 65537) . ';'
--- must_die
--- error_log eval
[qr/"workspaces_seal_keys": "\S+" is larger than 65536 bytes: write the name of a key file/]



=== TEST 19: one http block has one key file
--- http_config
    workspaces_seal_keys $TEST_NGINX_SEAL_KEYS;
    workspaces_seal_keys $TEST_NGINX_SEAL_KEYS;
--- must_die
--- error_log
"workspaces_seal_keys" directive is duplicate



=== TEST 20: workspaces_seal_keys is not for a server
--- config
    workspaces_seal_keys $TEST_NGINX_SEAL_KEYS;
--- must_die
--- error_log
"workspaces_seal_keys" directive is not allowed here



=== TEST 21: blanks, comments, CRLF and a last line without an end are taken
--- http_config eval
my $file = t::Platform::key_file("# keys\r\n\r\n  a\t" . 'AQEB' x 10 . "AQE= \r\nb.c_d-9 " . 'AgIC' x 10 . 'AgI=', 0400);
$t::Platform::HttpConfig =~ s/\$TEST_NGINX_SEAL_KEYS/$file/r
--- init
main::given('root POST / {"name":"A"}', 'root POST /1/encrypted {"a":1}');
--- request
GET /api/workspaces/1/encrypted
--- more_headers
X-User: root
--- response_body: {"a":1}
