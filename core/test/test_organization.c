/* The organization dialect: what each call answers, and what it leaves. */
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
    d->wall_ms = 1735689600000;     /* 2025-01-01 */
    d->stopped_clock = true;
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

static const struct answer *ask(struct ask asked) {
    asked.dialect = WSP_ORGANIZATION;
    return driver_ask(d, asked);
}

static const struct answer *call(const char *method, const char *path,
                                 const char *user, const char *body) {
    return ask((struct ask) { .method = method, .path = path, .user = user,
                              .body = body });
}

static const struct answer *root(const char *method, const char *path,
                                 const char *body) {
    return ask((struct ask) { .method = method, .path = path, .user = "root",
                              .admin = "1", .body = body });
}

/* Its path, "/workspaces/ID"; static, for 8 calls. */
static const char *make(const char *user, const char *name) {
    static char paths[8][40];
    static unsigned which;
    char body[512], id[24];
    snprintf(body, sizeof body,
             "{\"name\":\"%s\",\"organization_id\":\"acme\"}", name);
    const struct answer *got = call("POST", "/workspaces", user, body);
    assert_status(got, 201);
    const char *at = strstr(got->body, "{\"id\":");
    assert_int_equal(sscanf(at, "{\"id\":%20[0-9]", id), 1);
    char *path = paths[which++ % 8];
    snprintf(path, sizeof paths[0], "/workspaces/%s", id);
    return path;
}

/* code, field (NULL: no details) and a part of the message */
static void assert_error(const struct answer *got, unsigned status,
                         const char *code, const char *field,
                         const char *message) {
    char part[512];
    assert_status(got, status);
    snprintf(part, sizeof part, "{\"error\":{\"code\":\"%s\",\"message\":\"",
             code);
    assert_holds(got->body, part);
    assert_holds(got->body, message);
    if (field != NULL) {
        snprintf(part, sizeof part, "\"details\":{\"field\":\"%s\",", field);
        assert_holds(got->body, part);
    } else {
        assert_lacks(got->body, "details");
    }
    assert_holds(got->body, "\"timestamp\":\"2025-01-01T00:00:0");
}

static void each_call_answers_in_its_envelope(void **state) {
    (void) state;
    const struct answer *got =
        call("POST", "/workspaces", "ann",
             "{\"name\":\"Big Sales!\",\"organization_id\":\"acme\"}");
    assert_status(got, 201);
    assert_body(got,
                "{\"success\":true,\"data\":{\"workspace\":{\"id\":1,"
                "\"name\":\"Big Sales!\",\"slug\":\"big-sales\","
                "\"organization_id\":\"acme\"},\"message\":"
                "\"Workspace created successfully\"},\"message\":"
                "\"Workspace created successfully\"}");
    assert_string_equal(answer_header(got, "ETag"), "\"1\"");
    got = call("GET", "/workspaces/1", "ann", NULL);
    assert_status(got, 200);
    assert_body(got,
                "{\"success\":true,\"data\":{\"workspace\":{\"id\":1,"
                "\"name\":\"Big Sales!\",\"slug\":\"big-sales\","
                "\"organization_id\":\"acme\",\"is_default\":false},"
                "\"message\":\"Workspace retrieved successfully\"},"
                "\"message\":\"Workspace retrieved successfully\"}");
    got = call("GET", "/workspaces", "ann", NULL);
    assert_body(got,
                "{\"success\":true,\"data\":{\"workspaces\":[{\"id\":1,"
                "\"name\":\"Big Sales!\",\"slug\":\"big-sales\","
                "\"organization_id\":\"acme\",\"is_default\":false}],"
                "\"total_count\":1,\"message\":\"Workspaces listed "
                "successfully\"},\"message\":\"Workspaces listed "
                "successfully\"}");
    got = call("PUT", "/workspaces/1", "ann", "{\"name\":\"Small\"}");
    assert_body(got,
                "{\"success\":true,\"data\":{\"workspace\":{\"id\":1,"
                "\"name\":\"Small\",\"updated_at\":"
                "\"2025-01-01T00:00:00.000Z\"},\"message\":\"Workspace "
                "updated successfully\"},\"message\":\"Workspace updated "
                "successfully\"}");
    assert_string_equal(answer_header(got, "ETag"), "\"2\"");
    got = call("POST", "/workspaces/1/clone", "ann", "{\"name\":\"Copy\"}");
    assert_status(got, 200);
    assert_body(got,
                "{\"success\":true,\"data\":{\"workspace\":{\"id\":2,"
                "\"name\":\"Copy\",\"slug\":\"copy\",\"organization_id\":"
                "\"acme\",\"source_workspace_id\":1},\"message\":"
                "\"Workspace cloned successfully\"},\"message\":"
                "\"Workspace cloned successfully\"}");
    got = root("POST", "/workspaces/provision",
               "{\"organization_id\":\"acme\",\"workspaces\":"
               "[{\"name\":\"P1\"},{\"name\":\"P2\"}]}");
    assert_status(got, 201);
    assert_body(got,
                "{\"success\":true,\"data\":{\"workspaces\":[{\"id\":3,"
                "\"name\":\"P1\",\"slug\":\"p1\",\"organization_id\":"
                "\"acme\"},{\"id\":4,\"name\":\"P2\",\"slug\":\"p2\","
                "\"organization_id\":\"acme\"}],\"total_count\":2,"
                "\"message\":\"Workspaces provisioned successfully\"},"
                "\"message\":\"Workspaces provisioned successfully\"}");
    got = call("DELETE", "/workspaces/1", "ann", NULL);
    assert_body(got,
                "{\"success\":true,\"data\":{\"message\":\"Workspace "
                "deleted successfully\"},\"message\":\"Workspace deleted "
                "successfully\"}");
    assert_null(answer_header(got, "ETag"));
    assert_error(call("GET", "/workspaces/1", "ann", NULL), 404,
                 "RESOURCE_NOT_FOUND", NULL, "workspace not found");
}

static void a_number_is_shown_as_a_number(void **state) {
    (void) state;
    struct ask asked = { .method = "POST", .tenant = "42",
                         .path = "/workspaces",
                         .body = "{\"name\":\"A\",\"organization_id\":42}" };
    assert_holds(ask(asked)->body, "\"organization_id\":42}");
    asked.body = "{\"name\":\"B\",\"organization_id\":\"42\"}";
    assert_status(ask(asked), 201);
    /* but not what is none in its one spelling */
    asked.tenant = "042";
    asked.body = "{\"name\":\"A\",\"organization_id\":42}";
    assert_error(ask(asked), 404, "RESOURCE_NOT_FOUND", "organization_id",
                 "organization not found");
    asked.body = "{\"name\":\"A\",\"organization_id\":\"042\"}";
    assert_holds(ask(asked)->body, "\"organization_id\":\"042\"}");
}

