/* The signature of a webhook: made, and checked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver_links.h"
#include "workspaces.h"

static const char secret[] = "outgoing-secret-1";
static const int64_t at = 1767225600;
static const char body[] =
    "{\"event\":\"workspace.created\",\"event_id\":\"evt-ws-001\","
    "\"client_id\":\"acme-corp\",\"user_id\":\"admin-user\","
    "\"name\":\"Acme Corp\",\"admin_name\":\"Admin User\","
    "\"admin_email\":\"admin@acme.com\"}";
#define MAC "0c414e22fe5355fc4f185b165eede881941dee6f7b66aa3de68deb39ce17ed01"
#define SIGNED "t=1767225600,v1=" MAC
#define OTHER "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static int check_at(const char *signature, int64_t wall_ms) {
    wsp_str one = str(secret);
    return wsp_webhook_check(str(signature), &one, 1, str(body), wall_ms);
}

static int check(const char *signature) {
    return check_at(signature, at * 1000);
}

static void the_vector_of_the_contract(void **state) {
    (void) state;
    assert_int_equal(strlen(body), 176);
    char made[WSP_SIGNATURE_SIZE];
    wsp_webhook_sign(made, str(secret), at, str(body));
    assert_string_equal(made, SIGNED);
    assert_int_equal(check(SIGNED), 1);
}

static void the_order_and_other_schemes_do_not_matter(void **state) {
    (void) state;
    static const char *const good[] = {
        "v1=" MAC ",t=1767225600",
        "t=1767225600, v1=" MAC,
        "v1=" MAC ", \t t=1767225600",
        "v0=abc,t=1767225600,v2=,v1=" MAC ",v1x=" OTHER,
        "t=1767225600,v1=" OTHER ",v1=" MAC,
        "t=1767225600,v1=" MAC ",v1=" OTHER,
        "t=1767225600,v1=short,v1=,v1=" MAC,
        "t=1767225600,v1=" MAC ",T=5,V1=" OTHER,
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        if (check(good[i]) != 1) {
            fail_msg("refused: %s", good[i]);
        }
    }
}

static void what_is_not_well_formed_is_refused(void **state) {
    (void) state;
    static const char *const bad[] = {
        "",
        ",",
        "t=1767225600",
        "v1=" MAC,
        MAC,
        "t=1767225600,v0=" MAC,
        "t=1767225600,V1=" MAC,
        "T=1767225600,v1=" MAC,
        "t=1767225600,v1=" OTHER,
        "t=1767225600,v1=" MAC "0",
        "t=1767225600,v1= " MAC,
        " t=1767225600,v1=" MAC,
        "t=1767225600,v1=" MAC " ",
        "t=1767225600 ,v1=" MAC,
        "t=1767225600,v1=" MAC ",",
        "t=1767225600,,v1=" MAC,
        "t=1767225600,=,v1=" MAC,
        "t=1767225600,v1,v1=" MAC,
        "t=1767225600;v1=" MAC,
        "t=1767225600,t=1767225600,v1=" MAC,
        "t=1767225600,v1=" MAC ",t=1",
        "t=,v1=" MAC,
        "t=+1767225600,v1=" MAC,
        "t=01767225600,v1=" MAC,
        "t=-1767225600,v1=" MAC,
        "t=1767225600.0,v1=" MAC,
        "t=0x69559580,v1=" MAC,
        "t=1767225601,v1=" MAC,
        "t=99999999999999999999999999,v1=" MAC,
        "t=1767225600,v1="
        "0C414E22FE5355FC4F185B165EEDE881941DEE6F7B66AA3DE68DEB39CE17ED01",
        "t=1767225600,v1="
        "0C414e22fe5355fc4f185b165eede881941dee6f7b66aa3de68deb39ce17ed01",
        "t=1767225600,v1="
        "0g414e22fe5355fc4f185b165eede881941dee6f7b66aa3de68deb39ce17ed01",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (check(bad[i]) != 0) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void no_other_byte_will_do(void **state) {
    (void) state;
    wsp_str one = str(secret);
    char text[] = SIGNED;
    for (size_t i = 0; i < strlen(text); i++) {
        text[i] ^= 1;
        assert_int_equal(check(text), 0);
        text[i] ^= 1;
    }
    char changed[sizeof body];
    memcpy(changed, body, sizeof body);
    for (size_t i = 0; i < strlen(body); i++) {
        changed[i] ^= 0x20;
        assert_int_equal(wsp_webhook_check(str(SIGNED), &one, 1, str(changed),
                                           at * 1000), 0);
        changed[i] ^= 0x20;
    }
    for (size_t len = 0; len < strlen(body); len++) {
        assert_int_equal(wsp_webhook_check(str(SIGNED), &one, 1,
                                           (wsp_str) { body, len },
                                           at * 1000), 0);
    }
}

static void it_is_good_for_300_seconds_both_ways(void **state) {
    (void) state;
    static const struct {
        int64_t away_ms;
        int good;
    } cases[] = {
        { -301000, 0 }, { -300001, 0 }, { -300000, 1 }, { -1, 1 }, { 0, 1 },
        { 999, 1 }, { 300000, 1 }, { 300999, 1 }, { 301000, 0 },
        { 86400000, 0 }, { -86400000, 0 }
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t now = at * 1000 + cases[i].away_ms;
        if (check_at(SIGNED, now) != cases[i].good) {
            fail_msg("%lld ms away: not %d", (long long) cases[i].away_ms,
                     cases[i].good);
        }
    }
    assert_int_equal(check_at(SIGNED, 0), 0);
    assert_int_equal(check_at(SIGNED, INT64_MAX), 0);
    assert_int_equal(check_at("t=9007199254740992,v1=" MAC, INT64_MIN), 0);
}

static void one_of_the_secrets_is_enough(void **state) {
    (void) state;
    const wsp_str all[] = { str("another"), str(""), str(secret),
                            str("outgoing-secret-2") };
    char made[WSP_SIGNATURE_SIZE];
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        wsp_webhook_sign(made, all[i], at, str(body));
        assert_int_equal(wsp_webhook_check(str(made), all, COUNT_OF(all),
                                           str(body), at * 1000), 1);
        assert_int_equal(wsp_webhook_check(str(made), all, i, str(body),
                                           at * 1000), 0);
        assert_int_equal(wsp_webhook_check(str(made), all + i + 1,
                                           COUNT_OF(all) - i - 1, str(body),
                                           at * 1000), 0);
    }
    /* what stands in for a secret that is not there is none */
    wsp_webhook_sign(made, str("no secret"), at, str(body));
    assert_int_equal(wsp_webhook_check(str(made), NULL, 0, str(body),
                                       at * 1000), 0);
}

