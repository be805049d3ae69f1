/* Several operations at once, in one worker and in two. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

enum { WORKERS = 2 };

static struct driver *worker[WORKERS];

static int open_workers(void **state) {
    (void) state;
    for (int i = 0; i < WORKERS; i++) {
        worker[i] = driver_new((struct driver_options) { .queue = 1024 });
        driver_until_log(worker[i], "ready");
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

static int empty(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 64");
    for (int i = 0; i < WORKERS; i++) {
        driver_forget(worker[i]);
    }
    return 0;
}

static void finish(struct flight **flights, size_t count) {
    for (int turns = 0; turns < 100000; turns++) {
        bool all = true;
        for (size_t i = 0; i < count; i++) {
            all = all && flights[i]->done;
        }
        if (all) {
            return;
        }
        for (int i = 0; i < WORKERS; i++) {
            driver_turn(worker[i], turns % 3 == i ? 1 : 0);
        }
    }
    fail_msg("they do not end");
}

static void of_two_last_admins_one_stays(void **state) {
    (void) state;
    static const char demote[] = "{\"roles\":[\"user\"]}";
    int removed_one = 0;
    for (int round = 0; round < 60; round++) {
        empty(NULL);
        make_workspace(worker[0], "owner", "{\"name\":\"W\"}");
        /* the owner is no admin of the count any more */
        redis_do("HSET wsp:{62}:acme:w:1 owner gone");
        redis_do("HDEL wsp:{62}:acme:w:1:m owner");
        redis_do("HSET wsp:{62}:acme:w:1:m a %s b %s", "1700000000000 admin",
                 "1700000000000 admin");
        redis_do("HSET wsp:{62}:acme:w:1:n admin 2");
        struct driver *other = worker[round % WORKERS];
        bool demotes = round % 4 >= 2;
        /* each the other, each himself, a tenant admin both */
        static const struct {
            const char *of_b, *of_a, *admin;
        } by[] = { { "a", "b", NULL }, { "b", "a", NULL },
                   { "root", "root", "1" } };
        int who = round % 3;
        struct ask removes_b = { .method = demotes ? "PUT" : "DELETE",
                                 .path = "/1/members/b", .user = by[who].of_b,
                                 .admin = by[who].admin,
                                 .body = demotes ? demote : NULL };
        struct ask removes_a = removes_b;
        removes_a.path = "/1/members/a";
        removes_a.user = by[who].of_a;
        struct flight *flights[2];
        flights[0] = driver_start(worker[0], removes_b);
        for (int i = 0; i < round / 8; i++) {
            driver_turn(worker[0], 1);
        }
        flights[1] = driver_start(other, removes_a);
        finish(flights, 2);
        int done = (flights[0]->answer.status == 200) +
                   (flights[1]->answer.status == 200);
        assert_int_equal(done, 1);
        removed_one += done;
        /* one admin is left, and the count says so */
        assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1:n admin"), 1);
        redisReply *members = redis_run("HVALS wsp:{62}:acme:w:1:m");
        int admins = 0;
        for (size_t i = 0; i < members->elements; i++) {
            admins += strstr(members->element[i]->str, "admin") != NULL;
        }
        assert_int_equal(admins, 1);
        freeReplyObject(members);
    }
    assert_int_equal(removed_one, 60);
}

static void a_member_is_added_once(void **state) {
    (void) state;
    make_workspace(worker[0], "ann", "{\"name\":\"W\"}");
    struct flight *flights[40];
    for (int i = 0; i < 40; i++) {
        flights[i] = driver_start(worker[i % WORKERS], (struct ask) {
            .method = "POST", .path = "/1/members",
            .body = "{\"userId\":\"bob\",\"roles\":[\"admin\"]}" });
    }
    finish(flights, 40);
    int added = 0;
    for (int i = 0; i < 40; i++) {
        unsigned status = flights[i]->answer.status;
        assert_true(status == 200 || status == 400);
        added += status == 200;
    }
    assert_int_equal(added, 1);
    assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1:n admin"), 2);
    assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1 rev"), 2);
}

static void many_members_are_all_added(void **state) {
    (void) state;
    make_workspace(worker[0], "ann", "{\"name\":\"W\"}");
    struct flight *flights[100];
    char bodies[100][64];
    for (int i = 0; i < 100; i++) {
        snprintf(bodies[i], sizeof bodies[i],
                 "{\"userId\":\"u%d\",\"roles\":[\"admin\"]}", i);
        flights[i] = driver_start(worker[i % WORKERS], (struct ask) {
            .method = "POST", .path = "/1/members", .body = bodies[i] });
    }
    finish(flights, 100);
    for (int i = 0; i < 100; i++) {
        assert_status(&flights[i]->answer, 200);
    }
    assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1:n admin"), 101);
    assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1 rev"), 101);
    assert_int_equal(redis_number("HLEN wsp:{62}:acme:w:1:m"), 101);
}

