/* Ids with strange bytes stay apart, and touch no key but their own. */
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
    driver_until_log(d, "ready");
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

/* No two of them are one. */
static const char *const strange[] = {
    "a", "A", "a ", " a", "a  ", "a:w", "a:", ":", "::", "a/b", "a%2fb",
    "a%2Fb", "a%252fb", "{}", "{a}", "a{62}", "}", "{", "%", "%%", "%41",
    "a\xc3\xa9", "ae\xcc\x81", "\xef\xbc\xa1", "w:1:m", "1", "01", "*", "?",
    "[a]", "\\", "\"", "'", "a\"b", "a,b", "a;b", "$", "^", "\xc2\xa0",
    "\xe2\x80\x8b", "\xef\xbb\xbf", "\xf4\x8f\xbf\xbf", "...", "..a", "a=b",
    "a&b", "a+b", "a b", "-", "_", "~", ".a", "null", "undefined", "id", "ws",
};

static char *of_size(size_t size, char with) {
    char *made = malloc(size + 1);
    memset(made, with, size);
    made[size] = '\0';
    return made;
}

static void strange_users_do_not_meet(void **state) {
    (void) state;
    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"name\":\"of %zu\"}", i);
        make_workspace(d, strange[i], body);
    }
    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        char name[64];
        snprintf(name, sizeof name, "\"name\":\"of %zu\"", i);
        const struct answer *list =
            driver_ask(d, (struct ask) { .user = strange[i] });
        const char *first = strstr(list->body, "\"_id\"");
        assert_non_null(first);
        assert_null(strstr(first + 1, "\"_id\""));
        assert_holds(list->body, name);
        driver_forget(d);
    }
}

static void strange_tenants_do_not_meet(void **state) {
    (void) state;
    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        assert_body(driver_ask(d, (struct ask) { .tenant = strange[i] }),
                    "[]");
        const struct answer *made = driver_ask(
            d, (struct ask) { .method = "POST", .tenant = strange[i],
                              .body = "{\"name\":\"W\"}" });
        assert_status(made, 200);
        assert_string_equal(id_in(made), "1");
        driver_forget(d);
    }
    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        int count = 0;
        const struct answer *all =
            driver_ask(d, (struct ask) { .tenant = strange[i], .admin = "1",
                                         .path = "/all" });
        for (const char *at = all->body; (at = strstr(at, "_id")); at++) {
            count++;
        }
        assert_int_equal(count, 1);
        driver_forget(d);
    }
}

/* A tenant and a user whose parts, put together, are another's. */
static void tenant_and_user_do_not_run_together(void **state) {
    (void) state;
    static const struct {
        const char *tenant, *user;
    } pairs[] = {
        { "a", "b:w" }, { "a:u", "b" }, { "a", "b" }, { "a:u:b", "w" },
        { "a:", "b" }, { "a", ":b" }, { "a:u:", "b" },
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        assert_body(driver_ask(d, (struct ask) { .tenant = pairs[i].tenant,
                                                 .user = pairs[i].user }),
                    "[]");
        assert_status(driver_ask(d, (struct ask) {
                          .method = "POST", .tenant = pairs[i].tenant,
                          .user = pairs[i].user,
                          .body = "{\"name\":\"W\"}" }),
                      200);
    }
}

/* Added by a body, found by a path, shown, and gone with the workspace. */
static void strange_members_are_managed_like_others(void **state) {
    (void) state;
    make_workspace(d, "ann", "{\"name\":\"W\"}");
    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        char json[64] = "";
        char encoded[128] = "/1/members/";
        char body[128];
        for (const char *at = strange[i]; *at != '\0'; at++) {
            char part[8];
            snprintf(part, sizeof part, "%%%02X", (unsigned char) *at);
            strcat(encoded, part);
            if (*at == '"' || *at == '\\') {
                strcat(json, "\\");
            }
            strncat(json, at, 1);
        }
        snprintf(body, sizeof body, "{\"userId\":\"%s\",\"roles\":[\"r\"]}",
                 json);
        assert_status(driver_ask(d, (struct ask) { .method = "POST",
                                                   .path = "/1/members",
                                                   .body = body }),
                      200);
        assert_status(driver_ask(d, (struct ask) {
                          .method = "PUT", .path = encoded,
                          .body = "{\"roles\":[\"s\"]}" }),
                      200);
        assert_status(driver_ask(d, (struct ask) { .path = "/1",
                                                   .user = strange[i] }),
                      200);
        assert_status(driver_ask(d, (struct ask) { .method = "POST",
                                                   .path = "/1/activate",
                                                   .user = strange[i] }),
                      200);
        if (i % 2) {
            assert_status(driver_ask(d, (struct ask) { .method = "DELETE",
                                                       .path = encoded }),
                          200);
            assert_status(driver_ask(d, (struct ask) { .path = "/1",
                                                       .user = strange[i] }),
                          404);
        }
        driver_forget(d);
    }
    /* the script escapes names as the core does */
    assert_status(driver_ask(d, (struct ask) { .method = "DELETE",
                                               .path = "/1" }),
                  200);
    assert_int_equal(redis_mentions(":u:", 3), 0);
    assert_int_equal(redis_mentions(":w:1", 4), 0);
}

