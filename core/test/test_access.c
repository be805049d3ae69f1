/* Decisions (wsp_access_new): each reason, each header, settings. */
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
                                             .max_stale_ms = 10000,
                                             .with_status = true });
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

static struct ask in_target(const char *user) {
    return (struct ask) { .user = user,
                          .headers = { "X-Workspace-ID", world.target } };
}

static void assert_decided(const struct answer *answer, unsigned status,
                           const char *reason) {
    const struct decided *made = &answer->decided;
    int verdict = status == 200   ? WSP_ALLOWED
                  : status == 503 ? WSP_UNDECIDED
                                  : WSP_REFUSED;
    assert_status(answer, status);
    assert_string_equal(made->reason, reason);
    assert_int_equal(made->verdict, verdict);
    assert_string_equal(answer->label, "access");
    if (status == 200) {
        assert_int_equal(answer->len, 0);
    } else {
        assert_string_equal(answer->content_type,
                            "application/problem+json");
        assert_holds(answer->body, "{\"type\":\"about:blank\",\"title\":");
        /* nothing is told of what may not be seen */
        assert_string_equal(made->workspace_id, "");
        assert_string_equal(made->name, "");
        assert_string_equal(made->roles, "");
        assert_string_equal(made->permissions, "");
        assert_string_equal(made->revision, "");
        assert_string_equal(made->external_id, "");
    }
}

static void assert_access(struct ask ask, unsigned status,
                          const char *reason) {
    assert_decided(driver_access(d, ask), status, reason);
}

/* -- who ------------------------------------------------------------------ */

static void each_reason(void **state) {
    (void) state;
    struct ask root = in_target("root");
    root.admin = "1";
    struct ask foreign = in_target("foreign");
    foreign.tenant = "globex";
    struct ask nobody = in_target(NULL);
    nobody.nobody = true;
    assert_access(in_target("owner"), 200, "owner");
    assert_access(in_target("admin"), 200, "member");
    assert_access(in_target("viewer"), 200, "member");
    assert_access(in_target("custom"), 200, "member");
    assert_access(root, 200, "tenant_admin");
    assert_access(in_target("stranger"), 404, "not_member");
    assert_access(in_target("removed"), 404, "not_member");
    assert_access(in_target("neighbour"), 404, "not_member");
    assert_access(foreign, 404, "not_member");
    foreign.admin = "1";
    assert_access(foreign, 404, "not_member");
    assert_access(nobody, 401, "no_identity");
    assert_access((struct ask) { .user = "custom" }, 404, "no_workspace");
    struct ask writes = in_target("viewer");
    writes.permission = "documents:edit";
    assert_access(writes, 403, "no_permission");
    root.headers[1] = "99999";
    assert_access(root, 404, "not_member");
}

static void a_stranger_and_nothing_look_alike(void **state) {
    (void) state;
    struct ask nothing = in_target("stranger");
    nothing.headers[1] = "4711";
    const struct answer *there = driver_access(d, in_target("stranger"));
    const struct answer *not_there = driver_access(d, nothing);
    assert_string_equal(there->body, not_there->body);
    assert_string_equal(there->headers, not_there->headers);
    assert_holds(there->body, "\"status\":404");
}

static void what_is_told_of_the_allowed(void **state) {
    (void) state;
    redis_do("HSET wsp:{62}:acme:w:%s external ext-1", world.target);
    driver_hear(d);
    const struct decided *made =
        &driver_access(d, in_target("owner"))->decided;
    assert_string_equal(made->workspace_id, world.target);
    assert_string_equal(made->external_id, "ext-1");
    assert_string_equal(made->name, "Target");
    assert_string_equal(made->tenant, "acme");
    assert_string_equal(made->user, "owner");
    assert_holds(made->roles, "owner");
    assert_string_equal(made->permissions, "*:*");
    assert_true(atoi(made->revision) > 1);
    made = &driver_access(d, in_target("viewer"))->decided;
    assert_string_equal(made->roles, "viewer");
    assert_string_equal(made->permissions, "*:view,*:read");
    made = &driver_access(d, in_target("custom"))->decided;
    assert_string_equal(made->roles, "billing_x");
    assert_string_equal(made->permissions, "invoices:view");
    made = &driver_access(d, in_target("stranger"))->decided;
    assert_string_equal(made->tenant, "acme");
    assert_string_equal(made->user, "stranger");
}

