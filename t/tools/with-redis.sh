#!/bin/bash
# with-redis.sh COMMAND...   runs it beside a Redis of its own
#
# The command finds it through TEST_NGINX_REDIS_PORT (on 127.0.0.1) and
# TEST_NGINX_REDIS_SOCKET.  It holds nothing at the start and is gone after.
# A port that TEST_NGINX_REDIS_PORT names already is the one it takes.

. "$(dirname "$0")/lib.sh"

command -v redis-server > /dev/null || die "no redis-server"

dir=$(mktemp -d "${TMPDIR:-/tmp}/redis-XXXXXX")
redis=
finish() {
    if [ -n "$redis" ]; then
        kill "$redis" 2>/dev/null || :
        wait "$redis" 2>/dev/null || :
    fi
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

TEST_NGINX_REDIS_PORT=${TEST_NGINX_REDIS_PORT:-$(free_ports 1)}
TEST_NGINX_REDIS_SOCKET=$dir/redis.sock
export TEST_NGINX_REDIS_PORT TEST_NGINX_REDIS_SOCKET

redis-server --bind 127.0.0.1 --port "$TEST_NGINX_REDIS_PORT" \
    --unixsocket "$TEST_NGINX_REDIS_SOCKET" --unixsocketperm 700 \
    --dir "$dir" --save '' --appendonly no --maxmemory-policy noeviction \
    > "$dir/log" 2>&1 &
redis=$!

for i in $(seq 600); do
    [ "$(redis-cli -s "$TEST_NGINX_REDIS_SOCKET" ping 2>&1)" != PONG ] || break
    kill -0 "$redis" 2>/dev/null && [ "$i" -lt 600 ] || {
        tail -n 5 "$dir/log" >&2
        die "redis-server does not start"
    }
    sleep 0.1
done

status=0
"$@" || status=$?

# tests start servers of their own to kill; this one is not theirs
kill -0 "$redis" 2>/dev/null || {
    tail -n 5 "$dir/log" >&2
    die "redis-server has ended during the run"
}
exit $status
