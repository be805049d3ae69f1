/* The partner dialect: workspaces and members by REST. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

#define ATS "wsp:{49}:ats:"

static struct driver *d;
static struct fixture world;
static char other_key[64];      /* of the partner other */

static int make_world(void **state) {
    (void) state;
    d = driver_new((struct driver_options) { .queue = 4096 });
    fixture_make(d, &world);
    take_value(register_partner(d, "other"), "api_key", other_key,
               sizeof other_key);
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
    driver_forget(d);
    d->stopped_clock = false;
    return 0;
}

static struct ask partner(const char *method, const char *path,
                          const char *body) {
    return (struct ask) { .dialect = WSP_PARTNER, .method = method,
                          .path = path, .api_key = world.partner_key,
                          .body = body };
}

static const struct answer *ask(const char *method, const char *path,
                                const char *body) {
    return driver_ask(d, partner(method, path, body));
}

static const char acme[] = "/workspaces/acme-corp";
static const char members[] = "/workspaces/acme-corp/members";

static const char *new_client(const char *id) {
    static char body[4096];
    snprintf(body, sizeof body,
             "{\"client_id\":\"%s\",\"name\":\"N\",\"admin_name\":\"A\","
             "\"admin_email\":\"a@example.com\"}", id);
    return body;
}

/* RFC 9562, 5.7, of this time. */
static void assert_reference(const struct answer *got, int64_t unix_ms) {
    char id[64];
    unsigned long long high, low;
    unsigned version, variant;
    char end;
    take_value(got, "reference_id", id, sizeof id);
    assert_int_equal(strlen(id), 36);
    assert_int_equal(strspn(id, "0123456789abcdef-"), 36);
    assert_int_equal(sscanf(id, "%8llx-%4llx-%4x-%4x-%*12[0-9a-f]%c", &high,
                            &low, &version, &variant, &end), 4);
    assert_int_equal((int64_t) (high << 16 | low), unix_ms);
    assert_int_equal(version >> 12, 7);
    assert_int_equal(variant >> 14, 2);
}

static void a_reference_is_a_uuid_of_its_time(void **state) {
    (void) state;
    static const int64_t times[] = { 0, 1, 1767225600123, 281474976710655 };
    char before[128] = "";
    driver_until_log(d, "ready");
    d->stopped_clock = true;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        d->wall_ms = times[i];
        const struct answer *got = ask("PATCH", acme, "{\"name\":\"X\"}");
        assert_status(got, 202);
        assert_reference(got, times[i]);
        assert_string_not_equal(got->body, before);
        snprintf(before, sizeof before, "%s", got->body);
    }
}

static void a_workspace_is_made_with_its_admin(void **state) {
    (void) state;
    const struct answer *got = ask("POST", "/workspaces",
        "{\"client_id\":\"new\",\"name\":\"New\",\"admin_name\":\"Ann\","
        "\"admin_email\":\"Ann@Example.com\",\"user_id\":\"no\"}");
    assert_status(got, 202);
    assert_string_equal(answer_header(got, "ETag"), "\"1\"");
    got = ask("GET", "/workspaces/new", NULL);
    assert_status(got, 200);
    assert_holds(got->body, "{\"client_id\":\"new\",\"name\":\"New\","
                            "\"created_at\":\"20");
    got = ask("GET", "/workspaces/new/members", NULL);
    assert_body(got, "{\"members\":[{\"user_id\":\"ann@example.com\","
                     "\"name\":\"Ann\",\"email\":\"Ann@Example.com\","
                     "\"roles\":[\"admin\"]}]}");
    assert_string_equal(redis_text("GET " ATS "e:new"), "2");
    assert_string_equal(redis_text("HGET " ATS "w:2 owner"),
                        "ann@example.com");
}

static void the_admin_is_who_the_header_says(void **state) {
    (void) state;
    struct ask by = partner("POST", "/workspaces", new_client("new"));
    by.user = "U-1";
    assert_status(driver_ask(d, by), 202);
    assert_holds(ask("GET", "/workspaces/new/members", NULL)->body,
                 "\"user_id\":\"U-1\",\"name\":\"A\"");
}

