/*
 * For every k, the k-th allocation fails during one operation of each kind.
 * It ends with an answer, Redis is as before or as after it, nothing leaks
 * (LeakSanitizer, at the end), and the core serves the next request.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

static struct fixture world;
static struct driver *d;

enum { MOST = 3000 };   /* allocations of one operation; more is a mistake */

/* How many have failed.  An operation may need none at all: it begins with
 * memory that the core keeps, more or less of it as it was compiled. */
static unsigned long failures;

static int make_world(void **state) {
    (void) state;
    d = driver_new((struct driver_options) { 0 });
    fixture_make(d, &world);
    d->stopped_clock = true;
    return 0;
}

static int end_world(void **state) {
    (void) state;
    driver_free(d);
    assert_true(failures > 100);
    return 0;
}

/* Turns until it is done; lets time pass when nothing happens. */
static bool finish(struct driver *on, struct flight *flight) {
    for (int i = 0; i < 300 && !flight->done; i++) {
        driver_turn(on, i < 20 ? 2 : 10);
        if (i >= 20) {
            on->monotonic_ms += 200;
        }
    }
    return flight->done;
}

/* The next request is served, at the latest when the link is back. */
static void serves(struct driver *on) {
    unsigned status = 0;
    for (int i = 0; i < 100 && status != 200; i++) {
        struct flight *next =
            driver_start(on, (struct ask) { .user = "owner" });
        if (!finish(on, next)) {
            fail_msg("the next request hangs; %s", on->log.data);
        }
        status = next->answer.status;
        if (status != 200) {
            on->monotonic_ms += 5000;
        }
    }
    assert_int_equal(status, 200);
    driver_forget(on);
    bytes_clear(&on->log);
}

static char done_digest[64];

/* What is done before each try, with all memory there. */
static void (*before_each)(void);

static void ready_again(void) {
    redis_restore();
    if (before_each != NULL) {
        before_each();
    }
    d->monotonic_ms += 10000;
    d->wall_ms = 1767225600000;
    driver_turn(d, 0);
}

/* `random`: what it leaves behind is never the same twice. */
static void each_allocation_fails(struct ask ask, unsigned wanted,
                                  bool random, void (*midway)(void)) {
    ready_again();
    const char *untouched = redis_digest();
    char before[64];
    snprintf(before, sizeof before, "%s", untouched);
    const struct answer *plain = driver_ask(d, ask);
    assert_status(plain, wanted);
    snprintf(done_digest, sizeof done_digest, "%s", redis_digest());
    unsigned long k = 1;
    for (; k < MOST; k++) {
        ready_again();
        alloc_arm(k);
        struct flight *flight = driver_start(d, ask);
        if (midway != NULL) {
            driver_turn(d, 0);
            midway();
        }
        bool ended = finish(d, flight);
        bool failed = alloc_disarm();
        if (!ended) {
            fail_msg("%s %s hangs when allocation %lu fails; %s", ask.method,
                     ask.path, k, d->log.data ? d->log.data : "");
        }
        unsigned status = flight->answer.status;
        if (status != wanted && status != 503) {
            fail_msg("%s %s: %u when allocation %lu fails: %s", ask.method,
                     ask.path, status, k, flight->answer.body);
        }
        const char *now = redis_digest();
        bool undone = strcmp(now, before) == 0;
        bool done = random ? !undone : strcmp(now, done_digest) == 0;
        bool writes = strcmp(before, done_digest) != 0;
        if (!(undone || done) || (status == wanted && writes && !done)) {
            fail_msg("%s %s: half done when allocation %lu fails (%u)",
                     ask.method, ask.path, k, status);
        }
        serves(d);
        if (!failed) {
            break;
        }
    }
    assert_true(k < MOST);
    failures += k - 1;
}

static void an_operation_of_each_kind(void **state) {
    (void) state;
    for (struct a_route at = { 0 }; next_route(&at);) {
        struct ask ask = allowed_sample_of(&at, world.target);
        each_allocation_fails(ask, sample_status(&at), sample_varies(&at),
                              NULL);
    }
}

static void unregister(void) {
    redis_do("UNLINK wsp:{62}:acme:o");
}

/* The world's organizations are there already. */
static void an_organization_is_registered(void **state) {
    (void) state;
    before_each = unregister;
    each_allocation_fails((struct ask) {
                              .dialect = WSP_ORGANIZATION, .method = "POST",
                              .path = "/organizations", .user = "owner",
                              .body = "{\"name\":\"Acme\","
                                      "\"workspace_name\":\"Head\"}" },
                          201, true, NULL);
    before_each = NULL;
}

