/* Tenants in the operator surface: which there are, what they hold, and that
 * nothing is left of one that is deleted, and nothing taken from another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

static struct driver *d;    /* answers */
static struct driver *w;    /* does the work */

static const struct answer *operate(const char *method, const char *path) {
    return driver_ask(d, (struct ask) {
        .dialect = WSP_OPERATOR, .method = method, .path = path,
        .nobody = true });
}

static const struct answer *list(const char *query) {
    return driver_ask(d, (struct ask) {
        .dialect = WSP_OPERATOR, .path = "/tenants", .query = query,
        .nobody = true });
}

static int open_driver(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 4");
    d = driver_new((struct driver_options) { .mails = true });
    return 0;
}

static int close_driver(void **state) {
    (void) state;
    driver_free(d);
    return 0;
}

static int empty(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 4");
    driver_forget(d);
    bytes_clear(&d->log);
    return 0;
}

static int end_work(void **state) {
    (void) state;
    driver_free(w);
    w = NULL;
    return 0;
}

static void start_work(void) {
    w = driver_new((struct driver_options) { .works = true });
}

/* Turns of whoever does the work, until the tenant is gone. */
static bool is_deleted(const char *path) {
    for (time_t end = time(NULL) + 30; time(NULL) < end;) {
        driver_turn(w, 10);
        if (operate("GET", path)->status == 404) {
            return true;
        }
        driver_forget(d);
    }
    return false;
}

static void make(const char *tenant, const char *user, const char *body) {
    assert_status(driver_ask(d, (struct ask) {
                      .method = "POST", .tenant = tenant, .user = user,
                      .name = "Ann", .email = "ann@example.com",
                      .body = body }), 200);
}

static void make_partner(const char *id) {
    char body[128];
    snprintf(body, sizeof body,
             "{\"id\":\"%s\",\"name\":\"N\","
             "\"webhook_url\":\"https://a.example/\"}", id);
    assert_status(driver_ask(d, (struct ask) {
                      .dialect = WSP_OPERATOR, .method = "POST",
                      .path = "/partners", .nobody = true, .body = body }),
                  201);
}

/* What a tenant may have: in workspace 1, and around it. */
static void furnish(const char *tenant) {
    make(tenant, "ann", "{\"name\":\"A b\",\"labels\":[\"red\",\"b:*\"]}");
    make(tenant, "bob", "{\"name\":\"Second\"}");
    struct ask ask = { .tenant = tenant, .user = "ann", .method = "POST",
                       .path = "/1/members",
                       .body = "{\"userId\":\"b{0}:*\","
                               "\"roles\":[\"member\"]}" };
    assert_status(driver_ask(d, ask), 200);
    ask.path = "/1/activate";
    assert_status(driver_ask(d, ask), 200);
    ask.path = "/1/encrypted";
    ask.admin = "1";
    ask.body = "{\"apiKey\":\"hush\"}";
    assert_status(driver_ask(d, ask), 200);
    ask.headers[0] = "x-encrypted-id";
    ask.headers[1] = "other";
    assert_status(driver_ask(d, ask), 200);
    assert_status(driver_ask(d, (struct ask) {
                      .dialect = WSP_LOCATION, .method = "POST",
                      .path = "/workspace/invitations", .tenant = tenant,
                      .user = "ann", .admin = "1",
                      .headers = { "X-Workspace-ID", "1", "Idempotency-Key",
                                   "key-1" },
                      .body = "{\"email\":\"guest@example.com\"}" }), 201);
    assert_status(driver_ask(d, (struct ask) {
                      .dialect = WSP_ORGANIZATION, .method = "POST",
                      .path = "/organizations", .tenant = tenant,
                      .user = "ann", .body = "{\"name\":\"Some\"}" }), 201);
    make_partner(tenant);
}

