#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "redis.h"

const char *id_in(const struct answer *answer) {
    static char ids[8][24];
    static unsigned which;
    char *id = ids[which++ % 8];
    const char *at = strstr(answer->body, "\"_id\":\"");
    if (at == NULL || sscanf(at, "\"_id\":\"%20[0-9]\"", id) != 1) {
        fail_msg("no _id in %s", answer->body);
    }
    return id;
}

const char *make_workspace(struct driver *d, const char *user,
                           const char *body) {
    const struct answer *made = driver_ask(
        d, (struct ask) { .method = "POST", .user = user, .body = body });
    assert_status(made, 200);
    return id_in(made);
}

void add_member(struct driver *d, const char *workspace, const char *by,
                const char *user, const char *roles) {
    char path[64];
    char body[256];
    snprintf(path, sizeof path, "/%s/members", workspace);
    snprintf(body, sizeof body, "{\"userId\":\"%s\",\"roles\":%s}", user,
             roles);
    assert_status(driver_ask(d, (struct ask) { .method = "POST", .path = path,
                                               .user = by, .body = body }),
                  200);
}

void fixture_make(struct driver *d, struct fixture *made) {
    char path[64];
    redis_flush();
    /* the link knows the partitions already; others shall find the same */
    redis_do("SET wsp:partitions 64");
    assert_status(driver_ask(d, (struct ask) {
                      .method = "POST", .tenant = "globex",
                      .user = "foreign", .body = "{\"name\":\"Foreign\"}" }),
                  200);
    snprintf(made->neighbour, sizeof made->neighbour, "%s",
             make_workspace(d, "neighbour", "{\"name\":\"Neighbour\"}"));
    snprintf(made->target, sizeof made->target, "%s",
             make_workspace(d, "owner",
                            "{\"name\":\"Target\",\"labels\":[\"red\"],"
                            "\"logo\":\"https://example.com/l.png\"}"));
    const char *id = made->target;
    add_member(d, id, "owner", "admin", "[\"admin\"]");
    add_member(d, id, "owner", "member", "[\"member\"]");
    add_member(d, id, "owner", "viewer", "[\"viewer\"]");
    add_member(d, id, "owner", "custom", "[\"billing_x\"]");
    add_member(d, id, "owner", "target", "[\"member\"]");
    add_member(d, id, "owner", "removed", "[\"admin\"]");
    snprintf(path, sizeof path, "/%s/members/removed", id);
    assert_status(driver_ask(d, (struct ask) { .method = "DELETE",
                                               .path = path,
                                               .user = "owner" }),
                  200);
    snprintf(path, sizeof path, "/%s", id);
    assert_status(
        driver_ask(d, (struct ask) {
            .method = "PUT", .path = path, .user = "owner",
            .body = "{\"invites\":[{\"email\":\"guest@example.com\","
                    "\"name\":\"Guest\"}]}" }),
        200);
    snprintf(path, sizeof path, "/%s/encrypted", id);
    assert_status(driver_ask(d, (struct ask) {
                      .method = "POST", .path = path, .user = "root",
                      .admin = "1", .body = "{\"apiKey\":\"hush\"}" }),
                  200);
    redis_save();
    driver_forget(d);
}

const char *path_of(const wsp_route *route, const char *workspace) {
    static char path[256];
    char *to = path;
    const char *from = route->pattern.data;
    const char *end = from + route->pattern.len;
    while (from < end) {
        const char *value = NULL;
        if (*from == '{') {
            if (strncmp(from, "{workspace}", 11) == 0) {
                value = workspace;
            } else if (strncmp(from, "{user}", 6) == 0) {
                value = "target";
            } else {
                fail_msg("a parameter without a value: %.*s",
                         (int) (end - from), from);
            }
            to += sprintf(to, "%s", value);
            from = strchr(from, '}') + 1;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    return path;
}

static const struct {
    const char *operation;
    const char *body;
} samples[] = {
    { "workspace.list", NULL },
    { "workspace.create",
      "{\"name\":\"New\",\"labels\":[\"red\",\"blue\"]}" },
    { "workspace.search", NULL },
    { "workspace.get", NULL },
    { "workspace.update",
      "{\"name\":\"Renamed\",\"labels\":[\"blue\"],\"logo\":null,"
      "\"invites\":[{\"email\":\"other@example.com\"}]}" },
    { "workspace.delete", NULL },
    { "workspace.activate", NULL },
    { "member.list", NULL },
    { "member.add", "{\"userId\":\"newcomer\",\"roles\":[\"member\"]}" },
    { "member.update", "{\"roles\":[\"admin\",\"user\"]}" },
    { "member.remove", NULL },
    { "sealed.get", NULL },
    { "sealed.set", "{\"apiKey\":\"secret\"}" },
};

struct ask sample_of(const wsp_route *route, const char *workspace) {
    static char methods[8][8];
    static unsigned which;
    char *method = methods[which++ % 8];
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        const char *name = samples[i].operation;
        if (strlen(name) == route->operation.len &&
            memcmp(name, route->operation.data, route->operation.len) == 0) {
            snprintf(method, sizeof methods[0], "%.*s",
                     (int) route->method.len, route->method.data);
            return (struct ask) { .method = method,
                                  .path = path_of(route, workspace),
                                  .body = samples[i].body };
        }
    }
    fail_msg("no sample for %.*s: add one to fixture.c",
             (int) route->operation.len, route->operation.data);
    return (struct ask) { 0 };
}