static void the_organization_is_the_callers_own(void **state) {
    (void) state;
    static const struct {
        const char *body, *field, *code;
        unsigned status;
    } cases[] = {
        { "{\"name\":\"A\"}", "organization_id", "VALIDATION_ERROR", 400 },
        { "{\"name\":\"A\",\"organization_id\":null}", "organization_id",
          "VALIDATION_ERROR", 400 },
        { "{\"name\":\"A\",\"organization_id\":1.0}", "organization_id",
          "VALIDATION_ERROR", 400 },
        { "{\"name\":\"A\",\"organization_id\":[\"acme\"]}",
          "organization_id", "VALIDATION_ERROR", 400 },
        { "{\"name\":\"A\",\"organization_id\":\"globex\"}",
          "organization_id", "RESOURCE_NOT_FOUND", 404 },
        { "{\"name\":\"A\",\"organization_id\":\"Acme\"}",
          "organization_id", "RESOURCE_NOT_FOUND", 404 },
        { "{\"name\":\"A\",\"organization_id\":7}", "organization_id",
          "RESOURCE_NOT_FOUND", 404 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_error(call("POST", "/workspaces", "ann", cases[i].body),
                     cases[i].status, cases[i].code, cases[i].field, "");
    }
    assert_int_equal(redis_number("EXISTS wsp:{62}:acme:ws"), 0);
    /* where the path names it, the body need not */
    assert_status(call("POST", "/organizations/acme/workspaces", "ann",
                       "{\"name\":\"A\"}"), 201);
    assert_error(call("POST", "/organizations/acme/workspaces", "ann",
                      "{\"name\":\"B\",\"organization_id\":\"globex\"}"),
                 404, "RESOURCE_NOT_FOUND", "organization_id", "");
    static const char *const paths[] = {
        "/organizations/globex/workspaces", "/organizations/globex",
        "/organizations/globex/workspaces/1",
        "/organizations/globex/workspaces/1/settings",
    };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        assert_error(call("GET", paths[i], "ann", NULL), 404,
                     "RESOURCE_NOT_FOUND", NULL, "organization not found");
    }
}

static void both_bases_do_the_same(void **state) {
    (void) state;
    make("ann", "One");
    static const char *const reads[] = { "", "?limit=1", "/1",
                                         "/1/settings" };
    for (size_t i = 0; i < COUNT_OF(reads); i++) {
        char a[128], b[128];
        const char *query = strchr(reads[i], '?');
        int len = query ? (int) (query - reads[i]) : (int) strlen(reads[i]);
        snprintf(a, sizeof a, "/workspaces%.*s", len, reads[i]);
        snprintf(b, sizeof b, "/organizations/acme/workspaces%.*s", len,
                 reads[i]);
        struct ask first = { .path = a, .query = query ? query + 1 : NULL };
        struct ask second = { .path = b, .query = first.query };
        assert_status(ask(first), 200);
        assert_string_equal(ask(first)->body, ask(second)->body);
    }
    static const struct {
        const char *method, *path, *body;
        unsigned status;
    } writes[] = {
        { "PUT", "/1", "{\"name\":\"Two\"}", 200 },
        { "PUT", "/1/settings", "{\"a\":1}", 200 },
        { "POST", "/1/clone", "{\"name\":\"Three\"}", 200 },
        { "POST", "/provision", "{\"workspaces\":[{\"name\":\"Four\"}]}",
          201 },
        { "DELETE", "/1", NULL, 200 },
    };
    for (size_t i = 0; i < COUNT_OF(writes); i++) {
        char path[128];
        snprintf(path, sizeof path, "/organizations/acme/workspaces%s",
                 writes[i].path);
        struct ask asked = { .method = writes[i].method, .path = path,
                             .user = "ann", .body = writes[i].body,
                             .admin = "1" };
        assert_status(ask(asked), writes[i].status);
    }
    assert_int_equal(redis_number("ZCARD wsp:{62}:acme:ws"), 2);
}

