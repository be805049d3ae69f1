# The suites of the organization dialect: those of Platform.pm with another
# mount beside the platform's.
#
#     use lib '.';
#     use t::Organization;
#     use Test::Nginx::Socket;
#
#     add_block_preprocessor(\&prepare);
#
# The organization is the block's tenant, and ORG stands for it in what is
# sent and received.  given() takes paths below /api/v1, platform() those
# below /api/workspaces.

package t::Organization;

use strict;
use warnings;

use t::Platform ();

use Exporter 'import';
our @EXPORT = qw(prepare given platform redis);

$t::Platform::Mount .= <<"END";
    location /api/v1 {
        workspaces organization;
        $t::Platform::Identity
    }
END

sub org { return $ENV{TEST_NGINX_TENANT} }

sub named {
    my ($text) = @_;
    $text =~ s/\bORG\b/org()/ge;
    return $text;
}

sub unnamed {
    my ($text) = @_;
    my $org = org();
    $text = t::Platform::hide_times($text);
    $text =~ s/\Q$org\E/ORG/g;
    return $text;
}

sub prepare {
    my $block = shift;
    $block->set_value(response_body_filters => [\&unnamed]);
    t::Platform::prepare($block);
    my $request = $block->request;
    return if !defined $request;
    $block->set_value(request => ref $request ? [map { named($_) } @$request]
                                              : named($request));
    return;
}

sub given {
    local $t::Platform::Base = '/api/v1';
    return t::Platform::given(map { named($_) } @_);
}

sub platform { return t::Platform::given(@_) }

sub redis {
    return t::Platform::redis(map { named($_) } @_);
}

1;
