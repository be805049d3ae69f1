/*
 * Identical reads under way share one answer: who may join, what becomes of
 * the others when one ends, and what is counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fake.h"
#include "hearing.h"

enum { CROWD = 8 };

static void start_all(struct driver *d, struct flight **flights,
                      const char *user) {
    for (int i = 0; i < CROWD; i++) {
        flights[i] = driver_start(d, may(user));
        assert_false(flights[i]->done);
    }
}

static void assert_all(struct flight **flights, int from, int verdict) {
    for (int i = from; i < CROWD; i++) {
        assert_true(flights[i]->done);
        assert_int_equal(flights[i]->answer.decided.verdict, verdict);
    }
}

/* The record of the workspace, then the membership, of those who asked. */
static void drop_asked(struct driver *d, unsigned records,
                       unsigned memberships) {
    assert_int_equal(hearing_asked(&d->data, "HMGET"), records);
    assert_int_equal(hearing_asked(&d->data, "HGET"), memberships);
    bytes_clear(&d->data.sent);
}

static void many_ask_once(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct flight *flights[CROWD];
    start_all(d, flights, "bob");
    assert_int_equal(hearing_asked(&d->data, "HMGET"), 1);
    assert_int_equal(hearing_asked(&d->data, "HGET"), 1);
    hearing_serve(d);
    assert_all(flights, 0, WSP_ALLOWED);
    driver_free(d);
}

static void others_share_the_workspace_only(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct flight *bob = driver_start(d, may("bob"));
    struct flight *ann = driver_start(d, may("ann"));
    struct flight *eve = driver_start(d, may("eve"));
    assert_int_equal(hearing_asked(&d->data, "HMGET"), 1);
    assert_int_equal(hearing_asked(&d->data, "HGET"), 3);
    hearing_serve(d);
    assert_string_equal(bob->answer.decided.reason, "member");
    assert_string_equal(ann->answer.decided.reason, "owner");
    assert_string_equal(eve->answer.decided.reason, "not_member");
    driver_free(d);
}

/* Who asks after a change was heard must not be given what is older. */
static void nobody_joins_a_read_that_was_overtaken(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct bytes old = { 0 };
    struct flight *first = driver_start(d, may("bob"));
    hearing_hold(d, &old);
    hearing_changed(d, KEY_7_M);
    struct flight *later = driver_start(d, may("bob"));
    drop_asked(d, 0, 1);
    hearing_give(d, &old);
    assert_true(first->done);
    assert_int_equal(first->answer.decided.verdict, WSP_ALLOWED);
    assert_false(later->done);
    driver_feeds(d, "$-1\r\n");
    assert_true(later->done);
    assert_int_equal(later->answer.decided.verdict, WSP_REFUSED);
    driver_free(d);
}

/* Who joined before the change is asked for anew, but for the one whose read
 * it was: his answer was true when it was sent. */
static void who_joined_reads_again_after_a_change(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct bytes old = { 0 };
    struct flight *flights[CROWD];
    start_all(d, flights, "bob");
    hearing_hold(d, &old);
    hearing_changed(d, KEY_7_M);
    hearing_give(d, &old);
    assert_true(flights[0]->done);
    assert_int_equal(flights[0]->answer.decided.verdict, WSP_ALLOWED);
    drop_asked(d, 0, CROWD - 1);
    for (int i = 1; i < CROWD; i++) {
        assert_false(flights[i]->done);
    }
    for (int i = 1; i < CROWD; i++) {
        driver_feeds(d, "$-1\r\n");
    }
    assert_all(flights, 1, WSP_REFUSED);
    driver_free(d);
}

/* It would be older than the bound when it comes. */
static void nobody_joins_a_read_that_began_long_ago(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct flight *first = driver_start(d, may("bob"));
    bytes_clear(&d->data.sent);
    for (int i = 0; i < 4; i++) {
        driver_pass(d, 250);
        hearing_pong(d);
    }
    struct flight *joins = driver_start(d, may("bob"));
    drop_asked(d, 0, 0);
    driver_pass(d, 1);
    struct flight *asks = driver_start(d, may("bob"));
    drop_asked(d, 1, 1);
    driver_cancel(first);
    driver_cancel(joins);
    driver_cancel(asks);
    driver_free(d);
}

