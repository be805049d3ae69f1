#!/bin/bash
# fuzz.sh   runs each fuzz target of the core for FUZZ_SECONDS (default 10)
#
# A target fuzz_x begins with core/test/corpus/fuzz_x (or .../x), and with the
# dictionary beside it (.dict), where there are such.  What it finds on top is
# kept in $BUILD/fuzz; an input that breaks something is in there too.

. "$(dirname "$0")/lib.sh"

seconds=${FUZZ_SECONDS:-10}
core_make VARIANT=clang-asan fuzz-bins
bins=$(core_make VARIANT=clang-asan list-fuzz-bins)
[ -n "$bins" ] || die "no core/test/fuzz_*.cc"

export ASAN_OPTIONS=detect_leaks=1,detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1

fuzz() {
    local bin=$1 name seeds found dir
    name=${bin##*/}
    found=$build/fuzz/$name
    seeds=()
    options=()
    for dir in "$top/core/test/corpus/$name" \
               "$top/core/test/corpus/${name#fuzz_}"; do
        [ ! -d "$dir" ] || seeds+=("$dir")
        [ ! -f "$dir.dict" ] || options+=(-dict="$dir.dict")
    done

    mkdir -p "$found/found"
    # a fixed seed, and nothing of an earlier run in a short one: the same
    # machine does the same twice
    [ "$seconds" -gt 60 ] || rm -rf "$found/found"/*

    if "$bin" -seed=1 -max_total_time="$seconds" -timeout=30 \
        -rss_limit_mb=2048 -print_final_stats=1 "${options[@]}" \
        -artifact_prefix="$found/" "$found/found" "${seeds[@]}" \
        > "$found/log" 2>&1
    then
        echo "ok - $name:" \
            "$(sed -n 's/^stat::number_of_executed_units: *//p' "$found/log")" \
            "inputs in $seconds s"
    else
        echo "not ok - $name: see $found/log"
        grep -vE '^#[0-9]' "$found/log" | tail -n 60 | sed 's/^/#   /'
        return 1
    fi
}
export -f fuzz
export build top seconds

# each target keeps one processor busy
# shellcheck disable=SC2016
printf '%s\n' $bins | xargs -P "$jobs" -I{} bash -c 'fuzz {}'