static void a_user_that_is_no_id_is_told_as_a_header(void **state) {
    (void) state;
    struct ask by = partner("POST", "/workspaces", new_client("new"));
    by.user = "a\tb";
    by.headers[0] = "x-ats-user-id";
    by.headers[1] = "a\tb";
    const struct answer *got = driver_ask(d, by);
    assert_status(got, 422);
    assert_holds(got->body, "\"loc\":[\"header\",\"X-ATS-User-ID\"]");
    assert_holds(got->body, "\"input\":\"a\\tb\"");
}

static void two_users_are_refused(void **state) {
    (void) state;
    const char *const second[] = { "U-1", "U-2", "" };
    const char *before = redis_digest();
    for (size_t i = 0; i < COUNT_OF(second); i++) {
        struct ask by = partner("POST", "/workspaces", new_client("new"));
        by.user = "U-1";
        by.headers[0] = "X-ATS-User-ID";
        by.headers[1] = "U-1";
        by.headers[2] = "x-ats-user-id";
        by.headers[3] = second[i];
        const struct answer *got = driver_ask(d, by);
        assert_status(got, 422);
        assert_body(got, "{\"detail\":[{\"type\":\"value_error\",\"loc\":"
                         "[\"header\",\"X-ATS-User-ID\"],\"msg\":"
                         "\"X-ATS-User-ID is given more than once\","
                         "\"input\":\"U-1\"}]}");
    }
    assert_string_equal(before, redis_digest());
}

static void a_client_id_is_taken_once(void **state) {
    (void) state;
    const struct answer *got =
        ask("POST", "/workspaces", new_client("acme-corp"));
    assert_status(got, 409);
    assert_body(got, "{\"detail\":\"there is a workspace with this client_id "
                     "already\"}");
}

static void of_a_hundred_at_once_one_makes_it(void **state) {
    (void) state;
    enum { AT_ONCE = 100, WORKERS = 2 };
    struct driver *workers[WORKERS] = {
        d, driver_new((struct driver_options) { .queue = 4096 })
    };
    struct flight *flights[AT_ONCE];
    driver_until_log(workers[1], "ready");
    for (int i = 0; i < AT_ONCE; i++) {
        flights[i] = driver_start(
            workers[i % WORKERS],
            partner("POST", "/workspaces", new_client("crowd")));
    }
    int made = 0;
    for (int i = 0; i < AT_ONCE; i++) {
        while (!flights[i]->done) {
            driver_turn(workers[0], 1);
            driver_turn(workers[1], 1);
        }
        made += flights[i]->answer.status == 202;
        if (flights[i]->answer.status != 202) {
            assert_status(&flights[i]->answer, 409);
        }
    }
    assert_int_equal(made, 1);
    assert_int_equal(redis_number("ZCARD " ATS "ws"), 2);
    driver_free(workers[1]);
}

static void what_is_deleted_leaves_its_client_id(void **state) {
    (void) state;
    assert_status(ask("DELETE", acme, NULL), 202);
    assert_status(ask("GET", acme, NULL), 404);
    assert_status(ask("DELETE", acme, NULL), 404);
    assert_int_equal(redis_number("EXISTS " ATS "e:acme-corp"), 0);
    assert_int_equal(redis_number("EXISTS " ATS "w:1"), 0);
    assert_status(ask("POST", "/workspaces", new_client("acme-corp")), 202);
    assert_status(ask("GET", "/workspaces/acme-corp/members", NULL), 200);
    assert_lacks(ask("GET", members, NULL)->body, "target");
}

