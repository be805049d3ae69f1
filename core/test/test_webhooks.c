/* Webhooks to partners: what is sent, in which order, and what becomes of
 * it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "check.h"
#include "driver.h"
#include "driver_links.h"
#include "mails.h"
#include "posts.h"
#include "redis.h"

static const char endpoint[] = "https://ats.example/hooks?a=1";
static const char *secret;

static struct driver *new_world(void) {
    redis_flush();
    redis_do("SET wsp:partitions 64");
    struct driver *d = poster((struct driver_options) { 0 });
    secret = partner_made(d, PARTNER, endpoint);
    return d;
}

static double jobs(struct driver *d, const char *outcome) {
    char name[128];
    snprintf(name, sizeof name,
             "workspaces_outbox_jobs_total{kind=\"webhook\",outcome=\"%s\"}",
             outcome);
    return driver_metric(d, name);
}

static void until_jobs(struct driver *d, const char *outcome, double wanted) {
    for (int i = 0; i < 2000 && jobs(d, outcome) != wanted; i++) {
        driver_turn(d, 5);
    }
    assert_true(jobs(d, outcome) == wanted);
}

static int is_signed_by(struct driver *d, const struct post *sent,
                        const char *by) {
    wsp_str one = str(by);
    return wsp_webhook_check(str(sent->signature), &one, 1, str(sent->body),
                             d->wall_ms);
}

static void no_more_posts(struct driver *d) {
    struct post other;
    d->monotonic_ms += 2000;
    assert_false(any_post(d, &other));
}

static void what_is_sent(void **state) {
    (void) state;
    struct driver *d = new_world();
    event_queued(d, PARTNER, "acme-corp", "e1");
    struct post sent = next_post(d);
    assert_string_equal(sent.url, endpoint);
    assert_string_equal(sent.host, "ats.example");
    assert_int_equal(sent.port, 443);
    assert_true(sent.https);
    assert_string_equal(sent.headers,
                        "Content-Type: application/json; charset=utf-8\n"
                        "User-Agent: ngx_workspaces\n"
                        "X-Webhook-Event: workspace.provisioned\n"
                        "X-Carv-Causation-ID: ref-e1\n");
    assert_string_equal(sent.body, "{\"event_id\":\"e1\"}");
    assert_int_equal(is_signed_by(d, &sent, secret), 1);
    assert_int_equal(is_signed_by(d, &sent, "another"), 0);
    assert_string_equal(redis_text("HGET " RECORD "y:e1 state"), "pending");
    answers_with(d, &sent, 200, "", "thanks", 6);
    until_state(d, "e1", "delivered");
    assert_int_equal(redis_number("EXISTS " POSTS "q:webhook " POSTS "jobs "
                                  POSTS "o:" PARTNER "/acme-corp"), 0);
    assert_int_equal(redis_number("EVAL %s 0",
                                  "return #redis.call('KEYS', '*:j:*')"), 0);
    assert_int_equal(redis_number("HGET " RECORD "y:e1 tries"), 1);
    assert_int_equal(redis_number("HGET " RECORD "y:e1 status"), 200);
    assert_string_equal(redis_text("HGET " RECORD "y:e1 error"), "");
    assert_holds(redis_text("LINDEX " RECORD "y:e1:a 0"),
                 "\"answer\":\"thanks\"}");
    assert_holds(redis_text("HGET " RECORD "y:e1 last"),
                 "\"duration_ms\":0,\"status\":200,\"error\":null,"
                 "\"answer\":\"thanks\"}");
    assert_in_range(redis_number("PTTL " RECORD "y:e1"), 1,
                    7 * 86400 * 1000LL);
    assert_in_range(redis_number("PTTL " RECORD "y:e1:a"), 1,
                    7 * 86400 * 1000LL);
    assert_int_equal(redis_number("ZSCORE " RECORD "yz e1"), d->wall_ms);
    until_jobs(d, "done", 1);
    assert_null(strstr(d->log.data, secret));
    driver_free(d);
}

static void where_it_is_sent(void **state) {
    (void) state;
    static const struct {
        const char *given;
        const char *url;        /* NULL: nowhere */
        const char *host;
        unsigned port;
    } cases[] = {
        { "https://a.example", "https://a.example/", "a.example", 443 },
        { "https://A.Example:8443/X?y", "https://a.example:8443/X?y",
          "a.example", 8443 },
        { "https://a.example?q", "https://a.example/?q", "a.example", 443 },
        { "https://192.0.2.1/", "https://192.0.2.1/", "192.0.2.1", 443 },
        { "https://[2001:DB8::1]:1/", "https://[2001:db8::1]:1/",
          "2001:db8::1", 1 },
        { "http://a.example/", "http://a.example/", "a.example", 80 },
        { "https://a.example:0/", NULL, NULL, 0 },
        { "https://a.example:/", NULL, NULL, 0 },
        { "https://a.example:65536/", NULL, NULL, 0 },
        { "https://a.example:x/", NULL, NULL, 0 },
        { "https://a.example:443:1/", NULL, NULL, 0 },
        { "https://user@a.example/", NULL, NULL, 0 },
        { "https://a%2eexample/", NULL, NULL, 0 },
        { "https://-a.example/", NULL, NULL, 0 },
        { "https://a..example/", NULL, NULL, 0 },
        { "https://.example/", NULL, NULL, 0 },
        { "https:///x", NULL, NULL, 0 },
        { "https://[::1/", NULL, NULL, 0 },
        { "https://[]/", NULL, NULL, 0 },
        { "https://[fe80::1%25eth0]/", NULL, NULL, 0 },
        { "https://a.example/\r\nX: y", NULL, NULL, 0 },
        { "https://a.example/#f", NULL, NULL, 0 },
        { "https://a.example\\@b.example/", NULL, NULL, 0 },
        { "ftp://a.example/", NULL, NULL, 0 },
        { "HTTPS://a.example/", NULL, NULL, 0 },
    };
    driver_free(new_world());
    struct driver *d = poster((struct driver_options) { .allow_http = true });
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char id[16];
        snprintf(id, sizeof id, "e%zu", i);
        redis_do("HSET " RECORD "pt url %s", cases[i].given);
        event_queued(d, PARTNER, id, id);
        if (cases[i].url == NULL) {
            d->monotonic_ms += 2000;
            until_tries(d, id, 1);
            assert_string_equal(redis_text("HGET " RECORD "y:%s error", id),
                                "the webhook URL cannot be used");
            continue;
        }
        struct post sent = next_post(d);
        assert_string_equal(sent.url, cases[i].url);
        assert_string_equal(sent.host, cases[i].host);
        assert_int_equal(sent.port, cases[i].port);
        answers(d, &sent, 204);
        until_state(d, id, "delivered");
    }
    driver_free(d);
    d = poster((struct driver_options) { 0 });
    redis_do("HSET " RECORD "pt url http://a.example/");
    event_queued(d, PARTNER, "c", "plain");
    until_tries(d, "plain", 1);
    assert_string_equal(redis_text("HGET " RECORD "y:plain error"),
                        "the webhook URL is not https");
    driver_free(d);
}