/* A webhook that waits and a dead job, as another worker left them. */
static void leave_jobs(int partition, const char *tenant) {
    redis_do("HSET wsp:{%d}::j:%s-1 kind webhook tenant %s lane %s/acme "
             "created 1 tries 0 payload event-1", partition, tenant, tenant,
             tenant);
    redis_do("HSET wsp:{%d}::j:%s-2 kind webhook tenant %s lane %s/acme "
             "created 1 tries 0 payload event-2", partition, tenant, tenant,
             tenant);
    redis_do("RPUSH wsp:{%d}::o:%s/acme %s-1 %s-2", partition, tenant,
             tenant, tenant);
    redis_do("ZADD wsp:{%d}::q:webhook 9999999999999 %s/acme", partition,
             tenant);
    redis_do("HINCRBY wsp:{%d}::jobs webhook 2", partition);
    redis_do("HSET wsp:{%d}::j:%s-3 kind mail tenant %s lane %s-3 "
             "created 1 tries 9 payload hush", partition, tenant, tenant,
             tenant);
    redis_do("ZADD wsp:{%d}::dead:mail 1 %s-3", partition, tenant);
    redis_do("HSET wsp:{%d}:%s:y:event-1 event a state pending body {}",
             partition, tenant);
    redis_do("SET wsp:{%d}:%s:x:f00 1", partition, tenant);
}

static long long keys_like(const char *pattern) {
    redisReply *keys = redis_run("KEYS %s", pattern);
    long long count = (long long) keys->elements;
    freeReplyObject(keys);
    return count;
}

static void whatever_is_first_lists_a_tenant(void **state) {
    (void) state;
    make("by-workspace", "ann", "{\"name\":\"W\"}");
    assert_status(driver_ask(d, (struct ask) {
                      .dialect = WSP_ORGANIZATION, .method = "POST",
                      .path = "/organizations", .tenant = "by-organization",
                      .body = "{\"name\":\"Some\"}" }), 201);
    make_partner("by-partner");
    assert_body(list(NULL),
                "{\"tenants\":[{\"id\":\"by-organization\"},"
                "{\"id\":\"by-partner\"},{\"id\":\"by-workspace\"}],"
                "\"next\":null}");
    assert_body(list("limit=2"),
                "{\"tenants\":[{\"id\":\"by-organization\"},"
                "{\"id\":\"by-partner\"}],\"next\":\"by-partner\"}");
    assert_body(list("limit=2&after=by-partner"),
                "{\"tenants\":[{\"id\":\"by-workspace\"}],\"next\":null}");
    assert_status(list("limit=0"), 422);
    assert_status(list("limit=%zz"), 400);
}

static void an_attempt_lists_nobody(void **state) {
    (void) state;
    assert_status(driver_ask(d, (struct ask) {
                      .method = "POST", .body = "{\"name\":\"\"}" }), 400);
    assert_body(list(NULL), "{\"tenants\":[],\"next\":null}");
}

static void what_a_tenant_holds_is_counted(void **state) {
    (void) state;
    furnish("acme");
    make("acme2", "ann", "{\"name\":\"W\"}");
    long long bytes = redis_number("HSTRLEN wsp:{2}:acme:w:1:x default") +
                      redis_number("HSTRLEN wsp:{2}:acme:w:1:x other");
    assert_true(bytes > 0);
    char wanted[512];
    snprintf(wanted, sizeof wanted,
             "{\"id\":\"acme\",\"organization\":true,\"partner\":true,"
             "\"workspaces\":3,\"counted_workspaces\":3,\"memberships\":4,"
             "\"invitations\":1,\"sealed_blobs\":2,\"sealed_bytes\":%lld,"
             "\"deletion\":null}", bytes);
    const struct answer *got = operate("GET", "/tenants/acme");
    assert_status(got, 200);
    assert_body(got, wanted);
    assert_status(operate("GET", "/tenants/acm"), 404);
    assert_status(operate("GET", "/tenants/%2A"), 404);
    assert_status(operate("GET", "/tenants/%ff"), 404);
    assert_status(operate("DELETE", "/tenants/acm"), 404);
}

static void what_one_request_looks_at_is_bounded(void **state) {
    (void) state;
    make("acme", "ann", "{\"name\":\"W\"}");
    redis_do("EVAL %s 0",
             "for i = 2, 1200 do "
             "  redis.call('ZADD', 'wsp:{2}:acme:ws', i, i) "
             "  redis.call('HSET', 'wsp:{2}:acme:w:' .. i .. ':m', 'a', '1') "
             "end");
    const struct answer *got = operate("GET", "/tenants/acme");
    assert_holds(got->body, "\"workspaces\":1200,\"counted_workspaces\":1000,"
                            "\"memberships\":1000,");
    redis_do("EVAL %s 0",
             "for i = 1, 300 do for s = 1, 64 do "
             "  redis.call('HSET', 'wsp:{2}:acme:w:' .. i .. ':x', s, 'b') "
             "end end");
    got = operate("GET", "/tenants/acme");
    assert_holds(got->body, "\"counted_workspaces\":100,");
    assert_holds(got->body, "\"sealed_blobs\":6400,\"sealed_bytes\":6400,");
}