static void nobody_joins_beyond_the_bound(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    driver_start(d, may("bob"));
    bytes_clear(&d->data.sent);
    d->monotonic_ms += 1001;
    driver_start(d, may("bob"));
    drop_asked(d, 1, 1);
    driver_free(d);
}

/* -- ends ----------------------------------------------------------------- */

static void the_first_may_go(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct flight *flights[CROWD];
    start_all(d, flights, "bob");
    driver_cancel(flights[0]);
    hearing_serve(d);
    assert_all(flights, 1, WSP_ALLOWED);
    driver_free(d);
}

static void any_may_go(void **state) {
    (void) state;
    for (int change = 0; change < 2; change++) {
        for (int mask = 0; mask < 1 << CROWD; mask += 5) {
            struct driver *d = hearing_new();
            struct bytes old = { 0 };
            struct flight *flights[CROWD];
            start_all(d, flights, "bob");
            hearing_hold(d, &old);
            for (int i = 0; i < CROWD; i++) {
                if ((mask & 1 << i) == 0) {
                    continue;
                }
                if (i % 2) {
                    driver_expire(flights[i]);
                } else {
                    driver_cancel(flights[i]);
                }
            }
            if (change) {
                hearing_changed(d, KEY_7);
                hearing_changed(d, KEY_7_M);
            }
            hearing_give(d, &old);
            hearing_serve(d);
            for (int i = 0; i < CROWD; i++) {
                assert_true(flights[i]->done);
                if ((mask & 1 << i) == 0) {
                    assert_int_equal(flights[i]->answer.decided.verdict,
                                     WSP_ALLOWED);
                }
            }
            driver_free(d);
        }
    }
}

static void a_read_that_nobody_waits_for_is_kept(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct flight *flights[CROWD];
    start_all(d, flights, "bob");
    for (int i = 0; i < CROWD; i++) {
        driver_cancel(flights[i]);
    }
    hearing_serve(d);
    struct flight *hit = driver_start(d, may("bob"));
    assert_true(hit->done);
    assert_int_equal(hit->answer.decided.verdict, WSP_ALLOWED);
    assert_int_equal(d->data.sent.len, 0);
    driver_free(d);
}

static void a_core_may_end_with_reads_under_way(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct flight *flights[CROWD];
    start_all(d, flights, "bob");
    driver_start(d, may("ann"));
    driver_cancel(flights[3]);
    driver_free(d);
}

static void a_lost_link_is_told_to_all(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct flight *flights[CROWD];
    start_all(d, flights, "bob");
    driver_lose(d);
    driver_lose(d);
    assert_all(flights, 0, WSP_UNDECIDED);
    for (int i = 0; i < CROWD; i++) {
        assert_status(&flights[i]->answer, 503);
    }
    driver_free(d);
}

/* Both reads of one request fail in the same turn. */
static void a_lost_link_is_told_to_those_who_read_alone(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct flight *flights[CROWD];
    for (int i = 0; i < CROWD; i++) {
        flights[i] = driver_start(d, may("bob"));
        hearing_changed(d, KEY_7);
        hearing_changed(d, KEY_7_M);
    }
    assert_int_equal(hearing_asked(&d->data, "HMGET"), CROWD);
    driver_lose(d);
    driver_lose(d);
    assert_all(flights, 0, WSP_UNDECIDED);
    driver_free(d);
}

static void an_error_is_told_to_all_and_not_kept(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct flight *flights[CROWD];
    start_all(d, flights, "bob");
    bytes_clear(&d->data.sent);
    driver_feeds(d, "-WRONGTYPE x\r\n-WRONGTYPE x\r\n");
    assert_all(flights, 0, WSP_UNDECIDED);
    start_all(d, flights, "bob");
    drop_asked(d, 1, 1);
    driver_feeds(d, "-OOM x\r\n$-1\r\n");
    assert_all(flights, 0, WSP_UNDECIDED);
    driver_free(d);
}

