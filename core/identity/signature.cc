#include "identity/signature.h"

#include <errno.h>
#include <jwt.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include <climits>
#include <memory>
#include <new>

// Three verifiers, for what libjwt 1.10 can be given:
//   - HMAC is computed here.  libjwt looks at neither HMAC's failure nor
//     BIO's, and whether its comparison takes constant time depends on the
//     patches of a distribution (CVE-2024-25189).
//   - RSA and EC go to libjwt,
//   - but not with the typ at+jwt, which it refuses: those go to OpenSSL.

namespace wsp {

namespace {

struct free_token {
  void operator()(jwt_t* token) const noexcept { jwt_free(token); }
};
struct free_digest {
  void operator()(EVP_MD_CTX* p) const noexcept { EVP_MD_CTX_free(p); }
};
struct free_ecdsa {
  void operator()(ECDSA_SIG* p) const noexcept { ECDSA_SIG_free(p); }
};
struct free_der {
  void operator()(unsigned char* p) const noexcept { OPENSSL_free(p); }
};

const unsigned char* octets(std::string_view bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

const EVP_MD* hash_of(jwt_alg alg) noexcept {
  switch (hash_size(alg)) {
    case 32:
      return EVP_sha256();
    case 48:
      return EVP_sha384();
    default:
      return EVP_sha512();
  }
}

jwt_alg_t libjwt_alg(jwt_alg alg) noexcept {
  switch (alg) {
    case jwt_alg::rs256:
      return JWT_ALG_RS256;
    case jwt_alg::rs384:
      return JWT_ALG_RS384;
    case jwt_alg::rs512:
      return JWT_ALG_RS512;
    case jwt_alg::es256:
      return JWT_ALG_ES256;
    case jwt_alg::es384:
      return JWT_ALG_ES384;
    case jwt_alg::es512:
      return JWT_ALG_ES512;
    default:
      return JWT_ALG_INVAL;
  }
}

bool hmac_matches(const jwt_key& key, const compact_token& token) {
  unsigned char made[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (HMAC(hash_of(key.alg), key.secret.data(),
           static_cast<int>(key.secret.size()), octets(token.signing_input),
           token.signing_input.size(), made, &size) == nullptr) {
    throw std::bad_alloc();
  }
  bool same = size == token.signature.size() &&
              sodium_memcmp(made, octets(token.signature), size) == 0;
  sodium_memzero(made, sizeof made);
  return same;
}

bool libjwt_accepts(const jwt_key& key, const compact_token& token) {
  jwt_t* decoded = nullptr;
  int failed = jwt_decode(&decoded, token.text,
                          reinterpret_cast<const unsigned char*>(
                              key.pem.data()),
                          static_cast<int>(key.pem.size()));
  std::unique_ptr<jwt_t, free_token> owned(decoded);
  if (failed == ENOMEM) {
    throw std::bad_alloc();
  }
  // libjwt reports success, and a token without algorithm, when it has no
  // memory for the key.
  return failed == 0 && decoded != nullptr &&
         jwt_get_alg(decoded) == libjwt_alg(key.alg);
}

// The ECDSA signature of JWS, r and s side by side (RFC 7518, 3.4), as the
// DER that OpenSSL takes.
std::unique_ptr<unsigned char, free_der> der_of(std::string_view signature,
                                                size_t* size) {
  int half = static_cast<int>(signature.size() / 2);
  std::unique_ptr<ECDSA_SIG, free_ecdsa> numbers(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(octets(signature), half, nullptr);
  BIGNUM* s = BN_bin2bn(octets(signature) + half, half, nullptr);
  if (numbers == nullptr || r == nullptr || s == nullptr ||
      ECDSA_SIG_set0(numbers.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    throw std::bad_alloc();
  }
  unsigned char* der = nullptr;
  int made = i2d_ECDSA_SIG(numbers.get(), &der);
  if (made <= 0) {
    throw std::bad_alloc();
  }
  *size = static_cast<size_t>(made);
  return std::unique_ptr<unsigned char, free_der>(der);
}

bool openssl_accepts(const jwt_key& key, const compact_token& token) {
  std::unique_ptr<EVP_MD_CTX, free_digest> context(EVP_MD_CTX_new());
  if (context == nullptr ||
      EVP_DigestVerifyInit(context.get(), nullptr, hash_of(key.alg), nullptr,
                           key.parsed.get()) != 1) {
    throw std::bad_alloc();
  }
  const unsigned char* signature = octets(token.signature);
  size_t size = token.signature.size();
  std::unique_ptr<unsigned char, free_der> der;
  if (!is_rsa(key.alg)) {
    der = der_of(token.signature, &size);
    signature = der.get();
  }
  return EVP_DigestVerify(context.get(), signature, size,
                          octets(token.signing_input),
                          token.signing_input.size()) == 1;
}

}  // namespace

bool signature_matches(const jwt_key& key, const compact_token& token) {
  if (token.signature.size() != key.signature_size) {
    return false;
  }
  openssl_errors errors;
  if (is_hmac(key.alg)) {
    return hmac_matches(key, token);
  }
  return token.at_jwt ? openssl_accepts(key, token)
                      : libjwt_accepts(key, token);
}

}  // namespace wsp
