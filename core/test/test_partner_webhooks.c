/* Signed events that partners send. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "driver_links.h"
#include "fixture.h"
#include "redis.h"

#define ATS "wsp:{49}:ats:"

static const int64_t NOW = 1767225600;  /* seconds */

static struct driver *d;
static struct fixture world;
static char other_key[64];
static char other_secret[64];

static int make_world(void **state) {
    (void) state;
    d = driver_new((struct driver_options) { .queue = 4096 });
    fixture_make(d, &world);
    const struct answer *made = register_partner(d, "other");
    take_value(made, "api_key", other_key, sizeof other_key);
    take_value(made, "incoming_secret", other_secret, sizeof other_secret);
    redis_save();
    d->stopped_clock = true;
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
    d->wall_ms = NOW * 1000;
    return 0;
}

static struct ask event(const char *body) {
    return (struct ask) { .dialect = WSP_PARTNER, .method = "POST",
                          .path = "/webhooks/ats", .nobody = true,
                          .body = body, .sign_with = world.partner_secret };
}

static const struct answer *tell(const char *body) {
    return driver_ask(d, event(body));
}

static const struct answer *get(const char *path) {
    return driver_ask(d, (struct ask) { .dialect = WSP_PARTNER, .path = path,
                                        .api_key = world.partner_key });
}

/* {"event", "event_id", "client_id", ...}; static, for 4 calls */
static const char *body_of(const char *name, const char *id,
                           const char *client, const char *more) {
    static char bodies[4][1024];
    static unsigned which;
    char *body = bodies[which++ % 4];
    snprintf(body, sizeof bodies[0],
             "{\"event\":\"%s\",\"event_id\":\"%s\",\"client_id\":\"%s\"%s}",
             name, id, client, more);
    return body;
}

#define NEW_WORKSPACE                                                        \
    ",\"name\":\"N\",\"admin_name\":\"A\",\"admin_email\":\"A@x.example\""
#define NEW_MEMBER                                                           \
    ",\"user_id\":\"u-1\",\"name\":\"U\",\"email\":\"u@x.example\""

/* -- what events do ------------------------------------------------------- */

static void each_event_does_what_the_request_does(void **state) {
    (void) state;
    assert_status(tell("{\"event\":\"workspace.created\","
                       "\"event_id\":\"evt-ws-001\",\"client_id\":\"new\","
                       "\"user_id\":\"admin-user\",\"name\":\"Acme Corp\","
                       "\"admin_name\":\"Admin User\","
                       "\"admin_email\":\"admin@acme.com\"}"),
                  202);
    assert_body(get("/workspaces/new/members"),
                "{\"members\":[{\"user_id\":\"admin-user\",\"name\":\"Admin "
                "User\",\"email\":\"admin@acme.com\",\"roles\":[\"admin\"]}]}");
    assert_status(tell(body_of("workspace.updated", "2", "new",
                               ",\"name\":\"Other\"")), 202);
    assert_holds(get("/workspaces/new")->body, "\"name\":\"Other\"");
    assert_status(tell(body_of("member.created", "3", "new", NEW_MEMBER)),
                  202);
    assert_holds(get("/workspaces/new/members")->body,
                 "{\"user_id\":\"u-1\",\"name\":\"U\",\"email\":"
                 "\"u@x.example\",\"roles\":[\"member\"]}");
    assert_status(tell(body_of("member.deleted", "4", "new",
                               ",\"user_id\":\"u-1\"")), 202);
    assert_lacks(get("/workspaces/new/members")->body, "u-1");
    assert_status(tell(body_of("workspace.deleted", "5", "new", "")), 202);
    assert_status(get("/workspaces/new"), 404);
    assert_status(get("/workspaces/acme-corp"), 200);
}

static void without_a_user_the_admin_is_the_address(void **state) {
    (void) state;
    assert_status(tell(body_of("workspace.created", "1", "new",
                               NEW_WORKSPACE)), 202);
    assert_holds(get("/workspaces/new/members")->body,
                 "\"user_id\":\"a@x.example\",\"name\":\"A\"");
}

