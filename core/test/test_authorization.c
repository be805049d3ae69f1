/*
 * The authorization matrix, made from the table of routes: each route x each
 * kind of caller.  A refused call changes nothing, and tells a stranger
 * nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

static struct driver *d;
static struct fixture world;

/* What a caller is in the target workspace. */
enum place { NOBODY, OUTSIDE, INSIDE, ADMIN, TENANT_ADMIN };

static const struct caller {
    const char *what;
    enum place place;
    const char *tenant;
    const char *user;
    const char *admin;
    const char *email;
    bool tenant_admin_elsewhere;
} callers[] = {
    { "no identity", NOBODY, NULL, NULL, NULL, NULL, false },
    { "no user", NOBODY, "acme", "", NULL, NULL, false },
    { "no tenant", NOBODY, "", "owner", NULL, NULL, false },
    { "no tenant, but admin", NOBODY, "", "owner", "1", NULL, false },
    { "a stranger", OUTSIDE, "acme", "stranger", NULL, NULL, false },
    { "one who says admin=0", OUTSIDE, "acme", "stranger", "0", NULL, false },
    { "one who says admin=false", OUTSIDE, "acme", "stranger", "false", NULL,
      false },
    { "an invited one", OUTSIDE, "acme", "guest", NULL, "guest@example.com",
      false },
    { "a removed one", OUTSIDE, "acme", "removed", NULL, NULL, false },
    { "admin of another workspace", OUTSIDE, "acme", "neighbour", NULL, NULL,
      false },
    { "another tenant's admin", OUTSIDE, "globex", "foreign", NULL, NULL,
      false },
    { "another tenant's user of the owner's name", OUTSIDE, "globex",
      "owner", NULL, NULL, false },
    { "another tenant's tenant admin", OUTSIDE, "globex", "groot", "1", NULL,
      true },
    { "a viewer", INSIDE, "acme", "viewer", NULL, NULL, false },
    { "a member", INSIDE, "acme", "member", NULL, NULL, false },
    { "a custom role", INSIDE, "acme", "custom", NULL, NULL, false },
    { "a workspace admin", ADMIN, "acme", "admin", NULL, NULL, false },
    { "the owner", ADMIN, "acme", "owner", NULL, NULL, false },
    { "a tenant admin", TENANT_ADMIN, "acme", "root", "1", NULL, false },
};

static unsigned expected_status(const wsp_route *route,
                                const struct caller *who) {
    if (who->place == NOBODY) {
        return 401;
    }
    switch ((enum wsp_needs) route->needs) {
    case WSP_NEEDS_IDENTITY:
        return 200;
    case WSP_NEEDS_TENANT_ADMIN:
        return who->place == TENANT_ADMIN || who->tenant_admin_elsewhere
                   ? 200 : 403;
    case WSP_NEEDS_MEMBER:
        return who->place == OUTSIDE ? 404 : 200;
    case WSP_NEEDS_ADMIN:
        return who->place == OUTSIDE ? 404
               : who->place == INSIDE ? 403 : 200;
    case WSP_NEEDS_TENANT_ADMIN_HERE:
        return who->place == OUTSIDE ? 404
               : who->place == TENANT_ADMIN ? 200 : 403;
    }
    fail_msg("a need without an expectation: %d", route->needs);
    return 0;
}

static struct ask as(struct ask ask, const struct caller *who) {
    ask.nobody = who->user == NULL;
    ask.tenant = who->tenant;
    ask.user = who->user;
    ask.admin = who->admin;
    ask.email = who->email;
    return ask;
}

static bool writes(const wsp_route *route) {
    return route->method.data[0] != 'G';
}

static int make_world(void **state) {
    (void) state;
    d = driver_new((struct driver_options) { 0 });
    fixture_make(d, &world);
    return 0;
}

static int end_world(void **state) {
    (void) state;
    driver_free(d);
    return 0;
}

static void each_route_asks_of_each_caller_what_it_says(void **state) {
    (void) state;
    wsp_route route;
    unsigned cells = 0;
    for (size_t r = 0; wsp_route_get(&route, WSP_PLATFORM, r) == WSP_OK; r++) {
        for (size_t c = 0; c < COUNT_OF(callers); c++) {
            const struct caller *who = &callers[c];
            redis_restore();
            const char *before = redis_digest();
            struct ask ask = as(sample_of(&route, world.target), who);
            const struct answer *got = driver_ask(d, ask);
            unsigned wanted = expected_status(&route, who);
            const char *after = redis_digest();
            bool same = strcmp(before, after) == 0;
            if (got->status != wanted || (wanted != 200 && !same) ||
                (wanted == 200 && same == writes(&route)))
            {
                fail_msg("%s %s as %s: %u instead of %u, Redis %s; %s",
                         ask.method, ask.path, who->what, got->status,
                         wanted, same ? "unchanged" : "changed", got->body);
            }
            if (who->place == NOBODY) {
                assert_non_null(answer_header(got, "WWW-Authenticate"));
            }
            if (who->place < INSIDE && ask.path[0] != '\0') {
                assert_lacks(got->body, "Target");
                assert_lacks(got->body, "hush");
            }
            cells++;
            driver_forget(d);
        }
    }
    assert_true(cells >= 13 * COUNT_OF(callers));
}

