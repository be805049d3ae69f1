/*
 * The link, byte by byte: the test plays Redis, and stops the clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fake.h"

static const struct ask get_7 = { .path = "/7" };

static struct driver *manual(const char *url) {
    return driver_new((struct driver_options) {
        .url = url, .manual = true, .timeout_ms = 1000,
        .connect_timeout_ms = 2000, .queue = 8, .seed = 1 });
}

/* Answers everything that was asked, until nothing more is. */
static void serve(struct driver *d) {
    struct bytes replies = { 0 };
    while (d->data.sent.len != 0 && fake_serve(&d->data.sent, &replies) != 0) {
        struct bytes now = replies;
        replies = (struct bytes) { 0 };
        driver_feed(d, now.data, now.len);
        bytes_free(&now);
    }
    bytes_free(&replies);
}

static struct driver *ready(void) {
    struct driver *d = manual("redis://h");
    driver_connected(d);
    serve(d);
    assert_true(driver_logged(d, "ready"));
    return d;
}

/* The first answers of a handshake without AUTH and SELECT. */
#define SHA "$40\r\n0123456789abcdef0123456789abcdef01234567\r\n"
#define HANDSHAKE "+OK\r\n" SHA "$2\r\n64\r\n$1\r\nx\r\n+PONG\r\n"

/* -- handshake ------------------------------------------------------------ */

