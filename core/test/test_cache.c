/*
 * The cache of two workers and one Redis.  The bound is far away here: what
 * is seen in time was pushed.
 */
#define _GNU_SOURCE  /* memmem */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "driver.h"
#include "driver_links.h"
#include "fixture.h"
#include "redis.h"

enum { WORKERS = 2 };

static struct driver *worker[WORKERS];
static char id[24];

static struct driver *hears(size_t cache_size) {
    struct driver *d = driver_new((struct driver_options) {
        .cache_size = cache_size, .max_stale_ms = 30000,
        .with_status = true });
    driver_until_log(d, "Redis link is ready");
    if (cache_size != 0) {
        driver_until_log(d, "tracking link is ready");
    }
    return d;
}

static int open_workers(void **state) {
    (void) state;
    redis_flush();
    for (int i = 0; i < WORKERS; i++) {
        worker[i] = hears(1 << 20);
    }
    return 0;
}

static int close_workers(void **state) {
    (void) state;
    for (int i = 0; i < WORKERS; i++) {
        driver_free(worker[i]);
    }
    return 0;
}

/* A workspace of ann; bob is a member. */
static int new_world(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 64");
    for (int i = 0; i < WORKERS; i++) {
        worker[i]->tracking.frozen = false;
        driver_forget(worker[i]);
        driver_hear(worker[i]);
    }
    snprintf(id, sizeof id, "%s",
             make_workspace(worker[0], "ann", "{\"name\":\"W\"}"));
    add_member(worker[0], id, "ann", "bob", "[\"viewer\"]");
    for (int i = 0; i < WORKERS; i++) {
        driver_hear(worker[i]);
    }
    return 0;
}

static struct ask in_it(const char *user) {
    return (struct ask) { .access = true, .user = user,
                          .headers = { "X-Workspace-ID", id } };
}

static const struct decided *decides(struct driver *d, const char *user) {
    return &driver_ask(d, in_it(user))->decided;
}

static void assert_decides(struct driver *d, const char *user,
                           const char *reason) {
    assert_string_equal(decides(d, user)->reason, reason);
}

static void assert_all_decide(const char *user, const char *reason) {
    for (int i = 0; i < WORKERS; i++) {
        driver_hear(worker[i]);
        assert_decides(worker[i], user, reason);
    }
}

/* Both workers know him, and that a stranger is none. */
static void prime(const char *user, const char *reason) {
    assert_all_decide(user, reason);
    assert_all_decide(user, reason);
}

/* As ann, on worker 0; "/%s" of the path is the workspace. */
static const struct answer *change(const char *method, const char *path,
                                   const char *body) {
    char full[64];
    snprintf(full, sizeof full, "/%s%s", id, path);
    const struct answer *done = driver_ask(
        worker[0], (struct ask) { .method = method, .path = full,
                                  .body = body });
    assert_status(done, 200);
    return done;
}

/* Commands of a name that Redis was given since the last reset. */
static long long calls_of(const char *command) {
    char what[64];
    redisReply *info = redis_run("INFO commandstats");
    snprintf(what, sizeof what, "cmdstat_%s:calls=", command);
    const char *at = strstr(info->str, what);
    long long calls = at == NULL ? 0 : atoll(at + strlen(what));
    freeReplyObject(info);
    return calls;
}

static void assert_reads(long long records, long long fields) {
    assert_int_equal(calls_of("hmget"), records);
    assert_int_equal(calls_of("hget"), fields);
    redis_do("CONFIG RESETSTAT");
}

/* -- hits ----------------------------------------------------------------- */

static void a_second_decision_asks_nothing(void **state) {
    (void) state;
    redis_do("CONFIG RESETSTAT");
    assert_decides(worker[1], "bob", "member");
    assert_reads(1, 1);
    for (int i = 0; i < 20; i++) {
        assert_decides(worker[1], "bob", "member");
    }
    assert_reads(0, 0);
    /* another user: whether the workspace is known must not show */
    assert_decides(worker[1], "ann", "owner");
    assert_reads(1, 1);
    assert_decides(worker[1], "ann", "owner");
    assert_reads(0, 0);
}

static void what_is_not_there_is_remembered_too(void **state) {
    (void) state;
    redis_do("CONFIG RESETSTAT");
    for (int i = 0; i < 5; i++) {
        assert_decides(worker[1], "eve", "not_member");
    }
    assert_reads(1, 1);
    snprintf(id, sizeof id, "%s", "99");
    for (int i = 0; i < 5; i++) {
        assert_decides(worker[1], "eve", "not_member");
    }
    assert_reads(1, 1);
}

