/* One token, many who use it at once, in one worker and in two. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

enum { WORKERS = 2, CROWD = 100 };

static struct driver *worker[WORKERS];

static char token[64];
static char accept_path[128];
static char decline_path[128];

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

/* In workspace 1 of ann, where bea is an admin. */
static struct ask here(const char *method, const char *path,
                       const char *user, const char *body) {
    return (struct ask) { .dialect = WSP_LOCATION, .method = method,
                          .path = path, .user = user, .body = body,
                          .headers = { "X-Workspace-ID", "1" } };
}

static struct ask answering(const char *path, const char *user) {
    return (struct ask) { .dialect = WSP_LOCATION, .method = "POST",
                          .path = path, .user = user,
                          .email = "zoe@example.com" };
}

/* bea has invited zoe@example.com. */
static int a_guest(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 64");
    for (int i = 0; i < WORKERS; i++) {
        driver_forget(worker[i]);
    }
    make_workspace(worker[0], "ann", "{\"name\":\"Shop\"}");
    add_member(worker[0], "1", "ann", "bea", "[\"admin\"]");
    const struct answer *sent = driver_ask(
        worker[0], here("POST", "/workspace/invitations", "bea",
                        "{\"email\":\"zoe@example.com\"}"));
    assert_status(sent, 201);
    take_value(sent, "token", token, sizeof token);
    snprintf(accept_path, sizeof accept_path, "/invitations/%s/accept",
             token);
    snprintf(decline_path, sizeof decline_path, "/invitations/%s/decline",
             token);
    redis_save();
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

static void assert_one_membership(void) {
    assert_int_equal(redis_number("HLEN wsp:{62}:acme:w:1:m"), 3);
    assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1:n member"), 1);
    assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1 rev"), 4);
    assert_int_equal(redis_number("SCARD wsp:{62}:acme:w:1:c"), 1);
    assert_int_equal(redis_number("EXISTS wsp:{62}:acme:w:1:i"), 0);
}

static void of_many_accepts_one_is_done(void **state) {
    (void) state;
    struct flight *flights[CROWD];
    for (int i = 0; i < CROWD; i++) {
        flights[i] = driver_start(worker[i % WORKERS],
                                  answering(accept_path, "zoe"));
    }
    finish(flights, CROWD);
    int done = 0;
    for (int i = 0; i < CROWD; i++) {
        unsigned status = flights[i]->answer.status;
        if (status != 200) {
            assert_status(&flights[i]->answer, 409);
            assert_body(&flights[i]->answer,
                        "{\"message\":\"the invitation was accepted "
                        "already\"}");
        }
        done += status == 200;
    }
    assert_int_equal(done, 1);
    assert_one_membership();
}

static void of_many_who_have_the_address_one_gets_in(void **state) {
    (void) state;
    struct flight *flights[CROWD];
    char users[CROWD][16];
    for (int i = 0; i < CROWD; i++) {
        snprintf(users[i], sizeof users[i], "u%d", i);
        flights[i] = driver_start(worker[i % WORKERS],
                                  answering(accept_path, users[i]));
    }
    finish(flights, CROWD);
    int done = 0;
    for (int i = 0; i < CROWD; i++) {
        unsigned status = flights[i]->answer.status;
        assert_true(status == 200 || status == 409);
        if (status == 200) {
            done++;
            assert_int_equal(
                redis_number("HEXISTS wsp:{62}:acme:w:1:m %s", users[i]), 1);
        }
    }
    assert_int_equal(done, 1);
    assert_one_membership();
}

static void an_address_is_invited_once(void **state) {
    (void) state;
    struct flight *flights[40];
    for (int i = 0; i < 40; i++) {
        flights[i] = driver_start(
            worker[i % WORKERS],
            here("POST", "/workspace/invitations", i % 3 ? "ann" : "bea",
                 i % 2 ? "{\"email\":\"abe@example.com\"}"
                       : "{\"email\":\"ABE@example.com\"}"));
    }
    finish(flights, 40);
    int done = 0;
    for (int i = 0; i < 40; i++) {
        unsigned status = flights[i]->answer.status;
        assert_true(status == 201 || status == 422);
        done += status == 201;
    }
    assert_int_equal(done, 1);
    assert_int_equal(redis_number("HLEN wsp:{62}:acme:w:1:i"), 2);
    /* the tokens of those who lost are nobody's */
    redisReply *keys = redis_run("KEYS wsp:{62}:acme:v:*");
    assert_int_equal(keys->elements, 2);
    freeReplyObject(keys);
}

static void of_several_sent_again_the_last_is_good(void **state) {
    (void) state;
    struct flight *flights[10];
    for (int i = 0; i < 10; i++) {
        flights[i] = driver_start(
            worker[i % WORKERS],
            here("POST", "/workspace/invitations/1/resend", "ann", NULL));
    }
    finish(flights, 10);
    int good = 0;
    for (int i = 0; i < 10; i++) {
        char path[128];
        char fresh[64];
        assert_status(&flights[i]->answer, 200);
        take_value(&flights[i]->answer, "token", fresh, sizeof fresh);
        snprintf(path, sizeof path, "/invitations/%s", fresh);
        unsigned status = driver_ask(
            worker[0], (struct ask) { .dialect = WSP_LOCATION, .path = path,
                                      .nobody = true })->status;
        assert_true(status == 200 || status == 404);
        good += status == 200;
    }
    assert_int_equal(good, 1);
}

static int revision_of(const struct answer *answer) {
    const char *revision = answer_header(answer, "Workspace-Revision");
    assert_non_null(revision);
    return atoi(revision);
}

/*
 * While an accept is under way, after each number of its turns, something
 * happens that forbids it: then it was done before, or is not done at all.
 */
static void overtaken(struct ask by, unsigned late) {
    bool was_late = false;
    for (int turns = 0; turns < 60; turns++) {
        redis_restore();
        struct flight *accepts =
            driver_start(worker[0], answering(accept_path, "zoe"));
        for (int i = 0; i < turns && !accepts->done; i++) {
            driver_turn(worker[0], 20);
        }
        bool ended = accepts->done;
        const struct answer *other = driver_ask(worker[1], by);
        driver_wait(worker[0], accepts);
        bool in = redis_number("HEXISTS wsp:{62}:acme:w:1:m zoe") != 0;
        if (ended) {
            assert_status(&accepts->answer, 200);
            driver_forget(worker[0]);
            break;
        }
        if (accepts->answer.status != 200) {
            assert_status(&accepts->answer, late);
            assert_status(other, 200);
            assert_false(in);
            was_late = true;
        } else if (other->status == 200) {
            assert_true(revision_of(&accepts->answer) < revision_of(other));
        } else {
            assert_true(in);
        }
        driver_forget(worker[0]);
        driver_forget(worker[1]);
    }
    assert_true(was_late);
}

static void the_sender_is_removed_meanwhile(void **state) {
    (void) state;
    overtaken(here("DELETE", "/workspace/members/bea", "ann", NULL), 410);
}

static void the_sender_is_demoted_meanwhile(void **state) {
    (void) state;
    overtaken(here("PATCH", "/workspace/members/bea/role", "ann",
                   "{\"role\":\"member\"}"), 410);
}

static void it_is_revoked_meanwhile(void **state) {
    (void) state;
    overtaken(here("DELETE", "/workspace/invitations/1", "ann", NULL),
              404);
}

static void it_is_sent_again_meanwhile(void **state) {
    (void) state;
    overtaken(here("POST", "/workspace/invitations/1/resend", "ann", NULL),
              404);
}

static void it_is_declined_meanwhile(void **state) {
    (void) state;
    overtaken(answering(decline_path, "zoe"), 409);
}

static void another_accepts_meanwhile(void **state) {
    (void) state;
    overtaken(answering(accept_path, "zed"), 409);
}

static void the_same_accepts_meanwhile(void **state) {
    (void) state;
    for (int turns = 0; turns < 60; turns++) {
        redis_restore();
        struct flight *first =
            driver_start(worker[0], answering(accept_path, "zoe"));
        for (int i = 0; i < turns && !first->done; i++) {
            driver_turn(worker[0], 20);
        }
        bool ended = first->done;
        unsigned other =
            driver_ask(worker[1], answering(accept_path, "zoe"))->status;
        driver_wait(worker[0], first);
        assert_true(first->answer.status == 200 ||
                    first->answer.status == 409);
        assert_int_equal(first->answer.status + other, 200 + 409);
        assert_one_membership();
        driver_forget(worker[0]);
        driver_forget(worker[1]);
        if (ended) {
            break;
        }
    }
}

static void it_stays_another_that_is_chosen_meanwhile(void **state) {
    (void) state;
    make_workspace(worker[0], "zoe", "{\"name\":\"Own\"}");
    redis_save();
    bool was_late = false;
    for (int turns = 0; turns < 60; turns++) {
        redis_restore();
        struct flight *accepts =
            driver_start(worker[0], answering(accept_path, "zoe"));
        for (int i = 0; i < turns && !accepts->done; i++) {
            driver_turn(worker[0], 20);
        }
        bool ended = accepts->done;
        struct ask chooses = { .dialect = WSP_LOCATION, .method = "PATCH",
                               .path = "/workspace-context/2",
                               .user = "zoe" };
        assert_status(driver_ask(worker[1], chooses), 200);
        assert_status(driver_wait(worker[0], accepts), 200);
        assert_string_equal(redis_text("HGET wsp:{62}:acme:u:zoe active"),
                            "2");
        assert_int_equal(redis_number("SCARD wsp:{62}:acme:w:1:c"), 0);
        was_late = was_late || !ended;
        driver_forget(worker[0]);
        driver_forget(worker[1]);
        if (ended) {
            break;
        }
    }
    assert_true(was_late);
}

static void the_list_is_replaced_meanwhile(void **state) {
    (void) state;
    overtaken((struct ask) { .method = "PUT", .path = "/1", .user = "ann",
                             .body = "{\"invites\":[]}" }, 404);
}

static void the_workspace_is_deleted_meanwhile(void **state) {
    (void) state;
    bool was_late = false;
    for (int turns = 0; turns < 60; turns++) {
        redis_restore();
        struct flight *accepts =
            driver_start(worker[0], answering(accept_path, "zoe"));
        for (int i = 0; i < turns && !accepts->done; i++) {
            driver_turn(worker[0], 20);
        }
        bool ended = accepts->done;
        assert_status(driver_ask(worker[1], (struct ask) {
                          .method = "DELETE", .path = "/1", .user = "ann" }),
                      200);
        driver_wait(worker[0], accepts);
        /* whichever was first, nothing is left */
        assert_int_equal(redis_number("EXISTS wsp:{62}:acme:w:1"), 0);
        assert_int_equal(redis_number("EXISTS wsp:{62}:acme:w:1:m"), 0);
        assert_int_equal(redis_number("EXISTS wsp:{62}:acme:w:1:i"), 0);
        assert_int_equal(redis_number("EXISTS wsp:{62}:acme:u:zoe:w"), 0);
        assert_int_equal(redis_number("HEXISTS wsp:{62}:acme:u:zoe active"),
                         0);
        if (accepts->answer.status != 200) {
            assert_status(&accepts->answer, 404);
            was_late = true;
        }
        driver_forget(worker[0]);
        driver_forget(worker[1]);
        if (ended) {
            break;
        }
    }
    assert_true(was_late);
}

int main(void) {
#define test(name) cmocka_unit_test_setup(name, a_guest)
    const struct CMUnitTest tests[] = {
        test(of_many_accepts_one_is_done),
        test(of_many_who_have_the_address_one_gets_in),
        test(an_address_is_invited_once),
        test(of_several_sent_again_the_last_is_good),
        test(the_sender_is_removed_meanwhile),
        test(the_sender_is_demoted_meanwhile),
        test(it_is_revoked_meanwhile),
        test(it_is_sent_again_meanwhile),
        test(it_is_declined_meanwhile),
        test(another_accepts_meanwhile),
        test(the_same_accepts_meanwhile),
        test(it_stays_another_that_is_chosen_meanwhile),
        test(the_list_is_replaced_meanwhile),
        test(the_workspace_is_deleted_meanwhile),
    };
    return cmocka_run_group_tests(tests, open_workers, close_workers);
}