static void the_order_of_events_matters(void **state) {
    (void) state;
    static const char unknown[] =
        "{\"detail\":\"there is no workspace with this client_id: "
        "workspace.created comes first\"}";
    const char *before = redis_digest();
    const struct answer *got =
        tell(body_of("member.created", "1", "new", NEW_MEMBER));
    assert_status(got, 404);
    assert_body(got, unknown);
    assert_status(tell(body_of("workspace.updated", "2", "new",
                               ",\"name\":\"X\"")), 404);
    assert_status(tell(body_of("workspace.deleted", "3", "new", "")), 404);
    assert_string_equal(before, redis_digest());
    /* what was refused may come again */
    assert_status(tell(body_of("workspace.created", "4", "new",
                               NEW_WORKSPACE)), 202);
    assert_status(tell(body_of("member.created", "1", "new", NEW_MEMBER)),
                  202);
    /* a late one does not bring back what was deleted */
    assert_status(tell(body_of("workspace.deleted", "5", "new", "")), 202);
    got = tell(body_of("workspace.updated", "6", "new", ",\"name\":\"X\""));
    assert_status(got, 404);
    assert_body(got, unknown);
    assert_status(get("/workspaces/new"), 404);
    /* nor is one there made anew */
    got = tell(body_of("workspace.created", "7", "acme-corp",
                       NEW_WORKSPACE));
    assert_status(got, 409);
    assert_body(got, "{\"detail\":\"there is a workspace with this client_id "
                     "already\"}");
}

static void rules_are_those_of_the_requests(void **state) {
    (void) state;
    static const struct {
        const char *name, *more;
        unsigned status;
        const char *body;
    } cases[] = {
        { "member.created",
          ",\"user_id\":\"target\",\"name\":\"T\",\"email\":\"t@x.y\"", 409,
          "already a member" },
        { "member.deleted", ",\"user_id\":\"nobody\"", 404, "not a member" },
        { "member.deleted", ",\"user_id\":\"admin@acme.com\"", 409,
          "the owner must stay an admin" },
        { "workspace.exploded", "", 422, "\"loc\":[\"body\",\"event\"]" },
        { "", "", 422, "\"loc\":[\"body\",\"event\"]" },
        { "workspace.updated", "", 422, "\"loc\":[\"body\",\"name\"]" },
        { "workspace.created", "", 422, "\"loc\":[\"body\",\"name\"]" },
        { "workspace.created", NEW_WORKSPACE ",\"user_id\":\"\"", 422,
          "\"loc\":[\"body\",\"user_id\"]" },
        { "member.created", ",\"user_id\":1", 422,
          "\"loc\":[\"body\",\"user_id\"]" },
        { "member.deleted", "", 422, "\"loc\":[\"body\",\"user_id\"]" },
    };
    const char *before = redis_digest();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct answer *got =
            tell(body_of(cases[i].name, "e", "acme-corp", cases[i].more));
        assert_status(got, cases[i].status);
        assert_holds(got->body, cases[i].body);
    }
    assert_string_equal(before, redis_digest());
}

static void a_signed_body_is_looked_at(void **state) {
    (void) state;
    static const struct {
        const char *body;
        unsigned status;
        const char *part;
    } cases[] = {
        { "", 400, "{\"detail\":\"" },
        { "{", 400, "line 1" },
        { "[]", 400, "must be a JSON object" },
        { "{}", 422, "{\"type\":\"missing\",\"loc\":[\"body\",\"event\"]" },
        { "{\"event\":1}", 422, "[\"body\",\"event\"]" },
        { "{\"event\":\"workspace.deleted\"}", 422,
          "[\"body\",\"event_id\"]" },
        { "{\"event\":\"workspace.deleted\",\"event_id\":7}", 422,
          "[\"body\",\"event_id\"]" },
        { "{\"event\":\"workspace.deleted\",\"event_id\":\"7\"}", 422,
          "[\"body\",\"client_id\"]" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct answer *got = tell(cases[i].body);
        assert_status(got, cases[i].status);
        assert_holds(got->body, cases[i].part);
    }
}

static void one_partner_cannot_touch_anothers_workspace(void **state) {
    (void) state;
    static const struct {
        const char *name, *more;
    } cases[] = {
        { "workspace.updated", ",\"name\":\"Mine\"" },
        { "workspace.deleted", "" },
        { "member.created", NEW_MEMBER },
        { "member.deleted", ",\"user_id\":\"target\"" },
    };
    const char *before = redis_digest();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ask it = event(body_of(cases[i].name, "e", "acme-corp",
                                      cases[i].more));
        it.path = "/webhooks/other";
        it.sign_with = other_secret;
        assert_status(driver_ask(d, it), 404);
        /* signed by one, sent as the other */
        it.path = "/webhooks/ats";
        assert_status(driver_ask(d, it), 401);
    }
    assert_string_equal(before, redis_digest());
    struct ask makes = event(body_of("workspace.created", "e", "acme-corp",
                                     NEW_WORKSPACE));
    makes.path = "/webhooks/other";
    makes.sign_with = other_secret;
    assert_status(driver_ask(d, makes), 202);
    assert_holds(get("/workspaces/acme-corp")->body,
                 "\"name\":\"Acme Corp\"");
}