static void requests_and_decisions_use_the_same_records(void **state) {
    (void) state;
    char path[32];
    snprintf(path, sizeof path, "/%s", id);
    assert_decides(worker[1], "bob", "member");
    redis_do("CONFIG RESETSTAT");
    const struct answer *got = driver_ask(
        worker[1], (struct ask) { .path = path, .user = "bob" });
    assert_status(got, 200);
    assert_reads(0, 0);
    assert_status(driver_ask(worker[1], (struct ask) { .path = path,
                                                       .user = "eve" }),
                  404);
    assert_reads(1, 1);
}

static void without_a_cache_each_decision_asks(void **state) {
    (void) state;
    struct driver *none = hears(0);
    for (int i = 0; i < 5; i++) {
        redis_do("CONFIG RESETSTAT");
        assert_decides(none, "bob", "member");
        assert_reads(1, 1);
    }
    assert_int_equal(none->tracking.connects, 0);
    change("DELETE", "/members/bob", NULL);
    assert_decides(none, "bob", "not_member");
    driver_free(none);
}

/* -- changes -------------------------------------------------------------- */

static void a_new_member_gets_in(void **state) {
    (void) state;
    prime("eve", "not_member");
    add_member(worker[0], id, "ann", "eve", "[\"member\"]");
    assert_all_decide("eve", "member");
}

static void a_removed_member_stays_out(void **state) {
    (void) state;
    prime("bob", "member");
    change("DELETE", "/members/bob", NULL);
    assert_all_decide("bob", "not_member");
}

static void a_new_role_counts(void **state) {
    (void) state;
    prime("bob", "member");
    struct ask edits = in_it("bob");
    edits.permission = "documents:edit";
    for (int i = 0; i < WORKERS; i++) {
        assert_status(driver_ask(worker[i], edits), 403);
    }
    change("PUT", "/members/bob", "{\"roles\":[\"admin\"]}");
    for (int i = 0; i < WORKERS; i++) {
        driver_hear(worker[i]);
        assert_status(driver_ask(worker[i], edits), 200);
    }
    change("PUT", "/members/bob", "{\"roles\":[\"viewer\"]}");
    for (int i = 0; i < WORKERS; i++) {
        driver_hear(worker[i]);
        assert_status(driver_ask(worker[i], edits), 403);
    }
}

static void a_new_name_is_told(void **state) {
    (void) state;
    prime("bob", "member");
    const struct answer *renamed = change("PUT", "", "{\"name\":\"X\"}");
    char revision[24];
    snprintf(revision, sizeof revision, "%s",
             answer_header(renamed, "Workspace-Revision"));
    for (int i = 0; i < WORKERS; i++) {
        driver_hear(worker[i]);
        const struct decided *now = decides(worker[i], "bob");
        assert_string_equal(now->name, "X");
        assert_string_equal(now->revision, revision);
    }
}

static void a_deleted_workspace_is_gone(void **state) {
    (void) state;
    prime("bob", "member");
    prime("ann", "owner");
    change("DELETE", "", NULL);
    assert_all_decide("bob", "not_member");
    assert_all_decide("ann", "not_member");
}

static void another_active_workspace_is_taken(void **state) {
    (void) state;
    static const struct ask active = { .access = true };
    char second[24];
    snprintf(second, sizeof second, "%s",
             make_workspace(worker[0], "ann", "{\"name\":\"Second\"}"));
    for (int i = 0; i < WORKERS; i++) {
        driver_hear(worker[i]);
    }
    change("POST", "/activate", "{}");
    for (int i = 0; i < WORKERS; i++) {
        driver_hear(worker[i]);
        for (int k = 0; k < 2; k++) {
            assert_string_equal(
                driver_ask(worker[i], active)->decided.workspace_id, id);
        }
    }
    snprintf(id, sizeof id, "%s", second);
    change("POST", "/activate", "{}");
    for (int i = 0; i < WORKERS; i++) {
        driver_hear(worker[i]);
        assert_string_equal(
            driver_ask(worker[i], active)->decided.workspace_id, id);
    }
}

