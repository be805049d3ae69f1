/* The location contract: what each endpoint answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

#define NOW "\"2025-01-01T00:00:00Z\""

static struct driver *d;

static int open_driver(void **state) {
    (void) state;
    d = driver_new((struct driver_options) { 0 });
    driver_until_log(d, "ready");
    d->stopped_clock = true;
    d->wall_ms = 1735689600123;     /* 2025-01-01T00:00:00.123Z */
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

/* -- asking */

/* In the workspace of this id; NULL: in the current one. */
static const struct answer *call_in(const char *workspace, const char *method,
                                    const char *path, const char *user,
                                    const char *body) {
    struct ask ask = { .dialect = WSP_LOCATION, .method = method,
                       .path = path, .user = user, .body = body };
    if (strcmp(user, "root") == 0) {
        ask.admin = "1";
    }
    if (strcmp(user, "auditor") == 0) {
        ask.permissions = "view_all_locations";
    }
    if (workspace != NULL) {
        ask.headers[0] = "X-Workspace-ID";
        ask.headers[1] = workspace;
    }
    return driver_ask(d, ask);
}

static const struct answer *call(const char *method, const char *path,
                                 const char *user, const char *body) {
    return call_in(NULL, method, path, user, body);
}

static const struct answer *list(const char *user, const char *query) {
    return driver_ask(d, (struct ask) {
        .dialect = WSP_LOCATION, .path = "/workspaces", .user = user,
        .query = query, .admin = strcmp(user, "root") == 0 ? "1" : NULL });
}

static void make(const char *user, const char *name) {
    char body[64];
    snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    assert_status(call("POST", "/workspaces", user, body), 201);
}

#define assert_answer(given, status_, text)                                  \
    do {                                                                     \
        const struct answer *given_ = (given);                               \
        assert_status(given_, status_);                                      \
        assert_body(given_, text);                                           \
    } while (0)

#define UNSEEN "{\"message\":\"This action is unauthorized.\"}"
#define NO_WORKSPACE                                                         \
    "{\"message\":\"workspace required\",\"errors\":{\"workspace\":"         \
    "[\"workspace required\"]}}"

/* -- workspaces */

static void creating_makes_an_owner_and_the_current_workspace(void **state) {
    (void) state;
    const struct answer *got = call("POST", "/workspaces", "7",
                                    "{\"name\":\"New Branch\"}");
    assert_answer(got, 201,
                  "{\"data\":{\"id\":1,\"name\":\"New Branch\",\"owner_id\":7,"
                  "\"created_at\":" NOW "},"
                  "\"message\":\"¡Sucursal creada correctamente!\"}");
    assert_string_equal(got->content_type, "application/json; charset=utf-8");
    assert_string_equal(answer_header(got, "ETag"), "\"1\"");
    assert_string_equal(got->label, "workspace.create");
    assert_holds(call("GET", "/workspace/members", "7", NULL)->body,
                 "\"id\":7,\"name\":null,\"email\":null,\"role\":\"owner\"");
    /* the same in another dialect */
    assert_body(driver_ask(d, (struct ask) { .user = "7" }),
                "[{\"_id\":\"1\",\"name\":\"New Branch\",\"logo\":null,"
                "\"labels\":[],\"isPrivilegedUser\":true,\"active\":true}]");
    /* the next one becomes the current one */
    make("7", "Other");
    assert_holds(driver_ask(d, (struct ask) { .user = "7" })->body,
                 "\"_id\":\"2\",\"name\":\"Other\",\"logo\":null,"
                 "\"labels\":[],\"isPrivilegedUser\":true,\"active\":true");
}

#define TAKEN                                                                \
    "{\"message\":\"this name is taken by another workspace\",\"errors\":"   \
    "{\"name\":[\"this name is taken by another workspace\"]}}"

static void a_name_is_given_once_in_a_tenant(void **state) {
    (void) state;
    make("ann", "Main Store");
    assert_answer(call("POST", "/workspaces", "bob",
                       "{\"name\":\"Main Store\"}"), 422, TAKEN);
    make("bob", "main store");
    /* one of another dialect takes it as well */
    make_workspace(d, "cid", "{\"name\":\"Depot\"}");
    assert_answer(call("POST", "/workspaces", "ann", "{\"name\":\"Depot\"}"),
                  422, TAKEN);
    assert_answer(call("PATCH", "/workspaces/1", "ann",
                       "{\"name\":\"Depot\"}"), 422, TAKEN);
    assert_status(call("PATCH", "/workspaces/1", "ann",
                       "{\"name\":\"Main Store\"}"), 200);
    /* a name that was given up is free, and one of another tenant */
    assert_status(call("PUT", "/workspaces/1", "ann",
                       "{\"name\":\"Head Office\"}"), 200);
    make("bob", "Main Store");
    assert_status(driver_ask(d, (struct ask) {
                      .dialect = WSP_LOCATION, .method = "POST",
                      .path = "/workspaces", .tenant = "globex",
                      .body = "{\"name\":\"Head Office\"}" }),
                  201);
}

