#!/bin/bash
# core-tests.sh VARIANT   runs the core's CMocka tests, built as gcc-asan or
# clang-asan; they start the Redis that they talk to

. "$(dirname "$0")/lib.sh"

variant=${1:?gcc-asan or clang-asan}

core_make VARIANT="$variant" test-bins

# unlike nginx, the core gives back what it takes: leaks count
export ASAN_OPTIONS=detect_leaks=1,detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/wsp-XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
export CMOCKA_MESSAGE_OUTPUT=TAP

bins=$(core_make VARIANT="$variant" list-test-bins)
[ -n "$bins" ] || die "no core/test/test_*.c"

# one: a program, its output in one piece; what it does is mostly to wait for
# its Redis
one() {
    local name=${1##*/} status=0
    echo "# $name ($variant)" > "$TMPDIR/$name"
    "$1" >> "$TMPDIR/$name" 2>&1 || {
        status=1
        # a crash; a test that fails has said so in a line of its own
        grep -q '^not ok' "$TMPDIR/$name" \
            || echo "not ok - $name ended badly" >> "$TMPDIR/$name"
    }
    cat "$TMPDIR/$name"
    return $status
}
export -f one
export variant

cd "$top/core/test"
# shellcheck disable=SC2016
# what waits longest first, and more of them than there are processors
printf '%s\n' $bins | awk '
    /_(webhooks|outbox)$/ { print; next }
    { rest = rest $0 "\n" }
    END { printf "%s", rest }' | xargs -P $((jobs + 2)) -I{} bash -c 'one {}'
