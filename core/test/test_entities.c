/*
 * Entity requests of partners (WSP_ERRORS_PARTNER): whose key, client and user
 * pass, what the others are told, and how soon a change is heard.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

#define NOT_PROVISIONED                                                      \
    "{\"detail\":\"no workspace is provisioned for this client\"}"
#define NO_KEY "{\"detail\":\"Invalid or missing API key\"}"
#define NO_MEMBER "{\"detail\":\"the user is not a member of this workspace\"}"

static struct driver *d;

/* Partners ats-1 and ats-2, and a key that is no partner's. */
static char key[128];
static char other_key[128];
static char key_record[128];        /* in Redis */
static char records[128];           /* begins the keys of ats-1 */
static char other_records[128];
static const char plain_key[] = "key";      /* printf key | b2sum -l 256 */
#define PLAIN_RECORD                                                         \
    "wsp:k:447f0b47ade868b5ba625ee132e0b708"                                 \
    "14231c780f362e883bb3fda138e1476f"

/* Of ats-1: client acme-corp, with owner, recruiter and viewer.  Of ats-2:
 * client other-corp, with the same users.  Nobody has client nobody-corp. */
static char workspace[24];

static void register_one(const char *id, char *api_key, size_t size,
                         char *prefix, size_t prefix_size) {
    char body[128];
    char pattern[64];
    snprintf(body, sizeof body, "{\"id\":\"%s\",\"name\":\"Some\"}", id);
    const struct answer *made = driver_ask(
        d, (struct ask) { .dialect = WSP_OPERATOR, .method = "POST",
                          .path = "/partners", .nobody = true,
                          .body = body });
    assert_status(made, 201);
    take_value(made, "api_key", api_key, size);
    snprintf(pattern, sizeof pattern, "wsp:*:%s:pt", id);
    const char *found = redis_text(
        "EVAL %s 0 %s", "return redis.call('KEYS', ARGV[1])[1]", pattern);
    snprintf(prefix, prefix_size, "%.*s", (int) strlen(found) - 2, found);
}

static const char *provision(const char *tenant, const char *prefix,
                             const char *client) {
    static const char *const users[] = { "recruiter", "viewer" };
    static const char *const roles[] = { "[\"member\"]", "[\"viewer\"]" };
    const struct answer *made = driver_ask(
        d, (struct ask) { .method = "POST", .tenant = tenant,
                          .user = "owner", .body = "{\"name\":\"Corp\"}" });
    assert_status(made, 200);
    const char *id = id_in(made);
    for (size_t i = 0; i < COUNT_OF(users); i++) {
        char path[64];
        char body[128];
        snprintf(path, sizeof path, "/%s/members", id);
        snprintf(body, sizeof body, "{\"userId\":\"%s\",\"roles\":%s}",
                 users[i], roles[i]);
        assert_status(driver_ask(d, (struct ask) {
                          .method = "POST", .path = path, .tenant = tenant,
                          .user = "owner", .body = body }),
                      200);
    }
    redis_do("SET %se:%s %s", prefix, client, id);
    redis_do("HSET %sw:%s external %s", prefix, id, client);
    return id;
}

