/* The outbox in the operator surface: what was given up, in all partitions,
 * and what is delivered to partners. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

static struct driver *d;

static const struct answer *operate(const char *method, const char *path,
                                    const char *query) {
    return driver_ask(d, (struct ask) {
        .dialect = WSP_OPERATOR, .method = method, .path = path,
        .query = query, .nobody = true });
}

static int open_driver(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 4");
    d = driver_new((struct driver_options) { 0 });
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
    redis_do("SET wsp:partitions 4");
    driver_forget(d);
    return 0;
}

/* A job that was given up then; its id. */
static const char *bury(int partition, const char *kind, int number,
                        long long when) {
    static char ids[8][40];
    static unsigned which;
    char *id = ids[which++ % 8];
    snprintf(id, sizeof ids[0], "%032x", number);
    redis_do("HSET wsp:{%d}::j:%s kind %s tenant acme lane %s created 1000 "
             "tries 9 payload hush reason went-away",
             partition, id, kind, id);
    redis_do("ZADD wsp:{%d}::dead:%s %lld %s", partition, kind, when, id);
    return id;
}

/* The numbers of the jobs in a page, and its `next`. */
static void read_page(const struct answer *got, char *numbers, char *next) {
    assert_status(got, 200);
    char *to = numbers;
    *to = '\0';
    for (const char *at = got->body;
         (at = strstr(at, "\"job\":\"")) != NULL;) {
        at += strlen("\"job\":\"");
        to += sprintf(to, "%lx ", strtol(at, NULL, 16));
    }
    const char *from = strstr(got->body, "\"next\":");
    assert_non_null(from);
    if (sscanf(from, "\"next\":\"%63[^\"]\"", next) != 1) {
        next[0] = '\0';
    }
}

static void the_newest_comes_first_of_all_partitions(void **state) {
    (void) state;
    bury(0, "mail", 1, 5000);
    bury(1, "webhook", 2, 7000);
    bury(2, "work", 3, 6000);
    bury(3, "mail", 4, 9000);
    bury(3, "mail", 5, 1000);
    char numbers[256], next[64];
    const struct answer *got = operate("GET", "/dead-letters", NULL);
    read_page(got, numbers, next);
    assert_string_equal(numbers, "4 2 3 1 5 ");
    assert_string_equal(next, "");
    assert_holds(got->body,
                 "{\"dead_letters\":[{\"job\":"
                 "\"00000000000000000000000000000004\",\"kind\":\"mail\","
                 "\"tenant\":\"acme\",\"tries\":9,\"reason\":\"went-away\","
                 "\"created_at\":\"1970-01-01T00:00:01.000Z\","
                 "\"died_at\":\"1970-01-01T00:00:09.000Z\"},");
    assert_lacks(got->body, "hush");
    read_page(operate("GET", "/dead-letters", "kind=mail"), numbers, next);
    assert_string_equal(numbers, "4 1 5 ");
    assert_status(operate("GET", "/dead-letters", "kind=none"), 422);
    assert_status(operate("GET", "/dead-letters", "after=x"), 422);
    assert_status(operate("GET", "/dead-letters", "after=1-x"), 422);
    assert_status(operate("GET", "/dead-letters", "limit=201"), 422);
}

static void pages_miss_none_of_one_millisecond(void **state) {
    (void) state;
    for (int i = 1; i <= 40; i++) {
        bury(i % 4, i % 3 ? "mail" : "webhook", i, 5000 + i / 20);
    }
    char seen[64] = "";
    char query[128] = "limit=7";
    int pages = 0, count = 0;
    for (char next[64] = "-"; next[0] != '\0'; pages++) {
        char numbers[256];
        read_page(operate("GET", "/dead-letters", query), numbers, next);
        for (char *at = strtok(numbers, " "); at; at = strtok(NULL, " ")) {
            long number = strtol(at, NULL, 16);
            assert_true(number >= 1 && number <= 40);
            assert_int_equal(seen[number], 0);
            seen[number] = 1;
            count++;
        }
        snprintf(query, sizeof query, "limit=7&after=%s", next);
    }
    assert_int_equal(count, 40);
    assert_int_equal(pages, 6);
}

static void one_whose_time_has_passed_is_not_shown(void **state) {
    (void) state;
    const char *gone = bury(0, "mail", 1, 5000);
    bury(0, "mail", 2, 4000);
    redis_do("DEL wsp:{0}::j:%s", gone);
    char numbers[64], next[64], path[64];
    read_page(operate("GET", "/dead-letters", NULL), numbers, next);
    assert_string_equal(numbers, "2 ");
    snprintf(path, sizeof path, "/dead-letters/%s", gone);
    assert_status(operate("DELETE", path, NULL), 404);
}