static void permissions_are_those_of_the_roles(void **state) {
    (void) state;
    static const struct {
        const char *user;
        const char *needs;
        unsigned status;
    } cases[] = {
        { "owner", "x:y", 200 },       { "admin", "x:delete", 200 },
        { "member", "x:edit", 200 },   { "member", "x:delete", 403 },
        { "viewer", "x:view", 200 },   { "viewer", "*:view", 200 },
        { "viewer", "x:edit", 403 },   { "viewer", "x:*", 403 },
        { "viewer", "*:*", 403 },      { "custom", "x:view", 403 },
        { "custom", "billing_x:view", 403 },
        { "viewer", "x", 403 },        { "viewer", ":", 403 },
        { "viewer", "x:view,x:read", 403 },
        { "stranger", "x:view", 404 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ask ask = in_target(cases[i].user);
        ask.permission = cases[i].needs;
        const struct answer *answer = driver_access(d, ask);
        if (answer->status != cases[i].status) {
            print_error("%s %s\n", cases[i].user, cases[i].needs);
        }
        assert_status(answer, cases[i].status);
    }
}

/* -- which workspace ------------------------------------------------------ */

static void a_header_that_is_no_id_is_refused(void **state) {
    (void) state;
    static const char *const wrong[] = {
        "", "0", "-1", "+1", "01", " 1", "1 ", "1,2", "1, 1", "1;2", "0x1",
        "1.0", "1e0", "x", "9007199254740993", "9223372036854775807",
        "9223372036854775808", "18446744073709551617",
        "99999999999999999999999999", "\xd9\xa1", "1\t", "a/1",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct ask ask = in_target("owner");
        ask.headers[1] = wrong[i];
        assert_access(ask, 400, "bad_header");
        /* and nothing else is asked instead */
        ask.headers[2] = "X-ATS-Client-ID";
        ask.headers[3] = "ext-1";
        assert_access(ask, 400, "bad_header");
    }
}

static void a_header_twice_is_refused(void **state) {
    (void) state;
    static const char *const names[] = { "X-Workspace-ID",
                                         "x-workspace-id" };
    for (int same = 0; same < 2; same++) {
        struct ask ask = in_target("owner");
        ask.headers[2] = names[same];
        ask.headers[3] = same ? world.target : world.neighbour;
        assert_access(ask, 400, "bad_header");
    }
    struct ask external = {
        .user = "owner", .headers = { "X-ATS-Client-ID", "ext-1",
                                      "x-ats-client-id", "ext-1" } };
    assert_access(external, 400, "bad_header");
    external.headers[4] = "X-Workspace-ID";
    external.headers[5] = world.target;
    assert_access(external, 400, "bad_header");
}

static void by_its_external_id(void **state) {
    (void) state;
    struct ask ask = { .user = "owner",
                       .headers = { "X-ATS-Client-ID", "ext/1 \xc3\xa9" } };
    assert_access(ask, 404, "not_member");
    redis_do("SET wsp:{62}:acme:e:ext%%2F1%%20%%C3%%A9 %s", world.target);
    driver_hear(d);
    const struct answer *found = driver_access(d, ask);
    assert_decided(found, 200, "owner");
    assert_string_equal(found->decided.workspace_id, world.target);
    ask.user = "stranger";
    assert_access(ask, 404, "not_member");
    /* another tenant has names of its own */
    ask.tenant = "globex";
    ask.user = "foreign";
    assert_access(ask, 404, "not_member");
    redis_do("DEL wsp:{62}:acme:e:ext%%2F1%%20%%C3%%A9");
    driver_hear(d);
    ask = (struct ask) { .user = "owner",
                         .headers = { "X-ATS-Client-ID",
                                      "ext/1 \xc3\xa9" } };
    assert_access(ask, 404, "not_member");
}

static void an_external_id_that_leads_nowhere(void **state) {
    (void) state;
    static const char *const odd[] = { "", "0", "-1", "x", "4711",
                                       "99999999999999999999" };
    struct ask ask = { .user = "owner",
                       .headers = { "X-ATS-Client-ID", "odd" } };
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        redis_do("SET wsp:{62}:acme:e:odd %s", odd[i]);
        driver_hear(d);
        assert_access(ask, 404, "not_member");
    }
    ask.headers[1] = "";
    assert_access(ask, 400, "bad_header");
    char long_name[400];
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    ask.headers[1] = long_name;
    assert_access(ask, 400, "bad_header");
}

