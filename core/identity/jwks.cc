#include "identity/jwks.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>

#include <optional>
#include <utility>

#include "engine/arena.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr size_t set_size_max = 1 << 20;

struct free_builder {
  void operator()(OSSL_PARAM_BLD* p) const noexcept { OSSL_PARAM_BLD_free(p); }
};
struct free_params {
  void operator()(OSSL_PARAM* p) const noexcept { OSSL_PARAM_free(p); }
};
struct free_context {
  void operator()(EVP_PKEY_CTX* p) const noexcept { EVP_PKEY_CTX_free(p); }
};
struct free_number {
  void operator()(BIGNUM* p) const noexcept { BN_free(p); }
};
using builder = std::unique_ptr<OSSL_PARAM_BLD, free_builder>;
using params = std::unique_ptr<OSSL_PARAM, free_params>;
using number = std::unique_ptr<BIGNUM, free_number>;

template <class T>
T needed(T made) {
  if (made == nullptr) {
    throw std::bad_alloc();
  }
  return made;
}

void need(bool done) {
  if (!done) {
    throw std::bad_alloc();
  }
}

std::string_view member(const json_t* key, const char* name) noexcept {
  const json_t* value = json_object_get(key, name);
  return json_is_string(value) ? json_text(value) : std::string_view();
}

// The bytes of a base64url member; nothing when it is absent, empty or not
// well-formed.
std::optional<std::string_view> bytes_of(arena& memory, const json_t* key,
                                         const char* name) {
  std::string_view code = member(key, name);
  char* out = memory.bytes(code.size() + 1);
  size_t size = 0;
  if (code.empty() ||
      sodium_base642bin(reinterpret_cast<unsigned char*>(out), code.size(),
                        code.data(), code.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      size == 0) {
    return std::nullopt;
  }
  return std::string_view(out, size);
}

const unsigned char* octets(std::string_view bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// Null when OpenSSL does not take the numbers.
public_key make_public_key(const char* type, OSSL_PARAM_BLD* from) {
  params given(needed(OSSL_PARAM_BLD_to_param(from)));
  std::unique_ptr<EVP_PKEY_CTX, free_context> context(
      needed(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr)));
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY,
                        given.get()) != 1) {
    throw_if_openssl_is_out_of_memory();
    EVP_PKEY_free(made);
    return nullptr;
  }
  return public_key(made);
}

std::string use_rsa(jwt_key& out, arena& memory, const json_t* key,
                    const jwt_alg* wanted) {
  auto n = bytes_of(memory, key, "n");
  auto e = bytes_of(memory, key, "e");
  if (!n || !e) {
    return "n and e of an RSA key are base64url without padding";
  }
  // An even modulus or exponent, or the exponent 1, is no RSA.
  bool odd = (n->back() & 1) != 0 && (e->back() & 1) != 0;
  if (!odd || n->size() > 2048 || e->size() > 8) {
    return "n and e are not those of an RSA key";
  }
  number modulus(needed(BN_bin2bn(octets(*n), int(n->size()), nullptr)));
  number exponent(needed(BN_bin2bn(octets(*e), int(e->size()), nullptr)));
  builder from(needed(OSSL_PARAM_BLD_new()));
  need(OSSL_PARAM_BLD_push_BN(from.get(), OSSL_PKEY_PARAM_RSA_N,
                              modulus.get()) == 1 &&
       OSSL_PARAM_BLD_push_BN(from.get(), OSSL_PKEY_PARAM_RSA_E,
                              exponent.get()) == 1);
  public_key made = BN_is_one(exponent.get())
                        ? nullptr
                        : make_public_key("RSA", from.get());
  if (made == nullptr) {
    return "n and e are not those of an RSA key";
  }
  return use_public_key(out, std::move(made), wanted);
}

std::string use_ec(jwt_key& out, arena& memory, const json_t* key,
                   const jwt_alg* wanted) {
  struct curve {
    std::string_view name;
    const char* group;
    size_t size;  // bytes of a coordinate, its zeros included
  };
  constexpr curve curves[] = {
      {"P-256", "P-256", 32}, {"P-384", "P-384", 48}, {"P-521", "P-521", 66}};
  const curve* found = nullptr;
  for (const curve& each : curves) {
    if (each.name == member(key, "crv")) {
      found = &each;
    }
  }
  if (found == nullptr) {
    return "crv of an EC key is P-256, P-384 or P-521";
  }
  auto x = bytes_of(memory, key, "x");
  auto y = bytes_of(memory, key, "y");
  if (!x || !y || x->size() != found->size || y->size() != found->size) {
    return "x and y of an EC key are base64url without padding, of " +
           std::to_string(found->size) + " bytes each";
  }
  std::string_view point = memory.join("\x04", *x, *y);
  builder from(needed(OSSL_PARAM_BLD_new()));
  need(OSSL_PARAM_BLD_push_utf8_string(from.get(),
                                       OSSL_PKEY_PARAM_GROUP_NAME,
                                       found->group, 0) == 1 &&
       OSSL_PARAM_BLD_push_octet_string(from.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                        point.data(), point.size()) == 1);
  public_key made = make_public_key("EC", from.get());
  if (made == nullptr) {
    return "x and y are no point of the curve";
  }
  return use_public_key(out, std::move(made), wanted);
}