static void a_client_id_may_have_any_character(void **state) {
    (void) state;
    static const struct {
        const char *id, *path;
    } cases[] = {
        { "a/b", "/workspaces/a%2Fb" },
        { ":{*%2F", "/workspaces/%3A%7B%2A%252F" },
        { "\xc3\xbc", "/workspaces/%c3%bc" },
        { "Acme-Corp", "/workspaces/Acme-Corp" },
        { "acme-corp ", "/workspaces/acme-corp%20" },
        { "members", "/workspaces/members" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_status(ask("GET", cases[i].path, NULL), 404);
        assert_status(ask("POST", "/workspaces", new_client(cases[i].id)),
                      202);
        char id[64];
        const struct answer *got = ask("GET", cases[i].path, NULL);
        assert_status(got, 200);
        take_value(got, "client_id", id, sizeof id);
        assert_string_equal(id, cases[i].id);
    }
    assert_int_equal(redis_number("ZCARD " ATS "ws"), 1 + COUNT_OF(cases));
}

static void members_come_and_go(void **state) {
    (void) state;
    char long_name[800];
    char body[1024];
    long_name[0] = '\0';
    for (int i = 0; i < 255; i++) {
        strcat(long_name, "\xe2\x82\xac");
    }
    snprintf(body, sizeof body,
             "{\"user_id\":\"r 2\",\"name\":\"%s\",\"email\":\"r@x.y\"}",
             long_name);
    const struct answer *got = ask("POST", members, body);
    assert_status(got, 202);
    assert_string_equal(answer_header(got, "ETag"), "\"3\"");
    got = ask("GET", members, NULL);
    assert_holds(got->body, "{\"user_id\":\"target\",\"name\":\"Jane Smith\","
                            "\"email\":\"jane@acme.com\",\"roles\":"
                            "[\"member\"]}");
    assert_holds(got->body, long_name);
    got = ask("POST", members, body);
    assert_status(got, 409);
    assert_body(got, "{\"detail\":\"already a member\"}");
    assert_status(ask("DELETE", "/workspaces/acme-corp/members/r%202", NULL),
                  202);
    got = ask("DELETE", "/workspaces/acme-corp/members/r%202", NULL);
    assert_status(got, 404);
    assert_body(got, "{\"detail\":\"not a member\"}");
}

static void the_owner_stays(void **state) {
    (void) state;
    const char *before = redis_digest();
    const struct answer *got = ask(
        "DELETE", "/workspaces/acme-corp/members/admin%40acme.com", NULL);
    assert_status(got, 409);
    assert_body(got, "{\"detail\":\"the owner must stay an admin of the "
                     "workspace\"}");
    assert_string_equal(before, redis_digest());
}

static void what_is_wrong_is_said_with_what_came(void **state) {
    (void) state;
    char big[6000] = "";
    char big_body[6100];
    memset(big, 'x', 5000);
    snprintf(big_body, sizeof big_body, "{\"name\":\"%s\"}", big);
#define LENGTH "must be 1 to 255 characters, without control characters"
#define DOTS "must not be '.' or '..', nor have them between slashes"
    const struct {
        const char *method, *path, *body, *detail;
    } cases[] = {
        { "PATCH", acme, "{}",
          "{\"type\":\"missing\",\"loc\":[\"body\",\"name\"],"
          "\"msg\":\"name is required\",\"input\":{}}" },
        { "PATCH", acme, "{\"nam\":[1]}",
          "{\"type\":\"missing\",\"loc\":[\"body\",\"name\"],"
          "\"msg\":\"name is required\",\"input\":{\"nam\":[1]}}" },
        { "PATCH", acme, "{\"name\":null}",
          "{\"type\":\"string_type\",\"loc\":[\"body\",\"name\"],"
          "\"msg\":\"name must be a string\",\"input\":null}" },
        { "PATCH", acme, "{\"name\":[1,{\"a\":2.5}]}",
          "{\"type\":\"string_type\",\"loc\":[\"body\",\"name\"],"
          "\"msg\":\"name must be a string\",\"input\":[1,{\"a\":2.5}]}" },
        { "PATCH", acme, "{\"name\":\"\"}",
          "{\"type\":\"value_error\",\"loc\":[\"body\",\"name\"],"
          "\"msg\":\"name " LENGTH "\",\"input\":\"\"}" },
        { "PATCH", acme, big_body,
          "{\"type\":\"value_error\",\"loc\":[\"body\",\"name\"],"
          "\"msg\":\"name " LENGTH "\",\"input\":null}" },
        { "POST", "/workspaces", "{\"name\":\"N\"}",
          "{\"type\":\"missing\",\"loc\":[\"body\",\"client_id\"],"
          "\"msg\":\"client_id is required\",\"input\":{\"name\":\"N\"}}" },
        { "POST", "/workspaces", "{\"client_id\":7}",
          "{\"type\":\"string_type\",\"loc\":[\"body\",\"client_id\"],"
          "\"msg\":\"client_id must be a string\",\"input\":7}" },
        { "POST", "/workspaces", "{\"client_id\":\"\"}",
          "{\"type\":\"value_error\",\"loc\":[\"body\",\"client_id\"],"
          "\"msg\":\"client_id must be a string of 1 to 255 bytes, without "
          "control characters\",\"input\":\"\"}" },
        { "POST", "/workspaces", "{\"client_id\":\"..\"}",
          "{\"type\":\"value_error\",\"loc\":[\"body\",\"client_id\"],"
          "\"msg\":\"client_id " DOTS "\",\"input\":\"..\"}" },
        { "POST", members, "{\"user_id\":\"a/./b\"}",
          "{\"type\":\"value_error\",\"loc\":[\"body\",\"user_id\"],"
          "\"msg\":\"user_id " DOTS "\",\"input\":\"a/./b\"}" },
        { "POST", "/workspaces",
          "{\"client_id\":\"x\",\"name\":\"N\",\"admin_name\":\"\\n\"}",
          "{\"type\":\"value_error\",\"loc\":[\"body\",\"admin_name\"],"
          "\"msg\":\"admin_name " LENGTH "\",\"input\":\"\\n\"}" },
        { "POST", "/workspaces",
          "{\"client_id\":\"x\",\"name\":\"N\",\"admin_name\":\"A\","
          "\"admin_email\":\"a\"}",
          "{\"type\":\"value_error\",\"loc\":[\"body\",\"admin_email\"],"
          "\"msg\":\"admin_email must be an e-mail address\","
          "\"input\":\"a\"}" },
        { "POST", members, "{\"user_id\":\"u\",\"name\":\"N\"}",
          "{\"type\":\"missing\",\"loc\":[\"body\",\"email\"],"
          "\"msg\":\"email is required\",\"input\":{\"user_id\":\"u\","
          "\"name\":\"N\"}}" },
    };
#undef LENGTH
#undef DOTS
    const char *before = redis_digest();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char whole[1024];
        snprintf(whole, sizeof whole, "{\"detail\":[%s]}", cases[i].detail);
        const struct answer *got =
            ask(cases[i].method, cases[i].path, cases[i].body);
        assert_status(got, 422);
        assert_body(got, whole);
    }
    assert_string_equal(before, redis_digest());
}

