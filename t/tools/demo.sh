#!/bin/bash
# demo.sh start|stop   the demo of `make run`, all of it in RUN_DIR
# (default ./run): a Redis on a unix socket, an nginx on a loopback port.
#
# Starting again restarts nginx with what is built now and keeps the data.
# PORT asks for a port; without it the last one is taken again, or the first
# free one from 8080 on.

. "$(dirname "$0")/lib.sh"

dir=${RUN_DIR:-$top/run}
action=${1:-start}

stop_nginx() {
    stop "$dir/nginx.pid" "$dir" QUIT
}

stop_redis() {
    stop "$dir/redis.pid" "$dir"
}

case $action in
    start) ;;
    stop)
        stop_nginx
        stop_redis
        exit
        ;;
    *)
        die "start or stop, not $action"
        ;;
esac

"$tools/packages.sh" build run
"$tools/build-module.sh"

# -- the directory: the key, the data and the sockets are nobody else's

mkdir -p "$dir/tmp"
dir=$(cd "$dir" && pwd)
chmod 700 "$dir"
socket=$dir/redis.sock
[ ${#socket} -le 107 ] || die "$socket is too long for the path of a" \
    "unix socket: say RUN_DIR=<a shorter one>"

if [ ! -f "$dir/seal.keys" ]; then
    (umask 077
     printf 'demo-1 %s\n' "$(head -c 32 /dev/urandom | base64)" \
         > "$dir/seal.keys.new")
    mv "$dir/seal.keys.new" "$dir/seal.keys"
fi

# -- Redis

cat > "$dir/redis.conf" << END
port 0
unixsocket $socket
unixsocketperm 700
dir $dir
pidfile $dir/redis.pid
logfile $dir/redis.log
daemonize yes
# workspaces are records, not a cache: none may be evicted, all are kept
maxmemory-policy noeviction
appendonly yes
save ""
END

if ! running "$dir/redis.pid" "$dir"; then
    rm -f "$socket"
    redis-server "$dir/redis.conf"
fi

for i in $(seq 100); do
    [ "$(redis-cli -s "$socket" ping 2>&1)" != PONG ] || break
    [ "$i" -lt 100 ] || die "Redis does not answer: see $dir/redis.log"
    sleep 0.1
done

# -- nginx

stop_nginx

free() {
    perl -MIO::Socket::INET -e '
        exit !IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1,
                                    LocalPort => shift, ReuseAddr => 1)' "$1"
}

port=${PORT:-$(cat "$dir/port" 2>/dev/null || echo 8080)}
if [ -n "${PORT:-}" ]; then
    free "$port" || die "port $port is taken"
fi
while ! free "$port"; do
    port=$((port + 1))
done
echo "$port" > "$dir/port"

# workers of a root's nginx would become somebody who cannot enter $dir
user=
[ "$(id -u)" -ne 0 ] || user='user root;'

docs=
if "$tools/fetch.sh" swagger-ui "$build/swagger-ui"; then
    docs="location /docs { workspaces_docs assets=$build/swagger-ui; }"
fi

cat > "$dir/nginx.conf" << END
# written by make run

load_module $build/module/$module.so;

$user
worker_processes auto;
pid $dir/nginx.pid;
error_log $dir/error.log notice;

events {
}

http {
    access_log $dir/access.log;
    client_body_temp_path $dir/tmp/body;
    proxy_temp_path $dir/tmp/proxy;
    fastcgi_temp_path $dir/tmp/fastcgi;
    uwsgi_temp_path $dir/tmp/uwsgi;
    scgi_temp_path $dir/tmp/scgi;

    workspaces_redis unix:$socket;
    workspaces_seal_keys $dir/seal.keys;

    # For a demo on loopback only: anybody may send these headers, and who
    # sends none, as a browser does, is alice.  A gateway takes such values
    # from what it has verified.
    map \$http_x_tenant \$tenant {
        default \$http_x_tenant;
        ""      demo;
    }

    map \$http_x_user \$user {
        default \$http_x_user;
        ""      alice;
    }

    workspaces_identity trusted tenant=\$tenant user=\$user
        email=\$http_x_email admin=\$http_x_admin;

    server {
        listen 127.0.0.1:$port;

        # what a page of another site makes a browser send
        if (\$http_sec_fetch_site = cross-site) {
            return 403;
        }

        location /api/workspaces {
            workspaces platform;
        }

        location /organization/api/v1 {
            workspaces organization;
        }

        location /location/api/v1 {
            workspaces location;
        }

        location /partner/v1 {
            workspaces partner;
            workspaces_identity api_key user=\$http_x_ats_user_id;
        }

        # entities of partners: a backend would serve them
        location /partner/v1/candidates {
            workspaces_identity api_key user=\$http_x_ats_user_id;
            workspaces_access on;
            workspaces_access_errors partner;
            try_files /none @candidates;
        }

        location @candidates {
            default_type text/plain;
            return 200 "workspace \$workspace_id of \$workspace_tenant, client \$workspace_external_id, user \$workspace_user";
        }

        # whoever is on this machine
        location /operator {
            workspaces operator;
            allow 127.0.0.1;
            deny all;
        }

        $docs
    }
}
END

nginx -p "$dir" -e "$dir/error.log" -c "$dir/nginx.conf"

api=http://127.0.0.1:$port/api/workspaces
for i in $(seq 50); do
    code=$(curl -s -o "$dir/tmp/answer" -w '%{http_code}' -H 'X-Tenant: demo' \
        -H 'X-User: alice' "$api" || :)
    [ "$code" != 200 ] || break
    [ "$i" -lt 50 ] || {
        tail -n 5 "$dir/error.log" >&2
        die "GET $api answers $code: see $dir/error.log"
    }
    sleep 0.1
done

org=http://127.0.0.1:$port/organization/api/v1
loc=http://127.0.0.1:$port/location/api/v1
partner=http://127.0.0.1:$port/partner/v1
operator=http://127.0.0.1:$port/operator
alice="-H 'X-Tenant: demo' -H 'X-User: alice'"
admin="-H 'X-Tenant: demo' -H 'X-User: root' -H 'X-Admin: 1'"
json="-H 'Content-Type: application/json'"

cat << END

nginx serves $api
${docs:+its documentation, to be tried out in a browser: ${api%/api/*}/docs#/workspaces
}config, logs, keys and data: $dir; \`make stop\` ends it.  To paste:

# make a workspace, remember its id
  id=\$(curl -s $alice $json $api -d '{"name": "Berlin", "labels": ["team"]}' | tee /dev/stderr | sed 's/.*"_id": *"\\([^"]*\\)".*/\\1/')

# list, get, rename
  curl -iw '\\n' $alice $api
  curl -iw '\\n' $alice $api/\$id
  curl -iw '\\n' $alice $json -X PUT $api/\$id -d '{"name": "Berlin Mitte"}'

# add a member, list members
  curl -iw '\\n' $alice $json $api/\$id/members -d '{"userId": "bob", "roles": ["member"]}'
  curl -iw '\\n' $alice $api/\$id/members

# as admin of the tenant: search all workspaces, seal data, read it back
  curl -iw '\\n' $admin "$api/all?name=^berlin&select=name,members"
  curl -iw '\\n' $admin $json -H 'x-encrypted-id: billing' $api/\$id/encrypted -d '{"apiKey": "secret-key"}'
  curl -iw '\\n' $admin -H 'x-encrypted-id: billing' $api/\$id/encrypted

# the organization dialect: register, settings for all, two workspaces at once
  curl -iw '\\n' $alice $json $org/organizations -d '{"name": "Demo Inc"}'
  curl -iw '\\n' $admin $json -X PUT $org/organizations/demo/settings -d '{"theme": "dark"}'
  curl -iw '\\n' $admin $json $org/workspaces/provision -d '{"organization_id": "demo", "workspaces": [{"name": "Paris"}, {"name": "Rome"}]}'
  curl -iw '\\n' $alice "$org/workspaces/\$id/settings?provenance=1"

# the location dialect: the current workspace, its roles, an invitation to it
  curl -iw '\\n' $alice -X PATCH $loc/workspace-context/\$id
  curl -iw '\\n' $alice $loc/workspace/roles
  curl -iw '\\n' $alice $json $loc/workspace/invitations -d '{"email": "jane@example.com", "role": "viewer"}'

# the partner dialect: register a partner, provision a client and a member, ask for an entity as that member
  key=\$(curl -s $json $operator/partners -d '{"id": "ats-'\$RANDOM'", "name": "Demo ATS"}' | tee /dev/stderr | sed 's/.*"api_key": *"\\([^"]*\\)".*/\\1/')
  curl -iw '\\n' -H "X-API-Key: \$key" $json $partner/workspaces -d '{"client_id": "acme-corp", "name": "Acme Corp", "admin_name": "Admin User", "admin_email": "admin@acme.com"}'
  curl -iw '\\n' -H "X-API-Key: \$key" $json $partner/workspaces/acme-corp/members -d '{"user_id": "recruiter-001", "name": "Jane Smith", "email": "jane@acme.com"}'
  curl -iw '\\n' -H "X-API-Key: \$key" -H 'X-ATS-Client-ID: acme-corp' -H 'X-ATS-User-ID: recruiter-001' $partner/candidates

END