static int make_world(void **state) {
    (void) state;
    d = driver_new((struct driver_options) { .cache_size = 1 << 20,
                                             .max_stale_ms = 10000,
                                             .with_status = true });
    redis_flush();
    driver_until_log(d, "tracking link is ready");
    driver_until_log(d, "Redis link is ready");
    register_one("ats-1", key, sizeof key, records, sizeof records);
    register_one("ats-2", other_key, sizeof other_key, other_records,
                 sizeof other_records);
    snprintf(workspace, sizeof workspace, "%s",
             provision("ats-1", records, "acme-corp"));
    provision("ats-2", other_records, "other-corp");
    snprintf(key_record, sizeof key_record, "wsp:k:%s",
             redis_text("HGET %spt key", records));
    redis_do("HSET %s tenant ats-1 user owner", PLAIN_RECORD);
    redis_save();
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

static struct ask entity(const char *client, const char *user) {
    return (struct ask) {
        .access = true, .errors = WSP_ERRORS_PARTNER, .api_key = key,
        .user = user,
        .headers = { "X-ATS-Client-ID", client, "X-ATS-User-ID", user } };
}

static const struct answer *assert_decided(struct ask ask, unsigned status,
                                           const char *reason) {
    const struct answer *got = driver_ask(d, ask);
    assert_status(got, status);
    assert_string_equal(got->decided.reason, reason);
    assert_int_equal(got->decided.verdict,
                     status == 200   ? WSP_ALLOWED
                     : status == 503 ? WSP_UNDECIDED
                                     : WSP_REFUSED);
    if (status == 200) {
        return got;
    }
    assert_string_equal(got->content_type,
                        "application/json; charset=utf-8");
    assert_string_equal(got->decided.workspace_id, "");
    assert_string_equal(got->decided.name, "");
    assert_string_equal(got->decided.roles, "");
    return got;
}

static void assert_refused(struct ask ask, unsigned status,
                           const char *reason, const char *body) {
    assert_string_equal(assert_decided(ask, status, reason)->body, body);
}

/* -- who passes ------------------------------------------------------------ */

static void a_member_of_a_provisioned_workspace_passes(void **state) {
    (void) state;
    const struct decided *made =
        &assert_decided(entity("acme-corp", "recruiter"), 200, "member")
             ->decided;
    assert_string_equal(made->workspace_id, workspace);
    assert_string_equal(made->external_id, "acme-corp");
    assert_string_equal(made->tenant, "ats-1");
    assert_string_equal(made->user, "recruiter");
    assert_string_equal(made->roles, "member");
    assert_decided(entity("acme-corp", "owner"), 200, "owner");
}

static void the_user_needs_the_permission(void **state) {
    (void) state;
    struct ask ask = entity("acme-corp", "viewer");
    ask.permission = "candidates:view";
    assert_decided(ask, 200, "member");
    ask.permission = "candidates:create";
    assert_refused(ask, 403, "no_permission",
                   "{\"detail\":\"permission required\"}");
}

/* The key acts as a tenant admin in the partner dialect, and not here. */
static void a_key_is_no_member(void **state) {
    (void) state;
    assert_refused(entity("acme-corp", "stranger"), 403, "not_member",
                   NO_MEMBER);
    struct ask ask = entity("acme-corp", "stranger");
    ask.admin = "1";
    ask.permissions = "view_all_locations";
    assert_refused(ask, 403, "not_member", NO_MEMBER);
    /* nor has it a user of its own */
    redis_do("HSET %s user owner", key_record);
    driver_hear(d);
    ask = entity("acme-corp", NULL);
    ask.headers[2] = NULL;
    assert_refused(ask, 422, "bad_header",
                   "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"header\","
                   "\"X-ATS-User-ID\"],\"msg\":\"X-ATS-User-ID is "
                   "required\",\"input\":null}]}");
}

/* -- which key ------------------------------------------------------------- */

static void only_keys_of_partners_open_anything(void **state) {
    (void) state;
    struct ask ask = entity("acme-corp", "owner");
    const char *const wrong[] = { "", "x", plain_key };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        ask.api_key = wrong[i];
        assert_refused(ask, 401, "no_identity", NO_KEY);
    }
    /* one that is disabled, too, is nobody's */
    redis_do("HSET %s disabled 1", PLAIN_RECORD);
    driver_hear(d);
    assert_refused(ask, 401, "no_identity", NO_KEY);
    /* another source of identity is none here */
    ask.api_key = NULL;
    ask.tenant = "ats-1";
    ask.admin = "1";
    assert_refused(ask, 401, "no_identity", NO_KEY);
    assert_non_null(answer_header(driver_ask(d, ask), "WWW-Authenticate"));
}

static void a_disabled_key_is_heard_of_at_once(void **state) {
    (void) state;
    assert_decided(entity("acme-corp", "owner"), 200, "owner");
    redis_do("HSET %s disabled 1", key_record);
    driver_hear(d);
    assert_refused(entity("acme-corp", "owner"), 403, "no_identity",
                   "{\"detail\":\"this API key is disabled\"}");
    redis_do("HDEL %s disabled", key_record);
    driver_hear(d);
    assert_decided(entity("acme-corp", "owner"), 200, "owner");
    redis_do("DEL %s", key_record);
    driver_hear(d);
    assert_refused(entity("acme-corp", "owner"), 401, "no_identity", NO_KEY);
}

