/*
 * Bearer tokens: their form, algorithm, key and header.
 */
#include <openssl/ec.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "tokens.h"

/* -- the header of the request -------------------------------------------- */

static void a_good_token_names_tenant_and_user(void **state) {
    (void) state;
    accepts(hs, with_payload(PAYLOAD));
    accepts(hs, with_header("{\"alg\":\"HS256\"}"));
}

static void no_bearer_token_is_nobody(void **state) {
    (void) state;
    static const char *const values[] = { "", "Basic YW5uOnB3", "Bearerx y",
                                          "Digest Bearer x", " Bearer x" };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct named named = who(hs, values[i]);
        assert_int_equal(named.status, 401);
        assert_holds(named.body, "authentication required");
        assert_string_equal(named.challenge, "Bearer");
    }
}

static void the_scheme_is_in_any_case_and_one_token_follows(void **state) {
    (void) state;
    const char *token = with_payload(PAYLOAD);
    check_accepted(who(hs, format("bEARER %s", token)), "bEARER");
    check_accepted(who(hs, format("Bearer   %s", token)), "blanks");
    check_refused(who(hs, "Bearer"), "no token");
    check_refused(who(hs, "Bearer  "), "blanks only");
    check_refused(who(hs, format("Bearer %s %s", token, token)), "two");
    check_refused(who(hs, format("Bearer %s,Bearer %s", token, token)),
                  "a list");
    check_refused(who(hs, format("Bearer %s ", token)), "a blank behind");
    check_refused(who(hs, format("Bearer \"%s\"", token)), "quoted");
}

static void a_dialect_answers_the_same(void **state) {
    (void) state;
    wsp_request request = {
        .size = sizeof request, .method = TEXT("GET"),
        .identity = { .jwt = hs, .authorization = TEXT("Bearer x"),
                      .tenant = TEXT("acme"), .user = TEXT("ann") } };
    wsp_op *op;
    assert_int_equal(wsp_op_new(&op, nowhere, &request, NULL), WSP_OK);
    assert_int_equal(wsp_op_response(op)->status, 401);
    assert_holds(wsp_op_response(op)->body.data, "{\"message\":\"invalid");
    wsp_op_free(op);
}

static void a_token_over_16_kib_is_refused(void **state) {
    (void) state;
    for (size_t size = 12200; size < 12320; size++) {
        const char *token = with_claims(
            format(",\"pad\":\"%0*d\"", (int) size - 112, 0));
        struct named named = bearer(hs, token);
        if (strlen(token) <= 16384) {
            check_accepted(named, "up to 16384 bytes");
        } else {
            check_refused(named, "more");
            assert_holds(named.body, "larger than 16384");
        }
    }
    refuses(hs, format("%01048576d", 0));
}

/* -- the form ------------------------------------------------------------- */

static void only_three_parts_of_strict_base64url_are_read(void **state) {
    (void) state;
    const char *token = with_payload(PAYLOAD);
    const char *first = strchr(token, '.');
    const char *last = strrchr(token, '.');
    int head = (int) (first - token);
    int both = (int) (last - token);
    refuses(hs, "x");
    refuses(hs, "..");
    refuses(hs, "...");
    refuses(hs, format("%.*s", both, token));           /* two parts */
    refuses(hs, format("%.*s.", both, token));          /* no signature */
    refuses(hs, format("%s.", token));
    refuses(hs, format(".%s", token));
    refuses(hs, format("%s.%s", token, last + 1));
    refuses(hs, format("%.*s.%s", head, token, last));  /* no payload */
    refuses(hs, format("%s", first));                   /* no header */
    refuses(hs, format("%s=", token));
    refuses(hs, format("%s!", token));
    refuses(hs, format("%s\n", token));
    refuses(hs, format("%.*s=%s", head, token, first));
    refuses(hs, format("%.*s+%s", head - 1, token, first));
    /* the signature has 43 digits, the last of which carries 4 bits: the
     * others must be zero */
    char *other = format("%s", token);
    char *end = other + strlen(other) - 1;
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t digit = (size_t) (strchr(digits, *end) - digits);
    assert_int_equal(digit % 4, 0);
    for (size_t i = 1; i < 4; i++) {
        *end = digits[digit + i];
        refuses(hs, other);
    }
    *end = digits[digit];
    accepts(hs, other);
}

