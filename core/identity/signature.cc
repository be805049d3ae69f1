#include "identity/signature.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include <climits>
#include <memory>
#include <new>

// By OpenSSL's libcrypto.  libjwt 1.10 was tried for RSA and EC: it refuses typ
// at+jwt (RFC 9068), and reads the PEM again for each token, which costs a
// worker 0.4 ms or more where verifying takes less than 0.1.

namespace wsp {

namespace {

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

bool public_key_accepts(const jwt_key& key, const compact_token& token) {
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
  return is_hmac(key.alg) ? hmac_matches(key, token)
                          : public_key_accepts(key, token);
}

}  // namespace wsp
