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

/* What stands for a parameter of a pattern in the world of the fixture. */
static char role_argument[24], invitation_argument[24], token_argument[64];
static char partner_key[64], partner_secret[64];
static const char *const arguments[][2] = {
    { "{user}", "target" },
    { "{organization}", "acme" },
    { "{role}", role_argument },
    { "{invitation}", invitation_argument },
    { "{token}", token_argument },
    { "{subtype}", "B01" },
    { "{partner}", "ats" },
    { "{client}", "acme-corp" },
    { "{event}", "event-1" },
    { "{job}", "0123456789abcdef0123456789abcdef" },
    { "{tenant}", "ats" },
};

void take_value(const struct answer *from, const char *name, char *into,
                size_t size) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = strstr(from->body, quoted);
    if (at == NULL) {
        fail_msg("no %s in %s", name, from->body);
    }
    at += strlen(quoted);
    at += *at == '"';
    size_t length = strcspn(at, "\",}");
    assert_true(length < size);
    memcpy(into, at, length);
    into[length] = '\0';
}

/* As the owner, in the dialect location. */
static const struct answer *give(struct driver *d, const char *workspace,
                                 const char *path, const char *body) {
    const struct answer *made = driver_ask(
        d, (struct ask) { .dialect = WSP_LOCATION, .method = "POST",
                          .path = path, .user = "owner", .body = body,
                          .headers = { "X-Workspace-ID", workspace } });
    assert_status(made, 201);
    return made;
}

static void register_organization(struct driver *d, const char *tenant) {
    assert_status(driver_ask(d, (struct ask) {
                      .dialect = WSP_ORGANIZATION, .method = "POST",
                      .path = "/organizations", .tenant = tenant,
                      .user = "founder", .body = "{\"name\":\"Some\"}" }),
                  201);
}

const struct answer *register_partner(struct driver *d, const char *id) {
    char body[128];
    snprintf(body, sizeof body, "{\"id\":\"%s\",\"name\":\"Some\"}", id);
    const struct answer *made = driver_ask(
        d, (struct ask) { .dialect = WSP_OPERATOR, .method = "POST",
                          .path = "/partners", .nobody = true,
                          .body = body });
    assert_status(made, 201);
    return made;
}

static void provision(struct driver *d, const char *path, const char *body) {
    assert_status(driver_ask(d, (struct ask) {
                      .dialect = WSP_PARTNER, .method = "POST", .path = path,
                      .api_key = partner_key, .body = body }),
                  202);
}

static void make_partner(struct driver *d, struct fixture *made) {
    const struct answer *registered = register_partner(d, "ats");
    take_value(registered, "api_key", partner_key, sizeof partner_key);
    take_value(registered, "incoming_secret", partner_secret,
               sizeof partner_secret);
    memcpy(made->partner_key, partner_key, sizeof partner_key);
    memcpy(made->partner_secret, partner_secret, sizeof partner_secret);
    provision(d, "/workspaces",
              "{\"client_id\":\"acme-corp\",\"name\":\"Acme Corp\","
              "\"admin_name\":\"Admin User\","
              "\"admin_email\":\"Admin@acme.com\"}");
    provision(d, "/workspaces/acme-corp/members",
              "{\"user_id\":\"target\",\"name\":\"Jane Smith\","
              "\"email\":\"jane@acme.com\"}");
    /* from now on there are deliveries */
    assert_status(driver_ask(d, (struct ask) {
                      .dialect = WSP_OPERATOR, .method = "PATCH",
                      .path = "/partners/ats", .nobody = true,
                      .body = "{\"webhook_url\":"
                              "\"https://ats.example/hooks\"}" }),
                  200);
}

