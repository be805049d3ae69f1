/*
 * What roles give: permissions, custom roles in decisions, and the number of
 * those who hold a role.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

static struct fixture world;
static struct driver *d;

static int make_world(void **state) {
    (void) state;
    d = driver_new((struct driver_options) { .cache_size = 1 << 20,
                                             .max_stale_ms = 60000 });
    fixture_make(d, &world);
    driver_until_log(d, "tracking link is ready");
    return 0;
}

static int end_world(void **state) {
    (void) state;
    driver_free(d);
    return 0;
}

static int as_it_was(void **state) {
    (void) state;
    redis_restore();
    driver_hear(d);
    driver_forget(d);
    return 0;
}

/* -- permissions ---------------------------------------------------------- */

static bool is_permission(const char *text) {
    return wsp_is_permission((wsp_str) { text, strlen(text) }) != 0;
}

static void what_a_permission_is(void **state) {
    (void) state;
    static const char *const good[] = {
        "docs:read", "*:read", "docs:*", "*:*", "a:b", "A-1.x_:9", "-:.",
    };
    static const char *const bad[] = {
        "", ":", "docs", "docs:", ":read", "docs:read:all", "docs::read",
        "do*:read", "docs:**", "**:read", "docs: read", "docs,x:read",
        "docs:re\nad", "d\xc3\xb6ks:read", "docs:read ", "*", "docs/x:y",
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        if (!is_permission(good[i])) {
            fail_msg("\"%s\" is one", good[i]);
        }
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (is_permission(bad[i])) {
            fail_msg("\"%s\" is none", bad[i]);
        }
    }
    assert_false(wsp_is_permission((wsp_str) { "docs:re\0d", 9 }));
    assert_true(wsp_is_permission((wsp_str) { "docs:readmore", 9 }));
    /* each half may be of 64 */
    char text[2 * 65 + 2];
    for (int first = 64; first <= 65; first++) {
        for (int second = 64; second <= 65; second++) {
            memset(text, 'x', sizeof text);
            text[first] = ':';
            text[first + 1 + second] = '\0';
            assert_int_equal(is_permission(text),
                             first == 64 && second == 64);
        }
    }
}

/* -- custom roles in decisions -------------------------------------------- */

static struct ask in_target(const char *user, const char *permission) {
    return (struct ask) { .user = user, .permission = permission,
                          .headers = { "X-Workspace-ID", world.target } };
}

static void define(const char *name, const char *stored) {
    redis_do("HSET wsp:{62}:acme:w:%s:r %s %s", world.target, name, stored);
}

static void hold(const char *user, const char *roles) {
    char stored[256];
    snprintf(stored, sizeof stored, "1700000000000 %s", roles);
    redis_do("HSET wsp:{62}:acme:w:%s:m %s %s", world.target, user, stored);
}

static unsigned status_of(const char *user, const char *permission) {
    return driver_access(d, in_target(user, permission))->status;
}

static void a_custom_role_gives_what_it_says(void **state) {
    (void) state;
    define("billing_x", "11 docs:read,invoices:*,*:export Billing, the rest");
    driver_hear(d);
    static const struct {
        const char *permission;
        unsigned status;
    } cases[] = {
        { NULL, 200 },          { "docs:read", 200 },
        { "docs:write", 403 },  { "invoices:delete", 200 },
        { "invoices:*", 200 },  { "x:export", 200 },
        { "*:export", 200 },    { "docs:*", 403 },
        { "*:read", 403 },      { "*:*", 403 },
        { "Docs:read", 403 },   { "the:rest", 403 },
        { "invoicesx:y", 403 },
    };
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            unsigned status = status_of("custom", cases[i].permission);
            if (status != cases[i].status) {
                fail_msg("%s: %u", cases[i].permission, status);
            }
        }
    }
    const struct decided *made =
        &driver_access(d, in_target("custom", NULL))->decided;
    assert_string_equal(made->roles, "billing_x");
    assert_string_equal(made->permissions,
                        "docs:read,invoices:*,*:export");
}

