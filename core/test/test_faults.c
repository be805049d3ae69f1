/* A real Redis that fails: cut, killed, read-only, full, paused. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

static struct fixture world;

static int make_world(void **state) {
    (void) state;
    struct driver *d = driver_new((struct driver_options) { 0 });
    fixture_make(d, &world);
    driver_free(d);
    return 0;
}

static struct driver *ready(void) {
    struct driver *d = driver_new((struct driver_options) { 0 });
    driver_until_log(d, "ready");
    redis_restore();
    return d;
}

/*
 * The connection is cut in the place of each reply in turn, the reply being
 * lost: what Redis did by then must not be done a second time, nor be told
 * as failed.
 */
static void a_lost_acknowledgement_has_no_second_effect(void **state) {
    (void) state;
    for (struct a_route at = { 0 }; next_route(&at);) {
        struct ask ask = allowed_sample_of(&at, world.target);
        char done[64] = "";
        char body[4096] = "";
        for (int cut = 0;; cut++) {
            struct driver *d = ready();
            d->stopped_clock = true;
            d->wall_ms = 1767225600000;
            d->monotonic_ms += 5000;    /* the link is stable */
            d->cut_input = cut;
            const struct answer *got = driver_ask(d, ask);
            assert_status(got, sample_status(&at));
            if (!sample_varies(&at)) {
                if (cut == 0) {
                    snprintf(done, sizeof done, "%s", redis_digest());
                    snprintf(body, sizeof body, "%s", got->body);
                } else {
                    assert_string_equal(done, redis_digest());
                    if (!sample_has_reference(&at)) {
                        assert_string_equal(body, got->body);
                    }
                }
            }
            bool over = cut > 0 && d->cut_input > 0;
            assert_int_equal(d->data.connects, cut == 0 || over ? 1 : 2);
            driver_free(d);
            if (over) {
                break;
            }
        }
    }
}

static void creating_is_done_once_when_the_link_is_lost(void **state) {
    (void) state;
    for (int cut = 0; cut < 4; cut++) {
        struct driver *d = ready();
        d->stopped_clock = true;
        d->monotonic_ms += 5000;
        d->cut_input = cut;
        const struct answer *got = driver_ask(d, (struct ask) {
            .method = "POST", .user = "solo", .body = "{\"name\":\"Once\"}",
            .headers = { "Idempotency-Key", "k1" } });
        assert_status(got, 200);
        char id[24];
        snprintf(id, sizeof id, "%s", id_in(got));
        const struct answer *list =
            driver_ask(d, (struct ask) { .user = "solo" });
        assert_string_equal(id_in(list), id);
        assert_null(strstr(strstr(list->body, "_id") + 3, "_id"));
        driver_free(d);
    }
}

static void a_flushed_script_is_loaded_again(void **state) {
    (void) state;
    struct driver *d = ready();
    for (int round = 0; round < 3; round++) {
        redis_do("SCRIPT FLUSH");
        struct flight *writes[10];
        for (int i = 0; i < 10; i++) {
            char body[64];
            snprintf(body, sizeof body, "{\"name\":\"n%d\"}", i);
            writes[i] = driver_start(d, (struct ask) { .method = "POST",
                                                       .user = "many",
                                                       .body = body });
        }
        for (int i = 0; i < 10; i++) {
            assert_status(driver_wait(d, writes[i]), 200);
        }
    }
    driver_free(d);
}

static void a_killed_redis_is_found_again(void **state) {
    (void) state;
    struct driver *d = ready();
    struct flight *reads =
        driver_start(d, (struct ask) { .user = "owner" });
    redis_stop();
    const struct answer *got = driver_wait(d, reads);
    assert_true(got->status == 503 || got->status == 200);
    assert_status(driver_ask(d, (struct ask) { 0 }), 503);
    redis_start();
    bytes_clear(&d->log);
    driver_until_log(d, "5 Redis link is ready");
    assert_status(driver_ask(d, (struct ask) { .user = "owner" }), 200);
    driver_free(d);
    assert_int_equal(make_world(NULL), 0);
}

