/* The outbox: jobs, who takes them, and what becomes of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "mails.h"
#include "redis.h"

static const char one_guest[] =
    "{\"invites\":[{\"email\":\"one@example.com\",\"roles\":[\"member\"]}]}";

static char workspace[24];

/* A worker that sends mail, with a clock that the test moves. */
static struct driver *worker(void) {
    struct driver *d = driver_new((struct driver_options) {
        .mails = true, .with_status = true });
    driver_until_log(d, "Redis link is ready");
    d->stopped_clock = true;
    return d;
}

static struct driver *new_world(void) {
    redis_flush();
    redis_do("SET wsp:partitions 64");
    struct driver *d = worker();
    snprintf(workspace, sizeof workspace, "%s",
             make_workspace(d, "owner", "{\"name\":\"Target\"}"));
    return d;
}

static long long queued(void) {
    return redis_number("ZCARD " OUTBOX "q:mail");
}

static const char *only_id(void) {
    static char id[64];
    redisReply *all = redis_run("ZRANGE " OUTBOX "q:mail 0 -1");
    assert_int_equal(all->elements, 1);
    snprintf(id, sizeof id, "%s", all->element[0]->str);
    freeReplyObject(all);
    return id;
}

static long long due_of(const char *id) {
    return redis_number("ZSCORE " OUTBOX "q:mail %s", id);
}

static double jobs(struct driver *d, const char *outcome) {
    char name[128];
    snprintf(name, sizeof name,
             "workspaces_outbox_jobs_total{kind=\"mail\",outcome=\"%s\"}",
             outcome);
    return driver_metric(d, name);
}

static void until_jobs(struct driver *d, const char *outcome, double wanted) {
    for (int i = 0; i < 2000 && jobs(d, outcome) != wanted; i++) {
        driver_turn(d, 5);
    }
    assert_true(jobs(d, outcome) == wanted);
}

static void an_invitation_and_its_mail_are_one_change(void **state) {
    (void) state;
    for (int cut = 0; cut < 12; cut++) {
        struct driver *d = new_world();
        d->stopped_clock = false;
        d->cut_input = cut;
        const struct answer *got = invite(d, workspace, one_guest);
        d->cut_input = 0;
        long long listed = redis_number("HLEN wsp:{62}:acme:w:%s:i",
                                        workspace);
        assert_int_equal(queued(), listed);
        assert_true(got->status == 503 || listed == 1);
        driver_free(d);
    }
}

static void a_job_is_sealed_and_leaves_nothing_behind(void **state) {
    (void) state;
    struct driver *d = new_world();
    assert_status(invite(d, workspace, one_guest), 200);
    const char *id = only_id();
    assert_string_equal(redis_text("HGET " OUTBOX "j:%s tenant", id), "acme");
    const char *payload = redis_text("HGET " OUTBOX "j:%s payload", id);
    assert_null(strstr(payload, "one@example.com"));
    uint64_t number = job_of(d);
    char *message = smtp_takes(d, number);
    const char *token = strstr(message, "Message-ID: <");
    assert_non_null(token);
    free(message);
    job_ends(d, number, WSP_JOB_RETRY, "what the dialog found out counts");
    until_number(d, 0, "ZCARD " OUTBOX "q:mail");
    assert_int_equal(redis_number("EXISTS " OUTBOX "j:%s", id), 0);
    until_jobs(d, "done", 1);
    driver_free(d);
}

/* In the dialect that shows the token. */
static const struct answer *send(struct driver *d, const char *path,
                                 const char *body) {
    return driver_ask(d, (struct ask) {
        .dialect = WSP_LOCATION, .method = "POST", .path = path,
        .user = "owner", .body = body,
        .headers = { "X-Workspace-ID", workspace } });
}

/* The next mail goes, and has the token of this answer. */
static void assert_mailed(struct driver *d, const char *token) {
    uint64_t number = job_of(d);
    char *message = smtp_takes(d, number);
    char *text = mail_part(message,
                           "Content-Type: text/plain; charset=utf-8\r\n");
    assert_holds(text, token);
    free(text);
    free(message);
    job_ends(d, number, WSP_JOB_DONE, "");
    until_number(d, 0, "ZCARD " OUTBOX "q:mail");
}