static void the_key_goes_before_the_headers(void **state) {
    (void) state;
    struct ask ask = { .access = true, .errors = WSP_ERRORS_PARTNER,
                       .api_key = "x" };
    assert_refused(ask, 401, "no_identity", NO_KEY);
    redis_do("HSET %s disabled 1", key_record);
    driver_hear(d);
    ask.api_key = key;
    assert_decided(ask, 403, "no_identity");
}

/* -- which client ---------------------------------------------------------- */

/* How many reads Redis has been asked for. */
static long long reads(void) {
    static const char *const commands[] = { "get", "hget", "hmget" };
    const char *stats = redis_text("INFO commandstats");
    long long sum = 0;
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        char name[64];
        snprintf(name, sizeof name, "cmdstat_%s:calls=", commands[i]);
        const char *at = strstr(stats, name);
        sum += at == NULL ? 0 : atoll(at + strlen(name));
    }
    return sum;
}

static void nobody_tells_a_foreign_client_from_none(void **state) {
    (void) state;
    static const char *const users[] = { "owner", "recruiter", "stranger" };
    assert_decided(entity("acme-corp", "owner"), 200, "owner");
    for (size_t u = 0; u < COUNT_OF(users); u++) {
        /* the key is in the cache; the rest is not, and then is */
        for (int again = 0; again < 2; again++) {
            const struct answer *got[2];
            long long cost[2];
            static const char *const clients[] = { "other-corp",
                                                   "nobody-corp" };
            for (size_t c = 0; c < COUNT_OF(clients); c++) {
                long long before = reads();
                got[c] = assert_decided(entity(clients[c], users[u]), 409,
                                        "no_workspace");
                cost[c] = reads() - before;
            }
            assert_string_equal(got[0]->body, NOT_PROVISIONED);
            assert_string_equal(got[0]->body, got[1]->body);
            assert_string_equal(got[0]->headers, got[1]->headers);
            assert_int_equal(cost[0], cost[1]);
            assert_true(again ? cost[0] == 0 : cost[0] > 0);
        }
    }
    /* and it is the other's */
    struct ask ask = entity("other-corp", "owner");
    ask.api_key = other_key;
    assert_decided(ask, 200, "owner");
    ask.headers[1] = "acme-corp";
    assert_decided(ask, 409, "no_workspace");
}

static void an_id_names_nothing_here(void **state) {
    (void) state;
    assert_refused(entity(workspace, "owner"), 409, "no_workspace",
                   NOT_PROVISIONED);
    redis_do("HSET %su:owner active %s", records, workspace);
    driver_hear(d);
    struct ask ask = { .access = true, .errors = WSP_ERRORS_PARTNER,
                       .api_key = key, .user = "owner",
                       .headers = { "X-Workspace-ID", workspace } };
    assert_decided(ask, 422, "bad_header");
    ask.headers[0] = NULL;
    assert_decided(ask, 422, "bad_header");
}

static void a_name_that_leads_nowhere(void **state) {
    (void) state;
    static const char *const odd[] = { "", "0", "-1", "x", "4711" };
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        redis_do("SET %se:odd %s", records, odd[i]);
        driver_hear(d);
        for (int again = 0; again < 2; again++) {
            assert_decided(entity("odd", "owner"), 409, "no_workspace");
        }
    }
}

static void provisioning_is_heard_of_at_once(void **state) {
    (void) state;
    assert_decided(entity("new-corp", "owner"), 409, "no_workspace");
    assert_decided(entity("new-corp", "owner"), 409, "no_workspace");
    provision("ats-1", records, "new-corp");
    driver_hear(d);
    assert_decided(entity("new-corp", "owner"), 200, "owner");
}