static void slugs_are_made_of_names(void **state) {
    (void) state;
    static const struct {
        const char *name, *slug;
    } cases[] = {
        { "Sales", "sales" },
        { "  R & D -- 2 ", "r-d-2" },
        { "---a---", "a" },
        { "\\u00c4rzte Z\\u00fcrich", "rzte-z-rich" },
        { "100% a/b:c{d}", "100-a-b-c-d" },
        /* of these nothing is left, and the second is told apart */
        { "\\u65e5\\u672c", "workspace" },
        { "\\u4e2d\\u56fd", "workspace-7" },
        { "!", "workspace-8" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[256], wanted[128];
        snprintf(body, sizeof body,
                 "{\"name\":\"%s\",\"organization_id\":\"acme\"}",
                 cases[i].name);
        snprintf(wanted, sizeof wanted, "\"slug\":\"%s\"", cases[i].slug);
        const struct answer *got = call("POST", "/workspaces", "ann", body);
        assert_status(got, 201);
        assert_holds(got->body, wanted);
    }
    /* cut, and never at a hyphen */
    char name[256] = "", body[512];
    for (int i = 0; i < 127; i++) {
        strcat(name, "a ");
    }
    snprintf(body, sizeof body,
             "{\"name\":\"%s\",\"organization_id\":\"acme\"}", name);
    const struct answer *got = call("POST", "/workspaces", "ann", body);
    assert_status(got, 201);
    const char *slug = strstr(got->body, "\"slug\":\"") + 8;
    assert_int_equal(strcspn(slug, "\""), 99);
    assert_int_equal(slug[98], 'a');
}

static void names_and_slugs_are_unique(void **state) {
    (void) state;
    const char *sales = make("ann", "Sales");
    static const struct {
        const char *name, *message;
    } cases[] = {
        { "Sales", "this name is taken by another workspace" },
        { "sales", "the slug of this name is taken by another workspace" },
        { "SALES!", "the slug of this name is taken by another workspace" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[256];
        snprintf(body, sizeof body,
                 "{\"name\":\"%s\",\"organization_id\":\"acme\"}",
                 cases[i].name);
        /* whoever asks, and who cannot see the other */
        assert_error(call("POST", "/workspaces", "bob", body), 409,
                     "CONFLICT", "name", cases[i].message);
    }
    /* of another tenant they are free */
    assert_status(ask((struct ask) {
                      .method = "POST", .tenant = "globex",
                      .path = "/workspaces",
                      .body = "{\"name\":\"Sales\",\"organization_id\":"
                              "\"globex\"}" }), 201);
    const char *other = make("bob", "Other");
    assert_error(call("PUT", other, "bob", "{\"name\":\"Sales\"}"), 409,
                 "CONFLICT", "name",
                 "this name is taken by another workspace");
    /* its own name is no other's */
    assert_status(call("PUT", other, "bob", "{\"name\":\"Other\"}"), 200);
    /* the slug stays, and keeps its name from others */
    assert_status(call("PUT", sales, "ann", "{\"name\":\"Marketing\"}"), 200);
    assert_holds(call("GET", sales, "ann", NULL)->body,
                 "\"slug\":\"sales\"");
    assert_error(call("POST", "/workspaces", "bob",
                      "{\"name\":\"Sales\",\"organization_id\":\"acme\"}"),
                 409, "CONFLICT", "name", "the slug of this name");
    assert_status(call("DELETE", sales, "ann", NULL), 200);
    make("bob", "Sales");
    make("bob", "Marketing");
}

static void names_of_other_dialects_count(void **state) {
    (void) state;
    struct ask platform = { .method = "POST", .body = "{\"name\":\"X\"}" };
    assert_status(driver_ask(d, platform), 200);
    assert_status(driver_ask(d, platform), 200);
    assert_holds(call("GET", "/workspaces/1", "ann", NULL)->body,
                 "\"slug\":\"x\"");
    assert_holds(call("GET", "/workspaces/2", "ann", NULL)->body,
                 "\"slug\":\"x-2\"");
    assert_error(call("POST", "/workspaces", "bob",
                      "{\"name\":\"X\",\"organization_id\":\"acme\"}"), 409,
                 "CONFLICT", "name", "this name");
    /* one of two of the same name may keep it */
    assert_status(call("PUT", "/workspaces/2", "ann",
                       "{\"name\":\"X\",\"settings\":{}}"), 200);
    /* renamed and deleted there */
    assert_status(driver_ask(d, (struct ask) {
                      .method = "PUT", .path = "/1",
                      .body = "{\"name\":\"Y\"}" }), 200);
    assert_status(driver_ask(d, (struct ask) { .method = "DELETE",
                                               .path = "/2" }), 200);
    assert_status(call("PUT", "/workspaces/1", "ann", "{\"name\":\"X\"}"),
                  200);
    assert_holds(driver_ask(d, (struct ask) { .path = "/1" })->body,
                 "\"name\":\"X\"");
    assert_int_equal(redis_number("EXISTS wsp:{62}:acme:n:Y"), 0);
    assert_int_equal(redis_number("EXISTS wsp:{62}:acme:s:x-2"), 0);
    /* made here, seen there */
    make("ann", "Z");
    assert_holds(driver_ask(d, (struct ask) { .path = "/4" })->body,
                 "\"members\":[{\"user\":\"ann\",\"roles\":[\"admin\"]");
}

static void pages_show_what_one_may_see(void **state) {
    (void) state;
    for (int i = 0; i < 7; i++) {
        char name[16];
        snprintf(name, sizeof name, "W%d", i);
        make(i % 2 == 0 ? "ann" : "bob", name);
    }
    static const struct {
        const char *user, *admin, *query;
        const char *ids[8];
        int total;
    } cases[] = {
        { "ann", NULL, "", { "1", "3", "5", "7" }, 4 },
        { "bob", NULL, "limit=2", { "2", "4" }, 3 },
        { "bob", NULL, "limit=2&skip=2", { "6" }, 3 },
        { "bob", NULL, "skip=3", { NULL }, 3 },
        { "bob", NULL, "skip=9007199254740992", { NULL }, 3 },
        { "eve", NULL, "", { NULL }, 0 },
        { "root", "1", "skip=0&limit=3", { "1", "2", "3" }, 7 },
        { "root", "1", "skip=5&limit=100", { "6", "7" }, 7 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct answer *got =
            ask((struct ask) { .path = "/workspaces",
                               .user = cases[i].user,
                               .admin = cases[i].admin,
                               .query = cases[i].query });
        assert_status(got, 200);
        const char *at = got->body;
        for (size_t k = 0; cases[i].ids[k] != NULL; k++) {
            char id[32];
            snprintf(id, sizeof id, "{\"id\":%s,", cases[i].ids[k]);
            assert_holds(at, id);
            at = strstr(at, id) + 1;
        }
        assert_lacks(at, "{\"id\":");
        char total[32];
        snprintf(total, sizeof total, "\"total_count\":%d,", cases[i].total);
        assert_holds(got->body, total);
    }
    static const struct {
        const char *query, *field;
    } wrong[] = {
        { "limit=0", "limit" }, { "limit=101", "limit" },
        { "limit=", "limit" }, { "limit=1e2", "limit" },
        { "limit=1000000000", "limit" }, { "limit=5&limit=x", "limit" },
        { "skip=-1", "skip" }, { "skip=a", "skip" },
        { "skip=99999999999999999999", "skip" },
        { "skip=9007199254740993", "skip" },
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_error(ask((struct ask) { .path = "/workspaces",
                                        .query = wrong[i].query }), 400,
                     "VALIDATION_ERROR", wrong[i].field, "must be a number");
    }
    assert_error(ask((struct ask) { .path = "/workspaces",
                                    .query = "limit=%zz" }), 400,
                 "VALIDATION_ERROR", NULL, "the query string is malformed");
}

static void the_organization_comes_with_its_default_workspace(void **state) {
    (void) state;
    assert_error(call("GET", "/organizations/acme", "ann", NULL), 404,
                 "RESOURCE_NOT_FOUND", NULL, "organization not found");
    const struct answer *got =
        call("POST", "/organizations", "ann", "{\"name\":\"Acme Inc\"}");
    assert_status(got, 201);
    assert_body(got,
                "{\"success\":true,\"data\":{\"organization\":{\"id\":"
                "\"acme\",\"name\":\"Acme Inc\",\"default_workspace_id\":1,"
                "\"created_at\":\"2025-01-01T00:00:00.000Z\",\"updated_at\":"
                "\"2025-01-01T00:00:00.000Z\"},\"message\":\"Organization "
                "created successfully\"},\"message\":\"Organization created "
                "successfully\"}");
    assert_error(call("POST", "/organizations", "bob",
                      "{\"name\":\"Acme\"}"), 409, "CONFLICT", NULL,
                 "the organization exists already");
    assert_holds(call("GET", "/workspaces/1", "ann", NULL)->body,
                 "\"name\":\"Default\",\"slug\":\"default\","
                 "\"organization_id\":\"acme\",\"is_default\":true}");
    /* an admin and the owner */
    assert_holds(driver_ask(d, (struct ask) { .path = "/1" })->body,
                 "{\"user\":\"ann\",\"roles\":[\"admin\"]");
    make("ann", "Second");
    const char *list = call("GET", "/workspaces", "ann", NULL)->body;
    assert_holds(list, "\"is_default\":true},{");
    assert_holds(list, "\"is_default\":false}]");
    /* it stays, whatever the dialect that asks */
    assert_error(call("DELETE", "/workspaces/1", "ann", NULL), 409,
                 "CONFLICT", NULL, "the default workspace of the "
                 "organization cannot be deleted");
    assert_status(driver_ask(d, (struct ask) { .method = "DELETE",
                                               .path = "/1" }), 409);
    /* any user of the tenant may see it, a tenant admin rename it */
    got = call("GET", "/organizations/acme", "eve", NULL);
    assert_status(got, 200);
    assert_holds(got->body, "Organization retrieved successfully");
    assert_error(call("PATCH", "/organizations/acme", "ann",
                      "{\"name\":\"B\"}"), 403, "PERMISSION_DENIED", NULL,
                 "administrator privileges required");
    d->wall_ms += 1000;
    got = root("PATCH", "/organizations/acme", "{\"name\":\"B\"}");
    assert_status(got, 200);
    assert_holds(got->body, "\"name\":\"B\",\"default_workspace_id\":1,"
                 "\"created_at\":\"2025-01-01T00:00:00.000Z\",\"updated_at\":"
                 "\"2025-01-01T00:00:01.000Z\"}");
    d->wall_ms -= 1000;
    assert_status(root("PATCH", "/organizations/acme", "{}"), 200);
    assert_holds(call("GET", "/organizations/acme", "ann", NULL)->body,
                 "\"name\":\"B\"");
    assert_error(root("PATCH", "/organizations/acme", "{\"name\":\"\"}"),
                 400, "VALIDATION_ERROR", "name", "1 to 255 characters");
}

static void the_default_workspace_may_be_named(void **state) {
    (void) state;
    make("bob", "Main");
    static const struct {
        const char *body, *field;
        unsigned status;
    } cases[] = {
        { "{}", "name", 400 },
        { "{\"name\":\"A\",\"workspace_name\":7}", "workspace_name", 400 },
        { "{\"name\":\"A\",\"workspace_name\":\"\"}", "workspace_name",
          400 },
        { "{\"name\":\"A\",\"workspace_name\":\"Main\"}", "workspace_name",
          409 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_error(call("POST", "/organizations", "ann", cases[i].body),
                     cases[i].status,
                     cases[i].status == 409 ? "CONFLICT" : "VALIDATION_ERROR",
                     cases[i].field, "");
    }
    assert_int_equal(redis_number("EXISTS wsp:{62}:acme:o"), 0);
    assert_status(call("POST", "/organizations", "ann",
                       "{\"name\":\"A\",\"workspace_name\":\"Head\"}"),
                  201);
    assert_holds(call("GET", "/workspaces", "ann", NULL)->body,
                 "\"name\":\"Head\",\"slug\":\"head\"");
}

/* PUT of a workspace's settings, and what they are then */
static void put(const char *body, const char *shown) {
    char wanted[512];
    snprintf(wanted, sizeof wanted, "\"data\":{\"settings\":%s,", shown);
    const struct answer *got =
        call("PUT", "/workspaces/1/settings", "ann", body);
    assert_status(got, 200);
    assert_holds(got->body, "Workspace settings updated successfully");
    assert_holds(got->body, wanted);
    got = call("GET", "/workspaces/1/settings", "ann", NULL);
    assert_holds(got->body, "Workspace settings retrieved successfully");
    assert_holds(got->body, wanted);
    assert_null(answer_header(got, "ETag"));
}

static void settings_are_put_key_by_key(void **state) {
    (void) state;
    make("ann", "A");
    put("{}", "{}");
    put("{\"allow_public_access\":true,\"x\":{\"y\":[1,2.50,1.0,null]}}",
        "{\"allow_public_access\":true,\"x\":{\"y\":[1,2.5,1.0,null]}}");
    put("{\"features\":{\"a\":true,\"b\":{\"c\":1}}}",
        "{\"allow_public_access\":true,\"x\":{\"y\":[1,2.5,1.0,null]},"
        "\"features\":{\"a\":true,\"b\":{\"c\":1}}}");
    /* merged one level deep: the values of features are replaced */
    put("{\"features\":{\"b\":{\"d\":2},\"e\":\"\\u00e9\"},\"x\":{\"z\":1}}",
        "{\"allow_public_access\":true,\"x\":{\"z\":1},"
        "\"features\":{\"a\":true,\"b\":{\"d\":2},\"e\":\"\xc3\xa9\"}}");
    put("{\"x\":null,\"allow_public_access\":null,\"default_role_id\":3,"
        "\"features\":{\"a\":null}}",
        "{\"features\":{\"b\":{\"d\":2},\"e\":\"\xc3\xa9\"},"
        "\"default_role_id\":3}");
    /* the same by the workspace's PUT */
    assert_status(call("PUT", "/workspaces/1", "ann",
                       "{\"settings\":{\"features\":null,\"q\":\"\"}}"), 200);
    put("{}", "{\"default_role_id\":3,\"q\":\"\"}");
    /* and when it is made */
    assert_status(call("POST", "/workspaces", "ann",
                       "{\"name\":\"B\",\"organization_id\":\"acme\","
                       "\"settings\":{\"a\":1,\"b\":null}}"), 201);
    assert_holds(call("GET", "/workspaces/2/settings", "ann", NULL)->body,
                 "\"settings\":{\"a\":1},");
}

static void settings_that_are_not_good_name_the_key(void **state) {
    (void) state;
    make("ann", "A");
    static const struct {
        const char *body, *field, *message;
    } cases[] = {
        { "{\"allow_public_access\":1}", "allow_public_access",
          "must be true, false or null" },
        { "{\"default_role_id\":\"1\"}", "default_role_id", "integer id" },
        { "{\"default_role_id\":0}", "default_role_id", "integer id" },
        { "{\"default_role_id\":9007199254740993}", "default_role_id",
          "integer id" },
        { "{\"permissions\":[]}", "permissions", "an object or null" },
        { "{\"features\":true}", "features", "an object or null" },
        { "{\"integrations\":\"x\"}", "integrations", "an object or null" },
        { "{\"a\":[[[[[[[[1]]]]]]]]}", "settings", "deeper than 8 levels" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[512], field[128];
        assert_error(call("PUT", "/workspaces/1/settings", "ann",
                          cases[i].body), 400, "VALIDATION_ERROR",
                     cases[i].field, cases[i].message);
        bool whole = strcmp(cases[i].field, "settings") == 0;
        snprintf(field, sizeof field, "settings%s%s", whole ? "" : ".",
                 whole ? "" : cases[i].field);
        snprintf(body, sizeof body, "{\"settings\":%s}", cases[i].body);
        assert_error(call("PUT", "/workspaces/1", "ann", body), 400,
                     "VALIDATION_ERROR", field, cases[i].message);
    }
    put("{}", "{}");
    static const char eight[] =
        "{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":[1]}}}}}}}";
    put(eight, eight);
    assert_error(call("PUT", "/workspaces/1/settings", "ann",
                      "{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":"
                      "[{}]}}}}}}}"), 400, "VALIDATION_ERROR", "settings",
                 "deeper than 8 levels");
    assert_error(call("PUT", "/workspaces/1/settings", "ann", "[]"), 400,
                 "VALIDATION_ERROR", NULL, "must be a JSON object");
    assert_error(call("PUT", "/workspaces/1", "ann", "{\"settings\":[]}"),
                 400, "VALIDATION_ERROR", "settings", "must be an object");
    assert_error(call("PUT", "/workspaces/1", "ann", "{\"settings\":null}"),
                 400, "VALIDATION_ERROR", "settings", "must be an object");
}

