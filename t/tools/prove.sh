#!/bin/bash
# prove.sh debian|sanitizer|lua [FILE...]   runs t/*.t, or the files named
#
#   debian      the installed nginx with the dynamic module
#   sanitizer   the nginx of sanitized-nginx.sh
#   lua         the installed nginx with Lua and without the module: the
#               suites of LUA_DIALECTS (Platform), served by resty.workspaces
#
# Ports, server root, Redis and temporary files are this run's own, so runs
# may go side by side.  Further options of prove: PROVE_OPTIONS.
#
# What was answered is compared with the OpenAPI documents in the end.
#
# The files are done by PROVE_JOBS proves (default 1), each with its share of
# that: most of a suite's time goes by in waiting for servers.

. "$(dirname "$0")/lib.sh"

pass=${1:?debian, sanitizer or lua}
shift
cd "$top"
seen=
if [ $# -gt 0 ]; then
    :
elif [ "$pass" = lua ]; then
    # without those about directives: 015, 190 and where some are refused
    # shellcheck disable=SC2046
    set -- $(grep -lE "^use t::(${LUA_DIALECTS:-Platform});" t/*.t \
        | xargs grep -L '^--- must_die' | grep -vE '/(015|190)-')
else
    set -- t/*.t
    seen=--all
fi
[ -e "$1" ] || die "no t/*.t"

# short: the paths of unix sockets end at 107 bytes
room=$(mktemp -d "${TMPDIR:-/tmp}/wsp-XXXXXX")
holder=
finish() {
    local pid_file
    [ -z "$holder" ] || kill "$holder" 2>/dev/null || :
    # a test that was cut off may have left its servers
    find "$room" -name '*.pid' 2>/dev/null | while read -r pid_file; do
        stop "$pid_file" "$room" KILL
    done
    rm -rf "$room"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP
mkdir "$room/reports"
chmod 755 "$room"

case $pass in
    debian)
        export TEST_NGINX_BINARY=${TEST_NGINX_BINARY:-$(command -v nginx)}
        export TEST_NGINX_LOAD_MODULES=$build/module/$module.so
        ;;
    sanitizer)
        export SANITIZER_REPORTS=$room/reports
        . "$build/asan.env"
        # everything takes three times as long
        export TEST_NGINX_TIMEOUT=${TEST_NGINX_TIMEOUT:-30}
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

# other runs may keep the machine busy
export TEST_NGINX_TIMEOUT=${TEST_NGINX_TIMEOUT:-10}
export TEST_NGINX_LOG_PATIENCE=${TEST_NGINX_LOG_PATIENCE:-20}
export TEST_NGINX_SWAGGER_UI=${TEST_NGINX_SWAGGER_UI:-$build/swagger-ui}
export WORKSPACES_LUA=$build/lua
unset TEST_NGINX_SERVER_PORT TEST_NGINX_CLIENT_PORT TEST_NGINX_REDIS_PORT

lanes=${PROVE_JOBS:-1}
[ "$lanes" -le $# ] || lanes=$#
hold_shares "$lanes"

# what takes longest first: each lane takes the next file that waits
mkdir "$room/waiting"
number=0
for file in $(wc -c "$@" | sort -rn | awk '$2 != "total" { print $2 }'); do
    number=$((number + 1))
    printf '%s\n' "$file" > "$room/waiting/$(printf %03d $number)"
done

next_file() {
    local taken
    for taken in "$room/waiting"/*; do
        # whoever moves it has it
        mv "$taken" "$room/$1/file" 2>/dev/null || continue
        cat "$room/$1/file"
        return
    done
    return 1
}

# lane N: status 1 if a file failed
lane() {
    local file status=0
    export TEST_NGINX_PORT=$((first_port + $1 * 25))
    export TEST_NGINX_REDIS_PORT=$((TEST_NGINX_PORT + 20))
    export TEST_NGINX_SERVROOT=$room/$1/servroot
    export TEST_NGINX_ERROR_LOG=$room/$1/error.log
    # the same in every pass
    [ "$pass" != debian ] || export TEST_NGINX_ANSWERS=$room/$1/answers
    export TMPDIR=$room/$1/tmp
    mkdir -p "$TMPDIR"
    while file=$(next_file "$1"); do
        # shellcheck disable=SC2086
        timeout "${PROVE_SECONDS:-3600}" "$tools/with-redis.sh" \
            prove --norc -It/lib ${PROVE_OPTIONS:-} "$file" \
            > "$room/$1/out" 2>&1 || status=1
        # whole, for others write here, too
        cat "$room/$1/out"
    done
    return $status
}

status=0
pids=()
for ((i = 0; i < lanes; i++)); do
    mkdir "$room/$i"
    chmod 755 "$room/$i"
    lane "$i" &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid" || status=1
done

log=$room/error.log
cat "$room"/[0-9]*/error.log > "$log" 2>/dev/null || :
"$tools/check-logs.sh" "$log" "$room/reports" || status=1

# some suites keep none
answers=$room/answers
cat "$room"/[0-9]*/answers > "$answers" 2>/dev/null || :
if [ "$pass" = debian ] && { [ -n "$seen" ] || [ -s "$answers" ]; }; then
    # shellcheck disable=SC2086
    "$tools/openapi.py" answers "$answers" $seen || status=1
fi

if [ $status -ne 0 ]; then
    mkdir -p "$build/test"
    cp "$log" "$build/test/$pass-error.log" 2>/dev/null || :
    echo "# the error logs of this run: $build/test/$pass-error.log"
fi
exit $status