static void long_secrets_and_empty_bodies(void **state) {
    (void) state;
    char *key = malloc(5000);
    memset(key, 0xa5, 5000);
    wsp_str one = { key, 5000 };
    wsp_str none = { NULL, 0 };
    char made[WSP_SIGNATURE_SIZE];
    wsp_webhook_sign(made, one, 1, none);
    assert_int_equal(wsp_webhook_check(str(made), &one, 1, none, 1000), 1);
    one.len--;
    assert_int_equal(wsp_webhook_check(str(made), &one, 1, none, 1000), 0);
    wsp_webhook_sign(made, none, INT64_MAX, none);
    assert_in_range(strlen(made), 1, WSP_SIGNATURE_SIZE - 1);
    wsp_webhook_sign(made, none, INT64_MIN, none);
    assert_in_range(strlen(made), 1, WSP_SIGNATURE_SIZE - 1);
    free(key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_of_the_contract),
        cmocka_unit_test(the_order_and_other_schemes_do_not_matter),
        cmocka_unit_test(what_is_not_well_formed_is_refused),
        cmocka_unit_test(no_other_byte_will_do),
        cmocka_unit_test(it_is_good_for_300_seconds_both_ways),
        cmocka_unit_test(one_of_the_secrets_is_enough),
        cmocka_unit_test(long_secrets_and_empty_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
