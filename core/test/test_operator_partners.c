/* Partners in the operator surface: what is changed, what is shown once, and
 * what an API key is worth afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

static struct driver *d;
static char api_key[64], incoming[64], outgoing[64];

static const struct answer *operate(const char *method, const char *path,
                                    const char *body) {
    return driver_ask(d, (struct ask) {
        .dialect = WSP_OPERATOR, .method = method, .path = path,
        .body = body, .nobody = true });
}

static const struct answer *operate_if(const char *method, const char *path,
                                       const char *body, const char *tag) {
    return driver_ask(d, (struct ask) {
        .dialect = WSP_OPERATOR, .method = method, .path = path,
        .body = body, .nobody = true, .headers = { "If-Match", tag } });
}

/* What a request with an API key is answered. */
static unsigned with_key(const char *key) {
    return driver_ask(d, (struct ask) { .api_key = key, .user = "bob" })
        ->status;
}

static const char *stored(const char *field) {
    return redis_text("HGET %s %s", "wsp:{49}:ats:pt", field);
}

static int open_driver(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 64");
    d = driver_new((struct driver_options) { .cache_size = 1 << 20 });
    return 0;
}

static int close_driver(void **state) {
    (void) state;
    driver_free(d);
    return 0;
}

static int one_partner(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 64");
    driver_hear(d);
    driver_forget(d);
    bytes_clear(&d->log);
    d->stopped_clock = false;
    const struct answer *made =
        operate("POST", "/partners",
                "{\"id\":\"ats\",\"name\":\"An ATS\","
                "\"webhook_url\":\"https://ats.example/hooks\"}");
    assert_status(made, 201);
    take_value(made, "api_key", api_key, sizeof api_key);
    take_value(made, "incoming_secret", incoming, sizeof incoming);
    take_value(made, "outgoing_secret", outgoing, sizeof outgoing);
    return 0;
}

static void the_partner_shown_has_no_secret(void **state) {
    (void) state;
    const struct answer *got = operate("GET", "/partners/ats", NULL);
    assert_status(got, 200);
    assert_holds(got->body, "{\"id\":\"ats\",\"name\":\"An ATS\","
                            "\"enabled\":true,\"webhook_url\":"
                            "\"https://ats.example/hooks\","
                            "\"webhook_stopped\":null,"
                            "\"incoming_grace_until\":null,"
                            "\"outgoing_grace_until\":null,");
    assert_lacks(got->body, "secret");
    assert_lacks(got->body, "key");
    assert_string_equal(answer_header(got, "ETag"), "\"1\"");
    assert_null(answer_header(got, "Workspace-Revision"));
    for (size_t i = 0; i < 3; i++) {
        const char *secret = (const char *[]) { api_key, incoming,
                                                outgoing }[i];
        assert_int_equal(redis_mentions(secret, strlen(secret)), 0);
        assert_lacks(d->log.data ? d->log.data : "", secret);
    }
}

static void a_page_of_partners_says_their_names(void **state) {
    (void) state;
    assert_status(operate("POST", "/partners",
                          "{\"id\":\"b\",\"name\":\"B\"}"), 201);
    assert_status(operate("POST", "/partners",
                          "{\"id\":\"c\",\"name\":\"C\"}"), 201);
    assert_status(operate("PATCH", "/partners/b", "{\"enabled\":false}"),
                  200);
    struct ask page = { .dialect = WSP_OPERATOR, .path = "/partners",
                        .query = "limit=2", .nobody = true };
    assert_body(driver_ask(d, page),
                "{\"partners\":["
                "{\"id\":\"ats\",\"name\":\"An ATS\",\"enabled\":true},"
                "{\"id\":\"b\",\"name\":\"B\",\"enabled\":false}],"
                "\"next\":\"b\"}");
    page.query = "limit=2&after=b";
    assert_body(driver_ask(d, page),
                "{\"partners\":["
                "{\"id\":\"c\",\"name\":\"C\",\"enabled\":true}],"
                "\"next\":null}");
}

