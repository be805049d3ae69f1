# The suites of the location dialect: those of Platform.pm with another mount
# beside the platform's.
#
#     use lib '.';
#     use t::Location;
#     use Test::Nginx::Socket;
#
#     add_block_preprocessor(\&prepare);
#
# X-Name and X-Email are what the identity says of the user, and X-Permissions
# what it permits in the tenant.  given() takes paths below /api/v1,
# platform() those below /api/workspaces.

package t::Location;

use strict;
use warnings;

use t::Platform ();

use Exporter 'import';
our @EXPORT = qw(prepare given platform redis error unseen item);

my $identity = $t::Platform::Identity
    =~ s/;\z/ name=\$http_x_name email=\$http_x_email permissions=\$http_x_permissions;/r;

$t::Platform::Mount .= <<"END";
    location /api/v1 {
        workspaces location;
        $identity
    }
END

sub hide_times {
    my ($body) = @_;
    my $time = qr/20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\dZ/;
    $body =~ s/"((?:created|updated|added|expires)_at)":"$time"/"$1":"TIME"/g;
    return $body;
}

sub prepare {
    my $block = shift;
    $block->set_value(response_body_filters => [\&hide_times]);
    return t::Platform::prepare($block);
}

sub given {
    local $t::Platform::Base = '/api/v1';
    return t::Platform::given(@_);
}

sub platform { return t::Platform::given(@_) }

sub redis { return t::Platform::redis(@_) }

# The answer to what is wrong with a field.
sub error {
    my ($field, $message) = @_;
    return qq({"message":"$message","errors":{"$field":["$message"]}});
}

# A workspace as it is listed.  Text as in JSON: "\"alice\"", "7", "null".
sub item {
    my ($id, $name, $owner, $mine, $owner_name, $owner_email) = @_;
    $_ //= 'null' for $owner_name, $owner_email;
    return qq({"id":$id,"name":"$name","owner_id":$owner,)
        . qq("owner":{"id":$owner,"name":$owner_name,"email":$owner_email},)
        . qq("is_owner":$mine,"created_at":"TIME","updated_at":"TIME"});
}

# To who may not.
sub unseen { return '{"message":"This action is unauthorized."}' }

1;