/* Three workers; at no time have they two events of one client. */
static void events_of_a_client_come_in_their_order(void **state) {
    (void) state;
    enum { WORKERS = 3, CLIENTS = 3, EVENTS = 6 };
    struct driver *workers[WORKERS] = { new_world() };
    for (int i = 1; i < WORKERS; i++) {
        workers[i] = poster((struct driver_options) { .seed = 0 });
        workers[i]->wall_ms = workers[0]->wall_ms;
    }
    for (int e = 0; e < EVENTS; e++) {
        for (int c = 0; c < CLIENTS; c++) {
            char client[16], id[32];
            snprintf(client, sizeof client, "c%d", c);
            snprintf(id, sizeof id, "e%d-%d", c, e);
            event_queued(workers[0], PARTNER, client, id);
        }
    }
    int next[CLIENTS] = { 0 };
    struct { struct post sent; int by; } held[CLIENTS];
    bool has[CLIENTS] = { false };
    int done = 0;
    for (int turns = 0; done < CLIENTS * EVENTS; turns++) {
        assert_in_range(turns, 0, 2000);
        int by = turns % WORKERS;
        struct post sent;
        workers[by]->monotonic_ms += 2000;
        if (any_post(workers[by], &sent)) {
            int c, e;
            assert_int_equal(sscanf(sent.event_id, "e%d-%d", &c, &e), 2);
            assert_false(has[c]);
            assert_int_equal(e, next[c]);
            has[c] = true;
            held[c].sent = sent;
            held[c].by = by;
        }
        /* one of them is slow */
        int c = turns % CLIENTS;
        if (has[c] && (c != 0 || turns % 7 == 0)) {
            answers(workers[held[c].by], &held[c].sent, 200);
            until_state(workers[held[c].by], held[c].sent.event_id,
                        "delivered");
            has[c] = false;
            next[c]++;
            done++;
        }
    }
    for (int i = 0; i < WORKERS; i++) {
        driver_free(workers[i]);
    }
}

static void what_fails_holds_up_its_client_alone(void **state) {
    (void) state;
    struct driver *d = new_world();
    event_queued(d, PARTNER, "bad", "bad-1");
    event_queued(d, PARTNER, "bad", "bad-2");
    struct post first = next_post(d);
    answers(d, &first, 500);
    until_tries(d, "bad-1", 1);
    long long due = lane_due("bad");
    for (int i = 0; i < 5; i++) {
        char id[32];
        snprintf(id, sizeof id, "good-%d", i);
        event_queued(d, PARTNER, "good", id);
        d->monotonic_ms += 2000;
        struct post sent = next_post(d);
        assert_string_equal(sent.event_id, id);
        answers(d, &sent, 200);
        until_state(d, id, "delivered");
    }
    assert_int_equal(lane_due("bad"), due);
    no_more_posts(d);
    time_passes(d, 10000);
    struct post again = next_post(d);
    assert_string_equal(again.event_id, "bad-1");
    answers(d, &again, 200);
    struct post last = next_post(d);
    assert_string_equal(last.event_id, "bad-2");
    driver_free(d);
}