static void each_dialect_mails_its_invitations(void **state) {
    (void) state;
    struct driver *d = new_world();
    char first[64], second[64], id[24], path[64];
    const struct answer *got = send(d, "/workspace/invitations",
                                    "{\"email\":\"one@example.com\"}");
    assert_status(got, 201);
    take_value(got, "token", first, sizeof first);
    take_value(got, "id", id, sizeof id);
    assert_mailed(d, first);
    /* sent again: another mail, with the other token */
    snprintf(path, sizeof path, "/workspace/invitations/%s/resend", id);
    got = send(d, path, NULL);
    assert_status(got, 200);
    take_value(got, "token", second, sizeof second);
    assert_string_not_equal(first, second);
    assert_mailed(d, second);
    until_jobs(d, "done", 2);
    /* where mail cannot go nobody is invited */
    got = send(d, "/workspace/invitations",
               "{\"email\":\"b\xc3\xbcro@example.com\"}");
    assert_status(got, 422);
    assert_holds(got->body, "\"errors\":{\"email\":[\"no mail can be sent");
    assert_int_equal(queued(), 0);
    assert_int_equal(redis_number("HLEN wsp:{62}:acme:w:%s:i", workspace), 1);
    driver_free(d);
}

/* What waits to be sent when another takes its place. */
static void a_mail_of_an_old_token_is_dropped(void **state) {
    (void) state;
    struct driver *d = new_world();
    char token[64], id[24], path[64];
    const struct answer *got = send(d, "/workspace/invitations",
                                    "{\"email\":\"one@example.com\"}");
    assert_status(got, 201);
    take_value(got, "id", id, sizeof id);
    uint64_t number = job_of(d);
    job_ends(d, number, WSP_JOB_AWAY, "away");
    until_jobs(d, "retried", 1);
    snprintf(path, sizeof path, "/workspace/invitations/%s/resend", id);
    got = send(d, path, NULL);
    assert_status(got, 200);
    take_value(got, "token", token, sizeof token);
    time_passes(d, 3600 * 1000);
    assert_mailed(d, token);
    until_jobs(d, "dropped", 1);
    until_jobs(d, "done", 1);
    driver_free(d);
}

static void no_mail_is_queued_where_none_is_sent(void **state) {
    (void) state;
    driver_free(new_world());
    struct driver *d = driver_new((struct driver_options) { 0 });
    assert_status(invite(d, workspace, one_guest), 200);
    assert_int_equal(queued(), 0);
    driver_free(d);
}

static void of_two_workers_one_gets_a_job(void **state) {
    (void) state;
    for (int i = 0; i < 5; i++) {
        struct driver *a = new_world();
        struct driver *b = worker();
        struct driver *c = driver_new((struct driver_options) { 0 });
        c->stopped_clock = true;
        assert_status(invite(a, workspace, one_guest), 200);
        unsigned got = 0;
        uint64_t number;
        for (int turns = 0; turns < 3; turns++) {
            a->monotonic_ms += 2000;
            b->monotonic_ms += 2000;
            driver_turn(a, 0);
            driver_turn(b, 0);
            got += any_job(a, &number) == WSP_OK;
            got += any_job(b, &number) == WSP_OK;
        }
        assert_int_equal(got, 1);
        driver_free(a);
        driver_free(b);
        driver_free(c);
    }
}

static void a_worker_that_dies_lets_go(void **state) {
    (void) state;
    struct driver *a = new_world();
    struct driver *b = worker();
    b->wall_ms = a->wall_ms;
    assert_status(invite(a, workspace, one_guest), 200);
    job_of(a);
    assert_true(due_of(only_id()) > a->wall_ms);
    driver_free(a);
    uint64_t number;
    time_passes(b, LEASE_MS / 2);
    assert_int_equal(any_job(b, &number), WSP_AGAIN);
    time_passes(b, LEASE_MS);
    free(smtp_takes(b, number = job_of(b)));
    job_ends(b, number, WSP_JOB_DONE, "");
    until_number(b, 0, "ZCARD " OUTBOX "q:mail");
    driver_free(b);
}

static void who_lost_the_lease_changes_nothing(void **state) {
    (void) state;
    static const int outcomes[] = { WSP_JOB_DONE, WSP_JOB_RETRY,
                                    WSP_JOB_FAILED };
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        struct driver *a = new_world();
        struct driver *b = worker();
        b->wall_ms = a->wall_ms;
        assert_status(invite(a, workspace, one_guest), 200);
        uint64_t late = job_of(a);
        time_passes(b, 2 * LEASE_MS);
        job_of(b);
        const char *id = only_id();
        long long lease = due_of(id);
        a->wall_ms = b->wall_ms;
        job_ends(a, late, outcomes[i], "too late");
        for (int turns = 0; turns < 20; turns++) {
            driver_turn(a, 1);
        }
        assert_int_equal(due_of(id), lease);
        assert_null(redis_text("HGET " OUTBOX "j:%s reason", id));
        assert_int_equal(redis_number("EXISTS " OUTBOX "dead:mail"), 0);
        assert_true(jobs(a, "done") == 0 && jobs(a, "dead") == 0);
        driver_free(a);
        driver_free(b);
    }
}

