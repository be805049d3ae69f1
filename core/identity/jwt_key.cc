#include "identity/jwt_key.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>

#include <cstring>
#include <new>
#include <utility>

namespace wsp {

namespace {

constexpr size_t secret_size_max = 65536;
constexpr size_t pem_size_max = 65536;
constexpr int rsa_bits_min = 2048;  // RFC 7518, 3.3
constexpr int rsa_bits_max = 16384;

struct free_bio {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
using bio = std::unique_ptr<BIO, free_bio>;

// A public key has no pass phrase, and nobody sits at nginx's terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

bool contains(std::string_view text, std::string_view what) noexcept {
  return text.find(what) != text.npos;
}

// The algorithm of the key's curve (RFC 7518, 3.4).
bool alg_of_curve(const EVP_PKEY* key, jwt_alg* out) noexcept {
  char name[80];
  size_t size = 0;
  if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name,
                                     sizeof name, &size) != 1) {
    return false;
  }
  std::string_view curve(name, size);
  if (curve == "prime256v1" || curve == "P-256") {
    *out = jwt_alg::es256;
  } else if (curve == "secp384r1" || curve == "P-384") {
    *out = jwt_alg::es384;
  } else if (curve == "secp521r1" || curve == "P-521") {
    *out = jwt_alg::es512;
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::string_view name_of(jwt_alg alg) noexcept {
  constexpr std::string_view names[] = {"HS256", "HS384", "HS512",
                                        "RS256", "RS384", "RS512",
                                        "ES256", "ES384", "ES512"};
  return names[static_cast<size_t>(alg)];
}

size_t hash_size(jwt_alg alg) noexcept {
  constexpr size_t sizes[] = {32, 48, 64};
  return sizes[static_cast<size_t>(alg) % 3];
}

// -- what keys own

secret_bytes::secret_bytes(std::string_view bytes) : size_(bytes.size()) {
  data_ = static_cast<unsigned char*>(sodium_malloc(size_));
  if (data_ == nullptr) {
    throw std::bad_alloc();
  }
  std::memcpy(data_, bytes.data(), size_);
  sodium_mprotect_readonly(data_);
}

secret_bytes::secret_bytes(secret_bytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

secret_bytes& secret_bytes::operator=(secret_bytes&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

secret_bytes::~secret_bytes() { sodium_free(data_); }

void free_public_key::operator()(evp_pkey_st* key) const noexcept {
  EVP_PKEY_free(key);
}

openssl_errors::openssl_errors() noexcept { ERR_set_mark(); }
openssl_errors::~openssl_errors() { ERR_pop_to_mark(); }

void throw_if_openssl_is_out_of_memory() {
  if (ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE) {
    throw std::bad_alloc();
  }
}

// -- keys of what was written

std::string use_secret(jwt_key& out, jwt_alg alg, std::string_view bytes) {
  size_t least = hash_size(alg);
  if (bytes.size() < least) {
    return "a secret of " + std::string(name_of(alg)) + " is at least " +
           std::to_string(least) + " bytes: write that many random ones";
  }
  if (bytes.size() > secret_size_max) {
    return "a secret is at most " + std::to_string(secret_size_max) +
           " bytes";
  }
  out.alg = alg;
  out.secret = secret_bytes(bytes);
  out.signature_size = least;
  return {};
}

std::string use_public_key(jwt_key& out, public_key key,
                           const jwt_alg* wanted) {
  jwt_alg alg{};
  switch (EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_RSA: {
      int bits = EVP_PKEY_get_bits(key.get());
      if (bits < rsa_bits_min || bits > rsa_bits_max) {
        return "an RSA key has " + std::to_string(rsa_bits_min) + ".." +
               std::to_string(rsa_bits_max) + " bits: make a larger one";
      }
      alg = wanted == nullptr ? jwt_alg::rs256 : *wanted;
      out.signature_size = static_cast<size_t>((bits + 7) / 8);
      break;
    }
    case EVP_PKEY_EC:
      if (!alg_of_curve(key.get(), &alg)) {
        return "the curve of an EC key is P-256, P-384 or P-521";
      }
      out.signature_size =
          2 * static_cast<size_t>((EVP_PKEY_get_bits(key.get()) + 7) / 8);
      break;
    default:
      return "the key is neither RSA nor EC: tokens are verified by RS256, "
             "ES256 and their kin, or a secret";
  }
  if (wanted != nullptr && *wanted != alg) {
    return std::string(name_of(*wanted)) + " does not fit this key, " +
           std::string(name_of(alg)) + " would";
  }
  out.alg = alg;
  out.parsed = std::move(key);
  return {};
}

std::string key_of_secret(jwt_key& out, std::string_view text) {
  if (contains(text, "-----BEGIN ")) {
    // As a secret a public key would let everybody sign.
    return "this is a PEM file and no secret: give it as key";
  }
  return use_secret(out, jwt_alg::hs256, text);
}

std::string key_of_pem(jwt_key& out, std::string_view text) {
  if (text.size() > pem_size_max) {
    return "a PEM file of one key is at most " +
           std::to_string(pem_size_max) + " bytes";
  }
  if (contains(text, "PRIVATE KEY-----")) {
    return "this is a private key: write its public key "
           "(openssl pkey -pubout) and keep this one away from here";
  }
  if (contains(text, "CERTIFICATE-----")) {
    return "this is a certificate: write its public key "
           "(openssl x509 -noout -pubkey)";
  }
  constexpr std::string_view begin = "-----BEGIN ";
  size_t first = text.find(begin);
  if (first == text.npos) {
    return "this is no public key: write PEM, beginning with "
           "\"-----BEGIN PUBLIC KEY-----\"";
  }
  if (text.find(begin, first + begin.size()) != text.npos) {
    return "one PEM file is one key: write several as a JWK set, each with "
           "a kid";
  }
  openssl_errors errors;
  bio in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (in == nullptr) {
    throw std::bad_alloc();
  }
  public_key key(
      PEM_read_bio_PUBKEY(in.get(), nullptr, no_passphrase, nullptr));
  if (key == nullptr) {
    throw_if_openssl_is_out_of_memory();
    return "the PEM of the public key cannot be read: write it anew "
           "(openssl pkey -pubin -in FILE checks it)";
  }
  return use_public_key(out, std::move(key), nullptr);
}

}  // namespace wsp