static void queue_many(struct driver *d, const char *partner, int count) {
    redis_do("EVAL %s 0 %s %d %lld",
             "local p, t = 'wsp:{62}::', 'wsp:{62}:' .. ARGV[1] .. ':' "
             "for i = 1, tonumber(ARGV[2]) do "
             "  local lane = ARGV[1] .. '/m' .. i "
             "  local id = string.format('%032d', i) "
             "  redis.call('HSET', t .. 'y:m' .. i, 'event', 'x', 'client', "
             "    'm' .. i, 'state', 'pending', 'created', 1, 'tries', 0, "
             "    'job', id, 'body', '{}') "
             "  redis.call('HSET', p .. 'j:' .. id, 'kind', 'webhook', "
             "    'tenant', ARGV[1], 'lane', lane, 'created', 1, 'tries', 0, "
             "    'payload', 'm' .. i) "
             "  redis.call('HINCRBY', p .. 'jobs', 'webhook', 1) "
             "  redis.call('RPUSH', p .. 'o:' .. lane, id) "
             "  redis.call('ZADD', p .. 'q:webhook', ARGV[3] - 10000, lane) "
             "end",
             partner, count, (long long) d->wall_ms);
}

static void who_has_much_to_send_does_not_starve_another(void **state) {
    (void) state;
    struct driver *d = new_world();
    partner_made(d, OTHER, "https://other.example/");
    queue_many(d, PARTNER, 10000);
    event_queued(d, OTHER, "its", "other-1");
    struct post held[POST_HANDS];
    int much = 0;
    bool came = false;
    struct post sent;
    for (int i = 0; i < 20 && (!came || much < POST_HANDS_OF_TENANT); i++) {
        d->monotonic_ms += 2000;
        while (any_post(d, &sent)) {
            if (strcmp(sent.host, "other.example") == 0) {
                came = true;
            } else {
                held[much++] = sent;
            }
            assert_in_range(much, 0, POST_HANDS_OF_TENANT);
        }
    }
    assert_true(came);
    assert_int_equal(much, POST_HANDS_OF_TENANT);
    no_more_posts(d);
    /* each that ends makes room for one more, at once */
    for (int i = 0; i < 10; i++) {
        answers(d, &held[i % POST_HANDS_OF_TENANT], 200);
        held[i % POST_HANDS_OF_TENANT] = next_post(d);
    }
    no_more_posts(d);
    for (int i = 0; i < 10 && driver_metric(d, "workspaces_outbox_queued"
                                            "{kind=\"webhook\"}") < 1; i++) {
        time_passes(d, 6000);
        driver_turn(d, 20);
    }
    assert_in_range((long long) driver_metric(d, "workspaces_outbox_queued"
                                              "{kind=\"webhook\"}"),
                    9900, 10001);
    driver_free(d);
}

static void a_worker_that_dies_lets_go(void **state) {
    (void) state;
    struct driver *a = new_world();
    struct driver *b = poster((struct driver_options) { 0 });
    b->wall_ms = a->wall_ms;
    event_queued(a, PARTNER, "c", "e1");
    event_queued(a, PARTNER, "c", "e2");
    struct post late = next_post(a);
    time_passes(b, LEASE_MS / 2);
    no_more_posts(b);
    time_passes(b, LEASE_MS);
    struct post again = next_post(b);
    assert_string_equal(again.event_id, "e1");
    assert_string_equal(again.body, late.body);
    assert_string_not_equal(again.signature, late.signature);
    assert_int_equal(is_signed_by(b, &again, secret), 1);
    /* the one that was only slow changes nothing any more */
    a->wall_ms = b->wall_ms;
    answers(a, &late, 410);
    for (int i = 0; i < 20; i++) {
        driver_turn(a, 1);
    }
    assert_int_equal(redis_number("HGET " RECORD "y:e1 tries"), 0);
    answers(b, &again, 200);
    until_state(b, "e1", "delivered");
    driver_free(a);
    driver_free(b);
}

static void a_delivery_that_never_ends_is_given_up(void **state) {
    (void) state;
    struct driver *d = new_world();
    event_queued(d, PARTNER, "c", "e1");
    event_queued(d, PARTNER, "c", "e2");
    redis_do("HSET " POSTS "j:%s tries %d",
             redis_text("LINDEX " POSTS "o:" PARTNER "/c 0"), POST_TRIES);
    struct post next = next_post(d);
    assert_string_equal(next.event_id, "e2");
    until_state(d, "e1", "failed");
    assert_string_equal(redis_text("HGET " RECORD "y:e1 error"),
                        "no try has come to an end");
    driver_free(d);
}

static void what_somebody_removed_holds_up_nothing(void **state) {
    (void) state;
    struct driver *d = new_world();
    event_queued(d, PARTNER, "a", "no-job");
    redis_do("DEL " POSTS "j:%s",
             redis_text("LINDEX " POSTS "o:" PARTNER "/a 0"));
    event_queued(d, PARTNER, "a", "a-2");
    event_queued(d, PARTNER, "b", "no-list");
    redis_do("DEL " POSTS "o:" PARTNER "/b");
    event_queued(d, PARTNER, "c", "no-record");
    redis_do("DEL " RECORD "y:no-record");
    event_queued(d, PARTNER, "c", "c-2");
    redis_do("ZADD " POSTS "q:webhook 1 not-a-lane 1 " PARTNER "/ 1 /x 1 //");
    for (int i = 0; i < 2; i++) {
        struct post sent = next_post(d);
        assert_int_equal(sent.event_id[2], '2');
        answers(d, &sent, 200);
    }
    until_number(d, 0, "EXISTS " POSTS "q:webhook");
    until_state(d, "a-2", "delivered");
    until_state(d, "c-2", "delivered");
    assert_int_equal(redis_number("EXISTS " RECORD "y:no-record"), 0);
    until_jobs(d, "dropped", 1);
    driver_free(d);
}

