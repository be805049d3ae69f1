// A key that verifies bearer tokens, with the one algorithm it is for.
//
// The key says which algorithm a token must name (RFC 8725, 3.1), so that a
// public key is never taken for an HMAC secret, nor a signature for optional.
#ifndef WORKSPACES_IDENTITY_JWT_KEY_H
#define WORKSPACES_IDENTITY_JWT_KEY_H

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct evp_pkey_st;

namespace wsp {

enum class jwt_alg : unsigned char {  // RFC 7518, 3.1
  hs256,
  hs384,
  hs512,
  rs256,
  rs384,
  rs512,
  es256,
  es384,
  es512
};

constexpr bool is_hmac(jwt_alg alg) noexcept { return alg <= jwt_alg::hs512; }
constexpr bool is_rsa(jwt_alg alg) noexcept {
  return alg >= jwt_alg::rs256 && alg <= jwt_alg::rs512;
}

// "HS256": case counts (RFC 7515, 4.1.1).
std::string_view name_of(jwt_alg alg) noexcept;

// Bytes of the hash: what HS256 signs with, and the least that its secret
// has (RFC 7518, 3.2).
size_t hash_size(jwt_alg alg) noexcept;

// A secret in guarded memory (sodium_malloc), wiped when it goes.
class secret_bytes {
 public:
  secret_bytes() noexcept = default;
  explicit secret_bytes(std::string_view bytes);
  secret_bytes(secret_bytes&& other) noexcept;
  secret_bytes& operator=(secret_bytes&& other) noexcept;
  ~secret_bytes();
  const unsigned char* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }

 private:
  unsigned char* data_ = nullptr;
  size_t size_ = 0;
};

struct free_public_key {
  void operator()(evp_pkey_st* key) const noexcept;
};
using public_key = std::unique_ptr<evp_pkey_st, free_public_key>;

struct jwt_key {
  std::string kid;            // empty: it has none
  jwt_alg alg{};
  secret_bytes secret;        // of HS*
  public_key parsed;          // of RS* and ES*
  size_t signature_size = 0;  // bytes; any other length is refused
};

// These make a key of what an operator wrote, or return a sentence that says
// what to write instead, with no piece of the key in it.  Throw bad_alloc.

// The text is the secret of HS256, byte by byte.
std::string key_of_secret(jwt_key& out, std::string_view text);

// One public key in PEM (SubjectPublicKeyInfo): RSA is RS256, and the curve
// of an EC key says its algorithm.
std::string key_of_pem(jwt_key& out, std::string_view text);

// For the two above and for JWK sets.  `alg` is hs* and was chosen already.
std::string use_secret(jwt_key& out, jwt_alg alg, std::string_view bytes);

// `wanted` is RS256 .. RS512, or nothing where the key alone says it (EC).
std::string use_public_key(jwt_key& out, public_key key,
                           const jwt_alg* wanted);

// Throws bad_alloc when the last call of OpenSSL failed for want of memory.
void throw_if_openssl_is_out_of_memory();

// Errors that OpenSSL queues in its lifetime are taken away again: nginx
// logs what it finds there as its own.
class openssl_errors {
 public:
  openssl_errors() noexcept;
  ~openssl_errors();
  openssl_errors(const openssl_errors&) = delete;
  openssl_errors& operator=(const openssl_errors&) = delete;
};

}  // namespace wsp

#endif  // WORKSPACES_IDENTITY_JWT_KEY_H
