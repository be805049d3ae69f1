/*
 * What a core counts and shows, as Prometheus reads it.  The test plays
 * Redis and moves the clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "check.h"
#include "driver.h"
#include "fake.h"

static wsp_str str(const char *text) {
    return (wsp_str) { text, strlen(text) };
}

static void serve(struct driver *d) {
    while (d->data.sent.len != 0) {
        struct bytes replies = { 0 };
        fake_serve(&d->data.sent, &replies);
        driver_feed(d, replies.data, replies.len);
        bytes_free(&replies);
    }
}

/* Without a cache, and so with one link; it is ready. */
static struct driver *ready(void) {
    struct driver *d = driver_new((struct driver_options) {
        .url = "redis://h", .manual = true, .timeout_ms = 5000, .queue = 8,
        .with_status = true, .seed = 1 });
    driver_connected(d);
    serve(d);
    return d;
}

static double of(struct driver *d, const char *metric, const char *labels) {
    char name[160];
    snprintf(name, sizeof name, "workspaces_%s{%s}", metric, labels);
    return driver_metric(d, name);
}

static double answered(struct driver *d, const char *operation,
                       const char *status) {
    char labels[120];
    snprintf(labels, sizeof labels,
             "dialect=\"platform\",operation=\"%s\",status=\"%s\"",
             operation, status);
    return of(d, "requests_total", labels);
}

/* -- the text ------------------------------------------------------------- */

static void every_operation_is_there_from_the_start(void **state) {
    (void) state;
    struct driver *d = ready();
    wsp_route route;
    for (size_t i = 0; wsp_route_get(&route, WSP_PLATFORM, i) == WSP_OK; i++) {
        char name[40];
        snprintf(name, sizeof name, "%.*s", (int) route.operation.len,
                 route.operation.data);
        assert_true(answered(d, name, "200") == 0);
        assert_true(answered(d, name, "500") == 0);
        assert_true(answered(d, name, "503") == 0);
        assert_true(answered(d, name, "404") == -1);
    }
    assert_true(answered(d, "none", "503") == 0);
    driver_free(d);
}

/* Each family: HELP, TYPE, then all of its series, none of them twice. */
static void families_are_in_one_piece(void **state) {
    (void) state;
    struct driver *d = ready();
    driver_ask(d, (struct ask) { .nobody = true });
    wsp_str text;
    assert_int_equal(wsp_status_render(&text, d->status, 1), WSP_OK);
    char *copy = strndup(text.data, text.len);
    assert_true(copy[text.len - 1] == '\n');
    wsp_status_free(text);

    char family[80] = "", kind[16] = "";
    char *lines[400];
    size_t count = 0;
    for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
        if (sscanf(line, "# HELP %79s", family) == 1) {
            continue;
        }
        char named[80];
        if (sscanf(line, "# TYPE %79s %15s", named, kind) == 2) {
            assert_string_equal(named, family);
            size_t len = strlen(family);
            assert_int_equal(strcmp(kind, "counter") == 0,
                             strcmp(family + len - 6, "_total") == 0);
            continue;
        }
        assert_memory_equal(line, family, strlen(family));
        char *value = strrchr(line, ' '), *end;
        strtod(value + 1, &end);
        assert_true(*end == '\0' && end != value + 1);
        *value = '\0';
        for (size_t i = 0; i < count; i++) {
            assert_string_not_equal(lines[i], line);
        }
        assert_true(count < COUNT_OF(lines));
        lines[count++] = line;
    }
    assert_true(count > 60);
    free(copy);
    driver_free(d);
}

static void no_memory_for_the_text(void **state) {
    (void) state;
    struct driver *d = ready();
    for (unsigned long k = 1;; k++) {
        wsp_str text;
        alloc_arm(k);
        int rc = wsp_status_render(&text, d->status, 1);
        bool failed = alloc_disarm();
        assert_int_equal(rc, failed ? WSP_NOMEM : WSP_OK);
        if (rc == WSP_OK) {
            wsp_status_free(text);
        }
        if (!failed) {
            break;
        }
    }
    driver_free(d);
}

/* -- counters ------------------------------------------------------------- */