/* 64 KiB of all keys together, as they are stored */
static void settings_have_a_greatest_size(void **state) {
    (void) state;
    make("ann", "A");
    static char body[70000];
    /* {"k":"..."} is nine bytes and its text */
    size_t most = 65536 - 8;
    memset(body, 'x', sizeof body);
    memcpy(body, "{\"k\":\"", 6);
    strcpy(body + 6 + most, "\"}");
    assert_status(call("PUT", "/workspaces/1/settings", "ann", body), 200);
    assert_int_equal(redis_number("HSTRLEN wsp:{62}:acme:w:1 settings"),
                     65536);
    assert_error(call("PUT", "/workspaces/1/settings", "ann",
                      "{\"a\":1}"), 400, "VALIDATION_ERROR", "settings",
                 "at most 65536 bytes");
    strcpy(body + 6 + most, "x\"}");
    assert_error(call("PUT", "/workspaces/1/settings", "ann", body), 400,
                 "VALIDATION_ERROR", "settings", "at most 65536 bytes");
    /* what replaces is not added */
    put("{\"k\":1}", "{\"k\":1}");
    /* blanks do not count */
    memset(body, ' ', sizeof body - 1);
    memcpy(body + 69000, "{\"k\":2}", 8);
    put(body, "{\"k\":2}");
}