/* -- signatures ----------------------------------------------------------- */

static const char renames[] =
    "{\"event\":\"workspace.updated\",\"event_id\":\"r\","
    "\"client_id\":\"acme-corp\",\"name\":\"Renamed\"}";

/* "t=...,v1=..." of a body at a time; static, for 8 calls */
static const char *signed_at(int64_t unix_s, const char *secret,
                             const char *body) {
    static char made[8][WSP_SIGNATURE_SIZE];
    static unsigned which;
    char *signature = made[which++ % 8];
    wsp_webhook_sign(signature, str(secret), unix_s, str(body));
    return signature;
}

static const char *mac_of(const char *signature) {
    return strstr(signature, "v1=") + 3;
}

static struct ask with_header(const char *name, const char *value) {
    struct ask it = event(renames);
    it.sign_with = NULL;
    it.headers[0] = name;
    it.headers[1] = value;
    return it;
}

static void assert_unsigned(struct ask it) {
    static char first[256];
    const struct answer *got = driver_ask(d, it);
    assert_status(got, 401);
    assert_body(got, "{\"detail\":\"Invalid signature\"}");
    if (first[0] == '\0') {
        snprintf(first, sizeof first, "%s", got->headers);
    }
    assert_string_equal(got->headers, first);
}

static void what_is_not_signed_is_refused_alike(void **state) {
    (void) state;
    const char *good = signed_at(NOW, world.partner_secret, renames);
    const char *mac = mac_of(good);
    char texts[12][256];
    size_t count = 0;
#define ADD(...) snprintf(texts[count++], sizeof texts[0], __VA_ARGS__)
    ADD("t=%lld", (long long) NOW);
    ADD("v1=%s", mac);
    ADD("t=%lld,v1=", (long long) NOW);
    ADD("t=%lld,v1=%.63s", (long long) NOW, mac);
    ADD("t=%lld,v1=%s0", (long long) NOW, mac);
    ADD("t=%lld,v1=%c%s", (long long) NOW, mac[0] == '0' ? '1' : '0',
        mac + 1);
    ADD("t=%lld,t=%lld,v1=%s", (long long) NOW, (long long) NOW, mac);
    ADD("t=%lld,v0=%s", (long long) NOW, mac);
    ADD("t=%lld,v1=%s", (long long) NOW + 1, mac);
    ADD("t=0%lld,v1=%s", (long long) NOW, mac);
    ADD("t=%lld.0,v1=%s", (long long) NOW, mac);
    ADD("t=%lld,v1=\"%s\"", (long long) NOW, mac);
#undef ADD
    const char *before = redis_digest();
    for (size_t i = 0; i < count; i++) {
        assert_unsigned(with_header("X-Webhook-Signature", texts[i]));
    }
    assert_unsigned(with_header("X-Webhook-Signature", ""));
    assert_unsigned(with_header("X-Signature", good));
    assert_unsigned(with_header("X-Webhook-Signature",
                                signed_at(NOW, "another", renames)));
    assert_unsigned(with_header("X-Webhook-Signature",
                                signed_at(NOW, "", renames)));
    assert_unsigned(with_header("X-Webhook-Signature",
                                signed_at(NOW, "no secret", renames)));
    /* upper-case hexadecimal */
    char upper[WSP_SIGNATURE_SIZE];
    snprintf(upper, sizeof upper, "%s", good);
    for (char *c = upper + strlen(upper) - 64; *c != '\0'; c++) {
        *c = *c >= 'a' ? (char) (*c - 'a' + 'A') : *c;
    }
    assert_unsigned(with_header("X-Webhook-Signature", upper));
    /* the body of another */
    struct ask changed = with_header("X-Webhook-Signature", good);
    changed.body = "{\"event\":\"workspace.updated\",\"event_id\":\"r\","
                   "\"client_id\":\"acme-corp\",\"name\":\"renamed\"}";
    assert_unsigned(changed);
    changed.body = NULL;
    assert_unsigned(changed);
    /* two headers, each of them good */
    struct ask twice = with_header("X-Webhook-Signature", good);
    twice.headers[2] = "x-webhook-signature";
    twice.headers[3] = good;
    assert_unsigned(twice);
    /* nobody knows the partner */
    struct ask unknown = with_header("X-Webhook-Signature", good);
    unknown.path = "/webhooks/nobody";
    assert_unsigned(unknown);
    unknown.path = "/webhooks/%00";
    assert_unsigned(unknown);
    unknown.path = "/webhooks/acme";    /* a tenant that is no partner */
    assert_unsigned(unknown);
    assert_string_equal(before, redis_digest());
    assert_status(driver_ask(d, with_header("X-Webhook-Signature", good)),
                  202);
}

