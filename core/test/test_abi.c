/* The ABI itself, and what is parsed once at configuration time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"

static wsp_str str(const char *text) {
    return (wsp_str) { text, strlen(text) };
}

static void the_version_is_the_headers(void **state) {
    (void) state;
    assert_int_equal(wsp_abi_version(), WSP_ABI_VERSION);
}

/* -- redis addresses ------------------------------------------------------ */

static void redis_addresses_are_read(void **state) {
    (void) state;
    static const struct {
        const char *url, *path, *host;
        unsigned port, database;
    } good[] = {
        { "unix:/run/redis.sock", "/run/redis.sock", "", 6379, 0 },
        { "unix:/run/redis.sock:3", "/run/redis.sock", "", 6379, 3 },
        { "unix:///run/redis.sock", "/run/redis.sock", "", 6379, 0 },
        { "unix:///run/redis.sock?db=12", "/run/redis.sock", "", 6379, 12 },
        { "unix://u:p@/run/redis.sock?db=1", "/run/redis.sock", "", 6379, 1 },
        { "redis://localhost", "", "localhost", 6379, 0 },
        { "redis://127.0.0.1:7000/15", "", "127.0.0.1", 7000, 15 },
        { "redis://127.0.0.1/", "", "127.0.0.1", 6379, 0 },
        { "redis://[::1]:65535/2", "", "::1", 65535, 2 },
        { "redis://[::1]", "", "::1", 6379, 0 },
        { "redis://:secret@host", "", "host", 6379, 0 },
        { "redis://user:s%40c%2Fret@host:1/65535", "", "host", 1, 65535 },
        { "redis://user:a@b@host", "", "host", 6379, 0 },
    };
    char error[WSP_ERROR_SIZE];
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        wsp_redis *redis = NULL;
        wsp_redis_address at;
        error[0] = '\0';
        if (wsp_redis_parse(&redis, str(good[i].url), error) != WSP_OK) {
            fail_msg("%s: %s", good[i].url, error);
        }
        wsp_redis_get_address(redis, &at);
        assert_string_equal(at.path.data, good[i].path);
        assert_int_equal(at.path.len, strlen(good[i].path));
        assert_string_equal(at.host.data, good[i].host);
        assert_int_equal(at.host.len, strlen(good[i].host));
        if (at.path.len == 0) {
            assert_int_equal(at.port, good[i].port);
        }
        assert_int_equal(at.database, good[i].database);
        wsp_redis_free(redis);
    }
}

#define X50 "01234567890123456789012345678901234567890123456789"

static void a_bad_redis_address_is_refused_without_its_password(
    void **state) {
    (void) state;
    static const char *const bad[] = {
        "", "unix", "unix:", "unix:relative", "redis:", "redis:/", "redis://",
        "http://host", "rediss://host", "REDIS://host", "unix:/s:", "unix:/s:x",
        "unix:/s:65536", "unix:/s:-1", "unix:/s: 1",
        "unix:///s?db=", "unix:///s?db=x", "unix:///s?x=1", "unix:///s?db=1&x",
        "redis://host:", "redis://host:0", "redis://host:65536",
        "redis://host:80x", "redis://host:-1", "redis://host/x",
        "redis://host/65536", "redis://host/1/2", "redis://[::1",
        "redis://[::1]x", "redis://[]", "redis://:hunter2@",
        "redis://hunter2@host", "redis://user:@host",
        "redis://user:hunter2%@host", "redis://user:hunter2%4@host",
        "redis://user:hunter2%zz@host", "redis://user:hunter2%00@host",
        "redis://user:hunter2@host:x", "redis://user:hunter2@host/hunter2",
        "redis://user:hunter2@ho\nst", "redis://user:hunter2@host:hunter2",
        "unix://user:hunter2@relative", "unix://user:hunter2@/s?hunter2",
        "unix://hunter2@/s", "redis://user:hunter2@[::1",
        "unix:/" X50 X50 "0123456",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        wsp_redis *redis = (wsp_redis *) &bad;
        char error[WSP_ERROR_SIZE];
        memset(error, 'x', sizeof error);
        if (wsp_redis_parse(&redis, str(bad[i]), error) != WSP_INVALID) {
            fail_msg("taken: %s", bad[i]);
        }
        assert_non_null(memchr(error, '\0', sizeof error));
        assert_true(strlen(error) > 10);
        assert_lacks(error, "hunter2");
        assert_lacks(error, "user:h");
    }
    wsp_redis_free(NULL);
}