static void nothing_is_left_of_a_deleted_tenant(void **state) {
    (void) state;
    furnish("acme");
    /* names that begin alike, or would be patterns, and one of the same
       partition */
    static const char *const others[] = { "acme2", "acm", "a%63me", "*",
                                          "ac?e", "[a]cme", "acme:w",
                                          "{2}", "ACME", "acme.x" };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        furnish(others[i]);
    }
    leave_jobs(2, "acme");
    leave_jobs(2, "acme2");
    redis_do("HSET wsp:k:aaaa tenant acme user ann");
    redis_do("HSET wsp:k:bbbb tenant acme2 user ann");
    /* a token that was answered: no list has it any more */
    redis_do("SET wsp:i:f00d acme");
    redis_do("SET wsp:i:beef acme2");
    start_work();
    /* what is to be left: all but that which has the tenant in it */
    redis_do("EVAL %s 0",
             "for _, key in ipairs(redis.call('KEYS', '*')) do "
             "  redis.call('SADD', 'before', key) end");
    const struct answer *got = operate("DELETE", "/tenants/acme");
    assert_status(got, 202);
    assert_holds(got->body, "\"workspaces\":3,");
    assert_holds(got->body, "\"phase\":\"webhooks\",\"removed\":0}");
    assert_true(is_deleted("/tenants/acme"));
    /* its job is settled when it is gone */
    for (time_t end = time(NULL) + 20; time(NULL) < end;) {
        driver_turn(w, 10);
        if (redis_number("ZCARD wsp:{2}::q:work") == 0) {
            break;
        }
    }
    assert_int_equal(redis_number("ZCARD wsp:{2}::q:work"), 0);
    assert_int_equal(keys_like("wsp:{?}:acme:*"), 0);
    assert_int_equal(keys_like("wsp:{?}::del:*"), 0);
    assert_int_equal(keys_like("wsp:{?}::j:acme-*"), 0);
    assert_int_equal(keys_like("wsp:{?}::o:acme/*"), 0);
    assert_int_equal(redis_number("EXISTS wsp:k:aaaa wsp:i:f00d"), 0);
    assert_int_equal(redis_number("EXISTS wsp:k:bbbb wsp:i:beef"), 2);
    assert_int_equal(redis_number("ZCARD wsp:{2}::dead:mail"), 1);
    assert_int_equal(redis_number("ZCARD wsp:{2}::q:webhook"), 1);
    assert_string_equal(redis_text("HGET wsp:{2}::jobs webhook"), "2");
    /* whose name it is, as a whole, in any value */
    assert_int_equal(
        redis_number("EVAL %s 0",
                     "local n = 0 "
                     "for _, key in ipairs(redis.call('KEYS', '*')) do "
                     "  local kind = redis.call('TYPE', key).ok "
                     "  if kind == 'string' "
                     "    and redis.call('GET', key) == 'acme' "
                     "  or kind == 'hash' "
                     "    and redis.call('HGET', key, 'tenant') == 'acme' "
                     "  or kind == 'zset' "
                     "    and redis.call('ZSCORE', key, 'acme') then "
                     "    n = n + 1 end "
                     "end return n"), 0);
    /* of the others, everything is there */
    assert_int_equal(
        redis_number("EVAL %s 0",
                     "local n = 0 "
                     "for _, key in ipairs(redis.call('SMEMBERS', 'before')) "
                     "do "
                     "  if not string.find(key, ':acme:', 1, true) and "
                     "     not string.find(key, ':t:', 1, true) and "
                     "     redis.call('EXISTS', key) == 0 then n = n + 1 "
                     "  end "
                     "end return n"),
        /* acme's own: three jobs, a mail, a lane, a key, two pointers and
           the API key of the partner */
        9);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_status(driver_ask(d, (struct ask) {
                          .tenant = others[i], .path = "/1", .user = "ann" }),
                      200);
    }
    driver_until_log(w, "tenant \"acme\" is deleted");
    /* the name is free again */
    furnish("acme");
    assert_status(operate("GET", "/tenants/acme"), 200);
}

