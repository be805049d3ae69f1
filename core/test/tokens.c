#include "tokens.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"

const char secret[] = "0123456789abcdef0123456789ABCDEF";

wsp_core *nowhere;
wsp_jwt *hs;

static wsp_redis *redis;

/* -- memory --------------------------------------------------------------- */

static char **kept;
static size_t kept_count;

static char *keep(char *text) {
    assert_non_null(text);
    if (kept_count % 64 == 0) {
        kept = realloc(kept, (kept_count + 64) * sizeof *kept);
        assert_non_null(kept);
    }
    kept[kept_count++] = text;
    return text;
}

void tokens_forget(void) {
    for (size_t i = 0; i < kept_count; i++) {
        free(kept[i]);
    }
    free(kept);
    kept = NULL;
    kept_count = 0;
}

char *format(const char *how, ...) {
    va_list args;
    va_start(args, how);
    int len = vsnprintf(NULL, 0, how, args);
    va_end(args);
    char *text = keep(malloc((size_t) len + 1));
    va_start(args, how);
    vsnprintf(text, (size_t) len + 1, how, args);
    va_end(args);
    return text;
}

char *base64url(const void *data, size_t len) {
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *from = data;
    char *text = keep(malloc(len * 4 / 3 + 4));
    char *to = text;
    unsigned bits = 0, count = 0;
    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | from[i];
        for (count += 8; count >= 6; count -= 6) {
            *to++ = digits[bits >> (count - 6) & 63];
        }
    }
    if (count != 0) {
        *to++ = digits[bits << (6 - count) & 63];
    }
    *to = '\0';
    return text;
}

/* -- keys ----------------------------------------------------------------- */

static struct {
    char name[16];
    EVP_PKEY *key;
} made[8];

static void free_keys(void) {
    for (size_t i = 0; i < COUNT_OF(made); i++) {
        EVP_PKEY_free(made[i].key);
        made[i].key = NULL;
    }
}

static EVP_PKEY **slot(const char *name) {
    if (made[0].key == NULL) {
        atexit(free_keys);
    }
    for (size_t i = 0; i < COUNT_OF(made); i++) {
        if (made[i].key == NULL || strcmp(made[i].name, name) == 0) {
            snprintf(made[i].name, sizeof made[i].name, "%s", name);
            return &made[i].key;
        }
    }
    fail_msg("too many keys");
    return NULL;
}

EVP_PKEY *rsa_key(unsigned bits) {
    char name[16];
    snprintf(name, sizeof name, "RSA-%u", bits);
    EVP_PKEY **at = slot(name);
    if (*at == NULL) {
        *at = EVP_RSA_gen(bits);
    }
    assert_non_null(*at);
    return *at;
}

EVP_PKEY *ec_key(const char *curve) {
    EVP_PKEY **at = slot(curve);
    if (*at == NULL) {
        *at = EVP_EC_gen(curve);
    }
    assert_non_null(*at);
    return *at;
}

static const char *text_of(BIO *bio) {
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    const char *text = format("%.*s", (int) len, data);
    BIO_free(bio);
    return text;
}

const char *pem_of(EVP_PKEY *key) {
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    return text_of(bio);
}

const char *private_pem_of(EVP_PKEY *key) {
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL,
                                              NULL), 1);
    return text_of(bio);
}

/* A number of the key; `size` bytes, 0: as many as it has. */
static const char *number(EVP_PKEY *key, const char *name, int size) {
    BIGNUM *value = NULL;
    unsigned char bytes[2048];
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &value), 1);
    size = size != 0 ? size : BN_num_bytes(value);
    assert_int_equal(BN_bn2binpad(value, bytes, size), size);
    BN_free(value);
    return base64url(bytes, (size_t) size);
}

const char *jwk_of(EVP_PKEY *key, const char *more) {
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        return format("{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}",
                      number(key, OSSL_PKEY_PARAM_RSA_N, 0),
                      number(key, OSSL_PKEY_PARAM_RSA_E, 0), more);
    }
    int bits = EVP_PKEY_get_bits(key);
    int size = (bits + 7) / 8;
    return format("{\"kty\":\"EC\",\"crv\":\"P-%d\",\"x\":\"%s\","
                  "\"y\":\"%s\"%s}", bits,
                  number(key, OSSL_PKEY_PARAM_EC_PUB_X, size),
                  number(key, OSSL_PKEY_PARAM_EC_PUB_Y, size), more);
}

const char *jwk_of_secret(const char *bytes, size_t len, const char *more) {
    return format("{\"kty\":\"oct\",\"k\":\"%s\"%s}", base64url(bytes, len),
                  more);
}

/* -- tokens --------------------------------------------------------------- */

const char *unsigned_part(const char *header, const char *payload) {
    return format("%s.%s", base64url(header, strlen(header)),
                  base64url(payload, strlen(payload)));
}

const char *sign_hmac(const char *header, const char *payload,
                      const char *hash, const char *with, size_t len) {
    const char *input = unsigned_part(header, payload);
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size;
    assert_non_null(HMAC(EVP_get_digestbyname(hash), with, (int) len,
                         (const unsigned char *) input, strlen(input), out,
                         &size));
    return format("%s.%s", input, base64url(out, size));
}