static void workspaces_created_at_once_have_ids_of_their_own(void **state) {
    (void) state;
    struct flight *flights[100];
    /* those who were not the first to take the slug begin anew */
    char seen[200 + 1] = "";
    for (int i = 0; i < 100; i++) {
        flights[i] = driver_start(worker[i % WORKERS], (struct ask) {
            .method = "POST", .body = "{\"name\":\"Same\"}" });
    }
    finish(flights, 100);
    for (int i = 0; i < 100; i++) {
        assert_status(&flights[i]->answer, 200);
        int id = atoi(id_in(&flights[i]->answer));
        assert_in_range(id, 1, 200);
        assert_int_equal(seen[id], 0);
        seen[id] = 1;
    }
    assert_int_equal(redis_number("ZCARD wsp:{62}:acme:ws"), 100);
    assert_int_equal(redis_number("ZCARD wsp:{62}:acme:u:ann:w"), 100);
}

static void of_creates_under_one_key_one_is_done(void **state) {
    (void) state;
    struct flight *flights[20];
    for (int i = 0; i < 20; i++) {
        flights[i] = driver_start(worker[i % WORKERS], (struct ask) {
            .method = "POST", .body = "{\"name\":\"Once\"}",
            .headers = { "Idempotency-Key", "k" } });
    }
    finish(flights, 20);
    int done = 0;
    for (int i = 0; i < 20; i++) {
        unsigned status = flights[i]->answer.status;
        assert_true(status == 200 || status == 409);
        done += status == 200;
    }
    assert_true(done >= 1);
    assert_int_equal(redis_number("ZCARD wsp:{62}:acme:ws"), 1);
}

/* Labels replaced by several at once: the index is as the record says. */
static void the_index_of_labels_follows_the_record(void **state) {
    (void) state;
    make_workspace(worker[0], "ann", "{\"name\":\"W\",\"labels\":[\"x\"]}");
    struct flight *flights[26];
    char bodies[26][64];
    for (int i = 0; i < 26; i++) {
        snprintf(bodies[i], sizeof bodies[i], "{\"labels\":[\"%c\",\"%c\"]}",
                 'a' + i, 'a' + (i + 1) % 26);
        flights[i] = driver_start(worker[i % WORKERS], (struct ask) {
            .method = "PUT", .path = "/1", .body = bodies[i] });
    }
    finish(flights, 26);
    int changed = 0;
    for (int i = 0; i < 26; i++) {
        unsigned status = flights[i]->answer.status;
        assert_true(status == 200 || status == 409);
        changed += status == 200;
    }
    assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1 rev"),
                     1 + changed);
    char labels[64];
    snprintf(labels, sizeof labels, "%s",
             redis_text("HGET wsp:{62}:acme:w:1 labels"));
    for (char c = 'a'; c <= 'z'; c++) {
        char quoted[8];
        snprintf(quoted, sizeof quoted, "\"%c\"", c);
        assert_int_equal(redis_number("ZCARD wsp:{62}:acme:l:%s",
                                      (char[]) { c, '\0' }),
                         strstr(labels, quoted) != NULL);
    }
}

static void a_workspace_deleted_meanwhile_comes_not_back(void **state) {
    (void) state;
    static const struct ask changes[] = {
        { .method = "PUT", .path = "/1", .body = "{\"labels\":[\"y\"]}" },
        { .method = "POST", .path = "/1/members",
          .body = "{\"userId\":\"u\",\"roles\":[\"r\"]}" },
        { .method = "POST", .path = "/1/activate" },
        { .method = "POST", .path = "/1/encrypted", .body = "{}",
          .admin = "1" },
        { .method = "PUT", .path = "/1/members/ann", .admin = "1",
          .body = "{\"roles\":[\"admin\",\"z\"]}" },
        { .method = "DELETE", .path = "/1/members/bob" },
        { .method = "DELETE", .path = "/1" },
    };
    for (size_t c = 0; c < COUNT_OF(changes); c++) {
        for (int turns = 0; turns < 12; turns++) {
            empty(NULL);
            make_workspace(worker[0], "ann",
                           "{\"name\":\"W\",\"labels\":[\"x\"]}");
            add_member(worker[0], "1", "ann", "bob", "[\"r\"]");
            struct flight *flight = driver_start(worker[0], changes[c]);
            for (int i = 0; i < turns && !flight->done; i++) {
                driver_turn(worker[0], 2);
            }
            const struct answer *gone = driver_ask(worker[1], (struct ask) {
                .method = "DELETE", .path = "/1", .user = "root",
                .admin = "1" });
            assert_true(gone->status == 200 || gone->status == 404);
            finish(&flight, 1);
            assert_int_equal(redis_mentions(":w:1", 4), 0);
            assert_int_equal(redis_mentions(":l:", 3), 0);
            assert_int_equal(redis_mentions(":u:", 3), 0);
            if (flight->answer.status == 200 && turns > 8) {
                break;
            }
        }
    }
}

