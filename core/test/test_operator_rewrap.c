/* Rewrap: all that is sealed gets the first key, under live traffic, whoever
 * dies; and then the keys before can go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

#define KEY_A "a AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define KEY_B "b AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

static const char *const tenants[] = { "acme", "globex", "*", "a b/%{2}:" };
enum { WORKSPACES = 5 };

static struct driver *d;    /* of the ring under test */
static struct driver *w;    /* does the work */

static struct driver *with_keys(const char *keys, bool works) {
    return driver_new((struct driver_options) { .keys = keys,
                                                .works = works });
}

static int open_redis(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 4");
    d = NULL;
    w = NULL;
    return 0;
}

static int close_drivers(void **state) {
    (void) state;
    driver_free(d);
    driver_free(w);
    return 0;
}

static const struct answer *rewrap(struct driver *by, const char *method) {
    return driver_ask(by, (struct ask) {
        .dialect = WSP_OPERATOR, .method = method, .path = "/rewrap",
        .nobody = true });
}

static const struct answer *sealed(struct driver *by, const char *method,
                                   const char *tenant, int workspace,
                                   const char *slot, const char *body) {
    char path[32];
    snprintf(path, sizeof path, "/%d/encrypted", workspace);
    return driver_ask(by, (struct ask) {
        .method = method, .path = path, .tenant = tenant, .admin = "1",
        .body = body, .headers = { "x-encrypted-id", slot } });
}

/* Tenants with workspaces with two blobs each, and a partner, by who has but
 * the key a; 4 * 5 * 2 blobs and 3 secrets, one of them old. */
enum { BLOBS = 4 * WORKSPACES * 2 + 3 };

static void furnish(void) {
    struct driver *old = with_keys(KEY_A, false);
    for (size_t t = 0; t < COUNT_OF(tenants); t++) {
        for (int i = 1; i <= WORKSPACES; i++) {
            assert_status(driver_ask(old, (struct ask) {
                              .method = "POST", .tenant = tenants[t],
                              .body = "{\"name\":\"W\"}" }), 200);
            char body[64];
            snprintf(body, sizeof body, "{\"of\":\"%zu/%d\"}", t, i);
            assert_status(sealed(old, "POST", tenants[t], i, "one", body),
                          200);
            assert_status(sealed(old, "POST", tenants[t], i, "two", body),
                          200);
        }
    }
    assert_status(driver_ask(old, (struct ask) {
                      .dialect = WSP_OPERATOR, .method = "POST",
                      .path = "/partners", .nobody = true,
                      .body = "{\"id\":\"acme\",\"name\":\"N\"}" }), 201);
    assert_status(driver_ask(old, (struct ask) {
                      .dialect = WSP_OPERATOR, .method = "POST",
                      .path = "/partners/acme/secrets/incoming",
                      .nobody = true }), 200);
    driver_free(old);
}

/* How many blobs say that they are under this key. */
static long long under(const char *key) {
    return redis_number(
        "EVAL %s 0 %s",
        "local n = 0 "
        "local head = '\\1' .. string.char(#ARGV[1]) .. ARGV[1] "
        "for _, key in ipairs(redis.call('KEYS', 'wsp:{*')) do "
        "  if string.match(key, ':x$') or string.match(key, ':pt$') then "
        "    for _, value in ipairs(redis.call('HVALS', key)) do "
        "      if string.sub(value, 1, #head) == head then n = n + 1 end "
        "    end "
        "  end "
        "end return n", key);
}

static void leases_run_out(void) {
    redis_do("EVAL %s 1 wsp:{0}::q:work",
             "for _, job in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do "
             "redis.call('ZADD', KEYS[1], 1, job) end");
}

static bool is_done(void) {
    for (time_t end = time(NULL) + 30; time(NULL) < end;) {
        driver_turn(w, 10);
        if (strstr(rewrap(d, "GET")->body, "\"state\":\"done\"") != NULL) {
            return true;
        }
        driver_forget(d);
    }
    return false;
}

/* All is what it was, for whoever has no other key. */
static void all_opens_with(const char *keys) {
    struct driver *by = with_keys(keys, false);
    for (size_t t = 0; t < COUNT_OF(tenants); t++) {
        for (int i = 1; i <= WORKSPACES; i++) {
            char body[64];
            snprintf(body, sizeof body, "{\"of\":\"%zu/%d\"}", t, i);
            assert_body(sealed(by, "GET", tenants[t], i, "one", NULL), body);
            assert_body(sealed(by, "GET", tenants[t], i, "two", NULL), body);
        }
    }
    driver_free(by);
}