static void what_an_answer_means(void **state) {
    (void) state;
    static const struct {
        unsigned status;
        const char *state;
        const char *error;
    } cases[] = {
        { 200, "delivered", "" }, { 201, "delivered", "" },
        { 202, "delivered", "" }, { 204, "delivered", "" },
        { 299, "delivered", "" },
        { 100, "pending", "answered 100" },
        { 199, "pending", "answered 199" },
        { 300, "pending", "answered 300: a redirect is not followed" },
        { 302, "pending", "answered 302: a redirect is not followed" },
        { 307, "pending", "answered 307: a redirect is not followed" },
        { 308, "pending", "answered 308: a redirect is not followed" },
        { 400, "pending", "answered 400" },
        { 401, "pending", "answered 401" },
        { 404, "pending", "answered 404" },
        { 429, "pending", "answered 429" },
        { 500, "pending", "answered 500" },
        { 503, "pending", "answered 503" },
        { 999, "pending", "answered 999" },
    };
    struct driver *d = new_world();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char id[16];
        snprintf(id, sizeof id, "e%zu", i);
        event_queued(d, PARTNER, id, id);
        struct post sent = next_post(d);
        answers(d, &sent, cases[i].status);
        until_tries(d, id, 1);
        assert_string_equal(redis_text("HGET " RECORD "y:%s state", id),
                            cases[i].state);
        assert_string_equal(redis_text("HGET " RECORD "y:%s error", id),
                            cases[i].error);
        assert_int_equal(redis_number("HGET " RECORD "y:%s status", id),
                         cases[i].status);
    }
    driver_free(d);
}

static void an_endpoint_that_is_gone_is_stopped(void **state) {
    (void) state;
    struct driver *d = new_world();
    event_queued(d, PARTNER, "a", "a-1");
    event_queued(d, PARTNER, "b", "b-1");
    event_queued(d, PARTNER, "b", "b-2");
    struct post a = next_post(d);
    struct post b = next_post(d);
    long long revision = redis_number("HGET " RECORD "pt rev");
    answers(d, &a, 410);
    until_state(d, "a-1", "failed");
    assert_string_equal(redis_text("HGET " RECORD "pt stopped"),
                        "answered 410");
    assert_int_equal(redis_number("HGET " RECORD "pt rev"), revision + 1);
    assert_true(driver_logged(d, "webhooks to partner \"acme\" are stopped"));
    assert_int_equal(redis_number("ZCARD " POSTS "dead:webhook"), 1);
    /* what was under way may still arrive; nothing else is sent */
    answers(d, &b, 200);
    until_state(d, "b-1", "delivered");
    until_state(d, "b-2", "failed");
    assert_string_equal(redis_text("HGET " RECORD "y:b-2 error"),
                        "deliveries to the partner are stopped");
    no_more_posts(d);
    /* a new URL, or the same anew, begins again */
    partner_patched(d, PARTNER, "{\"webhook_url\":\"https://new.example/\"}");
    event_queued(d, PARTNER, "a", "a-2");
    struct post again = next_post(d);
    assert_string_equal(again.host, "new.example");
    /* which an answer of the one before does not stop */
    partner_patched(d, PARTNER, "{\"webhook_url\":\"https://third.example/\"}");
    answers(d, &again, 410);
    until_state(d, "a-2", "failed");
    assert_null(redis_text("HGET " RECORD "pt stopped"));
    driver_free(d);
}

static long long waits_after(struct driver *d, unsigned status,
                             const char *retry_after) {
    static int count;
    char id[16];
    snprintf(id, sizeof id, "r%d", count++);
    event_queued(d, PARTNER, id, id);
    struct post sent = next_post(d);
    answers_with(d, &sent, status, retry_after, "", 0);
    until_tries(d, id, 1);
    return lane_due(id) - d->wall_ms;
}

