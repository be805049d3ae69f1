/*
 * Custom roles as they are made, changed, given and deleted, by several at
 * once too, and the ownership as it is transferred.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

enum { WORKERS = 2 };

static struct fixture world;
static struct driver *worker[WORKERS];
static struct driver *d;        /* the first of them */

static int make_world(void **state) {
    (void) state;
    for (int i = 0; i < WORKERS; i++) {
        worker[i] = driver_new((struct driver_options) {
            .cache_size = 1 << 20, .max_stale_ms = 60000, .queue = 1024 });
        driver_until_log(worker[i], "tracking link is ready");
    }
    d = worker[0];
    fixture_make(d, &world);
    return 0;
}

static int end_world(void **state) {
    (void) state;
    for (int i = 0; i < WORKERS; i++) {
        driver_free(worker[i]);
    }
    return 0;
}

static int as_it_was(void **state) {
    (void) state;
    redis_restore();
    for (int i = 0; i < WORKERS; i++) {
        driver_hear(worker[i]);
        driver_forget(worker[i]);
    }
    return 0;
}

/* In the target workspace, as its owner unless said otherwise. */
static struct ask location(const char *method, const char *path,
                           const char *body) {
    return (struct ask) { .dialect = WSP_LOCATION, .method = method,
                          .path = path, .body = body, .user = "owner",
                          .headers = { "X-Workspace-ID", world.target } };
}

static const struct answer *change(const char *method, const char *path,
                                   const char *body, unsigned status) {
    const struct answer *made =
        driver_ask(d, location(method, path, body));
    assert_status(made, status);
    return made;
}

/* Its path; static, for 8 calls. */
static const char *make_role(const char *name, const char *permissions) {
    static char paths[8][48];
    static unsigned which;
    char *path = paths[which++ % 8];
    char body[256];
    char id[24];
    snprintf(body, sizeof body,
             "{\"name\":\"%s\",\"display_name\":\"The %s\","
             "\"permissions\":%s}", name, name, permissions);
    take_value(change("POST", "/workspace/roles", body, 201), "id", id,
               sizeof id);
    snprintf(path, sizeof paths[0], "/workspace/roles/%s", id);
    return path;
}

static void hold(const char *user, const char *roles) {
    char path[64];
    char body[256];
    snprintf(path, sizeof path, "/%s/members/%s", world.target, user);
    snprintf(body, sizeof body, "{\"roles\":%s}", roles);
    assert_status(driver_ask(d, (struct ask) { .method = "PUT", .path = path,
                                               .user = "owner",
                                               .body = body }),
                  200);
}

static void assert_roles(const char *user, const char *roles) {
    const char *stored = redis_text("HGET wsp:{62}:acme:w:%s:m %s",
                                    world.target, user);
    assert_non_null(stored);
    assert_string_equal(strchr(stored, ' ') + 1, roles);
}

static long long held(const char *role) {
    const char *text = redis_text("HGET wsp:{62}:acme:w:%s:n %s",
                                  world.target, role);
    return text == NULL ? 0 : atoll(text);
}

/* That the counted holders are those who there are. */
static void assert_counted(void) {
    redisReply *counted =
        redis_run("HGETALL wsp:{62}:acme:w:%s:n", world.target);
    redisReply *members =
        redis_run("HVALS wsp:{62}:acme:w:%s:m", world.target);
    long long total = 0;
    for (size_t i = 0; i < members->elements; i++) {
        char *rest = strchr(members->element[i]->str, ' ') + 1;
        for (char *role; (role = strsep(&rest, ",")) != NULL; total--) {
            size_t at = 0;
            while (at < counted->elements &&
                   strcmp(counted->element[at]->str, role) != 0) {
                at += 2;
            }
            if (at == counted->elements) {
                fail_msg("%s is held and not counted", role);
            }
        }
    }
    for (size_t i = 1; i < counted->elements; i += 2) {
        assert_true(atoll(counted->element[i]->str) > 0);
        total += atoll(counted->element[i]->str);
    }
    assert_int_equal(total, 0);
    freeReplyObject(counted);
    freeReplyObject(members);
}