static void there_is_none_at_first(void **state) {
    (void) state;
    d = with_keys(KEY_A, false);
    assert_body(rewrap(d, "GET"),
                "{\"state\":\"none\",\"key\":null,\"started_at\":null,"
                "\"ended_at\":null,\"partitions\":0,\"tenants\":0,"
                "\"workspaces\":0,\"blobs\":0,\"rewrapped\":0,"
                "\"failed\":0}");
}

static void without_keys_there_is_nothing_to_do(void **state) {
    (void) state;
    d = driver_new((struct driver_options) { .no_keys = true });
    const struct answer *got = rewrap(d, "POST");
    assert_status(got, 503);
    assert_holds(got->body, "workspaces_seal_keys");
}

static void the_old_key_can_go_afterwards(void **state) {
    (void) state;
    furnish();
    assert_int_equal(under("a"), BLOBS);
    d = with_keys(KEY_B KEY_A, false);
    w = with_keys(KEY_B KEY_A, true);
    const struct answer *got = rewrap(d, "POST");
    assert_status(got, 202);
    assert_holds(got->body, "{\"state\":\"running\",\"key\":\"b\",");
    assert_true(is_done());
    char wanted[160];
    snprintf(wanted, sizeof wanted,
             "\"partitions\":4,\"tenants\":4,\"workspaces\":20,"
             "\"blobs\":%d,\"rewrapped\":%d,\"failed\":0}", BLOBS, BLOBS);
    assert_holds(rewrap(d, "GET")->body, wanted);
    assert_int_equal(under("a"), 0);
    assert_int_equal(under("b"), BLOBS);
    all_opens_with(KEY_B);
    /* a secret that does not open could not be rotated with grace */
    struct driver *by = with_keys(KEY_B, false);
    got = driver_ask(by, (struct ask) {
        .dialect = WSP_OPERATOR, .method = "POST", .nobody = true,
        .path = "/partners/acme/secrets/incoming" });
    assert_lacks(got->body, "\"incoming_grace_until\":null");
    assert_lacks(by->log.data ? by->log.data : "", "does not open");
    driver_free(by);
    driver_until_log(w, "rewrap: all is sealed under the key b");
    assert_lacks(w->log.data, "whs_");
}

static void another_time_there_is_nothing_to_rewrap(void **state) {
    (void) state;
    furnish();
    d = with_keys(KEY_A, false);
    w = with_keys(KEY_A, true);
    for (int i = 0; i < 2; i++) {
        assert_status(rewrap(d, "POST"), 202);
        assert_true(is_done());
        char wanted[64];
        snprintf(wanted, sizeof wanted,
                 "\"blobs\":%d,\"rewrapped\":0,\"failed\":0}", BLOBS);
        assert_holds(rewrap(d, "GET")->body, wanted);
    }
    assert_int_equal(under("a"), BLOBS);
}

static void one_runs_at_a_time(void **state) {
    (void) state;
    furnish();
    d = with_keys(KEY_B KEY_A, false);
    assert_status(rewrap(d, "POST"), 202);
    const struct answer *got = rewrap(d, "POST");
    assert_status(got, 409);
    assert_holds(got->body, "is running");
    w = with_keys(KEY_B KEY_A, true);
    assert_true(is_done());
    assert_status(rewrap(d, "POST"), 202);
    assert_true(is_done());
}

static void one_under_another_key_takes_its_place(void **state) {
    (void) state;
    furnish();
    d = with_keys(KEY_A, false);
    assert_status(rewrap(d, "POST"), 202);
    driver_free(d);
    d = with_keys(KEY_B KEY_A, false);
    w = with_keys(KEY_B KEY_A, true);
    assert_status(rewrap(d, "POST"), 202);
    assert_true(is_done());
    assert_int_equal(under("b"), BLOBS);
    for (time_t end = time(NULL) + 20; time(NULL) < end;) {
        driver_turn(w, 10);
        if (redis_number("ZCARD wsp:{0}::q:work") == 0) {
            break;
        }
    }
    assert_int_equal(redis_number("ZCARD wsp:{0}::q:work"), 0);
}

