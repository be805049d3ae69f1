/*
 * The link over time: lost, slow, full, draining.  The test plays Redis and
 * moves the clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fake.h"

static const struct ask get_7 = { .path = "/7" };
static const struct ask put_7 = { .method = "PUT", .path = "/7",
                                  .body = "{\"name\":\"x\"}" };

static struct driver *manual(unsigned char seed) {
    return driver_new((struct driver_options) {
        .url = "redis://h", .manual = true, .timeout_ms = 1000,
        .connect_timeout_ms = 2000, .queue = 8, .seed = seed });
}

static void serve(struct driver *d) {
    struct bytes replies = { 0 };
    while (d->data.sent.len != 0 && fake_serve(&d->data.sent, &replies) != 0) {
        struct bytes now = replies;
        replies = (struct bytes) { 0 };
        driver_feed(d, now.data, now.len);
        bytes_free(&now);
    }
    bytes_free(&replies);
}

/* Ready, and for long enough to count as stable. */
static struct driver *stable(void) {
    struct driver *d = manual(1);
    driver_connected(d);
    serve(d);
    driver_pass(d, 5000);
    assert_true(driver_logged(d, "ready"));
    return d;
}

static unsigned commands_in(const struct bytes *sent, const char *name,
                            char *last, size_t size) {
    struct fake_command c;
    unsigned count = 0;
    size_t at = 0;
    while (at < sent->len &&
           fake_parse(sent->data + at, sent->len - at, &c)) {
        if (fake_is(&c, 0, name)) {
            count++;
            if (last != NULL) {
                /* KEYS[1], the token */
                snprintf(last, size, "%.*s", (int) c.len[3], c.word[3]);
            }
        }
        at += c.size;
    }
    return count;
}

/* -- lost ----------------------------------------------------------------- */

static void a_read_lost_with_the_link_is_repeated_once(void **state) {
    (void) state;
    struct driver *d = stable();
    struct flight *reads = driver_start(d, get_7);
    assert_int_equal(commands_in(&d->data.sent, "HMGET", NULL, 0), 1);
    driver_lose(d);
    assert_false(reads->done);
    assert_true(d->data.wants_connect);
    driver_connected(d);
    serve(d);
    assert_status(driver_wait(d, reads), 200);
    driver_free(d);
}

static void a_read_lost_twice_is_given_up(void **state) {
    (void) state;
    struct driver *d = stable();
    struct flight *reads = driver_start(d, get_7);
    driver_lose(d);
    driver_connected(d);
    /* the handshake only */
    driver_feeds(d, "+OK\r\n$40\r\n0123456789abcdef0123456789abcdef01234567"
                    "\r\n$2\r\n64\r\n$1\r\nx\r\n+PONG\r\n");
    assert_false(reads->done);
    driver_pass(d, 500);
    driver_lose(d);
    assert_true(reads->done);
    assert_status(&reads->answer, 503);
    driver_free(d);
}

static void a_commit_lost_with_the_link_is_repeated_with_its_token(
    void **state) {
    (void) state;
    struct driver *d = stable();
    struct flight *writes = driver_start(d, put_7);
    char first[128] = "";
    char second[128] = "-";
    for (int i = 0;
         i < 9 && commands_in(&d->data.sent, "EVALSHA", first, 128) == 0; i++) {
        struct bytes reply = { 0 };
        fake_serve(&d->data.sent, &reply);
        driver_feed(d, reply.data, reply.len);
        bytes_free(&reply);
    }
    assert_holds(first, ":t:");
    driver_lose(d);
    assert_false(writes->done);
    driver_connected(d);
    driver_feeds(d, "+OK\r\n$40\r\n0123456789abcdef0123456789abcdef01234567"
                    "\r\n$2\r\n64\r\n$1\r\nx\r\n");
    bytes_clear(&d->data.sent);
    driver_feeds(d, "+PONG\r\n");
    assert_int_equal(commands_in(&d->data.sent, "EVALSHA", second, 128), 1);
    assert_string_equal(first, second);
    serve(d);
    assert_status(driver_wait(d, writes), 200);
    driver_free(d);
}

