/* The platform contract: what each endpoint answers. */
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
    d->stopped_clock = true;
    d->wall_ms = 1735689600000;     /* 2025-01-01T00:00:00Z */
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
    redis_do("SET wsp:partitions 64");
    driver_forget(d);
    return 0;
}

static const struct answer *call(const char *method, const char *path,
                                 const char *user, const char *body) {
    return driver_ask(d, (struct ask) { .method = method, .path = path,
                                        .user = user, .body = body });
}

static void creating_answers_the_workspace(void **state) {
    (void) state;
    const struct answer *got = call(
        "POST", "", "ann",
        "{\"name\":\"New Workspace\",\"labels\":[\"team\",\"project\","
        "\"team\"],\"logo\":\"https://example.com/logo.png\"}");
    assert_status(got, 200);
    assert_body(got,
                "{\"_id\":\"1\",\"name\":\"New Workspace\",\"logo\":"
                "\"https://example.com/logo.png\",\"labels\":[\"team\","
                "\"project\"],\"members\":[{\"user\":\"ann\",\"roles\":"
                "[\"admin\",\"user\"],\"created\":"
                "\"2025-01-01T00:00:00.000Z\"}],\"invites\":[]}");
    assert_string_equal(got->content_type, "application/json; charset=utf-8");
    assert_string_equal(answer_header(got, "ETag"), "\"1\"");
    assert_string_equal(answer_header(got, "X-Request-ID"), "rid-1");
    assert_string_equal(got->label, "workspace.create");
    /* not unique */
    assert_body(call("POST", "/", "ann", "{\"name\":\"New Workspace\"}"),
                "{\"_id\":\"2\",\"name\":\"New Workspace\",\"logo\":null,"
                "\"labels\":[],\"members\":[{\"user\":\"ann\",\"roles\":"
                "[\"admin\",\"user\"],\"created\":"
                "\"2025-01-01T00:00:00.000Z\"}],\"invites\":[]}");
}

static void the_list_shows_ones_own_workspaces_in_the_order_of_ids(
    void **state) {
    (void) state;
    assert_body(call("GET", "", "ann", NULL), "[]");
    for (int i = 0; i < 12; i++) {
        call("POST", "", i % 2 ? "ann" : "bob", "{\"name\":\"W\"}");
    }
    add_member(d, "1", "bob", "ann", "[\"member\"]");
    assert_status(call("POST", "/10/activate", "ann", NULL), 200);
    const char *wanted =
        "[{\"_id\":\"1\",\"name\":\"W\",\"logo\":null,\"labels\":[],"
        "\"isPrivilegedUser\":false},"
        "{\"_id\":\"2\",\"name\":\"W\",\"logo\":null,\"labels\":[],"
        "\"isPrivilegedUser\":true},"
        "{\"_id\":\"4\",\"name\":\"W\",\"logo\":null,\"labels\":[],"
        "\"isPrivilegedUser\":true},"
        "{\"_id\":\"6\",\"name\":\"W\",\"logo\":null,\"labels\":[],"
        "\"isPrivilegedUser\":true},"
        "{\"_id\":\"8\",\"name\":\"W\",\"logo\":null,\"labels\":[],"
        "\"isPrivilegedUser\":true},"
        "{\"_id\":\"10\",\"name\":\"W\",\"logo\":null,\"labels\":[],"
        "\"isPrivilegedUser\":true,\"active\":true},"
        "{\"_id\":\"12\",\"name\":\"W\",\"logo\":null,\"labels\":[],"
        "\"isPrivilegedUser\":true}]";
    assert_body(call("GET", "", "ann", NULL), wanted);
    assert_body(call("GET", "/", "ann", NULL), wanted);
    assert_body(call("HEAD", "", "ann", NULL), wanted);
}