static void a_workspace_inherits_settings(void **state) {
    (void) state;
    assert_status(call("POST", "/organizations", "ann",
                       "{\"name\":\"A\"}"), 201);
    assert_error(call("PUT", "/organizations/acme/settings", "ann", "{}"),
                 403, "PERMISSION_DENIED", NULL, "administrator");
    assert_error(call("GET", "/organizations/acme/settings", "ann", NULL),
                 403, "PERMISSION_DENIED", NULL, "administrator");
    const struct answer *got =
        root("PUT", "/organizations/acme/settings",
             "{\"theme\":\"dark\",\"limits\":{\"a\":1,\"b\":{\"c\":2}},"
             "\"features\":{\"f\":true,\"g\":null},\"gone\":null}");
    assert_status(got, 200);
    assert_holds(got->body,
                 "\"data\":{\"settings\":{\"theme\":\"dark\",\"limits\":"
                 "{\"a\":1,\"b\":{\"c\":2}},\"features\":{\"f\":true}},"
                 "\"message\":\"Organization settings updated "
                 "successfully\"}");
    assert_holds(root("GET", "/organizations/acme/settings", NULL)->body,
                 "\"features\":{\"f\":true}},\"message\":\"Organization "
                 "settings retrieved successfully\"}");
    put("{}", "{\"theme\":\"dark\",\"limits\":{\"a\":1,\"b\":{\"c\":2}},"
              "\"features\":{\"f\":true}}");
    /* objects are merged at every depth, the workspace's value wins */
    put("{\"limits\":{\"b\":{\"c\":3,\"d\":4},\"e\":[1]},"
        "\"features\":{\"h\":false},\"own\":1}",
        "{\"theme\":\"dark\",\"limits\":{\"a\":1,\"b\":{\"c\":3,\"d\":4},"
        "\"e\":[1]},\"features\":{\"f\":true,\"h\":false},\"own\":1}");
    /* null hides, at every depth, also where nothing is beneath */
    put("{\"theme\":null,\"limits\":{\"a\":null,\"b\":{\"c\":null},"
        "\"n\":null},\"features\":{\"f\":null}}",
        "{\"limits\":{\"b\":{}},\"features\":{\"h\":false},\"own\":1}");
    /* another kind of value replaces an object, and an object a value */
    put("{\"limits\":7,\"theme\":{\"name\":\"x\"}}",
        "{\"theme\":{\"name\":\"x\"},\"limits\":7,\"features\":"
        "{\"h\":false},\"own\":1}");
    got = ask((struct ask) { .path = "/workspaces/1/settings",
                             .query = "provenance=1" });
    assert_holds(got->body,
                 "\"provenance\":{\"theme\":\"workspace\",\"limits\":"
                 "\"workspace\",\"features\":\"workspace\",\"own\":"
                 "\"workspace\"},");
    /* what is inherited again */
    got = ask((struct ask) { .method = "PUT", .body = "{}",
                             .path = "/workspaces/1/settings",
                             .query = "inherit=limits&provenance=1" });
    assert_status(got, 200);
    assert_holds(got->body, "\"limits\":{\"a\":1,\"b\":{\"c\":2}}");
    assert_holds(got->body, "\"limits\":\"organization\"");
    put("{\"theme\":null}",
        "{\"limits\":{\"a\":1,\"b\":{\"c\":2}},\"features\":"
        "{\"h\":false},\"own\":1}");
}

/* Each level has its own greatest size, and both are shown together. */
static void both_levels_may_be_full(void **state) {
    (void) state;
    static char body[70000];
    assert_status(call("POST", "/organizations", "ann",
                       "{\"name\":\"A\"}"), 201);
    size_t most = 65536 - 8;
    memset(body, 'x', sizeof body);
    memcpy(body, "{\"k\":\"", 6);
    strcpy(body + 6 + most, "x\"}");
    assert_error(root("PUT", "/organizations/acme/settings", body), 400,
                 "VALIDATION_ERROR", "settings", "at most 65536 bytes");
    strcpy(body + 6 + most, "\"}");
    assert_status(root("PUT", "/organizations/acme/settings", body), 200);
    body[2] = 'l';
    const struct answer *got =
        call("PUT", "/workspaces/1/settings", "ann", body);
    assert_status(got, 200);
    assert_true(got->len > 2 * 65536);
    got = call("GET", "/workspaces/1/settings", "ann", NULL);
    assert_status(got, 200);
    assert_true(got->len > 2 * 65536);
    assert_holds(got->body, "\"k\":\"x");
    assert_holds(got->body, "\"l\":\"x");
    /* a null takes the place of what it hides */
    put("{\"k\":null,\"l\":null}", "{}");
}