static void a_server_may_say_when(void **state) {
    (void) state;
    struct driver *d = new_world();
    d->wall_ms = 784111777000;      /* Sun, 06 Nov 1994 08:49:37 GMT */
    static const struct {
        const char *value;
        long long seconds;          /* 0: as if it said nothing */
    } cases[] = {
        { "120", 120 }, { "86400", 86400 }, { "86401", 86400 },
        { "99999999999999", 86400 }, { "99999999999999999999", 86400 },
        { "1", 0 }, { "0", 0 }, { "-5", 0 },
        { "", 0 }, { "soon", 0 }, { "12.5", 0 }, { "120 ", 0 },
        { "Sun, 06 Nov 1994 08:51:37 GMT", 120 },
        { "Mon, 07 Nov 1994 08:49:37 GMT", 86400 },
        { "Tue, 08 Nov 1994 08:49:37 GMT", 86400 },
        { "Sun, 06 Nov 2094 08:49:37 GMT", 86400 },
        { "Sunday, 06-Nov-94 08:51:37 GMT", 120 },
        { "Sun Nov  6 08:51:37 1994", 120 },
        { "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
        { "Sat, 05 Nov 1994 08:49:37 GMT", 0 },
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
        { "Sun, 06 Nov 1994 08:51:37 UTC", 0 },
        { "Sun, 06 Nov 1994 08:51:37", 0 },
        { "Sun, 31 Feb 1994 08:51:37 GMT", 0 },
        { "Sun, 06 Nov 1994 24:51:37 GMT", 0 },
        { "Sun, 06 Foo 1994 08:51:37 GMT", 0 },
        { "Sun, 06 Nov", 0 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        long long ms = waits_after(d, i % 2 ? 503 : 302, cases[i].value);
        if (cases[i].seconds == 0) {
            assert_in_range(ms, 3750, 6250);
        } else {
            assert_int_equal(ms, 1000 * cases[i].seconds);
        }
    }
    driver_free(d);
}

static void tries_come_later_and_later_and_then_no_more(void **state) {
    (void) state;
    static const long long seconds[] = { 5, 300, 1800, 7200, 18000, 36000,
                                         50400, 72000, 86400 };
    struct driver *d = new_world();
    event_queued(d, PARTNER, "c", "e1");
    char last[512] = "";
    for (size_t i = 0; i < COUNT_OF(seconds); i++) {
        struct post sent = next_post(d);
        assert_string_equal(sent.event_id, "e1");
        assert_string_not_equal(sent.signature, last);
        assert_int_equal(is_signed_by(d, &sent, secret), 1);
        snprintf(last, sizeof last, "%s", sent.signature);
        if (i % 2) {
            answers(d, &sent, 500);
        } else {
            fails(d, &sent, WSP_JOB_RETRY, "timed\nout");
        }
        until_tries(d, "e1", (unsigned) i + 1);
        long long wait = lane_due("c") - d->wall_ms;
        assert_in_range(wait, 750 * seconds[i], 1250 * seconds[i]);
        time_passes(d, (uint64_t) wait);
    }
    struct post sent = next_post(d);
    fails(d, &sent, WSP_JOB_RETRY, "timed out");
    until_state(d, "e1", "failed");
    assert_int_equal(redis_number("LLEN " RECORD "y:e1:a"), POST_TRIES);
    assert_holds(redis_text("LINDEX " RECORD "y:e1:a 1"),
                 "\"status\":null,\"error\":\"timed?out\",\"answer\":null}");
    assert_int_equal(redis_number("ZCARD " POSTS "dead:webhook"), 1);
    assert_int_equal(redis_number("EXISTS " POSTS "q:webhook"), 0);
    until_jobs(d, "dead", 1);
    assert_true(jobs(d, "retried") == POST_TRIES - 1);
    assert_true(driver_logged(d, "is given up: timed out"));
    driver_free(d);
}

static void the_times_may_be_others(void **state) {
    (void) state;
    driver_free(new_world());
    struct driver *d =
        poster((struct driver_options) { .retry = "0s,0s,2h" });
    event_queued(d, PARTNER, "c", "e1");
    for (int i = 0; i < 3; i++) {
        struct post sent = next_post(d);
        answers(d, &sent, 500);
        until_tries(d, "e1", (unsigned) i + 1);
        time_passes(d, i == 1 ? 9000 * 1000 : 1);
    }
    until_state(d, "e1", "failed");
    driver_free(d);
    d = poster((struct driver_options) { .retry = "0s" });
    event_queued(d, PARTNER, "c", "e2");
    struct post sent = next_post(d);
    answers(d, &sent, 500);
    until_state(d, "e2", "failed");
    driver_free(d);

    static const char *const wrong[] = {
        "5s", "0s,", ",0s", "0s,,5s", "0", "0s,5", "0s,5x", "0s,-5s",
        "0s, 5s", "0s,8d", "0s,604801s", "0s,99999999999999999999s", "s",
        "0s,1.5h", "0s;5s",
        "0s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,"
        "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,"
        "1s,1s,1s,1s,1s,1s,1s"
    };
    static const char *const right[] = { "", "0s", "0m,7d", "0s,604800s",
                                         "0s,1s,1m,1h,1d" };
    char error[WSP_ERROR_SIZE];
    wsp_webhooks *made = NULL;
    wsp_webhooks_options options = { .size = sizeof options };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        options.retry = str(wrong[i]);
        if (wsp_webhooks_new(&made, &options, error) != WSP_INVALID) {
            fail_msg("accepted: %s", wrong[i]);
        }
        assert_holds(error, "0s");
    }
    for (size_t i = 0; i < COUNT_OF(right); i++) {
        options.retry = str(right[i]);
        assert_int_equal(wsp_webhooks_new(&made, &options, error), WSP_OK);
        wsp_webhooks_free(made);
    }
    options.size = 1;
    assert_int_equal(wsp_webhooks_new(&made, &options, error), WSP_INVALID);
    wsp_webhooks_free(NULL);
}

/* A mail server that is away holds back all mail; an endpoint does not. */
static void an_endpoint_that_is_away_is_nobody_elses_matter(void **state) {
    (void) state;
    static const int outcomes[] = { WSP_JOB_AWAY, WSP_JOB_RETRY,
                                    WSP_JOB_DONE };
    struct driver *d = new_world();
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        char bad[16], good[16];
        snprintf(bad, sizeof bad, "bad%zu", i);
        snprintf(good, sizeof good, "good%zu", i);
        event_queued(d, PARTNER, bad, bad);
        struct post sent = next_post(d);
        fails(d, &sent, outcomes[i], "no route to host");
        until_tries(d, bad, 1);
        assert_string_equal(redis_text("HGET " RECORD "y:%s state", bad),
                            "pending");
        event_queued(d, PARTNER, good, good);
        event_queued(d, PARTNER, "more", good);
        struct post two[] = { next_post(d), next_post(d) };
        answers(d, &two[0], 200);
        answers(d, &two[1], 200);
        until_state(d, good, "delivered");
    }
    assert_false(driver_logged(d, "cannot be sent"));
    event_queued(d, PARTNER, "c", "never");
    struct post sent = next_post(d);
    fails(d, &sent, WSP_JOB_FAILED, "not a public address");
    until_state(d, "never", "failed");
    driver_free(d);
}

