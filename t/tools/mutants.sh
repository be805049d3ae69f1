#!/bin/bash
# mutants.sh [all]   shows that the tests of the cache, and of the entity
# requests of partners, can fail: a rule is taken out of a copy of the core, and
# the test that rests on it must go red
#
# The copy is built without a sanitizer, below $BUILD/mutants, from what
# build-module.sh has built.  Without "all" only the rules that the cache
# stands on are taken out.

. "$(dirname "$0")/lib.sh"

room=$build/mutants
copy=$room/core
status=0
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/wsp-XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

# the copy, and the objects of the original, which are its own: paths of
# sources are relative
fresh() {
    local file
    rm -rf "$room"
    mkdir -p "$room/build"
    cp -a "$top/core" "$copy"
    core_make VARIANT=plain lib
    cp -a "$build/plain" "$room/build/plain"
    find "$room/build/plain" -name '*.d' -exec \
        sed -i "s|$build/plain/|$room/build/plain/|g" {} +
    # what tells make that all is as it was, as old as it was
    for file in flags objects; do
        sed -i "s|$build/plain/|$room/build/plain/|g; s|$top/core=|$copy=|g" \
            "$room/build/plain/$file"
        touch -r "$build/plain/$file" "$room/build/plain/$file"
    done
    rm -rf "$room/build/plain/test" "$room/build/plain/helpers"
}

# run TEST...: builds and runs them, in the copy
run() {
    local bins=("${@/#/$room/build/plain/test/}")
    mkdir -p "$room/build/plain"
    flock -o "$room/build/plain/.lock" \
        make -s --no-print-directory -j "$jobs" -C "$copy" \
        BUILD="$room/build" WSP_LOCKED=1 "${bins[@]}" \
        > "$TMPDIR/build" 2>&1 \
        || die "a mutant does not compile: $(grep -m 5 -E "error|undefined" "$TMPDIR/build")"
    (
        cd "$copy/test"
        export CMOCKA_MESSAGE_OUTPUT=TAP
        for bin in "${bins[@]}"; do
            "$bin" || echo "not ok - ${bin##*/} ended with status $?"
        done
    ) > "$TMPDIR/out" 2>&1
}

# edit FILE FROM TO: FROM, a line or a part of one that is there once, becomes
# TO in the copy
edit() {
    FROM=$2 TO=$3 perl -0pi -e '
        $n = s/\Q$ENV{FROM}\E/$ENV{TO}/g;
        END { $? = $n != 1 }' "$copy/$1" \
        || die "not once in $1: $2"
    edited+=("$1")
}
edited=()

# fails WHAT TEST CASE: with the edits, CASE of the program TEST fails;
# afterwards all is as it was
fails() {
    local what=$1 test=$2 case=$3 file
    run "$test"
    if grep -q "^not ok.* - $case" "$TMPDIR/out"; then
        echo "ok - without $what, $case fails"
    else
        status=1
        echo "not ok - without $what, $case fails"
        grep -v '^ok' "$TMPDIR/out" | sed 's/^/#   /'
    fi
    # newer than what was built of the mutant
    for file in "${edited[@]}"; do
        cp "$top/core/$file" "$copy/$file"
    done
    edited=()
}

# mutant WHAT FILE FROM TO TEST CASE: both, for a single edit
mutant() {
    edit "$2" "$3" "$4"
    fails "$1" "$5" "$6"
}

fresh
run test_cache_order test_cache_shared test_cache
if grep -q '^not ok' "$TMPDIR/out"; then
    status=1
    echo "not ok - with every rule, all of them pass"
    grep -v '^ok' "$TMPDIR/out" | sed 's/^/#   /'
else
    echo "ok - with every rule, all of them pass"
fi

# Each of the two alone is enough: a record that is kept has the generation
# of when it was asked for.
edit store/cache.cc \
    'landed.generation == landed.key.second.generation && usable()' \
    'usable()'
edit store/cache.cc 'held.generation = landed.generation;' \
    'held.generation = landed.key.second.generation;'
fails "the check of generations" \
    test_cache_order an_answer_that_was_overtaken_is_not_kept
mutant "generations for records" store/cache.cc \
    'if (held.generation != held.key->second.generation ||' \
    'if (' \
    test_cache_order an_answer_that_is_then_invalidated_is_not_used
mutant "the epoch" store/cache.cc \
    'return landed.epoch == epoch_ &&' 'return' \
    test_cache_order a_read_that_saw_the_tracking_link_go_is_not_kept
mutant "the bound" store/cache.cc \
    ' && now_ - heard_at_ <= max_stale_ms_' '' \
    test_cache_order the_cache_is_used_exactly_until_the_bound
mutant "the comparison of servers" store/cache.cc \
    'now_ - heard_at_ <= max_stale_ms_ &&
         !elsewhere();' 'now_ - heard_at_ <= max_stale_ms_;' \
    test_cache_order what_another_server_tells_of_changes_is_nothing
[ "${1:-}" = all ] || exit $status

mutant "the time of the ping" store/tracking.cc \
    'records_.heard(ping_sent_);' 'records_.heard(now());' \
    test_cache_order a_pong_proves_what_was_true_at_its_ping
mutant "the nil payload" store/tracking.cc \
    'records_.invalidate_all();  // FLUSHDB, FLUSHALL' '' \
    test_cache_order everything_goes_with_a_flush
mutant "the check before joining" store/cache.cc \
    'if (still_current(*found->second) &&' 'if (true &&' \
    test_cache_shared nobody_joins_a_read_that_was_overtaken
mutant "the check after joining" store/cache.cc \
    'if (current || each.first_ || !exchange::ok()) {' 'if (true) {' \
    test_cache_shared who_joined_reads_again_after_a_change
mutant "the age of a read that is joined" store/cache.cc \
    'now_ - found->second->sent_at <= max_stale_ms_) {' 'true) {' \
    test_cache_shared nobody_joins_a_read_that_began_long_ago
mutant "own writes" store/commit.cc \
    'cache_of(op).invalidate(key);' 'cache_of(op), (void)key;' \
    test_cache own_writes_are_seen_at_once
mutant "the header Workspace-Revision" store/record_read.cc \
    ' && !has_seen_more(op);' ' && (has_seen_more(op) || true);' \
    test_cache a_new_record_does_not_vouch_for_an_old_membership

mutant "the mark of a partner's key" identity/api_key.cc \
    'if (!found.value.partner) {' 'if (false) {' \
    test_entities only_keys_of_partners_open_anything
mutant "taking a key's rights away" engine/decide.cc \
    'who.value.tenant_admin = false;' '' \
    test_entities a_key_is_no_member
mutant "a user that the request names" engine/decide.cc \
    'view(op.request->identity.user));' 'op.who.user);' \
    test_entities a_key_is_no_member
mutant "the record beside a known membership" engine/decide.cc \
    'if (id > 0 && !here.mine.exists() && !here.record.exists()) {' \
    'if (false) {' \
    test_entities who_was_removed_is_heard_of_at_once

exit $status