static void a_password_set_later_is_noticed(void **state) {
    (void) state;
    char url[400];
    char *socket = strdup(redis_socket());
    redis_do("CONFIG SET requirepass hunter2");
    struct driver *d = driver_new((struct driver_options) { 0 });
    driver_until_log(d, "wants a password");
    assert_status(driver_ask(d, (struct ask) { 0 }), 503);
    driver_free(d);

    snprintf(url, sizeof url, "unix://:wrong1@%s", socket);
    d = driver_new((struct driver_options) { .url = url });
    driver_until_log(d, "refused the user or the password");
    assert_lacks(d->log.data, "wrong1");
    driver_free(d);

    snprintf(url, sizeof url, "unix://:hunter2@%s?db=3", socket);
    d = driver_new((struct driver_options) { .url = url });
    const struct answer *got = driver_ask(d, (struct ask) {
        .method = "POST", .body = "{\"name\":\"In three\"}" });
    assert_status(got, 200);
    driver_free(d);
    snprintf(url, sizeof url, "unix://default:hunter2@%s", socket);
    d = driver_new((struct driver_options) { .url = url });
    assert_status(driver_ask(d, (struct ask) { 0 }), 200);
    driver_free(d);
    redis_do("CONFIG SET requirepass %s", "");
    redis_do("SELECT 3");
    assert_true(redis_number("DBSIZE") > 0);
    redis_do("FLUSHDB");
    redis_do("SELECT 0");
    free(socket);
}

static void a_wrong_database_is_logged(void **state) {
    (void) state;
    char url[400];
    snprintf(url, sizeof url, "%s:9999", redis_url());
    struct driver *d = driver_new((struct driver_options) { .url = url });
    driver_until_log(d, "refused the database number");
    driver_free(d);
}

static void a_replica_refuses_writes_and_nothing_is_half_written(void **state) {
    (void) state;
    struct driver *d = ready();
    const char *before = redis_digest();
    redis_do("REPLICAOF 127.0.0.1 1");
    struct ask put = { .method = "PUT", .user = "owner",
                       .body = "{\"name\":\"Half\",\"labels\":[\"b\"]}" };
    char path[64];
    snprintf(path, sizeof path, "/%s", world.target);
    put.path = path;
    assert_status(driver_ask(d, put), 503);
    redis_do("REPLICAOF NO ONE");
    assert_string_equal(before, redis_digest());
    /* the link may have been given up, and be coming back */
    const struct answer *again = driver_ask(d, put);
    for (int i = 0; again->status == 503 && i < 200; i++) {
        driver_turn(d, 20);
        again = driver_ask(d, put);
    }
    assert_status(again, 200);
    driver_free(d);
}

static void a_full_redis_refuses_writes_as_a_whole(void **state) {
    (void) state;
    struct driver *d = ready();
    char path[64];
    snprintf(path, sizeof path, "/%s", world.target);
    struct ask put = { .method = "PUT", .path = path, .user = "owner",
                       .body = "{\"name\":\"Half\",\"labels\":[\"b\"]}" };
    const char *before = redis_digest();
    redis_do("CONFIG SET maxmemory 1");
    const struct answer *got = driver_ask(d, put);
    assert_status(got, 503);
    assert_non_null(answer_header(got, "Retry-After"));
    assert_status(driver_ask(d, (struct ask) { .user = "owner" }), 200);
    redis_do("CONFIG SET maxmemory 0");
    assert_string_equal(before, redis_digest());
    assert_status(driver_ask(d, put), 200);
    driver_free(d);
}