static void the_id_goes_before_the_external_id(void **state) {
    (void) state;
    redis_do("SET wsp:{62}:acme:e:ext-1 %s", world.neighbour);
    driver_hear(d);
    struct ask ask = in_target("owner");
    ask.headers[2] = "X-ATS-Client-ID";
    ask.headers[3] = "ext-1";
    const struct answer *found = driver_access(d, ask);
    assert_decided(found, 200, "owner");
    assert_string_equal(found->decided.workspace_id, world.target);
}

static void headers_have_the_names_they_are_given(void **state) {
    (void) state;
    redis_do("SET wsp:{62}:acme:e:ext-1 %s", world.target);
    struct ask ask = { .user = "owner", .id_header = "X-Org",
                       .external_header = "X-Client",
                       .headers = { "x-oRG", world.target } };
    assert_access(ask, 200, "owner");
    ask.headers[0] = "X-CLIENT";
    ask.headers[1] = "ext-1";
    assert_access(ask, 200, "owner");
    /* the usual ones mean nothing then */
    redis_do("HSET wsp:{62}:acme:u:owner active %s", world.target);
    driver_hear(d);
    ask.headers[0] = "X-Workspace-ID";
    ask.headers[1] = world.neighbour;
    assert_access(ask, 200, "owner");   /* his active one */
    assert_string_equal(driver_access(d, ask)->decided.workspace_id,
                        world.target);
}

static void else_the_active_one(void **state) {
    (void) state;
    assert_access((struct ask) { .user = "owner" }, 404, "no_workspace");
    redis_do("HSET wsp:{62}:acme:u:owner active %s", world.target);
    driver_hear(d);
    const struct answer *found =
        driver_access(d, (struct ask) { .user = "owner" });
    assert_decided(found, 200, "owner");
    assert_string_equal(found->decided.workspace_id, world.target);
    /* one that he has no place in any more */
    redis_do("HSET wsp:{62}:acme:u:owner active %s", world.neighbour);
    driver_hear(d);
    assert_access((struct ask) { .user = "owner" }, 404, "not_member");
    redis_do("HSET wsp:{62}:acme:u:owner active x");
    driver_hear(d);
    assert_access((struct ask) { .user = "owner" }, 404, "no_workspace");
}

/* -- settings ------------------------------------------------------------- */

static void settings_are_told_as_text(void **state) {
    (void) state;
    redis_do("HSET wsp:{62}:acme:w:%s settings %s", world.target,
             "{\"s\":\"eu west\",\"i\":-7,\"b\":true,\"f\":false,"
             "\"big\":9007199254740993,\"o\":{\"s\":1},\"a\":[1],\"n\":null,"
             "\"\":\"none\",\"c\":\"a\\r\\nX: y\",\"u\":\"\\u00e9\"}");
    driver_hear(d);
    struct ask ask = in_target("viewer");
    memcpy(ask.settings, (const char *[]) { "s", "i", "b", "f", "big", "u" },
           6 * sizeof(char *));
    assert_string_equal(driver_access(d, ask)->decided.settings,
                        "s=eu west i=-7 b=true f=false "
                        "big=9007199254740993 u=\xc3\xa9");
    memcpy(ask.settings, (const char *[]) { "o", "a", "n", "c", "absent",
                                            "S" },
           6 * sizeof(char *));
    assert_string_equal(driver_access(d, ask)->decided.settings,
                        "o a n c absent S=eu west");
    /* to whom is refused, nothing is told */
    ask.user = "stranger";
    ask.settings[0] = "s";
    assert_string_equal(driver_access(d, ask)->decided.settings,
                        "s a n c absent S");
    ask.user = "viewer";
    ask.permission = "x:edit";
    assert_string_equal(driver_access(d, ask)->decided.settings,
                        "s a n c absent S");
}