static void what_is_given_is_changed(void **state) {
    (void) state;
    redis_do("HSET wsp:{49}:ats:pt stopped %s", "answered 410");
    const struct answer *got =
        operate("PATCH", "/partners/ats", "{\"name\":\"Other\"}");
    assert_status(got, 200);
    assert_holds(got->body, "\"name\":\"Other\"");
    assert_holds(got->body, "\"webhook_stopped\":\"answered 410\"");
    assert_string_equal(answer_header(got, "ETag"), "\"2\"");
    assert_null(answer_header(got, "Workspace-Revision"));
    got = operate("PATCH", "/partners/ats",
                  "{\"webhook_url\":\"https://ats.example/hooks\"}");
    assert_holds(got->body, "\"webhook_stopped\":null");
    got = operate("PATCH", "/partners/ats", "{\"webhook_url\":null}");
    assert_holds(got->body, "\"webhook_url\":null");
    got = operate("GET", "/partners/ats", NULL);
    assert_holds(got->body, "\"name\":\"Other\",\"enabled\":true,"
                            "\"webhook_url\":null,\"webhook_stopped\":null");
    assert_string_equal(answer_header(got, "ETag"), "\"4\"");
}

static void nothing_given_changes_nothing(void **state) {
    (void) state;
    char before[64];
    snprintf(before, sizeof before, "%s", redis_digest());
    const struct answer *got = operate("PATCH", "/partners/ats", "{}");
    assert_status(got, 200);
    assert_string_equal(answer_header(got, "ETag"), "\"1\"");
    assert_string_equal(redis_digest(), before);
}

static void wrong_values_are_named(void **state) {
    (void) state;
    static const struct {
        const char *path, *body, *field;
        unsigned status;
    } wrong[] = {
        { "/partners/ats", "{\"name\":\"\"}", "name", 422 },
        { "/partners/ats", "{\"name\":1}", "name", 422 },
        { "/partners/ats", "{\"enabled\":1}", "enabled", 422 },
        { "/partners/ats", "{\"enabled\":null}", "enabled", 422 },
        { "/partners/ats", "{\"webhook_url\":\"ftp://x/\"}", "webhook_url",
          422 },
        { "/partners/ats", "{\"webhook_url\":\"https://u@x/\"}",
          "webhook_url", 422 },
        { "/partners/ats", "{\"webhook_url\":\"https://x:0/\"}",
          "webhook_url", 422 },
        { "/partners/ats", "{\"webhook_url\":\"https://x:65536/\"}",
          "webhook_url", 422 },
        { "/partners/ats", "{\"webhook_url\":\"https://[::1/\"}",
          "webhook_url", 422 },
        { "/partners/ats", "{\"webhook_url\":\"https://a..b/\"}",
          "webhook_url", 422 },
        { "/partners/ats", "{\"webhook_url\":7}", "webhook_url", 422 },
        { "/partners/ats", "[]", NULL, 400 },
        { "/partners/ats", "{", NULL, 400 },
        { "/partners/nobody", "{}", NULL, 404 },
        { "/partners/%ff", "{}", NULL, 404 },
        { "/partners/%00", "{}", NULL, 404 },
    };
    char before[64];
    snprintf(before, sizeof before, "%s", redis_digest());
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        const struct answer *got = operate("PATCH", wrong[i].path,
                                           wrong[i].body);
        assert_status(got, wrong[i].status);
        assert_string_equal(got->content_type, "application/problem+json");
        if (wrong[i].field != NULL) {
            char field[64];
            snprintf(field, sizeof field, "\"field\":\"%s\"",
                     wrong[i].field);
            assert_holds(got->body, field);
        }
    }
    static const char *const graces[] = {
        "{\"grace\":-1}", "{\"grace\":2592001}", "{\"grace\":1.5}",
        "{\"grace\":\"60\"}", "{\"grace\":null}", "{\"grace\":true}" };
    for (size_t i = 0; i < COUNT_OF(graces); i++) {
        const struct answer *got =
            operate("POST", "/partners/ats/secrets/incoming", graces[i]);
        assert_status(got, 422);
        assert_holds(got->body, "\"field\":\"grace\"");
    }
    assert_string_equal(redis_digest(), before);
}

static void a_revision_that_is_gone_is_412(void **state) {
    (void) state;
    static const struct {
        const char *method, *path, *body;
    } changes[] = {
        { "PATCH", "/partners/ats", "{\"name\":\"Other\"}" },
        { "POST", "/partners/ats/api-key", NULL },
        { "POST", "/partners/ats/secrets/incoming", NULL },
        { "POST", "/partners/ats/secrets/outgoing", NULL },
    };
    char before[64];
    snprintf(before, sizeof before, "%s", redis_digest());
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        assert_status(operate_if(changes[i].method, changes[i].path,
                                 changes[i].body, "\"7\""), 412);
    }
    assert_string_equal(redis_digest(), before);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        char tag[16];
        snprintf(tag, sizeof tag, "\"%zu\"", i + 1);
        const struct answer *got = operate_if(
            changes[i].method, changes[i].path, changes[i].body, tag);
        assert_status(got, 200);
        snprintf(tag, sizeof tag, "\"%zu\"", i + 2);
        assert_string_equal(answer_header(got, "ETag"), tag);
    }
}

