#!/bin/bash
# Proves that the checks of a run can fail: each is given what it must refuse.

. "$(dirname "$0")/lib.sh"

room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
status=0

# must_fail WHAT COMMAND...
must_fail() {
    local what=$1
    shift
    if "$@" > "$room/out" 2>&1; then
        status=1
        echo "not ok - $what is refused"
        sed 's/^/#   /' "$room/out"
    else
        echo "ok - $what is refused"
    fi
}

must_pass() {
    local what=$1
    shift
    if "$@" > "$room/out" 2>&1; then
        echo "ok - $what passes"
    else
        status=1
        echo "not ok - $what passes"
        sed 's/^/#   /' "$room/out"
    fi
}

# -- error logs

at='2026/01/01 00:00:00'
mkdir "$room/reports"
check() {
    "$tools/check-logs.sh" "$room/error.log" "$room/reports"
}

must_fail "a run without error logs" check

cat > "$room/error.log" << END
$at [emerg] 10#10: unknown directive "x" in /etc/nginx.conf:3
$at [notice] 11#11: start worker process 12
$at [notice] 11#11: signal 1 (SIGHUP) received from 1, reconfiguring
$at [emerg] 11#11: bind() to unix:/socket failed (98: Address already in use)
END
must_pass "an [emerg] that refuses a configuration" check

cp "$room/error.log" "$room/good"
echo "$at [alert] 11#11: worker process 12 exited on signal 11" \
    >> "$room/error.log"
must_fail "an [alert]" check

cp "$room/good" "$room/error.log"
echo "$at [emerg] 12#12: malloc(18446744073709551615) failed" \
    >> "$room/error.log"
must_fail "an [emerg] of a worker" check

cp "$room/good" "$room/error.log"
echo "bug.c:7:29: runtime error: signed integer overflow" >> "$room/error.log"
must_fail "a sanitizer's report in the error log" check

# -- sanitizer reports, by a program built as the module is

cp "$room/good" "$room/error.log"
cat > "$room/bug.c" << 'END'
#include <stdlib.h>
int main(int argc, char **argv)
{
    char *p = malloc(1);
    int   n = 2147483647;
    (void) argv;
    if (argc > 1) return (n + argc) & 1;
    free(p);
    return *(volatile char *) p;
}
END
# shellcheck disable=SC2086
gcc $sanitize_cc $sanitize_ld -o "$room/bug" "$room/bug.c"
bug() {
    # with the options that the tests run with
    (SANITIZER_REPORTS=$room/reports
     eval "$(sanitizer_options)"
     ulimit -c 0
     "$room/bug" "$@" || :) 2>/dev/null
    check
}
must_fail "a report of AddressSanitizer" bug
rm -f "$room/reports"/*
must_fail "a report of UndefinedBehaviorSanitizer" bug overflow
rm -f "$room/reports"/*

# -- the module's exports

echo 'int ngx_modules, ngx_module_names, ngx_module_order, redisReaderCreate;' \
    > "$room/leaky.c"
gcc -shared -fPIC -o "$room/leaky.so" "$room/leaky.c"
must_fail "a module that exports hiredis" \
    "$tools/check-module.sh" "$room/leaky.so"

# -- answers against the OpenAPI documents

# answer TARGET STATUS BODY: one that a suite was given
answer() {
    config='location /api/workspaces { workspaces platform; }' \
    target=$1 status=$2 body=$3 perl -MJSON::PP -e '
        print JSON::PP->new->ascii->encode({
            block => "self-check", config => $ENV{config},
            request => "GET $ENV{target} HTTP/1.1\r\n\r\n",
            status => $ENV{status} + 0, body => $ENV{body},
            headers => {
                "content-type" => ["application/json; charset=utf-8"],
                "x-request-id" => ["1"],
            } }), "\n"' > "$room/answers"
}
answers() {
    "$tools/openapi.py" answers "$room/answers" "$@"
}

listed='{"_id":"1","name":"a","logo":null,"labels":[],"isPrivilegedUser":true'
answer /api/workspaces 200 "[$listed}]"
must_pass "an answer that is as described" answers
must_fail "a run that has not seen each operation" answers --all
answer /api/workspaces 200 "[{${listed#*,}}]"
must_fail "an answer without a field" answers
answer /api/workspaces 200 "[$listed,\"more\":1}]"
must_fail "an answer with a field that is not described" answers
answer /api/workspaces 200 "[$listed,\"active\":1}]"
must_fail "an answer with a field of another type" answers
answer /api/workspaces 200 "[$listed"
must_fail "an answer that is not JSON" answers
answer /api/workspaces 418 '{"message":"a teapot"}'
must_fail "a status that is not described" answers
answer /api/workspaces/1/nothing 200 '{"message":"found"}'
must_fail "an answer of what is not described" answers

cp -r "$top/core/api" "$room/api"
documents() {
    DOCUMENTS=$room/api "$tools/openapi.py" documents \
        "$build/openapi-schemas/schema.json"
}
must_pass "each document of ours" documents

# spoil WHAT SED: takes or puts something in the platform document
spoil() {
    sed -E "$2" "$top/core/api/platform.json" > "$room/api/platform.json"
    must_fail "a document with $1" documents
}
spoil "a key that OpenAPI does not know" '0,/"summary"/s//"sumary"/'
spoil "a reference to nothing" '0,/schemas\/Workspace"/s//schemas\/Works"/'
spoil "a schema of no type" '0,/"type": "array"/s//"type": "list"/'
spoil "a wrong example" 's/"examples": \["bob"\]/"examples": [1]/'
spoil "an operation id used twice" 's/"workspace.get"/"workspace.list"/'

# -- the shared library

cat > "$room/io.c" << 'END'
#include <sys/socket.h>
int wsp_abi_version(void) { return socket(AF_UNIX, SOCK_STREAM, 0); }
END
gcc -shared -fPIC -o "$room/libworkspaces.so" "$room/io.c"
must_fail "a library that opens a socket, and lacks functions" \
    "$tools/check-lua.sh" "$room/libworkspaces.so"
for what in "exports the functions" "does no input"; do
    if grep -q "^not ok - .*$what" "$room/out"; then
        echo "ok - it is said: $what"
    else
        status=1
        echo "not ok - it is said: $what"
    fi
done

exit $status