static void header_and_payload_are_strict_json_objects(void **state) {
    (void) state;
    static const char *const headers[] = {
        "", "null", "[]", "\"HS256\"", "{", "{\"alg\":\"HS256\"",
        "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
        "{\"alg\":\"none\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"\\u0061lg\":\"HS256\"}",
        "{\"alg\":\"HS256\"}{}", "{\"alg\":\"HS256\",\"x\":\"\xff\"}",
        "{\"alg\":\"HS256\",\"x\":\"\\u0000\"}" };
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        refuses(hs, with_header(headers[i]));
    }
    static const char *const payloads[] = {
        "", "null", "[" PAYLOAD "]", "\"" "x" "\"", "1", "{" STANDING "," ANN,
        "{" STANDING "," ANN ",\"sub\":\"ann\"}",
        "{" STANDING "," ANN ",\"sub\":\"bob\"}",
        "{" STANDING "," ANN ",\"exp\":1767229200}",
        "{" STANDING "," ANN ",\"x\":{\"y\":1,\"y\":2}}",
        "{" STANDING "," ANN ",\"x\":\"\\ud800\"}",
        "{" STANDING "," ANN ",\"x\":1e999}", PAYLOAD "x" };
    for (size_t i = 0; i < COUNT_OF(payloads); i++) {
        refuses(hs, with_payload(payloads[i]));
    }
}

/* -- algorithms ----------------------------------------------------------- */

static void the_key_says_the_algorithm(void **state) {
    (void) state;
    static const char *const algs[] = { "none", "None", "NONE", "nOnE", "",
                                        "hs256", "HS384", "HS512", "RS256",
                                        "ES256", "PS256", "HS256 " };
    for (size_t i = 0; i < COUNT_OF(algs); i++) {
        const char *header = format("{\"alg\":\"%s\"}", algs[i]);
        refuses(hs, with_header(header));
        refuses(hs, format("%s.", unsigned_part(header, PAYLOAD)));
        refuses(hs, format("%s.AA", unsigned_part(header, PAYLOAD)));
    }
    refuses(hs, with_header("{}"));
    refuses(hs, with_header("{\"alg\":null}"));
    refuses(hs, with_header("{\"alg\":[\"HS256\"]}"));
    refuses(hs, sign("{\"alg\":\"HS512\"}", PAYLOAD, "SHA512", NULL));
}

static void a_public_key_is_no_secret(void **state) {
    (void) state;
    EVP_PKEY *keys[] = { rsa_key(2048), ec_key("P-256") };
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const char *pem = pem_of(keys[i]);
        wsp_jwt *jwt = verifier(WSP_JWT_KEY, pem);
        refuses(jwt, sign_hmac(HEADER, PAYLOAD, "SHA256", pem, strlen(pem)));
        wsp_jwt_free(jwt);
    }
}

/* Each algorithm, with the typ that goes to libjwt and the one that does
 * not: the right key, another key, a changed token. */
static void every_algorithm_verifies(void **state) {
    (void) state;
    static const struct {
        const char *alg, *hash, *curve;
    } cases[] = { { "RS256", "SHA256", NULL }, { "RS384", "SHA384", NULL },
                  { "RS512", "SHA512", NULL }, { "ES256", "SHA256", "P-256" },
                  { "ES384", "SHA384", "P-384" },
                  { "ES512", "SHA512", "P-521" } };
    static const char *const types[] = { "", ",\"typ\":\"jwt\"",
                                         ",\"typ\":\"AT+JWT\"" };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        EVP_PKEY *key = cases[i].curve == NULL ? rsa_key(2048)
                                               : ec_key(cases[i].curve);
        const char *alg = format(",\"alg\":\"%s\"", cases[i].alg);
        wsp_jwt *jwt = verifier(WSP_JWT_JWKS, format("{\"keys\":[%s]}",
                                                     jwk_of(key, alg)));
        for (size_t t = 0; t < COUNT_OF(types); t++) {
            const char *header = format("{\"alg\":\"%s\"%s}", cases[i].alg,
                                        types[t]);
            const char *token = sign(header, PAYLOAD, cases[i].hash, key);
            accepts(jwt, token);
            EVP_PKEY *other = cases[i].curve == NULL ? rsa_key(2056)
                                                     : EVP_EC_gen(
                                                           cases[i].curve);
            refuses(jwt, sign(header, PAYLOAD, cases[i].hash, other));
            if (cases[i].curve != NULL) {
                EVP_PKEY_free(other);
            }
            const char *signature = strrchr(token, '.');
            refuses(jwt, format("%s%s", unsigned_part(
                header, "{" STANDING ",\"tenant\":\"acme\",\"sub\":\"bob\"}"),
                signature));
            refuses(jwt, format("%s.%s", unsigned_part(header, PAYLOAD),
                                base64url("\0\0\0\0\0\0\0\0", 8)));
            char zeros[256] = { 0 };
            size_t size = cases[i].curve == NULL ? 256
                : (size_t) (EVP_PKEY_get_bits(key) + 7) / 8 * 2;
            refuses(jwt, format("%s.%s", unsigned_part(header, PAYLOAD),
                                base64url(zeros, size)));
        }
        wsp_jwt_free(jwt);
    }
}