static void what_is_given_is_checked(void **state) {
    (void) state;
    make("ann", "A");
    static const struct {
        const char *method, *path, *body, *field;
    } wrong[] = {
        { "POST", "/workspaces", "{}", "name" },
        { "POST", "/workspaces", "{\"name\":null}", "name" },
        { "POST", "/workspaces", "{\"name\":\"\"}", "name" },
        { "POST", "/workspaces", "{\"name\":7}", "name" },
        { "POST", "/workspaces", "{\"name\":\"a\\u0007\"}", "name" },
        { "PUT", "/workspaces/1", "{\"name\":[]}", "name" },
        { "PATCH", "/workspaces/1", "{\"name\":\"\"}", "name" },
        { "POST", "/workspaces/1/transfer-ownership", "{}", "user_id" },
        { "POST", "/workspaces/1/transfer-ownership", "{\"user_id\":1.5}",
          "user_id" },
        { "POST", "/workspaces/1/transfer-ownership", "{\"user_id\":\"\"}",
          "user_id" },
        { "POST", "/workspaces/1/transfer-ownership", "{\"user_id\":\"bob\"}",
          "user_id" },
        { "PATCH", "/workspace/members/ann/role", "{}", "role" },
        { "PATCH", "/workspace/members/ann/role", "{\"role\":[\"admin\"]}",
          "role" },
        { "PATCH", "/workspace/members/ann/role", "{\"role\":\"a b\"}",
          "role" },
        { "PATCH", "/workspace/members/ann/role", "{\"role\":\"owner\"}",
          "role" },
        { "PATCH", "/workspace/members/ann/role", "{\"role\":\"unknown\"}",
          "role" },
        { "POST", "/workspace/roles", "{}", "name" },
        { "POST", "/workspace/roles", "{\"name\":\"a\"}", "display_name" },
        { "POST", "/workspace/roles",
          "{\"name\":\"a\",\"display_name\":\"A\"}", "permissions" },
        { "POST", "/workspace/roles",
          "{\"name\":\"a-b\",\"display_name\":\"A\",\"permissions\":"
          "[\"x:y\"]}", "name" },
        { "POST", "/workspace/roles",
          "{\"name\":\"a\",\"display_name\":\"\",\"permissions\":"
          "[\"x:y\"]}", "display_name" },
        { "POST", "/workspace/roles",
          "{\"name\":\"a\",\"display_name\":\"A\",\"permissions\":[]}",
          "permissions" },
        { "POST", "/workspace/roles",
          "{\"name\":\"a\",\"display_name\":\"A\",\"permissions\":"
          "[\"x\"]}", "permissions" },
        { "POST", "/workspace/roles",
          "{\"name\":\"a\",\"display_name\":\"A\",\"permissions\":"
          "\"x:y\"}", "permissions" },
        { "POST", "/workspace/roles",
          "{\"name\":\"member\",\"display_name\":\"A\",\"permissions\":"
          "[\"x:y\"]}", "name" },
        { "PATCH", "/document-subtypes/B01/workspace/1/set-preferred",
          "{\"document_type\":\"\"}", "document_type" },
        { "PATCH", "/document-subtypes/B01/workspace/1/set-preferred",
          "{\"document_type\":1}", "document_type" },
        { "PATCH", "/document-subtypes/a%20b/workspace/1/set-preferred",
          NULL, "subtype" },
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        const char *before = redis_digest();
        const struct answer *got = call(wrong[i].method, wrong[i].path, "ann",
                                        wrong[i].body);
        char message[256];
        char wanted[640];
        assert_status(got, 422);
        take_value(got, "message", message, sizeof message);
        snprintf(wanted, sizeof wanted, "\"errors\":{\"%s\":[\"%.200s",
                 wrong[i].field, message);
        assert_holds(got->body, wanted);
        assert_string_equal(before, redis_digest());
    }
    assert_status(call("POST", "/workspaces", "ann", "{"), 400);
    assert_status(call("POST", "/workspaces", "ann", "[]"), 400);
    assert_status(call("POST", "/workspaces", "ann", NULL), 400);
}

static void the_list_shows_what_the_caller_may_see(void **state) {
    (void) state;
    assert_answer(list("1", NULL), 200, "{\"data\":[]}");
    driver_ask(d, (struct ask) { .dialect = WSP_LOCATION, .method = "POST",
                                 .path = "/workspaces", .user = "1",
                                 .name = "Admin User", .email = "a@b.c",
                                 .body = "{\"name\":\"Main Store\"}" });
    make("bob", "Warehouse");
    make("bob", "Depot");
    add_member(d, "2", "bob", "1", "[\"member\"]");
    static const char first[] =
        "{\"id\":1,\"name\":\"Main Store\",\"owner_id\":1,\"owner\":"
        "{\"id\":1,\"name\":\"Admin User\",\"email\":\"a@b.c\"},"
        "\"is_owner\":%s,\"created_at\":" NOW ",\"updated_at\":" NOW "},";
    static const char second[] =
        "{\"id\":2,\"name\":\"Warehouse\",\"owner_id\":\"bob\",\"owner\":"
        "{\"id\":\"bob\",\"name\":null,\"email\":null},"
        "\"is_owner\":false,\"created_at\":" NOW ",\"updated_at\":" NOW "}";
    char wanted[1024];
    int at = snprintf(wanted, sizeof wanted, "{\"data\":[");
    at += snprintf(wanted + at, sizeof wanted - at, first, "true");
    snprintf(wanted + at, sizeof wanted - at, "%s]}", second);
    assert_answer(list("1", NULL), 200, wanted);
    assert_body(list("1", "unknown=1&x"), wanted);

    at = snprintf(wanted, sizeof wanted, "{\"data\":[");
    at += snprintf(wanted + at, sizeof wanted - at, first, "false");
    at += snprintf(wanted + at, sizeof wanted - at, "%s,", second);
    for (const char *const *user = (const char *const[]) { "root", "auditor",
                                                           NULL };
         *user != NULL; user++)
    {
        const struct answer *got = call("GET", "/workspaces", *user, NULL);
        assert_status(got, 200);
        assert_memory_equal(got->body, wanted, strlen(wanted));
        assert_holds(got->body, "{\"id\":3,\"name\":\"Depot\"");
    }
    assert_body(driver_ask(d, (struct ask) {
                    .dialect = WSP_LOCATION, .path = "/workspaces",
                    .tenant = "globex", .user = "auditor",
                    .permissions = "view_all_locations" }),
                "{\"data\":[]}");
    /* one of the names that a permission must not be taken for */
    assert_body(driver_ask(d, (struct ask) {
                    .dialect = WSP_LOCATION, .path = "/workspaces",
                    .user = "auditor",
                    .permissions = "view_all,all_locations,"
                                   "xview_all_locations" }),
                "{\"data\":[]}");
}

static void pages_are_told_as_laravel_does(void **state) {
    (void) state;
    char name[16];
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "W%d", i);
        make("ann", name);
    }
    const struct answer *got = list("ann", "per_page=2&page=2");
    assert_status(got, 200);
    assert_holds(got->body, "{\"data\":[{\"id\":3,\"name\":\"W3\"");
    assert_holds(got->body, "},{\"id\":4,\"name\":\"W4\"");
    assert_lacks(got->body, "W2");
    assert_lacks(got->body, "W5");
    assert_string_equal(
        strstr(got->body, "],\"links\""),
        "],\"links\":{\"first\":\"/api/v1/workspaces?per_page=2&page=1\","
        "\"last\":\"/api/v1/workspaces?per_page=2&page=3\","
        "\"prev\":\"/api/v1/workspaces?per_page=2&page=1\","
        "\"next\":\"/api/v1/workspaces?per_page=2&page=3\"},"
        "\"meta\":{\"current_page\":2,\"from\":3,\"last_page\":3,\"links\":["
        "{\"url\":\"/api/v1/workspaces?per_page=2&page=1\","
        "\"label\":\"&laquo; Previous\",\"active\":false},"
        "{\"url\":\"/api/v1/workspaces?per_page=2&page=1\","
        "\"label\":\"1\",\"active\":false},"
        "{\"url\":\"/api/v1/workspaces?per_page=2&page=2\",\"label\":\"2\","
        "\"active\":true},"
        "{\"url\":\"/api/v1/workspaces?per_page=2&page=3\",\"label\":\"3\","
        "\"active\":false},"
        "{\"url\":\"/api/v1/workspaces?per_page=2&page=3\","
        "\"label\":\"Next &raquo;\",\"active\":false}],"
        "\"path\":\"/api/v1/workspaces\",\"per_page\":2,\"to\":4,"
        "\"total\":5}}");
    /* the default size is not told again */
    got = list("ann", "page=1");
    assert_holds(got->body,
                 "\"links\":{\"first\":\"/api/v1/workspaces?page=1\","
                 "\"last\":\"/api/v1/workspaces?page=1\",\"prev\":null,"
                 "\"next\":null}");
    assert_holds(got->body, "\"per_page\":15,\"to\":5,\"total\":5}");
    /* behind the last */
    got = list("ann", "per_page=2&page=9");
    assert_holds(got->body, "{\"data\":[],\"links\"");
    assert_holds(got->body, "\"current_page\":9,\"from\":null,");
    assert_holds(got->body, "\"to\":null,\"total\":5}");
    assert_holds(list("nobody", "page=1")->body,
                 "\"from\":null,\"last_page\":1,");
    assert_status(list("ann", "per_page=100&page=9007199254740992"), 200);
}