static void each_try_is_signed_by_the_secrets_of_its_time(void **state) {
    (void) state;
    struct driver *d = new_world();
    char first[128], second[128], third[128];
    snprintf(first, sizeof first, "%s", secret);
    event_queued(d, PARTNER, "c", "e1");
    struct post sent = next_post(d);
    assert_int_equal(is_signed_by(d, &sent, first), 1);
    answers(d, &sent, 500);
    until_tries(d, "e1", 1);
    snprintf(second, sizeof second, "%s", secret_rotated(d, PARTNER, 3600));
    time_passes(d, 10000);
    sent = next_post(d);
    assert_int_equal(is_signed_by(d, &sent, first), 1);
    assert_int_equal(is_signed_by(d, &sent, second), 1);
    answers(d, &sent, 500);
    until_tries(d, "e1", 2);
    time_passes(d, 3600 * 1000);
    sent = next_post(d);
    assert_int_equal(is_signed_by(d, &sent, first), 0);
    assert_int_equal(is_signed_by(d, &sent, second), 1);
    assert_null(strstr(strstr(sent.signature, "v1=") + 1, "v1="));
    answers(d, &sent, 500);
    until_tries(d, "e1", 3);
    snprintf(third, sizeof third, "%s", secret_rotated(d, PARTNER, 0));
    time_passes(d, 3600 * 1000);
    sent = next_post(d);
    assert_int_equal(is_signed_by(d, &sent, second), 0);
    assert_int_equal(is_signed_by(d, &sent, third), 1);
    assert_lacks(d->log.data, first);
    assert_lacks(d->log.data, second);
    assert_lacks(d->log.data, third);
    for (const char *const *at = (const char *const[]) { first, second, third,
                                                         NULL };
         *at != NULL; at++) {
        assert_int_equal(redis_mentions(*at, strlen(*at)), 0);
    }
    driver_free(d);
}

static void a_secret_that_does_not_open_is_waited_for(void **state) {
    (void) state;
    struct driver *d = new_world();
    event_queued(d, PARTNER, "c", "e1");
    redis_do("HSET " RECORD "pt out nonsense");
    until_tries(d, "e1", 1);
    assert_string_equal(redis_text("HGET " RECORD "y:e1 state"), "pending");
    assert_true(driver_logged(d, "a secret does not open"));
    driver_free(d);
}

static void a_partner_may_change_meanwhile(void **state) {
    (void) state;
    struct driver *d = new_world();
    /* disabled: it waits */
    partner_patched(d, PARTNER, "{\"enabled\":false}");
    event_queued(d, PARTNER, "a", "a-1");
    until_tries(d, "a-1", 1);
    assert_string_equal(redis_text("HGET " RECORD "y:a-1 state"), "pending");
    assert_string_equal(redis_text("HGET " RECORD "y:a-1 error"),
                        "the partner is disabled");
    no_more_posts(d);
    partner_patched(d, PARTNER, "{\"enabled\":true}");
    time_passes(d, 10000);
    struct post sent = next_post(d);
    assert_string_equal(sent.event_id, "a-1");
    answers(d, &sent, 500);
    until_tries(d, "a-1", 2);
    /* another URL: it goes there */
    partner_patched(d, PARTNER, "{\"webhook_url\":\"https://new.example/\"}");
    time_passes(d, 400000);
    sent = next_post(d);
    assert_string_equal(sent.host, "new.example");
    answers(d, &sent, 500);
    until_tries(d, "a-1", 3);
    /* no URL: it is given up */
    partner_patched(d, PARTNER, "{\"webhook_url\":null}");
    time_passes(d, 2400000);
    until_state(d, "a-1", "failed");
    assert_string_equal(redis_text("HGET " RECORD "y:a-1 error"),
                        "the partner has no webhook URL");
    /* no partner any more */
    event_queued(d, PARTNER, "a", "a-2");
    redis_do("DEL " RECORD "pt");
    until_state(d, "a-2", "failed");
    assert_string_equal(redis_text("HGET " RECORD "y:a-2 error"),
                        "the partner is gone");
    driver_free(d);
}