static void the_drivers_own_errors_are_counted(void **state) {
    (void) state;
    static const struct {
        unsigned status;
        const char *shown;
    } cases[] = { { 413, "413" }, { 408, "408" }, { 414, "other" } };
    struct driver *d = ready();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        wsp_op *op = NULL;
        assert_int_equal(wsp_op_new_error(&op, d->core, WSP_PLATFORM,
                                          cases[i].status, str("")),
                         WSP_OK);
        wsp_op_free(op);
        assert_true(answered(d, "none", cases[i].shown) == 1);
    }
    driver_free(d);
}

static void an_answer_is_counted_when_it_is_made(void **state) {
    (void) state;
    struct driver *d = ready();
    struct ask get = { .path = "/7" };
    struct flight *late = driver_start(d, get), *gone = driver_start(d, get);
    assert_true(answered(d, "workspace.get", "503") == 0);
    driver_expire(late);
    driver_cancel(gone);        /* nobody is answered */
    assert_true(answered(d, "workspace.get", "503") == 1);
    driver_free(d);
}

static void a_decision_is_counted_once(void **state) {
    (void) state;
    struct driver *d = ready();
    static const char undecided[] =
        "result=\"undecided\",reason=\"store_unavailable\"";
    struct ask may = { .access = true,
                       .headers = { "X-Workspace-ID", "7" } };
    struct flight *allowed = driver_start(d, may);
    serve(d);
    assert_true(allowed->done);
    assert_true(of(d, "decisions_total",
                   "result=\"allowed\",reason=\"owner\"") == 1);

    struct flight *late = driver_start(d, may), *gone = driver_start(d, may);
    assert_true(of(d, "decisions_total", undecided) == 0);
    driver_expire(late);
    driver_cancel(gone);
    assert_true(of(d, "decisions_total", undecided) == 1);

    struct flight *lost = driver_start(d, may);
    driver_lose(d);
    assert_false(lost->done);   /* it is sent again, once */
    driver_connected(d);
    driver_lose(d);
    assert_true(lost->done);
    assert_true(of(d, "decisions_total", undecided) == 2);

    driver_ask(d, (struct ask) { .access = true, .nobody = true });
    assert_true(of(d, "decisions_total",
                   "result=\"refused\",reason=\"no_identity\"") == 1);
    assert_true(of(d, "decisions_total", undecided) == 2);
    assert_true(answered(d, "none", "401") == -1);
    driver_free(d);
}