static bool is_defined(const char *role) {
    return redis_number("HEXISTS wsp:{62}:acme:w:%s:r %s", world.target,
                        role) != 0;
}

static struct ask may(const char *user, const char *permission) {
    return (struct ask) { .access = true, .user = user,
                          .permission = permission,
                          .headers = { "X-Workspace-ID", world.target } };
}

/* -- making and changing -------------------------------------------------- */

static void a_role_takes_effect_on_every_worker(void **state) {
    (void) state;
    const char *path = make_role("clerk", "[\"docs:read\",\"docs:read\"]");
    hold("custom", "[\"clerk\"]");
    for (int i = 0; i < 12; i++) {
        bool reads = i % 2 == 0;
        change("PATCH", path,
               reads ? "{\"permissions\":[\"docs:read\"]}"
                     : "{\"permissions\":[\"docs:write\",\"x:*\"]}", 200);
        for (int w = 0; w < WORKERS; w++) {
            if (w > 0) {
                driver_hear(worker[w]);
            }
            for (int again = 0; again < 2; again++) {
                assert_status(driver_access(worker[w],
                                            may("custom", "docs:read")),
                              reads ? 200 : 403);
                assert_status(driver_access(worker[w],
                                            may("custom", "x:delete")),
                              reads ? 403 : 200);
            }
        }
    }
}

/* Who has seen the change is served by what he has seen. */
static void a_revision_that_was_seen_is_seen_again(void **state) {
    (void) state;
    const char *path = make_role("clerk", "[\"docs:read\"]");
    hold("custom", "[\"clerk\"]");
    assert_status(driver_access(worker[1], may("custom", "docs:read")), 200);
    driver_cut_wire(worker[1], &worker[1]->tracking);
    const struct answer *changed =
        change("PATCH", path, "{\"permissions\":[\"docs:write\"]}", 200);
    struct ask ask = may("custom", "docs:read");
    ask.headers[2] = "Workspace-Revision";
    ask.headers[3] = answer_header(changed, "Workspace-Revision");
    assert_non_null(ask.headers[3]);
    assert_status(driver_access(worker[1], ask), 403);
    driver_until_log(worker[1], "tracking link is ready");
}

static void only_what_is_given_changes(void **state) {
    (void) state;
    const char *path = make_role("clerk", "[\"docs:read\"]");
    assert_holds(change("PATCH", path, "{\"display_name\":\"A B\"}", 200)
                     ->body,
                 "\"name\":\"clerk\",\"display_name\":\"A B\","
                 "\"permissions\":[\"docs:read\"]");
    assert_holds(change("PUT", path, "{\"permissions\":[\"a:b\",\"c:d\"]}",
                        200)->body,
                 "\"display_name\":\"A B\",\"permissions\":[\"a:b\",\"c:d\"]");
    const char *before = redis_digest();
    change("PATCH", path, "{}", 200);
    assert_string_equal(before, redis_digest());
}

static void what_is_no_role_is_refused(void **state) {
    (void) state;
    static const struct {
        const char *name, *permissions;
        const char *field;
    } cases[] = {
        { "billing_x", "[\"a:b\"]", "name" },   /* is there already */
        { "admin", "[\"a:b\"]", "name" },
        { "Viewer", "[\"a:b\"]", "name" },
        { "OWNER", "[\"a:b\"]", "name" },
        { "", "[\"a:b\"]", "name" },
        { "a-b", "[\"a:b\"]", "name" },
        { "a b", "[\"a:b\"]", "name" },
        { "a,b", "[\"a:b\"]", "name" },
        { "\\u00e9", "[\"a:b\"]", "name" },
        { "ok", "[]", "permissions" },
        { "ok", "\"a:b\"", "permissions" },
        { "ok", "null", "permissions" },
        { "ok", "[1]", "permissions" },
        { "ok", "[\"a\"]", "permissions" },
        { "ok", "[\"a:b\",\"a:b,c:d\"]", "permissions" },
        { "ok", "[\"a:b c\"]", "permissions" },
        { "ok", "[\"a*:b\"]", "permissions" },
    };
    const char *before = redis_digest();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[256];
        char field[32];
        snprintf(body, sizeof body,
                 "{\"name\":\"%s\",\"display_name\":\"D\","
                 "\"permissions\":%s}", cases[i].name, cases[i].permissions);
        snprintf(field, sizeof field, "\"errors\":{\"%s\":", cases[i].field);
        assert_holds(change("POST", "/workspace/roles", body, 422)->body,
                     field);
    }
    assert_string_equal(before, redis_digest());
}