const char *sign(const char *header, const char *payload, const char *hash,
                 EVP_PKEY *key) {
    if (key == NULL) {
        return sign_hmac(header, payload, hash, secret, strlen(secret));
    }
    const char *input = unsigned_part(header, payload);
    unsigned char out[2048], raw[132];
    size_t size = sizeof out;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL,
                                        EVP_get_digestbyname(hash), NULL,
                                        key), 1);
    assert_int_equal(EVP_DigestSign(context, out, &size,
                                    (const unsigned char *) input,
                                    strlen(input)), 1);
    EVP_MD_CTX_free(context);
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) {
        return format("%s.%s", input, base64url(out, size));
    }
    const unsigned char *der = out;
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, (long) size);
    int half = (EVP_PKEY_get_bits(key) + 7) / 8;
    BN_bn2binpad(ECDSA_SIG_get0_r(numbers), raw, half);
    BN_bn2binpad(ECDSA_SIG_get0_s(numbers), raw + half, half);
    ECDSA_SIG_free(numbers);
    return format("%s.%s", input, base64url(raw, (size_t) half * 2));
}

/* -- the core ------------------------------------------------------------- */

static int jwt_new(wsp_jwt **out, int type, const char *key,
                   char error[WSP_ERROR_SIZE]) {
    wsp_jwt_key given = { .type = type, .text = TEXT(key) };
    wsp_jwt_options options = {
        .size = sizeof options, .keys = &given, .key_count = 1,
        .issuer = TEXT("iss"), .audience = TEXT("aud") };
    return wsp_jwt_new(out, &options, error);
}

wsp_jwt *verifier(int type, const char *key) {
    wsp_jwt *jwt = NULL;
    char error[WSP_ERROR_SIZE] = "";
    if (jwt_new(&jwt, type, key, error) != WSP_OK) {
        fail_msg("no verifier: %s", error);
    }
    return jwt;
}

const char *refusal(int type, const char *key) {
    static char error[WSP_ERROR_SIZE];
    wsp_jwt *jwt = NULL;
    error[0] = '\0';
    if (jwt_new(&jwt, type, key, error) != WSP_INVALID) {
        wsp_jwt_free(jwt);
        fail_msg("accepted: %s", key);
    }
    return error;
}

static int core_new(void) {
    char error[WSP_ERROR_SIZE];
    if (wsp_redis_parse(&redis, TEXT("redis://h"), error) != WSP_OK) {
        return -1;
    }
    wsp_core_options options = {
        .size = sizeof options, .redis = redis, .timeout_ms = 1000,
        .connect_timeout_ms = 1000, .queue = 8, .seed = "seed" };
    return wsp_core_new(&nowhere, &options) == WSP_OK ? 0 : -1;
}

static void core_free(void) {
    wsp_core_free(nowhere);
    wsp_redis_free(redis);
}

static void copy(char *to, size_t room, wsp_str text) {
    assert_true(text.len < room);
    if (text.len != 0) {
        memcpy(to, text.data, text.len);
    }
    to[text.len] = '\0';
}

struct named who_at(const wsp_jwt *jwt, const char *authorization,
                    int64_t now_ms) {
    struct named out = { 0 };
    wsp_access_request request = {
        .size = sizeof request,
        .identity = { .jwt = jwt, .authorization = TEXT(authorization),
                      /* never looked at */
                      .tenant = TEXT("trusted"), .user = TEXT("trusted"),
                      .admin = TEXT("1") } };
    wsp_op *op = NULL;
    wsp_core_time(nowhere, now_ms, 1);
    if (wsp_access_new(&op, nowhere, &request, NULL) == WSP_AGAIN) {
        wsp_op_expire(op);
    }
    assert_non_null(op);
    const wsp_response *response = wsp_op_response(op);
    const wsp_decision *decision = wsp_op_decision(op);
    out.status = response->status;
    out.accepted = out.status == 503;       /* the store was asked for */
    copy(out.body, sizeof out.body, response->body);
    for (size_t i = 0; i < response->header_count; i++) {
        wsp_str name = response->headers[i].name;
        if (name.len == 16 && memcmp(name.data, "WWW-Authenticate", 16) == 0) {
            copy(out.challenge, sizeof out.challenge,
                 response->headers[i].value);
        }
    }
    copy(out.tenant, sizeof out.tenant, decision->tenant);
    copy(out.user, sizeof out.user, decision->user);
    wsp_op_free(op);
    return out;
}

struct named who(const wsp_jwt *jwt, const char *authorization) {
    return who_at(jwt, authorization, NOW_S * 1000);
}

struct named bearer(const wsp_jwt *jwt, const char *token) {
    return who(jwt, format("Bearer %s", token));
}

/* -- expectations --------------------------------------------------------- */

int identity_setup(void **state) {
    (void) state;
    if (core_new() != 0) {
        return -1;
    }
    hs = verifier(WSP_JWT_SECRET, secret);
    return 0;
}

int identity_teardown(void **state) {
    (void) state;
    wsp_jwt_free(hs);
    core_free();
    tokens_forget();
    return 0;
}

const char *with_header(const char *header) {
    return sign(header, PAYLOAD, "SHA256", NULL);
}

const char *with_payload(const char *payload) {
    return sign(HEADER, payload, "SHA256", NULL);
}

const char *with_claims(const char *claims) {
    return with_payload(format("{" STANDING "," ANN "%s}", claims));
}

void check_accepted(struct named named, const char *what) {
    if (!named.accepted) {
        fail_msg("refused %s: %s", what, named.body);
    }
    assert_string_equal(named.tenant, "acme");
    assert_string_equal(named.user, "ann");
}

void check_refused(struct named named, const char *what) {
    if (named.accepted || named.status != 401) {
        fail_msg("not refused: %s (%u, %s)", what, named.status, named.body);
    }
    assert_string_equal(named.tenant, "");
    assert_string_equal(named.user, "");
    assert_holds(named.body, "\"detail\":\"invalid token");
    assert_string_equal(named.challenge, REFUSED);
}
