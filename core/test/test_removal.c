/* A deleted workspace goes from what is kept of its members: at once where they
 * are few, by long work where they are many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

enum {
    AT_ONCE = 500,              /* what one commit removes */
    MANY = 6200                 /* more than a slice does */
};

#define ACME "wsp:{62}:acme:"

static struct driver *d;        /* answers */
static struct driver *w;        /* does the work */
static char id[24];

static int open_driver(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 64");
    d = driver_new((struct driver_options) { 0 });
    return 0;
}

static int close_driver(void **state) {
    (void) state;
    driver_free(d);
    return 0;
}

static int new_world(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 64");
    driver_forget(d);
    snprintf(id, sizeof id, "%s", make_workspace(d, "ann", "{\"name\":\"W\"}"));
    make_workspace(d, "ann", "{\"name\":\"Other\"}");
    return 0;
}

static int end_work(void **state) {
    (void) state;
    driver_free(w);
    w = NULL;
    return 0;
}

/* Members u0, u1 ... beside ann; the workspace is the active one of all. */
static void crowd(int members) {
    static const char script[] =
        "for i = 0, ARGV[1] - 1 do "
        "local u = 'u' .. i "
        "redis.call('HSET', KEYS[1] .. 'w:' .. ARGV[2] .. ':m', u, "
        "'1000 viewer') "
        "redis.call('HINCRBY', KEYS[1] .. 'w:' .. ARGV[2] .. ':n', 'viewer', "
        "1) "
        "redis.call('SADD', KEYS[1] .. 'w:' .. ARGV[2] .. ':c', u) "
        "redis.call('ZADD', KEYS[1] .. 'u:' .. u .. ':w', ARGV[2], ARGV[2]) "
        "redis.call('HSET', KEYS[1] .. 'u:' .. u, 'active', ARGV[2]) "
        "end";
    redis_do("EVAL %s 1 " ACME " %d %s", script, members, id);
}

static void delete_it(void) {
    char path[32];
    snprintf(path, sizeof path, "/%s", id);
    assert_status(driver_ask(d, (struct ask) { .method = "DELETE",
                                               .path = path }), 200);
}

/* Nothing of it is there, for all that anybody can see. */
static void assert_is_gone(const char *user) {
    char path[32];
    snprintf(path, sizeof path, "/%s", id);
    assert_status(driver_ask(d, (struct ask) { .path = path, .user = user }),
                  404);
    assert_body(driver_ask(d, (struct ask) { .user = user }), "[]");
    assert_string_equal(
        driver_ask(d, (struct ask) {
            .access = true, .user = user,
            .headers = { "X-Workspace-ID", id } })->decided.reason,
        "not_member");
    const struct answer *list = driver_ask(d, (struct ask) {
        .dialect = WSP_LOCATION, .path = "/workspaces", .user = user });
    assert_status(list, 200);
    assert_lacks(list->body, "\"W\"");
}

/* What a list of a user's, or a key, holds of it. */
static long long left(void) {
    static const char script[] =
        "local n = 0 "
        "for _, key in ipairs(redis.call('KEYS', KEYS[1] .. 'u:*')) do "
        "if key:sub(-2) == ':w' then "
        "n = n + (redis.call('ZSCORE', key, ARGV[1]) and 1 or 0) "
        "elseif key:sub(-2) ~= ':p' then "
        "n = n + (redis.call('HGET', key, 'active') == ARGV[1] and 1 or 0) "
        "end end "
        "return n + #redis.call('KEYS', KEYS[1] .. 'w:' .. ARGV[1] .. ':*')";
    return redis_number("EVAL %s 1 " ACME " %s", script, id);
}

static long long jobs(void) {
    return redis_number("ZCARD wsp:{62}::q:work");
}

static bool is_done(void) {
    for (time_t end = time(NULL) + 60; time(NULL) < end;) {
        driver_turn(w, 10);
        if (jobs() == 0) {
            return true;
        }
    }
    return false;
}

static void work(void) {
    w = driver_new((struct driver_options) { .works = true });
}

static void few_are_removed_at_once(void **state) {
    (void) state;
    crowd(AT_ONCE - 1);
    delete_it();
    assert_int_equal(jobs(), 0);
    assert_int_equal(left(), 0);
    assert_is_gone("u7");
}

static void many_are_removed_by_and_by(void **state) {
    (void) state;
    crowd(MANY);
    /* another one is active meanwhile: that stays */
    redis_do("SREM " ACME "w:%s:c u3", id);
    redis_do("HSET " ACME "u:u3 active 2");
    redis_do("CONFIG RESETSTAT");
    delete_it();
    assert_int_equal(jobs(), 1);
    assert_true(left() > MANY);
    assert_is_gone("u7");
    assert_is_gone("u3");
    assert_string_equal(
        driver_ask(d, (struct ask) { .access = true, .user = "u7" })
            ->decided.reason, "not_member");
    work();
    assert_true(is_done());
    assert_int_equal(left(), 0);
    assert_is_gone("u7");
    assert_string_equal(redis_text("HGET " ACME "u:u3 active"), "2");
    assert_string_equal(
        driver_ask(d, (struct ask) { .access = true, .user = "u7" })
            ->decided.reason, "no_workspace");
    /* and nothing of another */
    assert_holds(driver_ask(d, (struct ask) { 0 })->body, "\"Other\"");
}

/* The contexts may be many where the members are not any more. */
static void members_without_contexts_are_removed(void **state) {
    (void) state;
    crowd(MANY);
    redis_do("DEL " ACME "w:%s:c", id);
    delete_it();
    work();
    assert_true(is_done());
    redis_do("EVAL %s 0", "for _, k in ipairs(redis.call('KEYS', '"
             ACME "u:*')) do if k:sub(-2) ~= ':w' and k:sub(-2) ~= ':p' then "
             "redis.call('DEL', k) end end");
    assert_int_equal(left(), 0);
}

/* Whoever did it has died: the next one goes on when its lease is over. */
static void another_goes_on_with_it(void **state) {
    (void) state;
    crowd(MANY);
    delete_it();
    long long all = left();
    work();
    for (time_t end = time(NULL) + 60; left() == all && time(NULL) < end;) {
        driver_turn(w, 1);
    }
    assert_true(left() < all);
    assert_true(left() > 0);
    driver_free(w);
    assert_int_equal(jobs(), 1);
    assert_is_gone("u7");
    w = driver_new((struct driver_options) { .works = true });
    w->stopped_clock = true;
    w->wall_ms += 3600 * 1000;
    w->monotonic_ms += 2000;
    for (time_t end = time(NULL) + 60; jobs() != 0 && time(NULL) < end;) {
        driver_turn(w, 1);
        w->monotonic_ms += 10;
    }
    assert_int_equal(jobs(), 0);
    assert_int_equal(left(), 0);
}

/* With its tenant it goes all the same. */
static void a_deleted_tenant_takes_it_along(void **state) {
    (void) state;
    crowd(MANY);
    delete_it();
    assert_status(driver_ask(d, (struct ask) {
                      .dialect = WSP_OPERATOR, .method = "DELETE",
                      .path = "/tenants/acme", .nobody = true }), 202);
    work();
    assert_true(is_done());
    assert_int_equal(redis_mentions(ACME, sizeof ACME - 1), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_world, end_work)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(few_are_removed_at_once),
        TEST(many_are_removed_by_and_by),
        TEST(members_without_contexts_are_removed),
        TEST(another_goes_on_with_it),
        TEST(a_deleted_tenant_takes_it_along),
    };
    return cmocka_run_group_tests(tests, open_driver, close_driver);
}