static void what_several_roles_give_adds_up(void **state) {
    (void) state;
    define("billing_x", "11 invoices:delete Billing");
    define("clerk", "12 docs:sign Clerk");
    hold("custom", "clerk,viewer,nowhere-defined,billing_x");
    driver_hear(d);
    const struct decided *made =
        &driver_access(d, in_target("custom", NULL))->decided;
    assert_string_equal(made->permissions,
                        "*:view,*:read,docs:sign,invoices:delete");
    assert_int_equal(status_of("custom", "invoices:delete"), 200);
    assert_int_equal(status_of("custom", "docs:sign"), 200);
    assert_int_equal(status_of("custom", "docs:read"), 200);
    assert_int_equal(status_of("custom", "docs:delete"), 403);
}

static void a_changed_role_takes_effect_at_once(void **state) {
    (void) state;
    for (int i = 0; i < 20; i++) {
        define("billing_x", "11 docs:read Billing");
        driver_hear(d);
        assert_int_equal(status_of("custom", "docs:read"), 200);
        assert_int_equal(status_of("custom", "docs:read"), 200);
        if (i % 2 == 0) {
            define("billing_x", "11 docs:write Billing");
        } else {
            redis_do("HDEL wsp:{62}:acme:w:%s:r billing_x", world.target);
        }
        driver_hear(d);
        assert_int_equal(status_of("custom", "docs:read"), 403);
        assert_int_equal(status_of("custom", "docs:write"),
                         i % 2 == 0 ? 200 : 403);
    }
}

static void a_role_is_its_workspaces_own(void **state) {
    (void) state;
    redis_do("HSET wsp:{62}:acme:w:%s:r billing_x %s", world.neighbour,
             "11 docs:read Billing");
    redis_do("HSET wsp:{19}:globex:w:1:r billing_x %s",
             "11 docs:read Billing");
    driver_hear(d);
    assert_int_equal(status_of("custom", "docs:read"), 403);
    assert_int_equal(status_of("custom", NULL), 200);
}

/* A definition under the name of a built-in role changes nothing. */
static void built_in_roles_are_not_looked_up(void **state) {
    (void) state;
    define("viewer", "11 *:* All");
    define("owner", "12 *:* All");
    hold("custom", "owner");
    driver_hear(d);
    assert_int_equal(status_of("viewer", "docs:read"), 200);
    assert_int_equal(status_of("viewer", "docs:write"), 403);
}

static void a_definition_that_is_none_gives_nothing(void **state) {
    (void) state;
    static const char *const odd[] = {
        "", " ", "  ", "11", "11 ", "11 docs:read", "x docs:read B",
        " docs:read B", "{\"permissions\":[\"docs:read\"]}", "11  docs:read",
    };
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        define("billing_x", odd[i]);
        driver_hear(d);
        unsigned status = status_of("custom", "docs:read");
        if (status != 403) {
            fail_msg("\"%s\": %u", odd[i], status);
        }
        assert_int_equal(status_of("custom", NULL), 200);
    }
}

static void what_cannot_be_read_is_undecided(void **state) {
    (void) state;
    redis_do("SET wsp:{62}:acme:w:%s:r x", world.target);
    driver_hear(d);
    const struct answer *got =
        driver_access(d, in_target("custom", "docs:read"));
    assert_status(got, 503);
    assert_int_equal(got->decided.verdict, WSP_UNDECIDED);
    assert_string_equal(got->decided.reason, "store_unavailable");
    assert_status(driver_access(d, in_target("viewer", "docs:read")), 200);
}

/* How often Redis has been asked for the fields of a hash. */
static int hmgets(void) {
    const char *at = strstr(redis_text("INFO commandstats"),
                            "cmdstat_hmget:calls=");
    return at == NULL ? 0 : atoi(at + strlen("cmdstat_hmget:calls="));
}