static void a_role_has_at_most_100_permissions(void **state) {
    (void) state;
    const char *path = make_role("clerk", "[\"docs:read\"]");
    for (int count = 100; count <= 101; count++) {
        char body[2048] = "{\"permissions\":[";
        size_t at = strlen(body);
        for (int i = 0; i < count; i++) {
            at += (size_t) sprintf(body + at, "%s\"p%d:x\"",
                                   i == 0 ? "" : ",", i);
        }
        strcpy(body + at, "]}");
        change("PATCH", path, body, count == 100 ? 200 : 422);
    }
}

static void the_built_in_roles_stay_as_they_are(void **state) {
    (void) state;
    static const char *const methods[] = { "PATCH", "PUT", "DELETE" };
    const char *before = redis_digest();
    for (size_t m = 0; m < COUNT_OF(methods); m++) {
        change(methods[m], "/workspace/roles/1",
               "{\"permissions\":[\"a:b\"]}", 403);
        change(methods[m], "/workspace/roles/2",
               "{\"display_name\":\"X\"}", 403);
        change(methods[m], "/workspace/roles/3", "{}", 403);
        change(methods[m], "/workspace/roles/4", "{}", 404);
        change(methods[m], "/workspace/roles/0", "{}", 404);
        change(methods[m], "/workspace/roles/viewer", "{}", 404);
        change(methods[m], "/workspace/roles/99999", "{}", 404);
    }
    assert_string_equal(before, redis_digest());
}

/* A role is found in its own workspace only. */
static void a_role_of_another_workspace_is_none(void **state) {
    (void) state;
    static const char *const methods[] = { "PATCH", "PUT", "DELETE" };
    const char *path = make_role("clerk", "[\"docs:read\"]");
    const char *before = redis_digest();
    for (size_t m = 0; m < COUNT_OF(methods); m++) {
        struct ask ask = location(methods[m], path,
                                  "{\"permissions\":[\"*:*\"]}");
        ask.user = "neighbour";
        ask.headers[1] = world.neighbour;
        assert_status(driver_ask(d, ask), 404);
    }
    struct ask gives = location("PATCH", "/workspace/members/neighbour/role",
                                "{\"role\":\"clerk\"}");
    gives.user = "neighbour";
    gives.headers[1] = world.neighbour;
    assert_status(driver_ask(d, gives), 422);
    assert_string_equal(before, redis_digest());
}

/* Having every permission makes nobody an admin. */
static void no_custom_role_manages_the_workspace(void **state) {
    (void) state;
    make_role("all", "[\"*:*\"]");
    hold("custom", "[\"all\"]");
    assert_status(driver_access(d, may("custom", "x:y")), 200);
    const char *before = redis_digest();
    unsigned routes = 0;
    for (struct a_route at = { 0 }; next_route(&at);) {
        if (at.route.needs == WSP_NEEDS_ADMIN ||
            at.route.needs == WSP_NEEDS_OWNER ||
            at.route.needs == WSP_NEEDS_TENANT_ADMIN_HERE) {
            struct ask ask = sample_of(&at, world.target);
            ask.user = "custom";
            assert_status(driver_ask(d, ask), 403);
            routes++;
        }
    }
    assert_true(routes > 10);
    assert_string_equal(before, redis_digest());
}

/* -- deleting ------------------------------------------------------------- */

static void send_invitation(const char *role) {
    char body[128];
    snprintf(body, sizeof body,
             "{\"email\":\"new@example.com\",\"role\":\"%s\"}", role);
    change("POST", "/workspace/invitations", body, 201);
}

