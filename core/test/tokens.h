/*
 * tokens.h - bearer tokens and keys, made with OpenSSL for the tests of
 * identity, and a core without a Redis that is asked who they name.
 *
 * Texts that are returned live until tokens_forget.
 */
#ifndef TEST_TOKENS_H
#define TEST_TOKENS_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "workspaces.h"

#define TEXT(text) ((wsp_str) { (text), strlen(text) })

/* 2026-01-01T00:00:00Z, the time of the core */
#define NOW_S INT64_C(1767225600)

extern const char secret[];         /* 32 bytes */

char *format(const char *how, ...) __attribute__((format(printf, 1, 2)));
char *base64url(const void *data, size_t len);
void tokens_forget(void);

EVP_PKEY *rsa_key(unsigned bits);   /* made once each; freed at exit */
EVP_PKEY *ec_key(const char *curve);
const char *pem_of(EVP_PKEY *key);  /* the public half */
const char *private_pem_of(EVP_PKEY *key);
/* a JWK with `more` (", \"kid\": ...") at its end */
const char *jwk_of(EVP_PKEY *key, const char *more);
const char *jwk_of_secret(const char *bytes, size_t len, const char *more);

/* The two parts, signed.  `key` NULL: HMAC with the secret. */
const char *sign(const char *header, const char *payload, const char *hash,
                 EVP_PKEY *key);
const char *sign_hmac(const char *header, const char *payload,
                      const char *hash, const char *with, size_t len);
const char *unsigned_part(const char *header, const char *payload);

/* A verifier with issuer "iss" and audience "aud". */
wsp_jwt *verifier(int type, const char *key);
/* The sentence that refuses the key; static. */
const char *refusal(int type, const char *key);

/* Who the core says a token names. */
struct named {
    bool accepted;
    unsigned status;                /* 401, or 503: there is no store */
    char tenant[512];
    char user[512];
    char body[512];
    char challenge[64];
};

extern wsp_core *nowhere;           /* its store is never reached */

/* By the value of Authorization; the second at a time of its own. */
struct named who(const wsp_jwt *jwt, const char *authorization);
struct named who_at(const wsp_jwt *jwt, const char *authorization,
                    int64_t now_ms);
/* "Bearer " before it. */
struct named bearer(const wsp_jwt *jwt, const char *token);

/* -- tokens of user ann of tenant acme, for the verifier `hs` ------------- */

#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define ADDRESSED "\"iss\":\"iss\",\"aud\":\"aud\""
#define STANDING ADDRESSED ",\"exp\":1767229200"
#define ANN "\"tenant\":\"acme\",\"sub\":\"ann\""
#define PAYLOAD "{" STANDING "," ANN "}"

#define REFUSED "Bearer error=\"invalid_token\""

extern wsp_jwt *hs;                 /* verifies with the secret */

int identity_setup(void **state);
int identity_teardown(void **state);

const char *with_header(const char *header);
const char *with_payload(const char *payload);
/* ANN and STANDING, and these claims after them. */
const char *with_claims(const char *claims);

void check_accepted(struct named named, const char *what);
void check_refused(struct named named, const char *what);

#define accepts(jwt, token) check_accepted(bearer((jwt), (token)), (token))
#define refuses(jwt, token) check_refused(bearer((jwt), (token)), (token))

#endif /* TEST_TOKENS_H */