static void a_tenant_with_odd_characters_is_deleted(void **state) {
    (void) state;
    furnish("*");
    furnish("[a-z]");
    furnish("x");
    long long kept = keys_like("wsp:{?}:x:*");
    start_work();
    assert_status(operate("DELETE", "/tenants/%2A"), 202);
    assert_true(is_deleted("/tenants/%2A"));
    assert_int_equal(keys_like("wsp:{?}:x:*"), kept);
    assert_status(operate("GET", "/tenants/[a-z]"), 200);
    assert_status(operate("DELETE", "/tenants/[a-z]"), 202);
    assert_true(is_deleted("/tenants/[a-z]"));
    assert_int_equal(keys_like("wsp:{?}:x:*"), kept);
}

static void meanwhile_nothing_is_written(void **state) {
    (void) state;
    furnish("acme");
    const struct answer *key = driver_ask(d, (struct ask) {
        .dialect = WSP_OPERATOR, .method = "POST", .nobody = true,
        .path = "/partners/acme/api-key" });
    char api_key[64];
    take_value(key, "api_key", api_key, sizeof api_key);
    assert_status(driver_ask(d, (struct ask) { .api_key = api_key,
                                               .user = "ann" }), 200);
    assert_status(operate("DELETE", "/tenants/acme"), 202);
    assert_status(driver_ask(d, (struct ask) { .api_key = api_key,
                                               .user = "ann" }), 401);
    char before[64];
    snprintf(before, sizeof before, "%s", redis_digest());
    static const struct ask writes[] = {
        { .method = "POST", .body = "{\"name\":\"New\"}" },
        { .method = "PUT", .path = "/1", .body = "{\"name\":\"New\"}" },
        { .method = "DELETE", .path = "/1" },
        { .method = "POST", .path = "/1/members",
          .body = "{\"userId\":\"new\",\"roles\":[\"member\"]}" },
        { .method = "POST", .path = "/1/encrypted", .admin = "1",
          .body = "{}" },
        { .dialect = WSP_OPERATOR, .method = "PATCH", .nobody = true,
          .path = "/partners/acme", .body = "{\"enabled\":true}" },
        { .dialect = WSP_OPERATOR, .method = "POST", .nobody = true,
          .path = "/partners/acme/api-key" },
    };
    for (size_t i = 0; i < COUNT_OF(writes); i++) {
        const struct answer *got = driver_ask(d, writes[i]);
        assert_status(got, 409);
        assert_holds(got->body, "everything of this tenant is being deleted");
    }
    /* another time it is the same deletion */
    assert_status(operate("DELETE", "/tenants/acme"), 202);
    assert_string_equal(redis_digest(), before);
    assert_status(driver_ask(d, (struct ask) { .path = "/1" }), 200);
    start_work();
    assert_true(is_deleted("/tenants/acme"));
    assert_int_equal(keys_like("wsp:{?}:acme:*"), 0);
    make("acme", "ann", "{\"name\":\"New\"}");
}

static void lease_runs_out(void) {
    redis_do("EVAL %s 1 wsp:{2}::q:work",
             "for _, job in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do "
             "redis.call('ZADD', KEYS[1], 1, job) end");
}

/* How far it is, as text; until the next call. */
static const char *how_far(void) {
    static char text[64];
    redisReply *got = redis_run("HMGET wsp:{2}::del:acme phase cursor");
    snprintf(text, sizeof text, "%s %s",
             got->element[0]->str ? got->element[0]->str : "over",
             got->element[1]->str ? got->element[1]->str : "");
    freeReplyObject(got);
    return text;
}