static void variables_show_effective_settings(void **state) {
    (void) state;
    assert_status(call("POST", "/organizations", "ann",
                       "{\"name\":\"A\"}"), 201);
    assert_status(root("PUT", "/organizations/acme/settings",
                       "{\"theme\":\"dark\",\"seats\":5,\"Plan\":\"gold\","
                       "\"hidden\":1}"), 200);
    static const struct {
        const char *body, *shown;
    } steps[] = {
        { "{}", "theme=dark seats=5 plan=gold hidden=1 none" },
        { "{\"seats\":9,\"hidden\":null}",
          "theme=dark seats=9 plan=gold hidden none" },
        { "{\"plan\":\"own\",\"theme\":{\"a\":1}}",
          "theme seats=9 plan=own hidden none" },
        { "{\"plan\":null,\"none\":true,\"theme\":null}",
          "theme seats=9 plan hidden none=true" },
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        assert_status(call("PUT", "/workspaces/1/settings", "ann",
                           steps[i].body), 200);
        const struct answer *got = driver_access(d, (struct ask) {
            .headers = { "X-Workspace-ID", "1" },
            .settings = { "theme", "seats", "plan", "hidden", "none" } });
        assert_int_equal(got->decided.verdict, WSP_ALLOWED);
        assert_string_equal(got->decided.settings, steps[i].shown);
    }
}

static void a_clone_takes_what_is_asked_for(void **state) {
    (void) state;
    struct ask made = { .method = "POST", .body =
        "{\"name\":\"Src\",\"labels\":[\"red\"],"
        "\"logo\":\"https://example.com/l.png\"}" };
    assert_status(driver_ask(d, made), 200);
    add_member(d, "1", "ann", "bob", "[\"admin\"]");
    add_member(d, "1", "ann", "c/d:e", "[\"editor\",\"viewer\"]");
    assert_status(call("PUT", "/workspaces/1/settings", "ann",
                       "{\"a\":{\"b\":1}}"), 200);
    assert_status(driver_ask(d, (struct ask) {
                      .method = "PUT", .path = "/1", .body =
                      "{\"invites\":[{\"email\":\"x@example.com\"}]}" }),
                  200);
    assert_status(driver_ask(d, (struct ask) {
                      .method = "POST", .path = "/1/encrypted", .admin = "1",
                      .body = "{\"secret\":1}" }), 200);
    static const struct {
        const char *rest, *settings, *labels;
        int members;
    } cases[] = {
        { "}", "{\"a\":{\"b\":1}}", "[\"red\"]", 1 },
        { ",\"copy_settings\":false}", "{}", "[]", 1 },
        { ",\"copy_members\":true,\"copy_settings\":false}", "{}", "[]", 3 },
        { ",\"copy_members\":true}", "{\"a\":{\"b\":1}}", "[\"red\"]", 3 },
    };
    for (int i = 0; i < (int) COUNT_OF(cases); i++) {
        char body[256], path[64];
        int id = i + 2;
        snprintf(body, sizeof body, "{\"name\":\"C%d\"%s", i, cases[i].rest);
        assert_status(call("POST", "/workspaces/1/clone", "bob", body), 200);
        snprintf(path, sizeof path, "/%d", id);
        const struct answer *got =
            driver_ask(d, (struct ask) { .path = path, .user = "bob" });
        assert_holds(got->body, cases[i].labels);
        assert_holds(got->body, "\"invites\":[]");
        assert_holds(got->body, "{\"user\":\"bob\",\"roles\":[\"admin\"]");
        snprintf(path, sizeof path, "/workspaces/%d/settings", id);
        assert_holds(call("GET", path, "bob", NULL)->body,
                     cases[i].settings);
        assert_int_equal(redis_number("HLEN wsp:{62}:acme:w:%d:m", id),
                         cases[i].members);
        assert_int_equal(redis_number("EXISTS wsp:{62}:acme:w:%d:x", id), 0);
        assert_int_equal(redis_number("EXISTS wsp:{62}:acme:w:%d:i", id), 0);
        bool all = cases[i].members == 3;
        assert_int_equal(
            redis_number("HGET wsp:{62}:acme:w:%d:n admin", id), all ? 2 : 1);
        assert_int_equal(
            redis_number("HEXISTS wsp:{62}:acme:w:%d:n editor", id), all);
        assert_int_equal(
            redis_number("ZCOUNT wsp:{62}:acme:u:c%%2Fd%%3Ae:w %d %d", id,
                         id), all);
        snprintf(path, sizeof path, "HGET wsp:{62}:acme:w:%d owner", id);
        assert_string_equal(redis_text(path), "bob");
    }
    /* a tenant admin who is no member becomes one, of the clone */
    const struct answer *got = root("POST", "/workspaces/1/clone",
                                    "{\"name\":\"R\",\"copy_members\":true}");
    assert_status(got, 200);
    assert_int_equal(redis_number("HLEN wsp:{62}:acme:w:6:m"), 4);
    assert_int_equal(redis_number("HGET wsp:{62}:acme:w:6:n admin"), 3);
    /* a member is not enough, nor is what is no boolean */
    assert_error(call("POST", "/workspaces/1/clone", "c/d:e",
                      "{\"name\":\"S\"}"), 403, "PERMISSION_DENIED", NULL,
                 "workspace admin privileges required");
    assert_error(call("POST", "/workspaces/1/clone", "ann",
                      "{\"name\":\"S\",\"copy_members\":1}"), 400,
                 "VALIDATION_ERROR", "copy_members", "true or false");
    assert_error(call("POST", "/workspaces/1/clone", "ann",
                      "{\"name\":\"S\",\"copy_settings\":\"no\"}"), 400,
                 "VALIDATION_ERROR", "copy_settings", "true or false");
    assert_error(call("POST", "/workspaces/1/clone", "ann", "{}"), 400,
                 "VALIDATION_ERROR", "name", "name is required");
    assert_error(call("POST", "/workspaces/1/clone", "ann",
                      "{\"name\":\"Src\"}"), 409, "CONFLICT", "name",
                 "this name is taken");
}

static void a_clone_of_very_many_members_is_refused(void **state) {
    (void) state;
    make("ann", "A");
    redis_do("EVAL %s 1 wsp:{62}:acme:w:1:m",
             "for i = 1, 9999 do redis.call('HSET', KEYS[1], 'u' .. i, "
             "'1 member') end redis.call('HSET', 'wsp:{62}:acme:w:1:n', "
             "'member', 9999)");
    static const char body[] = "{\"name\":\"B\",\"copy_members\":true}";
    assert_status(call("POST", "/workspaces/1/clone", "ann", body), 200);
    assert_int_equal(redis_number("HLEN wsp:{62}:acme:w:2:m"), 10000);
    assert_int_equal(redis_number("ZSCORE wsp:{62}:acme:u:u9999:w 2"), 2);
    redis_do("HSET wsp:{62}:acme:w:1:m one-more 1%s", " member");
    assert_error(call("POST", "/workspaces/1/clone", "ann",
                      "{\"name\":\"C\",\"copy_members\":true}"), 409,
                 "CONFLICT", "copy_members", "more than 10000");
    assert_status(call("POST", "/workspaces/1/clone", "ann",
                       "{\"name\":\"C\"}"), 200);
}