static void other_forms_of_a_good_signature_are_taken(void **state) {
    (void) state;
    const char *good = signed_at(NOW, world.partner_secret, renames);
    const char *old = signed_at(NOW, "another", renames);
    char texts[4][512];
    snprintf(texts[0], sizeof texts[0], "v1=%s,t=%lld", mac_of(good),
             (long long) NOW);
    snprintf(texts[1], sizeof texts[1], "t=%lld, v1=%s,  v1=%s",
             (long long) NOW, mac_of(old), mac_of(good));
    snprintf(texts[2], sizeof texts[2], "%s,v1=%s", good, mac_of(old));
    snprintf(texts[3], sizeof texts[3], "v0=abc,%s,v2=x", good);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        redis_restore();
        assert_status(driver_ask(d, with_header("X-WEBHOOK-SIGNATURE",
                                                texts[i])), 202);
    }
}

static void the_time_may_be_300_seconds_off(void **state) {
    (void) state;
    static const struct {
        int64_t off_ms;
        unsigned status;
    } cases[] = {
        { 0, 202 }, { 300999, 202 }, { 301000, 401 }, { -300000, 202 },
        { -300001, 401 }, { -86400000, 401 }, { 86400000, 401 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        redis_restore();
        d->wall_ms = NOW * 1000 + cases[i].off_ms;
        struct ask it = with_header(
            "X-Webhook-Signature",
            signed_at(NOW, world.partner_secret, renames));
        assert_status(driver_ask(d, it), cases[i].status);
    }
}

static long long commands(void) {
    redisReply *info = redis_run("INFO stats");
    const char *at = strstr(info->str, "total_commands_processed:");
    long long count = atoll(strchr(at, ':') + 1);
    freeReplyObject(info);
    return count;
}

static void an_unknown_partner_takes_the_same_work(void **state) {
    (void) state;
    static const char *const paths[] = { "/webhooks/ats", "/webhooks/nobody",
                                         "/webhooks/acme" };
    long long first = 0;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct ask it = with_header("X-Webhook-Signature", "t=1,v1=2");
        it.path = paths[i];
        long long before = commands();
        assert_unsigned(it);
        long long asked = commands() - before;
        first = i == 0 ? asked : first;
        assert_int_equal(asked, first);
    }
    assert_false(driver_logged(d, "does not open"));
}

