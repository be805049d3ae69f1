/*
 * The keys of bearer tokens: what is taken, and what a refusal says.  No
 * sentence holds a piece of a key.
 */
#include <string.h>

#include "alloc.h"
#include "check.h"
#include "driver.h"
#include "tokens.h"

static int forget(void **state) {
    (void) state;
    tokens_forget();
    return 0;
}

static const char *set_of(const char *key) {
    return format("{\"keys\":[%s]}", key);
}

static void refused(int type, const char *key, const char *why) {
    assert_holds(refusal(type, key), why);
}

static void taken(int type, const char *key) {
    wsp_jwt_free(verifier(type, key));
}

static void issuer_audience_and_keys_are_required(void **state) {
    (void) state;
    static const struct {
        const char *issuer, *audience, *claim;
        size_t keys, size;
        uint32_t leeway;
        const char *why;
    } cases[] = {
        { "", "aud", "", 1, sizeof(wsp_jwt_options), 0, "issuer is required" },
        { "iss", "", "", 1, sizeof(wsp_jwt_options), 0,
          "audience is required" },
        { "iss", "aud", "", 0, sizeof(wsp_jwt_options), 0,
          "a key is required" },
        { "iss", "aud", "a\nb", 1, sizeof(wsp_jwt_options), 0, "control" },
        { "iss", "aud", "", 1, sizeof(wsp_jwt_options), 3601, "leeway" },
        { "iss", "aud", "", 1, 8, 0, "size" } };
    wsp_jwt_key key = { WSP_JWT_SECRET, TEXT(secret) };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        wsp_jwt_options options = {
            .size = cases[i].size, .keys = &key, .key_count = cases[i].keys,
            .issuer = TEXT(cases[i].issuer),
            .audience = TEXT(cases[i].audience),
            .user_claim = TEXT(cases[i].claim), .leeway_s = cases[i].leeway };
        char error[WSP_ERROR_SIZE] = "";
        wsp_jwt *jwt;
        assert_int_equal(wsp_jwt_new(&jwt, &options, error), WSP_INVALID);
        assert_holds(error, cases[i].why);
    }
    wsp_jwt_free(NULL);
}

static void a_secret_is_long_and_no_public_key(void **state) {
    (void) state;
    taken(WSP_JWT_SECRET, secret);
    refused(WSP_JWT_SECRET, "", "at least 32 bytes");
    refused(WSP_JWT_SECRET, secret + 1, "at least 32 bytes");
    refused(WSP_JWT_SECRET, pem_of(rsa_key(2048)), "give it as key");
    refused(WSP_JWT_SECRET, format("%065537d", 0), "at most 65536");
    assert_null(strstr(refusal(WSP_JWT_SECRET, secret + 1), "abcdef"));
}

static void a_key_is_one_public_key_of_rsa_or_ec(void **state) {
    (void) state;
    const char *pem = pem_of(rsa_key(2048));
    taken(WSP_JWT_KEY, pem);
    taken(WSP_JWT_KEY, format("a comment\n%s\n", pem));
    taken(WSP_JWT_KEY, pem_of(ec_key("P-521")));
    refused(WSP_JWT_KEY, "", "no public key");
    refused(WSP_JWT_KEY, secret, "no public key");
    refused(WSP_JWT_KEY, format("%.100s", pem), "cannot be read");
    refused(WSP_JWT_KEY, format("%s%s", pem, pem), "one key");
    refused(WSP_JWT_KEY, private_pem_of(rsa_key(2048)), "private key");
    refused(WSP_JWT_KEY, private_pem_of(ec_key("P-256")), "private key");
    refused(WSP_JWT_KEY, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "private");
    refused(WSP_JWT_KEY, "-----BEGIN CERTIFICATE-----\nMIIB", "certificate");
    refused(WSP_JWT_KEY, pem_of(rsa_key(1024)), "2048..16384 bits");
    refused(WSP_JWT_KEY, pem_of(ec_key("secp256k1")), "curve");
    EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    refused(WSP_JWT_KEY, pem_of(ed), "neither RSA nor EC");
    EVP_PKEY_free(ed);
    refused(4, pem, "a key is a secret, a PEM or a JWK set");
}

static void several_keys_have_a_kid_each(void **state) {
    (void) state;
    const char *rsa = jwk_of(rsa_key(2048), "");
    refused(WSP_JWT_JWKS, format("{\"keys\":[%s,%s]}", rsa,
                                 jwk_of(ec_key("P-256"), ",\"kid\":\"e\"")),
            "each needs a kid");
    refused(WSP_JWT_JWKS, format("{\"keys\":[%s,%s]}",
                                 jwk_of(rsa_key(2048), ",\"kid\":\"e\""),
                                 jwk_of(ec_key("P-256"), ",\"kid\":\"e\"")),
            "the same kid");
    wsp_jwt_key two[] = { { WSP_JWT_SECRET, TEXT(secret) },
                          { WSP_JWT_KEY, TEXT(pem_of(rsa_key(2048))) } };
    wsp_jwt_options options = {
        .size = sizeof options, .keys = two, .key_count = 2,
        .issuer = TEXT("iss"), .audience = TEXT("aud") };
    char error[WSP_ERROR_SIZE] = "";
    wsp_jwt *jwt;
    assert_int_equal(wsp_jwt_new(&jwt, &options, error), WSP_INVALID);
    assert_holds(error, "each needs a kid");
}