static const char *provision(const char *workspaces) {
    static char body[4096];
    snprintf(body, sizeof body,
             "{\"organization_id\":\"acme\",\"workspaces\":%s}", workspaces);
    return body;
}

static void provisioning_is_all_or_nothing(void **state) {
    (void) state;
    make("ann", "Taken");
    static const struct {
        const char *workspaces, *code, *field, *message;
        unsigned status;
    } cases[] = {
        { "[]", "VALIDATION_ERROR", "workspaces", "1 to 100 objects", 400 },
        { "{}", "VALIDATION_ERROR", "workspaces", "1 to 100 objects", 400 },
        { "[{\"name\":\"A\"},7]", "VALIDATION_ERROR", "workspaces[1]",
          "must be an object", 400 },
        { "[{\"name\":\"A\"},{}]", "VALIDATION_ERROR", "workspaces[1].name",
          "name is required", 400 },
        { "[{\"name\":\"A\"},{\"name\":\"\"}]", "VALIDATION_ERROR",
          "workspaces[1].name", "1 to 255", 400 },
        { "[{\"name\":\"A\"},{\"name\":\"B\"},{\"name\":\"A\"}]",
          "CONFLICT", "workspaces[2].name", "this name is taken", 409 },
        { "[{\"name\":\"A\"},{\"name\":\"a\"}]", "CONFLICT",
          "workspaces[1].name", "the slug of this name", 409 },
        { "[{\"name\":\"A\"},{\"name\":\"B\"},{\"name\":\"C\"},"
          "{\"name\":\"Taken\"}]", "CONFLICT", "workspaces[3].name",
          "this name is taken", 409 },
        { "[{\"name\":\"A\",\"settings\":{\"features\":1}}]",
          "VALIDATION_ERROR", "workspaces[0].settings.features", "object",
          400 },
        { "[{\"name\":\"A\",\"members\":{}}]", "VALIDATION_ERROR",
          "workspaces[0].members", "must be an array", 400 },
        { "[{\"name\":\"A\",\"members\":[{\"user_id\":\"u\",\"role\":"
          "\"x\"},{\"role\":\"x\"}]}]", "VALIDATION_ERROR",
          "workspaces[0].members[1].user_id", "user_id must be", 400 },
        { "[{\"name\":\"A\",\"members\":[{\"user_id\":\"..\",\"role\":"
          "\"x\"}]}]", "VALIDATION_ERROR",
          "workspaces[0].members[0].user_id", "must not be '.' or '..'",
          400 },
        { "[{\"name\":\"A\",\"members\":[{\"user_id\":\"u\"}]}]",
          "VALIDATION_ERROR", "workspaces[0].members[0].role", "role must",
          400 },
        { "[{\"name\":\"A\",\"members\":[{\"user_id\":\"u\",\"role\":"
          "\"owner\"}]}]", "VALIDATION_ERROR",
          "workspaces[0].members[0].role", "not owner", 400 },
        { "[{\"name\":\"A\",\"members\":[{\"user_id\":\"7\",\"role\":"
          "\"x\"},{\"user_id\":7,\"role\":\"y\"}]}]", "VALIDATION_ERROR",
          "workspaces[0].members[1].user_id", "given twice", 400 },
    };
    const char *before = redis_digest();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_error(root("POST", "/workspaces/provision",
                          provision(cases[i].workspaces)),
                     cases[i].status, cases[i].code, cases[i].field,
                     cases[i].message);
    }
    assert_string_equal(before, redis_digest());
    assert_error(call("POST", "/workspaces/provision", "ann",
                      provision("[{\"name\":\"A\"}]")), 403,
                 "PERMISSION_DENIED", NULL, "administrator");
    const struct answer *got = root(
        "POST", "/workspaces/provision",
        provision("[{\"name\":\"A\",\"settings\":{\"s\":1},\"members\":"
                  "[{\"user_id\":\"u\",\"role\":\"admin\"},{\"user_id\":7,"
                  "\"role\":\"viewer\"},{\"user_id\":\"root\",\"role\":"
                  "\"editor\"}]},{\"name\":\"B\",\"members\":null}]"));
    assert_status(got, 201);
    const char *list = call("GET", "/workspaces", "u", NULL)->body;
    assert_holds(list, "\"name\":\"A\"");
    assert_holds(list, "\"total_count\":1,");
    char *slug = strdup(redis_text("GET wsp:{62}:acme:s:a"));
    char path[64];
    snprintf(path, sizeof path, "/%s/members", slug);
    got = driver_ask(d, (struct ask) { .path = path, .user = "7" });
    assert_holds(got->body, "{\"user\":\"root\",\"roles\":[\"admin\","
                 "\"editor\"]");
    assert_holds(got->body, "{\"user\":\"7\",\"roles\":[\"viewer\"]");
    snprintf(path, sizeof path, "/workspaces/%s/settings", slug);
    assert_holds(call("GET", path, "u", NULL)->body, "{\"s\":1}");
    assert_int_equal(redis_number("HGET wsp:{62}:acme:w:%s:n admin", slug),
                     2);
    free(slug);
}

static void provisioning_at_its_limits(void **state) {
    (void) state;
    static char body[200000];
    for (int n = 100; n <= 101; n++) {
        char *to = body + sprintf(body, "{\"organization_id\":\"acme\","
                                        "\"workspaces\":[");
        for (int i = 0; i < n; i++) {
            to += sprintf(to, "%s{\"name\":\"W%d\",\"members\":[",
                          i == 0 ? "" : ",", i);
            for (int k = 0; k < 10; k++) {
                to += sprintf(to, "%s{\"user_id\":\"u%d-%d\",\"role\":"
                                  "\"member\"}", k == 0 ? "" : ",", i, k);
            }
            to += sprintf(to, "]}");
        }
        sprintf(to, "]}");
        const struct answer *got =
            root("POST", "/workspaces/provision", body);
        if (n == 100) {
            assert_status(got, 201);
            assert_holds(got->body, "\"total_count\":100,");
            assert_int_equal(redis_number("ZCARD wsp:{62}:acme:ws"), 100);
            assert_int_equal(redis_number("HLEN wsp:{62}:acme:w:100:m"), 11);
        } else {
            assert_error(got, 400, "VALIDATION_ERROR", "workspaces",
                         "1 to 100 objects");
        }
    }
    char *to = body + sprintf(body, "{\"organization_id\":\"acme\","
                                    "\"workspaces\":[{\"name\":\"X\"},"
                                    "{\"name\":\"Y\",\"members\":[");
    for (int k = 0; k < 1001; k++) {
        to += sprintf(to, "%s{\"user_id\":%d,\"role\":\"member\"}",
                      k == 0 ? "" : ",", k);
    }
    sprintf(to, "]}]}");
    assert_error(root("POST", "/workspaces/provision", body), 400,
                 "VALIDATION_ERROR", "workspaces[1].members",
                 "at most 1000 members");
}

