/*
 * What the claims of bearer tokens must be, and how verified tokens are
 * remembered.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "bytes.h"
#include "check.h"
#include "driver.h"
#include "fake.h"
#include "tokens.h"

/* -- claims --------------------------------------------------------------- */

static void issuer_and_audience_are_asked_for(void **state) {
    (void) state;
#define REST "\"exp\":1767229200," ANN "}"
    static const char *const good[] = {
        "{\"iss\":\"iss\",\"aud\":[\"aud\"]," REST,
        "{\"iss\":\"iss\",\"aud\":[\"x\",1,\"aud\"]," REST };
    static const char *const wrong[] = {
        "{" REST, "{\"iss\":\"iss\"," REST, "{\"aud\":\"aud\"," REST,
        "{\"iss\":\"Iss\",\"aud\":\"aud\"," REST,
        "{\"iss\":\"iss/\",\"aud\":\"aud\"," REST,
        "{\"iss\":[\"iss\"],\"aud\":\"aud\"," REST,
        "{\"iss\":\"iss\",\"aud\":\"aud2\"," REST,
        "{\"iss\":\"iss\",\"aud\":\"\"," REST,
        "{\"iss\":\"iss\",\"aud\":[]," REST,
        "{\"iss\":\"iss\",\"aud\":[[\"aud\"]]," REST,
        "{\"iss\":\"iss\",\"aud\":{\"aud\":\"aud\"}," REST,
        "{\"iss\":\"iss\",\"aud\":\"x aud\"," REST };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        accepts(hs, with_payload(good[i]));
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        refuses(hs, with_payload(wrong[i]));
    }
}

static void an_expired_token_is_told_apart(void **state) {
    (void) state;
    static const char *const values[] = { "1767225600", "1767225599.999",
                                          "1767225600.0", "0", "1.5e9" };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        const char *token = with_payload(
            format("{" ADDRESSED "," ANN ",\"exp\":%s}", values[i]));
        struct named named = bearer(hs, token);
        assert_int_equal(named.status, 401);
        assert_holds(named.body, "the token has expired");
        assert_string_equal(named.challenge, REFUSED);
    }
    accepts(hs, with_payload("{" ADDRESSED "," ANN ",\"exp\":1767225601}"));
    accepts(hs, with_payload("{" ADDRESSED "," ANN
                             ",\"exp\":1767225600.5}"));
    /* what is not ours is not called expired */
    refuses(hs, with_payload("{\"iss\":\"x\",\"aud\":\"aud\"," ANN
                             ",\"exp\":1}"));
    refuses(hs, sign_hmac(HEADER, "{" ADDRESSED "," ANN ",\"exp\":1}",
                          "SHA256", "x", 1));
}

static void a_time_is_seconds_within_reason(void **state) {
    (void) state;
    static const char *const wrong[] = {
        "null", "true", "\"1767229200\"", "\"NaN\"", "\"Infinity\"", "{}",
        "[1767229200]", "-1", "-1.5", "-9223372036854775808",
        "9223372036854775807", "253402300800", "1e300", "1e18", "-1e300",
        "1767229200000", "NaN", "Infinity", "9223372036854775808",
        "99999999999999999999999", "0x7fffffff", "01767229200" };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        refuses(hs, with_payload(format("{" ADDRESSED "," ANN ",\"exp\":%s}",
                                        wrong[i])));
        refuses(hs, with_claims(format(",\"nbf\":%s", wrong[i])));
        refuses(hs, with_claims(format(",\"iat\":%s", wrong[i])));
    }
    refuses(hs, with_payload("{" ADDRESSED "," ANN "}"));   /* no exp */
    accepts(hs, with_payload("{" ADDRESSED "," ANN
                             ",\"exp\":253402300799}"));
    accepts(hs, with_payload("{" ADDRESSED "," ANN ",\"exp\":2.5e9}"));
}