static void what_waits_is_repeated_in_its_order(void **state) {
    (void) state;
    struct driver *d = stable();
    struct flight *flights[6];
    for (int i = 0; i < 6; i++) {
        flights[i] = driver_start(d, i % 2 ? get_7 : (struct ask) { 0 });
    }
    driver_cancel(flights[2]);
    /* the first has had half of its reply */
    driver_feeds(d, "*3\r\n$1\r\n7\r\n");
    driver_lose(d);
    driver_cancel(flights[4]);
    driver_connected(d);
    serve(d);
    for (int i = 0; i < 6; i++) {
        if (i != 2 && i != 4) {
            assert_status(driver_wait(d, flights[i]), 200);
        }
    }
    driver_free(d);
}

static void the_link_backs_off_with_jitter_up_to_a_ceiling(void **state) {
    (void) state;
    uint64_t waits[2][12];
    for (int run = 0; run < 2; run++) {
        struct driver *d = manual((unsigned char) (run + 1));
        for (unsigned i = 0; i < 12; i++) {
            assert_true(d->data.wants_connect);
            d->data.wants_connect = false;
            driver_lose(d);
            assert_false(d->data.wants_connect);
            uint64_t timer = wsp_next_timer(d->core);
            assert_true(timer > d->monotonic_ms);
            waits[run][i] = timer - d->monotonic_ms;
            uint64_t most = 100u << (i < 6 ? i : 6);
            most = most > 5000 ? 5000 : most;
            assert_in_range(waits[run][i], most / 2, most);
            driver_pass(d, waits[run][i] - 1);
            assert_false(d->data.wants_connect);
            driver_pass(d, 1);
        }
        driver_free(d);
    }
    assert_memory_not_equal(waits[0], waits[1], sizeof waits[0]);
}

static void a_link_that_is_lost_again_and_again_backs_off(void **state) {
    (void) state;
    struct driver *d = manual(1);
    unsigned at_once = 0;
    for (int i = 0; i < 6; i++) {
        driver_connected(d);
        serve(d);
        driver_lose(d);         /* ready, but not for long */
        at_once += d->data.wants_connect;
        driver_pass(d, 5000);
    }
    assert_true(at_once <= 1);
    /* stable for a while: the next loss is a first one */
    driver_connected(d);
    serve(d);
    driver_pass(d, 1000);
    driver_lose(d);
    assert_true(d->data.wants_connect);
    driver_free(d);
}

static void while_the_link_backs_off_requests_fail_at_once(void **state) {
    (void) state;
    struct driver *d = manual(1);
    struct flight *first = driver_start(d, get_7);
    assert_false(first->done);  /* it waits for the first connection */
    driver_lose(d);
    assert_status(driver_wait(d, first), 503);
    struct flight *second = driver_start(d, get_7);
    assert_true(second->done);
    assert_status(&second->answer, 503);
    assert_string_equal(answer_header(&second->answer, "Retry-After"), "1");
    driver_free(d);
}

/* -- slow ----------------------------------------------------------------- */

static void a_connection_that_does_not_come_about_times_out(void **state) {
    (void) state;
    struct driver *d = manual(1);
    struct flight *waits = driver_start(d, get_7);
    assert_int_equal(wsp_next_timer(d->core), d->monotonic_ms + 2000);
    driver_pass(d, 1999);
    assert_int_equal(d->data.closes, 0);
    driver_pass(d, 1);
    assert_int_equal(d->data.closes, 1);
    assert_true(driver_logged(d, "connect timed out"));
    assert_status(driver_wait(d, waits), 503);
    driver_free(d);
}