static void members_see_themselves_and_admins_see_all(void **state) {
    (void) state;
    call("POST", "", "ann", "{\"name\":\"W\"}");
    d->wall_ms += 1;
    add_member(d, "1", "ann", "bob", "[\"member\",\"x-1\"]");
    call("PUT", "/1", "ann",
         "{\"invites\":[{\"email\":\"Z@b.c\",\"name\":\"Zoe\","
         "\"roles\":[\"viewer\"]},{\"email\":\"a@b.c\"}]}");
    const char *plain =
        "{\"_id\":\"1\",\"name\":\"W\",\"logo\":null,\"labels\":[],"
        "\"members\":[{\"user\":\"bob\",\"roles\":[\"member\",\"x-1\"],"
        "\"created\":\"2025-01-01T00:00:00.001Z\"}],\"invites\":[]}";
    assert_body(call("GET", "/1", "bob", NULL), plain);
    const struct answer *all = call("GET", "/1", "ann", NULL);
    assert_holds(all->body, "\"user\":\"ann\"");
    assert_holds(all->body, "\"user\":\"bob\"");
    assert_holds(all->body,
                 "\"invites\":[{\"email\":\"a@b.c\",\"roles\":[\"member\"],"
                 "\"created\":\"2025-01-01T00:00:00.001Z\"},"
                 "{\"email\":\"Z@b.c\",\"name\":\"Zoe\",\"roles\":"
                 "[\"viewer\"]");
    struct ask root = { .path = "/1", .user = "root", .admin = "yes" };
    assert_string_equal(driver_ask(d, root)->body, all->body);
    assert_body(call("GET", "/1/members", "bob", NULL),
                "[{\"user\":\"ann\",\"roles\":[\"admin\",\"user\"],"
                "\"created\":\"2025-01-01T00:00:00.000Z\"},"
                "{\"user\":\"bob\",\"roles\":[\"member\",\"x-1\"],"
                "\"created\":\"2025-01-01T00:00:00.001Z\"}]");
    d->wall_ms -= 1;
}

static void an_update_changes_only_what_is_given(void **state) {
    (void) state;
    call("POST", "", "ann",
         "{\"name\":\"W\",\"labels\":[\"a\",\"b\"],"
         "\"logo\":\"data:image/png;base64,AA==\"}");
    const char *members = "\"members\":[{\"user\":\"ann\",\"roles\":"
                          "[\"admin\",\"user\"],\"created\":"
                          "\"2025-01-01T00:00:00.000Z\"}],\"invites\":[]}";
    static const struct {
        const char *body, *shown, *etag;
    } steps[] = {
        { "{}", "\"W\",\"logo\":\"data:image/png;base64,AA==\","
                "\"labels\":[\"a\",\"b\"]", "\"1\"" },
        { "{\"name\":\"X\"}", "\"X\",\"logo\":\"data:image/png;base64,AA==\","
                "\"labels\":[\"a\",\"b\"]", "\"2\"" },
        { "{\"logo\":\"\"}", "\"X\",\"logo\":null,\"labels\":[\"a\",\"b\"]",
          "\"3\"" },
        { "{\"logo\":\"http://x/\"}",
          "\"X\",\"logo\":\"http://x/\",\"labels\":[\"a\",\"b\"]", "\"4\"" },
        { "{\"logo\":null}", "\"X\",\"logo\":null,\"labels\":[\"a\",\"b\"]",
          "\"5\"" },
        { "{\"labels\":[\"b\",\"c\"]}",
          "\"X\",\"logo\":null,\"labels\":[\"b\",\"c\"]", "\"6\"" },
        { "{\"labels\":[]}", "\"X\",\"logo\":null,\"labels\":[]", "\"7\"" },
        { "{\"unknown\":{\"a\":[1,2.5,true]}}",
          "\"X\",\"logo\":null,\"labels\":[]", "\"7\"" },
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        char wanted[512];
        snprintf(wanted, sizeof wanted, "{\"_id\":\"1\",\"name\":%s,%s",
                 steps[i].shown, members);
        const struct answer *got = call("PUT", "/1", "ann", steps[i].body);
        assert_status(got, 200);
        assert_body(got, wanted);
        assert_string_equal(answer_header(got, "ETag"), steps[i].etag);
        got = call("GET", "/1", "ann", NULL);
        assert_body(got, wanted);
        assert_string_equal(answer_header(got, "ETag"), steps[i].etag);
    }
    assert_int_equal(redis_mentions(":l:", 3), 0);
}