/* Two secrets of one tenant: it is registered twice. */
static void both_secrets_are_valid_for_a_time_of_grace(void **state) {
    (void) state;
    char again[64], newest[64];
    redis_do("RENAME " ATS "pt kept");
    take_value(register_partner(d, "ats"), "incoming_secret", newest,
               sizeof newest);
    snprintf(again, sizeof again, "%lld", (long long) NOW * 1000 + 1000);
    redisReply *old = redis_run("HGET kept in");
    redis_do("HSET " ATS "pt in_old %b in_until %s", old->str, old->len,
             again);
    freeReplyObject(old);
    struct ask by_old = event(body_of("workspace.updated", "a", "acme-corp",
                                      ",\"name\":\"A\""));
    struct ask by_new = event(body_of("workspace.updated", "b", "acme-corp",
                                      ",\"name\":\"B\""));
    by_new.sign_with = newest;
    assert_status(driver_ask(d, by_old), 202);
    assert_status(driver_ask(d, by_new), 202);
    d->wall_ms += 999;
    assert_status(driver_ask(d, by_old), 202);
    d->wall_ms += 1;
    assert_status(driver_ask(d, by_old), 401);
    assert_status(driver_ask(d, by_new), 202);
}

static void a_disabled_partner_is_told_so_if_it_is_one(void **state) {
    (void) state;
    redis_do("HSET " ATS "pt enabled 0");
    const char *before = redis_digest();
    const struct answer *got = tell(renames);
    assert_status(got, 403);
    assert_body(got, "{\"detail\":\"this partner is disabled\"}");
    assert_unsigned(with_header("X-Webhook-Signature",
                                signed_at(NOW, "another", renames)));
    assert_string_equal(before, redis_digest());
}

static void a_secret_that_does_not_open_is_an_error(void **state) {
    (void) state;
    redis_do("HSET " ATS "pt in broken");
    assert_status(tell(renames), 500);
    assert_true(driver_logged(d, "3 webhook.receive: a secret does not open, "
                                 "incoming, partner \"ats\""));
    bytes_clear(&d->log);
}

static void without_a_key_ring_nothing_is_taken(void **state) {
    (void) state;
    struct driver *bare =
        driver_new((struct driver_options) { .no_keys = true });
    bare->stopped_clock = true;
    assert_status(driver_ask(bare, event(renames)), 503);
    struct ask unknown = event(renames);
    unknown.path = "/webhooks/nobody";
    assert_status(driver_ask(bare, unknown), 503);
    driver_free(bare);
}

static void secrets_are_in_no_answer_and_no_log(void **state) {
    (void) state;
    assert_lacks(tell(renames)->body, world.partner_secret);
    assert_status(tell("{\"event\":\"?\"}"), 422);
    assert_false(driver_logged(d, world.partner_secret));
    assert_int_equal(redis_mentions(world.partner_secret,
                                    strlen(world.partner_secret)), 0);
}

/* -- once ----------------------------------------------------------------- */

static void an_event_is_carried_out_once(void **state) {
    (void) state;
    char first[128];
    const char *body = body_of("member.created", "evt-1", "acme-corp",
                               NEW_MEMBER);
    snprintf(first, sizeof first, "%s", tell(body)->body);
    const char *after = redis_digest();
    assert_status(tell(body), 202);
    d->wall_ms += 200000;       /* a new t */
    const struct answer *again = tell(body);
    assert_status(again, 202);
    assert_body(again, first);
    assert_string_equal(after, redis_digest());
    /* also when it would be refused now */
    assert_status(tell(body_of("workspace.deleted", "evt-2", "acme-corp",
                               "")), 202);
    again = tell(body);
    assert_status(again, 202);
    assert_body(again, first);
    assert_status(get("/workspaces/acme-corp"), 404);
    /* under another id it is another event */
    assert_status(tell(body_of("member.created", "evt-3", "acme-corp",
                               NEW_MEMBER)), 404);
}

static void another_body_under_an_event_id_is_a_conflict(void **state) {
    (void) state;
    assert_status(tell(body_of("member.created", "evt-1", "acme-corp",
                               NEW_MEMBER)), 202);
    const char *after = redis_digest();
    const struct answer *got = tell(body_of("member.created", "evt-1",
                                            "acme-corp", NEW_MEMBER " "));
    assert_status(got, 409);
    assert_body(got,
                "{\"detail\":\"this event_id was used for another event\"}");
    assert_string_equal(after, redis_digest());
}