static void each_required_field_is_asked_for(void **state) {
    (void) state;
    static const char *const of_workspace[] = {
        "client_id", "name", "admin_name", "admin_email"
    };
    static const char *const of_member[] = { "user_id", "name", "email" };
    const struct {
        const char *path;
        const char *const *fields;
        size_t count;
    } bodies[] = {
        { "/workspaces", of_workspace, COUNT_OF(of_workspace) },
        { members, of_member, COUNT_OF(of_member) },
    };
    for (size_t b = 0; b < COUNT_OF(bodies); b++) {
        for (size_t left = 0; left < bodies[b].count; left++) {
            char body[256] = "{\"more\":1";
            char wanted[64];
            for (size_t i = 0; i < bodies[b].count; i++) {
                if (i != left) {
                    sprintf(body + strlen(body), ",\"%s\":\"a@example.com\"",
                            bodies[b].fields[i]);
                }
            }
            strcat(body, "}");
            snprintf(wanted, sizeof wanted, "\"loc\":[\"body\",\"%s\"]",
                     bodies[b].fields[left]);
            const struct answer *got = ask("POST", bodies[b].path, body);
            assert_status(got, 422);
            assert_holds(got->body, wanted);
        }
    }
}

static void other_errors_are_a_sentence(void **state) {
    (void) state;
    struct ask twice = partner("POST", "/workspaces", new_client("k"));
    twice.headers[0] = "Idempotency-Key";
    twice.headers[1] = "";
    const struct {
        struct ask ask;
        unsigned status;
        const char *body;
    } cases[] = {
        { partner("PATCH", acme, "{"), 400, "line 1, column" },
        { partner("PATCH", acme, "[]"), 400,
          "{\"detail\":\"the body must be a JSON object\"}" },
        { partner("PATCH", acme, "{\"name\":\"a\",\"name\":\"b\"}"), 400,
          "{\"detail\":\"" },
        { partner("PUT", acme, "{}"), 405,
          "{\"detail\":\"method not allowed\"}" },
        { partner("GET", "/workspaces", NULL), 405,
          "{\"detail\":\"method not allowed\"}" },
        { partner("GET", "/else", NULL), 404, "{\"detail\":\"not found\"}" },
        { partner("GET", "/workspaces/none", NULL), 404,
          "{\"detail\":\"workspace not found\"}" },
        { twice, 400, "{\"detail\":\"Idempotency-Key must be" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct answer *got = driver_ask(d, cases[i].ask);
        assert_status(got, cases[i].status);
        assert_holds(got->body, cases[i].body);
    }
    assert_string_equal(answer_header(ask("PUT", acme, "{}"), "Allow"),
                        "GET, HEAD, PATCH, DELETE");
}

static void a_revision_may_be_asked_for(void **state) {
    (void) state;
    const struct answer *got = ask("GET", acme, NULL);
    assert_string_equal(answer_header(got, "ETag"), "\"2\"");
    struct ask put = partner("PATCH", acme, "{\"name\":\"B\"}");
    put.headers[0] = "If-Match";
    put.headers[1] = "\"1\"";
    assert_status(driver_ask(d, put), 412);
    put.headers[1] = "\"2\"";
    got = driver_ask(d, put);
    assert_status(got, 202);
    assert_string_equal(answer_header(got, "ETag"), "\"3\"");
    struct ask again = partner("GET", acme, NULL);
    again.headers[0] = "If-None-Match";
    again.headers[1] = "\"3\"";
    assert_status(driver_ask(d, again), 304);
    struct ask gone = partner("DELETE", acme, NULL);
    gone.headers[0] = "If-Match";
    gone.headers[1] = "\"2\"";
    assert_status(driver_ask(d, gone), 412);
}

static void a_request_under_a_key_is_done_once(void **state) {
    (void) state;
    char first[128];
    struct ask post = partner("POST", "/workspaces", new_client("once"));
    post.headers[0] = "Idempotency-Key";
    post.headers[1] = "k-1";
    snprintf(first, sizeof first, "%s", driver_ask(d, post)->body);
    const struct answer *got = driver_ask(d, post);
    assert_status(got, 202);
    assert_body(got, first);
    assert_string_equal(answer_header(got, "ETag"), "\"1\"");
    post.body = new_client("another");
    got = driver_ask(d, post);
    assert_status(got, 422);
    assert_body(got, "{\"detail\":[{\"type\":\"value_error\",\"loc\":"
                     "[\"header\",\"Idempotency-Key\"],\"msg\":\"this "
                     "Idempotency-Key was used for another request\","
                     "\"input\":\"k-1\"}]}");
    /* another partner's is another key */
    post.api_key = other_key;
    assert_status(driver_ask(d, post), 202);
}

static void two_partners_may_use_one_client_id(void **state) {
    (void) state;
    struct ask of_other = partner("GET", acme, NULL);
    of_other.api_key = other_key;
    assert_status(driver_ask(d, of_other), 404);
    struct ask makes = partner("POST", "/workspaces",
                               new_client("acme-corp"));
    makes.api_key = other_key;
    assert_status(driver_ask(d, makes), 202);
    assert_holds(driver_ask(d, of_other)->body, "\"name\":\"N\"");
    assert_holds(ask("GET", acme, NULL)->body, "\"name\":\"Acme Corp\"");
    of_other.method = "DELETE";
    assert_status(driver_ask(d, of_other), 202);
    assert_status(ask("GET", acme, NULL), 200);
}

/* -- events --------------------------------------------------------------- */

/* How many there are besides the fixture's, whose id is behind all that are
 * made; the body of one of them. */
static int deliveries(char *body, size_t size) {
    redisReply *all = redis_run("ZRANGE " ATS "ys 0 -1");
    int count = (int) all->elements - 1;
    if (count > 0 && body != NULL) {
        snprintf(body, size, "%s", redis_text("HGET " ATS "y:%s body",
                                              all->element[0]->str));
    }
    freeReplyObject(all);
    return count;
}

static void assert_told(const struct answer *answered, const char *event,
                        const char *data) {
    char body[1024], reference[64], wanted[512];
    assert_status(answered, 202);
    take_value(answered, "reference_id", reference, sizeof reference);
    assert_int_equal(deliveries(body, sizeof body), 1);
    snprintf(wanted, sizeof wanted, "{\"event\":\"%s\",\"event_id\":\"",
             event);
    assert_holds(body, wanted);
    snprintf(wanted, sizeof wanted, "\"reference_id\":\"%s\",", reference);
    assert_holds(body, wanted);
    assert_holds(body, "\"status\":\"success\",\"error\":null,");
    snprintf(wanted, sizeof wanted, "\"data\":%s}", data);
    assert_holds(body, wanted);
    redis_restore();
}

static void the_partner_is_told_of_what_was_asked(void **state) {
    (void) state;
    static const char workspace[] =
        "{\"client_id\":\"new\",\"name\":\"N\"}";
    static const char member[] =
        "{\"client_id\":\"acme-corp\",\"user_id\":\"u\",\"name\":\"U\","
        "\"email\":\"U@x.y\"}";
    assert_told(ask("POST", "/workspaces", new_client("new")),
                "workspace.provisioned", workspace);
    assert_told(ask("POST", members,
                    "{\"user_id\":\"u\",\"name\":\"U\","
                    "\"email\":\"U@x.y\"}"),
                "workspace.member_added", member);
    struct ask event = {
        .dialect = WSP_PARTNER, .method = "POST", .path = "/webhooks/ats",
        .nobody = true, .sign_with = world.partner_secret,
        .body = "{\"event\":\"workspace.created\",\"event_id\":\"1\","
                "\"client_id\":\"new\",\"name\":\"N\","
                "\"admin_name\":\"A\",\"admin_email\":\"a@x.y\"}"
    };
    assert_told(driver_ask(d, event), "workspace.provisioned", workspace);
    event.body = "{\"event\":\"member.created\",\"event_id\":\"1\","
                 "\"client_id\":\"acme-corp\",\"user_id\":\"u\","
                 "\"name\":\"U\",\"email\":\"U@x.y\"}";
    assert_told(driver_ask(d, event), "workspace.member_added", member);
}

static void of_nothing_else_is_told(void **state) {
    (void) state;
    assert_status(ask("PATCH", acme, "{\"name\":\"X\"}"), 202);
    assert_status(ask("DELETE", "/workspaces/acme-corp/members/target",
                      NULL), 202);
    assert_status(ask("POST", "/workspaces", new_client("acme-corp")), 409);
    assert_status(ask("DELETE", acme, NULL), 202);
    assert_int_equal(deliveries(NULL, 0), 0);
}

static void what_is_asked_twice_is_told_once(void **state) {
    (void) state;
    struct ask post = partner("POST", "/workspaces", new_client("once"));
    post.headers[0] = "Idempotency-Key";
    post.headers[1] = "k-1";
    struct ask event = {
        .dialect = WSP_PARTNER, .method = "POST", .path = "/webhooks/ats",
        .nobody = true, .sign_with = world.partner_secret,
        .body = "{\"event\":\"member.created\",\"event_id\":\"1\","
                "\"client_id\":\"acme-corp\",\"user_id\":\"u\","
                "\"name\":\"U\",\"email\":\"u@x.y\"}"
    };
    for (int i = 0; i < 3; i++) {
        assert_status(driver_ask(d, post), 202);
        assert_status(driver_ask(d, event), 202);
    }
    assert_int_equal(deliveries(NULL, 0), 2);
}

static void nobody_is_told_where_nobody_listens(void **state) {
    (void) state;
    static const char *const records[] = {
        "HSET " ATS "pt url %s", "HSET " ATS "pt stopped %s"
    };
    static const char *const values[] = { "", "answered 410" };
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        redis_restore();
        redis_do(records[i], values[i]);
        assert_status(ask("POST", "/workspaces", new_client("new")), 202);
        assert_int_equal(deliveries(NULL, 0), 0);
    }
}