static void a_member_removes_another(void **state) {
    (void) state;
    char path[64];
    snprintf(path, sizeof path, "/%s/members/viewer", world.target);
    each_allocation_fails((struct ask) { .method = "DELETE", .path = path,
                                         .user = "admin" },
                          200, false, NULL);
}

/* Its holders are given another in the same commit. */
static void a_role_that_is_held_is_deleted(void **state) {
    (void) state;
    struct ask ask = { .dialect = WSP_LOCATION, .method = "DELETE",
                       .path = "/workspace/roles/11",
                       .query = "reassign_to=spare", .user = "admin",
                       .headers = { "X-Workspace-ID", world.target } };
    each_allocation_fails(ask, 200, false, NULL);
    redis_restore();
    driver_ask(d, ask);
    assert_string_equal(redis_text("HGET wsp:{62}:acme:w:%s:n spare",
                                   world.target), "1");
}

static void requests_that_are_refused(void **state) {
    (void) state;
    char path[64];
    char long_body[2048];
    snprintf(path, sizeof path, "/%s", world.target);
    memset(long_body, '[', sizeof long_body);
    long_body[40] = '\0';
    const struct {
        struct ask ask;
        unsigned status;
    } cases[] = {
        { { .nobody = true, .path = path }, 401 },
        { { .user = "stranger", .path = path }, 404 },
        { { .path = "/x%41%42/y" }, 404 },
        { { .method = "PATCH", .path = path }, 405 },
        { { .method = "PUT", .path = path, .user = "viewer" }, 403 },
        { { .method = "PUT", .path = path, .user = "owner", .body = "{" },
          400 },
        { { .method = "PUT", .path = path, .user = "owner",
            .body = long_body }, 400 },
        { { .method = "PUT", .path = path, .user = "owner",
            .body = "{\"labels\":[1]}" }, 400 },
        { { .path = "/all", .admin = "1", .query = "name=(" }, 400 },
        { { .method = "PUT", .path = path, .user = "owner",
            .headers = { "If-Match", "\"1\"" }, .body = "{}" }, 412 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        each_allocation_fails(cases[i].ask, cases[i].status, false, NULL);
    }
}

/* With a cache: the world's driver has none. */
static void decisions_of_each_kind(void **state) {
    (void) state;
    struct ask cases[] = {
        { .access = true, .user = "viewer", .settings = { "s" },
          .headers = { "X-Workspace-ID", world.target } },
        { .access = true, .user = "viewer",
          .headers = { "X-ATS-Client-ID", "ext-1" } },
        { .access = true, .user = "stranger",
          .headers = { "X-Workspace-ID", world.target } },
        { .access = true, .user = "owner" },
        { .access = true, .user = "many",
          .headers = { "X-Workspace-ID", world.target } },
        { .access = true, .user = "custom", .permission = "docs:read",
          .headers = { "X-Workspace-ID", world.target } },
        { .access = true, .errors = WSP_ERRORS_PARTNER, .api_key = "key",
          .user = "viewer", .headers = { "X-ATS-Client-ID", "ext-1" } },
        { .access = true, .errors = WSP_ERRORS_PARTNER, .api_key = "key",
          .user = "stranger", .headers = { "X-ATS-Client-ID", "ext-1" } },
        { .access = true, .errors = WSP_ERRORS_PARTNER, .api_key = "key" },
    };
    static const unsigned wanted[] = { 200, 200, 404, 404, 200, 200, 200,
                                       403, 422 };
    static char many[9000];     /* more than an operation begins with */
    memset(many, 'x', sizeof many - 1);
    memcpy(many, "1700000000000 viewer,", 21);
    redis_restore();
    redis_do("HSET wsp:{62}:acme:w:%s:m many %s", world.target, many);
    redis_do("HSET wsp:{62}:acme:w:%s settings {\"s\":1}", world.target);
    redis_do("SET wsp:{62}:acme:e:ext-1 %s", world.target);
    redis_do("HSET wsp:k:447f0b47ade868b5ba625ee132e0b708"
             "14231c780f362e883bb3fda138e1476f tenant acme partner 1");
    redis_do("HSET wsp:{62}:acme:w:%s:r billing_x %s", world.target,
             "11 docs:read Billing");
    for (size_t n = 0; n < 2 * COUNT_OF(cases); n++) {
        size_t i = n / 2;
        bool known = n % 2 != 0;
        unsigned long k = 1;
        for (; k < MOST; k++) {
            struct driver *fresh = driver_new((struct driver_options) {
                .cache_size = 1 << 20 });
            driver_until_log(fresh, "tracking link is ready");
            driver_until_log(fresh, "Redis link is ready");
            fresh->stopped_clock = true;
            if (known) {
                assert_status(driver_ask(fresh, cases[i]), wanted[i]);
            }
            alloc_arm(k);
            struct flight *first = driver_start(fresh, cases[i]);
            struct flight *joins = driver_start(fresh, cases[i]);
            bool ended = finish(fresh, first) && finish(fresh, joins);
            bool failed = alloc_disarm();
            assert_true(ended);
            struct flight *both[] = { first, joins };
            for (size_t j = 0; j < COUNT_OF(both); j++) {
                unsigned status = both[j]->answer.status;
                assert_true(status == wanted[i] || status == 503);
                assert_int_equal(
                    both[j]->answer.decided.verdict == WSP_ALLOWED,
                    status == 200);
            }
            serves(fresh);
            assert_status(driver_ask(fresh, cases[i]), wanted[i]);
            driver_free(fresh);
            if (!failed) {
                break;
            }
        }
        assert_true(k < MOST);
        failures += k - 1;
    }
}

static void a_search_with_patterns(void **state) {
    (void) state;
    each_allocation_fails(
        (struct ask) {
            .path = "/all", .admin = "1",
            .query = "name=t.*t&q=guest&labels=red&members.user=owner,admin"
                     "&select=name,members,invites&limit=1" },
        200, false, NULL);
}

static void creating_under_an_idempotency_key(void **state) {
    (void) state;
    each_allocation_fails((struct ask) {
                              .method = "POST", .user = "owner",
                              .body = "{\"name\":\"Once\"}",
                              .headers = { "Idempotency-Key", "k" } },
                          200, true, NULL);
}

static void flush_scripts(void) {
    redis_do("SCRIPT FLUSH");
}

static void a_commit_whose_script_is_gone(void **state) {
    (void) state;
    char path[64];
    snprintf(path, sizeof path, "/%s", world.target);
    before_each = flush_scripts;
    each_allocation_fails((struct ask) { .method = "PUT", .path = path,
                                         .user = "owner",
                                         .body = "{\"name\":\"X\"}" },
                          200, false, NULL);
    before_each = NULL;
}

static void cut(void) {
    driver_cut(d);
}

static void a_link_that_is_lost(void **state) {
    (void) state;
    char path[64];
    snprintf(path, sizeof path, "/%s", world.target);
    each_allocation_fails((struct ask) { .method = "PUT", .path = path,
                                         .user = "owner",
                                         .body = "{\"name\":\"X\"}" },
                          200, false, cut);
}

static void connecting_and_the_handshake(void **state) {
    (void) state;
    redis_restore();
    unsigned long k = 1;
    for (; k < MOST; k++) {
        alloc_arm(k);
        struct driver *fresh =
            driver_new((struct driver_options) { .may_lack_memory = true });
        if (fresh == NULL) {
            assert_true(alloc_disarm());
            continue;
        }
        fresh->stopped_clock = true;
        struct flight *first =
            driver_start(fresh, (struct ask) { .user = "owner" });
        bool ended = finish(fresh, first);
        bool failed = alloc_disarm();
        if (!ended) {
            fail_msg("the first request hangs when allocation %lu fails", k);
        }
        assert_true(first->answer.status == 200 ||
                    first->answer.status == 503);
        serves(fresh);
        driver_free(fresh);
        if (!failed) {
            break;
        }
    }
    assert_true(k > 1 && k < MOST);
}

static void the_drivers_own_errors(void **state) {
    (void) state;
    for (unsigned long k = 1;; k++) {
        wsp_op *op = NULL;
        alloc_arm(k);
        int rc = wsp_op_new_error(&op, NULL, WSP_PLATFORM, 413,
                                  (wsp_str) { "x", 1 });
        bool failed = alloc_disarm();
        assert_int_equal(rc, failed ? WSP_NOMEM : WSP_OK);
        wsp_op_free(op);
        if (!failed) {
            break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operation_of_each_kind),
        cmocka_unit_test(an_organization_is_registered),
        cmocka_unit_test(a_member_removes_another),
        cmocka_unit_test(a_role_that_is_held_is_deleted),
        cmocka_unit_test(requests_that_are_refused),
        cmocka_unit_test(decisions_of_each_kind),
        cmocka_unit_test(a_search_with_patterns),
        cmocka_unit_test(creating_under_an_idempotency_key),
        cmocka_unit_test(a_commit_whose_script_is_gone),
        cmocka_unit_test(a_link_that_is_lost),
        cmocka_unit_test(connecting_and_the_handshake),
        cmocka_unit_test(the_drivers_own_errors),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