static void activating_stores_the_users_context(void **state) {
    (void) state;
    call("POST", "", "ann", "{\"name\":\"A\"}");
    call("POST", "", "ann", "{\"name\":\"B\"}");
    assert_holds(call("POST", "/1/activate", "ann", NULL)->body, "\"A\"");
    assert_holds(call("POST", "/2/activate/", "ann", "")->body, "\"B\"");
    assert_status(call("POST", "/2/activate", "ann", "{}"), 200);
    const struct answer *list = call("GET", "", "ann", NULL);
    const char *active = strstr(list->body, "\"active\":true");
    assert_non_null(active);
    assert_null(strstr(active + 1, "\"active\":true"));
    assert_true(active > strstr(list->body, "\"B\""));
}

static void deleting_takes_everything_with_it(void **state) {
    (void) state;
    call("POST", "", "ann", "{\"name\":\"A\",\"labels\":[\"x y\",\"z\"]}");
    add_member(d, "1", "ann", "b/o:b", "[\"admin\"]");
    assert_status(call("POST", "/1/activate", "b/o:b", NULL), 200);
    assert_status(call("POST", "/1/activate", "ann", NULL), 200);
    call("PUT", "/1", "ann", "{\"invites\":[{\"email\":\"a@b.c\"}]}");
    driver_ask(d, (struct ask) { .method = "POST", .path = "/1/encrypted",
                                 .admin = "1", .body = "{}" });
    const struct answer *got = call("DELETE", "/1", "b/o:b", NULL);
    assert_status(got, 200);
    assert_holds(got->body, "{\"_id\":\"1\",\"name\":\"A\"");
    assert_null(answer_header(got, "ETag"));
    assert_status(call("GET", "/1", "ann", NULL), 404);
    assert_status(call("DELETE", "/1", "ann", NULL), 404);
    assert_body(call("GET", "", "ann", NULL), "[]");
    /* but for counters, tokens, the tenant and the number of partitions */
    redisReply *keys = redis_run("KEYS *");
    for (size_t i = 0; i < keys->elements; i++) {
        const char *key = keys->element[i]->str;
        if (strstr(key, ":acme:t:") == NULL &&
            strstr(key, ":acme:id") == NULL &&
            strstr(key, ":acme:iid") == NULL &&
            strcmp(key, "wsp:{62}::tenants") != 0 &&
            strncmp(key, "wsp:i:", 6) != 0 &&
            strcmp(key, "wsp:partitions") != 0) {
            fail_msg("left behind: %s", key);
        }
    }
    freeReplyObject(keys);
    /* its id is not given again */
    assert_holds(call("POST", "", "ann", "{\"name\":\"B\"}")->body,
                 "\"_id\":\"2\"");
}

static void members_are_added_changed_and_removed(void **state) {
    (void) state;
    call("POST", "", "ann", "{\"name\":\"A\"}");
    const struct answer *got =
        call("POST", "/1/members", "ann",
             "{\"userId\":\"bob\",\"roles\":[\"member\",\"member\"]}");
    assert_body(got,
                "{\"message\":\"Member added successfully.\",\"workspace\":"
                "{\"_id\":\"1\",\"name\":\"A\",\"logo\":null,\"labels\":[],"
                "\"members\":[{\"user\":\"ann\",\"roles\":[\"admin\","
                "\"user\"],\"created\":\"2025-01-01T00:00:00.000Z\"},"
                "{\"user\":\"bob\",\"roles\":[\"member\"],\"created\":"
                "\"2025-01-01T00:00:00.000Z\"}],\"invites\":[]}}");
    got = call("POST", "/1/members", "ann",
               "{\"userId\":\"bob\",\"roles\":[\"admin\"]}");
    assert_status(got, 400);
    assert_body(got, "{\"message\":\"already a member\"}");
    got = call("PUT", "/1/members/bob", "ann",
               "{\"roles\":[\"admin\",\"user\"]}");
    assert_body(got,
                "{\"message\":\"Member roles updated successfully.\","
                "\"updatedMember\":{\"user\":\"bob\",\"roles\":[\"admin\","
                "\"user\"]},\"workspaceId\":\"1\"}");
    assert_status(call("PUT", "/1/members/eve", "ann",
                       "{\"roles\":[\"x\"]}"), 404);
    got = call("DELETE", "/1/members/bob", "ann", NULL);
    assert_body(got,
                "{\"message\":\"Member removed from workspace.\","
                "\"removedMemberId\":\"bob\",\"userId\":\"bob\"}");
    assert_status(call("DELETE", "/1/members/bob", "ann", NULL), 404);
    assert_status(call("GET", "/1", "bob", NULL), 404);
    assert_body(call("GET", "", "bob", NULL), "[]");
}