static void a_flushed_redis_lets_nobody_in(void **state) {
    (void) state;
    static const char *const commands[] = { "FLUSHALL", "FLUSHDB",
                                            "FLUSHALL ASYNC" };
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        new_world(NULL);
        prime("bob", "member");
        redis_do(commands[i]);
        /* its own answer may be written before the message, not this one */
        redis_do("PING");
        assert_all_decide("bob", "not_member");
        assert_all_decide("ann", "not_member");
    }
}

/* Whoever changes it, and how. */
static void any_write_to_a_key_is_heard(void **state) {
    (void) state;
    static const char *const commands[] = {
        "HDEL wsp:{62}:acme:w:%s:m bob", "DEL wsp:{62}:acme:w:%s:m",
        "UNLINK wsp:{62}:acme:w:%s:m", "DEL wsp:{62}:acme:w:%s",
        "RENAME wsp:{62}:acme:w:%s:m x", "MOVE wsp:{62}:acme:w:%s 7",
        "SET wsp:{62}:acme:w:%s:m x", "PEXPIREAT wsp:{62}:acme:w:%s:m 1",
        "HSET wsp:{62}:acme:w:%s rev 0",
    };
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        new_world(NULL);
        prime("bob", "member");
        redis_do(commands[i], id);
        for (int k = 0; k < WORKERS; k++) {
            driver_hear(worker[k]);
            assert_true(decides(worker[k], "bob")->verdict != WSP_ALLOWED);
        }
    }
}

static void a_record_that_expires_is_forgotten(void **state) {
    (void) state;
    prime("bob", "member");
    redis_do("PEXPIRE wsp:{62}:acme:w:%s:m 30", id);
    for (int i = 0; i < 2000 && decides(worker[1], "bob")->verdict ==
                                    WSP_ALLOWED; i++) {
        driver_turn(worker[1], 0);
        usleep(5000);
    }
    assert_decides(worker[1], "bob", "not_member");
}

/* -- own writes ----------------------------------------------------------- */

/* Nothing is heard at all: the worker knows what it wrote. */
static void own_writes_are_seen_at_once(void **state) {
    (void) state;
    prime("bob", "member");
    prime("eve", "not_member");
    worker[0]->tracking.frozen = true;
    change("DELETE", "/members/bob", NULL);
    assert_decides(worker[0], "bob", "not_member");
    add_member(worker[0], id, "ann", "eve", "[\"viewer\"]");
    assert_decides(worker[0], "eve", "member");
    change("PUT", "/members/eve", "{\"roles\":[\"admin\"]}");
    assert_string_equal(decides(worker[0], "eve")->roles, "admin");
    change("PUT", "", "{\"name\":\"Y\"}");
    assert_string_equal(decides(worker[0], "eve")->name, "Y");
    change("DELETE", "", NULL);
    assert_decides(worker[0], "ann", "not_member");
    worker[0]->tracking.frozen = false;
}

/* They are under way while it is written, and are used no more after. */
static void reads_beside_an_own_write_are_not_kept(void **state) {
    (void) state;
    char path[64];
    for (int turns = 0; turns < 12; turns++) {
        new_world(NULL);
        snprintf(path, sizeof path, "/%s/members/bob", id);
        worker[0]->tracking.frozen = true;
        struct flight *removes = driver_start(
            worker[0], (struct ask) { .method = "DELETE", .path = path });
        for (int i = 0; i < turns || !removes->done; i++) {
            driver_start(worker[0], in_it("bob"));
            driver_turn(worker[0], 1);
        }
        assert_status(&removes->answer, 200);
        assert_decides(worker[0], "bob", "not_member");
        worker[0]->tracking.frozen = false;
        driver_hear(worker[0]);
    }
}

/* -- Workspace-Revision --------------------------------------------------- */

static void a_revision_that_was_seen_is_read(void **state) {
    (void) state;
    struct ask seen = in_it("bob");
    prime("bob", "member");
    worker[1]->tracking.frozen = true;
    char revision[24];
    snprintf(revision, sizeof revision, "%s",
             answer_header(change("DELETE", "/members/bob", NULL),
                           "Workspace-Revision"));
    /* it has not heard, and the bound is far */
    assert_decides(worker[1], "bob", "member");
    seen.headers[2] = "Workspace-Revision";
    seen.headers[3] = revision;
    assert_string_equal(driver_ask(worker[1], seen)->decided.reason,
                        "not_member");
    worker[1]->tracking.frozen = false;
    driver_hear(worker[1]);
    assert_decides(worker[1], "bob", "not_member");
}

/* The record is read anew because it was not there; what else is there is
 * older than it. */
