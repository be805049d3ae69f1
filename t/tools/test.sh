#!/bin/bash
# test.sh [long]   everything that `make test` does, from packages to a
# summary.  The last line is "N passed, N failed"; the status says the same.
#
#   FUZZ_SECONDS     for each fuzz target (default 10)
#   GROWTH_REQUESTS  of the long run, which is done when it is long (1000000)
#
# LUA_DIALECTS says whose suites are run in Lua: Platform, when it is long all.
#
# A step prints lines of the Test Anything Protocol, which are counted; one
# that prints none counts as one test, and setting up as none.  The whole
# output of a step is in $BUILD/test.

. "$(dirname "$0")/lib.sh"

long=${1:-}
export LUA_DIALECTS=${LUA_DIALECTS:-Platform${long:+|Organization|Location}}
cd "$top"
out=$build/test
rm -rf "$out"
mkdir -p "$out"
passed=0 failed=0
summary=

# count LOG STATUS: "passed failed skipped"
count() {
    awk -v status="$2" '
        /^ok .*# (SKIP|skip)/ || /^t\/.* \.+ skipped/ { skipped++; next }
        /^ok([ \t]|$)/ { passed++ }
        /^not ok .*# TODO/ { skipped++; next }
        /^not ok([ \t]|$)/ { failed++ }
        # prove on a file that broke off with no failed test
        /\(Wstat: .* Failed: 0\)$/ { broken = 1; next }
        broken && /^  (Non-zero exit|Parse errors)/ { failed++; broken = 0 }
        END {
            # ended badly without a test that says so: a crash, a broken plan
            if (status != 0 && !failed) failed = 1
            if (!passed && !failed && !skipped) passed = 1
            print passed + 0, failed + 0, skipped + 0
        }' "$1"
}

# what to show of a step that failed: failed tests with their explanations,
# then how it ended
failures() {
    awk '/^not ok/ { show = 1 }
         /^ok/ || /^1\.\./ { show = 0 }
         show && n++ < 200' "$1"
    echo "  ... the end of $1:"
    grep -vE '^ok( |$)' "$1" | tail -n 30 | sed 's/^/  | /'
}

# report NAME LOG STATUS SECONDS
report() {
    local name=$1 log=$2 status=$3 counts
    read -ra counts <<< "$(count "$log" "$status")"
    passed=$((passed + counts[0]))
    failed=$((failed + counts[1]))
    printf -v line '%-34s %6d passed %4d failed %4d skipped %5d s' \
        "$name" "${counts[@]}" "$4"
    summary+=$line$'\n'
    printf '%s\n' "$line"
    [ "$status" -eq 0 ] && [ "${counts[1]}" -eq 0 ] || failures "$log"
}

# setup NAME COMMAND...: is no test, but a failure when it fails
setup() {
    local name=$1 log status=0
    shift
    log=$out/${name//[^a-z0-9]/-}.log
    say "$name"
    "$@" > "$log" 2>&1 || status=$?
    [ $status -eq 0 ] || {
        failed=$((failed + 1))
        summary+="$name: FAILED"$'\n'
        tail -n 40 "$log" | sed 's/^/  | /'
    }
    return $status
}

# step NAME COMMAND...
step() {
    local name=$1 log status=0 start=$SECONDS
    shift
    log=$out/${name//[^a-z0-9]/-}.log
    say "$name"
    "$@" > "$log" 2>&1 || status=$?
    report "$name" "$log" $status $((SECONDS - start))
    return $status
}

# begin NAME COMMAND... ; finish NAME: the same, beside another step
declare -A started pid_of
begin() {
    local name=$1
    shift
    started[$name]=$SECONDS
    "$@" > "$out/${name//[^a-z0-9]/-}.log" 2>&1 &
    pid_of[$name]=$!
}
# background NAME COMMAND... ; await NAME: the same for what is no test
background() {
    local name=$1
    shift
    "$@" > "$out/${name//[^a-z0-9]/-}.log" 2>&1 &
    pid_of[$name]=$!
}
await() {
    local status=0
    wait "${pid_of[$1]}" || status=$?
    cat "$out/${1//[^a-z0-9]/-}.log"
    return $status
}
finish() {
    local status=0
    wait "${pid_of[$1]}" || status=$?
    report "$1" "$out/${1//[^a-z0-9]/-}.log" $status \
        $((SECONDS - started[$1]))
}

the_end() {
    echo
    say "summary"
    printf '%s' "$summary"
    echo
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}

# Package by package it says itself what is missing.  Without those for the
# build nothing can be done; what else lacks one fails by itself.
setup "packages: build" "$tools/packages.sh" build || the_end
setup "packages: run and test" "$tools/packages.sh" run test || :
setup "Swagger UI, from npm" \
    "$tools/fetch.sh" swagger-ui "$build/swagger-ui" || :
setup "the schema of OpenAPI, from npm" \
    "$tools/fetch.sh" openapi-schemas "$build/openapi-schemas" || :

setup "build the module" "$tools/build-module.sh" || the_end
# Most of its time is a configure, which keeps one processor busy at most.
background "make the sanitizer nginx" "$tools/sanitized-nginx.sh"

step "exports and signature" "$tools/check-module.sh" \
    "$build/module/$module.so" || :
setup "build resty.workspaces" "$tools/build-lua.sh" && lua=yes || lua=
step "exports of the shared library" "$tools/check-lua.sh" \
    "$build/lua/libworkspaces.so" || :
step "each check can fail" "$tools/self-check.sh" || :

step "OpenAPI documents" "$tools/openapi.py" documents \
    "$build/openapi-schemas/schema.json" || :

step "core with gcc, sanitized" "$tools/core-tests.sh" gcc-asan || :
step "core with clang, sanitized" "$tools/core-tests.sh" clang-asan || :
step "rules of the cache, taken out" "$tools/mutants.sh" ${long:+all} || :
step "fuzz targets" "$tools/fuzz.sh" || :

# a sibling of the repository, not a part of it
conformance=$top/../shared/test-nginx-conformance/compare.sh
if [ -x "$conformance" ] && [ -f "$top/t/lib/Test/Nginx/Socket.pm" ]; then
    step "runner conforms to Test::Nginx" "$conformance" "$top/t/lib" || :
else
    say "runner conforms to Test::Nginx: not checked, for" \
        "../shared/test-nginx-conformance is not there (it is no part of" \
        "this repository)"
fi

setup "build the sanitizer nginx" await "make the sanitizer nginx" \
    && sanitizer=yes || sanitizer=

say "t/*.t with the installed nginx and with the sanitizer nginx," \
    "and those of $LUA_DIALECTS in Lua (make test-long: of all dialects)"
export PROVE_OPTIONS="-v ${PROVE_OPTIONS:-}"
export PROVE_JOBS=${PROVE_JOBS:-2}
begin "suites, installed nginx" "$tools/prove.sh" debian
[ -z "$sanitizer" ] \
    || begin "suites, sanitizer nginx" "$tools/prove.sh" sanitizer
[ -z "$lua" ] || begin "suites, in Lua" "$tools/prove.sh" lua
finish "suites, installed nginx"
[ -z "$lua" ] || finish "suites, in Lua"
[ -z "$sanitizer" ] || finish "suites, sanitizer nginx"

# by itself, for it looks at memory under load
[ -z "$long" ] || step "a long run, nothing grows" \
    "$tools/prove.sh" debian t/long/growth.t || :

the_end