static void roles_are_read_for_those_who_hold_custom_ones(void **state) {
    (void) state;
    static const struct {
        const char *user;
        int reads;      /* of the workspace, and of its roles */
    } cases[] = { { "custom", 2 }, { "viewer", 1 }, { "owner", 1 },
                  { "stranger", 1 } };
    define("billing_x", "11 docs:read Billing");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct driver *fresh = driver_new((struct driver_options) {
            .cache_size = 1 << 20, .max_stale_ms = 60000 });
        driver_until_log(fresh, "tracking link is ready");
        redis_do("CONFIG RESETSTAT");
        for (int again = 0; again < 3; again++) {
            driver_access(fresh, in_target(cases[i].user, "docs:read"));
            assert_int_equal(hmgets(), cases[i].reads);
        }
        driver_free(fresh);
    }
}

/* -- how many hold a role ------------------------------------------------- */

static void assert_held(const char *role, long long count) {
    const char *text = redis_text("HGET wsp:{62}:acme:w:%s:n %s",
                                  world.target, role);
    long long held = text == NULL ? 0 : atoll(text);
    if (held != count || (text != NULL && held == 0)) {
        fail_msg("%s is counted %s, not %lld", role, text, count);
    }
}

static void change(const char *method, const char *rest, const char *body,
                   unsigned status) {
    char path[64];
    snprintf(path, sizeof path, "/%s%s", world.target, rest);
    assert_status(driver_ask(d, (struct ask) {
                      .method = method, .path = path, .user = "owner",
                      .body = body }),
                  status);
}

static void the_holders_of_each_role_are_counted(void **state) {
    (void) state;
    assert_held("admin", 2);
    assert_held("user", 1);
    assert_held("member", 2);
    assert_held("viewer", 1);
    assert_held("billing_x", 1);
    change("POST", "/members", "{\"userId\":\"n\",\"roles\":[\"a\",\"b\"]}",
           200);
    assert_held("a", 1);
    assert_held("b", 1);
    change("POST", "/members", "{\"userId\":\"n\",\"roles\":[\"c\"]}", 400);
    assert_held("c", 0);
    change("PUT", "/members/n", "{\"roles\":[\"b\",\"viewer\"]}", 200);
    assert_held("a", 0);
    assert_held("b", 1);
    assert_held("viewer", 2);
    change("PUT", "/members/n", "{\"roles\":[\"b\",\"viewer\"]}", 200);
    assert_held("b", 1);
    change("PUT", "/members/nobody", "{\"roles\":[\"b\"]}", 404);
    assert_held("b", 1);
    change("PUT", "/members/owner", "{\"roles\":[\"b\"]}", 400);
    assert_held("admin", 2);
    change("DELETE", "/members/n", NULL, 200);
    assert_held("b", 0);
    assert_held("viewer", 1);
    change("DELETE", "/members/admin", NULL, 200);
    assert_held("admin", 1);
    assert_int_equal(redis_number("HLEN wsp:{62}:acme:w:%s:n", world.target),
                     5);
    change("DELETE", "", NULL, 200);
    assert_int_equal(redis_number("EXISTS wsp:{62}:acme:w:%s:n",
                                  world.target), 0);
}

static void the_custom_roles_go_with_the_workspace(void **state) {
    (void) state;
    define("billing_x", "11 docs:read Billing");
    change("DELETE", "", NULL, 200);
    assert_int_equal(redis_mentions("Billing", 7), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, as_it_was)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_a_permission_is),
        TEST(a_custom_role_gives_what_it_says),
        TEST(what_several_roles_give_adds_up),
        TEST(a_changed_role_takes_effect_at_once),
        TEST(a_role_is_its_workspaces_own),
        TEST(built_in_roles_are_not_looked_up),
        TEST(a_definition_that_is_none_gives_nothing),
        TEST(what_cannot_be_read_is_undecided),
        TEST(roles_are_read_for_those_who_hold_custom_ones),
        TEST(the_holders_of_each_role_are_counted),
        TEST(the_custom_roles_go_with_the_workspace),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