static void a_role_in_use_stays(void **state) {
    (void) state;
    const char *path = make_role("clerk", "[\"docs:read\"]");
    hold("custom", "[\"clerk\"]");
    const char *before = redis_digest();
    assert_holds(change("DELETE", path, NULL, 422)->body,
                 "{\"message\":\"the role is in use by 1 member and 0 "
                 "pending invitations\",\"errors\":{\"role\":[");
    assert_string_equal(before, redis_digest());
    hold("viewer", "[\"viewer\",\"clerk\"]");
    send_invitation("clerk");
    assert_holds(change("DELETE", path, NULL, 422)->body,
                 "by 2 members and 1 pending invitation\"");
    hold("viewer", "[\"viewer\"]");
    hold("custom", "[\"viewer\"]");
    assert_holds(change("DELETE", path, NULL, 422)->body,
                 "by 0 members and 1 pending invitation\"");
    assert_true(is_defined("clerk"));
}

static void a_role_that_nobody_holds_goes(void **state) {
    (void) state;
    const char *path = make_role("clerk", "[\"docs:read\"]");
    hold("custom", "[\"clerk\"]");
    hold("custom", "[\"viewer\"]");
    change("DELETE", path, NULL, 200);
    assert_false(is_defined("clerk"));
    change("DELETE", path, NULL, 404);
    /* its id is not given again */
    assert_string_not_equal(path, make_role("clerk", "[\"docs:read\"]"));
}

/* An invitation that nobody can use any more is in nobody's way. */
static void an_expired_invitation_does_not_keep_a_role(void **state) {
    (void) state;
    const char *path = make_role("clerk", "[\"docs:read\"]");
    send_invitation("clerk");
    change("DELETE", path, NULL, 422);
    d->stopped_clock = true;
    d->wall_ms += 8LL * 24 * 3600 * 1000;
    change("DELETE", path, NULL, 200);
    d->stopped_clock = false;
}

static void its_holders_are_given_another(void **state) {
    (void) state;
    char path[64];
    snprintf(path, sizeof path, "%s", make_role("clerk", "[\"docs:read\"]"));
    make_role("scribe", "[\"docs:write\"]");
    hold("custom", "[\"clerk\"]");
    hold("viewer", "[\"viewer\",\"clerk\",\"x\"]");
    hold("member", "[\"clerk\",\"scribe\"]");
    send_invitation("clerk");
    struct ask deletes = location("DELETE", path, NULL);
    deletes.query = "reassign_to=scribe";
    assert_status(driver_ask(d, deletes), 200);
    assert_false(is_defined("clerk"));
    assert_roles("custom", "scribe");
    assert_roles("viewer", "viewer,scribe,x");
    assert_roles("member", "scribe");
    assert_int_equal(held("clerk"), 0);
    assert_int_equal(held("scribe"), 3);
    assert_counted();
    assert_status(driver_access(d, may("custom", "docs:write")), 200);
    assert_status(driver_access(d, may("custom", "docs:read")), 403);
    driver_hear(worker[1]);
    assert_status(driver_access(worker[1], may("custom", "docs:write")), 200);
    assert_status(driver_access(worker[1], may("custom", "docs:read")), 403);
    assert_holds(change("GET", "/workspace/invitations", NULL, 200)->body,
                 "\"role\":\"scribe\"");
}

static void another_must_be_a_role_that_can_be_given(void **state) {
    (void) state;
    static const char *const wrong[] = {
        "clerk", "owner", "nowhere", "user", "viewer%2Cadmin", "viewer,x",
        "%20", "a/b",
    };
    const char *path = make_role("clerk", "[\"docs:read\"]");
    hold("custom", "[\"clerk\",\"user\"]");
    const char *before = redis_digest();
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char query[64];
        snprintf(query, sizeof query, "reassign_to=%s", wrong[i]);
        struct ask ask = location("DELETE", path, NULL);
        ask.query = query;
        const struct answer *got = driver_ask(d, ask);
        assert_status(got, 422);
        assert_holds(got->body, "\"errors\":{\"reassign_to\":");
    }
    assert_string_equal(before, redis_digest());
    struct ask ask = location("DELETE", path, NULL);
    ask.query = "reassign_to=admin";
    assert_status(driver_ask(d, ask), 200);
    assert_roles("custom", "admin,user");
    assert_counted();
}