/* -- keys ----------------------------------------------------------------- */

static const char *record_of(const char *tenant) {
    static char name[128];
    redisReply *keys = redis_run("KEYS wsp:{*}:%s:pt", tenant);
    assert_int_equal(keys->elements, 1);
    char hash[80];
    snprintf(hash, sizeof hash, "%s",
             redis_text("HGET %s key", keys->element[0]->str));
    freeReplyObject(keys);
    snprintf(name, sizeof name, "wsp:k:%s", hash);
    return name;
}

static void user_is_named(struct ask *at) { at->user = "admin@acme.com"; }
static void key_is_missing(struct ask *at) { at->api_key = ""; }
static void key_is_unknown(struct ask *at) { at->api_key = "wsk_unknown"; }

static void key_is_long(struct ask *at) {
    static char text[600];
    memset(text, 'k', sizeof text - 1);
    at->api_key = text;
}

static void trusted_admin(struct ask *at) {
    at->api_key = NULL;
    at->tenant = "ats";
    at->user = "admin@acme.com";
    at->admin = "1";
}

static void key_is_of_no_partner(struct ask *at) {
    (void) at;
    redis_do("HDEL %s partner", record_of("ats"));
}

static void key_is_disabled(struct ask *at) {
    (void) at;
    redis_do("HSET %s disabled 1", record_of("ats"));
}

