/* Every field at its limits and one beyond, JSON and UTF-8 at their edges. */
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
    redis_flush();
    redis_do("SET wsp:partitions 64");
    make_workspace(d, "ann", "{\"name\":\"W\"}");
    redis_save();
    return 0;
}

static int close_driver(void **state) {
    (void) state;
    driver_free(d);
    return 0;
}

/* Texts that live to the end of a test. */
static struct bytes texts[256];
static size_t text_count;

static struct bytes *new_text(void) {
    assert_true(text_count < COUNT_OF(texts));
    struct bytes *made = &texts[text_count++];
    bytes_puts(made, "");
    return made;
}

static int forget_texts(void **state) {
    (void) state;
    while (text_count > 0) {
        bytes_free(&texts[--text_count]);
    }
    return 0;
}

/* text, count times */
static const char *times(const char *text, size_t count) {
    struct bytes *now = new_text();
    for (size_t i = 0; i < count; i++) {
        bytes_puts(now, text);
    }
    return now->data;
}

static const char *joined(const char *a, const char *b, const char *c) {
    struct bytes *now = new_text();
    bytes_puts(now, a);
    bytes_puts(now, b);
    bytes_puts(now, c);
    return now->data;
}

/* field NULL: taken; "": refused without a field */
static void try_body(const char *method, const char *path, const char *body,
                     const char *field) {
    redis_restore();
    const char *before = redis_digest();
    const struct answer *got = driver_ask(
        d, (struct ask) { .method = method, .path = path, .body = body });
    char member[64] = "";
    if (field != NULL && field[0] != '\0') {
        snprintf(member, sizeof member, "\"field\":\"%s\"}", field);
    }
    bool right = got->status == (field == NULL ? 200 : 400) &&
                 (field == NULL ||
                  (member[0] != '\0' ? strstr(got->body, member) != NULL
                                     : strstr(got->body, "field") == NULL));
    if (!right) {
        fail_msg("%s %s %.200s: %u %.300s", method, path, body, got->status,
                 got->body);
    }
    if (field != NULL) {
        assert_string_equal(before, redis_digest());
    }
    driver_forget(d);
}