static void a_worker_with_another_ring_leaves_it(void **state) {
    (void) state;
    furnish();
    d = with_keys(KEY_B KEY_A, false);
    assert_status(rewrap(d, "POST"), 202);
    redisReply *job = redis_run("HGET wsp:rewrap job");
    w = with_keys(KEY_A KEY_B, true);
    redisReply *first = redis_run("ZRANGE wsp:{0}::q:work 0 0 WITHSCORES");
    char due[32];
    snprintf(due, sizeof due, "%s", first->element[1]->str);
    freeReplyObject(first);
    /* it takes it and gives it back, more than once */
    int given_back = 0;
    for (time_t end = time(NULL) + 30; time(NULL) < end && given_back < 2;) {
        driver_turn(w, 10);
        const char *tries = redis_text("HGET wsp:{0}::j:%s tries", job->str);
        bool free = strcmp(tries, "0") == 0;
        const char *now = redis_text("ZSCORE wsp:{0}::q:work %s", job->str);
        if (free && strcmp(now, due) != 0) {
            snprintf(due, sizeof due, "%s", now);
            given_back++;
        }
    }
    assert_int_equal(given_back, 2);
    assert_int_equal(under("a"), BLOBS);
    assert_holds(rewrap(d, "GET")->body, "\"state\":\"running\"");
    freeReplyObject(job);
    driver_free(w);
    leases_run_out();
    w = with_keys(KEY_B KEY_A, true);
    assert_true(is_done());
    assert_int_equal(under("b"), BLOBS);
}

static void what_does_not_open_is_left_and_told(void **state) {
    (void) state;
    furnish();
    redis_do("HSET wsp:{2}:acme:w:1:x one garbage");
    /* moved: it is another place's */
    redisReply *blob = redis_run("HGET wsp:{2}:acme:w:2:x one");
    redis_do("HSET wsp:{2}:acme:w:3:x one %b", blob->str, blob->len);
    freeReplyObject(blob);
    redis_do("HSET wsp:{2}:acme:pt out broken");
    /* under a key that nobody has */
    redis_do("HSET wsp:{2}:acme:w:4:x one %b", "\1\1c", (size_t) 3);
    d = with_keys(KEY_B KEY_A, false);
    w = with_keys(KEY_B KEY_A, true);
    assert_status(rewrap(d, "POST"), 202);
    assert_true(is_done());
    char wanted[64];
    snprintf(wanted, sizeof wanted,
             "\"blobs\":%d,\"rewrapped\":%d,\"failed\":4}", BLOBS, BLOBS - 4);
    assert_holds(rewrap(d, "GET")->body, wanted);
    assert_string_equal(redis_text("HGET wsp:{2}:acme:w:1:x one"),
                        "garbage");
    assert_string_equal(redis_text("HGET wsp:{2}:acme:pt out"), "broken");
    assert_true(driver_logged(
        w, "rewrap: does not open, workspace 1, slot one, tenant \"acme\""));
    assert_true(driver_logged(
        w, "rewrap: does not open, workspace 3, slot one, tenant \"acme\""));
    driver_until_log(w, "but for what did not open");
}

static void secrets_whose_grace_is_over_are_dropped(void **state) {
    (void) state;
    furnish();
    redis_do("HSET wsp:{2}:acme:pt in_until 1");
    d = with_keys(KEY_B KEY_A, false);
    w = with_keys(KEY_B KEY_A, true);
    assert_status(rewrap(d, "POST"), 202);
    assert_true(is_done());
    assert_int_equal(redis_number("HEXISTS wsp:{2}:acme:pt in_old"), 0);
    assert_int_equal(under("a"), 0);
    assert_int_equal(under("b"), BLOBS - 1);
}

/* Writes, moves and deletions while it goes on; a write is never undone. */
static void traffic_goes_on_meanwhile(void **state) {
    (void) state;
    furnish();
    d = with_keys(KEY_B KEY_A, false);
    w = with_keys(KEY_B KEY_A, true);
    struct driver *late = with_keys(KEY_A KEY_B, false);
    assert_status(rewrap(d, "POST"), 202);
    char body[64] = "";
    for (int i = 0; i < 200; i++) {
        driver_turn(w, 1);
        snprintf(body, sizeof body, "{\"of\":\"0/%d\",\"n\":%d}",
                 1 + i % 4, i);
        assert_status(sealed(i % 2 ? d : late, "POST", "acme", 1 + i % 4,
                             "one", body), 200);
        const struct answer *got =
            sealed(i % 2 ? late : d, "GET", "acme", 1 + i % 4, "one", NULL);
        assert_body(got, body);
        driver_forget(d);
        driver_forget(late);
        if (i == 50) {
            assert_status(driver_ask(d, (struct ask) {
                              .method = "DELETE", .path = "/5" }), 200);
        }
    }
    assert_true(is_done());
    assert_int_equal(redis_number("EXISTS wsp:{2}:acme:w:5:x"), 0);
    driver_free(late);
    /* whoever still had the old first key wrote with it: again */
    assert_status(rewrap(d, "POST"), 202);
    assert_true(is_done());
    assert_int_equal(under("a"), 0);
    struct driver *by = with_keys(KEY_B, false);
    assert_body(sealed(by, "GET", "acme", 4, "one", NULL), body);
    driver_free(by);
}

