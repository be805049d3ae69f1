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
    bool owner;
    bool views_all;
} callers[] = {
    { "no identity", NOBODY, .tenant = NULL },
    { "no user", NOBODY, .tenant = "acme", .user = "" },
    { "no tenant", NOBODY, .tenant = "", .user = "owner" },
    { "no tenant, but admin", NOBODY, .tenant = "", .user = "owner",
      .admin = "1" },
    { "a stranger", OUTSIDE, .tenant = "acme", .user = "stranger" },
    { "one who says admin=0", OUTSIDE, .tenant = "acme", .user = "stranger",
      .admin = "0" },
    { "one who says admin=false", OUTSIDE, .tenant = "acme",
      .user = "stranger", .admin = "false" },
    { "an invited one", OUTSIDE, .tenant = "acme", .user = "guest",
      .email = "guest@example.com" },
    { "a removed one", OUTSIDE, .tenant = "acme", .user = "removed" },
    { "admin of another workspace", OUTSIDE, .tenant = "acme",
      .user = "neighbour" },
    { "one who may view all", OUTSIDE, .tenant = "acme", .user = "auditor",
      .views_all = true },
    { "another tenant's admin", OUTSIDE, .tenant = "globex",
      .user = "foreign" },
    { "another tenant's user of the owner's name", OUTSIDE,
      .tenant = "globex", .user = "owner" },
    { "another tenant's tenant admin", OUTSIDE, .tenant = "globex",
      .user = "groot", .admin = "1", .tenant_admin_elsewhere = true },
    { "a viewer", INSIDE, .tenant = "acme", .user = "viewer" },
    { "a member", INSIDE, .tenant = "acme", .user = "member" },
    { "a custom role", INSIDE, .tenant = "acme", .user = "custom" },
    { "a workspace admin", ADMIN, .tenant = "acme", .user = "admin" },
    { "the owner", ADMIN, .tenant = "acme", .user = "owner", .owner = true },
    { "a tenant admin", TENANT_ADMIN, .tenant = "acme", .user = "root",
      .admin = "1" },
};

static unsigned expected_status(const struct a_route *at,
                                const struct caller *who) {
    unsigned good = sample_status(at);
    unsigned unseen = sample_unseen(at);
    if (at->route.needs == WSP_NEEDS_NOBODY ||
        at->route.needs == WSP_NEEDS_OPERATOR) {
        return good;
    }
    if (who->place == NOBODY) {
        return 401;
    }
    if (sample_is_guests(at)) {
        return strcmp(who->user, "guest") == 0 ? good
               : strcmp(who->tenant, "acme") == 0 ? 403 : 404;
    }
    bool elsewhere = strcmp(who->tenant, "acme") != 0 &&
                     sample_is_of_organization(at);
    switch ((enum wsp_needs) at->route.needs) {
    case WSP_NEEDS_NOBODY:
    case WSP_NEEDS_OPERATOR:
    case WSP_NEEDS_IDENTITY:
        return elsewhere ? 404 : good;
    case WSP_NEEDS_TENANT_ADMIN:
        return who->place == TENANT_ADMIN ? good
               : !who->tenant_admin_elsewhere ? 403
               : elsewhere ? 404 : good;
    case WSP_NEEDS_VIEWER:
        return who->place == OUTSIDE && !who->views_all ? unseen : good;
    case WSP_NEEDS_MEMBER:
        return who->place == OUTSIDE ? unseen : good;
    case WSP_NEEDS_ADMIN:
        return who->place == OUTSIDE ? unseen
               : who->place == INSIDE ? 403 : good;
    case WSP_NEEDS_OWNER:
        return who->place == OUTSIDE ? unseen
               : who->place == TENANT_ADMIN || who->owner ? good : 403;
    case WSP_NEEDS_TENANT_ADMIN_HERE:
        return who->place == OUTSIDE ? unseen
               : who->place == TENANT_ADMIN ? good : 403;
    case WSP_NEEDS_PARTNER:
    case WSP_NEEDS_PARTNER_HERE:
        return 401;     /* these have no key: see test_partner.c */
    }
    fail_msg("a need without an expectation: %d", at->route.needs);
    return 0;
}

