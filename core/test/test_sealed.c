/* Sealed data: what opens, what does not, and where no plaintext is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "driver_links.h"
#include "fixture.h"
#include "redis.h"

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define HASH "wsp:{62}:acme:w:1:x"

static const char secret[] = "{\"apiKey\":\"correct horse battery\"}";
static struct driver *d;

static int open_driver(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 64");
    d = driver_new((struct driver_options) { 0 });
    return 0;
}

static int close_driver(void **state) {
    (void) state;
    driver_free(d);
    return 0;
}

static int one_workspace(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 64");
    driver_forget(d);
    bytes_clear(&d->log);
    make_workspace(d, "ann", "{\"name\":\"W\"}");
    return 0;
}

static const struct answer *put_in(struct driver *in, const char *slot,
                                   const char *body) {
    return driver_ask(in, (struct ask) {
        .method = "POST", .path = "/1/encrypted", .admin = "1", .body = body,
        .headers = { slot ? "x-encrypted-id" : NULL, slot } });
}

static const struct answer *get_from(struct driver *from, const char *slot) {
    return driver_ask(from, (struct ask) {
        .path = "/1/encrypted", .admin = "1",
        .headers = { slot ? "X-Encrypted-Id" : NULL, slot } });
}

static void does_not_open(const struct answer *got) {
    assert_status(got, 500);
    assert_body(got, "{\"message\":\"sealed data cannot be opened\"}");
    assert_true(driver_logged(d, "3 sealed.get: sealed data"));
    assert_lacks(d->log.data, "horse");
}

static void what_was_stored_comes_back_as_it_was(void **state) {
    (void) state;
    static const char *const texts[] = {
        secret, "{}", "[]", " [1, 2.50,\"\\u00e9\"]\n",
        "{\"b\":1,\"a\":{\"z\":null}}",
    };
    const struct answer *got = get_from(d, NULL);
    assert_status(got, 200);
    assert_body(got, "null");
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        got = put_in(d, NULL, texts[i]);
        assert_status(got, 200);
        assert_body(got, "{}");
        got = get_from(d, NULL);
        assert_body(got, texts[i]);
        assert_string_equal(answer_header(got, "Cache-Control"), "no-store");
        assert_true(got->secret);
        assert_null(answer_header(got, "ETag"));
    }
}

static void only_objects_and_arrays_are_taken(void **state) {
    (void) state;
    static const char *const texts[] = { "\"x\"", "1", "null", "true", "",
                                         "x", "{}x" };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_status(put_in(d, NULL, texts[i]), 400);
    }
    assert_body(get_from(d, NULL), "null");
}

static void slots_are_apart(void **state) {
    (void) state;
    assert_status(put_in(d, "a", "[\"a\"]"), 200);
    assert_status(put_in(d, "A", "[\"A\"]"), 200);
    assert_status(put_in(d, NULL, "[\"default\"]"), 200);
    assert_body(get_from(d, "a"), "[\"a\"]");
    assert_body(get_from(d, "A"), "[\"A\"]");
    assert_body(get_from(d, ""), "[\"default\"]");
    assert_body(get_from(d, "default"), "[\"default\"]");
    assert_body(get_from(d, "b"), "null");
}

static void slot_names_at_their_limits(void **state) {
    (void) state;
    char name[130];
    memset(name, 's', sizeof name);
    name[128] = '\0';
    assert_status(put_in(d, name, "{}"), 200);
    assert_status(put_in(d, "A-z_0.9", "{}"), 200);
    name[128] = 's';
    name[129] = '\0';
    static const char *const bad[] = { " ", "a b", "a/b", "a:b", "a%20",
                                       "\xc3\xa9", "a\n" };
    assert_status(put_in(d, name, "{}"), 400);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_status(put_in(d, bad[i], "{}"), 400);
        const struct answer *got = get_from(d, bad[i]);
        assert_status(got, 400);
        assert_holds(got->body, "\"field\":\"x-encrypted-id\"");
    }
    /* given twice, it is none */
    assert_status(driver_ask(d, (struct ask) {
                      .path = "/1/encrypted", .admin = "1",
                      .headers = { "x-encrypted-id", "a",
                                   "x-encrypted-id", "a" } }),
                  400);
}