/* What was given up: a mail of acme's, and an event that ats should know. */
static void give_up(void) {
    static const char job[] = "0123456789abcdef0123456789abcdef";
    redis_do("HSET wsp:{62}::j:%s kind mail tenant acme lane %s created 1 "
             "tries 9 payload hush reason away", job, job);
    redis_do("ZADD wsp:{62}::dead:mail 1767225600000 %s", job);
    redis_do("HSET wsp:{49}:ats:y:event-1 event workspace.provisioned "
             "reference ref-1 client acme-corp state failed created 1 "
             "ended 2 tries 10 status 500 error away job none body {}");
    redis_do("ZADD wsp:{49}:ats:ys 0 event-1");
    redis_do("ZADD wsp:{49}:ats:yz 2 event-1");
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
    register_organization(d, "globex");
    register_organization(d, "acme");
    make_partner(d, made);
    give_up();
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
    give(d, id, "/workspace/roles",
         "{\"name\":\"billing_x\",\"display_name\":\"Billing\","
         "\"permissions\":[\"invoices:view\"]}");
    take_value(give(d, id, "/workspace/roles",
                    "{\"name\":\"spare\",\"display_name\":\"Spare\","
                    "\"permissions\":[\"invoices:view\"]}"),
               "id", role_argument, sizeof role_argument);
    const struct answer *sent =
        give(d, id, "/workspace/invitations",
             "{\"email\":\"guest@example.com\"}");
    take_value(sent, "id", invitation_argument, sizeof invitation_argument);
    take_value(sent, "token", token_argument, sizeof token_argument);
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

static const char *path_of(const wsp_route *route, const char *workspace) {
    static char paths[8][256];
    static unsigned which;
    char *path = paths[which++ % 8];
    char *to = path;
    const char *from = route->pattern.data;
    const char *end = from + route->pattern.len;
    while (from < end) {
        const char *value = NULL;
        if (*from == '{') {
            for (size_t i = 0; i < COUNT_OF(arguments); i++) {
                const char *name = arguments[i][0];
                if (strncmp(from, name, strlen(name)) == 0) {
                    value = arguments[i][1];
                }
            }
            if (strncmp(from, "{workspace}", 11) == 0) {
                value = workspace;
            } else if (value == NULL) {
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

enum {
    VARIES = 1,
    IDLE = 2,           /* changes nothing where nothing is to be changed */
    GUEST = 4,          /* the guest may, and nobody else */
    ORGANIZATION = 8,   /* its body names the organization */
    REFERENCE = 16      /* its answer holds an id that is new each time */
};

static const struct sample {
    int dialect;
    const char *operation;
    const char *body;
    int flags;
    unsigned status;        /* of success; 0: 200 */
    unsigned unseen;        /* of a workspace one may not see; 0: 404 */
} samples[] = {
    { WSP_PLATFORM, "workspace.list", .body = NULL },
    { WSP_PLATFORM, "workspace.create",
      .body = "{\"name\":\"New\",\"labels\":[\"red\",\"blue\"]}",
      .flags = VARIES },
    { WSP_PLATFORM, "workspace.search", .body = NULL },
    { WSP_PLATFORM, "workspace.get", .body = NULL },
    { WSP_PLATFORM, "workspace.update",
      .body = "{\"name\":\"Renamed\",\"labels\":[\"blue\"],"
              "\"logo\":null,"
              "\"invites\":[{\"email\":\"other@example.com\"}]}",
      .flags = VARIES },
    { WSP_PLATFORM, "workspace.delete", .body = NULL },
    { WSP_PLATFORM, "workspace.activate", .body = NULL },
    { WSP_PLATFORM, "member.list", .body = NULL },
    { WSP_PLATFORM, "member.add",
      .body = "{\"userId\":\"newcomer\",\"roles\":[\"member\"]}" },
    { WSP_PLATFORM, "member.update",
      .body = "{\"roles\":[\"admin\",\"user\"]}" },
    { WSP_PLATFORM, "member.remove", .body = NULL },
    { WSP_PLATFORM, "sealed.get", .body = NULL },
    { WSP_PLATFORM, "sealed.set", .body = "{\"apiKey\":\"secret\"}",
      .flags = VARIES },

    { WSP_ORGANIZATION, "workspace.list", .body = NULL },
    { WSP_ORGANIZATION, "workspace.create",
      .body = "{\"name\":\"New\",\"organization_id\":\"acme\","
              "\"settings\":{\"features\":{\"a\":true}}}",
      .flags = VARIES | ORGANIZATION, .status = 201 },
    { WSP_ORGANIZATION, "workspace.provision",
      .body = "{\"organization_id\":\"acme\",\"workspaces\":"
              "[{\"name\":\"One\"},{\"name\":\"Two\",\"settings\":"
              "{\"a\":1},\"members\":[{\"user_id\":\"newcomer\","
              "\"role\":\"viewer\"}]}]}",
      .flags = VARIES | ORGANIZATION, .status = 201 },
    { WSP_ORGANIZATION, "workspace.get", .body = NULL },
    { WSP_ORGANIZATION, "workspace.update",
      .body = "{\"name\":\"Renamed\",\"settings\":{\"a\":null}}" },
    { WSP_ORGANIZATION, "workspace.delete", .body = NULL },
    { WSP_ORGANIZATION, "workspace.clone",
      .body = "{\"name\":\"Copy\",\"copy_members\":true}",
      .flags = VARIES },
    { WSP_ORGANIZATION, "settings.get", .body = NULL },
    { WSP_ORGANIZATION, "settings.update",
      .body = "{\"permissions\":{\"a\":1},\"b\":[2.5]}" },
    /* it is there already: what it makes is seen in test_organization.c */
    { WSP_ORGANIZATION, "organization.create", .body = "{\"name\":\"A\"}",
      .status = 409 },
    { WSP_ORGANIZATION, "organization.get", .body = NULL },
    { WSP_ORGANIZATION, "organization.update",
      .body = "{\"name\":\"Acme & Sons\"}" },
    { WSP_ORGANIZATION, "organization.settings.get", .body = NULL },
    { WSP_ORGANIZATION, "organization.settings.update",
      .body = "{\"theme\":\"dark\",\"features\":{\"a\":1}}" },

    { WSP_LOCATION, "workspace.list", .body = NULL },
    { WSP_LOCATION, "workspace.create", .body = "{\"name\":\"New\"}",
      .flags = VARIES, .status = 201 },
    { WSP_LOCATION, "workspace.get", .body = NULL },
    { WSP_LOCATION, "workspace.update", .body = "{\"name\":\"Renamed\"}" },
    { WSP_LOCATION, "workspace.patch", .body = "{\"name\":\"Renamed\"}" },
    { WSP_LOCATION, "workspace.transfer",
      .body = "{\"user_id\":\"target\"}" },
    { WSP_LOCATION, "context.switch", .body = NULL, .unseen = 403 },
    { WSP_LOCATION, "context.leave", .body = NULL, .flags = IDLE },
    { WSP_LOCATION, "context.clear", .body = NULL, .flags = IDLE },
    { WSP_LOCATION, "member.list", .body = NULL, .unseen = 403 },
    { WSP_LOCATION, "member.update", .body = "{\"role\":\"spare\"}",
      .unseen = 403 },
    { WSP_LOCATION, "member.patch", .body = "{\"role\":\"admin\"}",
      .unseen = 403 },
    { WSP_LOCATION, "member.remove", .body = NULL, .unseen = 403 },
    { WSP_LOCATION, "role.list", .body = NULL, .unseen = 403 },
    { WSP_LOCATION, "role.create",
      .body = "{\"name\":\"sales_rep\",\"display_name\":\"Sales\","
              "\"permissions\":[\"invoices:view\",\"quotations:*\"]}",
      .flags = VARIES, .status = 201, .unseen = 403 },
    { WSP_LOCATION, "role.update",
      .body = "{\"permissions\":[\"products:view\"]}", .unseen = 403 },
    { WSP_LOCATION, "role.patch", .body = "{\"display_name\":\"Other\"}",
      .unseen = 403 },
    { WSP_LOCATION, "role.delete", .body = NULL, .unseen = 403 },
    { WSP_LOCATION, "invitation.list", .body = NULL, .unseen = 403 },
    { WSP_LOCATION, "invitation.send",
      .body = "{\"email\":\"other@example.com\",\"role\":\"spare\"}",
      .flags = VARIES, .status = 201, .unseen = 403 },
    { WSP_LOCATION, "invitation.revoke", .body = NULL, .unseen = 403 },
    { WSP_LOCATION, "invitation.resend", .body = NULL, .flags = VARIES,
      .unseen = 403 },
    { WSP_LOCATION, "invitation.get", .body = NULL },
    { WSP_LOCATION, "invitation.accept", .body = NULL, .flags = GUEST },
    { WSP_LOCATION, "invitation.decline", .body = NULL, .flags = GUEST },
    { WSP_LOCATION, "subtype.prefer",
      .body = "{\"document_type\":\"invoice\"}" },

    { WSP_OPERATOR, "partner.list", .body = NULL },
    { WSP_OPERATOR, "partner.register",
      .body = "{\"id\":\"ats-2\",\"name\":\"Another\","
              "\"webhook_url\":\"https://ats.example/hooks\"}",
      .flags = VARIES, .status = 201 },
    { WSP_OPERATOR, "partner.get", .body = NULL },
    { WSP_OPERATOR, "partner.update", .body = "{\"enabled\":false}" },
    { WSP_OPERATOR, "partner.rotate_key", .body = NULL, .flags = VARIES },
    { WSP_OPERATOR, "partner.rotate_incoming", .body = "{\"grace\":60}",
      .flags = VARIES },
    { WSP_OPERATOR, "partner.rotate_outgoing", .body = NULL,
      .flags = VARIES },
    { WSP_OPERATOR, "delivery.list", .body = NULL },
    { WSP_OPERATOR, "delivery.get", .body = NULL },
    { WSP_OPERATOR, "delivery.redeliver", .body = NULL, .flags = VARIES,
      .status = 202 },
    { WSP_OPERATOR, "dead_letter.list", .body = NULL },
    { WSP_OPERATOR, "dead_letter.drop", .body = NULL },
    { WSP_OPERATOR, "dead_letter.retry", .body = NULL, .status = 202 },
    { WSP_OPERATOR, "tenant.list", .body = NULL },
    { WSP_OPERATOR, "tenant.get", .body = NULL },
    { WSP_OPERATOR, "tenant.delete", .body = NULL, .flags = VARIES,
      .status = 202 },
    { WSP_OPERATOR, "rewrap.get", .body = NULL },
    { WSP_OPERATOR, "rewrap.start", .body = NULL, .flags = VARIES,
      .status = 202 },

    { WSP_PARTNER, "workspace.create",
      .body = "{\"client_id\":\"new-corp\",\"name\":\"New\","
              "\"admin_name\":\"A\",\"admin_email\":\"a@example.com\"}",
      .flags = VARIES | REFERENCE, .status = 202 },
    { WSP_PARTNER, "workspace.get", .body = NULL },
    { WSP_PARTNER, "workspace.update", .body = "{\"name\":\"Renamed\"}",
      .flags = REFERENCE, .status = 202 },
    { WSP_PARTNER, "workspace.delete", .body = NULL, .flags = REFERENCE,
      .status = 202 },
    { WSP_PARTNER, "member.list", .body = NULL },
    { WSP_PARTNER, "member.add",
      .body = "{\"user_id\":\"newcomer\",\"name\":\"New\","
              "\"email\":\"new@example.com\"}",
      .flags = VARIES | REFERENCE, .status = 202 },
    { WSP_PARTNER, "member.remove", .body = NULL, .flags = REFERENCE,
      .status = 202 },
    { WSP_PARTNER, "webhook.receive",
      .body = "{\"event\":\"member.created\",\"event_id\":\"evt-1\","
              "\"client_id\":\"acme-corp\",\"user_id\":\"newcomer\","
              "\"name\":\"New\",\"email\":\"new@example.com\"}",
      .flags = VARIES | REFERENCE, .status = 202 },
};

static const struct sample *find_sample(const struct a_route *at) {
    wsp_str operation = at->route.operation;
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        const char *name = samples[i].operation;
        if (samples[i].dialect == at->dialect &&
            strlen(name) == operation.len &&
            memcmp(name, operation.data, operation.len) == 0) {
            return &samples[i];
        }
    }
    fail_msg("no sample for %.*s of dialect %d: add one to fixture.c",
             (int) operation.len, operation.data, at->dialect);
    return NULL;
}

bool next_route(struct a_route *at) {
    while (at->dialect < WSP_DIALECTS) {
        if (wsp_route_get(&at->route, at->dialect, at->next) == WSP_OK) {
            at->next++;
            return true;
        }
        at->dialect++;
        at->next = 0;
    }
    return false;
}

bool writes(const struct a_route *at) {
    return at->route.method.data[0] != 'G';
}

bool is_about_one(const struct a_route *at) {
    switch ((enum wsp_needs) at->route.needs) {
    case WSP_NEEDS_NOBODY:
    case WSP_NEEDS_OPERATOR:
    case WSP_NEEDS_PARTNER:
    case WSP_NEEDS_PARTNER_HERE:    /* by no user's place in it */
    case WSP_NEEDS_IDENTITY:
    case WSP_NEEDS_TENANT_ADMIN:
        return false;
    case WSP_NEEDS_VIEWER:
    case WSP_NEEDS_MEMBER:
    case WSP_NEEDS_ADMIN:
    case WSP_NEEDS_OWNER:
    case WSP_NEEDS_TENANT_ADMIN_HERE:
        return true;
    }
    fail_msg("an unknown need: %d", at->route.needs);
    return false;
}

bool names_workspace(const struct a_route *at) {
    static const char name[] = "{workspace}";
    char pattern[128];
    snprintf(pattern, sizeof pattern, "%.*s", (int) at->route.pattern.len,
             at->route.pattern.data);
    return strstr(pattern, name) != NULL;
}

struct ask sample_of(const struct a_route *at, const char *workspace) {
    static char methods[8][8];
    static unsigned which;
    char *method = methods[which++ % 8];
    snprintf(method, sizeof methods[0], "%.*s", (int) at->route.method.len,
             at->route.method.data);
    struct ask ask = { .dialect = at->dialect, .method = method,
                       .path = path_of(&at->route, workspace),
                       .body = find_sample(at)->body };
    if (is_about_one(at) && !names_workspace(at)) {
        ask.headers[0] = "X-Workspace-ID";
        ask.headers[1] = workspace;
    }
    if (at->dialect == WSP_PARTNER && at->route.needs == WSP_NEEDS_NOBODY) {
        ask.sign_with = partner_secret;
    }
    return ask;
}

struct ask allowed_sample_of(const struct a_route *at,
                             const char *workspace) {
    struct ask ask = sample_of(at, workspace);
    if (at->dialect == WSP_PARTNER) {
        ask.api_key = partner_key;
    } else if (sample_is_guests(at)) {
        ask.user = "guest";
        ask.email = "guest@example.com";
    } else {
        ask.user = "owner";
        ask.admin = "1";
    }
    return ask;
}

unsigned sample_status(const struct a_route *at) {
    unsigned status = find_sample(at)->status;
    return status != 0 ? status : 200;
}

unsigned sample_unseen(const struct a_route *at) {
    unsigned status = find_sample(at)->unseen;
    return status != 0 ? status : 404;
}

bool sample_varies(const struct a_route *at) {
    return (find_sample(at)->flags & VARIES) != 0;
}

bool sample_has_reference(const struct a_route *at) {
    return (find_sample(at)->flags & REFERENCE) != 0;
}

bool sample_may_be_idle(const struct a_route *at) {
    return (find_sample(at)->flags & IDLE) != 0;
}

bool sample_is_guests(const struct a_route *at) {
    return (find_sample(at)->flags & GUEST) != 0;
}

bool sample_is_of_organization(const struct a_route *at) {
    char pattern[128];
    snprintf(pattern, sizeof pattern, "%.*s", (int) at->route.pattern.len,
             at->route.pattern.data);
    return strstr(pattern, "{organization}") != NULL ||
           (find_sample(at)->flags & ORGANIZATION) != 0;
}