static void a_token_of_the_future_is_refused(void **state) {
    (void) state;
    static const char *const names[] = { "nbf", "iat" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        accepts(hs, with_claims(format(",\"%s\":1767225600", names[i])));
        accepts(hs, with_claims(format(",\"%s\":0", names[i])));
        refuses(hs, with_claims(format(",\"%s\":1767225601", names[i])));
        refuses(hs, with_claims(format(",\"%s\":1767225600.25", names[i])));
    }
}

static void the_leeway_is_for_both_ends(void **state) {
    (void) state;
    wsp_jwt_key key = { WSP_JWT_SECRET, TEXT(secret) };
    wsp_jwt_options options = {
        .size = sizeof options, .keys = &key, .key_count = 1,
        .issuer = TEXT("iss"), .audience = TEXT("aud"), .leeway_s = 30 };
    char error[WSP_ERROR_SIZE];
    wsp_jwt *jwt;
    assert_int_equal(wsp_jwt_new(&jwt, &options, error), WSP_OK);
    const char *token = format("Bearer %s", with_claims(
        ",\"nbf\":1767229000,\"iat\":1767229100"));
    assert_true(who_at(jwt, token, INT64_C(1767229070000)).accepted);
    assert_true(who_at(jwt, token, INT64_C(1767229229999)).accepted);
    /* the same when it is remembered as when it is not */
    struct named late = who_at(jwt, token, INT64_C(1767229230000));
    assert_holds(late.body, "expired");
    late = who_at(jwt, token, INT64_C(1767229230000));
    assert_holds(late.body, "expired");
    struct named early = who_at(jwt, token, INT64_C(1767229069999));
    assert_holds(early.body, "not valid yet");
    assert_true(who_at(jwt, token, INT64_C(1767229070000)).accepted);
    early = who_at(jwt, token, INT64_C(1767229069999));
    assert_holds(early.body, "not valid yet");
    wsp_jwt_free(jwt);
}

static void tenant_and_user_are_ids(void **state) {
    (void) state;
    char long_id[257];
    memset(long_id, 'x', 256);
    long_id[256] = '\0';
    static const char *const wrong[] = {
        "", ",\"sub\":\"\"", ",\"sub\":null", ",\"sub\":1.5",
        ",\"sub\":true", ",\"sub\":[\"ann\"]", ",\"sub\":{}",
        ",\"sub\":\"a\\nb\"", ",\"sub\":\"a\\u007f\"" };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        refuses(hs, with_payload(format("{" STANDING ",\"tenant\":\"acme\"%s}",
                                        wrong[i])));
    }
    refuses(hs, with_payload("{" STANDING ",\"sub\":\"ann\"}"));
    refuses(hs, with_payload("{" STANDING ",\"sub\":\"a\",\"tenant\":\"\"}"));
    refuses(hs, with_payload("{" STANDING ",\"sub\":\"a\",\"tenant\":[]}"));
    refuses(hs, with_payload(format("{" STANDING ",\"tenant\":\"acme\","
                                    "\"sub\":\"%s\"}", long_id)));
    struct named named = bearer(hs, with_payload(
        "{" STANDING ",\"tenant\":17,\"sub\":9007199254740993}"));
    assert_string_equal(named.tenant, "17");
    assert_string_equal(named.user, "9007199254740993");
    named = bearer(hs, with_payload("{" STANDING ",\"tenant\":\"A:{b}/\","
                                    "\"sub\":\"\\u00e9 \"}"));
    assert_string_equal(named.tenant, "A:{b}/");
    assert_string_equal(named.user, "\xc3\xa9 ");
}