static void every_key_is_in_its_tenants_partition(void **state) {
    (void) state;
    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        driver_ask(d, (struct ask) { .method = "POST", .tenant = strange[i],
                                     .user = strange[i],
                                     .body = "{\"name\":\"W\","
                                             "\"labels\":[\":{}\"]}" });
        driver_forget(d);
    }
    redisReply *keys = redis_run("KEYS *");
    assert_true(keys->elements > COUNT_OF(strange) * 4);
    for (size_t i = 0; i < keys->elements; i++) {
        const char *key = keys->element[i]->str;
        if (strcmp(key, "wsp:partitions") == 0) {
            continue;
        }
        /* one hash tag, the first braces, and no other brace or blank */
        unsigned partition;
        int end = 0;
        assert_int_equal(sscanf(key, "wsp:{%u}:%n", &partition, &end), 1);
        assert_true(end > 0 && partition < 64);
        assert_null(strpbrk(key + end, "{} /\""));
    }
    freeReplyObject(keys);
}

static void ids_at_their_limits(void **state) {
    (void) state;
    static const struct {
        size_t size;
        unsigned status;
    } cases[] = {
        { 1, 200 }, { 255, 200 }, { 256, 401 }, { 10240, 401 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *id = of_size(cases[i].size, 'u');
        assert_status(driver_ask(d, (struct ask) { .user = id }),
                      cases[i].status);
        assert_status(driver_ask(d, (struct ask) { .tenant = id }),
                      cases[i].status);
        free(id);
    }
    /* in a path it is nobody, and no error */
    make_workspace(d, "ann", "{\"name\":\"W\"}");
    char path[600] = "/1/members/";
    memset(path + strlen(path), 'u', 256);
    assert_status(driver_ask(d, (struct ask) { .method = "DELETE",
                                               .path = path }),
                  404);
}

static void what_is_no_id_is_nobody(void **state) {
    (void) state;
    static const char *const bad[] = { "a\nb", "a\r", "\x01", "a\x7f",
                                       "\xff", "\xc0\x80", "\xed\xa0\x80",
                                       "a\xc3", "\xf4\x90\x80\x80",
                                       "a\xc2\x80", "\xc2\x9f", ".", "..",
                                       "../a", "a/..", "a/./b" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_status(driver_ask(d, (struct ask) { .user = bad[i] }), 401);
        assert_status(driver_ask(d, (struct ask) { .tenant = bad[i] }), 401);
    }
    struct ask nul = { .user = "a\0b", .user_len = 3 };
    const struct answer *got = driver_ask(d, nul);
    assert_status(got, 401);
    assert_string_equal(answer_header(got, "WWW-Authenticate"), "Bearer");
}

static void only_a_few_words_make_a_tenant_admin(void **state) {
    (void) state;
    static const char *const yes[] = { "1", "on", "ON", "true", "True",
                                       "yes", "YES" };
    static const char *const no[] = { "", "0", "off", "false", "no", "2",
                                      "11", "true ", " true", "admin", "y",
                                      "t", "enabled", "1\n", "truetrue" };
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        assert_status(driver_ask(d, (struct ask) { .path = "/all",
                                                   .admin = yes[i] }),
                      200);
    }
    for (size_t i = 0; i < COUNT_OF(no); i++) {
        assert_status(driver_ask(d, (struct ask) { .path = "/all",
                                                   .admin = no[i] }),
                      403);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(strange_users_do_not_meet, empty),
        cmocka_unit_test_setup(strange_tenants_do_not_meet, empty),
        cmocka_unit_test_setup(tenant_and_user_do_not_run_together, empty),
        cmocka_unit_test_setup(strange_members_are_managed_like_others,
                               empty),
        cmocka_unit_test_setup(every_key_is_in_its_tenants_partition, empty),
        cmocka_unit_test_setup(ids_at_their_limits, empty),
        cmocka_unit_test_setup(what_is_no_id_is_nobody, empty),
        cmocka_unit_test_setup(only_a_few_words_make_a_tenant_admin, empty),
    };
    return cmocka_run_group_tests(tests, open_driver, close_driver);
}