static void tries_come_later_and_later_and_then_no_more(void **state) {
    (void) state;
    static const long long seconds[] = { 10, 60, 300, 1800, 7200, 21600,
                                         43200, 86400 };
    struct driver *d = new_world();
    assert_status(invite(d, workspace, one_guest), 200);
    char id[64];
    snprintf(id, sizeof id, "%s", only_id());
    for (size_t i = 0; i < COUNT_OF(seconds); i++) {
        redis_do("HDEL " OUTBOX "j:%s reason", id);
        uint64_t number = job_of(d);
        smtp_reads(d, number);
        smtp_says(d, number, "451 try later\001\r\n");
        job_ends(d, number, WSP_JOB_DONE, "");
        until_number(d, 1, "HEXISTS " OUTBOX "j:%s reason", id);
        long long wait = due_of(id) - d->wall_ms;
        assert_in_range(wait, 750 * seconds[i], 1250 * seconds[i]);
        assert_string_equal(redis_text("HGET " OUTBOX "j:%s reason", id),
                            "451 try later?");
        time_passes(d, (uint64_t) wait);
    }
    until_jobs(d, "retried", COUNT_OF(seconds));
    uint64_t number = job_of(d);
    job_ends(d, number, WSP_JOB_RETRY, "no more");
    until_number(d, 0, "ZCARD " OUTBOX "q:mail");
    until_jobs(d, "dead", 1);
    assert_int_equal(redis_number("ZSCORE " OUTBOX "dead:mail %s", id),
                     d->wall_ms);
    assert_string_equal(redis_text("HGET " OUTBOX "j:%s reason", id),
                        "no more");
    assert_in_range(redis_number("PTTL " OUTBOX "j:%s", id), 1,
                    7 * 86400 * 1000LL);
    driver_free(d);
}

static void what_is_refused_for_good_is_dead_at_once(void **state) {
    (void) state;
    static const char *const dialogs[][5] = {
        { "550-no\r\n550 never\r\n", NULL },
        { "250 ok\r\n", "550 never\r\n", NULL },
        { "250 ok\r\n", "250 ok\r\n", "550 never\r\n", NULL },
        { "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "550 never\r\n",
          NULL },
    };
    for (size_t i = 0; i < COUNT_OF(dialogs); i++) {
        struct driver *d = new_world();
        d->piece = i + 1;
        assert_status(invite(d, workspace, one_guest), 200);
        char id[64];
        snprintf(id, sizeof id, "%s", only_id());
        uint64_t number = job_of(d);
        smtp_reads(d, number);
        for (const char *const *at = dialogs[i]; *at != NULL; at++) {
            smtp_says(d, number, *at);
        }
        job_ends(d, number, WSP_JOB_AWAY, "the driver's word");
        until_number(d, 1, "ZCARD " OUTBOX "dead:mail");
        assert_int_equal(queued(), 0);
        assert_string_equal(redis_text("HGET " OUTBOX "j:%s reason", id),
                            "550 never");
        driver_free(d);
    }
}

static void what_is_no_smtp_is_tried_again(void **state) {
    (void) state;
    char long_line[4000];
    memset(long_line, 'x', sizeof long_line);
    memcpy(long_line + sizeof long_line - 3, "\r\n", 3);
    const char *const replies[] = { "hello\r\n", "25\r\n", "250x\r\n",
                                    "\r\n", "354 too soon\r\n", "999 \r\n",
                                    long_line };
    struct driver *d = new_world();
    assert_status(invite(d, workspace, one_guest), 200);
    for (size_t i = 0; i < COUNT_OF(replies); i++) {
        uint64_t number = job_of(d);
        smtp_reads(d, number);
        assert_string_equal(smtp_says(d, number, replies[i]), "QUIT\r\n");
        job_ends(d, number, WSP_JOB_DONE, "");
        until_number(d, 1, "ZCOUNT " OUTBOX "q:mail (%lld +inf",
                     (long long) d->wall_ms);
        redis_do("ZADD " OUTBOX "q:mail XX 0 %s", only_id());
        redis_do("HSET " OUTBOX "j:%s tries 0", only_id());
        time_passes(d, 2000);
    }
    assert_true(jobs(d, "dead") == 0);
    driver_free(d);
}

