package Bench::Gateway;

# Gateway: the nginx servers of the access phase.  Each hands GET requests to
# the same backend, over connections that are kept; they differ in who decides
# whether a request may pass, and in nothing else.  All of them take tenant and
# user from headers, which stand for what has verified the caller, and the
# workspace from X-Workspace-ID.
#
# The backend is another nginx that answers at once with a small body.

use strict;
use warnings;

use FindBin;

my $NGINX_MODULES = '/usr/lib/nginx/modules';
my @LUA = map { "$NGINX_MODULES/$_" }
    qw(ndk_http_module.so ngx_http_lua_module.so);

my $KEPT = <<'END';
        keepalive 256;
        keepalive_requests 1000000000;
END

sub start_backend {
    my ($room) = @_;

    return $room->start_nginx('backend',
        place     => 'backend',
        locations => <<'END');
        location / {
            default_type application/json;
            return 200 '{"items":[{"id":1,"name":"first"}],"more":false}';
        }
END
}

# No check at all.
sub start_open {
    my ($room, $backend, $name, %with) = @_;
    return start($room, $backend, $name, '', %with);
}

# The module; `cache` is what workspaces_cache gets.
sub start_module {
    my ($room, $backend, $name, $module, $cache, %with) = @_;

    return start($room, $backend, $name, "workspaces_access on;\n",
        %with,
        modules => [$module],
        http    => <<"END");
    workspaces_redis unix:$room->{redis}{socket};
    workspaces_cache $cache;
    workspaces_identity trusted tenant=\$http_x_tenant user=\$http_x_user;
END
}

# auth_request to a service that listens on `port`.
sub start_auth_request {
    my ($room, $backend, $name, $port, %with) = @_;

    return start($room, $backend, $name, "auth_request /decide;\n",
        %with,
        http => <<"END",
    upstream service {
        server 127.0.0.1:$port;
$KEPT    }
END
        locations => <<'END');
        location = /decide {
            internal;
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Content-Length "";
            proxy_pass_request_body off;
        }
END
}

# access_by_lua with a function of decide.lua.
sub start_lua {
    my ($room, $backend, $name, $partition, $function, %with) = @_;

    require_lua();
    return start($room, $backend, $name,
        "access_by_lua_block { require(\"decide\").$function() }\n",
        %with,
        modules => [@LUA],
        http    => <<"END");
    lua_package_path '$FindBin::Bin/access/?.lua;;';
    lua_socket_log_errors off;
    init_by_lua_block {
        require("decide").configure("$room->{redis}{socket}", "$partition")
    }
END
}

# resty.workspaces, from the directory of `make lua`; `cache` in bytes, or
# "false".
sub start_resty {
    my ($room, $backend, $name, $lua, $cache, %with) = @_;

    require_lua();
    return start($room, $backend, $name, <<'END',
access_by_lua_block { require("resty.workspaces").access() }
END
        %with,
        modules => [@LUA],
        http    => <<"END");
    lua_package_path '$lua/?.lua;;';
    lua_package_cpath '$lua/?.so;;';
    lua_socket_log_errors off;
    init_worker_by_lua_block {
        local var = ngx.var
        require("resty.workspaces").init {
            redis = "unix:$room->{redis}{socket}",
            cache = $cache,
            identity = function()
                return { tenant = var.http_x_tenant,
                         user = var.http_x_user }
            end,
        }
    }
END
}

# `check` is what the location has besides handing on.
sub start {
    my ($room, $backend, $name, $check, %with) = @_;

    my $http      = delete $with{http}      // '';
    my $locations = delete $with{locations} // '';
    my $extra     = delete $with{extra}     // '';
    return $room->start_nginx($name,
        %with,
        http => <<"END",
    upstream backend {
        server 127.0.0.1:$backend->{port};
$KEPT    }
$http
END
        locations => <<"END");
        location / {
            $check
            $extra
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
$locations
END
}

sub lua_modules { return @LUA }

sub require_lua {
    for my $path (@LUA) {
        die "$path is missing (Debian: apt install libnginx-mod-http-lua)\n"
            if !-f $path;
    }
    return;
}

1;