static void a_pem_key_is_rs256_or_its_curve(void **state) {
    (void) state;
    wsp_jwt *jwt = verifier(WSP_JWT_KEY, pem_of(rsa_key(2048)));
    accepts(jwt, sign("{\"alg\":\"RS256\",\"kid\":\"any\"}", PAYLOAD,
                      "SHA256", rsa_key(2048)));
    refuses(jwt, sign("{\"alg\":\"RS512\"}", PAYLOAD, "SHA512",
                      rsa_key(2048)));
    wsp_jwt_free(jwt);
    jwt = verifier(WSP_JWT_KEY, pem_of(ec_key("P-384")));
    accepts(jwt, sign("{\"alg\":\"ES384\"}", PAYLOAD, "SHA384",
                      ec_key("P-384")));
    refuses(jwt, sign("{\"alg\":\"ES256\"}", PAYLOAD, "SHA256",
                      ec_key("P-384")));
    wsp_jwt_free(jwt);
}

static void a_wrong_secret_or_signature_is_refused(void **state) {
    (void) state;
    static const char other[] = "0123456789abcdef0123456789ABCDEf";
    refuses(hs, sign_hmac(HEADER, PAYLOAD, "SHA256", other, 32));
    refuses(hs, sign_hmac(HEADER, PAYLOAD, "SHA256", secret, 31));
    refuses(hs, sign_hmac(HEADER, PAYLOAD, "SHA256", "", 0));
    refuses(hs, sign_hmac(HEADER, PAYLOAD, "SHA512", secret, 32));
    const char *token = with_payload(PAYLOAD);
    for (size_t i = 0; token[i] != '\0'; i++) {
        char *changed = format("%s", token);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        refuses(hs, changed);
    }
}

/* -- the token's header --------------------------------------------------- */

static void a_token_brings_no_key_along(void **state) {
    (void) state;
    const char *jwk = jwk_of_secret("0123456789abcdef0123456789ABCDEf", 32,
                                    "");
    const char *header = format(
        "{\"alg\":\"HS256\",\"jwk\":%s,\"jku\":\"https://e.example/k\","
        "\"x5u\":\"https://e.example/k\",\"x5c\":[\"MA==\"]}", jwk);
    refuses(hs, sign_hmac(header, PAYLOAD, "SHA256",
                          "0123456789abcdef0123456789ABCDEf", 32));
    accepts(hs, sign(header, PAYLOAD, "SHA256", NULL));
}

static void what_must_be_understood_is_refused(void **state) {
    (void) state;
    refuses(hs, with_header("{\"alg\":\"HS256\",\"crit\":[\"exp\"]}"));
    refuses(hs, with_header("{\"alg\":\"HS256\",\"crit\":[]}"));
    refuses(hs, with_header("{\"alg\":\"HS256\",\"crit\":null}"));
    refuses(hs, with_header("{\"alg\":\"HS256\",\"crit\":[\"b64\"],"
                            "\"b64\":false}"));
}