/* The worker reads as long as there is something. */
static void who_talks_without_end_is_cut_off(void **state) {
    (void) state;
    for (int in_lines = 0; in_lines <= 1; in_lines++) {
        struct driver *d = new_world();
        assert_status(invite(d, workspace, one_guest), 200);
        uint64_t number = job_of(d);
        smtp_reads(d, number);
        char piece[1000];
        memset(piece, 'x', sizeof piece);
        memcpy(piece, "250-", 4);
        if (in_lines) {
            memcpy(piece + sizeof piece - 2, "\r\n", 2);
        }
        unsigned pieces = 0;
        while (wsp_job_input(d->core, number, piece, sizeof piece) != WSP_OK) {
            assert_in_range(++pieces, 1, 100);
        }
        job_ends(d, number, WSP_JOB_DONE, "");
        until_number(d, 1, "ZCOUNT " OUTBOX "q:mail (%lld +inf",
                     (long long) d->wall_ms);
        assert_string_equal(redis_text("HGET " OUTBOX "j:%s reason",
                                       only_id()),
                            "the server does not speak SMTP");
        driver_free(d);
    }
}

static void what_is_done_is_settled_when_redis_is_back(void **state) {
    (void) state;
    struct driver *d = new_world();
    assert_status(invite(d, workspace, one_guest), 200);
    uint64_t number = job_of(d);
    free(smtp_takes(d, number));
    d->refuse = true;
    driver_cut(d);
    job_ends(d, number, WSP_JOB_DONE, "");
    for (int i = 0; i < 10; i++) {
        time_passes(d, 1000);
    }
    assert_int_equal(queued(), 1);
    d->refuse = false;
    for (int i = 0; i < 2000 && queued() != 0; i++) {
        time_passes(d, i % 20 == 0 ? 500 : 0);
        driver_turn(d, 2);
    }
    assert_int_equal(queued(), 0);
    until_jobs(d, "done", 1);
    driver_free(d);
}

static void who_drains_gives_back_what_the_driver_has_not_seen(void **state) {
    (void) state;
    struct driver *a = new_world();
    assert_status(invite(a, workspace, one_guest), 200);
    const char *id = only_id();
    until_number(a, 1, "ZCOUNT " OUTBOX "q:mail (%lld +inf",
                 (long long) a->wall_ms);
    for (int i = 0; i < 20; i++) {
        driver_turn(a, 2);
    }
    wsp_core_drain(a->core);
    until_number(a, 0, "ZCOUNT " OUTBOX "q:mail (%lld +inf",
                 (long long) a->wall_ms);
    assert_int_equal(redis_number("HGET " OUTBOX "j:%s tries", id), 0);
    uint64_t number;
    a->monotonic_ms += 5000;
    assert_int_equal(any_job(a, &number), WSP_AGAIN);
    struct driver *b = worker();
    b->wall_ms = a->wall_ms;
    job_of(b);
    driver_free(a);
    driver_free(b);
}

static void forty(struct driver *d) {
    struct bytes body = { 0 };
    bytes_puts(&body, "{\"invites\":[");
    for (int i = 0; i < 40; i++) {
        bytes_printf(&body, "%s{\"email\":\"g%d@example.com\","
                     "\"roles\":[\"member\"]}", i == 0 ? "" : ",", i);
    }
    bytes_puts(&body, "]}");
    assert_status(invite(d, workspace, body.data), 200);
    bytes_free(&body);
    assert_int_equal(queued(), 40);
}

static void not_more_are_taken_than_there_are_hands(void **state) {
    (void) state;
    struct driver *d = new_world();
    uint64_t held[40];
    int count = 0;
    int done = 0;
    int most = 0;
    forty(d);
    while (done < 40) {
        while (count < 40 && any_job(d, &held[count]) == WSP_OK) {
            count++;
        }
        most = count > most ? count : most;
        assert_in_range(count, 1, OUTBOX_HANDS);
        assert_true(driver_metric(d, "workspaces_outbox_in_hand"
                                     "{kind=\"mail\"}") <= OUTBOX_HANDS);
        free(smtp_takes(d, held[--count]));
        job_ends(d, held[count], WSP_JOB_DONE, "");
        done++;
    }
    assert_int_equal(most, OUTBOX_HANDS);
    until_number(d, 0, "ZCARD " OUTBOX "q:mail");
    driver_free(d);
}