static void a_workspace_of_others_is_like_one_that_does_not_exist(
    void **state) {
    (void) state;
    wsp_route route;
    redis_restore();
    for (size_t r = 0; wsp_route_get(&route, WSP_PLATFORM, r) == WSP_OK; r++) {
        char pattern[64];
        snprintf(pattern, sizeof pattern, "%.*s", (int) route.pattern.len,
                 route.pattern.data);
        if (strstr(pattern, "{workspace}") == NULL) {
            continue;
        }
        for (size_t c = 0; c < COUNT_OF(callers); c++) {
            if (callers[c].place != OUTSIDE) {
                continue;
            }
            const struct answer *hidden = driver_ask(
                d, as(sample_of(&route, world.target), &callers[c]));
            const struct answer *absent = driver_ask(
                d, as(sample_of(&route, "999999"), &callers[c]));
            assert_int_equal(hidden->status, absent->status);
            assert_string_equal(hidden->body, absent->body);
            assert_string_equal(hidden->headers, absent->headers);
            assert_string_equal(hidden->content_type, absent->content_type);
            driver_forget(d);
        }
    }
}

/* Bad bodies, conditions and keys are looked at after the right to ask. */
static void a_stranger_learns_nothing_from_bad_input(void **state) {
    (void) state;
    static const char *const bodies[] = { NULL, "", "{", "[]", "{\"name\":1}",
                                          "{\"roles\":[\"owner\"]}" };
    wsp_route route;
    redis_restore();
    const char *before = redis_digest();
    for (size_t r = 0; wsp_route_get(&route, WSP_PLATFORM, r) == WSP_OK; r++) {
        if (!writes(&route) || route.pattern.len == 0) {
            continue;
        }
        for (size_t b = 0; b < COUNT_OF(bodies); b++) {
            struct ask ask = sample_of(&route, world.target);
            ask.user = "stranger";
            ask.body = bodies[b];
            ask.headers[0] = "If-Match";
            ask.headers[1] = "\"1\"";
            ask.headers[2] = "Idempotency-Key";
            ask.headers[3] = "k";
            ask.headers[4] = "x-encrypted-id";
            ask.headers[5] = "///";
            assert_status(driver_ask(d, ask), 404);
        }
    }
    assert_string_equal(before, redis_digest());
    /* the key was not claimed either */
    assert_int_equal(redis_mentions(":k:", 3), 0);
}

static void fields_that_are_not_the_clients_have_no_effect(void **state) {
    (void) state;
    static const char extra[] =
        ",\"owner\":\"mallory\",\"owner_id\":\"mallory\",\"_id\":\"77\","
        "\"id\":77,\"created\":\"2001-01-01T00:00:00.000Z\",\"updated\":1,"
        "\"tenant\":\"globex\",\"rev\":99,\"admins\":9,"
        "\"isPrivilegedUser\":true,\"active\":true,"
        "\"members\":[{\"user\":\"mallory\",\"roles\":[\"admin\"]}]}";
    static const struct {
        const char *method, *suffix, *body;
    } calls[] = {
        { "POST", NULL, "{\"name\":\"N\"" },
        { "PUT", "", "{\"name\":\"N\"" },
        { "POST", "/members", "{\"userId\":\"u1\",\"roles\":[\"member\"]" },
        { "PUT", "/members/target", "{\"roles\":[\"member\",\"x\"]" },
    };
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        char path[64] = "";
        char with[1024];
        char without[256];
        if (calls[i].suffix != NULL) {
            snprintf(path, sizeof path, "/%s%s", world.target,
                     calls[i].suffix);
        }
        snprintf(with, sizeof with, "%s%s", calls[i].body, extra);
        snprintf(without, sizeof without, "%s}", calls[i].body);
        struct ask ask = { .method = calls[i].method, .path = path,
                           .user = "owner" };
        /* the clock stands still: both leave the same behind */
        d->stopped_clock = true;
        redis_restore();
        ask.body = without;
        const struct answer *plain = driver_ask(d, ask);
        const char *digest = redis_digest();
        redis_restore();
        ask.body = with;
        const struct answer *laden = driver_ask(d, ask);
        assert_status(laden, 200);
        assert_string_equal(plain->body, laden->body);
        assert_string_equal(digest, redis_digest());
        assert_int_equal(redis_mentions("mallory", 7), 0);
        d->stopped_clock = false;
    }
}

