# workspaces_smtp and workspaces_invitation_url: what nginx refuses, and says

use lib '.';
use t::Platform;
use Test::Nginx::Socket;

our $Link =
    'workspaces_invitation_url "https://example.com/join/{token}";';

our $NoKeys = $t::Platform::HttpConfig =~ s/workspaces_seal_keys.*//r;
our $NoRedis = $t::Platform::HttpConfig =~ s/workspaces_redis.*?;//sr;

# The http block with a line more: LINK is the directive above, and
# FILE(mode,text) the name of such a file.
sub with_mail {
    my ($line) = @_;
    $line =~ s/LINK/$Link/;
    $line =~ s/FILE\((\d+),(.*?)\)/key_file($2, oct $1)/e;
    return "$t::Platform::HttpConfig    $line\n";
}

add_block_preprocessor(\&prepare);

plan tests => repeat_each() * blocks() * 3;

no_long_string();
run_tests();

__DATA__

=== TEST 1: a sender is needed
--- http_config main::with_mail
workspaces_smtp smtp://127.0.0.1:25; LINK
--- config
--- must_die
--- error_log
"workspaces_smtp" directive needs a sender: write "from=name@example.com"



=== TEST 2: a server is needed, not a web site
--- http_config main::with_mail
workspaces_smtp http://127.0.0.1:25 from=a@example.com; LINK
--- config
--- must_die
--- error_log
"workspaces_smtp" needs a server: write "workspaces_smtp smtp://host:port from=name@example.com;"



=== TEST 3: a server has a host
--- http_config main::with_mail
workspaces_smtp smtp:// from=a@example.com; LINK
--- config
--- must_die
--- error_log
write "smtp://host:port" or "smtps://host:port"



=== TEST 4: and no path
--- http_config main::with_mail
workspaces_smtp smtp://127.0.0.1:25/x from=a@example.com; LINK
--- config
--- must_die
--- error_log
write "smtp://host:port" or "smtps://host:port"



=== TEST 5: a sender is an address
--- http_config main::with_mail
workspaces_smtp smtp://127.0.0.1:25 from=nobody; LINK
--- config
--- must_die
--- error_log
the sender is no mail address: write "name@example.com"



=== TEST 6: a link is needed
--- http_config main::with_mail
workspaces_smtp smtp://127.0.0.1:25 from=a@example.com;
--- config
--- must_die
--- error_log
"workspaces_smtp" needs to know where invitations lead: write "workspaces_invitation_url



=== TEST 7: a link holds the token
--- http_config main::with_mail
workspaces_smtp smtp://127.0.0.1:25 from=a@example.com; workspaces_invitation_url https://example.com/join;
--- config
--- must_die
--- error_log
"workspaces_smtp" and "workspaces_invitation_url": 



=== TEST 8: a link leads to a web site
--- http_config main::with_mail
workspaces_smtp smtp://127.0.0.1:25 from=a@example.com; workspaces_invitation_url "javascript:{token}";
--- config
--- must_die
--- error_log
"workspaces_smtp" and "workspaces_invitation_url": 



=== TEST 9: a password needs a user
--- http_config main::with_mail
workspaces_smtp smtp://127.0.0.1:25 from=a@example.com password_file=FILE(0600,x) starttls; LINK
--- config
--- must_die
--- error_log
needs both "user=" and "password_file=", or neither



=== TEST 10: a user needs a password
--- http_config main::with_mail
workspaces_smtp smtp://127.0.0.1:25 from=a@example.com user=x starttls; LINK
--- config
--- must_die
--- error_log
needs both "user=" and "password_file=", or neither



=== TEST 11: a password is for its owner only
--- http_config main::with_mail
workspaces_smtp smtp://127.0.0.1:25 from=a@example.com user=x password_file=FILE(0640,x) starttls; LINK
--- config
--- must_die
--- error_log
can be used by others than its owner



=== TEST 12: a password is not empty
--- http_config main::with_mail
workspaces_smtp smtp://127.0.0.1:25 from=a@example.com user=x password_file=FILE(0600,) starttls; LINK
--- config
--- must_die
--- error_log
is empty: write the password into its first line



=== TEST 13: smtps is encrypted already
--- http_config main::with_mail
workspaces_smtp smtps://127.0.0.1:465 from=a@example.com starttls; LINK
--- config
--- must_die
--- error_log
which is encrypted from the start: write one of them



=== TEST 14: what is unknown is refused
--- http_config main::with_mail
workspaces_smtp smtp://127.0.0.1:25 from=a@example.com tls; LINK
--- config
--- must_die
--- error_log
"workspaces_smtp" has an unknown parameter, or one twice



=== TEST 15: a parameter is given once
--- http_config main::with_mail
workspaces_smtp smtp://127.0.0.1:25 from=a@example.com from=b@example.com; LINK
--- config
--- must_die
--- error_log
"workspaces_smtp" has "from=" twice



=== TEST 16: off takes nothing else
--- http_config main::with_mail
workspaces_smtp off from=a@example.com;
--- config
--- must_die
--- error_log
is "off", and takes nothing else



=== TEST 17: it is written once
--- http_config main::with_mail
workspaces_smtp off; workspaces_smtp off;
--- config
--- must_die
--- error_log
"workspaces_smtp" directive is duplicate



=== TEST 18: without keys nothing can wait to be sent
--- http_config eval
"$main::NoKeys $main::Link
workspaces_smtp smtp://127.0.0.1:25 from=a\@example.com;"
--- config
--- must_die
--- error_log
"workspaces_smtp" needs a key ring, for what waits to be sent is stored



=== TEST 19: a Redis is needed
--- http_config eval
"$main::NoRedis $main::Link
workspaces_smtp smtp://127.0.0.1:25 from=a\@example.com;"
--- config
--- must_die
--- error_log
"workspaces_smtp" needs to know its Redis: write "workspaces_redis unix:/path/to/socket;" or "workspaces_redis redis://host:port;" in the "http" block



=== TEST 20: certificates are in a file
--- http_config main::with_mail
workspaces_smtp smtp://127.0.0.1:25 from=a@example.com starttls ca=/nonexistent/ca.pem; LINK
--- config
--- must_die
--- error_log
"workspaces_smtp": no certificate can be read from "/nonexistent/ca.pem": write "ca=file"



=== TEST 21: that file has certificates
--- http_config main::with_mail
workspaces_smtp smtp://127.0.0.1:25 from=a@example.com starttls ca=FILE(0644,hello); LINK
--- config
--- must_die
--- error_log
"workspaces_smtp": no certificate can be read from