static void two_changes_at_once_are_both_made(void **state) {
    (void) state;
    struct ask name = { .dialect = WSP_OPERATOR, .method = "PATCH",
                        .path = "/partners/ats", .nobody = true,
                        .body = "{\"name\":\"Other\"}" };
    struct ask url = name;
    url.body = "{\"webhook_url\":null}";
    struct ask key = name;
    key.method = "POST";
    key.path = "/partners/ats/api-key";
    key.body = NULL;
    struct flight *flights[] = { driver_start(d, name), driver_start(d, url),
                                 driver_start(d, key), driver_start(d, key) };
    char keys[2][64];
    for (size_t i = 0; i < COUNT_OF(flights); i++) {
        const struct answer *got = driver_wait(d, flights[i]);
        assert_status(got, 200);
        if (i >= 2) {
            take_value(got, "api_key", keys[i - 2], sizeof keys[0]);
        }
    }
    assert_string_equal(stored("rev"), "5");
    assert_string_equal(stored("name"), "Other");
    assert_string_equal(stored("url"), "");
    /* the last one counts, and there is no other */
    assert_int_equal((with_key(keys[0]) == 200) + (with_key(keys[1]) == 200),
                     1);
    assert_int_equal(with_key(api_key), 401);
    redisReply *hashes = redis_run("KEYS wsp:k:*");
    assert_int_equal(hashes->elements, 1);
    freeReplyObject(hashes);
}

static void a_disabled_partners_key_is_refused(void **state) {
    (void) state;
    assert_int_equal(with_key(api_key), 200);
    assert_status(operate("PATCH", "/partners/ats", "{\"enabled\":false}"),
                  200);
    assert_int_equal(with_key(api_key), 403);
    /* so is its next one */
    const struct answer *got = operate("POST", "/partners/ats/api-key",
                                       NULL);
    assert_status(got, 200);
    char next[64];
    take_value(got, "api_key", next, sizeof next);
    assert_int_equal(with_key(api_key), 401);
    assert_int_equal(with_key(next), 403);
    assert_status(operate("PATCH", "/partners/ats", "{\"enabled\":true}"),
                  200);
    assert_int_equal(with_key(next), 200);
}

static void a_replaced_key_is_refused_at_once(void **state) {
    (void) state;
    assert_int_equal(with_key(api_key), 200);
    const struct answer *got = operate("POST", "/partners/ats/api-key",
                                       NULL);
    assert_status(got, 200);
    assert_string_equal(answer_header(got, "Cache-Control"), "no-store");
    assert_true(got->secret);
    char next[64];
    take_value(got, "api_key", next, sizeof next);
    assert_string_not_equal(next, api_key);
    assert_int_equal(with_key(api_key), 401);
    assert_int_equal(with_key(next), 200);
    assert_int_equal(redis_mentions(next, strlen(next)), 0);
}

static void the_old_secret_stays_for_its_time(void **state) {
    (void) state;
    char old_blob[512];
    d->stopped_clock = true;
    for (size_t i = 0; i < 2; i++) {
        const char *path = i == 0 ? "/partners/ats/secrets/incoming"
                                  : "/partners/ats/secrets/outgoing";
        const char *name = i == 0 ? "incoming_secret" : "outgoing_secret";
        const char *was = i == 0 ? incoming : outgoing;
        const char *field[] = { i == 0 ? "in" : "out",
                                i == 0 ? "in_old" : "out_old",
                                i == 0 ? "in_until" : "out_until" };
        const char *until = i == 0 ? "\"incoming_grace_until\":null"
                                   : "\"outgoing_grace_until\":null";
        redisReply *blob = redis_run("HGET wsp:{49}:ats:pt %s", field[0]);
        assert_true(blob->len < sizeof old_blob);
        size_t len = blob->len;
        memcpy(old_blob, blob->str, len);
        freeReplyObject(blob);
        const struct answer *got = operate("POST", path, "{\"grace\":60}");
        assert_status(got, 200);
        assert_true(got->secret);
        assert_string_equal(answer_header(got, "Cache-Control"), "no-store");
        assert_lacks(got->body, until);
        char now[64];
        take_value(got, name, now, sizeof now);
        assert_string_not_equal(now, was);
        blob = redis_run("HGET wsp:{49}:ats:pt %s", field[1]);
        assert_int_equal(blob->len, len);
        assert_memory_equal(blob->str, old_blob, len);
        freeReplyObject(blob);
        assert_int_equal(redis_number("HSTRLEN wsp:{49}:ats:pt %s",
                                      field[0]), (long long) len);
        char wanted[32];
        snprintf(wanted, sizeof wanted, "%lld",
                 (long long) d->wall_ms + 60000);
        assert_string_equal(stored(field[2]), wanted);
        got = operate("GET", "/partners/ats", NULL);
        assert_lacks(got->body, until);
        assert_lacks(got->body, now);
        d->wall_ms += 60000;
        assert_holds(operate("GET", "/partners/ats", NULL)->body, until);
        assert_int_equal(redis_mentions(now, strlen(now)), 0);
    }
}

