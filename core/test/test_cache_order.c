/*
 * The cache, with replies and invalidations in the worst order.  They travel
 * over two connections; the test plays Redis and moves the clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fake.h"
#include "hearing.h"

#define INFO  "$8\r\nrun_id:1\r\n"

static void assert_verdict(struct flight *flight, int verdict) {
    assert_true(flight->done);
    if (flight->answer.decided.verdict != verdict) {
        print_error("%s: %s\n", flight->answer.decided.reason,
                    flight->answer.body);
    }
    assert_int_equal(flight->answer.decided.verdict, verdict);
}

/* Asked without a command. */
static void assert_hit(struct driver *d, const char *user, int verdict) {
    struct flight *flight = driver_start(d, may(user));
    assert_verdict(flight, verdict);
    assert_int_equal(d->data.sent.len, 0);
}

/* Asks Redis, which says that there is no such member (any more). */
static void assert_asks(struct driver *d, const char *user) {
    struct flight *flight = driver_start(d, may(user));
    assert_false(flight->done);
    assert_true(hearing_asked(&d->data, "HGET") == 1);
    unsigned records = hearing_asked(&d->data, "HMGET");
    bytes_clear(&d->data.sent);
    if (records != 0) {
        driver_feeds(d, "*8\r\n$1\r\n4\r\n$4\r\nFake\r\n$0\r\n\r\n$2\r\n[]"
                        "\r\n$3\r\nann\r\n$1\r\n1\r\n$1\r\n1\r\n$-1\r\n");
    }
    driver_feeds(d, "$-1\r\n");
    assert_verdict(flight, WSP_REFUSED);
}

static void prime(struct driver *d, const char *user) {
    struct flight *flight = driver_start(d, may(user));
    assert_false(flight->done);
    hearing_serve(d);
    assert_verdict(flight, WSP_ALLOWED);
    assert_hit(d, user, WSP_ALLOWED);
}

/* -- generations ---------------------------------------------------------- */

/*
 * The read is sent and answered, a revocation commits, its invalidation is
 * heard, and only then the old answer arrives.  Without the check of the
 * generation it would be kept: nobody would ever say again that it is stale.
 */
static void an_answer_that_was_overtaken_is_not_kept(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct bytes old = { 0 };
    struct flight *reads = driver_start(d, may("bob"));
    hearing_hold(d, &old);
    hearing_changed(d, KEY_7_M);
    hearing_give(d, &old);
    assert_verdict(reads, WSP_ALLOWED);     /* it asked before */
    assert_asks(d, "bob");
    assert_hit(d, "bob", WSP_REFUSED);
    driver_free(d);
}

static void an_answer_that_is_then_invalidated_is_not_used(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    prime(d, "bob");
    hearing_changed(d, KEY_7_M);
    assert_asks(d, "bob");
    driver_free(d);
}

static void what_changed_before_it_was_asked_for_does_no_harm(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    hearing_changed(d, KEY_7_M);
    prime(d, "bob");
    hearing_changed(d, "wsp:{62}:acme:w:8:m");
    hearing_changed(d, "wsp:{62}:other:w:7:m");
    hearing_changed(d, KEY_7_M ":");
    assert_hit(d, "bob", WSP_ALLOWED);
    driver_free(d);
}

/* All that was read of a key goes with it: that of other users, too. */
static void a_change_is_one_of_everything_under_the_key(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    prime(d, "bob");
    assert_int_equal(driver_start(d, may("ann"))->done, 0);
    hearing_serve(d);
    hearing_changed(d, KEY_7_M);
    assert_asks(d, "ann");
    assert_asks(d, "bob");
    driver_free(d);
}

static void the_record_and_the_membership_have_keys_of_their_own(
    void **state) {
    (void) state;
    struct driver *d = hearing_new();
    prime(d, "bob");
    hearing_changed(d, KEY_7);
    struct flight *reads = driver_start(d, may("bob"));
    assert_int_equal(hearing_asked(&d->data, "HMGET"), 1);
    assert_int_equal(hearing_asked(&d->data, "HGET"), 0);
    hearing_serve(d);
    assert_verdict(reads, WSP_ALLOWED);
    driver_free(d);
}