static void at_most_1000_are_moved_at_once(void **state) {
    (void) state;
    const char *path = make_role("clerk", "[\"docs:read\"]");
    redis_do("EVAL %s 2 wsp:{62}:acme:w:%s:m wsp:{62}:acme:w:%s:n",
             "for i = 1, 1001 do redis.call('HSET', KEYS[1], 'u' .. i, "
             "'1700000000000 clerk') end "
             "redis.call('HSET', KEYS[2], 'clerk', 1001) return 1",
             world.target, world.target);
    struct ask deletes = location("DELETE", path, NULL);
    deletes.query = "reassign_to=viewer";
    const struct answer *got = driver_ask(d, deletes);
    assert_status(got, 422);
    assert_holds(got->body, "1001 members");
    hold("u1", "[\"member\"]");
    assert_status(driver_ask(d, deletes), 200);
    assert_int_equal(held("clerk"), 0);
    assert_int_equal(held("viewer"), 1001);
    assert_counted();
}

/* -- several at once ------------------------------------------------------ */

static void finish(struct flight **flights, size_t count) {
    for (int turns = 0; turns < 100000; turns++) {
        bool all = true;
        for (size_t i = 0; i < count; i++) {
            all = all && flights[i]->done;
        }
        if (all) {
            return;
        }
        for (int i = 0; i < WORKERS; i++) {
            driver_turn(worker[i], turns % 3 == i ? 1 : 0);
        }
    }
    fail_msg("they do not end");
}

/*
 * Two requests, either of them first, in one worker or in two, the later one
 * after so many turns of the other: by the number of the round.
 */
static void race(struct ask a, struct ask b, int round, unsigned *of_a,
                 unsigned *of_b) {
    bool a_first = round % 2 == 0;
    struct driver *other = worker[round / 2 % WORKERS];
    struct flight *first = driver_start(worker[0], a_first ? a : b);
    for (int i = 0; i < round / 4; i++) {
        driver_turn(worker[0], 1);
    }
    struct flight *second = driver_start(other, a_first ? b : a);
    finish((struct flight *[]) { first, second }, 2);
    *of_a = (a_first ? first : second)->answer.status;
    *of_b = (a_first ? second : first)->answer.status;
}

enum { ROUNDS = 4 * 8 };

static void a_role_that_is_being_given_stays(void **state) {
    (void) state;
    static const char invitation[] =
        "{\"email\":\"n@example.com\",\"role\":\"clerk\"}";
    int given = 0;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        bool invites = round >= ROUNDS;
        as_it_was(NULL);
        struct ask deletes =
            location("DELETE", make_role("clerk", "[\"docs:read\"]"), NULL);
        struct ask gives =
            invites ? location("POST", "/workspace/invitations", invitation)
                    : location("PATCH", "/workspace/members/viewer/role",
                               "{\"role\":\"clerk\"}");
        unsigned gave, did;
        race(gives, deletes, round % ROUNDS, &gave, &did);
        bool is_given = gave == (invites ? 201 : 200);
        assert_true(is_given || gave == 422);
        assert_int_equal(did, is_given ? 422 : 200);
        assert_int_equal(is_defined("clerk"), is_given);
        assert_int_equal(held("clerk"), is_given && !invites);
        assert_counted();
        given += is_given;
    }
    assert_in_range(given, 1, 2 * ROUNDS - 1);
}

