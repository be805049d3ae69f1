# resty.workspaces in an nginx of the test's own, beside the module.
package Workspaces::Lua;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(lua_missing lua_modules lua_http);

my $dir = '/usr/lib/nginx/modules';
my @modules = ("$dir/ndk_http_module.so", "$dir/ngx_http_lua_module.so");

# For Workspaces::Gateway.
sub lua_modules { return @modules }

# Why there can be no Lua in this run, or an empty text.
sub lua_missing {
    return 'the nginx of this run loads no module of Debian'
        if !grep { /ngx_http_workspaces_module/ }
            split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '';
    my @missing = grep { !-e $_ } @modules,
        ($ENV{WORKSPACES_LUA} // '') . '/libworkspaces.so';
    return @missing ? "not there: @missing" : '';
}

# Directives of http: init with an identity of the usual headers, and with the
# options given, in Lua.  "as_given" leaves out init.
sub lua_http {
    my (%given) = @_;
    my $redis = $given{redis};
    my $url = ref $redis ? $redis->url : $redis // '';
    # not over when the machine is busy
    my %options = (timeout => 20, connect_timeout => 5,
                   %{ $given{options} || {} });
    my $options = join '', map { ", $_ = $options{$_}" } sort keys %options;
    my $init = $given{init} // qq(workspaces.init { redis = "$url"$options });
    my $where = $ENV{WORKSPACES_LUA};
    return <<"END";
    lua_package_path "$where/?.lua;;";
    lua_package_cpath "$where/?.so;;";
    lua_socket_log_errors off;
    client_body_buffer_size 1m;
    init_by_lua_block {
        workspaces = require "resty.workspaces"
        function caller()
            local var = ngx.var
            return { tenant = var.http_x_tenant, user = var.http_x_user,
                     admin = var.http_x_admin }
        end
    }
    init_worker_by_lua_block {
        $init
    }
END
}

1;