/* The labels of meta.links, one after the other, the current one in [ ]. */
static const char *labels_of(const char *user, int number) {
    static char labels[256];
    char query[64];
    snprintf(query, sizeof query, "per_page=1&page=%d", number);
    const struct answer *got = list(user, query);
    assert_status(got, 200);
    int used = 0;
    labels[0] = '\0';
    for (const char *at = got->body;
         (at = strstr(at, "\"label\":\"")) != NULL; at++)
    {
        int length = (int) strcspn(at + 9, "\"");
        const char *after = at + 9 + length + 11;
        bool active = strncmp(after, "true", 4) == 0;
        used += snprintf(labels + used, sizeof labels - used,
                         active ? "[%.*s] " : "%.*s ", length, at + 9);
    }
    return labels;
}

static void many_pages_are_named_around_the_current_one(void **state) {
    (void) state;
    char name[16];
    for (int i = 1; i <= 20; i++) {
        snprintf(name, sizeof name, "W%d", i);
        make(i <= 13 ? "few" : "more", name);
        if (i <= 13) {
            snprintf(name, sizeof name, "%d", i);
            add_member(d, name, "few", "more", "[\"x\"]");
        }
    }
#define PREVIOUS "&laquo; Previous "
#define NEXT "Next &raquo; "
    assert_string_equal(labels_of("few", 8),
                        PREVIOUS "1 2 3 4 5 6 7 [8] 9 10 11 12 13 " NEXT);
    assert_string_equal(labels_of("more", 7),
                        PREVIOUS "1 2 3 4 5 6 [7] 8 9 10 ... 19 20 " NEXT);
    assert_string_equal(labels_of("more", 8),
                        PREVIOUS "1 2 ... 5 6 7 [8] 9 10 11 ... 19 20 " NEXT);
    assert_string_equal(labels_of("more", 13),
                        PREVIOUS "1 2 ... 10 11 12 [13] 14 15 16 ... 19 20 "
                        NEXT);
    assert_string_equal(labels_of("more", 14),
                        PREVIOUS "1 2 ... 11 12 13 [14] 15 16 17 18 19 20 "
                        NEXT);
}

static long long commands_done(void) {
    redisReply *stats = redis_run("INFO stats");
    const char *at = strstr(stats->str, "total_commands_processed:");
    assert_non_null(at);
    long long count = atoll(strchr(at, ':') + 1);
    freeReplyObject(stats);
    return count;
}

static void a_page_costs_what_it_shows(void **state) {
    (void) state;
    char name[16];
    for (int i = 1; i <= 60; i++) {
        snprintf(name, sizeof name, "W%d", i);
        make(i % 2 ? "ann" : "bob", name);
    }
    static const char *const users[] = { "ann", "root" };
    for (size_t i = 0; i < COUNT_OF(users); i++) {
        long long before = commands_done();
        assert_holds(list(users[i], "per_page=2&page=9")->body,
                     "\"per_page\":2,\"to\":18,");
        /* the index, two commands a workspace, the owners, and the count */
        long long cost = commands_done() - before;
        assert_true(cost <= 3 + 2 * 2 + 2 + 1);
    }
}

static void a_page_is_a_number_in_its_bounds(void **state) {
    (void) state;
    static const char *const wrong[][2] = {
        { "page=0", "page" },
        { "page=-1", "page" },
        { "page=", "page" },
        { "page=x", "page" },
        { "page=01", "page" },
        { "page=1&page=2", "page" },
        { "page=9007199254740993", "page" },
        { "page=99999999999999999999", "page" },
        { "per_page=0", "per_page" },
        { "per_page=101", "per_page" },
        { "per_page=1000000000", "per_page" },
        { "per_page=1.5", "per_page" },
        { "per_page=5&per_page=5", "per_page" },
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char wanted[64];
        const struct answer *got = list("ann", wrong[i][0]);
        assert_status(got, 422);
        snprintf(wanted, sizeof wanted, "\"errors\":{\"%s\":[\"%s must be",
                 wrong[i][1], wrong[i][1]);
        assert_holds(got->body, wanted);
    }
    assert_status(list("ann", "page=%zz"), 400);
    assert_status(list("ann", "per_page=100"), 200);
}

/* Without pages no more are listed than one answer should hold. */
static void very_many_are_listed_by_pages(void **state) {
    (void) state;
    make("ann", "A");
    static const char *const indexes[] = { "wsp:{62}:acme:u:ann:w",
                                           "wsp:{62}:acme:ws" };
    for (size_t i = 0; i < COUNT_OF(indexes); i++) {
        redis_do("EVAL %s 1 %s",
                 "for id = 2, 10000 do "
                 "redis.call('ZADD', KEYS[1], id, id) end",
                 indexes[i]);
    }
    static const char *const users[] = { "ann", "root" };
    for (size_t i = 0; i < COUNT_OF(users); i++) {
        assert_status(list(users[i], NULL), 200);
    }
    for (size_t i = 0; i < COUNT_OF(indexes); i++) {
        redis_do("ZADD %s 10001 10001", indexes[i]);
    }
    for (size_t i = 0; i < COUNT_OF(users); i++) {
        const struct answer *got = list(users[i], NULL);
        assert_status(got, 422);
        assert_holds(got->body, "\"errors\":{\"page\":[\"page is required");
        assert_holds(list(users[i], "page=1")->body, "\"total\":10001}");
    }
}