/* Whoever gets it while its holders are moved is moved, or gets it not. */
static void nobody_keeps_a_role_that_is_gone(void **state) {
    (void) state;
    for (int round = 0; round < ROUNDS; round++) {
        as_it_was(NULL);
        struct ask deletes =
            location("DELETE", make_role("clerk", "[\"docs:read\"]"), NULL);
        deletes.query = "reassign_to=member";
        hold("custom", "[\"clerk\"]");
        struct ask gives = location("PATCH", "/workspace/members/viewer/role",
                                    "{\"role\":\"clerk\"}");
        unsigned did, gave;
        race(deletes, gives, round, &did, &gave);
        assert_int_equal(did, 200);
        assert_true(gave == 200 || gave == 422);
        assert_roles("custom", "member");
        assert_roles("viewer", gave == 200 ? "member" : "viewer");
        assert_int_equal(held("clerk"), 0);
        assert_counted();
    }
}

static void of_one_name_there_is_one_role(void **state) {
    (void) state;
    struct flight *flights[20];
    for (int i = 0; i < 20; i++) {
        flights[i] = driver_start(
            worker[i % WORKERS],
            location("POST", "/workspace/roles",
                     "{\"name\":\"clerk\",\"display_name\":\"C\","
                     "\"permissions\":[\"a:b\"]}"));
    }
    finish(flights, 20);
    int made = 0;
    for (int i = 0; i < 20; i++) {
        unsigned status = flights[i]->answer.status;
        assert_true(status == 201 || status == 422);
        made += status == 201;
    }
    assert_int_equal(made, 1);
}

static void a_workspace_has_at_most_100_roles(void **state) {
    (void) state;
    int there = (int) redis_number("HLEN wsp:{62}:acme:w:%s:r",
                                   world.target);
    struct flight *flights[110];
    char bodies[110][96];
    int made = 0;
    for (int i = 0; i < 110; i++) {
        snprintf(bodies[i], sizeof bodies[i],
                 "{\"name\":\"r%d\",\"display_name\":\"R\","
                 "\"permissions\":[\"a:b\"]}", i);
    }
    for (int from = 0; from < 110; from += 10) {
        for (int i = from; i < from + 10; i++) {
            flights[i] = driver_start(
                worker[i % WORKERS],
                location("POST", "/workspace/roles", bodies[i]));
        }
        finish(flights + from, 10);
    }
    for (int i = 0; i < 110; i++) {
        made += flights[i]->answer.status == 201;
    }
    assert_int_equal(made + there, 100);
    assert_int_equal(redis_number("HLEN wsp:{62}:acme:w:%s:r", world.target),
                     100);
}

static void both_of_two_changes_are_kept(void **state) {
    (void) state;
    for (int round = 0; round < ROUNDS; round++) {
        as_it_was(NULL);
        char path[64];
        snprintf(path, sizeof path, "%s", make_role("clerk", "[\"a:b\"]"));
        unsigned one, other;
        race(location("PATCH", path, "{\"display_name\":\"New\"}"),
             location("PATCH", path, "{\"permissions\":[\"c:d\"]}"), round,
             &one, &other);
        assert_int_equal(one, 200);
        assert_int_equal(other, 200);
        assert_holds(redis_text("HGET wsp:{62}:acme:w:%s:r clerk",
                                world.target),
                     " c:d New");
    }
}

/* -- the ownership -------------------------------------------------------- */

static const char *transfer_path(void) {
    static char path[64];
    snprintf(path, sizeof path, "/workspaces/%s/transfer-ownership",
             world.target);
    return path;
}

static void the_old_owner_and_the_new_one_are_admins(void **state) {
    (void) state;
    hold("owner", "[\"admin\",\"user\"]");
    change("POST", transfer_path(), "{\"user_id\":\"viewer\"}", 200);
    assert_string_equal(redis_text("HGET wsp:{62}:acme:w:%s owner",
                                   world.target), "viewer");
    assert_roles("viewer", "admin,viewer");
    assert_roles("owner", "admin,user");
    assert_counted();
    /* he is not the owner any more, and may be removed */
    change("POST", transfer_path(), "{\"user_id\":\"owner\"}", 403);
    struct ask removes = location("DELETE", "/workspace/members/owner", NULL);
    removes.user = "viewer";
    assert_status(driver_ask(d, removes), 200);
    removes.path = "/workspace/members/viewer";
    removes.user = "admin";
    assert_status(driver_ask(d, removes), 422);
    assert_counted();
}