static void key_is_disabled_and_of_no_partner(struct ask *at) {
    key_is_disabled(at);
    key_is_of_no_partner(at);
}

static void key_is_anothers(struct ask *at) { at->api_key = other_key; }
static void key_is_right(struct ask *at) { (void) at; }

enum { SUCCESS = 0, NOT_THERE = 1 };

static const struct {
    const char *what;
    void (*is)(struct ask *at);
    unsigned status;            /* or: success; no such workspace */
} keys[] = {
    { "no key", key_is_missing, 401 },
    { "an unknown key", key_is_unknown, 401 },
    { "a long key", key_is_long, 401 },
    { "no key, but a trusted admin", trusted_admin, 401 },
    { "a key of no partner", key_is_of_no_partner, 401 },
    { "a disabled key of no partner", key_is_disabled_and_of_no_partner,
      401 },
    { "a disabled key", key_is_disabled, 403 },
    { "another partner's key", key_is_anothers, NOT_THERE },
    { "the right key", key_is_right, SUCCESS },
    { "the right key and a user", user_is_named, SUCCESS },
};

static void each_route_asks_for_a_partners_key(void **state) {
    (void) state;
    unsigned cells = 0;
    for (struct a_route at = { 0 }; next_route(&at);) {
        if (at.route.needs != WSP_NEEDS_PARTNER &&
            at.route.needs != WSP_NEEDS_PARTNER_HERE) {
            continue;
        }
        for (size_t i = 0; i < COUNT_OF(keys); i++) {
            redis_restore();
            struct ask it = allowed_sample_of(&at, NULL);
            keys[i].is(&it);
            unsigned wanted = keys[i].status;
            if (wanted == SUCCESS ||
                (wanted == NOT_THERE &&
                 at.route.needs == WSP_NEEDS_PARTNER)) {
                wanted = sample_status(&at);
            } else if (wanted == NOT_THERE) {
                wanted = 404;
            }
            const char *before = redis_digest();
            const struct answer *got = driver_ask(d, it);
            bool same = strcmp(before, redis_digest()) == 0;
            if (got->status != wanted ||
                same != !(writes(&at) && wanted < 300))
            {
                fail_msg("%s %s with %s: %u, Redis %s; %s", it.method,
                         it.path, keys[i].what, got->status,
                         same ? "unchanged" : "changed", got->body);
            }
            if (wanted == 401) {
                assert_body(got, "{\"detail\":\"Invalid or missing API "
                                 "key\"}");
                assert_non_null(answer_header(got, "WWW-Authenticate"));
            } else if (wanted == 403) {
                assert_body(got,
                            "{\"detail\":\"this API key is disabled\"}");
            }
            if (got->status >= 400) {
                assert_lacks(got->body, "Acme");
                assert_lacks(got->body, "jane");
            }
            /* what is ats' stays so */
            if (strcmp(keys[i].what, "another partner's key") == 0) {
                assert_string_equal(redis_text("HGET " ATS "w:1 name"),
                                    "Acme Corp");
                assert_int_equal(redis_number("ZCARD " ATS "ws"), 1);
            }
            cells++;
            driver_forget(d);
        }
    }
    assert_int_equal(cells, 7 * COUNT_OF(keys));
}