static void event_ids_are_a_partners_own(void **state) {
    (void) state;
    const char *body = body_of("workspace.created", "evt-1", "new",
                               NEW_WORKSPACE);
    assert_status(tell(body), 202);
    struct ask of_other = event(body);
    of_other.path = "/webhooks/other";
    of_other.sign_with = other_secret;
    assert_status(driver_ask(d, of_other), 202);
    assert_status(get("/workspaces/new"), 200);
    assert_int_equal(redis_number("EXISTS wsp:{32}:other:e:new"), 1);
}

static void an_event_is_known_for_seven_days(void **state) {
    (void) state;
    assert_status(tell(renames), 202);
    redisReply *kept = redis_run("KEYS " ATS "x:*");
    assert_int_equal(kept->elements, 1);
    long long ms = redis_number("PTTL %s", kept->element[0]->str);
    assert_in_range(ms, 604800000 - 60000, 604800000);
    freeReplyObject(kept);
}

static void of_fifty_at_once_one_is_carried_out(void **state) {
    (void) state;
    enum { AT_ONCE = 50, WORKERS = 2 };
    struct driver *workers[WORKERS] = {
        d, driver_new((struct driver_options) { .queue = 4096 })
    };
    driver_until_log(workers[1], "ready");
    workers[1]->stopped_clock = true;
    workers[1]->wall_ms = d->wall_ms;
    static const struct {
        const char *name, *client, *more;
    } cases[] = {
        { "workspace.created", "crowd", NEW_WORKSPACE },
        { "member.created", "acme-corp", NEW_MEMBER },
        { "member.deleted", "acme-corp", ",\"user_id\":\"target\"" },
        { "workspace.deleted", "acme-corp", "" },
    };
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        redis_restore();
        const char *body = body_of(cases[c].name, "one", cases[c].client,
                                   cases[c].more);
        struct flight *flights[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++) {
            flights[i] = driver_start(workers[i % WORKERS], event(body));
        }
        for (int i = 0; i < AT_ONCE; i++) {
            while (!flights[i]->done) {
                driver_turn(workers[0], 1);
                driver_turn(workers[1], 1);
            }
            assert_status(&flights[i]->answer, 202);
            assert_body(&flights[i]->answer, flights[0]->answer.body);
        }
        driver_forget(workers[0]);
        driver_forget(workers[1]);
    }
    driver_free(workers[1]);
}

static void an_idempotency_key_is_not_looked_at(void **state) {
    (void) state;
    struct ask it = event(renames);
    it.headers[0] = "Idempotency-Key";
    it.headers[1] = "";
    assert_status(driver_ask(d, it), 202);
    assert_int_equal(redis_mentions(":ats:k:", 7), 0);
}

static void other_methods_ask_for_a_key(void **state) {
    (void) state;
    struct ask it = event(renames);
    it.method = "PUT";
    assert_status(driver_ask(d, it), 401);
    it.api_key = world.partner_key;
    const struct answer *got = driver_ask(d, it);
    assert_status(got, 405);
    assert_string_equal(answer_header(got, "Allow"), "POST");
}

#define TEST(name) cmocka_unit_test_setup(name, as_it_was)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_event_does_what_the_request_does),
        TEST(without_a_user_the_admin_is_the_address),
        TEST(the_order_of_events_matters),
        TEST(rules_are_those_of_the_requests),
        TEST(a_signed_body_is_looked_at),
        TEST(one_partner_cannot_touch_anothers_workspace),
        TEST(what_is_not_signed_is_refused_alike),
        TEST(other_forms_of_a_good_signature_are_taken),
        TEST(the_time_may_be_300_seconds_off),
        TEST(an_unknown_partner_takes_the_same_work),
        TEST(both_secrets_are_valid_for_a_time_of_grace),
        TEST(a_disabled_partner_is_told_so_if_it_is_one),
        TEST(a_secret_that_does_not_open_is_an_error),
        TEST(without_a_key_ring_nothing_is_taken),
        TEST(secrets_are_in_no_answer_and_no_log),
        TEST(an_event_is_carried_out_once),
        TEST(another_body_under_an_event_id_is_a_conflict),
        TEST(event_ids_are_a_partners_own),
        TEST(an_event_is_known_for_seven_days),
        TEST(of_fifty_at_once_one_is_carried_out),
        TEST(an_idempotency_key_is_not_looked_at),
        TEST(other_methods_ask_for_a_key),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