static void without_a_body_the_grace_is_a_day(void **state) {
    (void) state;
    d->stopped_clock = true;
    assert_status(operate("POST", "/partners/ats/secrets/incoming", NULL),
                  200);
    assert_status(operate("POST", "/partners/ats/secrets/outgoing", "{}"),
                  200);
    char wanted[32];
    snprintf(wanted, sizeof wanted, "%lld",
             (long long) d->wall_ms + 86400000);
    assert_string_equal(stored("in_until"), wanted);
    assert_string_equal(stored("out_until"), wanted);
}

static void without_grace_the_old_secret_is_gone(void **state) {
    (void) state;
    assert_status(operate("POST", "/partners/ats/secrets/incoming", NULL),
                  200);
    assert_non_null(stored("in_old"));
    assert_status(operate("POST", "/partners/ats/secrets/incoming",
                          "{\"grace\":0}"), 200);
    assert_null(stored("in_old"));
    assert_null(stored("in_until"));
}

static void a_secret_that_does_not_open_is_replaced(void **state) {
    (void) state;
    redis_do("HSET wsp:{49}:ats:pt in broken");
    const struct answer *got =
        operate("POST", "/partners/ats/secrets/incoming", NULL);
    assert_status(got, 200);
    assert_holds(got->body, "\"incoming_grace_until\":null");
    assert_null(stored("in_old"));
    assert_true(driver_logged(d, "a secret does not open, incoming, partner "
                                 "\"ats\""));
}

static void without_keys_there_are_no_secrets(void **state) {
    (void) state;
    struct driver *bare = driver_new((struct driver_options) {
        .no_keys = true });
    struct ask ask = { .dialect = WSP_OPERATOR, .method = "POST",
                       .path = "/partners/ats/secrets/incoming",
                       .nobody = true };
    const struct answer *got = driver_ask(bare, ask);
    assert_status(got, 503);
    assert_holds(got->body, "workspaces_seal_keys");
    ask.method = "PATCH";
    ask.path = "/partners/ats";
    ask.body = "{\"enabled\":false}";
    assert_status(driver_ask(bare, ask), 200);
    driver_free(bare);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_partner_shown_has_no_secret, one_partner),
        cmocka_unit_test_setup(a_page_of_partners_says_their_names,
                               one_partner),
        cmocka_unit_test_setup(what_is_given_is_changed, one_partner),
        cmocka_unit_test_setup(nothing_given_changes_nothing, one_partner),
        cmocka_unit_test_setup(wrong_values_are_named, one_partner),
        cmocka_unit_test_setup(a_revision_that_is_gone_is_412, one_partner),
        cmocka_unit_test_setup(two_changes_at_once_are_both_made,
                               one_partner),
        cmocka_unit_test_setup(a_disabled_partners_key_is_refused,
                               one_partner),
        cmocka_unit_test_setup(a_replaced_key_is_refused_at_once,
                               one_partner),
        cmocka_unit_test_setup(the_old_secret_stays_for_its_time,
                               one_partner),
        cmocka_unit_test_setup(without_a_body_the_grace_is_a_day,
                               one_partner),
        cmocka_unit_test_setup(without_grace_the_old_secret_is_gone,
                               one_partner),
        cmocka_unit_test_setup(a_secret_that_does_not_open_is_replaced,
                               one_partner),
        cmocka_unit_test_setup(without_keys_there_are_no_secrets,
                               one_partner),
    };
    return cmocka_run_group_tests(tests, open_driver, close_driver);
}
