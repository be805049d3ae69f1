/* The OpenAPI documents against the route tables, in both directions: what is
 * served is described, what is described is served. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "alloc.h"
#include "check.h"
#include "workspaces.h"

static const char *const methods[] = { "get", "put", "post", "delete",
                                       "patch", "head", "options", "trace" };

static json_t *documents[WSP_DIALECTS];

static const char *name_of(int dialect) {
    return wsp_dialect_name(dialect).data;
}

static json_t *document(int dialect, const wsp_str *mounts, size_t count) {
    wsp_str text;
    json_error_t error;
    assert_int_equal(wsp_openapi(&text, dialect, mounts, count), WSP_OK);
    json_t *read = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES,
                              &error);
    if (read == NULL) {
        fail_msg("%s: line %d: %s", name_of(dialect), error.line, error.text);
    }
    wsp_openapi_free(text);
    return read;
}

static int read_documents(void **state) {
    (void) state;
    for (int i = 0; i < WSP_DIALECTS; i++) {
        documents[i] = document(i, NULL, 0);
    }
    return 0;
}

static int free_documents(void **state) {
    (void) state;
    for (int i = 0; i < WSP_DIALECTS; i++) {
        json_decref(documents[i]);
    }
    return 0;
}

/* The path of a pattern: that of the mount itself is "" to a router. */
static const char *path_of(const wsp_route *route) {
    static char path[256];
    snprintf(path, sizeof path, "%.*s", (int) route->pattern.len,
             route->pattern.data);
    return path[0] == '\0' ? "/" : path;
}

static const char *method_of(const wsp_route *route) {
    static char method[16];
    assert_true(route->method.len < sizeof method);
    for (size_t i = 0; i <= route->method.len; i++) {
        method[i] = i == route->method.len
            ? '\0' : (char) tolower((unsigned char) route->method.data[i]);
    }
    return method;
}

static json_t *item_of(int dialect, const wsp_route *route) {
    return json_object_get(json_object_get(documents[dialect], "paths"),
                           path_of(route));
}

static json_t *described(int dialect, const wsp_route *route) {
    return json_object_get(item_of(dialect, route), method_of(route));
}

/* Calls `check` for each route, with what the document has of it. */
static void for_each_route(void (*check)(int dialect, const wsp_route *route,
                                         const json_t *operation)) {
    wsp_route route;
    for (int dialect = 0; dialect < WSP_DIALECTS; dialect++) {
        size_t i = 0;
        while (wsp_route_get(&route, dialect, i) == WSP_OK) {
            json_t *operation = described(dialect, &route);
            if (operation == NULL) {
                fail_msg("%s: %s %s is not described", name_of(dialect),
                         method_of(&route), path_of(&route));
            }
            check(dialect, &route, operation);
            i++;
        }
        assert_true(i > 0);
    }
}

/* -- both directions ------------------------------------------------------ */

/* The label of the route.  Where several have one, as an operation is at
 * several places, more of its name stands before it. */
static bool is_labelled(const char *id, const wsp_route *route) {
    size_t len = id == NULL ? 0 : strlen(id);
    size_t more = len - route->operation.len;
    return len >= route->operation.len &&
           (more == 0 || id[more - 1] == '.') &&
           memcmp(id + more, route->operation.data,
                  route->operation.len) == 0;
}

static void has_its_operation_id(int dialect, const wsp_route *route,
                                 const json_t *operation) {
    const char *id = json_string_value(json_object_get(operation,
                                                       "operationId"));
    if (!is_labelled(id, route)) {
        fail_msg("%s: %s %s is %s, not %.*s", name_of(dialect),
                 method_of(route), path_of(route), id ? id : "nothing",
                 (int) route->operation.len, route->operation.data);
    }
}

static void every_route_is_described(void **state) {
    (void) state;
    for_each_route(has_its_operation_id);
}

static int is_served(int dialect, const char *path, const char *method) {
    wsp_route route;
    for (size_t i = 0; wsp_route_get(&route, dialect, i) == WSP_OK; i++) {
        if (strcmp(path_of(&route), path) == 0 &&
            strcmp(method_of(&route), method) == 0) {
            return 1;
        }
    }
    return 0;
}