/* -- key rings ------------------------------------------------------------ */

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static void key_files_are_read(void **state) {
    (void) state;
    static const char *const good[] = {
        "k " KEY_A,
        "k " KEY_A "\n",
        "# comment\n\n  2026-01.a_B-9\t" KEY_A "  \r\nold " KEY_B "\r\n\n#\n",
        "01234567890123456789012345678901 " KEY_A,
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        char error[WSP_ERROR_SIZE] = "";
        wsp_keyring *ring = NULL;
        if (wsp_keyring_parse(&ring, str(good[i]), error) != WSP_OK) {
            fail_msg("%s: %s", good[i], error);
        }
        wsp_keyring_free(ring);
    }
    wsp_keyring_free(NULL);
}

static void a_bad_key_file_is_refused_by_the_number_of_its_line(
    void **state) {
    (void) state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        { "", "no key" },
        { "\n\n# nothing\n", "no key" },
        { "k\n", "line 1" },
        { KEY_A "\n", "line 1" },
        { "k " KEY_A "\nk " KEY_B "\n", "line 2" },
        { "# x\n\nk AAAA\n", "line 3" },
        { "k " KEY_A "AA\n", "line 1" },
        { "k " KEY_A " x\n", "line 1" },
        { "k AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n", "line 1" },
        { "k !!ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", "line 1" },
        { "a/b " KEY_A "\n", "line 1" },
        { "012345678901234567890123456789012 " KEY_A "\n", "line 1" },
        { "ok " KEY_A "\nhunter2 hunter2\n", "line 2" },
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char error[WSP_ERROR_SIZE] = "";
        wsp_keyring *ring = NULL;
        assert_int_equal(wsp_keyring_parse(&ring, str(bad[i].text), error),
                         WSP_INVALID);
        assert_holds(error, bad[i].says);
        assert_lacks(error, "hunter2");
        assert_lacks(error, "AAEC");
    }
}

static void a_key_file_of_arbitrary_bytes_is_no_key_file(void **state) {
    (void) state;
    char error[WSP_ERROR_SIZE];
    char text[257];
    for (unsigned i = 0; i < sizeof text; i++) {
        text[i] = (char) i;
    }
    for (size_t len = 0; len <= sizeof text; len += 16) {
        wsp_keyring *ring = NULL;
        char *copy = malloc(len + 1);
        memcpy(copy, text, len);
        assert_int_equal(
            wsp_keyring_parse(&ring, (wsp_str) { copy, len }, error),
            WSP_INVALID);
        free(copy);
    }
}

/* -- dialects, seeds, cores ----------------------------------------------- */

static void routes_are_numbered_without_gaps(void **state) {
    (void) state;
    for (int dialect = 0; dialect < WSP_DIALECTS; dialect++) {
        assert_true(wsp_dialect_name(dialect).len > 0);
        wsp_route route;
        size_t count = 0;
        while (wsp_route_get(&route, dialect, count) == WSP_OK) {
            assert_true(route.method.len >= 3);
            assert_true(route.operation.len > 0);
            /* a workspace in the path is asked for, but to forget it */
            struct a_route at = { dialect, route, count };
            bool forgets = route.operation.len == strlen("context.leave") &&
                           memcmp(route.operation.data, "context.leave",
                                  route.operation.len) == 0;
            assert_true(is_about_one(&at) || !names_workspace(&at) ||
                        forgets);
            count++;
        }
        assert_true(count > 0);
        assert_int_equal(wsp_route_get(&route, dialect, count + 1),
                         WSP_INVALID);
    }
    wsp_route route;
    assert_int_equal(wsp_route_get(&route, -1, 0), WSP_INVALID);
    assert_int_equal(wsp_route_get(&route, WSP_DIALECTS, 0), WSP_INVALID);
    assert_int_equal(wsp_dialect_name(WSP_DIALECTS).len, 0);
    assert_string_equal(wsp_dialect_name(WSP_PLATFORM).data, "platform");
}

static void seeds_differ_and_wiping_wipes(void **state) {
    (void) state;
    unsigned char a[32] = { 0 };
    unsigned char b[32] = { 0 };
    static const unsigned char zero[32];
    wsp_seed(a);
    wsp_seed(b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, zero, sizeof a);
    wsp_wipe(a, sizeof a);
    assert_memory_equal(a, zero, sizeof a);
    wsp_wipe(NULL, 0);
}