/* A key nobody holds forgets its generation; the next one is another. */
static void generations_are_not_used_twice(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    for (int i = 0; i < 5; i++) {
        struct bytes old = { 0 };
        struct flight *reads = driver_start(d, may("bob"));
        hearing_hold(d, &old);
        for (int k = 0; k < i; k++) {
            hearing_changed(d, KEY_7_M);
            hearing_changed(d, KEY_7);
        }
        driver_cancel(reads);
        hearing_give(d, &old);
        if (i != 0) {
            assert_asks(d, "bob");
        } else {
            assert_hit(d, "bob", WSP_ALLOWED);
        }
        hearing_changed(d, KEY_7_M);
        hearing_changed(d, KEY_7);
    }
    driver_free(d);
}

/* -- epochs --------------------------------------------------------------- */

static void everything_goes_with_a_flush(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct bytes old = { 0 };
    prime(d, "bob");
    struct flight *reads = driver_start(d, may("ann"));
    hearing_hold(d, &old);
    hearing_flushed(d);
    hearing_give(d, &old);
    assert_verdict(reads, WSP_ALLOWED);
    assert_asks(d, "bob");
    assert_asks(d, "ann");
    driver_free(d);
}

static void nothing_outlives_the_tracking_link(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    prime(d, "bob");
    wire_lose(d, &d->tracking);
    assert_asks(d, "bob");
    assert_asks(d, "bob");
    hearing_connect(d);
    hearing_pong(d);
    assert_asks(d, "bob");
    assert_hit(d, "bob", WSP_REFUSED);
    driver_free(d);
}

static void a_read_that_saw_the_tracking_link_go_is_not_kept(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct bytes old = { 0 };
    struct flight *reads = driver_start(d, may("bob"));
    hearing_hold(d, &old);
    wire_lose(d, &d->tracking);
    driver_pass(d, 1000);
    hearing_connect(d);
    hearing_pong(d);
    hearing_give(d, &old);
    assert_verdict(reads, WSP_ALLOWED);
    assert_asks(d, "bob");
    driver_free(d);
}

/* -- strangers ------------------------------------------------------------- */

/* What a stranger's request asks Redis, twice; it is led to by `leads`, the
 * answer to whether there is such an external id. */
static void look_by(struct driver *d, const char *external,
                    const char *leads, unsigned *asked) {
    struct ask ask = may("eve");
    ask.headers[0] = "X-ATS-Client-ID";
    ask.headers[1] = external;
    for (int i = 0; i < 2; i++) {
        struct flight *flight = driver_start(d, ask);
        *asked++ = hearing_asked(&d->data, "GET");
        bytes_clear(&d->data.sent);
        if (!flight->done) {
            driver_feeds(d, leads);
        }
        *asked++ = hearing_asked(&d->data, "HGET");
        *asked++ = hearing_asked(&d->data, "HMGET");
        bytes_clear(&d->data.sent);
        if (!flight->done) {
            driver_feeds(d, "*8\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n"
                            "$-1\r\n$-1\r\n$-1\r\n$-1\r\n");
        }
        assert_verdict(flight, WSP_REFUSED);
        assert_string_equal(flight->answer.decided.reason, "not_member");
        assert_int_equal(flight->answer.status, 404);
    }
}

static void what_nobody_has_costs_what_others_have(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    unsigned foreign[6], none[6];
    look_by(d, "taken", "$1\r\n9\r\n", foreign);
    look_by(d, "none", "$-1\r\n", none);
    assert_memory_equal(foreign, none, sizeof none);
    assert_int_equal(none[0] + none[1] + none[2], 3);
    /* another one is as new to the cache */
    look_by(d, "nothing", "$-1\r\n", none);
    assert_memory_equal(foreign, none, sizeof none);
    driver_free(d);
}