std::string use_oct(jwt_key& out, arena& memory, const json_t* key,
                    const jwt_alg* wanted) {
  auto bytes = bytes_of(memory, key, "k");
  if (!bytes) {
    return "k of a secret is base64url without padding";
  }
  return use_secret(out, wanted == nullptr ? jwt_alg::hs256 : *wanted,
                    *bytes);
}

bool is_for_verifying(const json_t* key) noexcept {
  const json_t* use = json_object_get(key, "use");
  if (use != nullptr && member(key, "use") != "sig") {
    return false;
  }
  const json_t* operations = json_object_get(key, "key_ops");
  if (operations == nullptr) {
    return true;
  }
  size_t i;
  const json_t* each;
  json_array_foreach(operations, i, each) {
    if (json_is_string(each) && json_text(each) == "verify") {
      return true;
    }
  }
  return false;
}

// What `alg` names; false when it is no algorithm of ours.  Absent: nothing.
bool wanted_alg(const json_t* key, std::optional<jwt_alg>& out) noexcept {
  if (json_object_get(key, "alg") == nullptr) {
    return true;
  }
  for (unsigned i = 0; i <= static_cast<unsigned>(jwt_alg::es512); i++) {
    auto alg = static_cast<jwt_alg>(i);
    if (member(key, "alg") == name_of(alg)) {
      out = alg;
      return true;
    }
  }
  return false;
}

std::string use_key(jwt_key& out, arena& memory, const json_t* key,
                    const jwt_alg* wanted) {
  std::string_view type = member(key, "kty");
  bool fits = wanted == nullptr ||
              (type == "oct" && is_hmac(*wanted)) ||
              (type == "RSA" && is_rsa(*wanted)) ||
              (type == "EC" && !is_hmac(*wanted) && !is_rsa(*wanted));
  if (!fits) {
    return "alg does not fit kty";
  }
  const json_t* kid = json_object_get(key, "kid");
  if (kid != nullptr && (!json_is_string(kid) || json_text(kid).empty())) {
    return "kid is a string that is not empty";
  }
  out.kid = member(key, "kid");
  if (type == "RSA") {
    return use_rsa(out, memory, key, wanted);
  }
  if (type == "EC") {
    return use_ec(out, memory, key, wanted);
  }
  return use_oct(out, memory, key, wanted);
}

}  // namespace

std::string keys_of_jwks(std::vector<jwt_key>& into, std::string_view text) {
  if (text.size() > set_size_max) {
    return "a JWK set is at most " + std::to_string(set_size_max) + " bytes";
  }
  // A set may hold secrets.
  arena memory;
  memory.wipe_when_freed();
  openssl_errors errors;
  auto parsed = json_parse(memory, text);
  if (!parsed.ok()) {
    return "the JWK set is not valid JSON" +
           std::string(parsed.error.message.substr(
               parsed.error.message.find(':')));
  }
  const json_t* keys = json_object_get(parsed.value.root(), "keys");
  if (!json_is_array(keys)) {
    return "a JWK set is an object with an array \"keys\" (RFC 7517)";
  }
  size_t before = into.size();
  size_t i;
  const json_t* each;
  json_array_foreach(keys, i, each) {
    std::string_view type = member(each, "kty");
    std::optional<jwt_alg> wanted;
    if ((type != "RSA" && type != "EC" && type != "oct") ||
        !is_for_verifying(each) || !wanted_alg(each, wanted)) {
      continue;
    }
    jwt_key made;
    std::string wrong =
        use_key(made, memory, each, wanted ? &*wanted : nullptr);
    if (!wrong.empty()) {
      return "key " + std::to_string(i + 1) + " of the JWK set: " + wrong;
    }
    into.push_back(std::move(made));
  }
  if (into.size() == before) {
    return "the JWK set holds no key that verifies signatures: RSA for RS256, "
           "RS384 or RS512, EC on P-256, P-384 or P-521, or oct";
  }
  return {};
}

}  // namespace wsp