static void the_ownership_goes_to_members_only(void **state) {
    (void) state;
    const char *before = redis_digest();
    assert_holds(change("POST", transfer_path(),
                        "{\"user_id\":\"stranger\"}", 422)->body,
                 "\"errors\":{\"user_id\":");
    change("POST", transfer_path(), "{\"user_id\":\"owner\"}", 200);
    assert_string_equal(before, redis_digest());
}

/* Whatever comes first, the owner is a member and an admin. */
static void the_new_owner_stays(void **state) {
    (void) state;
    int transferred = 0;
    for (int round = 0; round < 4 * ROUNDS; round++) {
        bool removes = round / ROUNDS % 2 == 0;
        as_it_was(NULL);
        hold("target", round < 2 * ROUNDS ? "[\"admin\"]" : "[\"member\"]");
        struct ask transfers = location("POST", transfer_path(),
                                        "{\"user_id\":\"target\"}");
        struct ask takes =
            removes ? location("DELETE", "/workspace/members/target", NULL)
                    : location("PATCH", "/workspace/members/target/role",
                               "{\"role\":\"viewer\"}");
        takes.user = "admin";
        unsigned did, took;
        race(transfers, takes, round % ROUNDS, &did, &took);
        assert_true(did == 200 || did == 422);
        assert_true(took == 200 || took == 422);
        /* one who was removed first gets nothing; a demotion is undone */
        assert_true(did == 200 || (removes && took == 200));
        assert_true(did != 200 || !removes || took == 422);
        const char *owner = did == 200 ? "target" : "owner";
        assert_string_equal(redis_text("HGET wsp:{62}:acme:w:%s owner",
                                       world.target), owner);
        assert_holds(redis_text("HGET wsp:{62}:acme:w:%s:m %s", world.target,
                                owner), "admin");
        assert_counted();
        transferred += did == 200;
    }
    assert_in_range(transferred, 1, 4 * ROUNDS - 1);
}

static void the_owner_transfers_once(void **state) {
    (void) state;
    for (int round = 0; round < ROUNDS; round++) {
        as_it_was(NULL);
        unsigned one, other;
        race(location("POST", transfer_path(), "{\"user_id\":\"viewer\"}"),
             location("POST", transfer_path(), "{\"user_id\":\"member\"}"),
             round, &one, &other);
        assert_true((one == 200) != (other == 200));
        assert_true(one == 200 || one == 403);
        assert_true(other == 200 || other == 403);
        assert_string_equal(redis_text("HGET wsp:{62}:acme:w:%s owner",
                                       world.target),
                            one == 200 ? "viewer" : "member");
        assert_counted();
    }
}

#define TEST(name) cmocka_unit_test_setup(name, as_it_was)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_role_takes_effect_on_every_worker),
        TEST(a_revision_that_was_seen_is_seen_again),
        TEST(only_what_is_given_changes),
        TEST(what_is_no_role_is_refused),
        TEST(a_role_has_at_most_100_permissions),
        TEST(the_built_in_roles_stay_as_they_are),
        TEST(a_role_of_another_workspace_is_none),
        TEST(no_custom_role_manages_the_workspace),
        TEST(a_role_in_use_stays),
        TEST(a_role_that_nobody_holds_goes),
        TEST(an_expired_invitation_does_not_keep_a_role),
        TEST(its_holders_are_given_another),
        TEST(another_must_be_a_role_that_can_be_given),
        TEST(at_most_1000_are_moved_at_once),
        TEST(a_role_that_is_being_given_stays),
        TEST(nobody_keeps_a_role_that_is_gone),
        TEST(of_one_name_there_is_one_role),
        TEST(a_workspace_has_at_most_100_roles),
        TEST(both_of_two_changes_are_kept),
        TEST(the_old_owner_and_the_new_one_are_admins),
        TEST(the_ownership_goes_to_members_only),
        TEST(the_new_owner_stays),
        TEST(the_owner_transfers_once),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