static void the_owner_and_the_last_admin_stay(void **state) {
    (void) state;
    call("POST", "", "ann", "{\"name\":\"A\"}");
    add_member(d, "1", "ann", "bob", "[\"admin\"]");
    assert_status(call("DELETE", "/1/members/ann", "bob", NULL), 400);
    assert_status(call("PUT", "/1/members/ann", "bob",
                       "{\"roles\":[\"user\"]}"), 400);
    assert_status(call("PUT", "/1/members/ann", "ann",
                       "{\"roles\":[\"user\"]}"), 400);
    assert_status(driver_ask(d, (struct ask) {
                      .method = "DELETE", .path = "/1/members/ann",
                      .user = "root", .admin = "1" }),
                  400);
    /* another admin may be demoted, and leave */
    assert_status(call("PUT", "/1/members/bob", "bob",
                       "{\"roles\":[\"user\"]}"), 200);
    assert_status(call("PUT", "/1/members/bob", "bob",
                       "{\"roles\":[\"admin\"]}"), 403);
    assert_status(call("DELETE", "/1/members/bob", "ann", NULL), 200);
    /* the number that the rule is kept by */
    assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1:n admin"), 1);
    assert_int_equal(redis_number("HLEN wsp:{62}:acme:w:1:m"), 1);
}

static void a_removed_members_context_is_cleared(void **state) {
    (void) state;
    call("POST", "", "ann", "{\"name\":\"A\"}");
    call("POST", "", "bob", "{\"name\":\"B\"}");
    add_member(d, "1", "ann", "bob", "[\"member\"]");
    assert_status(call("POST", "/1/activate", "bob", NULL), 200);
    assert_status(call("DELETE", "/1/members/bob", "ann", NULL), 200);
    add_member(d, "1", "ann", "bob", "[\"member\"]");
    assert_lacks(call("GET", "", "bob", NULL)->body, "active");
    /* one that points elsewhere stays */
    assert_status(call("POST", "/2/activate", "bob", NULL), 200);
    assert_status(call("DELETE", "/1/members/bob", "ann", NULL), 200);
    assert_holds(call("GET", "", "bob", NULL)->body, "\"active\":true");
}

/* Removing reads the context before the removal is committed. */
static void activating_while_being_removed_leaves_no_context(void **state) {
    (void) state;
    struct driver *other = driver_new((struct driver_options) { 0 });
    driver_until_log(other, "ready");
    for (int turns = 0; turns < 30; turns++) {
        empty(NULL);
        call("POST", "", "ann", "{\"name\":\"A\"}");
        add_member(d, "1", "ann", "bob", "[\"member\"]");
        struct flight *removes = driver_start(
            other, (struct ask) { .method = "DELETE", .user = "ann",
                                  .path = "/1/members/bob" });
        for (int i = 0; i < turns && !removes->done; i++) {
            driver_turn(other, 5);
        }
        bool ended = removes->done;
        call("POST", "/1/activate", "bob", NULL);
        assert_status(driver_wait(other, removes), 200);
        assert_int_equal(redis_mentions("active", 6), 0);
        assert_int_equal(redis_mentions(":w:1:c", 6), 0);
        if (ended) {
            break;
        }
    }
    driver_free(other);
}

