/* What a change costs Redis, and what becomes of one that is sent twice or
 * breaks off. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fake.h"
#include "fixture.h"
#include "redis.h"

static struct driver *d;

static int one_workspace(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 64");
    d = driver_new((struct driver_options) { 0 });
    driver_until_log(d, "ready");
    make_workspace(d, "ann", "{\"name\":\"W\"}");
    return 0;
}

static int close_driver(void **state) {
    (void) state;
    driver_free(d);
    return 0;
}

static const struct ask create = {
    .method = "POST", .user = "ann",
    .body = "{\"name\":\"A\",\"labels\":[\"one\",\"two\"]}"
};
static const struct ask add = {
    .method = "POST", .path = "/1/members", .user = "ann",
    .body = "{\"userId\":\"bob\",\"roles\":[\"member\"]}"
};

static struct ask under_key(struct ask ask) {
    ask.headers[0] = "Idempotency-Key";
    ask.headers[1] = "k";
    return ask;
}

/* -- what it costs -------------------------------------------------------- */

/* Commands that Redis carried out since the last reset, those of scripts
 * among them. */
static long long commands(void) {
    redisReply *info = redis_run("INFO commandstats");
    long long sum = 0;
    for (const char *at = info->str; (at = strstr(at, ":calls=")) != NULL;) {
        at += strlen(":calls=");
        sum += atoll(at);
    }
    freeReplyObject(info);
    return sum - 1;     /* CONFIG RESETSTAT counts itself */
}

static void costs(struct ask ask, long long most) {
    redis_do("CONFIG RESETSTAT");
    assert_status(driver_ask(d, ask), 200);
    long long cost = commands();
    if (cost > most) {
        fail_msg("%s %s costs Redis %lld commands, %lld at most",
                 ask.method, ask.path ? ask.path : "", cost, most);
    }
}

static void a_change_costs_few_commands(void **state) {
    (void) state;
    costs(create, 15);
    costs(under_key(create), 17);
    costs(add, 13);
    costs((struct ask) { .method = "PUT", .path = "/1/members/bob",
                         .user = "ann", .body = "{\"roles\":[\"viewer\"]}" },
          14);
}

/* Who says the same of himself as before is not written down again. */
static void a_known_profile_costs_one_command(void **state) {
    (void) state;
    struct ask ask = create;
    ask.name = "Ann";
    ask.email = "Ann@example.com";
    assert_status(driver_ask(d, ask), 200);
    costs(ask, 16);
    redis_do("DEL wsp:{62}:acme:u:ann:p");
    assert_status(driver_ask(d, ask), 200);
    assert_string_equal(redis_text("HGET wsp:{62}:acme:u:ann:p name"), "Ann");
    ask.name = "Anne";
    ask.email = NULL;
    assert_status(driver_ask(d, ask), 200);
    assert_string_equal(redis_text("HGET wsp:{62}:acme:u:ann:p name"),
                        "Anne");
    assert_string_equal(redis_text("HGET wsp:{62}:acme:u:ann:p email"),
                        "Ann@example.com");
}

static int trips(struct ask ask) {
    struct driver *alone = driver_new((struct driver_options) {
        .manual = true });
    driver_connected(alone);
    struct flight *flight = NULL;
    int count = -1;     /* the handshake is one */
    while (flight == NULL || !flight->done) {
        struct bytes reply = { 0 };
        fake_serve(&alone->data.sent, &reply);
        driver_feed(alone, reply.data, reply.len);
        bytes_free(&reply);
        if (flight == NULL && driver_logged(alone, "ready")) {
            flight = driver_start(alone, ask);
            driver_turn(alone, 0);
            count = 0;
        } else {
            count++;
        }
        assert_true(count < 20);
    }
    assert_status(&flight->answer, 200);
    driver_free(alone);
    return count;
}