static void one_is_tried_while_the_server_is_away(void **state) {
    (void) state;
    struct driver *d = new_world();
    uint64_t held[40];
    int count = 0;
    forty(d);
    while (any_job(d, &held[count]) == WSP_OK) {
        count++;
    }
    assert_int_equal(count, OUTBOX_HANDS);
    while (count > 0) {
        job_ends(d, held[--count], WSP_JOB_AWAY, "no route");
    }
    assert_true(driver_logged(d, "mail cannot be sent: no route"));
    for (int i = 0; i < 3; i++) {
        uint64_t number = job_of(d);
        uint64_t other;
        d->monotonic_ms += 2000;
        assert_int_equal(any_job(d, &other), WSP_AGAIN);
        if (i < 2) {
            job_ends(d, number, WSP_JOB_AWAY, "no route");
        } else {
            free(smtp_takes(d, number));
            job_ends(d, number, WSP_JOB_DONE, "");
        }
    }
    assert_true(driver_logged(d, "mail can be sent again"));
    until_jobs(d, "done", 1);
    /* a look may see what is just being taken, and leave a hand free */
    for (int i = 0; i < 5 && count < OUTBOX_HANDS; i++) {
        d->monotonic_ms += 2000;
        while (any_job(d, &held[count]) == WSP_OK) {
            count++;
        }
    }
    assert_int_equal(count, OUTBOX_HANDS);
    driver_free(d);
}

static void numbers_that_mean_no_job_do_nothing(void **state) {
    (void) state;
    struct driver *d = new_world();
    wsp_str out;
    wsp_job wrong = { .size = 1 };
    assert_int_equal(wsp_next_job(d->core, &wrong), WSP_INVALID);
    assert_int_equal(wsp_job_output(d->core, 7, &out), WSP_AGAIN);
    assert_int_equal(wsp_job_input(d->core, 7, "250 ok\r\n", 8), WSP_OK);
    wsp_job_written(d->core, 7, 10);
    job_ends(d, 7, WSP_JOB_FAILED, "?");
    assert_status(invite(d, workspace, one_guest), 200);
    uint64_t number = job_of(d);
    job_ends(d, number, WSP_JOB_DONE, "");
    job_ends(d, number, WSP_JOB_FAILED, "twice");
    until_number(d, 0, "ZCARD " OUTBOX "q:mail");
    assert_int_equal(redis_number("EXISTS " OUTBOX "dead:mail"), 0);
    driver_free(d);
}

/* For every k: the job is done, or it is there and can be done. */
static void each_allocation_may_fail(void **state) {
    (void) state;
    unsigned long k = 1;
    bool failed = true;
    for (; failed && k < 3000; k++) {
        struct driver *d = new_world();
        assert_status(invite(d, workspace, one_guest), 200);
        uint64_t number;
        alloc_arm(k);
        d->monotonic_ms += 2000;
        if (any_job(d, &number) == WSP_OK) {
            free(smtp_takes(d, number));
            job_ends(d, number, WSP_JOB_DONE, "");
            for (int i = 0; i < 10; i++) {
                driver_turn(d, 1);
            }
        }
        failed = alloc_disarm();
        for (int i = 0; i < 200 && queued() != 0; i++) {
            time_passes(d, LEASE_MS + 30000);
            if (any_job(d, &number) == WSP_OK) {
                free(smtp_takes(d, number));
                job_ends(d, number, WSP_JOB_DONE, "");
            }
        }
        assert_int_equal(queued(), 0);
        assert_int_equal(redis_number("EXISTS " OUTBOX "dead:mail"), 0);
        driver_free(d);
    }
    assert_true(k > 10 && k < 3000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invitation_and_its_mail_are_one_change),
        cmocka_unit_test(a_job_is_sealed_and_leaves_nothing_behind),
        cmocka_unit_test(each_dialect_mails_its_invitations),
        cmocka_unit_test(a_mail_of_an_old_token_is_dropped),
        cmocka_unit_test(no_mail_is_queued_where_none_is_sent),
        cmocka_unit_test(of_two_workers_one_gets_a_job),
        cmocka_unit_test(a_worker_that_dies_lets_go),
        cmocka_unit_test(who_lost_the_lease_changes_nothing),
        cmocka_unit_test(tries_come_later_and_later_and_then_no_more),
        cmocka_unit_test(what_is_refused_for_good_is_dead_at_once),
        cmocka_unit_test(what_is_no_smtp_is_tried_again),
        cmocka_unit_test(who_talks_without_end_is_cut_off),
        cmocka_unit_test(what_is_done_is_settled_when_redis_is_back),
        cmocka_unit_test(
            who_drains_gives_back_what_the_driver_has_not_seen),
        cmocka_unit_test(not_more_are_taken_than_there_are_hands),
        cmocka_unit_test(one_is_tried_while_the_server_is_away),
        cmocka_unit_test(numbers_that_mean_no_job_do_nothing),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