static void one_workspace_is_shown_with_its_members(void **state) {
    (void) state;
    driver_ask(d, (struct ask) { .dialect = WSP_LOCATION, .method = "POST",
                                 .path = "/workspaces", .user = "1",
                                 .name = "Ann", .email = "ann@b.c",
                                 .body = "{\"name\":\"A\"}" });
    add_member(d, "1", "1", "bob", "[\"viewer\",\"member\"]");
    static const char wanted[] =
        "{\"data\":{\"id\":1,\"name\":\"A\",\"owner_id\":1,\"owner\":"
        "{\"id\":1,\"name\":\"Ann\",\"email\":\"ann@b.c\"},"
        "\"is_owner\":false,\"created_at\":" NOW ",\"updated_at\":" NOW ","
        "\"members\":[{\"id\":1,\"name\":\"Ann\",\"email\":\"ann@b.c\","
        "\"role\":\"owner\",\"added_at\":" NOW "},{\"id\":\"bob\","
        "\"name\":null,\"email\":null,\"role\":\"member\",\"added_at\":" NOW
        "}],\"settings\":{\"preferred_document_subtypes\":{}}}}";
    const struct answer *got = call("GET", "/workspaces/1", "bob", NULL);
    assert_answer(got, 200, wanted);
    assert_string_equal(answer_header(got, "ETag"), "\"2\"");
    assert_answer(call("GET", "/workspaces/1", "auditor", NULL), 200, wanted);
    assert_status(call("GET", "/workspaces/1", "eve", NULL), 404);
    assert_status(call("GET", "/workspaces/2", "auditor", NULL), 404);
    assert_status(call("GET", "/workspaces/x", "root", NULL), 404);
    /* a name changes without the revision: that it is the same tells little */
    driver_ask(d, (struct ask) { .dialect = WSP_LOCATION, .method = "PATCH",
                                 .path = "/workspace-context/1",
                                 .user = "bob", .name = "Bob" });
    got = driver_ask(d, (struct ask) {
        .dialect = WSP_LOCATION, .path = "/workspaces/1", .user = "1",
        .headers = { "If-None-Match", "\"2\"" } });
    assert_status(got, 200);
    assert_holds(got->body, "\"name\":\"Bob\"");
    /* what the identity says now of the caller himself */
    assert_holds(driver_ask(d, (struct ask) {
                     .dialect = WSP_LOCATION, .path = "/workspaces/1",
                     .user = "bob", .name = "Robert" })->body,
                 "\"id\":\"bob\",\"name\":\"Robert\",\"email\":null");
}

static void a_name_that_cannot_be_shown_is_not_kept(void **state) {
    (void) state;
    static char long_one[1022];
    memset(long_one, 'x', 1021);
    static const char *const odd[] = { "\xff", "a\xc3", "a\nb", "\x7f",
                                       "\xed\xa0\x80", long_one };
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        empty(NULL);
        struct ask ask = { .dialect = WSP_LOCATION, .method = "POST",
                           .path = "/workspaces", .name = odd[i],
                           .email = odd[i], .body = "{\"name\":\"A\"}" };
        assert_status(driver_ask(d, ask), 201);
        assert_int_equal(redis_mentions(":u:ann:p", 8), 0);
        ask.method = "GET";
        ask.body = NULL;
        assert_holds(driver_ask(d, ask)->body,
                     "{\"id\":\"ann\",\"name\":null,\"email\":null}");
    }
    struct ask good = { .dialect = WSP_LOCATION, .path = "/workspaces",
                        .name = long_one + 1,
                        .email = "\xc3\xa9@\xf0\x9f\x98\x80" };
    const struct answer *got = driver_ask(d, good);
    assert_holds(got->body, long_one + 1);
    assert_holds(got->body, "\"email\":\"\xc3\xa9@\xf0\x9f\x98\x80\"");
}

static void only_the_owner_updates(void **state) {
    (void) state;
    make("ann", "A");
    add_member(d, "1", "ann", "bob", "[\"admin\"]");
    d->wall_ms += 61000;
    const struct answer *got = call("PUT", "/workspaces/1", "ann",
                                    "{\"name\":\"Updated Branch Name\"}");
    assert_answer(got, 200,
                  "{\"data\":{\"id\":1,\"name\":\"Updated Branch Name\","
                  "\"updated_at\":\"2025-01-01T00:01:01Z\"},"
                  "\"message\":\"¡Sucursal actualizada correctamente!\"}");
    assert_string_equal(answer_header(got, "ETag"), "\"3\"");
    d->wall_ms -= 61000;
    assert_status(call("PATCH", "/workspaces/1/", "root",
                       "{\"name\":\"By Root\"}"), 200);
    assert_answer(call("PATCH", "/workspaces/1", "bob", "{\"name\":\"B\"}"),
                  403, UNSEEN);
    assert_status(call("PUT", "/workspaces/1", "auditor",
                       "{\"name\":\"B\"}"), 404);
    assert_status(call("PUT", "/workspaces/1", "eve", "{\"name\":\"B\"}"),
                  404);
    /* nothing given, nothing changed */
    got = call("PATCH", "/workspaces/1", "ann", "{\"other\":1}");
    assert_holds(got->body, "\"name\":\"By Root\"");
    assert_string_equal(answer_header(got, "ETag"), "\"4\"");
    got = call("DELETE", "/workspaces/1", "ann", NULL);
    assert_status(got, 405);
    assert_string_equal(answer_header(got, "Allow"),
                        "GET, HEAD, PUT, PATCH");
    got = driver_ask(d, (struct ask) {
        .dialect = WSP_LOCATION, .method = "PATCH", .user = "ann",
        .path = "/workspaces/1", .body = "{\"name\":\"C\"}",
        .headers = { "If-Match", "\"3\"" } });
    assert_status(got, 412);
}

/* -- the current workspace */

static void the_context_is_switched_and_cleared(void **state) {
    (void) state;
    make("ann", "A");
    make("bob", "Warehouse");
    assert_answer(call("GET", "/workspace/members", "cid", NULL), 422,
                  NO_WORKSPACE);
    add_member(d, "2", "bob", "ann", "[\"viewer\"]");
    assert_answer(call("PATCH", "/workspace-context/2", "ann", NULL), 200,
                  "{\"data\":{\"current_workspace_id\":2,\"workspace\":"
                  "{\"id\":2,\"name\":\"Warehouse\"}},"
                  "\"message\":\"Workspace context updated.\"}");
    assert_holds(call("GET", "/workspace/members", "ann", NULL)->body,
                 "\"id\":\"bob\",\"name\":null,\"email\":null,"
                 "\"role\":\"owner\"");
    /* no access: 403, whether it exists or not */
    assert_answer(call("PATCH", "/workspace-context/1", "bob", NULL), 403,
                  UNSEEN);
    assert_answer(call("PATCH", "/workspace-context/9", "bob", NULL), 403,
                  UNSEEN);
    assert_status(call("PATCH", "/workspace-context/x", "bob", NULL), 404);
    /* another one stays */
    static const char cleared[] =
        "{\"message\":\"Workspace context cleared.\"}";
    assert_answer(call("DELETE", "/workspace-context/1", "ann", NULL), 200,
                  cleared);
    assert_answer(call("DELETE", "/workspace-context/9", "ann", NULL), 200,
                  cleared);
    assert_status(call("GET", "/workspace/members", "ann", NULL), 200);
    assert_answer(call("DELETE", "/workspace-context/2", "ann", NULL), 200,
                  cleared);
    assert_answer(call("GET", "/workspace/members", "ann", NULL), 422,
                  NO_WORKSPACE);
    assert_int_equal(redis_number("SISMEMBER wsp:{62}:acme:w:2:c ann"), 0);
    assert_int_equal(redis_number("SISMEMBER wsp:{62}:acme:w:2:c bob"), 1);
    assert_answer(call("DELETE", "/workspace-context", "bob", NULL), 200,
                  cleared);
    assert_answer(call("DELETE", "/workspace-context", "bob", NULL), 200,
                  cleared);
    assert_answer(call("GET", "/workspace/roles", "bob", NULL), 422,
                  NO_WORKSPACE);
    assert_int_equal(redis_mentions("active", 6), 0);
    /* membership is not touched */
    assert_status(call("GET", "/workspaces/2", "ann", NULL), 200);
}