static void who_was_removed_is_heard_of_at_once(void **state) {
    (void) state;
    char path[64];
    assert_decided(entity("acme-corp", "recruiter"), 200, "member");
    snprintf(path, sizeof path, "/%s/members/recruiter", workspace);
    assert_status(driver_ask(d, (struct ask) { .method = "DELETE",
                                               .path = path,
                                               .tenant = "ats-1",
                                               .user = "owner" }),
                  200);
    driver_hear(d);
    for (int again = 0; again < 2; again++) {
        assert_refused(entity("acme-corp", "recruiter"), 403, "not_member",
                       NO_MEMBER);
    }
    snprintf(path, sizeof path, "/%s/members", workspace);
    assert_status(driver_ask(d, (struct ask) {
                      .method = "POST", .path = path, .tenant = "ats-1",
                      .user = "owner",
                      .body = "{\"userId\":\"recruiter\","
                              "\"roles\":[\"member\"]}" }),
                  200);
    driver_hear(d);
    assert_decided(entity("acme-corp", "recruiter"), 200, "member");
}

/* Members and strangers alike, be it that the name still leads there. */
static void a_deleted_workspace_is_not_provisioned(void **state) {
    (void) state;
    char path[64];
    assert_decided(entity("acme-corp", "owner"), 200, "owner");
    assert_decided(entity("acme-corp", "stranger"), 403, "not_member");
    snprintf(path, sizeof path, "/%s", workspace);
    assert_status(driver_ask(d, (struct ask) { .method = "DELETE",
                                               .path = path,
                                               .tenant = "ats-1",
                                               .user = "owner" }),
                  200);
    driver_hear(d);
    for (int again = 0; again < 2; again++) {
        assert_decided(entity("acme-corp", "owner"), 409, "no_workspace");
        assert_decided(entity("acme-corp", "stranger"), 409, "no_workspace");
    }
}

/* -- the headers ----------------------------------------------------------- */

/* input: JSON of what came there */
static void assert_invalid(struct ask ask, const char *type,
                           const char *header, const char *what,
                           const char *input) {
    char body[640];
    snprintf(body, sizeof body,
             "{\"detail\":[{\"type\":\"%s\",\"loc\":[\"header\",\"%s\"],"
             "\"msg\":\"%s %s\",\"input\":%s}]}",
             type, header, header, what, input);
    assert_refused(ask, 422, "bad_header", body);
}

static void both_headers_are_required(void **state) {
    (void) state;
    struct ask ask = entity("acme-corp", "owner");
    ask.headers[0] = "X-Other";
    assert_invalid(ask, "missing", "X-ATS-Client-ID", "is required", "null");
    ask = entity("acme-corp", NULL);
    ask.headers[2] = NULL;
    assert_invalid(ask, "missing", "X-ATS-User-ID", "is required", "null");
    /* by the name that they have */
    ask = entity("acme-corp", "owner");
    ask.external_header = "X-Client";
    assert_invalid(ask, "missing", "X-Client", "is required", "null");
    ask.headers[0] = "x-client";
    assert_decided(ask, 200, "owner");
}

static void each_is_given_once(void **state) {
    (void) state;
    static const char *const names[] = { "X-ATS-Client-ID", "X-ATS-User-ID" };
    static const char *const lower[] = { "x-ats-client-id", "x-ats-user-id" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        for (int same = 0; same < 2; same++) {
            struct ask ask = entity("acme-corp", "owner");
            ask.headers[4] = lower[i];
            ask.headers[5] = same ? ask.headers[2 * i + 1] : "x";
            assert_invalid(ask, "value_error", names[i],
                           "is given more than once",
                           i == 0 ? "\"acme-corp\"" : "\"owner\"");
        }
    }
}