static void a_set_is_an_object_with_keys(void **state) {
    (void) state;
    refused(WSP_JWT_JWKS, "", "not valid JSON: it ends too early");
    refused(WSP_JWT_JWKS, "{\"keys\":[],\"keys\":[]}", "duplicate key");
    refused(WSP_JWT_JWKS, "[]", "an array \"keys\"");
    refused(WSP_JWT_JWKS, "{\"keys\":{}}", "an array \"keys\"");
    refused(WSP_JWT_JWKS, "{\"keys\":[]}", "no key that verifies");
    refused(WSP_JWT_JWKS, "{\"keys\":[1,null,\"x\"]}", "no key that verifies");
    refused(WSP_JWT_JWKS, jwk_of(rsa_key(2048), ""), "an array \"keys\"");
    refused(WSP_JWT_JWKS, format("%01048577d", 0), "at most 1048576");
}

static void keys_of_another_use_are_passed_over(void **state) {
    (void) state;
    static const char *const others[] = {
        ",\"use\":\"enc\"", ",\"use\":1", ",\"key_ops\":[\"sign\"]",
        ",\"alg\":\"RSA-OAEP\"", ",\"alg\":\"PS256\"", ",\"alg\":\"none\"",
        ",\"alg\":\"rs256\"", ",\"alg\":5" };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        const char *key = jwk_of(rsa_key(2048), others[i]);
        refused(WSP_JWT_JWKS, set_of(key), "no key that verifies");
        taken(WSP_JWT_JWKS, format("{\"keys\":[%s,%s,{\"kty\":\"OKP\"}]}",
                                   key, jwk_of(ec_key("P-256"), "")));
    }
    taken(WSP_JWT_JWKS, set_of(jwk_of(rsa_key(2048),
        ",\"use\":\"sig\",\"key_ops\":[\"sign\",\"verify\"]")));
}

static void a_key_of_a_set_is_well_formed(void **state) {
    (void) state;
    static const struct {
        const char *key, *why;
    } cases[] = {
        { "{\"kty\":\"RSA\"}", "key 1 of the JWK set: n and e" },
        { "{\"kty\":\"RSA\",\"n\":\"AQAB=\",\"e\":\"AQAB\"}", "base64url" },
        { "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "bits" },
        { "{\"kty\":\"RSA\",\"n\":\"AQAC\",\"e\":\"AQAB\"}", "not those" },
        { "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQ\"}", "not those" },
        { "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AAE\"}", "not those" },
        { "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AAAAAAAAAAAB\"}",
          "not those" },
        { "{\"kty\":\"RSA\",\"alg\":\"HS256\"}", "alg does not fit kty" },
        { "{\"kty\":\"oct\",\"alg\":\"RS256\"}", "alg does not fit kty" },
        { "{\"kty\":\"EC\",\"crv\":\"P-192\"}", "crv" },
        { "{\"kty\":\"EC\",\"crv\":\"secp256k1\"}", "crv" },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"AQ\"}",
          "32 bytes each" },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\","
          "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
          "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
          "no point of the curve" },
        { "{\"kty\":\"oct\"}", "base64url" },
        { "{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}", "at least 32 bytes" } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        refused(WSP_JWT_JWKS, set_of(cases[i].key), cases[i].why);
    }
    refused(WSP_JWT_JWKS, set_of(jwk_of(rsa_key(1024), "")), "bits");
    refused(WSP_JWT_JWKS, set_of(jwk_of(rsa_key(2048), ",\"kid\":7")), "kid");
    refused(WSP_JWT_JWKS, set_of(jwk_of(rsa_key(2048), ",\"kid\":\"\"")),
            "kid");
    refused(WSP_JWT_JWKS, set_of(jwk_of(ec_key("P-256"),
                                        ",\"alg\":\"ES384\"")),
            "ES384 does not fit this key");
    refused(WSP_JWT_JWKS, set_of(jwk_of_secret(secret, 32,
                                               ",\"alg\":\"HS512\"")),
            "HS512 is at least 64 bytes");
    assert_null(strstr(refusal(WSP_JWT_JWKS,
                               "{\"keys\":[{\"kty\":\"oct\","
                               "\"k\":\"c2hvcnQ\"}]}"), "c2hv"));
}

static void a_verifier_is_whole_or_none(void **state) {
    (void) state;
    wsp_jwt_key key = { WSP_JWT_JWKS, TEXT(format(
        "{\"keys\":[%s,%s,%s]}", jwk_of(rsa_key(2048), ",\"kid\":\"r\""),
        jwk_of(ec_key("P-256"), ",\"kid\":\"e\""),
        jwk_of_secret(secret, 32, ",\"kid\":\"s\""))) };
    wsp_jwt_options options = {
        .size = sizeof options, .keys = &key, .key_count = 1,
        .issuer = TEXT("iss"), .audience = TEXT("aud") };
    char error[WSP_ERROR_SIZE];
    for (unsigned long k = 1, more = 1; more != 0; k++) {
        wsp_jwt *jwt = NULL;
        alloc_arm(k);
        int rc = wsp_jwt_new(&jwt, &options, error);
        more = alloc_disarm();
        assert_true((rc == WSP_OK) == (jwt != NULL));
        assert_true(rc == WSP_OK || more != 0);
        wsp_jwt_free(jwt);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(issuer_audience_and_keys_are_required),
        cmocka_unit_test(a_secret_is_long_and_no_public_key),
        cmocka_unit_test(a_key_is_one_public_key_of_rsa_or_ec),
        cmocka_unit_test(several_keys_have_a_kid_each),
        cmocka_unit_test(a_set_is_an_object_with_keys),
        cmocka_unit_test(keys_of_another_use_are_passed_over),
        cmocka_unit_test(a_key_of_a_set_is_well_formed),
        cmocka_unit_test(a_verifier_is_whole_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