static void who_is_removed_has_no_context(void **state) {
    (void) state;
    make("ann", "A");
    add_member(d, "1", "ann", "bob", "[\"member\"]");
    assert_status(call("PATCH", "/workspace-context/1", "bob", NULL), 200);
    assert_status(call("GET", "/workspace/roles", "bob", NULL), 200);
    assert_answer(call("DELETE", "/workspace/members/bob", "ann", NULL), 200,
                  "{\"message\":\"Member removed from workspace.\"}");
    assert_answer(call("GET", "/workspace/roles", "bob", NULL), 422,
                  NO_WORKSPACE);
    assert_answer(call("PATCH", "/workspace-context/1", "bob", NULL), 403,
                  UNSEEN);
}

static void who_views_all_reads_and_never_writes(void **state) {
    (void) state;
    make("ann", "A");
    add_member(d, "1", "ann", "bob", "[\"member\"]");
    assert_status(call("PATCH", "/workspace-context/1", "auditor", NULL),
                  200);
    assert_status(call("GET", "/workspace/members", "auditor", NULL), 200);
    assert_status(call("GET", "/workspace/roles", "auditor", NULL), 200);
    assert_status(call_in("1", "GET", "/workspace/members", "auditor", NULL),
                  200);
    const char *before = redis_digest();
    static const struct {
        const char *method, *path, *body;
    } writes[] = {
        { "PATCH", "/workspace/members/bob/role", "{\"role\":\"viewer\"}" },
        { "DELETE", "/workspace/members/bob", NULL },
        { "POST", "/workspace/roles",
          "{\"name\":\"a\",\"display_name\":\"A\",\"permissions\":"
          "[\"x:y\"]}" },
        { "POST", "/workspace/invitations", "{\"email\":\"a@b.c\"}" },
        { "GET", "/workspace/invitations", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(writes); i++) {
        assert_answer(call(writes[i].method, writes[i].path, "auditor",
                           writes[i].body), 403, UNSEEN);
    }
    assert_status(call("PATCH",
                       "/document-subtypes/B01/workspace/1/set-preferred",
                       "auditor", NULL), 404);
    assert_status(call("POST", "/workspaces/1/transfer-ownership", "auditor",
                       "{\"user_id\":\"bob\"}"), 404);
    assert_string_equal(before, redis_digest());
    /* who may not any more has lost it, context or not */
    assert_answer(driver_ask(d, (struct ask) {
                      .dialect = WSP_LOCATION, .path = "/workspace/members",
                      .user = "auditor" }), 403, UNSEEN);
}

static void the_header_names_the_workspace_of_a_request(void **state) {
    (void) state;
    make("ann", "A");
    make("bob", "B");
    make("ann", "C");
    assert_holds(call_in("1", "GET", "/workspace/members", "ann", NULL)->body,
                 "\"id\":\"ann\"");
    static const char *const wrong[] = {
        "", "0", "-1", "+1", "01", "1.0", "1 ", "1,3", "1, 1", "x",
        "9007199254740993", "99999999999999999999", "0x1",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_answer(call_in(wrong[i], "GET", "/workspace/members", "ann",
                              NULL), 422,
                      "{\"message\":\"X-Workspace-ID must be the id of one "
                      "workspace\",\"errors\":{\"X-Workspace-ID\":"
                      "[\"X-Workspace-ID must be the id of one "
                      "workspace\"]}}");
    }
    assert_status(driver_ask(d, (struct ask) {
                      .dialect = WSP_LOCATION, .path = "/workspace/members",
                      .headers = { "X-Workspace-ID", "1", "x-workspace-id",
                                   "1" } }),
                  422);
    /* never the current one in its place */
    assert_answer(call_in("2", "GET", "/workspace/members", "ann", NULL), 403,
                  UNSEEN);
    assert_answer(call_in("9", "GET", "/workspace/members", "ann", NULL), 403,
                  UNSEEN);
    assert_status(call_in("9", "GET", "/workspace/members", "root", NULL),
                  403);
    assert_status(call_in("2", "GET", "/workspace/members", "root", NULL),
                  200);
    /* it does not change what is current */
    assert_status(call_in("1", "DELETE", "/workspace-context/1", "ann", NULL),
                  200);
    make("ann", "D");
    assert_status(call("POST", "/workspace/roles", "ann",
                       "{\"name\":\"a\",\"display_name\":\"A\","
                       "\"permissions\":[\"x:y\"]}"), 201);
    assert_lacks(call_in("1", "GET", "/workspace/roles", "ann", NULL)->body,
                 "\"name\":\"a\"");
    assert_holds(call_in("4", "GET", "/workspace/roles", "ann", NULL)->body,
                 "\"name\":\"a\"");
}

/* -- members */

static void members_have_one_role_here(void **state) {
    (void) state;
    make("ann", "A");
    d->wall_ms += 1000;
    add_member(d, "1", "ann", "2", "[\"user\",\"member\"]");
    add_member(d, "1", "ann", "3", "[\"member\",\"admin\"]");
    assert_answer(call("PATCH", "/workspace/members/2/role", "ann",
                       "{\"role\":\"viewer\"}"), 200,
                  "{\"message\":\"Member role updated successfully.\"}");
    d->wall_ms -= 1000;
    assert_answer(call("GET", "/workspace/members", "ann", NULL), 200,
                  "{\"data\":[{\"id\":\"ann\",\"name\":null,\"email\":null,"
                  "\"role\":\"owner\",\"added_at\":" NOW "},"
                  "{\"id\":2,\"name\":null,\"email\":null,\"role\":"
                  "\"viewer\",\"added_at\":\"2025-01-01T00:00:01Z\"},"
                  "{\"id\":3,\"name\":null,\"email\":null,\"role\":"
                  "\"admin\",\"added_at\":\"2025-01-01T00:00:01Z\"}]}");
    /* all of the old ones are replaced */
    assert_holds(driver_ask(d, (struct ask) { .path = "/1/members",
                                              .user = "ann" })->body,
                 "\"user\":\"2\",\"roles\":[\"viewer\"]");
    assert_status(call("PUT", "/workspace/members/2/role/", "3",
                       "{\"role\":\"member\"}"), 422);
    assert_status(call_in("1", "PUT", "/workspace/members/2/role", "3",
                          "{\"role\":\"member\"}"), 200);
    assert_answer(call_in("1", "PUT", "/workspace/members/3/role", "2",
                          "{\"role\":\"member\"}"), 403, UNSEEN);
    assert_answer(call("PUT", "/workspace/members/9/role", "ann",
                       "{\"role\":\"member\"}"), 404,
                  "{\"message\":\"not a member\"}");
    assert_status(call("DELETE", "/workspace/members/9", "ann", NULL), 404);
}

static void the_owner_stays(void **state) {
    (void) state;
    make("ann", "A");
    add_member(d, "1", "ann", "bob", "[\"admin\"]");
    static const char refused[] =
        "{\"message\":\"You cannot remove the workspace owner. Transfer "
        "ownership first if needed.\",\"errors\":{\"member\":[\"You cannot "
        "remove the workspace owner. Transfer ownership first if "
        "needed.\"]}}";
    assert_answer(call_in("1", "DELETE", "/workspace/members/ann", "bob",
                          NULL), 422, refused);
    assert_answer(call("DELETE", "/workspace/members/ann", "ann", NULL), 422,
                  refused);
    const struct answer *got = call("PATCH", "/workspace/members/ann/role",
                                    "ann", "{\"role\":\"viewer\"}");
    assert_status(got, 422);
    assert_holds(got->body, "\"errors\":{\"member\":[");
    /* he is an admin already */
    assert_status(call("PATCH", "/workspace/members/ann/role", "ann",
                       "{\"role\":\"admin\"}"), 200);
    assert_holds(call("GET", "/workspace/members", "ann", NULL)->body,
                 "\"role\":\"owner\"");
    /* another admin may leave */
    assert_status(call_in("1", "DELETE", "/workspace/members/bob", "bob",
                          NULL), 200);
    assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1:n admin"), 1);
}

static void ownership_is_handed_to_a_member(void **state) {
    (void) state;
    make("ann", "A");
    add_member(d, "1", "ann", "8", "[\"viewer\"]");
    add_member(d, "1", "ann", "bob", "[\"admin\"]");
    static const char to_8[] = "{\"user_id\":8}";
    static const char path[] = "/workspaces/1/transfer-ownership";
    assert_answer(call("POST", path, "bob", to_8), 403, UNSEEN);
    assert_status(call("POST", path, "eve", to_8), 404);
    assert_answer(call("POST", path, "ann", "{\"user_id\":\"eve\"}"), 422,
                  "{\"message\":\"the new owner must be a member of the "
                  "workspace\",\"errors\":{\"user_id\":[\"the new owner must "
                  "be a member of the workspace\"]}}");
    const struct answer *got = call("POST", path, "ann", to_8);
    assert_answer(got, 200,
                  "{\"data\":{\"id\":1,\"name\":\"A\",\"owner_id\":8,"
                  "\"updated_at\":" NOW "},"
                  "\"message\":\"Ownership transferred successfully.\"}");
    got = call("GET", "/workspace/members", "ann", NULL);
    assert_holds(got->body, "\"id\":\"ann\",\"name\":null,\"email\":null,"
                            "\"role\":\"admin\"");
    assert_holds(got->body, "\"id\":8,\"name\":null,\"email\":null,"
                            "\"role\":\"owner\"");
    assert_holds(list("8", NULL)->body, "\"is_owner\":true");
    /* the right went with it */
    assert_answer(call("POST", path, "ann", "{\"user_id\":\"ann\"}"), 403,
                  UNSEEN);
    assert_status(call_in("1", "DELETE", "/workspace/members/ann", "8", NULL),
                  200);
    /* and who owns it already keeps it */
    assert_status(call("POST", path, "root", "{\"user_id\":\"8\"}"), 200);
    assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1:n admin"), 2);
}

/* -- roles */

static void roles_are_made_changed_and_deleted(void **state) {
    (void) state;
    make("ann", "A");
    add_member(d, "1", "ann", "bob", "[\"member\"]");
    assert_answer(call_in("1", "GET", "/workspace/roles", "bob", NULL), 200,
                  "{\"data\":[{\"id\":1,\"name\":\"admin\",\"display_name\":"
                  "\"Administrator\",\"permissions\":[\"*:*\"]},"
                  "{\"id\":2,\"name\":\"member\",\"display_name\":"
                  "\"Member\",\"permissions\":[\"*:view\",\"*:read\","
                  "\"*:create\",\"*:edit\",\"*:update\"]},"
                  "{\"id\":3,\"name\":\"viewer\",\"display_name\":"
                  "\"Viewer\",\"permissions\":[\"*:view\",\"*:read\"]}]}");
    static const char role[] =
        "{\"name\":\"sales_rep\",\"display_name\":\"Sales Representative\","
        "\"permissions\":[\"invoices:view\",\"quotations:create\","
        "\"invoices:view\"]}";
    const struct answer *got = call("POST", "/workspace/roles", "ann", role);
    assert_answer(got, 201,
                  "{\"data\":{\"id\":11,\"name\":\"sales_rep\","
                  "\"display_name\":\"Sales Representative\",\"permissions\":"
                  "[\"invoices:view\",\"quotations:create\"]},"
                  "\"message\":\"Role created successfully.\"}");
    got = call("POST", "/workspace/roles", "ann", role);
    assert_status(got, 422);
    assert_holds(got->body, "\"errors\":{\"name\":[");
    assert_answer(call_in("1", "POST", "/workspace/roles", "bob", role), 403,
                  UNSEEN);
    got = call("PATCH", "/workspace/roles/11", "ann",
               "{\"permissions\":[\"products:*\"]}");
    assert_answer(got, 200,
                  "{\"data\":{\"id\":11,\"name\":\"sales_rep\","
                  "\"display_name\":\"Sales Representative\",\"permissions\":"
                  "[\"products:*\"]},"
                  "\"message\":\"Role updated successfully.\"}");
    got = call("PUT", "/workspace/roles/11", "ann",
               "{\"name\":\"sales_rep\",\"display_name\":\"Sales\"}");
    assert_holds(got->body, "\"display_name\":\"Sales\",\"permissions\":"
                            "[\"products:*\"]");
    got = call("PUT", "/workspace/roles/11", "ann", "{\"name\":\"other\"}");
    assert_status(got, 422);
    assert_holds(got->body, "\"errors\":{\"name\":[");
    /* held by one, it stays until he is given another */
    assert_status(call("PATCH", "/workspace/members/bob/role", "ann",
                       "{\"role\":\"sales_rep\"}"), 200);
    assert_holds(call("GET", "/workspace/members", "ann", NULL)->body,
                 "\"id\":\"bob\",\"name\":null,\"email\":null,"
                 "\"role\":\"sales_rep\"");
    got = call("DELETE", "/workspace/roles/11", "ann", NULL);
    assert_status(got, 422);
    assert_holds(got->body, "1 member");
    assert_holds(got->body, "\"errors\":{\"role\":[");
    struct ask reassign = { .dialect = WSP_LOCATION, .method = "DELETE",
                            .path = "/workspace/roles/11", .user = "ann" };
    static const char *const wrong[] = {
        "reassign_to=sales_rep", "reassign_to=nothing", "reassign_to=a%20b",
        "reassign_to=", "reassign_to=viewer&reassign_to=viewer",
        "reassign_to=owner",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        reassign.query = wrong[i];
        got = driver_ask(d, reassign);
        assert_status(got, 422);
        assert_holds(got->body, "\"errors\":{\"reassign_to\":[");
    }
    reassign.query = "reassign_to=%zz";
    assert_status(driver_ask(d, reassign), 400);
    reassign.query = "reassign_to=viewer";
    assert_answer(driver_ask(d, reassign), 200,
                  "{\"message\":\"Role deleted successfully.\"}");
    assert_holds(call("GET", "/workspace/members", "ann", NULL)->body,
                 "\"role\":\"viewer\"");
    assert_status(call("DELETE", "/workspace/roles/11", "ann", NULL), 404);
}

static void built_in_and_foreign_roles_are_out_of_reach(void **state) {
    (void) state;
    make("ann", "A");
    make("bob", "B");
    static const char role[] =
        "{\"name\":\"x\",\"display_name\":\"X\",\"permissions\":[\"x:y\"]}";
    assert_status(call("POST", "/workspace/roles", "bob", role), 201);
    const char *before = redis_digest();
    for (int id = 1; id <= 3; id++) {
        char path[64];
        snprintf(path, sizeof path, "/workspace/roles/%d", id);
        assert_answer(call("PATCH", path, "ann",
                           "{\"display_name\":\"Y\"}"), 403, UNSEEN);
        assert_answer(call("DELETE", path, "ann", NULL), 403, UNSEEN);
    }
    static const char *const others[] = { "11", "4", "0", "-1", "x", "011",
                                          "99999999999999999999", "sales" };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        char path[64];
        snprintf(path, sizeof path, "/workspace/roles/%s", others[i]);
        assert_status(call("PUT", path, "ann", "{\"display_name\":\"Y\"}"),
                      404);
        assert_status(call("DELETE", path, "ann", NULL), 404);
    }
    assert_string_equal(before, redis_digest());
    const struct answer *got = call("PATCH", "/workspace/members/ann/role",
                                    "ann", "{\"role\":\"x\"}");
    assert_status(got, 422);
    assert_holds(got->body, "\"errors\":{\"role\":[");
}

