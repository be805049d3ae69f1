/* ETag, If-Match, If-None-Match, Idempotency-Key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

static struct driver *d;

static int open_driver(void **state) {
    (void) state;
    d = driver_new((struct driver_options) { 0 });
    driver_until_log(d, "ready");
    return 0;
}

static int close_driver(void **state) {
    (void) state;
    driver_free(d);
    return 0;
}

static int one_workspace(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 64");
    driver_forget(d);
    make_workspace(d, "ann", "{\"name\":\"W\"}");
    return 0;
}

static const struct answer *with(const char *method, const char *path,
                                 const char *body, const char *header,
                                 const char *value) {
    return driver_ask(d, (struct ask) { .method = method, .path = path,
                                        .body = body,
                                        .headers = { header, value } });
}

static void every_change_moves_the_etag(void **state) {
    (void) state;
    static const struct {
        const char *method, *path, *body, *etag;
    } steps[] = {
        { "GET", "/1", NULL, "\"1\"" },
        { "PUT", "/1", "{\"name\":\"X\"}", "\"2\"" },
        { "POST", "/1/members", "{\"userId\":\"b\",\"roles\":[\"r\"]}",
          "\"3\"" },
        { "PUT", "/1/members/b", "{\"roles\":[\"s\"]}", "\"4\"" },
        { "DELETE", "/1/members/b", NULL, "\"5\"" },
        { "POST", "/1/activate", NULL, "\"5\"" },
        { "GET", "/1/members", NULL, "\"5\"" },
        { "GET", "/1", NULL, "\"5\"" },
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        const struct answer *got =
            with(steps[i].method, steps[i].path, steps[i].body, NULL, NULL);
        assert_status(got, 200);
        assert_string_equal(answer_header(got, "ETag"), steps[i].etag);
    }
}

static void if_none_match_answers_304_without_a_body(void **state) {
    (void) state;
    static const char *const same[] = { "\"1\"", "W/\"1\"", "*",
                                        "\"0\", \"1\"", " \"1\" ,",
                                        ",,W/\"1\"" };
    static const char *const other[] = { "\"2\"", "1", "\"11\"", "",
                                         "\"1", "w/\"1\"", ",", "\"01\"" };
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        const struct answer *got =
            with("GET", "/1", NULL, "If-None-Match", same[i]);
        assert_status(got, 304);
        assert_int_equal(got->len, 0);
        assert_string_equal(got->content_type, "");
        assert_string_equal(answer_header(got, "ETag"), "\"1\"");
        assert_status(with("HEAD", "/1", NULL, "if-none-match", same[i]),
                      304);
    }
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        assert_status(with("GET", "/1", NULL, "If-None-Match", other[i]),
                      200);
    }
    /* only for reads */
    assert_status(with("PUT", "/1", "{}", "If-None-Match", "\"1\""), 200);
}

static void if_match_guards_each_change(void **state) {
    (void) state;
    static const struct {
        const char *method, *path, *body;
    } changes[] = {
        { "PUT", "/1", "{\"name\":\"X\"}" },
        { "POST", "/1/members", "{\"userId\":\"b\",\"roles\":[\"r\"]}" },
        { "PUT", "/1/members/b", "{\"roles\":[\"s\"]}" },
        { "DELETE", "/1/members/b", NULL },
        { "DELETE", "/1", NULL },
    };
    char tag[24];
    for (unsigned i = 0; i < COUNT_OF(changes); i++) {
        const char *before = redis_digest();
        snprintf(tag, sizeof tag, "\"%u\"", i + 2);
        const struct answer *got =
            with(changes[i].method, changes[i].path, changes[i].body,
                 "If-Match", tag);
        assert_status(got, 412);
        assert_string_equal(before, redis_digest());
        snprintf(tag, sizeof tag, "\"x\", \"%u\"", i + 1);
        assert_status(with(changes[i].method, changes[i].path,
                           changes[i].body, "IF-MATCH", tag),
                      200);
    }
    assert_status(with("PUT", "/1", "{}", "If-Match", "*"), 404);
}