static void a_core_with_wrong_options_is_refused(void **state) {
    (void) state;
    wsp_redis *redis;
    char error[WSP_ERROR_SIZE];
    assert_int_equal(wsp_redis_parse(&redis, str("redis://h"), error),
                     WSP_OK);
    const wsp_core_options good = { .size = sizeof good, .redis = redis,
                                    .timeout_ms = 1, .queue = 1,
                                    .connect_timeout_ms = 1 };
    wsp_core_options bad[6] = { good, good, good, good, good, good };
    bad[0].size = 1;
    bad[1].redis = NULL;
    bad[2].timeout_ms = 0;
    bad[3].connect_timeout_ms = 0;
    bad[4].queue = 0;
    bad[5].queue = 1000001;
    wsp_core *core = NULL;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(wsp_core_new(&core, &bad[i]), WSP_INVALID);
    }
    assert_int_equal(wsp_core_new(&core, &good), WSP_OK);
    wsp_core_free(core);
    wsp_core_free(NULL);
    wsp_redis_free(redis);
}

static void the_drivers_own_errors_have_the_dialects_shape(void **state) {
    (void) state;
    static const unsigned statuses[] = { 400, 401, 403, 404, 405, 408, 411,
                                         413, 414, 429, 500, 502, 503, 504 };
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        wsp_op *op = NULL;
        assert_int_equal(wsp_op_new_error(&op, NULL, WSP_PLATFORM,
                                          statuses[i], str("abc")),
                         WSP_OK);
        const wsp_response *got = wsp_op_response(op);
        assert_int_equal(got->status, statuses[i]);
        assert_memory_equal(got->body.data, "{\"message\":\"", 12);
        assert_memory_equal(got->content_type.data, "application/json", 16);
        assert_memory_equal(got->headers[0].name.data, "X-Request-ID", 12);
        assert_memory_equal(got->headers[0].value.data, "abc", 3);
        assert_memory_equal(wsp_op_label(op).data, "none", 4);
        wsp_op_free(op);
    }
    wsp_op *op = NULL;
    assert_int_equal(wsp_op_new_error(&op, NULL, 99, 400, str("")),
                     WSP_INVALID);
    wsp_op_free(NULL);
}

static void a_request_of_another_size_or_dialect_is_invalid(void **state) {
    (void) state;
    struct driver *d = driver_new((struct driver_options) {
        .url = "redis://h", .manual = true });
    wsp_op *op = NULL;
    wsp_request request = { .size = sizeof request - 1 };
    assert_int_equal(wsp_op_new(&op, d->core, &request, NULL), WSP_INVALID);
    request.size = sizeof request;
    request.dialect = 7;
    assert_int_equal(wsp_op_new(&op, d->core, &request, NULL), WSP_INVALID);
    driver_free(d);
}

/* What a driver passes for "nothing": NULL with length 0, everywhere. */
static void a_request_of_nothing_is_unauthenticated(void **state) {
    (void) state;
    struct driver *d = driver_new((struct driver_options) {
        .url = "redis://h", .manual = true });
    wsp_op *op = NULL;
    wsp_request request = { .size = sizeof request };
    assert_int_equal(wsp_op_new(&op, d->core, &request, d), WSP_OK);
    assert_int_equal(wsp_op_response(op)->status, 401);
    assert_ptr_equal(wsp_op_data(op), d);
    assert_null(wsp_next_done(d->core));
    wsp_op_free(op);
    driver_free(d);
}

static void unknown_links_are_ignored(void **state) {
    (void) state;
    struct driver *d = driver_new((struct driver_options) {
        .url = "redis://h", .manual = true });
    wsp_str out;
    wsp_link_connected(d->core, WSP_LINKS);
    wsp_link_closed(d->core, WSP_LINKS, str("x"));
    wsp_link_input(d->core, WSP_LINKS, "x", 1);
    assert_int_equal(wsp_link_output(d->core, WSP_LINKS, &out), WSP_AGAIN);
    wsp_link_written(d->core, WSP_LINKS, 1);
    driver_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_is_the_headers),
        cmocka_unit_test(redis_addresses_are_read),
        cmocka_unit_test(a_bad_redis_address_is_refused_without_its_password),
        cmocka_unit_test(key_files_are_read),
        cmocka_unit_test(a_bad_key_file_is_refused_by_the_number_of_its_line),
        cmocka_unit_test(a_key_file_of_arbitrary_bytes_is_no_key_file),
        cmocka_unit_test(routes_are_numbered_without_gaps),
        cmocka_unit_test(seeds_differ_and_wiping_wipes),
        cmocka_unit_test(a_core_with_wrong_options_is_refused),
        cmocka_unit_test(the_drivers_own_errors_have_the_dialects_shape),
        cmocka_unit_test(a_request_of_another_size_or_dialect_is_invalid),
        cmocka_unit_test(a_request_of_nothing_is_unauthenticated),
        cmocka_unit_test(unknown_links_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