static void the_sixty_fifth_slot_is_refused(void **state) {
    (void) state;
    char name[16];
    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof name, "s%d", i);
        assert_status(put_in(d, name, "{}"), 200);
    }
    assert_status(put_in(d, "s64", "{}"), 400);
    assert_status(put_in(d, "s63", "[]"), 200);
    assert_int_equal(redis_number("HLEN " HASH), 64);
}

static void two_new_slots_at_once_keep_the_limit(void **state) {
    (void) state;
    struct flight *flights[80];
    char names[80][16];
    for (int i = 0; i < 80; i++) {
        snprintf(names[i], sizeof names[i], "s%d", i);
        flights[i] = driver_start(d, (struct ask) {
            .method = "POST", .path = "/1/encrypted", .admin = "1",
            .body = "{}", .headers = { "x-encrypted-id", names[i] } });
    }
    int stored = 0;
    for (int i = 0; i < 80; i++) {
        unsigned status = driver_wait(d, flights[i])->status;
        assert_true(status == 200 || status == 400 || status == 409);
        stored += status == 200;
    }
    assert_int_equal(redis_number("HLEN " HASH), stored);
    assert_true(stored <= 64);
}

static void plaintext_is_nowhere_in_redis(void **state) {
    (void) state;
    static const char *const pieces[] = { "horse", "correct", "apiKey",
                                          "battery", "eyJhcGlL" };
    assert_status(put_in(d, NULL, secret), 200);
    assert_status(driver_ask(d, (struct ask) {
                      .method = "POST", .path = "/1/encrypted", .admin = "1",
                      .body = secret,
                      .headers = { "Idempotency-Key", "k" } }),
                  200);
    assert_status(get_from(d, NULL), 200);
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        assert_int_equal(redis_mentions(pieces[i], strlen(pieces[i])), 0);
    }
    /* the search works: names are there */
    assert_true(redis_mentions("ann", 3) > 0);
}

static void equal_plaintexts_differ_when_sealed(void **state) {
    (void) state;
    put_in(d, "a", secret);
    put_in(d, "b", secret);
    redisReply *a = redis_run("HGET " HASH " a");
    redisReply *b = redis_run("HGET " HASH " b");
    assert_int_equal(a->len, b->len);
    size_t head = 2 + strlen("first");
    assert_memory_equal(a->str, b->str, head);
    assert_memory_not_equal(a->str + head, b->str + head, 24);
    assert_memory_not_equal(a->str + head + 24, b->str + head + 24,
                            sizeof secret - 1);
    freeReplyObject(a);
    freeReplyObject(b);
}

static void any_byte_flipped_does_not_open(void **state) {
    (void) state;
    put_in(d, NULL, secret);
    redisReply *blob = redis_run("HGET " HASH " default");
    for (size_t i = 0; i < blob->len; i++) {
        for (int bit = 0; bit < 8; bit += i % 3 + 1) {
            blob->str[i] ^= (char) (1 << bit);
            redis_do("HSET " HASH " default %b", blob->str, blob->len);
            does_not_open(get_from(d, NULL));
            blob->str[i] ^= (char) (1 << bit);
            driver_forget(d);
            bytes_clear(&d->log);
        }
    }
    freeReplyObject(blob);
}

static void a_blob_cut_or_stretched_does_not_open(void **state) {
    (void) state;
    put_in(d, NULL, secret);
    redisReply *blob = redis_run("HGET " HASH " default");
    char *longer = calloc(1, blob->len + 1);
    memcpy(longer, blob->str, blob->len);
    for (size_t len = 0; len <= blob->len + 1; len++) {
        if (len == blob->len) {
            continue;
        }
        redis_do("HSET " HASH " default %b", longer, len);
        does_not_open(get_from(d, NULL));
        driver_forget(d);
        bytes_clear(&d->log);
    }
    free(longer);
    freeReplyObject(blob);
}