/* How many members of a workspace hold a role. */
static long long holders(int id, const char *role) {
    redisReply *members = redis_run("HVALS wsp:{62}:acme:w:%d:m", id);
    long long count = 0;
    for (size_t i = 0; i < members->elements; i++) {
        count += strstr(members->element[i]->str, role) != NULL;
    }
    freeReplyObject(members);
    return count;
}

/* What is copied is what is there when it is copied, for one who may.  No
 * settings: with these the whole workspace has to be as it was. */
static void a_clone_is_of_one_moment(void **state) {
    (void) state;
    static const char *const roles[] = { "admin", "member", "extra" };
    static const struct {
        struct ask by;
        unsigned late;
    } cases[] = {
        { { .method = "DELETE", .path = "/1/members/bea" }, 404 },
        { { .method = "PUT", .path = "/1/members/bea",
            .body = "{\"roles\":[\"member\"]}" }, 403 },
        { { .method = "PUT", .path = "/1/members/bea",
            .body = "{\"roles\":[\"admin\",\"extra\"]}" }, 200 },
        { { .method = "DELETE", .path = "/1/members/max" }, 200 },
        { { .method = "POST", .path = "/1/members",
            .body = "{\"userId\":\"new\",\"roles\":[\"extra\"]}" }, 200 },
        { { .method = "DELETE", .path = "/1" }, 404 },
    };
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        bool late = false, ended = false;
        for (int turns = 0; turns < 60 && !ended; turns++) {
            empty(NULL);
            make_workspace(worker[0], "ann", "{\"name\":\"W\"}");
            add_member(worker[0], "1", "ann", "bea", "[\"admin\"]");
            add_member(worker[0], "1", "ann", "max", "[\"member\"]");
            struct flight *clone = driver_start(worker[0], (struct ask) {
                .dialect = WSP_ORGANIZATION, .method = "POST",
                .path = "/workspaces/1/clone", .user = "bea",
                .body = "{\"name\":\"Copy\",\"copy_members\":true,"
                        "\"copy_settings\":false}" });
            for (int i = 0; i < turns && !clone->done; i++) {
                driver_turn(worker[0], 2);
            }
            ended = clone->done;
            assert_status(driver_ask(worker[1], cases[c].by), 200);
            finish(&clone, 1);
            unsigned status = clone->answer.status;
            assert_true(status == 200 || status == cases[c].late);
            late = late || (!ended && status == cases[c].late);
            assert_int_equal(redis_mentions("Copy", 4) != 0, status == 200);
            for (size_t i = 0; i < COUNT_OF(roles); i++) {
                const char *counted =
                    redis_text("HGET wsp:{62}:acme:w:2:n %s", roles[i]);
                assert_int_equal(counted == NULL ? 0 : atoi(counted),
                                 holders(2, roles[i]));
            }
        }
        assert_true(late || cases[c].late == 200);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(of_two_last_admins_one_stays, empty),
        cmocka_unit_test_setup(a_member_is_added_once, empty),
        cmocka_unit_test_setup(many_members_are_all_added, empty),
        cmocka_unit_test_setup(
            workspaces_created_at_once_have_ids_of_their_own, empty),
        cmocka_unit_test_setup(of_creates_under_one_key_one_is_done, empty),
        cmocka_unit_test_setup(the_index_of_labels_follows_the_record, empty),
        cmocka_unit_test_setup(a_workspace_deleted_meanwhile_comes_not_back,
                               empty),
        cmocka_unit_test_setup(a_clone_is_of_one_moment, empty),
    };
    return cmocka_run_group_tests(tests, open_workers, close_workers);
}