static void nobody_promotes_himself(void **state) {
    (void) state;
    static const char *const users[] = { "viewer", "member", "custom" };
    redis_restore();
    const char *before = redis_digest();
    for (size_t i = 0; i < COUNT_OF(users); i++) {
        char path[64];
        snprintf(path, sizeof path, "/%s/members/%s", world.target, users[i]);
        assert_status(driver_ask(d, (struct ask) {
                          .method = "PUT", .path = path, .user = users[i],
                          .body = "{\"roles\":[\"admin\"]}" }),
                      403);
    }
    assert_string_equal(before, redis_digest());
}

static void the_role_owner_is_given_to_nobody(void **state) {
    (void) state;
    char path[64];
    redis_restore();
    const char *before = redis_digest();
    snprintf(path, sizeof path, "/%s/members/target", world.target);
    assert_status(driver_ask(d, (struct ask) {
                      .method = "PUT", .path = path, .user = "owner",
                      .body = "{\"roles\":[\"admin\",\"owner\"]}" }),
                  400);
    snprintf(path, sizeof path, "/%s", world.target);
    assert_status(driver_ask(d, (struct ask) {
                      .method = "PUT", .path = path, .user = "owner",
                      .body = "{\"invites\":[{\"email\":\"a@b.c\","
                              "\"roles\":[\"owner\"]}]}" }),
                  400);
    assert_string_equal(before, redis_digest());
}

static void a_demoted_admin_loses_his_rights_at_once(void **state) {
    (void) state;
    char path[64];
    redis_restore();
    snprintf(path, sizeof path, "/%s/members/admin", world.target);
    assert_status(driver_ask(d, (struct ask) {
                      .method = "PUT", .path = path, .user = "owner",
                      .body = "{\"roles\":[\"viewer\"]}" }),
                  200);
    snprintf(path, sizeof path, "/%s", world.target);
    assert_status(driver_ask(d, (struct ask) { .method = "DELETE",
                                               .path = path,
                                               .user = "admin" }),
                  403);
}

static int revision_of(const struct answer *answer) {
    return atoi(answer_header(answer, "ETag") + 1);
}

/* The right is checked again when the change is made, not only when read. */
static void a_right_lost_between_read_and_write_is_gone(void **state) {
    (void) state;
    char path[64];
    snprintf(path, sizeof path, "/%s", world.target);
    struct driver *other = driver_new((struct driver_options) { 0 });
    driver_until_log(other, "ready");
    driver_until_log(d, "ready");
    bool refused_late = false;
    for (int turns = 0; turns < 40; turns++) {
        redis_restore();
        struct flight *renames = driver_start(
            d, (struct ask) { .method = "PUT", .path = path, .user = "admin",
                              .body = "{\"name\":\"Taken\"}" });
        for (int i = 0; i < turns && !renames->done; i++) {
            driver_turn(d, 20);
        }
        bool ended = renames->done;
        char member[64];
        snprintf(member, sizeof member, "/%s/members/admin", world.target);
        const struct answer *removal = driver_ask(
            other, (struct ask) { .method = "DELETE", .path = member,
                                  .user = "owner" });
        assert_status(removal, 200);
        int removed_at = revision_of(removal);
        const struct answer *got = driver_wait(d, renames);
        if (ended) {
            assert_status(got, 200);
            break;
        }
        /* done before the removal, or refused */
        assert_true(got->status == 200 || got->status == 404);
        if (got->status == 200) {
            assert_true(revision_of(got) < removed_at);
        }
        bool taken = redis_mentions("Taken", 5) != 0;
        assert_int_equal(taken, got->status == 200);
        refused_late = refused_late || got->status == 404;
    }
    assert_true(refused_late);
    driver_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_route_asks_of_each_caller_what_it_says),
        cmocka_unit_test(
            a_workspace_of_others_is_like_one_that_does_not_exist),
        cmocka_unit_test(a_stranger_learns_nothing_from_bad_input),
        cmocka_unit_test(fields_that_are_not_the_clients_have_no_effect),
        cmocka_unit_test(nobody_promotes_himself),
        cmocka_unit_test(the_role_owner_is_given_to_nobody),
        cmocka_unit_test(a_demoted_admin_loses_his_rights_at_once),
        cmocka_unit_test(a_right_lost_between_read_and_write_is_gone),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