static void a_claim_may_be_a_path(void **state) {
    (void) state;
    wsp_jwt_key key = { WSP_JWT_SECRET, TEXT(secret) };
    wsp_jwt_options options = {
        .size = sizeof options, .keys = &key, .key_count = 1,
        .issuer = TEXT("iss"), .audience = TEXT("aud"),
        .tenant_claim = TEXT("org.id"), .user_claim = TEXT("a.b.c") };
    char error[WSP_ERROR_SIZE];
    wsp_jwt *jwt;
    assert_int_equal(wsp_jwt_new(&jwt, &options, error), WSP_OK);
    static const struct {
        const char *claims, *tenant;    /* NULL: refused */
    } cases[] = {
        { "\"org\":{\"id\":\"in\"},\"a\":{\"b\":{\"c\":1}}", "in" },
        { "\"org.id\":\"flat\",\"org\":{\"id\":\"in\"},\"a.b.c\":1", "flat" },
        { "\"org\":{\"id\":\"in\"},\"a\":{\"b.c\":1}", "in" },
        { "\"org\":{\"id\":\"in\"},\"a.b\":{\"c\":1}", NULL },
        { "\"org.id\":null,\"org\":{\"id\":\"in\"},\"a.b.c\":1", NULL },
        { "\"org\":\"id\",\"a.b.c\":1", NULL },
        { "\"org\":[{\"id\":\"in\"}],\"a.b.c\":1", NULL },
        { "\"org\":{},\"id\":\"x\",\"a.b.c\":1", NULL } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *token = with_payload(format("{" STANDING ",%s}",
                                                cases[i].claims));
        if (cases[i].tenant == NULL) {
            refuses(jwt, token);
        } else {
            struct named named = bearer(jwt, token);
            assert_true(named.accepted);
            assert_string_equal(named.tenant, cases[i].tenant);
            assert_string_equal(named.user, "1");
        }
    }
    wsp_jwt_free(jwt);
}

static void other_claims_have_the_right_types(void **state) {
    (void) state;
    static const char *const good[] = {
        ",\"roles\":[]", ",\"roles\":[\"a\",\"b c\",\"\"]",
        ",\"roles\":\"a b,c\"", ",\"roles\":null", ",\"permissions\":[\"a:b\"]",
        ",\"permissions\":\"\"", ",\"email\":\"a@b.example\"",
        ",\"email\":null", ",\"name\":\"\\u00c4nn\"",
        ",\"email\":7,\"email_verified\":false", ",\"admin\":\"perhaps\"" };
    static const char *const wrong[] = {
        ",\"roles\":1", ",\"roles\":{}", ",\"roles\":[1]",
        ",\"roles\":[\"a\",null]", ",\"roles\":\"a\\nb\"",
        ",\"permissions\":true", ",\"permissions\":[[\"a\"]]",
        ",\"email\":7", ",\"email\":\"a\\r\\nb\"", ",\"name\":[\"x\"]",
        ",\"name\":\"\\u0001\"" };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        accepts(hs, with_claims(good[i]));
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        refuses(hs, with_claims(wrong[i]));
    }
}

/* -- a tenant admin, asked of a core whose Redis the test plays ----------- */

static void serve(wsp_core *core) {
    struct bytes sent = { 0 };
    for (;;) {
        wsp_str out;
        struct bytes replies = { 0 };
        while (wsp_link_output(core, 0, &out) == WSP_OK) {
            bytes_put(&sent, out.data, out.len);
            wsp_link_written(core, 0, out.len);
        }
        if (sent.len == 0 || fake_serve(&sent, &replies) == 0) {
            break;
        }
        wsp_link_input(core, 0, replies.data, replies.len);
        bytes_free(&replies);
    }
    bytes_free(&sent);
}

static unsigned status_of_all(wsp_core *core, const char *token) {
    wsp_request request = {
        .size = sizeof request, .method = TEXT("GET"), .path = TEXT("/all"),
        .identity = { .jwt = hs, .admin = TEXT("1"),
                      .authorization = TEXT(format("Bearer %s", token)) } };
    wsp_op *op;
    if (wsp_op_new(&op, core, &request, NULL) == WSP_AGAIN) {
        serve(core);
        assert_ptr_equal(wsp_next_done(core), op);
    }
    unsigned status = wsp_op_response(op)->status;
    wsp_op_free(op);
    return status;
}