static void a_blob_moved_elsewhere_does_not_open(void **state) {
    (void) state;
    put_in(d, "one", secret);
    put_in(d, "two", "[\"of two\"]");
    make_workspace(d, "ann", "{\"name\":\"V\"}");
    driver_ask(d, (struct ask) { .method = "POST", .tenant = "globex",
                                 .body = "{\"name\":\"G\"}" });
    redisReply *blob = redis_run("HGET " HASH " one");
    redis_do("HSET " HASH " two %b", blob->str, blob->len);
    redis_do("HSET wsp:{62}:acme:w:2:x one %b", blob->str, blob->len);
    redisReply *keys = redis_run("KEYS *:globex:w:1");
    redis_do("HSET %s:x one %b", keys->element[0]->str, blob->str, blob->len);
    does_not_open(get_from(d, "two"));
    does_not_open(driver_ask(d, (struct ask) {
        .path = "/2/encrypted", .admin = "1",
        .headers = { "x-encrypted-id", "one" } }));
    does_not_open(driver_ask(d, (struct ask) {
        .path = "/1/encrypted", .tenant = "globex", .admin = "1",
        .headers = { "x-encrypted-id", "one" } }));
    /* and where it was it opens */
    assert_body(get_from(d, "one"), secret);
    freeReplyObject(keys);
    freeReplyObject(blob);
}

static void keys_can_be_rotated(void **state) {
    (void) state;
    struct driver *old_ring = driver_new(
        (struct driver_options) { .keys = "a " KEY_A "\n" });
    struct driver *both = driver_new((struct driver_options) {
        .keys = "b " KEY_B "\na " KEY_A "\n" });
    struct driver *new_ring = driver_new(
        (struct driver_options) { .keys = "b " KEY_B "\n" });
    struct driver *confused = driver_new(
        (struct driver_options) { .keys = "a " KEY_B "\n" });
    put_in(old_ring, "s", secret);
    assert_body(get_from(both, "s"), secret);
    assert_status(get_from(new_ring, "s"), 500);
    assert_true(driver_logged(new_ring, "key that is not in the key file"));
    /* another key under the same id */
    assert_status(get_from(confused, "s"), 500);
    assert_true(driver_logged(confused, "does not open"));
    put_in(both, "s", secret);
    assert_status(get_from(old_ring, "s"), 500);
    assert_body(get_from(new_ring, "s"), secret);
    driver_free(old_ring);
    driver_free(both);
    driver_free(new_ring);
    driver_free(confused);
}

static void without_a_key_ring_it_is_503(void **state) {
    (void) state;
    struct driver *bare =
        driver_new((struct driver_options) { .no_keys = true });
    const char *before = redis_digest();
    assert_status(put_in(bare, NULL, secret), 503);
    assert_status(get_from(bare, NULL), 503);
    assert_string_equal(before, redis_digest());
    assert_status(driver_ask(bare, (struct ask) { .path = "/1" }), 200);
    driver_free(bare);
}

static void deleting_the_workspace_deletes_it(void **state) {
    (void) state;
    put_in(d, "s", secret);
    assert_int_equal(redis_number("EXISTS " HASH), 1);
    assert_status(driver_ask(d, (struct ask) { .method = "DELETE",
                                               .path = "/1" }),
                  200);
    assert_int_equal(redis_number("EXISTS " HASH), 0);
    assert_status(get_from(d, "s"), 404);
}

static wsp_keyring *ring_of(const char *keys) {
    wsp_keyring *ring = NULL;
    char error[WSP_ERROR_SIZE];
    assert_int_equal(wsp_keyring_parse(&ring, str(keys), error), WSP_OK);
    return ring;
}

static wsp_seal_place place(const char *tenant, const char *workspace,
                            const char *slot) {
    return (wsp_seal_place) { sizeof(wsp_seal_place), str(tenant),
                              str(workspace), str(slot) };
}

static bool opens(const wsp_keyring *ring, wsp_seal_place at, wsp_str blob) {
    wsp_str plain;
    char error[WSP_ERROR_SIZE] = "";
    int rc = wsp_open(&plain, ring, &at, blob, error);
    if (rc != WSP_OK) {
        assert_int_equal(rc, WSP_INVALID);
        assert_true(error[0] != '\0');
        return false;
    }
    assert_int_equal(plain.len, strlen(secret));
    assert_memory_equal(plain.data, secret, plain.len);
    wsp_sealed_free(plain);
    return true;
}