static void a_revision_that_was_seen_is_one_of_all_records(void **state) {
    (void) state;
    prime("bob", "member");
    redis_do("HSET wsp:{62}:acme:w:%s settings {\"a\":1}", id);
    driver_hear(worker[1]);
    struct ask seen = in_it("bob");
    seen.settings[0] = "a";
    assert_string_equal(driver_ask(worker[1], seen)->decided.settings, "a=1");
    worker[1]->tracking.frozen = true;
    redis_do("HSET wsp:{62}:acme:w:%s settings {\"a\":2} rev 70", id);
    redis_do("HDEL wsp:{62}:acme:w:%s:m bob", id);
    redis_do("HSET wsp:{62}:acme:w:%s:m ann %s", id, "1700000000000 admin");
    seen.headers[2] = "workspace-revision";
    seen.headers[3] = "70";
    assert_string_equal(driver_ask(worker[1], seen)->decided.reason,
                        "not_member");
    seen.user = "ann";
    assert_string_equal(driver_ask(worker[1], seen)->decided.settings, "a=2");
    worker[1]->tracking.frozen = false;
    driver_hear(worker[1]);
}

/* The same where the record alone was read after the change. */
static void a_new_record_does_not_vouch_for_an_old_membership(void **state) {
    (void) state;
    static struct ask seen;
    seen = in_it("bob");
    prime("bob", "member");
    redis_do("HSET wsp:{62}:acme:w:%s logo x", id);
    driver_hear(worker[1]);     /* the record is invalid, he is a member */
    worker[1]->tracking.frozen = true;
    char revision[24];
    snprintf(revision, sizeof revision, "%s",
             answer_header(change("DELETE", "/members/bob", NULL),
                           "Workspace-Revision"));
    seen.headers[2] = "Workspace-Revision";
    seen.headers[3] = revision;
    assert_string_equal(driver_ask(worker[1], seen)->decided.reason,
                        "not_member");
    worker[1]->tracking.frozen = false;
    driver_hear(worker[1]);
}

static void a_deletion_that_was_seen_is_read(void **state) {
    (void) state;
    struct ask seen = in_it("bob");
    prime("bob", "member");
    worker[1]->tracking.frozen = true;
    const struct answer *deleted = change("DELETE", "", NULL);
    char revision[24];
    snprintf(revision, sizeof revision, "%s",
             answer_header(deleted, "Workspace-Revision"));
    assert_int_equal(atoi(revision), 3);
    assert_null(answer_header(deleted, "ETag"));
    assert_decides(worker[1], "bob", "member");
    seen.headers[2] = "Workspace-Revision";
    seen.headers[3] = revision;
    assert_string_equal(driver_ask(worker[1], seen)->decided.reason,
                        "not_member");
    worker[1]->tracking.frozen = false;
    driver_hear(worker[1]);
}

static void an_odd_revision_changes_nothing(void **state) {
    (void) state;
    static const char *const odd[] = { "", "x", "-1", "0", "1e9", "1,2",
                                       "99999999999999999999" };
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        struct ask seen = in_it("bob");
        seen.headers[2] = "Workspace-Revision";
        seen.headers[3] = odd[i];
        assert_string_equal(driver_ask(worker[1], seen)->decided.reason,
                            "member");
    }
}

/* -- what is rendered ----------------------------------------------------- */

static struct ask reads(const char *user, const char *admin) {
    static char path[32];
    snprintf(path, sizeof path, "/%s", id);
    return (struct ask) { .path = path, .user = user, .admin = admin };
}

/* Worker 1 says of it what one without a cache does, be it rendered anew or
 * not, to bob and to him as an admin of the tenant. */
static void assert_reads_as(struct driver *none, const char *part) {
    static const char *const rights[] = { NULL, NULL, "1", NULL };
    driver_hear(worker[1]);
    for (int i = 0; i < 4; i++) {
        const struct answer *want = driver_ask(none, reads("bob", rights[i]));
        const struct answer *got =
            driver_ask(worker[1], reads("bob", rights[i]));
        assert_int_equal(got->status, want->status);
        assert_string_equal(got->headers, want->headers);
        assert_string_equal(got->body, want->body);
        assert_holds(got->body, part);
    }
}