static void a_handshake_that_does_not_end_times_out(void **state) {
    (void) state;
    struct driver *d = manual(1);
    driver_pass(d, 1500);
    driver_connected(d);
    driver_feeds(d, "+OK\r\n");
    driver_pass(d, 499);
    assert_int_equal(d->data.closes, 0);
    driver_pass(d, 1);
    assert_int_equal(d->data.closes, 1);
    assert_true(driver_logged(d, "handshake timed out"));
    driver_free(d);
}

static void a_reply_that_does_not_come_drops_the_link(void **state) {
    (void) state;
    struct driver *d = stable();
    assert_int_equal(wsp_next_timer(d->core), UINT64_MAX);
    struct flight *reads = driver_start(d, get_7);
    assert_int_equal(wsp_next_timer(d->core), d->monotonic_ms + 1000);
    driver_pass(d, 600);
    struct flight *later = driver_start(d, get_7);
    driver_pass(d, 399);
    assert_int_equal(d->data.closes, 0);
    driver_pass(d, 1);
    assert_int_equal(d->data.closes, 1);
    assert_true(driver_logged(d, "no reply in time"));
    driver_connected(d);
    serve(d);
    assert_status(driver_wait(d, reads), 200);
    assert_status(driver_wait(d, later), 200);
    assert_int_equal(wsp_next_timer(d->core), UINT64_MAX);
    driver_free(d);
}

/* Redis paused: replies come, slowly; the link lives. */
static void slow_replies_move_the_watchdog_on(void **state) {
    (void) state;
    struct driver *d = stable();
    struct flight *reads = driver_start(d, get_7);
    driver_pass(d, 900);
    struct flight *later = driver_start(d, get_7);
    struct fake_command c;
    struct bytes reply = { 0 };
    for (int i = 0; i < 2; i++) {
        assert_true(fake_parse(d->data.sent.data, d->data.sent.len, &c));
        fake_answer(&c, &reply);
        bytes_drop(&d->data.sent, c.size);
    }
    driver_feed(d, reply.data, reply.len);
    bytes_free(&reply);
    driver_pass(d, 900);
    assert_int_equal(d->data.closes, 0);
    serve(d);
    assert_status(driver_wait(d, reads), 200);
    assert_status(driver_wait(d, later), 200);
    driver_free(d);
}

static void what_was_cancelled_unsent_does_not_trip_the_watchdog(
    void **state) {
    (void) state;
    struct driver *d = stable();
    driver_lose(d);
    /* a plain member's read is one trip: nothing comes after the other's */
    struct flight *reads =
        driver_start(d, (struct ask) { .path = "/7", .user = "bob" });
    driver_cancel(driver_start(d, get_7));
    driver_connected(d);
    serve(d);
    assert_status(driver_wait(d, reads), 200);
    assert_int_equal(wsp_next_timer(d->core), UINT64_MAX);
    driver_pass(d, 10000);
    assert_int_equal(d->data.closes, 0);
    driver_free(d);
}

/* -- full ----------------------------------------------------------------- */

static void one_more_than_the_queue_is_answered_503_at_once(void **state) {
    (void) state;
    struct driver *d = stable();
    struct flight *flights[9];
    for (int i = 0; i < 9; i++) {
        flights[i] = driver_start(d, get_7);
        assert_int_equal(flights[i]->done, i == 8);
    }
    assert_status(&flights[8]->answer, 503);
    assert_holds(flights[8]->answer.body, "too many requests");
    serve(d);
    for (int i = 0; i < 8; i++) {
        assert_status(driver_wait(d, flights[i]), 200);
    }
    struct flight *again = driver_start(d, get_7);
    serve(d);
    assert_status(driver_wait(d, again), 200);
    driver_free(d);
}

/* Else a client that comes and goes could fill Redis' output. */
static void a_cancelled_request_keeps_its_place_until_answered(void **state) {
    (void) state;
    struct driver *d = stable();
    for (int i = 0; i < 8; i++) {
        driver_cancel(driver_start(d, get_7));
    }
    assert_status(driver_ask(d, get_7), 503);
    serve(d);
    struct flight *again = driver_start(d, get_7);
    serve(d);
    assert_status(driver_wait(d, again), 200);
    driver_free(d);
}