static void a_stopped_redis_trips_the_watchdog_and_comes_back(void **state) {
    (void) state;
    struct driver *d = driver_new((struct driver_options) {
        .timeout_ms = 200, .connect_timeout_ms = 200 });
    driver_until_log(d, "ready");
    kill(redis_pid(), SIGSTOP);
    waitpid(redis_pid(), NULL, WUNTRACED);
    struct flight *waits = driver_start(d, (struct ask) { .user = "owner" });
    const struct answer *got = driver_wait(d, waits);
    kill(redis_pid(), SIGCONT);
    assert_status(got, 503);
    assert_true(driver_logged(d, "no reply in time"));
    bytes_clear(&d->log);
    driver_until_log(d, "ready");
    /* 200 ms may be short for a Redis that is not alone */
    got = driver_ask(d, (struct ask) { .user = "owner" });
    for (int i = 0; got->status == 503 && i < 200; i++) {
        driver_turn(d, 20);
        got = driver_ask(d, (struct ask) { .user = "owner" });
    }
    assert_status(got, 200);
    driver_free(d);
}

static void a_flushed_redis_denies(void **state) {
    (void) state;
    struct driver *d = ready();
    char path[64];
    snprintf(path, sizeof path, "/%s", world.target);
    redis_do("FLUSHALL");
    assert_status(driver_ask(d, (struct ask) { .path = path,
                                               .user = "owner" }),
                  404);
    redis_restore();
    driver_free(d);
    make_world(NULL);
}

static void input_in_single_bytes_changes_nothing(void **state) {
    (void) state;
    struct driver *d = driver_new((struct driver_options) { 0 });
    d->piece = 1;
    d->write_piece = 7;
    driver_until_log(d, "ready");
    redis_restore();
    for (struct a_route at = { 0 }; next_route(&at);) {
        redis_restore();
        struct ask ask = allowed_sample_of(&at, world.target);
        assert_status(driver_ask(d, ask), sample_status(&at));
    }
    driver_free(d);
}

/* Values of the wrong type, as somebody else's keys might be. */
static void keys_of_another_type_are_an_error_not_a_crash(void **state) {
    (void) state;
    static const char *const kinds[] = { "SET %s x", "RPUSH %s 1 2",
                                         "ZADD %s 1 1", "HSET %s a b",
                                         "SADD %s a" };
    struct driver *d = ready();
    redisReply *keys = redis_run("KEYS wsp:{*");
    assert_true(keys->elements > 10);
    for (size_t k = 0; k < keys->elements; k++) {
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
            redis_restore();
            redis_do("DEL %s", keys->element[k]->str);
            redis_do(kinds[i], keys->element[k]->str);
            for (struct a_route at = { 0 }; next_route(&at);) {
                struct ask ask = allowed_sample_of(&at, world.target);
                if (ask.api_key == NULL) {
                    ask.user = "owner";
                    ask.admin = at.next % 2 ? "1" : NULL;
                }
                const struct answer *got = driver_ask(d, ask);
                assert_true(got->status == sample_status(&at) ||
                            got->status >= 400);
                assert_true(got->status != 503);
            }
            driver_forget(d);
        }
    }
    freeReplyObject(keys);
    driver_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_acknowledgement_has_no_second_effect),
        cmocka_unit_test(creating_is_done_once_when_the_link_is_lost),
        cmocka_unit_test(a_flushed_script_is_loaded_again),
        cmocka_unit_test(a_killed_redis_is_found_again),
        cmocka_unit_test(a_password_set_later_is_noticed),
        cmocka_unit_test(a_wrong_database_is_logged),
        cmocka_unit_test(a_replica_refuses_writes_and_nothing_is_half_written),
        cmocka_unit_test(a_full_redis_refuses_writes_as_a_whole),
        cmocka_unit_test(a_stopped_redis_trips_the_watchdog_and_comes_back),
        cmocka_unit_test(a_flushed_redis_denies),
        cmocka_unit_test(input_in_single_bytes_changes_nothing),
        cmocka_unit_test(keys_of_another_type_are_an_error_not_a_crash),
    };
    return cmocka_run_group_tests(tests, make_world, NULL);
}