static void another_dialect_takes_the_key_as_that_of_a_user(void **state) {
    (void) state;
    struct ask it = { .api_key = world.partner_key, .path = "/all" };
    assert_status(driver_ask(d, it), 401);
    it.user = "admin@acme.com";
    assert_status(driver_ask(d, it), 403);
    it.path = "/1";
    assert_status(driver_ask(d, it), 200);
}

static void a_path_of_no_route_asks_for_the_key_first(void **state) {
    (void) state;
    static const char *const paths[] = { "/else", "", "/workspaces/a/b/c" };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct ask it = partner("GET", paths[i], NULL);
        it.api_key = "";
        assert_status(driver_ask(d, it), 401);
    }
}

static void entities_are_scoped_by_the_client_id(void **state) {
    (void) state;
    struct ask it = { .api_key = world.partner_key, .user = "target",
                      .headers = { "X-ATS-Client-ID", "acme-corp" } };
    const struct answer *got = driver_access(d, it);
    assert_int_equal(got->decided.verdict, WSP_ALLOWED);
    assert_string_equal(got->decided.external_id, "acme-corp");
    assert_string_equal(got->decided.tenant, "ats");
    it.api_key = other_key;
    assert_int_equal(driver_access(d, it)->decided.verdict, WSP_REFUSED);
    it.api_key = world.partner_key;
    assert_status(ask("DELETE", "/workspaces/acme-corp/members/target",
                      NULL), 202);
    assert_int_equal(driver_access(d, it)->decided.verdict, WSP_REFUSED);
}