static void large_output_waits_for_the_socket(void **state) {
    (void) state;
    struct driver *d = stable();
    struct bytes body = { 0 };
    bytes_puts(&body, "{\"a\":\"");
    while (body.len < 900000) {
        bytes_puts(&body, "0123456789012345678901234567890123456789");
    }
    bytes_puts(&body, "\"}");
    struct flight *flights[4];
    for (int i = 0; i < 4; i++) {
        flights[i] = driver_start(d, (struct ask) {
            .method = "POST", .path = "/7/encrypted", .admin = "1",
            .user = "root", .body = body.data });
    }
    serve(d);
    for (int i = 0; i < 4; i++) {
        assert_status(driver_wait(d, flights[i]), 200);
    }
    bytes_free(&body);
    driver_free(d);
}

/* -- draining ------------------------------------------------------------- */

static void a_draining_core_does_not_connect_for_nothing(void **state) {
    (void) state;
    struct driver *d = stable();
    wsp_core_drain(d->core);
    driver_lose(d);
    assert_false(d->data.wants_connect);
    assert_int_equal(wsp_next_timer(d->core), UINT64_MAX);
    driver_pass(d, 60000);
    assert_false(d->data.wants_connect);
    driver_free(d);
}

static void a_draining_core_connects_for_who_waits(void **state) {
    (void) state;
    struct driver *d = stable();
    wsp_core_drain(d->core);
    struct flight *reads = driver_start(d, get_7);
    driver_lose(d);
    assert_true(d->data.wants_connect);
    driver_connected(d);
    serve(d);
    assert_status(driver_wait(d, reads), 200);
    driver_lose(d);
    assert_int_equal(wsp_next_timer(d->core), UINT64_MAX);
    /* requests that come late open it once more, when it is time */
    struct flight *early = driver_start(d, get_7);
    assert_true(d->data.wants_connect);
    d->data.wants_connect = false;
    driver_lose(d);
    assert_status(driver_wait(d, early), 503);
    assert_status(driver_ask(d, get_7), 503);
    driver_pass(d, 5000);
    assert_false(d->data.wants_connect);
    struct flight *late = driver_start(d, get_7);
    assert_true(d->data.wants_connect);
    driver_connected(d);
    serve(d);
    assert_status(driver_wait(d, late), 200);
    driver_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_lost_with_the_link_is_repeated_once),
        cmocka_unit_test(a_read_lost_twice_is_given_up),
        cmocka_unit_test(
            a_commit_lost_with_the_link_is_repeated_with_its_token),
        cmocka_unit_test(what_waits_is_repeated_in_its_order),
        cmocka_unit_test(the_link_backs_off_with_jitter_up_to_a_ceiling),
        cmocka_unit_test(a_link_that_is_lost_again_and_again_backs_off),
        cmocka_unit_test(while_the_link_backs_off_requests_fail_at_once),
        cmocka_unit_test(a_connection_that_does_not_come_about_times_out),
        cmocka_unit_test(a_handshake_that_does_not_end_times_out),
        cmocka_unit_test(a_reply_that_does_not_come_drops_the_link),
        cmocka_unit_test(slow_replies_move_the_watchdog_on),
        cmocka_unit_test(
            what_was_cancelled_unsent_does_not_trip_the_watchdog),
        cmocka_unit_test(one_more_than_the_queue_is_answered_503_at_once),
        cmocka_unit_test(a_cancelled_request_keeps_its_place_until_answered),
        cmocka_unit_test(large_output_waits_for_the_socket),
        cmocka_unit_test(a_draining_core_does_not_connect_for_nothing),
        cmocka_unit_test(a_draining_core_connects_for_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