/* What has the shape of no record decides nothing in anybody's favour. */
static void an_odd_answer_is_no_right(void **state) {
    (void) state;
    static const char *const odd[] = {
        "*0\r\n",
        ("*8\r\n*1\r\n:1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n"
         "$-1\r\n"),
        ":7\r\n", "$1\r\n7\r\n", "*-1\r\n", "+OK\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        struct driver *d = hearing_new();
        for (int round = 0; round < 2; round++) {
            struct flight *flight = driver_start(d, may("bob"));
            unsigned asked = hearing_asked(&d->data, "HMGET");
            unsigned mine = hearing_asked(&d->data, "HGET");
            bytes_clear(&d->data.sent);
            if (asked) {
                driver_feeds(d, odd[i]);
            }
            if (mine) {
                driver_feeds(d, "$22\r\n1700000000001 admin,xx\r\n");
            }
            assert_true(flight->done || d->data.closes == 1);
            if (flight->done) {
                assert_true(flight->answer.decided.verdict != WSP_ALLOWED);
            }
        }
        driver_free(d);
    }
}

/* -- what is counted ------------------------------------------------------ */

static double counted(struct driver *d, const char *name) {
    char full[80];
    snprintf(full, sizeof full, "workspaces_cache_%s", name);
    return driver_metric(d, full);
}

static void it_is_counted(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct flight *flights[CROWD];
    start_all(d, flights, "bob");
    hearing_serve(d);
    for (int i = 0; i < 5; i++) {
        driver_start(d, may("bob"));
    }
    hearing_changed(d, KEY_7_M);
    hearing_changed(d, "wsp:{62}:acme:w:99");
    driver_pass(d, 250);
    hearing_pong(d);
    driver_pass(d, 100);
    assert_true(counted(d, "hits_total") == 10);
    assert_true(counted(d, "misses_total") == 2 * CROWD);
    assert_true(counted(d, "shared_total") == 2 * (CROWD - 1));
    assert_true(counted(d, "bypasses_total") == 0);
    assert_true(counted(d, "invalidations_total") == 1);
    assert_true(counted(d, "evictions_total") == 0);
    assert_true(counted(d, "bytes") > 0);
    assert_true(counted(d, "staleness_seconds") == 0.1);
    assert_true(counted(d, "max_stale_seconds") == 1);
    d->monotonic_ms += 1000;
    driver_start(d, may("bob"));
    driver_turn(d, 0);
    assert_true(counted(d, "staleness_seconds") == 1.1);
    wire_lose(d, &d->tracking);
    driver_pass(d, 100);
    assert_true(counted(d, "bypasses_total") >= 1);
    assert_true(counted(d, "bytes") == 0);
    assert_true(driver_metric(
                    d, "workspaces_redis_links_up{link=\"data\"}") == 1);
    assert_true(driver_metric(
                    d, "workspaces_redis_links_up{link=\"tracking\"}") == 0);
    assert_true(driver_metric(d, "workspaces_redis_losses_total"
                                 "{link=\"tracking\"}") == 1);
    assert_true(driver_metric(d, "workspaces_decisions_total{result="
                                 "\"allowed\",reason=\"member\"}") ==
                CROWD + 5);
    driver_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_ask_once),
        cmocka_unit_test(others_share_the_workspace_only),
        cmocka_unit_test(nobody_joins_a_read_that_was_overtaken),
        cmocka_unit_test(who_joined_reads_again_after_a_change),
        cmocka_unit_test(nobody_joins_a_read_that_began_long_ago),
        cmocka_unit_test(nobody_joins_beyond_the_bound),
        cmocka_unit_test(the_first_may_go),
        cmocka_unit_test(any_may_go),
        cmocka_unit_test(a_read_that_nobody_waits_for_is_kept),
        cmocka_unit_test(a_core_may_end_with_reads_under_way),
        cmocka_unit_test(a_lost_link_is_told_to_all),
        cmocka_unit_test(a_lost_link_is_told_to_those_who_read_alone),
        cmocka_unit_test(an_error_is_told_to_all_and_not_kept),
        cmocka_unit_test(an_odd_answer_is_no_right),
        cmocka_unit_test(it_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