static void all_that_is_described_is_served(void **state) {
    (void) state;
    const char *path;
    json_t *item;
    for (int dialect = 0; dialect < WSP_DIALECTS; dialect++) {
        json_object_foreach(json_object_get(documents[dialect], "paths"),
                            path, item) {
            for (size_t i = 0; i < COUNT_OF(methods); i++) {
                if (json_object_get(item, methods[i]) != NULL &&
                    !is_served(dialect, path, methods[i])) {
                    fail_msg("%s: %s %s is described and not served",
                             name_of(dialect), methods[i], path);
                }
            }
        }
    }
}

/* -- what follows from the table ------------------------------------------ */

static bool names_a_workspace(const wsp_route *route) {
    return strstr(path_of(route), "{workspace}") != NULL ||
           route->needs == WSP_NEEDS_PARTNER_HERE;
}

static bool is_about_a_workspace(const wsp_route *route) {
    switch (route->needs) {
    case WSP_NEEDS_MEMBER:
    case WSP_NEEDS_ADMIN:
    case WSP_NEEDS_TENANT_ADMIN_HERE:
    case WSP_NEEDS_VIEWER:
    case WSP_NEEDS_OWNER:
    case WSP_NEEDS_PARTNER_HERE:
        return true;
    default:
        return false;
    }
}

static const json_t *parameter(int dialect, const json_t *list,
                               const char *name, size_t len) {
    size_t i;
    json_t *each;
    static const char place[] = "#/components/parameters/";
    json_array_foreach(list, i, each) {
        const char *ref = json_string_value(json_object_get(each, "$ref"));
        if (ref != NULL) {
            assert_int_equal(strncmp(ref, place, sizeof place - 1), 0);
            json_t *shared = json_object_get(
                json_object_get(documents[dialect], "components"),
                "parameters");
            each = json_object_get(shared, ref + sizeof place - 1);
        }
        const char *has = json_string_value(json_object_get(each, "name"));
        if (has != NULL && strlen(has) == len &&
            memcmp(has, name, len) == 0) {
            return each;
        }
    }
    return NULL;
}

static void has_its_parameters(int dialect, const wsp_route *route,
                               const json_t *operation) {
    const json_t *own = json_object_get(operation, "parameters");
    const json_t *common = json_object_get(item_of(dialect, route),
                                           "parameters");
    const char *at = path_of(route);
    while ((at = strchr(at, '{')) != NULL) {
        size_t len = strcspn(++at, "}");
        const json_t *found = parameter(dialect, own, at, len);
        if (found == NULL) {
            found = parameter(dialect, common, at, len);
        }
        const char *in = json_string_value(json_object_get(found, "in"));
        if (in == NULL || strcmp(in, "path") != 0 ||
            !json_is_true(json_object_get(found, "required"))) {
            fail_msg("%s: %s has no parameter %.*s", name_of(dialect),
                     path_of(route), (int) len, at);
        }
    }
    if (strcmp(method_of(route), "post") == 0 &&
        route->needs != WSP_NEEDS_OPERATOR &&
        route->needs != WSP_NEEDS_NOBODY) {
        assert_non_null(parameter(dialect, own, "Idempotency-Key", 15));
    }
    if (is_about_a_workspace(route)) {
        assert_non_null(parameter(dialect, own, "If-Match", 8));
        if (!names_a_workspace(route) &&
            parameter(dialect, own, "X-Workspace-ID", 14) == NULL &&
            parameter(dialect, common, "X-Workspace-ID", 14) == NULL) {
            fail_msg("%s: %s %s takes no X-Workspace-ID", name_of(dialect),
                     method_of(route), path_of(route));
        }
    }
}

static void every_parameter_of_a_path_is_described(void **state) {
    (void) state;
    for_each_route(has_its_parameters);
}

static void answers(int dialect, const wsp_route *route,
                    const json_t *operation, const char *status) {
    if (json_object_get(json_object_get(operation, "responses"), status) ==
        NULL) {
        fail_msg("%s: %s %s does not say %s", name_of(dialect),
                 method_of(route), path_of(route), status);
    }
}