/* The same path and body in another workspace is another request. */
static void a_key_is_bound_to_the_workspace_of_the_header(void **state) {
    (void) state;
    make("ann", "A");
    make("ann", "B");
    struct ask ask = { .dialect = WSP_LOCATION, .method = "POST",
                       .path = "/workspace/roles", .user = "ann",
                       .body = "{\"name\":\"a\",\"display_name\":\"A\","
                               "\"permissions\":[\"x:y\"]}",
                       .headers = { "X-Workspace-ID", "1",
                                    "Idempotency-Key", "k" } };
    const struct answer *first = driver_ask(d, ask);
    assert_status(first, 201);
    assert_answer(driver_ask(d, ask), 201, first->body);
    ask.headers[1] = "2";
    assert_answer(driver_ask(d, ask), 422,
                  "{\"message\":\"this Idempotency-Key was used for another "
                  "request\"}");
    /* who may not any more gets no answer again */
    add_member(d, "1", "ann", "bob", "[\"admin\"]");
    assert_status(call("POST", "/workspaces/1/transfer-ownership", "ann",
                       "{\"user_id\":\"bob\"}"), 200);
    assert_status(call_in("1", "DELETE", "/workspace/members/ann", "bob",
                          NULL), 200);
    ask.headers[1] = "1";
    assert_answer(driver_ask(d, ask), 403, UNSEEN);
}