static void unknown_paths_and_methods_are_refused(void **state) {
    (void) state;
    static const char *const unknown[] = {
        "/0", "/01", "/-1", "/+1", "/1.0", "/abc", "/9007199254740993",
        "/99999999999999999999", "/1/", "/1/x", "/1/members/", "/1//members",
        "//1", "//", "/1/members/a/b", "/1/encrypted/x", "/%31%", "/%zz",
        "/1%2fmembers", "/all/x", "/1/activate/x", "x", "/1/members/%00",
        "/1/members/%ff", "/1/members/%0a", "/a/b/c/d/e/f/g/h/i/j/k/l",
        "/1/members//", "/ALL", "/1/Members", "/%",
    };
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        assert_status(driver_ask(d, (struct ask) { .path = unknown[i],
                                                   .method = "DELETE" }),
                      strcmp(unknown[i], "/1/members/") == 0 ? 405 : 404);
    }
    static const struct {
        const char *method, *path, *allow;
    } wrong[] = {
        { "PUT", "", "GET, HEAD, POST" },
        { "DELETE", "/", "GET, HEAD, POST" },
        { "POST", "/all", "GET, HEAD" },
        { "PATCH", "/1", "GET, HEAD, PUT, DELETE" },
        { "GET", "/1/activate", "POST" },
        { "HEAD", "/1/activate", "POST" },
        { "OPTIONS", "/1/members", "GET, HEAD, POST" },
        { "GET", "/1/members/x", "PUT, DELETE" },
        { "DELETE", "/1/encrypted", "GET, HEAD, POST" },
        { "TRACE", "/1", "GET, HEAD, PUT, DELETE" },
        { "get", "/1", "GET, HEAD, PUT, DELETE" },
        { "GET ", "/1", "GET, HEAD, PUT, DELETE" },
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        const struct answer *got = call(wrong[i].method, wrong[i].path,
                                        "ann", NULL);
        assert_status(got, 405);
        assert_string_equal(answer_header(got, "Allow"), wrong[i].allow);
        assert_body(got, "{\"message\":\"method not allowed\"}");
        assert_string_equal(got->label, "none");
    }
}

static void paths_are_decoded_once(void **state) {
    (void) state;
    call("POST", "", "ann", "{\"name\":\"A\"}");
    assert_status(call("GET", "/%31", "ann", NULL), 200);
    assert_status(call("GET", "/1/%6dembers", "ann", NULL), 200);
    assert_status(call("GET", "/%2531", "ann", NULL), 404);
    add_member(d, "1", "ann", "a/b", "[\"x\"]");
    assert_status(call("DELETE", "/1/members/a%252Fb", "ann", NULL), 404);
    assert_status(call("DELETE", "/1/members/a%2Fb", "ann", NULL), 200);
    /* a plus is a plus in a path */
    add_member(d, "1", "ann", "a+b", "[\"x\"]");
    assert_status(call("DELETE", "/1/members/a%20b", "ann", NULL), 404);
    assert_status(call("DELETE", "/1/members/a+b", "ann", NULL), 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(creating_answers_the_workspace, empty),
        cmocka_unit_test_setup(
            the_list_shows_ones_own_workspaces_in_the_order_of_ids, empty),
        cmocka_unit_test_setup(members_see_themselves_and_admins_see_all,
                               empty),
        cmocka_unit_test_setup(an_update_changes_only_what_is_given, empty),
        cmocka_unit_test_setup(activating_stores_the_users_context, empty),
        cmocka_unit_test_setup(deleting_takes_everything_with_it, empty),
        cmocka_unit_test_setup(members_are_added_changed_and_removed, empty),
        cmocka_unit_test_setup(the_owner_and_the_last_admin_stay, empty),
        cmocka_unit_test_setup(a_removed_members_context_is_cleared, empty),
        cmocka_unit_test_setup(
            activating_while_being_removed_leaves_no_context, empty),
        cmocka_unit_test_setup(unknown_paths_and_methods_are_refused, empty),
        cmocka_unit_test_setup(paths_are_decoded_once, empty),
    };
    return cmocka_run_group_tests(tests, open_driver, close_driver);
}