#define TEST(name) cmocka_unit_test_setup(name, as_it_was)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_reference_is_a_uuid_of_its_time),
        TEST(a_workspace_is_made_with_its_admin),
        TEST(the_admin_is_who_the_header_says),
        TEST(a_user_that_is_no_id_is_told_as_a_header),
        TEST(two_users_are_refused),
        TEST(a_client_id_is_taken_once),
        TEST(of_a_hundred_at_once_one_makes_it),
        TEST(what_is_deleted_leaves_its_client_id),
        TEST(a_client_id_may_have_any_character),
        TEST(members_come_and_go),
        TEST(the_owner_stays),
        TEST(what_is_wrong_is_said_with_what_came),
        TEST(each_required_field_is_asked_for),
        TEST(other_errors_are_a_sentence),
        TEST(a_revision_may_be_asked_for),
        TEST(a_request_under_a_key_is_done_once),
        TEST(two_partners_may_use_one_client_id),
        TEST(the_partner_is_told_of_what_was_asked),
        TEST(of_nothing_else_is_told),
        TEST(what_is_asked_twice_is_told_once),
        TEST(nobody_is_told_where_nobody_listens),
        TEST(each_route_asks_for_a_partners_key),
        TEST(another_dialect_takes_the_key_as_that_of_a_user),
        TEST(a_path_of_no_route_asks_for_the_key_first),
        TEST(entities_are_scoped_by_the_client_id),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