static void settings_that_are_none(void **state) {
    (void) state;
    static const char *const odd[] = { "", "[]", "1", "{", "null", "\"s\"",
                                       "{\"s\":\"x\"" };
    struct ask ask = in_target("viewer");
    ask.settings[0] = "s";
    assert_string_equal(driver_access(d, ask)->decided.settings, "s");
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        redis_do("HSET wsp:{62}:acme:w:%s settings %s", world.target,
                 odd[i]);
        driver_hear(d);
        const struct answer *got = driver_access(d, ask);
        assert_decided(got, 200, "member");
        assert_string_equal(got->decided.settings, "s");
    }
}

/* -- cancelled, expired, undecided ---------------------------------------- */

static void given_up_at_any_time(void **state) {
    (void) state;
    struct ask ask = { .access = true, .user = "viewer",
                       .settings = { "s" },
                       .headers = { "X-ATS-Client-ID", "ext-1" } };
    redis_do("SET wsp:{62}:acme:e:ext-1 %s", world.target);
    for (int expires = 0; expires < 2; expires++) {
        for (int turns = 0; turns < 8; turns++) {
            as_it_was(NULL);
            redis_do("SET wsp:{62}:acme:e:ext-1 %s", world.target);
            driver_hear(d);
            struct flight *flight = driver_start(d, ask);
            for (int i = 0; i < turns && !flight->done; i++) {
                driver_turn(d, 1);
            }
            if (flight->done) {
                assert_decided(&flight->answer, 200, "member");
                continue;
            }
            if (expires) {
                driver_expire(flight);
                assert_decided(&flight->answer, 503, "store_unavailable");
                assert_string_equal(
                    answer_header(&flight->answer, "Retry-After"), "1");
            } else {
                driver_cancel(flight);
            }
            assert_access(in_target("viewer"), 200, "member");
        }
    }
}

static void without_redis_it_is_undecided(void **state) {
    (void) state;
    struct driver *away = driver_new((struct driver_options) {
        .url = "unix:/nonexistent", .cache_size = 1 << 20 });
    away->refuse = true;
    const struct answer *got = driver_access(away, in_target("owner"));
    assert_decided(got, 503, "store_unavailable");
    struct ask nobody = in_target(NULL);
    nobody.nobody = true;
    assert_decided(driver_access(away, nobody), 401, "no_identity");
    struct ask twice = in_target("owner");
    twice.headers[2] = "X-Workspace-ID";
    twice.headers[3] = "1";
    /* nothing need be asked, but the link is */
    assert_true(driver_access(away, twice)->status != 200);
    driver_free(away);
}

static void a_record_that_cannot_be_read_leaves_it_undecided(void **state) {
    (void) state;
    redis_do("DEL wsp:{62}:acme:w:%s:m", world.target);
    redis_do("SET wsp:{62}:acme:w:%s:m x", world.target);
    driver_hear(d);
    assert_access(in_target("viewer"), 503, "store_unavailable");
    struct ask keyed = in_target(NULL);
    keyed.api_key = "key";  /* printf key | b2sum -l 256 */
    redis_do("SET wsp:k:447f0b47ade868b5ba625ee132e0b708"
             "14231c780f362e883bb3fda138e1476f x");
    driver_hear(d);
    assert_access(keyed, 503, "store_unavailable");
}

static void only_access_operations_have_a_decision(void **state) {
    (void) state;
    assert_int_equal(
        driver_ask(d, (struct ask) { .user = "owner" })->decided.verdict, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, as_it_was)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_reason),
        TEST(a_stranger_and_nothing_look_alike),
        TEST(what_is_told_of_the_allowed),
        TEST(permissions_are_those_of_the_roles),
        TEST(a_header_that_is_no_id_is_refused),
        TEST(a_header_twice_is_refused),
        TEST(by_its_external_id),
        TEST(an_external_id_that_leads_nowhere),
        TEST(the_id_goes_before_the_external_id),
        TEST(headers_have_the_names_they_are_given),
        TEST(else_the_active_one),
        TEST(settings_are_told_as_text),
        TEST(settings_that_are_none),
        TEST(given_up_at_any_time),
        TEST(without_redis_it_is_undecided),
        TEST(a_record_that_cannot_be_read_leaves_it_undecided),
        TEST(only_access_operations_have_a_decision),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