static void says_its_refusals(int dialect, const wsp_route *route,
                              const json_t *operation) {
    const char *method = method_of(route);
    answers(dialect, route, operation, "503");
    answers(dialect, route, operation, "default");
    if (route->needs == WSP_NEEDS_OPERATOR) {
        /* the whole document says that no identity is asked for */
        assert_null(json_object_get(operation, "security"));
        assert_int_equal(json_array_size(json_object_get(
                             documents[dialect], "security")), 0);
    } else if (route->needs != WSP_NEEDS_NOBODY) {
        assert_null(json_object_get(operation, "security"));
        answers(dialect, route, operation, "401");
        answers(dialect, route, operation, "403");
    } else {
        json_t *security = json_object_get(operation, "security");
        assert_true(json_is_array(security));
        assert_int_equal(json_array_size(security), 0);
    }
    if (is_about_a_workspace(route)) {
        answers(dialect, route, operation, "412");
    }
    if (strchr(path_of(route), '{') != NULL) {
        answers(dialect, route, operation, "404");
    }
    if (strcmp(method, "get") != 0) {
        answers(dialect, route, operation, "409");
    }
    if (strcmp(method, "post") == 0) {
        answers(dialect, route, operation, "400");
        answers(dialect, route, operation, "422");
    }
    if (json_object_get(operation, "requestBody") != NULL) {
        answers(dialect, route, operation, "400");
        answers(dialect, route, operation, "413");
    }
}

static void what_a_route_may_refuse_is_described(void **state) {
    (void) state;
    for_each_route(says_its_refusals);
}

/* -- the document --------------------------------------------------------- */

static void has_a_declared_tag(int dialect, const wsp_route *route,
                               const json_t *operation) {
    const char *tag = json_string_value(
        json_array_get(json_object_get(operation, "tags"), 0));
    assert_non_null(tag);
    size_t i;
    json_t *each;
    json_array_foreach(json_object_get(documents[dialect], "tags"), i, each) {
        if (strcmp(json_string_value(json_object_get(each, "name")),
                   tag) == 0) {
            return;
        }
    }
    fail_msg("%s: %s has the tag %s, which is not declared",
             name_of(dialect), path_of(route), tag);
}

static void every_operation_has_a_declared_tag(void **state) {
    (void) state;
    for_each_route(has_a_declared_tag);
}

static const char *server(const json_t *from, size_t i) {
    return json_string_value(json_object_get(
        json_array_get(json_object_get(from, "servers"), i), "url"));
}

static void the_servers_are_the_mounts(void **state) {
    (void) state;
    const wsp_str mounts[] = { { "/api/workspaces", 15 }, { "", 0 } };
    for (int dialect = 0; dialect < WSP_DIALECTS; dialect++) {
        assert_null(json_object_get(documents[dialect], "servers"));
        json_t *mounted = document(dialect, mounts, 2);
        assert_string_equal(server(mounted, 0), "/api/workspaces");
        assert_string_equal(server(mounted, 1), "/");
        assert_null(server(mounted, 2));
        json_object_del(mounted, "servers");
        assert_true(json_equal(mounted, documents[dialect]));
        json_decref(mounted);
    }
}

static void no_other_dialect_has_one(void **state) {
    (void) state;
    wsp_str text;
    assert_int_equal(wsp_openapi(&text, -1, NULL, 0), WSP_INVALID);
    assert_int_equal(wsp_openapi(&text, WSP_DIALECTS, NULL, 0), WSP_INVALID);
}

static void no_memory_for_a_document(void **state) {
    (void) state;
    const wsp_str mount = { "/api/workspaces", 15 };
    wsp_str text;
    unsigned long k = 0;
    bool failed;
    do {
        alloc_arm(++k);
        int rc = wsp_openapi(&text, WSP_PLATFORM, &mount, 1);
        failed = alloc_disarm();
        assert_int_equal(rc, failed ? WSP_NOMEM : WSP_OK);
    } while (failed);
    assert_true(k > 2);
    wsp_openapi_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_described),
        cmocka_unit_test(all_that_is_described_is_served),
        cmocka_unit_test(every_parameter_of_a_path_is_described),
        cmocka_unit_test(what_a_route_may_refuse_is_described),
        cmocka_unit_test(every_operation_has_a_declared_tag),
        cmocka_unit_test(the_servers_are_the_mounts),
        cmocka_unit_test(no_other_dialect_has_one),
        cmocka_unit_test(no_memory_for_a_document),
    };
    return cmocka_run_group_tests(tests, read_documents, free_documents);
}