static void only_a_clear_yes_makes_an_admin(void **state) {
    (void) state;
    wsp_redis *redis;
    wsp_core *core;
    char error[WSP_ERROR_SIZE];
    assert_int_equal(wsp_redis_parse(&redis, TEXT("redis://h"), error),
                     WSP_OK);
    wsp_core_options options = {
        .size = sizeof options, .redis = redis, .timeout_ms = 1000,
        .connect_timeout_ms = 1000, .queue = 8 };
    assert_int_equal(wsp_core_new(&core, &options), WSP_OK);
    wsp_core_time(core, NOW_S * 1000, 1);
    wsp_action action;
    while (wsp_next_action(core, &action) == WSP_OK) {
        if (action.type == WSP_CONNECT && action.link == 0) {
            wsp_link_connected(core, 0);
        }
    }
    serve(core);
    static const char *const yes[] = { "true", "1", "\"1\"", "\"true\"",
                                       "\"YES\"", "\"on\"" };
    static const char *const no[] = { "false", "0", "2", "1.0", "null",
                                      "\"\"", "\"false\"", "\"0\"", "[true]",
                                      "{\"admin\":true}", "\"true \"" };
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        assert_int_equal(status_of_all(core, with_claims(
            format(",\"admin\":%s", yes[i]))), 200);
    }
    for (size_t i = 0; i < COUNT_OF(no); i++) {
        assert_int_equal(status_of_all(core, with_claims(
            format(",\"admin\":%s", no[i]))), 403);
    }
    assert_int_equal(status_of_all(core, with_claims("")), 403);
    wsp_core_free(core);
    wsp_redis_free(redis);
}

/* -- the memory of tokens ------------------------------------------------- */

static bool names_somebody(const wsp_jwt *jwt, const char *token) {
    wsp_access_request request = {
        .size = sizeof request,
        .identity = { .jwt = jwt, .authorization = TEXT(token) } };
    wsp_op *op = NULL;
    int rc = wsp_access_new(&op, nowhere, &request, NULL);
    if (rc == WSP_NOMEM) {
        return false;
    }
    if (rc == WSP_AGAIN) {
        wsp_op_expire(op);
    }
    bool named = wsp_op_decision(op)->user.len != 0;
    wsp_op_free(op);
    return named;
}

/* The allocations that it takes: few, where it is remembered. */
static unsigned long work_for(const wsp_jwt *jwt, const char *token) {
    alloc_arm(ULONG_MAX);
    bool named = names_somebody(jwt, token);
    unsigned long work = alloc_counted();
    alloc_disarm();
    assert_true(named);
    return work;
}

static const char *another(int i, int pad) {
    return format("Bearer %s", with_payload(format(
        "{" STANDING ",\"tenant\":\"acme\",\"sub\":\"u%d\","
        "\"name\":\"%0*d\"}", i, pad, i)));
}

static void remember_others(int count, int pad) {
    static int i;
    for (int end = i + count; i < end; i++) {
        assert_true(names_somebody(hs, another(i, pad)));
    }
}

static void a_token_is_verified_once(void **state) {
    (void) state;
    const char *token = another(-1, 1);
    unsigned long first = work_for(hs, token);
    unsigned long again = work_for(hs, token);
    assert_true(again + 10 < first);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(work_for(hs, token), again);
    }
    /* what is refused is not remembered */
    const char *forged = format("Bearer %s", sign_hmac(
        HEADER, PAYLOAD, "SHA256", "0123456789abcdef0123456789ABCDEf", 32));
    for (int i = 0; i < 3; i++) {
        assert_false(names_somebody(hs, forged));
    }
}

/* By their number, and by their size. */
static void few_tokens_are_remembered(void **state) {
    (void) state;
    static const struct {
        int pad, kept, lost;
    } cases[] = { { 1, 900, 1100 }, { 3000, 200, 400 } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *token = another(-2 - (int) i, cases[i].pad);
        unsigned long first = work_for(hs, token);
        unsigned long again = work_for(hs, token);
        remember_others(cases[i].kept, cases[i].pad);
        assert_int_equal(work_for(hs, token), again);
        remember_others(cases[i].lost, cases[i].pad);
        assert_int_equal(work_for(hs, token), first);
    }
    tokens_forget();
}