static void a_duration_is_in_the_bucket_of_its_bound(void **state) {
    (void) state;
    static const struct {
        unsigned ms;
        const char *from, *below;   /* the first bucket with it, and before */
    } cases[] = {
        { 0, "0.001", NULL }, { 1, "0.001", NULL }, { 2, "0.002", "0.001" },
        { 3, "0.005", "0.002" }, { 10, "0.01", "0.005" },
        { 11, "0.025", "0.01" }, { 1000, "1", "0.25" }, { 1001, "2.5", "1" },
        { 2501, "+Inf", "2.5" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct driver *d = ready();
        struct flight *asks = driver_start(d, (struct ask) { .path = "/7" });
        driver_pass(d, cases[i].ms);
        bytes_clear(&d->data.sent);
        driver_feeds(d, "*8\r\n$1\r\n4\r\n$4\r\nFake\r\n$0\r\n\r\n$2\r\n[]\r\n"
                     "$3\r\nann\r\n$1\r\n1\r\n$1\r\n1\r\n$-1\r\n$-1\r\n");
        assert_true(asks->done);
        char le[40];
        snprintf(le, sizeof le, "le=\"%s\"", cases[i].from);
        assert_true(of(d, "redis_duration_seconds_bucket", le) == 1);
        if (cases[i].below != NULL) {
            snprintf(le, sizeof le, "le=\"%s\"", cases[i].below);
            assert_true(of(d, "redis_duration_seconds_bucket", le) == 0);
        }
        assert_true(of(d, "redis_duration_seconds_bucket",
                       "le=\"+Inf\"") == 1);
        assert_true(driver_metric(
                        d, "workspaces_redis_duration_seconds_count") == 1);
        double sum =
            driver_metric(d, "workspaces_redis_duration_seconds_sum");
        assert_true(sum > (cases[i].ms - 0.1) / 1000 &&
                    sum < (cases[i].ms + 0.1) / 1000);
        driver_free(d);
    }
}

/* -- gauges --------------------------------------------------------------- */

static const char up[] = "link=\"data\"";

static void an_idle_core_asks_to_show_what_it_has_not(void **state) {
    (void) state;
    struct driver *d = ready();
    driver_pass(d, 50);
    assert_true(of(d, "redis_links_up", up) == 1);
    assert_true(of(d, "redis_connects_total", up) == 1);
    assert_true(wsp_next_timer(d->core) == UINT64_MAX);

    struct flight *asks = driver_start(d, (struct ask) { .path = "/7" });
    assert_true(driver_metric(d, "workspaces_redis_queue") == 0);
    assert_true(wsp_next_timer(d->core) <= d->monotonic_ms + 50);
    driver_pass(d, 50);
    assert_true(driver_metric(d, "workspaces_redis_queue") == 1);
    driver_cancel(asks);

    driver_lose(d);
    driver_pass(d, 50);
    assert_true(of(d, "redis_links_up", up) == 0);
    assert_true(of(d, "redis_losses_total", up) == 1);
    driver_free(d);
}

/* After a reload: the old one has requests to answer still. */
static void gauges_are_those_of_the_last_to_come(void **state) {
    (void) state;
    struct driver *d = ready();
    driver_pass(d, 50);
    assert_true(of(d, "redis_links_up", up) == 1);

    wsp_core_options options = {
        .size = sizeof options, .redis = d->redis, .timeout_ms = 1000,
        .connect_timeout_ms = 1000, .queue = 8, .status = d->status };
    wsp_core *next = NULL;
    assert_int_equal(wsp_core_new(&next, &options), WSP_OK);
    wsp_core_time(next, 0, 100);
    assert_true(of(d, "redis_links_up", up) == 0);

    driver_ask(d, (struct ask) { .nobody = true });
    driver_pass(d, 100);
    driver_lose(d);
    driver_pass(d, 100);
    assert_true(of(d, "redis_links_up", up) == 0);
    assert_true(of(d, "redis_losses_total", up) == 1);
    assert_true(answered(d, "none", "401") == 1);
    wsp_core_free(next);
    driver_free(d);
}

static void a_core_that_ends_leaves_no_gauges(void **state) {
    (void) state;
    struct driver *d = ready();
    driver_pass(d, 50);
    driver_lose(d);             /* not shown so far */
    wsp_core_free(d->core);
    d->core = NULL;
    assert_true(of(d, "redis_links_up", up) == 0);
    assert_true(of(d, "redis_losses_total", up) == 1);
    assert_true(of(d, "redis_connects_total", up) == 1);
    driver_free(d);
}

static void workers_are_added_up(void **state) {
    (void) state;
    struct driver *d = ready();
    char *status = calloc(1, wsp_status_size(3));
    wsp_core *cores[2];
    for (unsigned i = 0; i < 2; i++) {
        wsp_core_options options = {
            .size = sizeof options, .redis = d->redis, .timeout_ms = 1000,
            .connect_timeout_ms = 1000, .queue = 8, .status = status,
            .worker = i + 1 };
        assert_int_equal(wsp_core_new(&cores[i], &options), WSP_OK);
        wsp_op *op = NULL;
        for (unsigned n = 0; n <= i; n++) {
            assert_int_equal(wsp_op_new_error(&op, cores[i], WSP_PLATFORM,
                                              413, str("")), WSP_OK);
            wsp_op_free(op);
        }
    }
    wsp_str text;
    assert_int_equal(wsp_status_render(&text, status, 3), WSP_OK);
    char *copy = strndup(text.data, text.len);
    assert_holds(copy, "\nworkspaces_workers 3\n");
    assert_holds(copy, "operation=\"none\",status=\"413\"} 3\n");
    free(copy);
    wsp_status_free(text);
    wsp_core_free(cores[0]);
    wsp_core_free(cores[1]);
    free(status);
    driver_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_is_there_from_the_start),
        cmocka_unit_test(families_are_in_one_piece),
        cmocka_unit_test(no_memory_for_the_text),
        cmocka_unit_test(the_drivers_own_errors_are_counted),
        cmocka_unit_test(an_answer_is_counted_when_it_is_made),
        cmocka_unit_test(a_decision_is_counted_once),
        cmocka_unit_test(a_duration_is_in_the_bucket_of_its_bound),
        cmocka_unit_test(an_idle_core_asks_to_show_what_it_has_not),
        cmocka_unit_test(gauges_are_those_of_the_last_to_come),
        cmocka_unit_test(a_core_that_ends_leaves_no_gauges),
        cmocka_unit_test(workers_are_added_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