static void one_is_tried_again(void **state) {
    (void) state;
    const char *id = bury(2, "mail", 7, 5000);
    redis_do("PEXPIRE wsp:{2}::j:%s 100000", id);
    char path[80];
    snprintf(path, sizeof path, "/dead-letters/%s/retry", id);
    const struct answer *got = operate("POST", path, NULL);
    assert_status(got, 202);
    assert_holds(got->body, "\"kind\":\"mail\"");
    assert_lacks(got->body, "hush");
    assert_int_equal(redis_number("ZCARD wsp:{2}::dead:mail"), 0);
    assert_non_null(redis_text("ZSCORE wsp:{2}::q:mail %s", id));
    assert_string_equal(redis_text("HGET wsp:{2}::j:%s tries", id), "0");
    assert_string_equal(redis_text("HGET wsp:{2}::j:%s payload", id), "hush");
    assert_int_equal(redis_number("PTTL wsp:{2}::j:%s", id), -1);
    assert_status(operate("POST", path, NULL), 404);
}

static void one_is_forgotten(void **state) {
    (void) state;
    const char *id = bury(1, "mail", 7, 5000);
    char path[80];
    snprintf(path, sizeof path, "/dead-letters/%s", id);
    assert_status(operate("DELETE", path, NULL), 200);
    assert_int_equal(redis_number("EXISTS wsp:{1}::j:%s wsp:{1}::dead:mail",
                                  id), 0);
    assert_status(operate("DELETE", path, NULL), 404);
}

static void only_what_is_dead_is_found(void **state) {
    (void) state;
    static const char *const wrong[] = {
        "/dead-letters/x", "/dead-letters/%00", "/dead-letters/%2A",
        "/dead-letters/00000000000000000000000000000009",
        "/dead-letters/0000000000000000000000000000000G",
    };
    redis_do("HSET wsp:{1}::j:00000000000000000000000000000009 kind mail "
             "tenant acme payload hush");
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char path[80];
        assert_status(operate("DELETE", wrong[i], NULL), 404);
        snprintf(path, sizeof path, "%s/retry", wrong[i]);
        assert_status(operate("POST", path, NULL), 404);
    }
    assert_int_equal(redis_number("EXISTS wsp:{1}::j:"
                                  "00000000000000000000000000000009"), 1);
}

/* -- deliveries ----------------------------------------------------------- */

enum { PARTITION = 1 };     /* of ats, of four */
#define ATS "wsp:{1}:ats:"

static void make_partner(void) {
    assert_status(driver_ask(d, (struct ask) {
                      .dialect = WSP_OPERATOR, .method = "POST",
                      .path = "/partners", .nobody = true,
                      .body = "{\"id\":\"ats\",\"name\":\"N\","
                              "\"webhook_url\":\"https://a.example/\"}" }),
                  201);
    assert_int_equal(redis_number("EXISTS " ATS "pt"), 1);
}

static void deliver(const char *event, const char *state, int tries) {
    redis_do("HSET " ATS "y:%s event workspace.provisioned reference ref-1 "
             "client acme-corp state %s created 1000 tries %d status 500 "
             "error %s job none body %s last %s", event, state, tries,
             "answered-500", "{\"event_id\":\"e\"}",
             "{\"at\":\"1970-01-01T00:00:00.000Z\",\"duration_ms\":1,"
             "\"status\":500,\"error\":\"e\",\"answer\":\"whole\"}");
    redis_do("RPUSH " ATS "y:%s:a %s %s", event,
             "{\"at\":\"1970-01-01T00:00:00.000Z\",\"duration_ms\":1,"
             "\"status\":500,\"error\":\"e\",\"answer\":\"cut\"}",
             "{\"at\":\"1970-01-01T00:00:00.000Z\",\"duration_ms\":1,"
             "\"status\":null,\"error\":\"e\",\"answer\":null}");
    redis_do("ZADD " ATS "ys 0 %s", event);
    if (strcmp(state, "pending") != 0) {
        redis_do("HSET " ATS "y:%s ended 2000", event);
        redis_do("ZADD " ATS "yz 2000 %s", event);
    }
}

