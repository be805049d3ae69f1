#!/bin/sh
#
# run.sh - the benchmarks (`make bench`, `make bench-scale`,
# `make bench-latency`).
#
#     t/bench/run.sh              a table on stdout; build/bench/bench.json
#     t/bench/run.sh --profile    where the instructions go (callgrind)
#     t/bench/run.sh scale        costs against sizes; build/bench/scale.json
#     t/bench/run.sh latency      at fixed rates; build/bench/latency.json
#
# By environment:
#     ROUNDS=5 SECONDS_PER_ROUND=2 CONNECTIONS=64
#     REVOCATIONS=200             how many of ours the revocation scenario makes
#     SCENARIOS="content access create add revocation"    which
# and those that scale.pl and latency.pl name.
#
# Looks for the tools, installs the packages of the Node peer into build/bench
# once, and hands over to bench.pl, scale.pl or latency.pl.  It exits 0 whatever
# the figures are; it fails, with a sentence, when an answer is wrong, or when
# something cannot be measured at all.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD:-$root/build}
out=$build/bench

fail() {
    echo "bench: $*" >&2
    exit 1
}

need() {
    command -v "$1" >/dev/null 2>&1 || fail "$1 is not installed (Debian: apt install $2)"
}

program=bench
peers=yes
case ${1-} in
    '') ;;
    --profile) need valgrind valgrind; need callgrind_control valgrind; peers= ;;
    scale | latency) program=$1; peers=; shift ;;
    *) fail "usage: t/bench/run.sh [scale | latency | --profile]" ;;
esac

need perl perl
need wrk wrk
need taskset util-linux
need redis-server redis-server
need redis-cli redis-tools
PATH=$PATH:/usr/sbin:/sbin
need nginx nginx

module=$build/module/ngx_http_workspaces_module.so
[ -f "$module" ] || fail "$module is missing; run make first"
[ -f "$build/lua/libworkspaces.so" ] \
    || fail "$build/lua is missing; run make lua first"

mkdir -p "$out"

# The exact versions are those of package-lock.json; installed again only when
# that file changes.
if [ -n "$peers" ]; then
    need node nodejs
    need npm npm
    if ! cmp -s "$here/package-lock.json" "$out/installed-lock.json"; then
        echo "bench: installing the Node peer's packages into build/bench" >&2
        cp "$here/package.json" "$here/package-lock.json" "$out/"
        (cd "$out" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
            --loglevel=error) >"$out/npm.log" 2>&1 \
            || fail "npm ci failed; see $out/npm.log"
        cp "$here/package-lock.json" "$out/installed-lock.json"
    fi
fi

if [ "$program" = latency ]; then
    for source in "$here/../tools/load.c" "$here/latency/delay.c"; do
        name=$(basename "$source" .c)
        "${CC:-cc}" -O2 -o "$out/$name" "$source" \
            || fail "$source does not compile"
    done
fi

export PATH
exec perl "$here/$program.pl" --module "$module" --lua "$build/lua" \
    --out "$out" "$@"