static void a_revision_is_asked_for_and_a_key_kept(void **state) {
    (void) state;
    make("ann", "A");
    struct ask asked = { .method = "PUT", .path = "/workspaces/1/settings",
                         .body = "{\"a\":1}",
                         .headers = { "If-Match", "\"2\"" } };
    const struct answer *got = ask(asked);
    assert_status(got, 412);
    assert_holds(got->body, "not at the revision of If-Match");
    asked.headers[1] = "\"1\"";
    got = ask(asked);
    assert_status(got, 200);
    assert_string_equal(answer_header(got, "Workspace-Revision"), "2");
    struct ask once = { .method = "POST", .path = "/workspaces",
                        .body = "{\"name\":\"B\",\"organization_id\":"
                                "\"acme\"}",
                        .headers = { "Idempotency-Key", "k" } };
    char first[512];
    got = ask(once);
    assert_status(got, 201);
    snprintf(first, sizeof first, "%s", got->body);
    got = ask(once);
    assert_status(got, 201);
    assert_string_equal(got->body, first);
    once.body = "{\"name\":\"C\",\"organization_id\":\"acme\"}";
    assert_status(ask(once), 422);
}

static void errors_have_one_shape(void **state) {
    (void) state;
    make("ann", "A");
    const struct answer *got =
        ask((struct ask) { .path = "/workspaces", .nobody = true });
    assert_error(got, 401, "AUTH_REQUIRED", NULL, "");
    assert_string_equal(answer_header(got, "WWW-Authenticate"), "Bearer");
    assert_error(call("PUT", "/workspaces/1", "ann", "{\"name\":}"), 400,
                 "VALIDATION_ERROR", NULL,
                 "the body is not valid JSON: syntax error at line 1, "
                 "column 9");
    assert_error(call("GET", "/workspaces/1", "eve", NULL), 404,
                 "RESOURCE_NOT_FOUND", NULL, "workspace not found");
    assert_error(call("GET", "/nothing", "ann", NULL), 404,
                 "RESOURCE_NOT_FOUND", NULL, "not found");
    assert_error(call("GET", "/organizations/acme/x/y", "ann", NULL), 404,
                 "RESOURCE_NOT_FOUND", NULL, "not found");
    static const struct {
        const char *method, *path, *allow;
    } wrong[] = {
        { "PATCH", "/workspaces/1", "GET, HEAD, PUT, DELETE" },
        { "DELETE", "/workspaces", "GET, HEAD, POST" },
        { "GET", "/workspaces/provision", "POST" },
        { "GET", "/workspaces/1/clone", "POST" },
        { "POST", "/workspaces/1/settings", "GET, HEAD, PUT" },
        { "PUT", "/organizations", "POST" },
        { "DELETE", "/organizations/acme", "GET, HEAD, PATCH" },
        { "GET", "/organizations/acme/workspaces/provision", "POST" },
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        got = call(wrong[i].method, wrong[i].path, "ann", NULL);
        assert_error(got, 405, "VALIDATION_ERROR", NULL,
                     "method not allowed");
        assert_string_equal(answer_header(got, "Allow"), wrong[i].allow);
    }
    /* errors that the driver finds out by itself */
    static const struct {
        unsigned status;
        const char *code;
    } own[] = {
        { 400, "VALIDATION_ERROR" }, { 408, "VALIDATION_ERROR" },
        { 413, "VALIDATION_ERROR" }, { 429, "RATE_LIMIT_EXCEEDED" },
        { 500, "INTERNAL_ERROR" }, { 503, "SERVICE_UNAVAILABLE" },
    };
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        wsp_op *op;
        char part[128];
        assert_int_equal(wsp_op_new_error(&op, d->core, WSP_ORGANIZATION,
                                          own[i].status,
                                          (wsp_str) { "r", 1 }), WSP_OK);
        const wsp_response *made = wsp_op_response(op);
        assert_int_equal(made->status, own[i].status);
        char *body = strndup(made->body.data, made->body.len);
        snprintf(part, sizeof part, "{\"error\":{\"code\":\"%s\",\"message\":",
                 own[i].code);
        assert_holds(body, part);
        assert_holds(body, "\"timestamp\":\"2025-01-01T00:00:00.000Z\"");
        free(body);
        wsp_op_free(op);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_call_answers_in_its_envelope, empty),
        cmocka_unit_test_setup(a_number_is_shown_as_a_number, empty),
        cmocka_unit_test_setup(the_organization_is_the_callers_own, empty),
        cmocka_unit_test_setup(both_bases_do_the_same, empty),
        cmocka_unit_test_setup(slugs_are_made_of_names, empty),
        cmocka_unit_test_setup(names_and_slugs_are_unique, empty),
        cmocka_unit_test_setup(names_of_other_dialects_count, empty),
        cmocka_unit_test_setup(pages_show_what_one_may_see, empty),
        cmocka_unit_test_setup(
            the_organization_comes_with_its_default_workspace, empty),
        cmocka_unit_test_setup(the_default_workspace_may_be_named, empty),
        cmocka_unit_test_setup(settings_are_put_key_by_key, empty),
        cmocka_unit_test_setup(settings_that_are_not_good_name_the_key,
                               empty),
        cmocka_unit_test_setup(settings_have_a_greatest_size, empty),
        cmocka_unit_test_setup(a_workspace_inherits_settings, empty),
        cmocka_unit_test_setup(both_levels_may_be_full, empty),
        cmocka_unit_test_setup(variables_show_effective_settings, empty),
        cmocka_unit_test_setup(a_clone_takes_what_is_asked_for, empty),
        cmocka_unit_test_setup(a_clone_of_very_many_members_is_refused,
                               empty),
        cmocka_unit_test_setup(provisioning_is_all_or_nothing, empty),
        cmocka_unit_test_setup(provisioning_at_its_limits, empty),
        cmocka_unit_test_setup(a_revision_is_asked_for_and_a_key_kept,
                               empty),
        cmocka_unit_test_setup(errors_have_one_shape, empty),
    };
    return cmocka_run_group_tests(tests, open_driver, close_driver);
}