/* -- servers --------------------------------------------------------------- */

static void data_move_to(struct driver *d, const char *info) {
    fake_info = info;
    wire_lose(d, &d->data);
    driver_connected(d);
    hearing_serve(d);
}

static void what_another_server_tells_of_changes_is_nothing(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    prime(d, "bob");
    data_move_to(d, "run_id:77aa\r\n");
    /* bob is revoked there, and the old server answers every ping */
    assert_asks(d, "bob");
    driver_pass(d, 250);
    assert_holds(d->log.data, "the data are in another Redis now");
    assert_int_equal(d->tracking.closes, 1);
    assert_asks(d, "bob");
    hearing_connect(d);
    hearing_pong(d);
    assert_asks(d, "bob");
    assert_hit(d, "bob", WSP_REFUSED);
    fake_info = FAKE_INFO;
    driver_free(d);
}

/* Two servers behind one address: asked is right, and nobody reconnects on
 * and on. */
static void two_servers_are_put_up_with(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    data_move_to(d, "run_id:77aa\r\n");
    driver_pass(d, 250);
    assert_int_equal(d->tracking.closes, 1);
    fake_info = FAKE_INFO;
    hearing_connect(d);
    hearing_pong(d);
    for (int i = 0; i < 10; i++) {
        assert_asks(d, "bob");
        driver_pass(d, 250);
        hearing_pong(d);
    }
    assert_int_equal(d->tracking.closes, 1);
    driver_free(d);
}

static void a_server_without_a_name_is_not_cached(void **state) {
    (void) state;
    static const char *const infos[] = {
        "", "run_id", "run_id:", "xrun_id:1\r\n", "run_id:\r\nrun_id:1",
    };
    for (size_t i = 0; i < COUNT_OF(infos); i++) {
        fake_info = infos[i];
        struct driver *d = hearing_new();
        assert_asks(d, "bob");
        assert_asks(d, "bob");
        assert_holds(d->log.data, "does not say its run_id");
        driver_pass(d, 250);
        assert_int_equal(d->tracking.closes, 0);
        driver_free(d);
    }
    fake_info = FAKE_INFO;
}

static void the_server_is_known_where_it_stays(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    prime(d, "bob");
    data_move_to(d, FAKE_INFO);
    assert_hit(d, "bob", WSP_ALLOWED);
    driver_pass(d, 250);
    assert_int_equal(d->tracking.closes, 0);
    driver_free(d);
}

/* A link that does not track is not one that hears. */
static void a_handshake_that_fails_leaves_the_cache_unused(void **state) {
    (void) state;
    static const char *const replies[] = {
        "-ERR unknown command\r\n", "+OK\r\n-NOPERM no\r\n-NOPERM no\r\n",
        "+OK\r\n" INFO ":5\r\n-ERR no tracking\r\n",
        "+OK\r\n" INFO ":5\r\n+OK\r\n-NOPERM no channel\r\n",
        "+OK\r\n" INFO ":5\r\n+OK\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(replies); i++) {
        struct driver *d = driver_new((struct driver_options) {
            .url = "redis://h", .manual = true, .cache_size = 1 << 20 });
        driver_connected(d);
        hearing_serve(d);
        wire_connected(d, &d->tracking);
        wire_feeds(d, &d->tracking, replies[i]);
        assert_asks(d, "bob");
        assert_asks(d, "bob");
        driver_free(d);
    }
}

static void what_nobody_asked_for_drops_the_tracking_link(void **state) {
    (void) state;
    static const char *const odd[] = {
        "+OK\r\n", ":1\r\n", "-ERR x\r\n", "*0\r\n", "x",
        "*3\r\n$7\r\nmessage\r\n$5\r\nother\r\n*1\r\n$1\r\nx\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        struct driver *d = hearing_new();
        prime(d, "bob");
        wire_feeds(d, &d->tracking, odd[i]);
        assert_int_equal(d->tracking.closes, 1);
        assert_true(driver_logged(d, odd[i][0] == '-' ? "link lost: ERR x"
                                     : odd[i][0] == 'x' ? "link lost: "
                                     : "link lost: Redis sent what was not"));
        assert_asks(d, "bob");
        assert_int_equal(d->data.closes, 0);
        driver_free(d);
    }
}