/* Whatever a worker was at when it died, another one goes on. */
static void a_deletion_survives_its_workers(void **state) {
    (void) state;
    furnish("acme");
    redis_do("EVAL %s 0",
             "for i = 1, 30000 do "
             "  redis.call('SET', 'wsp:{2}:acme:v:' .. i, 1) "
             "end");
    assert_status(operate("DELETE", "/tenants/acme"), 202);
    for (int round = 0; round < 5; round++) {
        char before[64];
        snprintf(before, sizeof before, "%s", how_far());
        start_work();
        for (time_t end = time(NULL) + 20; time(NULL) < end;) {
            driver_turn(w, 10);
            if (strcmp(how_far(), before) != 0) {
                break;
            }
        }
        assert_string_not_equal(how_far(), before);
        for (int turn = 0; turn < 7 * round; turn++) {
            driver_turn(w, 0);
        }
        driver_free(w);     /* with its job in hand */
        w = NULL;
        lease_runs_out();
    }
    assert_string_not_equal(how_far(), "over ");
    start_work();
    assert_true(is_deleted("/tenants/acme"));
    assert_int_equal(keys_like("wsp:{2}:acme:*"), 0);
}

static void a_deletion_that_was_given_up_is_taken_up(void **state) {
    (void) state;
    furnish("acme");
    assert_status(operate("DELETE", "/tenants/acme"), 202);
    redisReply *job = redis_run("HGET wsp:{2}::del:acme job");
    redis_do("HSET wsp:{2}::j:%s tries 20", job->str);
    start_work();
    driver_until_log(w, "is given up: no try has come to an end");
    assert_int_equal(redis_number("ZCARD wsp:{2}::q:work"), 0);
    assert_int_equal(redis_number("ZCARD wsp:{2}::dead:work"), 1);
    const struct answer *got = driver_ask(d, (struct ask) {
        .dialect = WSP_OPERATOR, .path = "/dead-letters",
        .query = "kind=work", .nobody = true });
    assert_holds(got->body, job->str);
    assert_holds(got->body, "\"kind\":\"work\",\"tenant\":\"acme\"");
    freeReplyObject(job);
    assert_status(operate("DELETE", "/tenants/acme"), 202);
    assert_true(is_deleted("/tenants/acme"));
    assert_int_equal(redis_number("ZCARD wsp:{2}::dead:work"), 0);
}

static bool is_settled(const char *job) {
    for (time_t end = time(NULL) + 20; time(NULL) < end;) {
        driver_turn(w, 10);
        if (redis_number("EXISTS wsp:{2}::j:%s", job) == 0) {
            return true;
        }
    }
    return false;
}

/* One who was slow, and whose tenant has been deleted and made anew since,
 * takes nothing away. */
static void an_old_deletion_touches_no_new_tenant(void **state) {
    (void) state;
    furnish("acme");
    assert_status(operate("DELETE", "/tenants/acme"), 202);
    redisReply *job = redis_run("HGET wsp:{2}::del:acme job");
    redisReply *copy = redis_run("DUMP wsp:{2}::j:%s", job->str);
    start_work();
    assert_true(is_deleted("/tenants/acme"));
    assert_true(is_settled(job->str));
    make("acme", "ann", "{\"name\":\"New\"}");
    redis_do("RESTORE wsp:{2}::j:%s 0 %b", job->str, copy->str,
             (size_t) copy->len);
    redis_do("ZADD wsp:{2}::q:work 1 %s", job->str);
    assert_true(is_settled(job->str));
    freeReplyObject(job);
    freeReplyObject(copy);
    assert_status(driver_ask(d, (struct ask) { .path = "/1" }), 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(whatever_is_first_lists_a_tenant, empty),
        cmocka_unit_test_setup(an_attempt_lists_nobody, empty),
        cmocka_unit_test_setup(what_a_tenant_holds_is_counted, empty),
        cmocka_unit_test_setup(what_one_request_looks_at_is_bounded, empty),
        cmocka_unit_test_setup_teardown(nothing_is_left_of_a_deleted_tenant,
                                        empty, end_work),
        cmocka_unit_test_setup_teardown(
            a_tenant_with_odd_characters_is_deleted, empty, end_work),
        cmocka_unit_test_setup_teardown(meanwhile_nothing_is_written, empty,
                                        end_work),
        cmocka_unit_test_setup_teardown(a_deletion_survives_its_workers,
                                        empty, end_work),
        cmocka_unit_test_setup_teardown(
            a_deletion_that_was_given_up_is_taken_up, empty, end_work),
        cmocka_unit_test_setup_teardown(an_old_deletion_touches_no_new_tenant,
                                        empty, end_work),
    };
    return cmocka_run_group_tests(tests, open_driver, close_driver);
}