/* -- preferred document subtypes */

static void a_workspace_prefers_one_subtype_of_a_type(void **state) {
    (void) state;
    make("ann", "A");
    add_member(d, "1", "ann", "bob", "[\"admin\"]");
    add_member(d, "1", "ann", "cid", "[\"member\"]");
    static const char b01[] =
        "/document-subtypes/B01/workspace/1/set-preferred";
    static const char b02[] =
        "/document-subtypes/2/workspace/1/set-preferred";
    assert_answer(call("PATCH", b01, "bob", NULL), 200,
                  "{\"message\":\"Preferred document subtype updated.\"}");
    assert_holds(call("GET", "/workspaces/1", "cid", NULL)->body,
                 "\"settings\":{\"preferred_document_subtypes\":"
                 "{\"invoice\":\"B01\"}}");
    assert_status(call("PATCH", b02, "ann",
                       "{\"document_type\":\"credit_note\"}"), 200);
    assert_holds(call("GET", "/workspaces/1", "cid", NULL)->body,
                 "{\"invoice\":\"B01\",\"credit_note\":\"2\"}");
    assert_status(call("PATCH", b02, "root", "{}"), 200);
    const struct answer *got = call("GET", "/workspaces/1", "cid", NULL);
    assert_holds(got->body, "{\"invoice\":\"2\",\"credit_note\":\"2\"}");
    assert_string_equal(answer_header(got, "ETag"), "\"6\"");
    assert_answer(call("PATCH", b01, "cid", NULL), 403, UNSEEN);
    assert_status(call("PATCH", b01, "eve", NULL), 404);
    assert_status(call("PATCH",
                       "/document-subtypes/B01/workspace/9/set-preferred",
                       "ann", NULL), 404);
}

/* -- errors */