/* -- the bound ------------------------------------------------------------ */

static void the_cache_is_used_exactly_until_the_bound(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    prime(d, "bob");
    driver_pass(d, 250);        /* pings; nobody answers */
    driver_pass(d, 750);
    assert_hit(d, "bob", WSP_ALLOWED);
    driver_pass(d, 1);
    assert_asks(d, "bob");
    assert_asks(d, "bob");
    driver_free(d);
}

static void a_pong_proves_what_was_true_at_its_ping(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    prime(d, "bob");
    driver_pass(d, 250);        /* the ping */
    driver_pass(d, 900);
    assert_asks(d, "bob");
    hearing_pong(d);            /* until 1250 */
    assert_hit(d, "bob", WSP_ALLOWED);
    driver_pass(d, 100);        /* the next ping */
    assert_hit(d, "bob", WSP_ALLOWED);
    driver_pass(d, 1);
    assert_asks(d, "bob");
    hearing_pong(d);
    driver_pass(d, 999);
    assert_hit(d, "bob", WSP_ALLOWED);
    driver_pass(d, 1);
    assert_asks(d, "bob");
    driver_free(d);
}

static void pongs_keep_the_cache_in_use(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    prime(d, "bob");
    for (int i = 0; i < 40; i++) {
        driver_pass(d, 250);
        assert_hit(d, "bob", WSP_ALLOWED);
        hearing_pong(d);
    }
    assert_int_equal(d->tracking.closes, 0);
    driver_free(d);
}