/* Both saw revision 1: one of them wins. */
static void of_two_updates_of_one_revision_one_is_refused(void **state) {
    (void) state;
    struct driver *other = driver_new((struct driver_options) { 0 });
    driver_until_log(other, "ready");
    struct ask ask = { .method = "PUT", .path = "/1",
                       .body = "{\"name\":\"A\"}",
                       .headers = { "If-Match", "\"1\"" } };
    struct flight *one = driver_start(d, ask);
    ask.body = "{\"name\":\"B\"}";
    struct flight *two = driver_start(other, ask);
    while (!one->done || !two->done) {
        driver_turn(d, 1);
        driver_turn(other, 1);
    }
    assert_int_equal(one->answer.status + two->answer.status, 200 + 412);
    driver_free(other);
}

/* -- Idempotency-Key ------------------------------------------------------ */

static const struct answer *create(const char *key, const char *body) {
    return with("POST", "", body, "Idempotency-Key", key);
}

static long long created(void) {
    return redis_number("ZCARD wsp:{62}:acme:ws");
}

static void a_repeat_gets_the_first_answer(void **state) {
    (void) state;
    const struct answer *first = create("k", "{\"name\":\"A\"}");
    assert_status(first, 200);
    for (int i = 0; i < 3; i++) {
        const struct answer *again = create("k", "{\"name\":\"A\"}");
        assert_status(again, 200);
        assert_string_equal(again->body, first->body);
        assert_string_equal(again->headers, first->headers);
    }
    assert_int_equal(created(), 2);
    /* each POST of one workspace, too */
    static const struct {
        const char *path, *body;
    } posts[] = {
        { "/1/members", "{\"userId\":\"b\",\"roles\":[\"r\"]}" },
        { "/1/activate", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(posts); i++) {
        first = with("POST", posts[i].path, posts[i].body, "Idempotency-Key",
                     "k");
        assert_status(first, 200);
        const struct answer *again = with("POST", posts[i].path,
                                          posts[i].body, "idempotency-key",
                                          "k");
        assert_status(again, 200);
        assert_string_equal(again->body, first->body);
        assert_string_equal(again->headers, first->headers);
    }
    const struct answer *now = with("GET", "/1", NULL, NULL, NULL);
    assert_string_equal(answer_header(now, "ETag"), "\"2\"");
}

static void another_request_under_a_used_key_is_422(void **state) {
    (void) state;
    assert_status(create("k", "{\"name\":\"A\"}"), 200);
    assert_status(create("k", "{\"name\":\"B\"}"), 422);
    assert_status(create("k", "{\"name\":\"A\"} "), 422);
    assert_status(create("K", "{\"name\":\"B\"}"), 200);
    assert_int_equal(created(), 3);
    /* the same body to another workspace */
    make_workspace(d, "ann", "{\"name\":\"V\"}");
    const char *body = "{\"userId\":\"b\",\"roles\":[\"r\"]}";
    assert_status(with("POST", "/1/members", body, "Idempotency-Key", "m"),
                  200);
    assert_status(with("POST", "/2/members", body, "Idempotency-Key", "m"),
                  422);
}

/* What is stored in one slot is not stored in the other. */
static void another_slot_under_a_used_key_is_another_request(void **state) {
    (void) state;
    struct ask ask = { .method = "POST", .path = "/1/encrypted",
                       .admin = "1", .body = "{\"a\":1}",
                       .headers = { "Idempotency-Key", "k",
                                    "x-encrypted-id", "one" } };
    const struct answer *first = driver_ask(d, ask);
    assert_status(first, 200);
    assert_string_equal(answer_header(first, "Cache-Control"), "no-store");
    const struct answer *again = driver_ask(d, ask);
    assert_status(again, 200);
    assert_string_equal(again->headers, first->headers);
    ask.headers[3] = "two";
    const struct answer *other = driver_ask(d, ask);
    assert_status(other, 422);
    ask = (struct ask) { .path = "/1/encrypted", .admin = "1",
                         .headers = { "x-encrypted-id", "two" } };
    assert_body(driver_ask(d, ask), "null");
}

/* It is not in Redis as it went out, and what was altered is not given out. */
static void a_secret_answer_is_kept_sealed(void **state) {
    (void) state;
    struct ask ask = { .method = "POST", .path = "/1/encrypted",
                       .admin = "1", .body = "{\"a\":1}",
                       .headers = { "Idempotency-Key", "k" } };
    assert_status(driver_ask(d, ask), 200);
    assert_int_equal(redis_mentions("{}", 2), 0);
    assert_body(driver_ask(d, ask), "{}");
    redisReply *keys = redis_run("KEYS wsp:{62}:acme:k:*");
    assert_int_equal(keys->elements, 1);
    redis_do("APPEND %s x", keys->element[0]->str);
    const struct answer *altered = driver_ask(d, ask);
    assert_status(altered, 409);
    assert_holds(altered->body, "its answer was not kept");
    freeReplyObject(keys);
}

static void keys_of_others_are_other_keys(void **state) {
    (void) state;
    assert_status(create("k", "{\"name\":\"A\"}"), 200);
    const struct answer *bob = driver_ask(
        d, (struct ask) { .method = "POST", .user = "bob",
                          .body = "{\"name\":\"B\"}",
                          .headers = { "Idempotency-Key", "k" } });
    assert_status(bob, 200);
    assert_holds(bob->body, "\"B\"");
    const struct answer *elsewhere = driver_ask(
        d, (struct ask) { .method = "POST", .tenant = "globex",
                          .body = "{\"name\":\"C\"}",
                          .headers = { "Idempotency-Key", "k" } });
    assert_status(elsewhere, 200);
    assert_holds(elsewhere->body, "\"C\"");
    /* and of another route */
    assert_status(with("POST", "/1/activate", NULL, "Idempotency-Key", "k"),
                  200);
}

static struct ask creating_under_k = {
    .method = "POST", .body = "{\"name\":\"A\"}",
    .headers = { "Idempotency-Key", "k" }
};

static void of_two_at_once_one_does_the_work(void **state) {
    (void) state;
    struct driver *other = driver_new((struct driver_options) { 0 });
    driver_until_log(other, "ready");
    for (int turns = 0; turns < 20; turns++) {
        one_workspace(NULL);
        struct flight *first = driver_start(d, creating_under_k);
        for (int i = 0; i < turns && !first->done; i++) {
            driver_turn(d, 5);
        }
        bool ended = first->done;
        const struct answer *second = driver_ask(other, creating_under_k);
        const struct answer *got = driver_wait(d, first);
        assert_true(got->status == 200 || second->status == 200);
        assert_true(got->status == 200 || got->status == 409);
        assert_true(second->status == 200 || second->status == 409);
        if (got->status == 200 && second->status == 200) {
            assert_string_equal(got->body, second->body);
        }
        assert_int_equal(created(), 2);
        if (ended) {
            break;
        }
    }
    driver_free(other);
}

/* Whether Redis has the claim, and no answer yet. */
static bool is_claimed(void) {
    redisReply *keys = redis_run("KEYS wsp:{62}:acme:k:*");
    bool claimed = keys->elements == 1 &&
                   redis_text("GET %s", keys->element[0]->str)[0] == 'R';
    freeReplyObject(keys);
    return claimed;
}

static void a_repeat_while_the_first_runs_is_409(void **state) {
    (void) state;
    struct driver *other = driver_new((struct driver_options) { 0 });
    driver_until_log(other, "ready");
    bool claimed = false;
    /* it may go on to its end in the turn in which it claims the key */
    for (int i = 0; i < 200 && !claimed; i++) {
        one_workspace(NULL);
        struct flight *first = driver_start(d, creating_under_k);
        while (!first->done && !claimed) {
            driver_turn(d, 0);
            claimed = is_claimed();
        }
        if (claimed) {
            d->data.frozen = true;
            assert_status(driver_ask(other, creating_under_k), 409);
            d->data.frozen = false;
        }
        assert_status(driver_wait(d, first), 200);
        assert_int_equal(created(), 2);
    }
    assert_true(claimed);
    driver_free(other);
}

static void a_refused_request_may_be_corrected_under_its_key(void **state) {
    (void) state;
    assert_status(create("k", "{\"name\":\"\"}"), 400);
    assert_status(create("k", "{"), 400);
    assert_status(create("k", "{\"name\":\"A\"}"), 200);
    struct ask ask = { .method = "POST", .path = "/1/members",
                       .body = "{\"userId\":\"ann\",\"roles\":[\"r\"]}",
                       .headers = { "Idempotency-Key", "m" } };
    assert_status(driver_ask(d, ask), 400);
    ask.body = "{\"userId\":\"bob\",\"roles\":[\"r\"]}";
    assert_status(driver_ask(d, ask), 200);
    /* refused for a condition: that is no answer to keep either */
    assert_status(driver_ask(d, (struct ask) {
                      .method = "POST", .path = "/1/members",
                      .body = "{\"userId\":\"eve\",\"roles\":[\"r\"]}",
                      .headers = { "Idempotency-Key", "n", "If-Match",
                                   "\"99\"" } }),
                  412);
    assert_status(with("POST", "/1/members",
                       "{\"userId\":\"eve\",\"roles\":[\"r\"]}",
                       "Idempotency-Key", "n"),
                  200);
}

static void what_is_no_key_is_400(void **state) {
    (void) state;
    char longest[257];
    memset(longest, 'k', sizeof longest);
    longest[255] = '\0';
    assert_status(create(longest, "{\"name\":\"A\"}"), 200);
    longest[255] = 'k';
    longest[256] = '\0';
    assert_status(create(longest, "{\"name\":\"A\"}"), 400);
    assert_status(create("", "{\"name\":\"A\"}"), 400);
    assert_status(create("a\tb", "{\"name\":\"A\"}"), 400);
    assert_status(driver_ask(d, (struct ask) {
                      .method = "POST", .body = "{\"name\":\"A\"}",
                      .headers = { "Idempotency-Key", "a",
                                   "Idempotency-Key", "a" } }),
                  400);
    assert_int_equal(created(), 2);
}

static void keys_are_kept_for_a_day_and_claims_for_seconds(void **state) {
    (void) state;
    assert_status(create("k", "{\"name\":\"A\"}"), 200);
    redisReply *keys = redis_run("KEYS wsp:{62}:acme:k:*");
    assert_int_equal(keys->elements, 1);
    long long left = redis_number("PTTL %s", keys->element[0]->str);
    assert_in_range(left, 86400000 - 60000, 86400000);
    freeReplyObject(keys);
    keys = redis_run("KEYS wsp:{62}:acme:t:*");
    assert_true(keys->elements >= 1);
    for (size_t i = 0; i < keys->elements; i++) {
        assert_in_range(redis_number("PTTL %s", keys->element[i]->str), 1,
                        120000);
    }
    freeReplyObject(keys);
}

static void another_method_needs_no_key(void **state) {
    (void) state;
    for (int i = 0; i < 2; i++) {
        assert_status(with("PUT", "/1", i ? "{\"name\":\"A\"}" : "{}",
                           "Idempotency-Key", "k"),
                      200);
    }
    assert_int_equal(redis_mentions(":k:", 3), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_change_moves_the_etag, one_workspace),
        cmocka_unit_test_setup(if_none_match_answers_304_without_a_body,
                               one_workspace),
        cmocka_unit_test_setup(if_match_guards_each_change, one_workspace),
        cmocka_unit_test_setup(of_two_updates_of_one_revision_one_is_refused,
                               one_workspace),
        cmocka_unit_test_setup(a_repeat_gets_the_first_answer, one_workspace),
        cmocka_unit_test_setup(another_request_under_a_used_key_is_422,
                               one_workspace),
        cmocka_unit_test_setup(
            another_slot_under_a_used_key_is_another_request, one_workspace),
        cmocka_unit_test_setup(a_secret_answer_is_kept_sealed, one_workspace),
        cmocka_unit_test_setup(keys_of_others_are_other_keys, one_workspace),
        cmocka_unit_test_setup(of_two_at_once_one_does_the_work,
                               one_workspace),
        cmocka_unit_test_setup(a_repeat_while_the_first_runs_is_409,
                               one_workspace),
        cmocka_unit_test_setup(
            a_refused_request_may_be_corrected_under_its_key, one_workspace),
        cmocka_unit_test_setup(what_is_no_key_is_400, one_workspace),
        cmocka_unit_test_setup(keys_are_kept_for_a_day_and_claims_for_seconds,
                               one_workspace),
        cmocka_unit_test_setup(another_method_needs_no_key, one_workspace),
    };
    return cmocka_run_group_tests(tests, open_driver, close_driver);
}
