# The suites of the partner dialect: those of Platform.pm with its mount, and
# that of the operator surface, beside the platform's.
#
#     use lib '.';
#     use t::Partner;
#     use Test::Nginx::Socket;
#
#     add_block_preprocessor(\&prepare);
#
# The block's tenant is a partner, registered before `init`, and there is
# another one.  In requests ATS and OTHER stand for their ids, in headers KEY
# and OTHERKEY for their keys, and SIGNED and OTHERSIGNED for a signature of
# the request's body.  provision() takes what KEY asks below /v1, operate()
# what operators ask below /operator.

package t::Partner;

use strict;
use warnings;

use t::Platform ();

use Digest::SHA ();
use JSON ();
use Test::More ();

use Exporter 'import';
our @EXPORT = qw(prepare provision operate redis partner);

$t::Platform::Mount .= <<'END';
    location /v1 {
        workspaces partner;
        workspaces_identity api_key user=$http_x_ats_user_id;
    }
    location /operator {
        workspaces operator;
    }
END

my ($block, %partner);

sub prepare {
    $block = shift;
    $block->set_value(response_body_filters => [\&hide]);
    t::Platform::prepare($block);
    $block->set_value(init => 't::Partner::enter();' . ($block->init // ''))
        if !defined $block->must_die;
    return;
}

sub hide {
    my ($body) = @_;
    my $hex = qr/[0-9a-f]/;
    $body =~ s/"reference_id":"$hex{8}-$hex{4}-7$hex{3}-[89ab]$hex{3}-$hex{12}"/"reference_id":"REF"/g;
    $body =~ s/\Q$ENV{TEST_NGINX_TENANT}\E/ATS/g;
    return t::Platform::hide_times($body);
}

# What was shown of a partner when it was registered: "ATS" or "OTHER".
sub partner { return $partner{$_[0]} }

sub enter {
    my $tenant = $ENV{TEST_NGINX_TENANT};
    %partner = (ATS => register($tenant), OTHER => register("$tenant-b"));
    my $requests = $block->request;
    my @requests = map { named($_) } ref $requests ? @$requests : $requests;
    my $headers = $block->more_headers // '';
    my @headers = ref $headers ? @$headers : ($headers) x @requests;
    for my $i (0 .. $#requests) {
        my ($body) = $requests[$i] =~ /\A[^\n]*\n?\s*(.*?)\s*\z/s;
        $headers[$i] =~ s/\bOTHERSIGNED\b/signature('OTHER', $body)/ge;
        $headers[$i] =~ s/\bSIGNED\b/signature('ATS', $body)/ge;
        $headers[$i] =~ s/\bOTHERKEY\b/$partner{OTHER}{api_key}/g;
        $headers[$i] =~ s/\bKEY\b/$partner{ATS}{api_key}/g;
    }
    $block->set_value(request => ref $requests ? \@requests : $requests[0]);
    $block->set_value(more_headers => ref $requests ? \@headers
                                                    : $headers[0]);
    return;
}

sub named {
    my ($text) = @_;
    $text =~ s/\bATS\b/$partner{ATS}{id}/g;
    $text =~ s/\bOTHER\b/$partner{OTHER}{id}/g;
    return $text;
}

sub signature {
    my ($who, $body, $time) = @_;
    $time //= time;
    return "t=$time,v1=" . Digest::SHA::hmac_sha256_hex(
        "$time.$body", $partner{$who}{incoming_secret});
}

sub register {
    my ($id) = @_;
    my ($body) = operate(qq(POST /partners {"id":"$id","name":"P"}));
    return JSON::decode_json($body || '{}');
}

# 'METHOD /path BODY' each; answers the bodies.
sub operate { return map { ask('/operator', undef, $_) } @_ }

sub provision {
    return map { ask('/v1', $partner{ATS}{api_key}, named($_)) } @_;
}

sub ask {
    my ($base, $key, $text) = @_;
    my ($method, $path, $body) = $text =~ /\A(\S+) (\S+)(?: (.+))?\z/s
        or die "no method and path in: $text";
    $body //= '';
    my $socket = t::Platform::connect_to(main::server_port_for_client());
    print {$socket} join "\r\n", "$method $base$path HTTP/1.1",
        'Host: localhost', 'Connection: close',
        (defined $key ? "X-API-Key: $key" : ()),
        'Content-Length: ' . length $body, '', $body;
    my $answer = do { local $/; <$socket> } // '';
    return $1 if $answer =~ m{\AHTTP/1\.1 20\d .*?\r\n\r\n(.*)\z}s;
    Test::More::fail("asked: $text");
    Test::More::diag($answer);
    return '';
}

sub redis { return t::Platform::redis(@_) }

1;