/* Those that the driver finds out by itself. */
static void errors_of_the_driver_have_the_shape(void **state) {
    (void) state;
    static const struct {
        unsigned status;
        const char *body;
    } cases[] = {
        { 401, "{\"message\":\"Unauthenticated.\"}" },
        { 403, UNSEEN },
        { 404, "{\"message\":\"not found\"}" },
        { 413, "{\"message\":\"the body is too large\"}" },
        { 429, "{\"message\":\"Too Many Attempts.\"}" },
        { 500, "{\"message\":\"internal error\"}" },
        { 503, "{\"message\":\"temporarily unavailable\"}" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        wsp_op *op;
        assert_int_equal(wsp_op_new_error(&op, d->core, WSP_LOCATION,
                                          cases[i].status,
                                          (wsp_str) { "r", 1 }), WSP_OK);
        const wsp_response *made = wsp_op_response(op);
        assert_int_equal(made->status, cases[i].status);
        char *body = strndup(made->body.data, made->body.len);
        assert_string_equal(body, cases[i].body);
        free(body);
        wsp_op_free(op);
    }
}

/* -- several at once */

enum { MANY = 100 };

static void of_many_with_one_name_one_is_made(void **state) {
    (void) state;
    struct driver *other = driver_new((struct driver_options) { 0 });
    driver_until_log(other, "ready");
    struct flight *flights[MANY];
    char users[MANY][16];
    for (int i = 0; i < MANY; i++) {
        snprintf(users[i], sizeof users[i], "u%d", i);
        flights[i] = driver_start(
            i % 2 ? d : other,
            (struct ask) { .dialect = WSP_LOCATION, .method = "POST",
                           .path = "/workspaces", .user = users[i],
                           .body = "{\"name\":\"Main Store\"}" });
    }
    int made = 0;
    for (int i = 0; i < MANY; i++) {
        const struct answer *got = driver_wait(i % 2 ? d : other, flights[i]);
        assert_true(got->status == 201 || got->status == 422);
        made += got->status == 201;
    }
    assert_int_equal(made, 1);
    assert_int_equal(redis_number("ZCARD wsp:{62}:acme:ws"), 1);
    /* who was refused has no context either */
    assert_int_equal(redis_mentions("active", 6), 1);
    driver_free(other);
}

/* What a worker has not heard of yet may be shown, and not be acted upon. */
static void a_change_is_made_where_the_context_is_now(void **state) {
    (void) state;
    struct driver *other = driver_new(
        (struct driver_options) { .cache_size = 1 << 20,
                                  .max_stale_ms = 1000 });
    driver_until_log(other, "tracking link is ready");
    struct ask ask = { .dialect = WSP_LOCATION, .method = "GET",
                       .path = "/workspace/roles", .user = "ann" };
    make("ann", "A");
    make("ann", "B");
    driver_hear(other);
    other->stopped_clock = true;    /* the cache is used, however slow */
    assert_lacks(driver_ask(other, ask)->body, "clerk");
    other->tracking.frozen = true;
    assert_status(call("PATCH", "/workspace-context/1", "ann", NULL), 200);
    ask.method = "POST";
    ask.body = "{\"name\":\"clerk\",\"display_name\":\"Clerk\","
               "\"permissions\":[\"a:b\"]}";
    assert_status(driver_ask(other, ask), 201);
    assert_int_equal(redis_number("HEXISTS wsp:{62}:acme:w:1:r clerk"), 1);
    assert_int_equal(redis_number("HEXISTS wsp:{62}:acme:w:2:r clerk"), 0);
    driver_free(other);
}

static void of_two_transfers_at_once_one_is_made(void **state) {
    (void) state;
    struct driver *other = driver_new((struct driver_options) { 0 });
    driver_until_log(other, "ready");
    bool refused = false;
    for (int turns = 0; turns < 40; turns++) {
        empty(NULL);
        make("ann", "A");
        add_member(d, "1", "ann", "bob", "[\"member\"]");
        add_member(d, "1", "ann", "cid", "[\"member\"]");
        struct ask to_bob = { .dialect = WSP_LOCATION, .method = "POST",
                              .path = "/workspaces/1/transfer-ownership",
                              .user = "ann", .body = "{\"user_id\":\"bob\"}" };
        struct ask to_cid = to_bob;
        to_cid.body = "{\"user_id\":\"cid\"}";
        struct flight *first = driver_start(other, to_bob);
        for (int i = 0; i < turns && !first->done; i++) {
            driver_turn(other, 5);
        }
        bool ended = first->done;
        unsigned second = driver_ask(d, to_cid)->status;
        unsigned status = driver_wait(other, first)->status;
        assert_true((status == 200 && second == 403) ||
                    (status == 403 && second == 200));
        refused = refused || status == 403;
        assert_string_equal(redis_text("HGET wsp:{62}:acme:w:1 owner"),
                            status == 200 ? "bob" : "cid");
        assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1:n admin"), 2);
        driver_forget(other);
        if (ended) {
            break;
        }
    }
    assert_true(refused);
    driver_free(other);
}

/* The owner hands over while the new owner is being removed. */
static void an_owner_is_always_a_member(void **state) {
    (void) state;
    struct driver *other = driver_new((struct driver_options) { 0 });
    driver_until_log(other, "ready");
    for (int turns = 0; turns < 40; turns++) {
        empty(NULL);
        make("ann", "A");
        add_member(d, "1", "ann", "bob", "[\"member\"]");
        add_member(d, "1", "ann", "cid", "[\"admin\"]");
        struct flight *hands = driver_start(
            other, (struct ask) { .dialect = WSP_LOCATION, .method = "POST",
                                  .path = "/workspaces/1/transfer-ownership",
                                  .user = "ann",
                                  .body = "{\"user_id\":\"bob\"}" });
        for (int i = 0; i < turns && !hands->done; i++) {
            driver_turn(other, 5);
        }
        bool ended = hands->done;
        unsigned removed = call_in("1", "DELETE", "/workspace/members/bob",
                                   "cid", NULL)->status;
        unsigned handed = driver_wait(other, hands)->status;
        assert_true((handed == 200 && removed == 422) ||
                    (handed == 422 && removed == 200));
        assert_int_equal(
            redis_number("HEXISTS wsp:{62}:acme:w:1:m %s",
                         redis_text("HGET wsp:{62}:acme:w:1 owner")), 1);
        driver_forget(other);
        if (ended) {
            break;
        }
    }
    driver_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(
            creating_makes_an_owner_and_the_current_workspace, empty),
        cmocka_unit_test_setup(a_name_is_given_once_in_a_tenant, empty),
        cmocka_unit_test_setup(what_is_given_is_checked, empty),
        cmocka_unit_test_setup(the_list_shows_what_the_caller_may_see, empty),
        cmocka_unit_test_setup(pages_are_told_as_laravel_does, empty),
        cmocka_unit_test_setup(many_pages_are_named_around_the_current_one,
                               empty),
        cmocka_unit_test_setup(a_page_costs_what_it_shows, empty),
        cmocka_unit_test_setup(a_page_is_a_number_in_its_bounds, empty),
        cmocka_unit_test_setup(very_many_are_listed_by_pages, empty),
        cmocka_unit_test_setup(one_workspace_is_shown_with_its_members,
                               empty),
        cmocka_unit_test_setup(a_name_that_cannot_be_shown_is_not_kept,
                               empty),
        cmocka_unit_test_setup(only_the_owner_updates, empty),
        cmocka_unit_test_setup(the_context_is_switched_and_cleared, empty),
        cmocka_unit_test_setup(who_is_removed_has_no_context, empty),
        cmocka_unit_test_setup(who_views_all_reads_and_never_writes, empty),
        cmocka_unit_test_setup(the_header_names_the_workspace_of_a_request,
                               empty),
        cmocka_unit_test_setup(members_have_one_role_here, empty),
        cmocka_unit_test_setup(the_owner_stays, empty),
        cmocka_unit_test_setup(ownership_is_handed_to_a_member, empty),
        cmocka_unit_test_setup(roles_are_made_changed_and_deleted, empty),
        cmocka_unit_test_setup(built_in_and_foreign_roles_are_out_of_reach,
                               empty),
        cmocka_unit_test_setup(a_key_is_bound_to_the_workspace_of_the_header,
                               empty),
        cmocka_unit_test_setup(a_workspace_prefers_one_subtype_of_a_type,
                               empty),
        cmocka_unit_test_setup(errors_of_the_driver_have_the_shape, empty),
        cmocka_unit_test_setup(of_many_with_one_name_one_is_made, empty),
        cmocka_unit_test_setup(a_change_is_made_where_the_context_is_now,
                               empty),
        cmocka_unit_test_setup(of_two_transfers_at_once_one_is_made, empty),
        cmocka_unit_test_setup(an_owner_is_always_a_member, empty),
    };
    return cmocka_run_group_tests(tests, open_driver, close_driver);
}
