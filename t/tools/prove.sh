#!/bin/bash
# prove.sh debian|sanitizer|lua [FILE...]   runs t/*.t, or the files named
#
#   debian      the installed nginx with the dynamic module
#   sanitizer   the nginx of sanitized-nginx.sh
#   lua         the installed nginx with Lua and without the module: suites of
#               the dialects, served by resty.workspaces
#
# Ports, server root, Redis and temporary files are this run's own, so runs
# may go side by side.  Further options of prove: PROVE_OPTIONS.
#
# What was answered is compared with the OpenAPI documents in the end.

. "$(dirname "$0")/lib.sh"

pass=${1:?debian, sanitizer or lua}
shift
cd "$top"
seen=
if [ $# -gt 0 ]; then
    :
elif [ "$pass" = lua ]; then
    # 013 to 015 are about directives
    set -- t/00*.t t/01[0-2]*.t t/01[6-9]*.t
else
    set -- t/*.t
    seen=--all
fi
[ -e "$1" ] || die "no t/*.t"

# short: the paths of unix sockets end at 107 bytes
room=$(mktemp -d "${TMPDIR:-/tmp}/wsp-XXXXXX")
finish() {
    local pid_file
    # a test that was cut off may have left its servers
    find "$room" -name '*.pid' 2>/dev/null | while read -r pid_file; do
        stop "$pid_file" "$room" KILL
    done
    rm -rf "$room"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP
mkdir "$room/tmp" "$room/reports"
chmod 755 "$room"

case $pass in
    debian)
        export TEST_NGINX_ANSWERS=$room/answers
        export TEST_NGINX_BINARY=${TEST_NGINX_BINARY:-$(command -v nginx)}
        export TEST_NGINX_LOAD_MODULES=$build/module/$module.so
        ;;
    sanitizer)
        export SANITIZER_REPORTS=$room/reports
        . "$build/asan.env"
        # everything takes three times as long
        export TEST_NGINX_TIMEOUT=${TEST_NGINX_TIMEOUT:-10}
        ;;
    lua)
        modules=/usr/lib/nginx/modules
        export TEST_NGINX_BINARY=${TEST_NGINX_BINARY:-$(command -v nginx)}
        export TEST_NGINX_LOAD_MODULES="$modules/ndk_http_module.so \
$modules/ngx_http_lua_module.so"
        export TEST_NGINX_IN_LUA=1
        ;;
    *)
        die "no pass $pass: debian, sanitizer or lua"
        ;;
esac

TEST_NGINX_PORT=$(free_ports 20)
export TEST_NGINX_PORT
export TEST_NGINX_SERVROOT=$room/servroot
export TEST_NGINX_ERROR_LOG=$room/error.log
export TMPDIR=$room/tmp
export TEST_NGINX_SWAGGER_UI=${TEST_NGINX_SWAGGER_UI:-$build/swagger-ui}
export WORKSPACES_LUA=$build/lua
unset TEST_NGINX_SERVER_PORT TEST_NGINX_CLIENT_PORT

status=0
# shellcheck disable=SC2086
timeout "${PROVE_SECONDS:-3600}" \
    "$tools/with-redis.sh" \
    prove --norc -It/lib ${PROVE_OPTIONS:-} "$@" || status=$?
"$tools/check-logs.sh" "$TEST_NGINX_ERROR_LOG" "$room/reports" || status=1

# the answers are the same in both passes; some suites keep none
if [ "$pass" = debian ] && [ -n "$seen$(head -c1 "$TEST_NGINX_ANSWERS" 2>/dev/null)" ]; then
    # shellcheck disable=SC2086
    "$tools/openapi.py" answers "$TEST_NGINX_ANSWERS" $seen || status=1
fi

if [ $status -ne 0 ]; then
    mkdir -p "$build/test"
    cp "$TEST_NGINX_ERROR_LOG" "$build/test/$pass-error.log" 2>/dev/null || :
    echo "# the error logs of this run: $build/test/$pass-error.log"
fi
exit $status