static void many_are_done_in_slices(void **state) {
    (void) state;
    furnish();
    /* 300 workspaces more, of which one in three has sealed data */
    struct driver *old = with_keys(KEY_A, false);
    for (int i = 1; i <= 300; i++) {
        assert_status(driver_ask(old, (struct ask) {
                          .method = "POST", .tenant = "many",
                          .body = "{\"name\":\"W\"}" }), 200);
        if (i % 3 == 0) {
            assert_status(sealed(old, "POST", "many", i, "one", "{}"), 200);
        }
        driver_forget(old);
    }
    /* and one with more than a slice holds */
    static char large[900000];
    memset(large, 'x', sizeof large);
    memcpy(large, "[\"", 2);
    memcpy(large + sizeof large - 3, "\"]", 3);
    char slot[16];
    for (int i = 0; i < 12; i++) {
        snprintf(slot, sizeof slot, "s%d", i);
        assert_status(sealed(old, "POST", "globex", 3, slot, large), 200);
        driver_forget(old);
    }
    driver_free(old);
    d = with_keys(KEY_B KEY_A, false);
    assert_status(rewrap(d, "POST"), 202);
    /* each worker dies as soon as it has done something */
    for (int round = 0; round < 4; round++) {
        redisReply *before = redis_run("HGET wsp:rewrap position");
        w = with_keys(KEY_B KEY_A, true);
        for (time_t end = time(NULL) + 20; time(NULL) < end;) {
            driver_turn(w, 10);
            const char *now = redis_text("HGET wsp:rewrap position");
            if (strcmp(now, before->str) != 0) {
                break;
            }
        }
        assert_string_not_equal(redis_text("HGET wsp:rewrap position"),
                                before->str);
        freeReplyObject(before);
        for (int turn = 0; turn < 9 * round; turn++) {
            driver_turn(w, 0);
        }
        driver_free(w);
        w = NULL;
        leases_run_out();
    }
    assert_holds(rewrap(d, "GET")->body, "\"state\":\"running\"");
    w = with_keys(KEY_B KEY_A, true);
    assert_true(is_done());
    /* counted once each, whoever did it twice: those that a dead worker had
       rewrapped are not counted as such again */
    char wanted[96];
    snprintf(wanted, sizeof wanted,
             "\"tenants\":5,\"workspaces\":320,\"blobs\":%d,",
             BLOBS + 100 + 12);
    assert_holds(rewrap(d, "GET")->body, wanted);
    assert_int_equal(under("a"), 0);
    assert_int_equal(under("b"), BLOBS + 112);
    all_opens_with(KEY_B);
}

static void two_workers_do_it_once(void **state) {
    (void) state;
    furnish();
    d = with_keys(KEY_B KEY_A, true);
    w = with_keys(KEY_B KEY_A, true);
    assert_status(rewrap(d, "POST"), 202);
    /* the lease of whoever has it runs out all the time */
    for (int i = 0; i < 300; i++) {
        driver_turn(i % 2 ? w : d, 1);
        if (i % 5 == 0) {
            leases_run_out();
        }
    }
    assert_true(is_done());
    char wanted[64];
    snprintf(wanted, sizeof wanted,
             "\"tenants\":4,\"workspaces\":20,\"blobs\":%d,", BLOBS);
    assert_holds(rewrap(d, "GET")->body, wanted);
    assert_int_equal(under("b"), BLOBS);
}

int main(void) {
#define TEST(name)                                                           \
    cmocka_unit_test_setup_teardown(name, open_redis, close_drivers)
    const struct CMUnitTest tests[] = {
        TEST(there_is_none_at_first),
        TEST(without_keys_there_is_nothing_to_do),
        TEST(the_old_key_can_go_afterwards),
        TEST(another_time_there_is_nothing_to_rewrap),
        TEST(one_runs_at_a_time),
        TEST(one_under_another_key_takes_its_place),
        TEST(a_worker_with_another_ring_leaves_it),
        TEST(what_does_not_open_is_left_and_told),
        TEST(secrets_whose_grace_is_over_are_dropped),
        TEST(traffic_goes_on_meanwhile),
        TEST(many_are_done_in_slices),
        TEST(two_workers_do_it_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