static void a_pong_that_was_not_asked_for_proves_nothing(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    prime(d, "bob");
    driver_pass(d, 200);        /* the first is answered, no second is out */
    wire_feeds(d, &d->tracking, "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    driver_pass(d, 801);
    assert_asks(d, "bob");
    driver_free(d);
}

/* A worker that stood still does not trust what it knew. */
static void time_that_jumps_passes_the_bound(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    prime(d, "bob");
    d->monotonic_ms += 1001;
    assert_asks(d, "bob");
    driver_free(d);
}

static void a_tracking_link_that_does_not_answer_is_dropped(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    prime(d, "bob");
    driver_pass(d, 250);
    driver_pass(d, 4999);
    assert_int_equal(d->tracking.closes, 0);
    driver_pass(d, 1);
    assert_int_equal(d->tracking.closes, 1);
    assert_true(driver_logged(d, "no answer to a ping"));
    driver_free(d);
}

/* It was read while the cache was in use, and comes when it is not. */
/* Its time to live ends, and Redis has not come across it yet. */
static void an_api_key_is_read_again_after_the_bound(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct ask ask = may(NULL);
    ask.api_key = "key";
    prime(d, "bob");
    struct flight *first = driver_start(d, ask);
    driver_feeds(d, "*3\r\n$4\r\nacme\r\n$3\r\nbob\r\n$-1\r\n");
    assert_verdict(first, WSP_ALLOWED);
    bytes_clear(&d->data.sent);
    for (int i = 0; i < 4; i++) {
        driver_pass(d, 250);
        hearing_pong(d);
        assert_verdict(driver_start(d, ask), WSP_ALLOWED);
        assert_int_equal(d->data.sent.len, 0);
    }
    driver_pass(d, 1);
    assert_hit(d, "bob", WSP_ALLOWED);
    struct flight *last = driver_start(d, ask);
    assert_int_equal(hearing_asked(&d->data, "HMGET"), 1);
    driver_feeds(d, "*3\r\n$-1\r\n$-1\r\n$-1\r\n");
    assert_verdict(last, WSP_REFUSED);
    driver_free(d);
}

static void what_arrives_beyond_the_bound_is_not_kept(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    struct bytes old = { 0 };
    struct flight *reads = driver_start(d, may("bob"));
    hearing_hold(d, &old);
    driver_pass(d, 250);
    driver_pass(d, 751);
    hearing_give(d, &old);
    assert_verdict(reads, WSP_ALLOWED);
    hearing_pong(d);
    assert_asks(d, "bob");
    driver_free(d);
}

/* -- nothing can be asked ------------------------------------------------- */

static void without_redis_nothing_is_decided(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    prime(d, "bob");
    driver_lose(d);
    d->data.wants_connect = false;
    driver_lose(d);
    /* what is still known is still true */
    assert_hit(d, "bob", WSP_ALLOWED);
    struct flight *unknown = driver_start(d, may("ann"));
    assert_verdict(unknown, WSP_UNDECIDED);
    assert_status(&unknown->answer, 503);
    assert_string_equal(unknown->answer.decided.reason, "store_unavailable");
    assert_string_equal(answer_header(&unknown->answer, "Retry-After"), "1");
    wire_lose(d, &d->tracking);
    struct flight *deaf = driver_start(d, may("bob"));
    assert_verdict(deaf, WSP_UNDECIDED);
    driver_free(d);
}

static void beyond_the_bound_without_redis_nothing_is_decided(void **state) {
    (void) state;
    struct driver *d = hearing_new();
    prime(d, "bob");
    driver_lose(d);
    d->data.wants_connect = false;
    driver_lose(d);
    d->monotonic_ms += 1001;
    struct flight *waits = driver_start(d, may("bob"));
    assert_false(waits->done);  /* for a connection, which fails */
    driver_lose(d);
    assert_verdict(waits, WSP_UNDECIDED);
    assert_verdict(driver_start(d, may("bob")), WSP_UNDECIDED);
    driver_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_was_overtaken_is_not_kept),
        cmocka_unit_test(an_answer_that_is_then_invalidated_is_not_used),
        cmocka_unit_test(what_changed_before_it_was_asked_for_does_no_harm),
        cmocka_unit_test(a_change_is_one_of_everything_under_the_key),
        cmocka_unit_test(
            the_record_and_the_membership_have_keys_of_their_own),
        cmocka_unit_test(generations_are_not_used_twice),
        cmocka_unit_test(everything_goes_with_a_flush),
        cmocka_unit_test(nothing_outlives_the_tracking_link),
        cmocka_unit_test(a_read_that_saw_the_tracking_link_go_is_not_kept),
        cmocka_unit_test(what_nobody_has_costs_what_others_have),
        cmocka_unit_test(what_another_server_tells_of_changes_is_nothing),
        cmocka_unit_test(two_servers_are_put_up_with),
        cmocka_unit_test(a_server_without_a_name_is_not_cached),
        cmocka_unit_test(the_server_is_known_where_it_stays),
        cmocka_unit_test(a_handshake_that_fails_leaves_the_cache_unused),
        cmocka_unit_test(what_nobody_asked_for_drops_the_tracking_link),
        cmocka_unit_test(the_cache_is_used_exactly_until_the_bound),
        cmocka_unit_test(a_pong_proves_what_was_true_at_its_ping),
        cmocka_unit_test(pongs_keep_the_cache_in_use),
        cmocka_unit_test(a_pong_that_was_not_asked_for_proves_nothing),
        cmocka_unit_test(time_that_jumps_passes_the_bound),
        cmocka_unit_test(a_tracking_link_that_does_not_answer_is_dropped),
        cmocka_unit_test(an_api_key_is_read_again_after_the_bound),
        cmocka_unit_test(what_arrives_beyond_the_bound_is_not_kept),
        cmocka_unit_test(without_redis_nothing_is_decided),
        cmocka_unit_test(beyond_the_bound_without_redis_nothing_is_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