static void a_change_costs_few_trips(void **state) {
    (void) state;
    struct ask to_7 = add;
    to_7.path = "/7/members";
    to_7.body = "{\"userId\":\"eve\",\"roles\":[\"member\"]}";
    assert_int_equal(trips(create), 2);
    assert_int_equal(trips(under_key(create)), 2);
    assert_int_equal(trips(to_7), 3);
    assert_int_equal(trips(under_key(to_7)), 3);
}

/* -- what is sent twice --------------------------------------------------- */

/* Asks in the world that was saved; the n-th input from now on is lost, and
 * the link with it. */
static const struct answer *ask_with_a_cut(struct ask ask, int n,
                                           bool *was_cut) {
    redis_restore();
    driver_free(d);
    d = driver_new((struct driver_options) { 0 });
    driver_until_log(d, "ready");
    d->stopped_clock = true;
    d->monotonic_ms += 5000;    /* the link is stable */
    d->cut_input = n;
    const struct answer *got = driver_ask(d, ask);
    *was_cut = d->cut_input == 0;
    d->cut_input = 0;
    return got;
}

/* Whichever input is lost, and the link with it, the work is done once. */
static void is_done_once(struct ask ask, const char *etag) {
    bool was_cut = true;
    for (int cut = 1; was_cut; cut++) {
        const struct answer *got = ask_with_a_cut(ask, cut, &was_cut);
        assert_status(got, 200);
        assert_string_equal(answer_header(got, "ETag"), etag);
        if (ask.headers[0] != NULL) {
            const struct answer *again = driver_ask(d, ask);
            assert_status(again, 200);
            assert_string_equal(again->body, got->body);
            assert_string_equal(again->headers, got->headers);
        }
        long long made = redis_number("ZCARD wsp:{62}:acme:ws") - 1;
        long long added = redis_number("HLEN wsp:{62}:acme:w:1:m") - 1;
        assert_int_equal(made + added, 1);
        assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1 rev"),
                         1 + added);
    }
}

static void what_is_sent_twice_is_done_once(void **state) {
    (void) state;
    redis_save();
    is_done_once(create, "\"1\"");
    is_done_once(under_key(create), "\"1\"");
    is_done_once(add, "\"2\"");
    is_done_once(under_key(add), "\"2\"");
}

/* -- what breaks off ------------------------------------------------------ */

/* Where something else than the core has written to Redis, a write may fail
 * behind others.  It is not answered for, and not done a second time. */
static void breaks_off(struct ask ask, const char *mark) {
    bool was_cut = true;
    for (int cut = 1; was_cut; cut++) {
        const struct answer *got = ask_with_a_cut(ask, cut, &was_cut);
        assert_in_range(got->status, 500, 503);
        redisReply *keys = redis_run("KEYS %s", mark);
        assert_int_equal(keys->elements, 1);
        assert_string_equal(redis_text("GET %s", keys->element[0]->str), "");
        assert_in_range(redis_number("PTTL %s", keys->element[0]->str), 1,
                        86400000);
        freeReplyObject(keys);
        assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1 rev"), 2);
        if (ask.headers[0] != NULL) {
            assert_status(driver_ask(d, ask), 409);
        }
    }
}

static void what_breaks_off_is_not_repeated(void **state) {
    (void) state;
    redis_do("SET wsp:{62}:acme:u:bob:w wrong");
    redis_save();
    breaks_off(under_key(add), "wsp:{62}:acme:k:*");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_costs_few_commands,
                                        one_workspace, close_driver),
        cmocka_unit_test_setup_teardown(a_known_profile_costs_one_command,
                                        one_workspace, close_driver),
        cmocka_unit_test_setup_teardown(a_change_costs_few_trips,
                                        one_workspace, close_driver),
        cmocka_unit_test_setup_teardown(what_is_sent_twice_is_done_once,
                                        one_workspace, close_driver),
        cmocka_unit_test_setup_teardown(what_breaks_off_is_not_repeated,
                                        one_workspace, close_driver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