static void so_much_of_an_answer_is_kept(void **state) {
    (void) state;
    static char big[WSP_ANSWER_MAX + 1000];
    memset(big, 'x', sizeof big);
    static const char odd[] = "a\0b\xff\xc3\xa9\xed\xa0\x80\xf0\x9f\x98\x80\xc3";
    static const char shown[] = "\"answer\":\"a?b?\xc3\xa9???\xf0\x9f\x98\x80?\"";
    struct driver *d = new_world();
    event_queued(d, PARTNER, "c", "e1");
    struct post sent = next_post(d);
    answers_with(d, &sent, 500, "", big, sizeof big);
    until_tries(d, "e1", 1);
    assert_in_range(redis_number("HSTRLEN " RECORD "y:e1 last"),
                    WSP_ANSWER_MAX, WSP_ANSWER_MAX + 200);
    assert_in_range(strlen(redis_text("LINDEX " RECORD "y:e1:a 0")), 1024,
                    1224);
    time_passes(d, 10000);
    sent = next_post(d);
    answers_with(d, &sent, 200, "", odd, sizeof odd - 1);
    until_state(d, "e1", "delivered");
    assert_holds(redis_text("HGET " RECORD "y:e1 last"), shown);
    assert_int_equal(redis_number("LLEN " RECORD "y:e1:a"), 2);
    driver_free(d);
}

static void the_latest_thousand_are_kept(void **state) {
    (void) state;
    struct driver *d = new_world();
    redis_do("EVAL %s 0 %lld",
             "local t = 'wsp:{62}:acme:' "
             "for i = 1, 1050 do "
             "  redis.call('HSET', t .. 'y:o' .. i, 'created', 1) "
             "  redis.call('RPUSH', t .. 'y:o' .. i .. ':a', 1) "
             "  redis.call('ZADD', t .. 'ys', 0, 'o' .. i) "
             "  redis.call('ZADD', t .. 'yz', ARGV[1] + i, 'o' .. i) "
             "end", (long long) d->wall_ms - 5000);
    event_queued(d, PARTNER, "c", "e1");
    struct post sent = next_post(d);
    answers(d, &sent, 200);
    until_state(d, "e1", "delivered");
    assert_int_equal(redis_number("ZCARD " RECORD "yz"), 1000);
    assert_int_equal(redis_number("ZCARD " RECORD "ys"), 1000);
    assert_int_equal(redis_number("EXISTS " RECORD "y:o51 " RECORD "y:o51:a"),
                     0);
    assert_int_equal(redis_number("EXISTS " RECORD "y:o52 " RECORD "y:o52:a"),
                     2);
    /* one that is not done is none of these */
    event_queued(d, PARTNER, "p", "pending");
    struct post held = next_post(d);
    time_passes(d, 8 * 86400 * 1000LL);
    event_queued(d, PARTNER, "q", "e2");
    sent = next_post(d);
    assert_string_equal(sent.event_id, "e2");
    answers(d, &sent, 200);
    until_state(d, "e2", "delivered");
    /* a hundred of the old ones go at once */
    assert_int_equal(redis_number("ZCARD " RECORD "yz"), 901);
    assert_int_equal(redis_number("EXISTS " RECORD "y:pending"), 1);
    assert_string_equal(held.event_id, "pending");
    driver_free(d);
}

static void what_is_done_is_settled_when_redis_is_back(void **state) {
    (void) state;
    static const struct {
        unsigned status;
        const char *state;
    } cases[] = { { 200, "delivered" }, { 410, "failed" } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct driver *d = new_world();
        event_queued(d, PARTNER, "c", "e1");
        struct post sent = next_post(d);
        d->refuse = true;
        driver_cut(d);
        answers(d, &sent, cases[i].status);
        for (int k = 0; k < 10; k++) {
            time_passes(d, 1000);
        }
        assert_string_equal(redis_text("HGET " RECORD "y:e1 state"),
                            "pending");
        d->refuse = false;
        for (int k = 0; k < 2000 &&
                        redis_number("EXISTS " POSTS "q:webhook") != 0; k++) {
            time_passes(d, k % 20 == 0 ? 500 : 0);
            driver_turn(d, 2);
        }
        until_state(d, "e1", cases[i].state);
        assert_int_equal(redis_number("HGET " RECORD "y:e1 tries"), 1);
        driver_free(d);
    }
}

/* The connection breaks at each reply from the look to the settling: the
 * event is delivered, and no later than the one behind it. */
static void a_connection_that_breaks_loses_nothing(void **state) {
    (void) state;
    for (int cut = 1; cut < 24; cut++) {
        struct driver *d = new_world();
        event_queued(d, PARTNER, "c", "e1");
        event_queued(d, PARTNER, "c", "e2");
        d->cut_input = cut;
        unsigned got[2] = { 0 };
        for (int i = 0; i < 100 && got[1] == 0; i++) {
            struct post sent;
            if (any_post(d, &sent)) {
                got[sent.event_id[1] - '1']++;
                answers(d, &sent, 200);
                driver_turn(d, 1);
            }
            time_passes(d, i < 3 ? 700 : LEASE_MS / 3);
        }
        d->cut_input = 0;
        assert_in_range(got[0], 1, 2);
        assert_in_range(got[1], 1, 2);
        until_state(d, "e1", "delivered");
        until_state(d, "e2", "delivered");
        until_number(d, 0, "EXISTS " POSTS "q:webhook " POSTS "jobs");
        driver_free(d);
    }
}