static void what_is_rendered_follows_both_records(void **state) {
    (void) state;
    struct driver *none = hears(0);
    assert_reads_as(none, "\"name\":\"W\"");
    change("PUT", "", "{\"name\":\"X\"}");
    assert_reads_as(none, "\"name\":\"X\"");
    change("PUT", "/members/bob", "{\"roles\":[\"member\"]}");
    assert_reads_as(none, "[\"member\"]");
    change("PUT", "/members/bob", "{\"roles\":[\"admin\"]}");
    assert_reads_as(none, "\"user\":\"ann\"");
    change("PUT", "/members/bob", "{\"roles\":[\"viewer\"]}");
    assert_reads_as(none, "[\"viewer\"]");
    change("DELETE", "/members/bob", NULL);
    driver_hear(worker[1]);
    for (int i = 0; i < 3; i++) {
        assert_status(driver_ask(worker[1], reads("bob", NULL)), 404);
    }
    driver_free(none);
}

/* It is being sent while the next one takes its place. */
static void what_was_rendered_stays_while_it_is_used(void **state) {
    (void) state;
    wsp_op *old, *fresh;
    struct ask asks = reads("bob", NULL);
    wsp_request request = { .size = sizeof request,
                            .method = str("GET"),
                            .path = str(asks.path),
                            .identity = { .tenant = str("acme"),
                                          .user = str("bob") } };
    for (int i = 0; i < 3; i++) {
        assert_status(driver_ask(worker[1], asks), 200);
    }
    assert_int_equal(wsp_op_new(&old, worker[1]->core, &request, NULL),
                     WSP_OK);
    change("PUT", "", "{\"name\":\"X\"}");
    driver_hear(worker[1]);
    for (int i = 0; i < 3; i++) {
        assert_status(driver_ask(worker[1], asks), 200);
    }
    assert_int_equal(wsp_op_new(&fresh, worker[1]->core, &request, NULL),
                     WSP_OK);
    redis_flush();
    driver_hear(worker[1]);
    wsp_str before = wsp_op_response(old)->body;
    wsp_str after = wsp_op_response(fresh)->body;
    assert_int_equal(before.len, after.len);
    assert_non_null(memmem(before.data, before.len, "\"W\"", 3));
    assert_non_null(memmem(after.data, after.len, "\"X\"", 3));
    wsp_op_free(old);
    wsp_op_free(fresh);
}

/* -- room ----------------------------------------------------------------- */

static double bytes_of(struct driver *d) {
    d->monotonic_ms += 50;
    driver_turn(d, 0);
    return driver_metric(d, "workspaces_cache_bytes");
}

/* It is counted, makes room for others, and is given back. */
static void what_is_rendered_takes_room(void **state) {
    (void) state;
    enum { LIMIT = 8 << 10, USERS = 12, NAME = 200 };
    struct driver *small = hears(LIMIT);
    small->stopped_clock = true;
    char name[NAME + 16], user[16];
    snprintf(name, sizeof name, "{\"name\":\"%0*d\"}", NAME, 0);
    change("PUT", "", name);
    driver_hear(small);
    double read[4];
    for (int i = 0; i < 4; i++) {
        assert_status(driver_ask(small, reads("bob", NULL)), 200);
        read[i] = bytes_of(small);
    }
    assert_true(read[1] > read[0] + NAME);
    assert_true(read[3] == read[1]);
    for (int i = 0; i < USERS; i++) {
        snprintf(user, sizeof user, "u%d", i);
        add_member(worker[0], id, "ann", user, "[\"viewer\"]");
        driver_hear(small);
        for (int k = 0; k < 3; k++) {
            assert_status(driver_ask(small, reads(user, NULL)), 200);
            assert_true(bytes_of(small) <= LIMIT);
        }
    }
    assert_true(bytes_of(small) > LIMIT / 2);
    redis_flush();
    driver_hear(small);
    assert_true(bytes_of(small) == 0);
    driver_free(small);
}

static void the_oldest_make_room(void **state) {
    (void) state;
    enum { LIMIT = 24 << 10, USERS = 300 };
    struct driver *small = hears(LIMIT);
    small->stopped_clock = true;
    char user[USERS][120];
    for (int i = 0; i < USERS; i++) {
        snprintf(user[i], sizeof user[i], "%0*d", i % 100 + 1, i);
    }
    double most = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < USERS; i++) {
            assert_decides(small, user[i], "not_member");
            if (i % 5 == 0) {
                assert_decides(small, "bob", "member");
            }
            small->monotonic_ms += 50;
            driver_turn(small, 0);
            double bytes = driver_metric(small, "workspaces_cache_bytes");
            assert_true(bytes <= LIMIT);
            most = bytes > most ? bytes : most;
        }
    }
    assert_true(most > LIMIT * 3 / 4);
    assert_true(driver_metric(small, "workspaces_cache_evictions_total") >
                USERS);
    /* who is asked for often stays */
    redis_do("CONFIG RESETSTAT");
    assert_decides(small, "bob", "member");
    assert_reads(0, 0);
    driver_free(small);
}

