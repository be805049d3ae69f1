# What the suites of the access phase have in common: those of the platform
# dialect (t::Platform), with the mount in every configuration, and backends
# that say what they were sent.
#
#     use lib '.';
#     use t::Edge;
#     use Test::Nginx::Socket;
#
#     add_block_preprocessor(\&prepare_edge);
#
# In `config` the server knows who asks by X-User, as in t::Platform.  The
# backend of $backend answers with a line of the verified headers; that of
# $echo, a tcp_listen, with the bytes that it was sent.

package t::Edge;

use strict;
use warnings;

use t::Platform;

use Digest::SHA ();
use JSON ();
use MIME::Base64 ();

use Exporter 'import';
our @EXPORT = (@t::Platform::EXPORT, qw(
    prepare_edge workspace settings_of external_id_of echo token
));

my $Backend = <<'END';
    upstream backend {
        server unix:$TEST_NGINX_SERVER_ROOT/backend.sock;
    }
    upstream echo {
        server unix:$TEST_NGINX_SERVER_ROOT/echo.sock;
    }
    server {
        listen unix:$TEST_NGINX_SERVER_ROOT/backend.sock;
        location / {
            return 200 "$request_uri id=$http_x_workspace_id external=$http_x_ats_client_id name=$http_x_workspace_name tenant=$http_x_workspace_tenant user=$http_x_workspace_user roles=$http_x_workspace_roles permissions=$http_x_workspace_permissions\n";
        }
        location /whoami {
            if ($http_x_token = "") {
                return 401;
            }
            add_header X-Who $http_x_token;
            return 204;
        }
        location /elsewhere {
            add_header X-Accel-Redirect $http_x_elsewhere;
            return 200 "";
        }
    }
    log_format decision 'decision=$workspace_decision reason=$workspace_reason tenant=$workspace_tenant user=$workspace_user id=$workspace_id status=$status';
END

sub prepare_edge {
    my $block = shift;

    $block->set_value(http_config =>
        $HttpConfig . $Backend . ($block->http_config // ''));
    $block->set_value(config => $Identity . "\n" . $Mount . $block->config)
        if defined $block->config;
    $block->set_value(tcp_listen => '$TEST_NGINX_SERVER_ROOT/echo.sock')
        if defined $block->tcp_reply;
    $block->set_value(response_body_filters => [\&hide_tenant])
        if !defined $block->response_body_filters;
    prepare($block);
}

sub hide_tenant {
    my ($body) = @_;
    $body =~ s/\Q$ENV{TEST_NGINX_TENANT}\E/TENANT/g;
    return $body;
}


# The key of workspace 1 of this block, and the beginning of all keys.
sub workspace {
    my ($id) = @_;
    my $found = redis('KEYS', "wsp:*:$ENV{TEST_NGINX_TENANT}:w:$id");
    my $key = $found->[0] // die "no workspace $id";
    return ($key, $key =~ /\A(.*:)w:\d+\z/);
}

# What no dialect can set so far.
sub settings_of {
    my ($id, $json) = @_;
    redis('HSET', (workspace($id))[0], 'settings', $json);
}

sub external_id_of {
    my ($id, $name) = @_;
    my ($key, $prefix) = workspace($id);
    redis('HSET', $key, 'external', $name);
    redis('SET', "${prefix}e:$name", $id);
}


# For tcp_reply: what was sent, as the body of an answer.
sub echo {
    my ($request) = @_;
    return "HTTP/1.1 200 OK\r\nContent-Length: " . length($request)
        . "\r\nConnection: close\r\n\r\n" . $request;
}


# A bearer token (HS256).
sub token {
    my ($secret, $claims) = @_;
    my $text = join '.', map { base64url(JSON->new->canonical->encode($_)) }
        { alg => 'HS256', typ => 'JWT' }, $claims;
    return "$text." . base64url(Digest::SHA::hmac_sha256($text, $secret));
}

sub base64url {
    my ($bytes) = @_;
    my $text = MIME::Base64::encode($bytes, '');
    $text =~ tr{+/=}{-_}d;
    return $text;
}

1;