static void deliveries_are_listed_and_shown(void **state) {
    (void) state;
    make_partner();
    deliver("e-1", "delivered", 1);
    deliver("e-2", "failed", 10);
    const struct answer *got =
        operate("GET", "/partners/ats/deliveries", NULL);
    assert_status(got, 200);
    assert_holds(got->body,
                 "{\"deliveries\":[{\"event_id\":\"e-2\",\"event\":"
                 "\"workspace.provisioned\",\"client_id\":\"acme-corp\","
                 "\"reference_id\":\"ref-1\",\"state\":\"failed\","
                 "\"tries\":10,\"last_status\":500,"
                 "\"last_error\":\"answered-500\","
                 "\"created_at\":\"1970-01-01T00:00:01.000Z\","
                 "\"ended_at\":\"1970-01-01T00:00:02.000Z\"},"
                 "{\"event_id\":\"e-1\",");
    got = operate("GET", "/partners/ats/deliveries", "state=delivered");
    assert_lacks(got->body, "e-2");
    got = operate("GET", "/partners/ats/deliveries", "limit=1");
    assert_holds(got->body, "\"next\":\"e-2\"}");
    got = operate("GET", "/partners/ats/deliveries", "limit=1&after=e-2");
    assert_holds(got->body, "{\"event_id\":\"e-1\",");
    assert_holds(got->body, "\"next\":null}");
    got = operate("GET", "/partners/ats/deliveries", "state=lost");
    assert_status(got, 422);
    assert_holds(got->body, "\"field\":\"state\"");
    got = operate("GET", "/partners/ats/deliveries/e-2", NULL);
    assert_status(got, 200);
    assert_holds(got->body, "\"body\":{\"event_id\":\"e\"},\"log\":[{");
    assert_holds(got->body, "\"answer\":\"whole\"},");
    assert_lacks(got->body, "cut");
    assert_holds(got->body, "\"answer\":null}]}");
    assert_status(operate("GET", "/partners/ats/deliveries/e-3", NULL), 404);
    assert_status(operate("GET", "/partners/nobody/deliveries", NULL), 404);
    assert_status(operate("GET", "/partners/nobody/deliveries/e-1", NULL),
                  404);
}

static void one_is_delivered_again_with_its_event_id(void **state) {
    (void) state;
    make_partner();
    deliver("e-2", "failed", 10);
    const char *path = "/partners/ats/deliveries/e-2/redeliver";
    const struct answer *got = operate("POST", path, NULL);
    assert_status(got, 202);
    assert_body(got, "{\"event_id\":\"e-2\",\"state\":\"pending\"}");
    assert_string_equal(redis_text("HGET " ATS "y:e-2 state"), "pending");
    redisReply *jobs = redis_run("LRANGE wsp:{1}::o:ats/acme-corp 0 -1");
    assert_int_equal(jobs->elements, 1);
    assert_string_equal(redis_text("HGET wsp:{1}::j:%s payload",
                                   jobs->element[0]->str), "e-2");
    freeReplyObject(jobs);
    assert_status(operate("POST", "/partners/ats/deliveries/e/redeliver",
                          NULL), 404);
    assert_status(driver_ask(d, (struct ask) {
                      .dialect = WSP_OPERATOR, .method = "PATCH",
                      .path = "/partners/ats", .nobody = true,
                      .body = "{\"webhook_url\":null}" }), 200);
    assert_status(operate("POST", path, NULL), 409);
}

/* A dead letter is its delivery, too: either way it is pending again. */
static void a_dead_webhook_is_its_delivery(void **state) {
    (void) state;
    make_partner();
    deliver("e-2", "failed", 10);
    const char *id = bury(PARTITION, "webhook", 9, 5000);
    redis_do("HSET wsp:{1}::j:%s tenant ats lane ats/acme-corp payload e-2",
             id);
    redis_do("HSET " ATS "y:e-2 job %s", id);
    char path[80];
    snprintf(path, sizeof path, "/dead-letters/%s/retry", id);
    assert_status(operate("POST", path, NULL), 202);
    assert_string_equal(redis_text("HGET " ATS "y:e-2 state"), "pending");
    assert_int_equal(redis_number("ZCARD wsp:{1}::dead:webhook"), 0);
    assert_string_equal(redis_text("LINDEX wsp:{1}::o:ats/acme-corp 0"), id);
    assert_string_equal(redis_text("HGET wsp:{1}::jobs webhook"), "1");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, empty)
    const struct CMUnitTest tests[] = {
        TEST(the_newest_comes_first_of_all_partitions),
        TEST(pages_miss_none_of_one_millisecond),
        TEST(one_whose_time_has_passed_is_not_shown),
        TEST(one_is_tried_again),
        TEST(one_is_forgotten),
        TEST(only_what_is_dead_is_found),
        TEST(deliveries_are_listed_and_shown),
        TEST(one_is_delivered_again_with_its_event_id),
        TEST(a_dead_webhook_is_its_delivery),
    };
    return cmocka_run_group_tests(tests, open_driver, close_driver);
}