static void who_drains_gives_back_what_the_driver_has_not_seen(void **state) {
    (void) state;
    struct driver *a = new_world();
    event_queued(a, PARTNER, "c", "e1");
    a->monotonic_ms += 2000;
    until_number(a, 1, "ZCOUNT " POSTS "q:webhook (%lld +inf",
                 (long long) a->wall_ms);
    for (int i = 0; i < 20; i++) {
        driver_turn(a, 2);
    }
    wsp_core_drain(a->core);
    until_number(a, 0, "ZCOUNT " POSTS "q:webhook (%lld +inf",
                 (long long) a->wall_ms);
    assert_int_equal(redis_number("HGET " POSTS "j:%s tries",
                                  redis_text("LINDEX " POSTS "o:" PARTNER
                                             "/c 0")), 0);
    assert_int_equal(redis_number("HGET " RECORD "y:e1 tries"), 0);
    no_more_posts(a);
    struct driver *b = poster((struct driver_options) { 0 });
    b->wall_ms = a->wall_ms;
    next_post(b);
    driver_free(a);
    driver_free(b);
}

static void numbers_that_mean_no_job_do_nothing(void **state) {
    (void) state;
    struct driver *d = new_world();
    wsp_http_request request = { .size = 1 };
    assert_int_equal(wsp_job_request(d->core, 7, &request), WSP_INVALID);
    request.size = sizeof request;
    assert_int_equal(wsp_job_request(d->core, 7, &request), WSP_AGAIN);
    wsp_job_response(d->core, 7, 410, str(""), str("x"));
    event_queued(d, PARTNER, "c", "e1");
    struct post sent = next_post(d);
    /* no mail has come here */
    wsp_str out;
    assert_int_equal(wsp_job_output(d->core, sent.number, &out), WSP_AGAIN);
    wsp_job_written(d->core, sent.number, 10);
    assert_int_equal(wsp_job_input(d->core, sent.number, "250 ok\r\n", 8),
                     WSP_OK);
    answers(d, &sent, 200);
    answers(d, &sent, 410);
    until_state(d, "e1", "delivered");
    assert_null(redis_text("HGET " RECORD "pt stopped"));
    assert_int_equal(redis_number("HGET " RECORD "y:e1 tries"), 1);
    driver_free(d);
}

/* For every k: the event is delivered, or will be. */
static void each_allocation_may_fail(void **state) {
    (void) state;
    static char big[WSP_ANSWER_MAX];
    memset(big, '"', sizeof big);
    unsigned long k = 1;
    bool failed = true;
    for (; failed && k < 3000; k++) {
        struct driver *d = new_world();
        event_queued(d, PARTNER, "c", "e1");
        struct post sent;
        alloc_arm(k);
        d->monotonic_ms += 2000;
        if (any_post(d, &sent)) {
            answers_with(d, &sent, 200, "", big, sizeof big);
            for (int i = 0; i < 10; i++) {
                driver_turn(d, 1);
            }
        }
        failed = alloc_disarm();
        for (int i = 0;
             i < 200 && redis_number("EXISTS " POSTS "q:webhook") != 0; i++) {
            time_passes(d, LEASE_MS + 30000);
            if (any_post(d, &sent)) {
                answers(d, &sent, 200);
            }
        }
        until_state(d, "e1", "delivered");
        assert_int_equal(redis_number("EXISTS " POSTS "dead:webhook"), 0);
        driver_free(d);
    }
    /* a core that keeps the memory of operations asks for little */
    assert_in_range(k, 4, 2999);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent),
        cmocka_unit_test(where_it_is_sent),
        cmocka_unit_test(events_of_a_client_come_in_their_order),
        cmocka_unit_test(what_fails_holds_up_its_client_alone),
        cmocka_unit_test(who_has_much_to_send_does_not_starve_another),
        cmocka_unit_test(a_worker_that_dies_lets_go),
        cmocka_unit_test(a_delivery_that_never_ends_is_given_up),
        cmocka_unit_test(what_somebody_removed_holds_up_nothing),
        cmocka_unit_test(what_an_answer_means),
        cmocka_unit_test(an_endpoint_that_is_gone_is_stopped),
        cmocka_unit_test(a_server_may_say_when),
        cmocka_unit_test(tries_come_later_and_later_and_then_no_more),
        cmocka_unit_test(the_times_may_be_others),
        cmocka_unit_test(an_endpoint_that_is_away_is_nobody_elses_matter),
        cmocka_unit_test(each_try_is_signed_by_the_secrets_of_its_time),
        cmocka_unit_test(a_secret_that_does_not_open_is_waited_for),
        cmocka_unit_test(a_partner_may_change_meanwhile),
        cmocka_unit_test(so_much_of_an_answer_is_kept),
        cmocka_unit_test(the_latest_thousand_are_kept),
        cmocka_unit_test(what_is_done_is_settled_when_redis_is_back),
        cmocka_unit_test(a_connection_that_breaks_loses_nothing),
        cmocka_unit_test(
            who_drains_gives_back_what_the_driver_has_not_seen),
        cmocka_unit_test(numbers_that_mean_no_job_do_nothing),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