static void the_handshake_logs_in_and_selects(void **state) {
    (void) state;
    static const struct {
        const char *url, *first, *second;
    } cases[] = {
        { "redis://h", "*3\r\n$6\r\nCLIENT", NULL },
        { "redis://:p%20w@h/3", "*2\r\n$4\r\nAUTH\r\n$3\r\np w\r\n",
          "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n" },
        { "redis://joe:pw@h", "*3\r\n$4\r\nAUTH\r\n$3\r\njoe\r\n$2\r\npw\r\n",
          "*3\r\n$6\r\nCLIENT" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct driver *d = manual(cases[i].url);
        assert_true(d->data.wants_connect);
        driver_connected(d);
        assert_ptr_equal(strstr(d->data.sent.data, cases[i].first), d->data.sent.data);
        if (cases[i].second != NULL) {
            assert_ptr_equal(strstr(d->data.sent.data, cases[i].second),
                             d->data.sent.data + strlen(cases[i].first));
        }
        serve(d);
        assert_true(driver_logged(d, "6 Redis link is ready"));
        driver_free(d);
    }
}

static void a_handshake_that_is_refused_says_why(void **state) {
    (void) state;
    static const struct {
        const char *replies, *says;
    } cases[] = {
        { "-WRONGPASS invalid\r\n", "refused the user or the password" },
        { "-ERR AUTH <password> called without any\r\n",
          "refused the user or the password" },
        { "-ERR invalid password\r\n", "refused the user or the password" },
        { "+OK\r\n-ERR DB index is out of range\r\n",
          "refused the database number" },
        { "+OK\r\n-NOAUTH Authentication required.\r\n",
          "wants a password" },
        { "-LOADING Redis is loading the dataset\r\n", "LOADING" },
        { "+OK\r\n+OK\r\n-LOADING Redis is loading\r\n", "LOADING" },
        { "+OK\r\n+OK\r\n-ERR unknown command\r\n-ERR no SCRIPT\r\n",
          "no commit script" },
        { "+OK\r\n+OK\r\n+OK\r\n$3\r\nabc\r\n", "no commit script" },
        { "+OK\r\n+OK\r\n+OK\r\n" SHA "$1\r\n0\r\n", "partitions" },
        { "+OK\r\n+OK\r\n+OK\r\n" SHA "$5\r\n16385\r\n", "partitions" },
        { "+OK\r\n+OK\r\n+OK\r\n" SHA "$3\r\nabc\r\n", "partitions" },
        { "+OK\r\n+OK\r\n+OK\r\n" SHA "-WRONGTYPE x\r\n", "partitions" },
        { "+OK\r\n+OK\r\n+OK\r\n" SHA "*0\r\n", "partitions" },
        { "+OK\r\n+OK\r\n+OK\r\n" SHA "$2\r\n64\r\n$1\r\nx\r\n"
          "-MASTERDOWN Link with MASTER is down\r\n", "MASTERDOWN" },
        { "+OK\r\n+OK\r\n+OK\r\n" SHA "$2\r\n64\r\n$1\r\nx\r\n-ERR no\r\n",
          "ERR no" },
        { "?\r\n", "not RESP" },
        { "HTTP/1.1 400 Bad Request\r\n\r\n", "not RESP" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct driver *d = manual("redis://:hunter2@h/1");
        struct flight *waits = driver_start(d, get_7);
        driver_connected(d);
        driver_feeds(d, cases[i].replies);
        assert_int_equal(d->data.closes, 1);
        assert_holds(d->log.data, cases[i].says);
        assert_lacks(d->log.data, "hunter2");
        assert_false(driver_logged(d, "ready"));
        assert_true(waits->done);
        assert_status(&waits->answer, 503);
        assert_string_equal(answer_header(&waits->answer, "Retry-After"),
                            "1");
        /* while it backs off a request is answered at once */
        assert_status(driver_ask(d, get_7), 503);
        driver_pass(d, 101);
        assert_true(d->data.wants_connect);
        driver_connected(d);
        serve(d);
        struct flight *again = driver_start(d, get_7);
        serve(d);
        assert_status(driver_wait(d, again), 200);
        driver_free(d);
    }
}

static void a_new_keyspace_is_given_its_partitions(void **state) {
    (void) state;
    struct driver *d = manual("redis://h");
    driver_connected(d);
    bytes_clear(&d->data.sent);
    driver_feeds(d, "+OK\r\n" SHA "$-1\r\n");
    assert_holds(d->data.sent.data, "wsp:partitions\r\n$2\r\n64\r\n$2\r\nNX");
    driver_feeds(d, "$1\r\nx\r\n+PONG\r\n");
    assert_false(driver_logged(d, "ready"));
    /* somebody else was faster, with another number */
    driver_feeds(d, "$-1\r\n$1\r\n1\r\n");
    assert_true(driver_logged(d, "ready"));
    bytes_clear(&d->data.sent);
    driver_start(d, get_7);
    assert_holds(d->data.sent.data, "wsp:{0}:acme:w:7");
    driver_free(d);
}

static void changed_partitions_raise_an_alert(void **state) {
    (void) state;
    struct driver *d = ready();
    driver_pass(d, 5000);
    driver_lose(d);
    driver_connected(d);
    driver_feeds(d, "+OK\r\n" SHA "$2\r\n65\r\n$1\r\nx\r\n+PONG\r\n");
    assert_true(driver_logged(d, "1 wsp:partitions"));
    driver_free(d);
}

static void a_policy_that_evicts_is_warned_about_once(void **state) {
    (void) state;
    struct driver *d = manual("redis://h");
    for (int i = 0; i < 2; i++) {
        driver_connected(d);
        driver_feeds(d, "+OK\r\n" SHA "$2\r\n64\r\n$30\r\n"
                        "maxmemory_policy:allkeys-lru\r\n\r\n+PONG\r\n");
        assert_int_equal(driver_logged(d, "allkeys-lru"), i == 0);
        bytes_clear(&d->log);
        driver_pass(d, 5000);
        driver_lose(d);
    }
    driver_free(d);
}

/* -- errors while it serves ----------------------------------------------- */

/* One reply to a read, whatever it is. */
static struct flight *read_answered(struct driver *d, const char *record,
                                    const char *member) {
    struct flight *reads = driver_start(d, get_7);
    bytes_clear(&d->data.sent);
    driver_feeds(d, record);
    driver_feeds(d, member);
    return reads;
}

static void errors_that_pass_answer_503_and_others_500(void **state) {
    (void) state;
    static const struct {
        const char *error;
        unsigned status;
        unsigned closes;
    } cases[] = {
        { "-LOADING Redis is loading\r\n", 503, 1 },
        { "-MASTERDOWN Link with MASTER is down\r\n", 503, 1 },
        { "-NOAUTH Authentication required.\r\n", 503, 1 },
        { "-READONLY You can't write against a replica\r\n", 503, 1 },
        { "-ERR Error running script: -READONLY You can't\r\n", 503, 1 },
        { "-OOM command not allowed\r\n", 503, 0 },
        { "-MISCONF Redis is configured to save\r\n", 503, 0 },
        { "-BUSY Redis is busy running a script\r\n", 503, 0 },
        { "-TRYAGAIN Multiple keys\r\n", 503, 0 },
        { "-CLUSTERDOWN The cluster is down\r\n", 503, 0 },
        { "-NOREPLICAS Not enough good replicas\r\n", 503, 0 },
        { "-WRONGTYPE Operation against a key\r\n", 500, 0 },
        { "-ERR whatever\r\n", 500, 0 },
        { "-\r\n", 500, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct driver *d = ready();
        driver_pass(d, 5000);
        struct flight *reads = read_answered(d, cases[i].error, "$-1\r\n");
        assert_true(reads->done);
        assert_status(&reads->answer, cases[i].status);
        assert_int_equal(d->data.closes, cases[i].closes);
        /* no word of Redis in the answer */
        assert_lacks(reads->answer.body, "Redis");
        if (cases[i].status == 503) {
            assert_non_null(answer_header(&reads->answer, "Retry-After"));
        }
        driver_free(d);
    }
}

static void replies_of_another_kind_do_no_harm(void **state) {
    (void) state;
    static const char *const kinds[] = {
        "+OK\r\n", ":5\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "$0\r\n\r\n",
        "*1\r\n*1\r\n*1\r\n:1\r\n",
        "*3\r\n:1\r\n:1\r\n:1\r\n", "*2\r\n$1\r\n1\r\n$-1\r\n",
    };
    for (size_t a = 0; a < COUNT_OF(kinds); a++) {
        for (size_t b = 0; b < COUNT_OF(kinds); b++) {
            struct driver *d = ready();
            struct flight *reads = read_answered(d, kinds[a], kinds[b]);
            assert_true(reads->done);
            assert_status(&reads->answer, 404);
            driver_free(d);
        }
    }
}

static void what_is_not_resp_drops_the_link(void **state) {
    (void) state;
    static const char *const corrupt[] = {
        "?", "HTTP/1.1 200 OK\r\n\r\n", "$-2\r\n", "$99999999999999999999\r\n",
        "*99999999999\r\n", "*2147483647\r\n", "*1048577\r\n", "$x\r\n",
        ":\r\n", ":1x\r\n", "*-2\r\n", "\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(corrupt); i++) {
        struct driver *d = ready();
        driver_pass(d, 5000);
        struct flight *reads = driver_start(d, get_7);
        driver_feeds(d, corrupt[i]);
        if (d->data.closes != 1) {
            fail_msg("link kept after %s", corrupt[i]);
        }
        /* and the read is repeated over the next one */
        driver_connected(d);
        serve(d);
        assert_status(driver_wait(d, reads), 200);
        driver_free(d);
    }
}

static void a_reply_too_many_drops_the_link(void **state) {
    (void) state;
    struct driver *d = ready();
    driver_feeds(d, "+OK\r\n");
    assert_int_equal(d->data.closes, 1);
    assert_true(driver_logged(d, "more than it was asked"));
    driver_free(d);
    d = manual("redis://h");
    driver_connected(d);
    driver_feeds(d, HANDSHAKE "+OK\r\n");
    assert_int_equal(d->data.closes, 1);
    driver_free(d);
}

static void replies_may_come_in_single_bytes(void **state) {
    (void) state;
    struct driver *d = manual("redis://h");
    d->piece = 1;
    d->write_piece = 1;
    driver_connected(d);
    serve(d);
    assert_true(driver_logged(d, "ready"));
    struct flight *reads = driver_start(d, get_7);
    struct flight *lists = driver_start(d, (struct ask) { 0 });
    serve(d);
    assert_status(driver_wait(d, reads), 200);
    assert_status(driver_wait(d, lists), 200);
    driver_free(d);
}

static void put_members(struct bytes *into, unsigned from, unsigned until) {
    for (unsigned i = from; i < until; i++) {
        bytes_printf(into, "$6\r\nu%05u\r\n$20\r\n1700000000000 member\r\n",
                     i);
    }
}

/* The reader has then nothing left, and yet not all of the reply. */
static void a_long_reply_may_stop_between_its_elements(void **state) {
    (void) state;
    enum { most = 10000, first = 5000 };
    struct driver *d = ready();
    struct flight *reads =
        driver_start(d, (struct ask) { .path = "/7/members" });
    bool was_long = false;
    struct fake_command command;
    while (fake_parse(d->data.sent.data, d->data.sent.len, &command)) {
        struct bytes replies = { 0 };
        bool members = fake_is(&command, 0, "HGETALL");
        if (members) {
            bytes_printf(&replies, "*%u\r\n", 2 * most);
            put_members(&replies, 0, first);
        } else {
            fake_answer(&command, &replies);
        }
        bytes_drop(&d->data.sent, command.size);
        driver_feed(d, replies.data, replies.len);
        if (members) {
            bytes_clear(&replies);
            put_members(&replies, first, most);
            driver_feed(d, replies.data, replies.len);
            was_long = true;
        }
        bytes_free(&replies);
    }
    assert_true(was_long);
    assert_int_equal(d->data.closes, 0);
    const struct answer *members = driver_wait(d, reads);
    assert_status(members, 200);
    assert_holds(members->body, "u00000");
    assert_holds(members->body, "u09999");
    driver_free(d);
}

static void bytes_for_no_connection_are_ignored(void **state) {
    (void) state;
    struct driver *d = manual("redis://h");
    driver_feeds(d, "+OK\r\n");
    assert_int_equal(d->data.closes, 0);
    driver_connected(d);
    serve(d);
    driver_lose(d);
    driver_feeds(d, "garbage");
    assert_true(d->data.wants_connect);
    driver_free(d);
}

/* -- NOSCRIPT ------------------------------------------------------------- */

/* Answers commits with NOSCRIPT until SCRIPT LOAD comes before them. */
static void serve_without_script(struct driver *d, unsigned *loads,
                                 unsigned *commits) {
    bool loaded = false;
    struct fake_command c;
    while (d->data.sent.len != 0 && fake_parse(d->data.sent.data, d->data.sent.len, &c)) {
        struct bytes reply = { 0 };
        if (fake_is(&c, 0, "SCRIPT")) {
            loaded = true;
            ++*loads;
        }
        if (fake_is(&c, 0, "EVALSHA") && !loaded) {
            bytes_puts(&reply, "-NOSCRIPT No matching script.\r\n");
        } else {
            *commits += fake_is(&c, 0, "EVALSHA");
            fake_answer(&c, &reply);
        }
        bytes_drop(&d->data.sent, c.size);
        driver_feed(d, reply.data, reply.len);
        bytes_free(&reply);
    }
}

static void a_forgotten_script_is_loaded_again(void **state) {
    (void) state;
    for (unsigned count = 1; count <= 5; count++) {
        struct driver *d = ready();
        struct flight *writes[5];
        for (unsigned i = 0; i < count; i++) {
            writes[i] = driver_start(d, (struct ask) {
                .method = "PUT", .path = "/7", .body = "{\"name\":\"x\"}" });
        }
        unsigned loads = 0;
        unsigned commits = 0;
        serve_without_script(d, &loads, &commits);
        for (unsigned i = 0; i < count; i++) {
            assert_true(writes[i]->done);
            assert_status(&writes[i]->answer, 200);
        }
        assert_true(loads >= 1);
        assert_int_equal(commits, count);
        driver_free(d);
    }
}

static void a_script_that_cannot_be_kept_ends_in_an_error(void **state) {
    (void) state;
    struct driver *d = ready();
    struct flight *writes = driver_start(d, (struct ask) {
        .method = "PUT", .path = "/7", .body = "{\"name\":\"x\"}" });
    for (int i = 0; i < 20 && !writes->done; i++) {
        struct fake_command c;
        struct bytes reply = { 0 };
        assert_true(fake_parse(d->data.sent.data, d->data.sent.len, &c));
        if (fake_is(&c, 0, "EVALSHA")) {
            bytes_puts(&reply, "-NOSCRIPT No matching script.\r\n");
        } else {
            fake_answer(&c, &reply);
        }
        bytes_drop(&d->data.sent, c.size);
        driver_feed(d, reply.data, reply.len);
        bytes_free(&reply);
    }
    assert_true(writes->done);
    assert_true(writes->answer.status >= 500);
    driver_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_handshake_logs_in_and_selects),
        cmocka_unit_test(a_handshake_that_is_refused_says_why),
        cmocka_unit_test(a_new_keyspace_is_given_its_partitions),
        cmocka_unit_test(changed_partitions_raise_an_alert),
        cmocka_unit_test(a_policy_that_evicts_is_warned_about_once),
        cmocka_unit_test(errors_that_pass_answer_503_and_others_500),
        cmocka_unit_test(replies_of_another_kind_do_no_harm),
        cmocka_unit_test(what_is_not_resp_drops_the_link),
        cmocka_unit_test(a_reply_too_many_drops_the_link),
        cmocka_unit_test(replies_may_come_in_single_bytes),
        cmocka_unit_test(a_long_reply_may_stop_between_its_elements),
        cmocka_unit_test(bytes_for_no_connection_are_ignored),
        cmocka_unit_test(a_forgotten_script_is_loaded_again),
        cmocka_unit_test(a_script_that_cannot_be_kept_ends_in_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