static void odd_ids_are_refused(void **state) {
    (void) state;
    char long_id[300];
    memset(long_id, 'x', sizeof long_id);
    long_id[sizeof long_id - 1] = '\0';
    char long_input[302];
    snprintf(long_input, sizeof long_input, "\"%s\"", long_id);
    static const char size[] = "must be 1 to 255 bytes of UTF-8";
    static const char dots[] =
        "must not be '.' or '..', nor have them between slashes";
    const struct {
        const char *id;
        const char *input;
        const char *rule;
    } odd[] = {
        { "", "\"\"", size }, { "a\nb", "\"a\\nb\"", size },
        { "\xff", "null", size }, { "..", "\"..\"", dots },
        { "a/../b", "\"a/../b\"", dots }, { long_id, long_input, size },
    };
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        assert_invalid(entity(odd[i].id, "owner"), "value_error",
                       "X-ATS-Client-ID", odd[i].rule, odd[i].input);
        struct ask ask = entity("acme-corp", odd[i].id);
        assert_decided(ask, 422, "bad_header");
        assert_holds(driver_ask(d, ask)->body,
                     "\"loc\":[\"header\",\"X-ATS-User-ID\"]");
    }
    /* and these name themselves */
    const char *const good[] = { "a:b", "a%2Fb", "{62}", "a b", "*",
                                 "acme-corp ", "Acme-corp" };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_decided(entity(good[i], "owner"), 409, "no_workspace");
        assert_decided(entity("acme-corp", good[i]), 403, "not_member");
    }
}

/* -- undecided ------------------------------------------------------------- */

static void what_cannot_be_read_leaves_it_undecided(void **state) {
    (void) state;
    static const char *const users[] = { "owner", "stranger" };
    for (int members = 0; members < 2; members++) {
        char suffix[64];
        snprintf(suffix, sizeof suffix, "w:%s%s", workspace,
                 members ? ":m" : "");
        for (size_t u = 0; u < COUNT_OF(users); u++) {
            redis_restore();
            driver_hear(d);
            struct ask ask = entity("acme-corp", users[u]);
            driver_ask(d, ask);
            redis_do("DEL %s%s", records, suffix);
            redis_do("SET %s%s x", records, suffix);
            driver_hear(d);
            const struct answer *got =
                assert_decided(ask, 503, "store_unavailable");
            assert_holds(got->body, "{\"detail\":\"");
            assert_string_equal(answer_header(got, "Retry-After"), "1");
        }
    }
}

static void without_redis_it_is_undecided(void **state) {
    (void) state;
    struct driver *away = driver_new((struct driver_options) {
        .url = "unix:/nonexistent", .cache_size = 1 << 20 });
    away->refuse = true;
    const struct answer *got =
        driver_ask(away, entity("acme-corp", "owner"));
    assert_status(got, 503);
    assert_int_equal(got->decided.verdict, WSP_UNDECIDED);
    assert_holds(got->body, "{\"detail\":\"");
    assert_string_equal(answer_header(got, "Retry-After"), "1");
    struct ask ask = entity("acme-corp", "owner");
    ask.api_key = "";
    assert_status(driver_ask(away, ask), 401);
    driver_free(away);
}

static void there_are_two_kinds_of_errors(void **state) {
    (void) state;
    wsp_access_request request = { .size = sizeof request, .errors = 2 };
    wsp_op *op = NULL;
    assert_int_equal(wsp_access_new(&op, d->core, &request, NULL),
                     WSP_INVALID);
    request.errors = -1;
    assert_int_equal(wsp_access_new(&op, d->core, &request, NULL),
                     WSP_INVALID);
    assert_null(op);
}

#define TEST(name) cmocka_unit_test_setup(name, as_it_was)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_member_of_a_provisioned_workspace_passes),
        TEST(the_user_needs_the_permission),
        TEST(a_key_is_no_member),
        TEST(only_keys_of_partners_open_anything),
        TEST(a_disabled_key_is_heard_of_at_once),
        TEST(the_key_goes_before_the_headers),
        TEST(nobody_tells_a_foreign_client_from_none),
        TEST(an_id_names_nothing_here),
        TEST(a_name_that_leads_nowhere),
        TEST(provisioning_is_heard_of_at_once),
        TEST(who_was_removed_is_heard_of_at_once),
        TEST(a_deleted_workspace_is_not_provisioned),
        TEST(both_headers_are_required),
        TEST(each_is_given_once),
        TEST(odd_ids_are_refused),
        TEST(what_cannot_be_read_leaves_it_undecided),
        TEST(without_redis_it_is_undecided),
        TEST(there_are_two_kinds_of_errors),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