/* One record cannot push all others out. */
static void what_is_too_large_is_not_kept(void **state) {
    (void) state;
    struct driver *small = hears(8 << 10);
    struct ask asks = in_it("bob");
    asks.settings[0] = "region";
    char *text = malloc(9000);
    memset(text, 'x', 9000);
    redis_do("HSET wsp:{62}:acme:w:%s settings {\"region\":\"eu\",\"x\":"
             "\"%b\"}",
             id, text, (size_t) 8000);
    for (int i = 0; i < 3; i++) {
        driver_hear(small);
        redis_do("CONFIG RESETSTAT");
        assert_string_equal(driver_ask(small, asks)->decided.settings,
                            "region=eu");
    }
    assert_reads(0, 1);
    free(text);
    driver_free(small);
    struct driver *tiny = hears(1);
    for (int i = 0; i < 3; i++) {
        redis_do("CONFIG RESETSTAT");
        assert_decides(tiny, "bob", "member");
        assert_reads(1, 1);
    }
    driver_free(tiny);
}

/* -- Redis goes away ------------------------------------------------------ */

static void a_killed_tracking_link_comes_back(void **state) {
    (void) state;
    prime("bob", "member");
    bytes_clear(&worker[1]->log);  // it may be back at the first turn
    redis_do("CLIENT KILL TYPE pubsub");
    driver_until_log(worker[1], "tracking link lost");
    redis_do("HDEL wsp:{62}:acme:w:%s:m bob", id);
    assert_decides(worker[1], "bob", "not_member");
    driver_until_log(worker[1], "tracking link is ready");
    driver_hear(worker[1]);
    assert_decides(worker[1], "bob", "not_member");
    redis_do("CONFIG RESETSTAT");
    assert_decides(worker[1], "bob", "not_member");
    assert_reads(0, 0);
}

static void a_restarted_redis_is_asked_again(void **state) {
    (void) state;
    prime("bob", "member");
    for (int i = 0; i < WORKERS; i++) {
        bytes_clear(&worker[i]->log);
    }
    redis_stop();
    redis_start();
    for (int i = 0; i < WORKERS; i++) {
        driver_until_log(worker[i], "tracking link lost");
        int verdict = WSP_UNDECIDED;
        for (int k = 0; k < 400 && verdict == WSP_UNDECIDED; k++) {
            driver_turn(worker[i], 20);
            verdict = decides(worker[i], "bob")->verdict;
            assert_true(verdict != WSP_ALLOWED);
        }
        assert_int_equal(verdict, WSP_REFUSED);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, new_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_second_decision_asks_nothing),
        TEST(what_is_not_there_is_remembered_too),
        TEST(requests_and_decisions_use_the_same_records),
        TEST(without_a_cache_each_decision_asks),
        TEST(a_new_member_gets_in),
        TEST(a_removed_member_stays_out),
        TEST(a_new_role_counts),
        TEST(a_new_name_is_told),
        TEST(a_deleted_workspace_is_gone),
        TEST(another_active_workspace_is_taken),
        TEST(a_flushed_redis_lets_nobody_in),
        TEST(any_write_to_a_key_is_heard),
        TEST(a_record_that_expires_is_forgotten),
        TEST(own_writes_are_seen_at_once),
        TEST(reads_beside_an_own_write_are_not_kept),
        TEST(a_revision_that_was_seen_is_read),
        TEST(a_revision_that_was_seen_is_one_of_all_records),
        TEST(a_new_record_does_not_vouch_for_an_old_membership),
        TEST(a_deletion_that_was_seen_is_read),
        TEST(an_odd_revision_changes_nothing),
        TEST(what_is_rendered_follows_both_records),
        TEST(what_was_rendered_stays_while_it_is_used),
        TEST(what_is_rendered_takes_room),
        TEST(the_oldest_make_room),
        TEST(what_is_too_large_is_not_kept),
        TEST(a_killed_tracking_link_comes_back),
        TEST(a_restarted_redis_is_asked_again),
    };
    return cmocka_run_group_tests(tests, open_workers, close_workers);
}