static void the_type_is_that_of_an_access_token(void **state) {
    (void) state;
    static const char *const good[] = { "JWT", "jwt", "at+jwt", "At+Jwt" };
    static const char *const wrong[] = {
        "\"\"", "\"JOSE\"", "\"logout+jwt\"", "\"secevent+jwt\"", "\"JWT \"",
        "null", "1", "[\"JWT\"]" };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        accepts(hs, with_header(format("{\"alg\":\"HS256\",\"typ\":\"%s\"}",
                                       good[i])));
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        refuses(hs, with_header(format("{\"alg\":\"HS256\",\"typ\":%s}",
                                       wrong[i])));
    }
}

static void the_kid_chooses_the_key(void **state) {
    (void) state;
    wsp_jwt *jwt = verifier(WSP_JWT_JWKS, format(
        "{\"keys\":[%s,%s,%s]}",
        jwk_of(rsa_key(2048), ",\"kid\":\"r\",\"use\":\"sig\""),
        jwk_of(ec_key("P-256"), ",\"kid\":\"e\""),
        jwk_of_secret(secret, 32, ",\"kid\":\"s\"")));
    EVP_PKEY *rsa = rsa_key(2048);
    EVP_PKEY *ec = ec_key("P-256");
    accepts(jwt, sign("{\"alg\":\"RS256\",\"kid\":\"r\"}", PAYLOAD, "SHA256",
                      rsa));
    accepts(jwt, sign("{\"alg\":\"ES256\",\"kid\":\"e\"}", PAYLOAD, "SHA256",
                      ec));
    accepts(jwt, with_header("{\"alg\":\"HS256\",\"kid\":\"s\"}"));
    refuses(jwt, sign("{\"alg\":\"RS256\",\"kid\":\"e\"}", PAYLOAD, "SHA256",
                      rsa));
    refuses(jwt, with_header("{\"alg\":\"HS256\",\"kid\":\"r\"}"));
    refuses(jwt, with_header("{\"alg\":\"HS256\",\"kid\":\"S\"}"));
    refuses(jwt, with_header("{\"alg\":\"HS256\",\"kid\":\"\"}"));
    refuses(jwt, with_header("{\"alg\":\"HS256\",\"kid\":null}"));
    refuses(jwt, with_header("{\"alg\":\"HS256\",\"kid\":[\"s\"]}"));
    refuses(jwt, with_header("{\"alg\":\"HS256\"}"));
    wsp_jwt_free(jwt);
}

static void a_sole_key_needs_no_kid_in_the_token(void **state) {
    (void) state;
    wsp_jwt *jwt = verifier(WSP_JWT_JWKS, format(
        "{\"keys\":[%s]}", jwk_of_secret(secret, 32, ",\"kid\":\"s\"")));
    accepts(jwt, with_header("{\"alg\":\"HS256\"}"));
    accepts(jwt, with_header("{\"alg\":\"HS256\",\"kid\":\"s\"}"));
    refuses(jwt, with_header("{\"alg\":\"HS256\",\"kid\":\"t\"}"));
    wsp_jwt_free(jwt);
    accepts(hs, with_header("{\"alg\":\"HS256\",\"kid\":\"any\"}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_token_names_tenant_and_user),
        cmocka_unit_test(no_bearer_token_is_nobody),
        cmocka_unit_test(the_scheme_is_in_any_case_and_one_token_follows),
        cmocka_unit_test(a_dialect_answers_the_same),
        cmocka_unit_test(a_token_over_16_kib_is_refused),
        cmocka_unit_test(only_three_parts_of_strict_base64url_are_read),
        cmocka_unit_test(header_and_payload_are_strict_json_objects),
        cmocka_unit_test(the_key_says_the_algorithm),
        cmocka_unit_test(a_public_key_is_no_secret),
        cmocka_unit_test(every_algorithm_verifies),
        cmocka_unit_test(a_pem_key_is_rs256_or_its_curve),
        cmocka_unit_test(a_wrong_secret_or_signature_is_refused),
        cmocka_unit_test(a_token_brings_no_key_along),
        cmocka_unit_test(what_must_be_understood_is_refused),
        cmocka_unit_test(the_type_is_that_of_an_access_token),
        cmocka_unit_test(the_kid_chooses_the_key),
        cmocka_unit_test(a_sole_key_needs_no_kid_in_the_token),
    };
    return cmocka_run_group_tests(tests, identity_setup, identity_teardown);
}