static struct ask as(struct ask ask, const struct caller *who) {
    ask.nobody = who->user == NULL;
    ask.tenant = who->tenant;
    ask.user = who->user;
    ask.admin = who->admin;
    ask.email = who->email;
    ask.permissions = who->views_all ? "x:y, view_all_locations" : NULL;
    return ask;
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
    unsigned cells = 0;
    for (struct a_route at = { 0 }; next_route(&at);) {
        for (size_t c = 0; c < COUNT_OF(callers); c++) {
            const struct caller *who = &callers[c];
            redis_restore();
            const char *before = redis_digest();
            struct ask ask = as(sample_of(&at, world.target), who);
            const struct answer *got = driver_ask(d, ask);
            unsigned wanted = expected_status(&at, who);
            const char *after = redis_digest();
            bool same = strcmp(before, after) == 0;
            bool good = wanted < 300;
            bool idle = same && sample_may_be_idle(&at);
            if (got->status != wanted || (!good && !same) ||
                (good && same == writes(&at) && !idle))
            {
                fail_msg("%s %s as %s: %u instead of %u, Redis %s; %s",
                         ask.method, ask.path, who->what, got->status,
                         wanted, same ? "unchanged" : "changed", got->body);
            }
            if (wanted == 401) {
                assert_non_null(answer_header(got, "WWW-Authenticate"));
            }
            if (!good && who->place < INSIDE) {
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
    redis_restore();
    d->stopped_clock = true;  /* some errors tell the time */
    for (struct a_route at = { 0 }; next_route(&at);) {
        if (!is_about_one(&at)) {
            continue;
        }
        for (size_t c = 0; c < COUNT_OF(callers); c++) {
            bool views = callers[c].views_all &&
                         at.route.needs == WSP_NEEDS_VIEWER;
            if (callers[c].place != OUTSIDE || views) {
                continue;
            }
            const struct answer *hidden = driver_ask(
                d, as(sample_of(&at, world.target), &callers[c]));
            const struct answer *absent = driver_ask(
                d, as(sample_of(&at, "999999"), &callers[c]));
            assert_int_equal(hidden->status, absent->status);
            assert_string_equal(hidden->body, absent->body);
            assert_string_equal(hidden->headers, absent->headers);
            assert_string_equal(hidden->content_type, absent->content_type);
            driver_forget(d);
        }
    }
    d->stopped_clock = false;
}

/* Bad bodies, conditions and keys are looked at after the right to ask. */
static void a_stranger_learns_nothing_from_bad_input(void **state) {
    (void) state;
    static const char *const bodies[] = { NULL, "", "{", "[]", "{\"name\":1}",
                                          "{\"roles\":[\"owner\"]}" };
    redis_restore();
    const char *before = redis_digest();
    long long keys = redis_mentions(":k:", 3);
    for (struct a_route at = { 0 }; next_route(&at);) {
        if (!writes(&at) || !is_about_one(&at)) {
            continue;
        }
        for (size_t b = 0; b < COUNT_OF(bodies); b++) {
            struct ask ask = sample_of(&at, world.target);
            ask.user = "stranger";
            ask.body = bodies[b];
            size_t h = ask.headers[0] == NULL ? 0 : 2;
            ask.headers[h++] = "If-Match";
            ask.headers[h++] = "\"1\"";
            ask.headers[h++] = "Idempotency-Key";
            ask.headers[h++] = "k";
            ask.headers[h++] = "x-encrypted-id";
            ask.headers[h++] = "///";
            assert_status(driver_ask(d, ask), sample_unseen(&at));
        }
    }
    assert_string_equal(before, redis_digest());
    /* the key was not claimed either */
    assert_int_equal(redis_mentions(":k:", 3), keys);
}

/* Settings are kept as they are given, and so is what is sealed. */
static bool takes_any_field(const struct a_route *at) {
    char operation[64];
    snprintf(operation, sizeof operation, "%.*s",
             (int) at->route.operation.len, at->route.operation.data);
    return strstr(operation, "settings") != NULL ||
           strcmp(operation, "sealed.set") == 0;
}

/* What is left behind, with the clock standing still; NULL: not with success.
 * Lives until the next call but one, like the answer. */
static const char *left_by(struct ask ask, const struct a_route *at,
                           const struct answer **answer) {
    redis_restore();
    *answer = driver_ask(d, ask);
    return (*answer)->status == sample_status(at) ? redis_digest() : NULL;
}

static void fields_that_are_not_the_clients_have_no_effect(void **state) {
    (void) state;
    static const char extra[] =
        ",\"owner\":\"mallory\",\"owner_id\":\"mallory\",\"_id\":\"77\","
        "\"id\":77,\"created\":\"2001-01-01T00:00:00.000Z\",\"updated\":1,"
        "\"created_at\":1,\"tenant\":\"globex\",\"rev\":99,\"admins\":9,"
        "\"slug\":\"mallory\",\"is_default\":true,\"is_owner\":true,"
        "\"isPrivilegedUser\":true,\"active\":true,\"stored\":\"mallory\","
        "\"by\":\"mallory\",\"by_admin\":true,\"token\":\"mallory\","
        "\"hash\":\"mallory\",\"status\":\"mallory\",\"expires\":99,"
        "\"members\":[{\"user\":\"mallory\",\"roles\":[\"admin\"]}]}";
    unsigned compared = 0;
    d->stopped_clock = true;
    for (struct a_route at = { 0 }; next_route(&at);) {
        struct ask ask = allowed_sample_of(&at, world.target);
        if (ask.body == NULL || ask.body[0] != '{' || takes_any_field(&at) ||
            strstr(ask.body, "\"id\":") != NULL) {
            continue;
        }
        char with[2048];
        bool bare = strcmp(ask.body, "{}") == 0;
        snprintf(with, sizeof with, "%.*s%s", (int) strlen(ask.body) - 1,
                 ask.body, extra + bare);
        const struct answer *plain, *again, *laden;
        const char *first = left_by(ask, &at, &plain);
        const char *second = left_by(ask, &at, &again);
        assert_non_null(first);
        bool varies = strcmp(first, second) != 0;
        ask.body = with;
        second = left_by(ask, &at, &laden);
        if (second == NULL) {
            fail_msg("%s %s: %u: %s", ask.method, ask.path, laden->status,
                     laden->body);
        }
        if (redis_mentions("mallory", 7) != 0) {
            fail_msg("%s %s keeps what is not the client's", ask.method,
                     ask.path);
        }
        if (!varies) {
            first = left_by(allowed_sample_of(&at, world.target), &at,
                            &again);
            assert_string_equal(first, second);
            if (!sample_has_reference(&at)) {
                assert_string_equal(plain->body, laden->body);
            }
            compared++;
        }
    }
    assert_true(compared >= 10);
    d->stopped_clock = false;
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