static void names_at_their_limits(void **state) {
    (void) state;
    const struct {
        const char *value, *field;
    } cases[] = {
        { "\"a\"", NULL },
        { "\" \"", NULL },
        { "\"<script>&amp;\\\"\\\\\\/\"", NULL },
        { joined("\"", times("a", 255), "\""), NULL },
        { joined("\"", times("a", 256), "\""), "name" },
        /* characters, not bytes */
        { joined("\"", times("\xf0\x9f\x98\x80", 255), "\""), NULL },
        { joined("\"", times("\xf0\x9f\x98\x80", 256), "\""), "name" },
        { joined("\"", times("\\ud83d\\ude00", 255), "\""), NULL },
        { "\"\"", "name" },
        { "null", "name" },
        { "1", "name" },
        { "true", "name" },
        { "[\"a\"]", "name" },
        { "{}", "name" },
        { "\"a\\nb\"", "name" },
        { "\"a\\u001fb\"", "name" },
        { "\"a\\u007fb\"", "name" },
        { "\"a\\u0080b\"", "name" },
        { "\"a\\u00a0b\"", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *body = joined("{\"name\":", cases[i].value, "}");
        try_body("POST", "", body, cases[i].field);
        try_body("PUT", "/1", body, cases[i].field);
    }
    try_body("POST", "", "{}", "name");
    try_body("POST", "", "{\"Name\":\"x\"}", "name");
    try_body("PUT", "/1", "{}", NULL);
}

static void logos_at_their_limits(void **state) {
    (void) state;
    const struct {
        const char *value, *field;
    } cases[] = {
        { "\"http://x\"", NULL },
        { "\"HTTPS://x/y?z#f\"", NULL },
        { "\"data:,\"", NULL },
        { "\"data:image/svg+xml;base64,AAAA\"", NULL },
        { "\"\"", NULL },
        { "null", NULL },
        { joined("\"https://", times("a", 2048 - 8), "\""), NULL },
        { joined("\"https://", times("a", 2049 - 8), "\""), "logo" },
        { joined("\"data:", times("a", 65536 - 5), "\""), NULL },
        { joined("\"data:", times("a", 65537 - 5), "\""), "logo" },
        { "\"https://\"", "logo" },
        { "\"data:\"", "logo" },
        { "\"javascript:alert(1)\"", "logo" },
        { "\"ftp://x\"", "logo" },
        { "\"//x\"", "logo" },
        { "\"/x\"", "logo" },
        { "\" https://x\"", "logo" },
        { "\"https://x y\"", "logo" },
        { "\"https://x\\n\"", "logo" },
        { "\"https://x\\\"\"", "logo" },
        { "\"https://x<\"", "logo" },
        { "\"https://\xc3\xa9\"", "logo" },
        { "1", "logo" },
        { "false", "logo" },
        { "[]", "logo" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        try_body("PUT", "/1", joined("{\"logo\":", cases[i].value, "}"),
                 cases[i].field);
        try_body("POST", "",
                 joined("{\"name\":\"n\",\"logo\":", cases[i].value, "}"),
                 cases[i].field);
    }
}

static const char *numbered(const char *before, unsigned count,
                            const char *after) {
    struct bytes *now = new_text();
    bytes_puts(now, "[");
    for (unsigned i = 0; i < count; i++) {
        bytes_printf(now, "%s%s%u%s", i ? "," : "", before, i, after);
    }
    bytes_puts(now, "]");
    return now->data;
}

static void labels_at_their_limits(void **state) {
    (void) state;
    const struct {
        const char *value, *field;
    } cases[] = {
        { "[]", NULL },
        { "[\"a\",\"a\"]", NULL },
        { "[\":\",\"{}\",\"%\",\" \"]", NULL },
        { joined("[\"", times("a", 64), "\"]"), NULL },
        { joined("[\"", times("a", 65), "\"]"), "labels" },
        { joined("[\"", times("\xc3\xa9", 64), "\"]"), NULL },
        { joined("[\"", times("\xc3\xa9", 65), "\"]"), "labels" },
        { numbered("\"", 100, "\""), NULL },
        { numbered("\"", 101, "\""), "labels" },
        { "[\"\"]", "labels" },
        { "[\"a\\tb\"]", "labels" },
        { "[1]", "labels" },
        { "[null]", "labels" },
        { "[[\"a\"]]", "labels" },
        { "\"a\"", "labels" },
        { "null", "labels" },
        { "{\"a\":1}", "labels" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        try_body("PUT", "/1", joined("{\"labels\":", cases[i].value, "}"),
                 cases[i].field);
        try_body("POST", "",
                 joined("{\"name\":\"n\",\"labels\":", cases[i].value, "}"),
                 cases[i].field);
    }
}

static void roles_at_their_limits(void **state) {
    (void) state;
    const struct {
        const char *value, *field;
    } cases[] = {
        { "[\"a\"]", NULL },
        { "[\"A-z_0-9\",\"a\",\"a\"]", NULL },
        { joined("[\"", times("r", 64), "\"]"), NULL },
        { joined("[\"", times("r", 65), "\"]"), "roles" },
        { numbered("\"r", 32, "\""), NULL },
        { numbered("\"r", 33, "\""), "roles" },
        { "[]", "roles" },
        { "null", "roles" },
        { "\"admin\"", "roles" },
        { "{}", "roles" },
        { "[1]", "roles" },
        { "[\"\"]", "roles" },
        { "[\"a b\"]", "roles" },
        { "[\"a,admin\"]", "roles" },
        { "[\"a\\nb\"]", "roles" },
        { "[\"\xc3\xa9\"]", "roles" },
        { "[\"owner\"]", "roles" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        try_body("POST", "/1/members",
                 joined("{\"userId\":\"u\",\"roles\":", cases[i].value, "}"),
                 cases[i].field);
        /* the owner keeps admin */
        if (cases[i].field != NULL) {
            try_body("PUT", "/1/members/ann",
                     joined("{\"roles\":", cases[i].value, "}"),
                     cases[i].field);
        }
    }
    try_body("POST", "/1/members", "{\"userId\":\"u\"}", "roles");
    try_body("PUT", "/1/members/ann", "{}", "roles");
    /* a role like admin's name is not admin */
    try_body("PUT", "/1/members/ann", "{\"roles\":[\"Admin\",\"admins\"]}",
             "");
}

static void user_ids_at_their_limits(void **state) {
    (void) state;
    const struct {
        const char *value, *field;
    } cases[] = {
        { "\"u\"", NULL },
        { "\" \"", NULL },
        { joined("\"", times("u", 255), "\""), NULL },
        { joined("\"", times("u", 256), "\""), "userId" },
        { joined("\"", times("u", 10240), "\""), "userId" },
        { joined("\"", times("\xc3\xa9", 127), "\""), NULL },
        { joined("\"", times("\xc3\xa9", 128), "\""), "userId" },
        { "\"\"", "userId" },
        { "null", "userId" },
        { "1", "userId" },
        { "[\"u\"]", "userId" },
        { "\"a\\rb\"", "userId" },
        { "\"a\\u007f\"", "userId" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        try_body("POST", "/1/members",
                 joined("{\"roles\":[\"a\"],\"userId\":", cases[i].value,
                        "}"),
                 cases[i].field);
    }
    try_body("POST", "/1/members", "{\"roles\":[\"a\"]}", "userId");
}

static void invites_at_their_limits(void **state) {
    (void) state;
    const struct {
        const char *value, *field;
    } cases[] = {
        { "[]", NULL },
        { "[{\"email\":\"a@b\"}]", NULL },
        { "[{\"email\":\"A@b\",\"name\":null,\"more\":1}]", NULL },
        { "[{\"email\":\"a@b\",\"name\":\"\",\"roles\":[\"x\"]}]", NULL },
        { joined("[{\"email\":\"", times("a", 252), "@b\"}]"), NULL },
        { joined("[{\"email\":\"", times("a", 253), "@b\"}]"), "invites" },
        { joined("[{\"email\":\"a@b\",\"name\":\"", times("n", 255),
                 "\"}]"), NULL },
        { joined("[{\"email\":\"a@b\",\"name\":\"", times("n", 256),
                 "\"}]"), "invites" },
        { numbered("{\"email\":\"a@", 100, "\"}"), NULL },
        { numbered("{\"email\":\"a@", 101, "\"}"), "invites" },
        { "[{\"email\":\"a@b\"},{\"email\":\"A@B\"}]", "invites" },
        { "[{\"email\":\"a\"}]", "invites" },
        { "[{\"email\":\"@b\"}]", "invites" },
        { "[{\"email\":\"a@\"}]", "invites" },
        { "[{\"email\":\"a@b@c\"}]", "invites" },
        { "[{\"email\":\"a b@c\"}]", "invites" },
        { "[{\"email\":\"a@b,c@d\"}]", "invites" },
        { "[{\"email\":\"a@b\\r\\nBcc: x\"}]", "invites" },
        { "[{\"email\":1}]", "invites" },
        { "[{}]", "invites" },
        { "[\"a@b\"]", "invites" },
        { "[null]", "invites" },
        { "[{\"email\":\"a@b\",\"name\":1}]", "invites" },
        { "[{\"email\":\"a@b\",\"name\":\"a\\nb\"}]", "invites" },
        { "[{\"email\":\"a@b\",\"roles\":[]}]", "invites" },
        { "[{\"email\":\"a@b\",\"roles\":[\"owner\"]}]", "invites" },
        { "[{\"email\":\"a@b\",\"roles\":\"x\"}]", "invites" },
        { "{}", "invites" },
        { "null", "invites" },
        { "\"a@b\"", "invites" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        try_body("PUT", "/1", joined("{\"invites\":", cases[i].value, "}"),
                 cases[i].field);
    }
}

/* -- JSON ----------------------------------------------------------------- */

static void what_is_not_json_is_400_with_line_and_column(void **state) {
    (void) state;
    const struct {
        const char *body, *says;
    } cases[] = {
        { "", "it ends too early at line 1, column 0" },
        { " ", "it ends too early" },
        { "{", "it ends too early at line 1, column 1" },
        { "{\"name\":\"a\"", "it ends too early" },
        { "{\"name\":\"a", "it ends too early" },
        { "{\n\n  \"name\": hunter2}", "syntax error at line 3" },
        { "{\"name\":\"a\",}", "syntax error" },
        { "{'name':'a'}", "syntax error" },
        { "{\"name\":\"a\"} x", "something follows its end at line 1" },
        { "{\"name\":\"a\"}{}", "something follows its end" },
        { "{\"name\":\"a\",\"name\":\"b\"}", "duplicate key" },
        { "{\"name\":\"a\",\"x\":{\"y\":1,\"y\":1}}", "duplicate key" },
        { "{\"name\":\"a\",\"n\\u0061me\":\"b\"}", "duplicate key" },
        { "{\"name\":\"\\ud800\"}", "syntax error" },
        { "{\"name\":\"\\udc00\"}", "syntax error" },
        { "{\"name\":\"\\ud800\\u0041\"}", "syntax error" },
        { "{\"name\":\"\\udc00\\ud800\"}", "syntax error" },
        { "{\"name\":\"a\\u0000b\"}", "U+0000" },
        { "{\"na\\u0000me\":\"b\"}", "U+0000" },
        { "{\"name\":\"\xc0\x80\"}", "invalid UTF-8" },
        { "{\"name\":\"\xff\"}", "invalid UTF-8" },
        { "{\"name\":\"\xed\xa0\x80\"}", "invalid UTF-8" },
        { "{\"name\":\"\xf4\x90\x80\x80\"}", "invalid UTF-8" },
        { "{\"name\":\"\xe2\x82\"}", "invalid UTF-8" },
        { "{\"name\":\"\xc3\"}", "invalid UTF-8" },
        { "\xef\xbb\xbf{\"name\":\"a\"}", "syntax error" },
        { "{\"name\":\"a\",\"n\":1e999}", "out of range" },
        { "{\"name\":\"a\",\"n\":99999999999999999999}", "out of range" },
        { "{\"name\":\"a\",\"n\":01}", "syntax error" },
        { "{\"name\":\"a\",\"n\":+1}", "syntax error" },
        { "{\"name\":\"a\",\"n\":NaN}", "syntax error" },
        { "{\"name\":\"a\nb\"}", "syntax error" },
        { "{\"name\":\"a\tb\"}", "syntax error" },
        { joined("{\"a\":", times("[", 32), joined(times("]", 32), "}", "")),
          "nesting deeper than 32 at line 1, column 37" },
        { times("[", 100000), "nesting deeper than 32" },
        { times("{\"a\":", 5000), "nesting deeper than 32" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        redis_restore();
        const struct answer *got = driver_ask(
            d, (struct ask) { .method = "PUT", .path = "/1",
                              .body = cases[i].body });
        if (got->status != 400 || strstr(got->body, cases[i].says) == NULL) {
            fail_msg("%.100s: %u %s", cases[i].body, got->status, got->body);
        }
        assert_lacks(got->body, "hunter2");
        /* sealed data is read the same way, and never quoted */
        got = driver_ask(d, (struct ask) { .method = "POST", .admin = "1",
                                           .path = "/1/encrypted",
                                           .body = cases[i].body });
        assert_status(got, 400);
        assert_holds(got->body, cases[i].says);
        driver_forget(d);
    }
}

static void json_that_is_no_object_is_400(void **state) {
    (void) state;
    static const char *const bodies[] = { "[]", "\"x\"", "1", "null", "true",
                                          "[{\"name\":\"x\"}]" };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        try_body("POST", "", bodies[i], "");
        try_body("PUT", "/1", bodies[i], "");
        try_body("POST", "/1/members", bodies[i], "");
        try_body("PUT", "/1/members/ann", bodies[i], "");
    }
}

static void odd_but_valid_json_is_taken(void **state) {
    (void) state;
    const char *const bodies[] = {
        " \r\n\t{ \"name\" : \"a\" } \n",
        "{\"name\":\"\\u00e9\\ud83d\\ude00\"}",
        "{\"name\":\"\xf4\x8f\xbf\xbf\xee\x80\x80\xef\xbf\xbf\"}",
        "{\"name\":\"a\",\"n\":-9223372036854775808}",
        "{\"name\":\"a\",\"n\":1.7976931348623157e308,\"z\":-0,\"e\":1E-2}",
        "{\"name\":\"a\",\"\":{\"\":\"\"}}",
        "{\"name\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}",
        "{\"name\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}",
        joined("{\"name\":\"a\",\"a\":", times("[", 31),
               joined(times("]", 31), "}", "")),
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        try_body("POST", "", bodies[i], NULL);
    }
}

static void a_body_of_one_mebibyte_is_taken(void **state) {
    (void) state;
    redis_restore();
    const char *frame = "{\"name\":\"a\",\"x\":\"\"}";
    size_t room = WSP_BODY_MAX - strlen(frame);
    const char *body =
        joined("{\"name\":\"a\",\"x\":\"", times("x", room), "\"}");
    assert_int_equal(strlen(body), WSP_BODY_MAX);
    assert_status(driver_ask(d, (struct ask) { .method = "POST",
                                               .body = body }),
                  200);
    assert_status(driver_ask(d, (struct ask) { .method = "POST",
                                               .path = "/1/encrypted",
                                               .admin = "1", .body = body }),
                  200);
    const struct answer *got = driver_ask(
        d, (struct ask) { .path = "/1/encrypted", .admin = "1" });
    assert_string_equal(got->body, body);
}

static void queries_of_the_search_at_their_limits(void **state) {
    (void) state;
    const struct {
        const char *query;
        unsigned status;
        const char *field;
    } cases[] = {
        { "limit=1", 200, NULL },
        { "limit=1000", 200, NULL },
        { "limit=0", 400, "limit" },
        { "limit=1001", 400, "limit" },
        { "limit=-1", 400, "limit" },
        { "limit=+1", 400, "limit" },
        { "limit=1.5", 400, "limit" },
        { "limit=", 400, "limit" },
        { "limit=1000000000", 400, "limit" },
        { "limit=99999999999999999999", 400, "limit" },
        { "limit=1&limit=1", 400, "limit" },
        { "after=0", 200, NULL },
        { "after=9007199254740992", 200, NULL },
        { "after=9007199254740993", 400, "after" },
        { "after=-1", 400, "after" },
        { "after=x", 400, "after" },
        { "after=", 400, "after" },
        { "name=", 200, NULL },
        { "name=(", 400, "name" },
        { "name=%5B", 400, "name" },
        { "name=a&name=b", 400, "name" },
        { "name=(?i)x|^$", 200, NULL },
        { "name=(a*)*b", 200, NULL },
        { "name=(x{1000}){1000}", 400, "name" },
        { "name=%5C1", 400, "name" },
        { joined("name=", times("a", 256), ""), 200, NULL },
        { joined("name=", times("a", 257), ""), 400, "name" },
        { joined("q=", times("a", 256), ""), 200, NULL },
        { joined("q=", times("a", 257), ""), 400, "q" },
        { "q=a&q=b", 400, "q" },
        { "select=", 200, NULL },
        { "select=_id,name,logo,tenant,labels,members,invites,owner,created,"
          "updated", 200, NULL },
        { "select=name,sealed", 400, "select" },
        { "select=Name", 400, "select" },
        { "select=members.user", 400, "select" },
        { "select=x%3Alogo", 400, "select" },
        { "name=%zz", 400, "" },
        { "name=%4", 400, "" },
        { "name=%ff", 400, "" },
        { "name=%00", 400, "" },
        { "name=a%0ab", 400, "" },
        { "x=%", 400, "" },
        { "unknown=1&&=&a", 200, NULL },
        { joined("labels=a", times(",b", 99), ""), 200, NULL },
        { joined("labels=a", times(",b", 100), ""), 400, "labels" },
        { joined("members.user=a", times(",b", 99), ""), 200, NULL },
        { joined("members.user=a", times("&members.user=b", 100), ""), 400,
          "members.user" },
        { joined("_id=1", times(",2", 9999), ""), 200, NULL },
        { joined("_id=1", times(",2", 10000), ""), 400, "_id" },
        { "_id=x,01,-1,99999999999999999999,%7B%7D", 200, NULL },
    };
    redis_restore();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct answer *got =
            driver_ask(d, (struct ask) { .path = "/all", .admin = "1",
                                         .query = cases[i].query });
        char field[64] = "";
        if (cases[i].field != NULL && cases[i].field[0] != '\0') {
            snprintf(field, sizeof field, "\"field\":\"%s\"", cases[i].field);
        }
        if (got->status != cases[i].status ||
            strstr(got->body, field) == NULL) {
            fail_msg("%.100s: %u %s", cases[i].query, got->status, got->body);
        }
        driver_forget(d);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(names_at_their_limits,
                                  forget_texts),
        cmocka_unit_test_teardown(logos_at_their_limits,
                                  forget_texts),
        cmocka_unit_test_teardown(labels_at_their_limits,
                                  forget_texts),
        cmocka_unit_test_teardown(roles_at_their_limits,
                                  forget_texts),
        cmocka_unit_test_teardown(user_ids_at_their_limits,
                                  forget_texts),
        cmocka_unit_test_teardown(invites_at_their_limits,
                                  forget_texts),
        cmocka_unit_test_teardown(what_is_not_json_is_400_with_line_and_column,
                                  forget_texts),
        cmocka_unit_test_teardown(json_that_is_no_object_is_400,
                                  forget_texts),
        cmocka_unit_test_teardown(odd_but_valid_json_is_taken,
                                  forget_texts),
        cmocka_unit_test_teardown(a_body_of_one_mebibyte_is_taken,
                                  forget_texts),
        cmocka_unit_test_teardown(queries_of_the_search_at_their_limits,
                                  forget_texts),
    };
    return cmocka_run_group_tests(tests, open_driver, close_driver);
}