static void a_remembered_token_names_the_same(void **state) {
    (void) state;
    EVP_PKEY *key = rsa_key(2048);
    wsp_jwt *jwt = verifier(WSP_JWT_KEY, pem_of(key));
    const char *token = sign("{\"alg\":\"RS256\"}", PAYLOAD, "SHA256", key);
    for (int i = 0; i < 3; i++) {
        accepts(jwt, token);
    }
    /* what it was verified for is part of what it is remembered by */
    refuses(hs, token);
    wsp_jwt *other = verifier(WSP_JWT_KEY, pem_of(rsa_key(2056)));
    refuses(other, token);
    wsp_jwt_free(other);
    /* also when a later verifier is at the same address */
    for (int i = 0; i < 16; i++) {
        wsp_jwt_free(jwt);
        jwt = verifier(WSP_JWT_KEY, pem_of(rsa_key(2056)));
        refuses(jwt, token);
    }
    wsp_jwt_free(jwt);
}

static void many_tokens_are_told_apart(void **state) {
    (void) state;
    char pad[3001];
    memset(pad, 'p', 3000);
    pad[3000] = '\0';
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2500; i++) {
            const char *token = with_payload(format(
                "{" STANDING ",\"tenant\":\"acme\",\"sub\":\"u%d\","
                "\"name\":\"%s\"}", i, i % 2 != 0 ? pad : ""));
            struct named named = bearer(hs, token);
            assert_true(named.accepted);
            assert_string_equal(named.user, format("u%d", i));
            named = bearer(hs, token);
            assert_string_equal(named.user, format("u%d", i));
        }
        tokens_forget();
    }
}

/* -- when memory runs out ------------------------------------------------- */

static void no_failed_allocation_lets_a_forged_token_in(void **state) {
    (void) state;
    EVP_PKEY *key = rsa_key(2048);
    static const char *const headers[] = {
        "{\"alg\":\"RS256\"}", "{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}" };
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        wsp_jwt *jwt = verifier(WSP_JWT_KEY, pem_of(key));
        const char *good = sign(headers[i], PAYLOAD, "SHA256", key);
        const char *other = sign(headers[i], "{}", "SHA256", key);
        const char *forged = format("Bearer %s%s",
                                    unsigned_part(headers[i], PAYLOAD),
                                    strrchr(other, '.'));
        good = format("Bearer %s", good);
        for (unsigned long k = 1, more = 1; more != 0; k++) {
            alloc_arm(k);
            bool named = names_somebody(jwt, forged);
            more = alloc_disarm();
            assert_false(named);
        }
        for (unsigned long k = 1, more = 1; more != 0; k++) {
            alloc_arm(k);
            names_somebody(jwt, good);
            more = alloc_disarm();
        }
        assert_true(names_somebody(jwt, good));
        wsp_jwt_free(jwt);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(issuer_and_audience_are_asked_for),
        cmocka_unit_test(an_expired_token_is_told_apart),
        cmocka_unit_test(a_time_is_seconds_within_reason),
        cmocka_unit_test(a_token_of_the_future_is_refused),
        cmocka_unit_test(the_leeway_is_for_both_ends),
        cmocka_unit_test(tenant_and_user_are_ids),
        cmocka_unit_test(a_claim_may_be_a_path),
        cmocka_unit_test(other_claims_have_the_right_types),
        cmocka_unit_test(only_a_clear_yes_makes_an_admin),
        cmocka_unit_test(a_remembered_token_names_the_same),
        cmocka_unit_test(many_tokens_are_told_apart),
        cmocka_unit_test(a_token_is_verified_once),
        cmocka_unit_test(few_tokens_are_remembered),
        cmocka_unit_test(no_failed_allocation_lets_a_forged_token_in),
    };
    return cmocka_run_group_tests(tests, identity_setup, identity_teardown);
}