static void a_driver_seals_and_opens(void **state) {
    (void) state;
    wsp_keyring *ring = ring_of("k " KEY_A "\n");
    wsp_keyring *other = ring_of("o " KEY_A "\n");
    wsp_keyring *forged = ring_of("k " KEY_B "\n");
    wsp_seal_place at = place("acme", "1", "s");
    wsp_str blob;
    wsp_str again;
    char error[WSP_ERROR_SIZE];
    assert_int_equal(wsp_seal(&blob, ring, &at, str(secret), error), WSP_OK);
    assert_int_equal(wsp_seal(&again, ring, &at, str(secret), error), WSP_OK);
    assert_int_equal(blob.len, again.len);
    assert_true(memcmp(blob.data, again.data, blob.len) != 0);
    assert_true(opens(ring, at, blob));
    assert_true(opens(ring, at, again));
    assert_false(opens(other, at, blob));
    assert_false(opens(forged, at, blob));
    assert_false(opens(ring, place("acmf", "1", "s"), blob));
    assert_false(opens(ring, place("acme", "2", "s"), blob));
    assert_false(opens(ring, place("acme", "1", "t"), blob));
    assert_false(opens(ring, place("acme", "1", ""), blob));
    assert_false(opens(ring, at, (wsp_str) { blob.data, blob.len - 1 }));
    assert_false(opens(ring, at, str("")));
    wsp_sealed_free(blob);
    wsp_sealed_free(again);

    wsp_str nothing;
    assert_int_equal(wsp_seal(&blob, ring, &at, str(""), error), WSP_OK);
    assert_int_equal(wsp_open(&nothing, ring, &at, blob, error), WSP_OK);
    assert_int_equal(nothing.len, 0);
    wsp_sealed_free(nothing);
    wsp_sealed_free(blob);
    wsp_keyring_free(ring);
    wsp_keyring_free(other);
    wsp_keyring_free(forged);
}

static void a_driver_and_the_api_seal_alike(void **state) {
    (void) state;
    wsp_keyring *ring = ring_of(test_keys);
    put_in(d, NULL, secret);
    redisReply *blob = redis_run("HGET " HASH " default");
    assert_int_equal(blob->type, REDIS_REPLY_STRING);
    assert_true(opens(ring, place("acme", "1", ""),
                      (wsp_str) { blob->str, blob->len }));
    freeReplyObject(blob);
    wsp_keyring_free(ring);
}

static void what_is_no_place_is_refused(void **state) {
    (void) state;
    wsp_keyring *ring = ring_of(test_keys);
    wsp_seal_place wrong[] = {
        place("", "1", "s"), place("a\nb", "1", "s"), place("acme", "", "s"),
        place("acme", "01", "s"), place("acme", "0", "s"),
        place("acme", "one", "s"), place("acme", "1", "a/b"),
        { 0, str("acme"), str("1"), str("s") },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        wsp_str blob;
        char error[WSP_ERROR_SIZE] = "";
        assert_int_equal(wsp_seal(&blob, ring, &wrong[i], str(secret), error),
                         WSP_INVALID);
        assert_true(error[0] != '\0');
    }
    wsp_keyring_free(ring);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_stored_comes_back_as_it_was,
                               one_workspace),
        cmocka_unit_test_setup(only_objects_and_arrays_are_taken,
                               one_workspace),
        cmocka_unit_test_setup(slots_are_apart, one_workspace),
        cmocka_unit_test_setup(slot_names_at_their_limits, one_workspace),
        cmocka_unit_test_setup(the_sixty_fifth_slot_is_refused,
                               one_workspace),
        cmocka_unit_test_setup(two_new_slots_at_once_keep_the_limit,
                               one_workspace),
        cmocka_unit_test_setup(plaintext_is_nowhere_in_redis, one_workspace),
        cmocka_unit_test_setup(equal_plaintexts_differ_when_sealed,
                               one_workspace),
        cmocka_unit_test_setup(any_byte_flipped_does_not_open,
                               one_workspace),
        cmocka_unit_test_setup(a_blob_cut_or_stretched_does_not_open,
                               one_workspace),
        cmocka_unit_test_setup(a_blob_moved_elsewhere_does_not_open,
                               one_workspace),
        cmocka_unit_test_setup(keys_can_be_rotated, one_workspace),
        cmocka_unit_test_setup(without_a_key_ring_it_is_503, one_workspace),
        cmocka_unit_test_setup(deleting_the_workspace_deletes_it,
                               one_workspace),
        cmocka_unit_test(a_driver_seals_and_opens),
        cmocka_unit_test_setup(a_driver_and_the_api_seal_alike,
                               one_workspace),
        cmocka_unit_test(what_is_no_place_is_refused),
    };
    return cmocka_run_group_tests(tests, open_driver, close_driver);
}
