/* Operations end at any moment, in any order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

static struct driver *d;
static struct fixture world;

static int make_world(void **state) {
    (void) state;
    d = driver_new((struct driver_options) { .queue = 4096 });
    fixture_make(d, &world);
    return 0;
}

static int end_world(void **state) {
    (void) state;
    driver_free(d);
    return 0;
}

static struct ask ask_of(const struct a_route *at) {
    return allowed_sample_of(at, world.target);
}

static void an_operation_can_be_cancelled_at_any_moment(void **state) {
    (void) state;
    for (struct a_route at = { 0 }; next_route(&at);) {
        for (int turns = 0; turns < 100; turns++) {
            redis_restore();
            struct flight *gone = driver_start(d, ask_of(&at));
            for (int i = 0; i < turns && !gone->done; i++) {
                driver_turn(d, 5);
            }
            bool ended = gone->done;
            driver_cancel(gone);
            /* its replies are dropped, the next request gets its own */
            assert_status(driver_ask(d, (struct ask) { .user = "nobody" }),
                          200);
            driver_forget(d);
            if (ended) {
                break;
            }
        }
    }
    assert_int_equal(d->data.connects, 1);
}

static void an_operation_can_expire_at_any_moment(void **state) {
    (void) state;
    for (struct a_route at = { 0 }; next_route(&at);) {
        for (int turns = 0; turns < 100; turns++) {
            redis_restore();
            struct flight *late = driver_start(d, ask_of(&at));
            for (int i = 0; i < turns && !late->done; i++) {
                driver_turn(d, 5);
            }
            bool ended = late->done;
            if (!ended) {
                driver_expire(late);
                assert_status(&late->answer, 503);
                assert_non_null(answer_header(&late->answer, "Retry-After"));
                assert_holds(answer_header(&late->answer, "X-Request-ID"),
                             "rid-1");
            }
            assert_status(driver_ask(d, (struct ask) { .user = "nobody" }),
                          200);
            driver_forget(d);
            if (ended) {
                break;
            }
        }
    }
    assert_int_equal(d->data.connects, 1);
}

static void expiring_what_is_finished_changes_nothing(void **state) {
    (void) state;
    struct driver *own = driver_new((struct driver_options) { 0 });
    wsp_request request = { .size = sizeof request };
    wsp_op *op = NULL;
    assert_int_equal(wsp_op_new(&op, own->core, &request, NULL), WSP_OK);
    wsp_op_expire(op);
    assert_int_equal(wsp_op_response(op)->status, 401);
    assert_null(wsp_next_done(own->core));
    wsp_op_free(op);
    driver_free(own);
}

/* Finished, but not yet taken from the list of finished ones. */
static void finished_operations_may_be_freed_unlisted(void **state) {
    (void) state;
    enum { COUNT = 9 };
    for (int round = 0; round < 2; round++) {
        struct driver *own = driver_new((struct driver_options) {
            .url = "redis://h", .manual = true });
        wsp_request request = { .size = sizeof request };
        request.method = (wsp_str) { "GET", 3 };
        request.path = (wsp_str) { "/7", 2 };
        request.identity.tenant = (wsp_str) { "t", 1 };
        request.identity.user = (wsp_str) { "u", 1 };
        wsp_op *ops[COUNT];
        for (int i = 0; i < COUNT; i++) {
            assert_int_equal(
                wsp_op_new(&ops[i], own->core, &request, &ops[i]),
                WSP_AGAIN);
        }
        wsp_link_closed(own->core, 0, (wsp_str) { "x", 1 });
        for (int i = 0; i < COUNT; i += 2) {
            int at = round == 0 ? i : COUNT - 1 - i;
            wsp_op_free(ops[at]);
            ops[at] = NULL;
        }
        int left = 0;
        wsp_op *op;
        while ((op = wsp_next_done(own->core)) != NULL) {
            assert_int_equal(wsp_op_response(op)->status, 503);
            *(wsp_op **) wsp_op_data(op) = NULL;
            wsp_op_free(op);
            left++;
        }
        assert_int_equal(left, COUNT / 2);
        driver_free(own);
    }
}

static void many_operations_mixed_with_cancelled_ones(void **state) {
    (void) state;
    unsigned random = 12345;
    redis_restore();
    struct flight *flights[64] = { NULL };
    struct a_route next = { 0 };
    for (int step = 0; step < 4000; step++) {
        random = random * 1103515245u + 12345u;
        unsigned at = (random >> 16) % 64;
        switch ((random >> 24) % 4) {
        case 0:
        case 1:
            if (flights[at] == NULL) {
                if (!next_route(&next)) {
                    next = (struct a_route) { 0 };
                    next_route(&next);
                }
                flights[at] = driver_start(d, ask_of(&next));
            }
            break;
        case 2:
            if (flights[at] != NULL) {
                if (random & 4) {
                    driver_cancel(flights[at]);
                } else {
                    driver_expire(flights[at]);
                }
                flights[at] = NULL;
            }
            break;
        default:
            driver_turn(d, 0);
        }
        if (step % 1000 == 999) {
            driver_cut(d);
        }
    }
    for (int i = 0; i < 64; i++) {
        if (flights[i] != NULL) {
            driver_wait(d, flights[i]);
        }
    }
    driver_forget(d);
    unsigned status = 503;
    for (int i = 0; i < 200 && status == 503; i++) {
        driver_turn(d, 50);
        status = driver_ask(d, (struct ask) { .user = "nobody" })->status;
    }
    assert_int_equal(status, 200);
}

static void a_core_is_freed_with_replies_still_to_come(void **state) {
    (void) state;
    struct driver *own = driver_new((struct driver_options) { 0 });
    driver_until_log(own, "ready");
    redis_restore();
    for (struct a_route at = { 0 }; next_route(&at);) {
        driver_start(own, ask_of(&at));
    }
    driver_turn(own, 0);
    driver_free(own);
}

static void a_request_id_with_control_characters_is_left_out(void **state) {
    (void) state;
    static const char *const odd[] = { "a\nb", "a\rb", "x\x7f", "\x01" };
    redis_restore();
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        const struct answer *got = driver_ask(
            d, (struct ask) { .user = "owner", .request_id = odd[i] });
        assert_status(got, 200);
        assert_null(answer_header(got, "X-Request-ID"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operation_can_be_cancelled_at_any_moment),
        cmocka_unit_test(an_operation_can_expire_at_any_moment),
        cmocka_unit_test(expiring_what_is_finished_changes_nothing),
        cmocka_unit_test(finished_operations_may_be_freed_unlisted),
        cmocka_unit_test(many_operations_mixed_with_cancelled_ones),
        cmocka_unit_test(a_core_is_freed_with_replies_still_to_come),
        cmocka_unit_test(a_request_id_with_control_characters_is_left_out),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
