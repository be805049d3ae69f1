#include "identity/jwt.h"

#include <sodium.h>

#include <utility>

#include "engine/operation.h"
#include "identity/jwks.h"
#include "identity/signature.h"
#include "text/json.h"
#include "text/text.h"

namespace {

using wsp::arena;
using wsp::compact_token;
using wsp::fault;
using wsp::problem;
using wsp::result;
using wsp::view;

constexpr size_t keys_max = 256;
constexpr uint32_t leeway_max_s = 3600;

constexpr problem bad(std::string_view message) noexcept {
  return {fault::bad_token, message};
}

// -- the header's value

// The token of "Bearer <token>" (RFC 6750, 2.1; the scheme in any case, RFC
// 9110, 11.1).  No header and another scheme are alike: nobody is named.
result<std::string_view> bearer_token(std::string_view value) noexcept {
  size_t blank = value.find(' ');
  if (!wsp::equal_ignoring_case(value.substr(0, blank), "bearer")) {
    return problem{fault::unauthenticated, "authentication required"};
  }
  size_t from = value.find_first_not_of(' ', value.substr(0, blank).size());
  std::string_view token =
      from == value.npos ? std::string_view() : value.substr(from);
  if (token.size() > wsp::token_size_max) {
    return bad("invalid token: it is larger than 16384 bytes");
  }
  if (token.empty()) {
    return bad("invalid token: none follows the scheme");
  }
  return token;
}

// -- the token's parts

// Strict base64url (RFC 7515, section 2): no padding, nothing but its
// alphabet, unused bits zero.  False also when there is nothing.
bool decode(arena& memory, std::string_view code, std::string_view* out) {
  char* bytes = memory.bytes(code.size() + 1);
  size_t size = 0;
  if (code.empty() ||
      sodium_base642bin(reinterpret_cast<unsigned char*>(bytes), code.size(),
                        code.data(), code.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
    return false;
  }
  *out = {bytes, size};
  return true;
}

bool take_apart(arena& memory, std::string_view text, compact_token* out) {
  size_t first = text.find('.');
  size_t last = text.rfind('.');
  // Another dot between them is none of base64url's digits.
  if (first == last) {
    return false;
  }
  out->signing_input = text.substr(0, last);
  return decode(memory, text.substr(0, first), &out->header) &&
         decode(memory, text.substr(first + 1, last - first - 1),
                &out->payload) &&
         decode(memory, text.substr(last + 1), &out->signature);
}

// -- options

void take(std::string& into, wsp_str given) {
  if (given.len != 0) {
    into = view(given);
  }
}

}  // namespace

// -- configuration

std::string wsp_jwt::read_key(const wsp_jwt_key& given) {
  std::string_view text = view(given.text);
  if (given.type == WSP_JWT_JWKS) {
    return wsp::keys_of_jwks(keys_, text);
  }
  wsp::jwt_key made;
  std::string wrong =
      given.type == WSP_JWT_SECRET ? wsp::key_of_secret(made, text)
      : given.type == WSP_JWT_KEY  ? wsp::key_of_pem(made, text)
                                   : "a key is a secret, a PEM or a JWK set";
  if (wrong.empty()) {
    keys_.push_back(std::move(made));
  }
  return wrong;
}

std::string wsp_jwt::check_kids() const {
  if (keys_.size() > keys_max) {
    return "there are more than " + std::to_string(keys_max) + " keys";
  }
  for (size_t i = 0; keys_.size() > 1 && i < keys_.size(); i++) {
    if (keys_[i].kid.empty()) {
      return "with several keys each needs a kid, or no token could name it: "
             "write them as one JWK set";
    }
    for (size_t j = 0; j < i; j++) {
      if (keys_[j].kid == keys_[i].kid) {
        return "two keys have the same kid: give each its own";
      }
    }
  }
  return {};
}

std::string wsp_jwt::configure(const wsp_jwt_options& options) {
  if (options.size != sizeof options) {
    return "wsp_jwt_options has another size here: build both anew";
  }
  if (sodium_init() < 0) {
    return "libsodium cannot be started";
  }
  randombytes_buf(id_, sizeof id_);
  if (options.issuer.len == 0) {
    return "issuer is required: write the iss of the tokens to trust";
  }
  if (options.audience.len == 0) {
    return "audience is required: write what aud of the tokens names";
  }
  if (options.leeway_s > leeway_max_s) {
    return "leeway is at most " + std::to_string(leeway_max_s) + " seconds";
  }
  rules_.leeway_ms = int64_t{options.leeway_s} * 1000;
  take(rules_.issuer, options.issuer);
  take(rules_.audience, options.audience);
  take(rules_.tenant, options.tenant_claim);
  take(rules_.user, options.user_claim);
  take(rules_.roles, options.roles_claim);
  take(rules_.permissions, options.permissions_claim);
  take(rules_.email, options.email_claim);
  take(rules_.name, options.name_claim);
  take(rules_.admin, options.admin_claim);
  for (const std::string* name :
       {&rules_.tenant, &rules_.user, &rules_.roles, &rules_.permissions,
        &rules_.email, &rules_.name, &rules_.admin}) {
    if (wsp::has_control(*name)) {
      return "the name of a claim holds a control character";
    }
  }
  if (options.key_count == 0) {
    return "a key is required: a secret, a public key or a JWK set";
  }
  for (size_t i = 0; i < options.key_count; i++) {
    std::string wrong = read_key(options.keys[i]);
    if (!wrong.empty()) {
      return wrong;
    }
  }
  return check_kids();
}

// -- verification

// The key that the header names, when the header names the key's algorithm
// too.  What else is in it is not used: no jku, jwk, x5u or x5c brings a key
// along.
result<const wsp::jwt_key*> wsp_jwt::choose_key(arena& memory,
                                                compact_token& token) const {
  auto parsed = wsp::json_parse(memory, token.header);
  const json_t* header = parsed.value.root();
  if (!parsed.ok() || !json_is_object(header)) {
    return bad("invalid token: its header is no JSON object");
  }
  if (json_object_get(header, "crit") != nullptr) {
    return bad("invalid token: crit asks for what is not known here");
  }
  const json_t* type = json_object_get(header, "typ");
  if (type != nullptr) {
    if (!json_is_string(type)) {
      return bad("invalid token: typ is neither JWT nor at+jwt");
    }
    // RFC 9068 names access tokens at+jwt
    if (!wsp::equal_ignoring_case(wsp::json_text(type), "at+jwt") &&
        !wsp::equal_ignoring_case(wsp::json_text(type), "JWT")) {
      return bad("invalid token: typ is neither JWT nor at+jwt");
    }
  }
  const wsp::jwt_key* found = keys_.size() == 1 ? &keys_[0] : nullptr;
  const json_t* kid = json_object_get(header, "kid");
  if (kid != nullptr) {
    if (!json_is_string(kid)) {
      return bad("invalid token: kid is no string");
    }
    // A sole key without kid stands for whatever kid: there is no other.
    if (found == nullptr || !found->kid.empty()) {
      found = nullptr;
      for (const wsp::jwt_key& each : keys_) {
        if (each.kid == wsp::json_text(kid)) {
          found = &each;
        }
      }
    }
  }
  if (found == nullptr) {
    return bad("invalid token: no key has its kid");
  }
  const json_t* alg = json_object_get(header, "alg");
  if (!json_is_string(alg) ||
      wsp::json_text(alg) != wsp::name_of(found->alg)) {
    return bad("invalid token: alg is not that of the key");
  }
  return found;
}

result<wsp::verified_token> wsp_jwt::verify_anew(arena& memory,
                                                 std::string_view text) const {
  compact_token token;
  if (!take_apart(memory, text, &token)) {
    return bad("invalid token: it is not three parts in base64url");
  }
  auto key = choose_key(memory, token);
  if (!key.ok()) {
    return key.error;
  }
  auto parsed = wsp::json_parse(memory, token.payload);
  const json_t* claims = parsed.value.root();
  if (!parsed.ok() || !json_is_object(claims)) {
    return bad("invalid token: its payload is no JSON object");
  }
  if (!wsp::signature_matches(*key.value, token)) {
    return bad("invalid token: the signature does not match");
  }
  problem wrong = wsp::check_addressee(rules_, claims);
  if (!wrong.ok()) {
    return wrong;
  }
  wsp::verified_token made;
  auto valid = wsp::read_validity(rules_, claims);
  if (!valid.ok()) {
    return valid.error;
  }
  made.valid = valid.value;
  auto who = wsp::read_identity(memory, rules_, claims);
  if (!who.ok()) {
    return who.error;
  }
  made.who = who.value;
  return made;
}

result<wsp::identity> wsp_jwt::verify(arena& memory,
                                      std::string_view authorization,
                                      int64_t now_ms,
                                      wsp::token_memory& known) const {
  auto token = bearer_token(authorization);
  if (!token.ok()) {
    return token.error;
  }
  auto name = known.digest_of(id_, token.value);
  wsp::verified_token found;
  bool remembered = known.recall(name, memory, found);
  if (!remembered) {
    auto verified = verify_anew(memory, token.value);
    if (!verified.ok()) {
      return verified.error;
    }
    found = verified.value;
  }
  problem wrong = wsp::check_validity(found.valid, now_ms);
  if (wrong.ok()) {
    if (!remembered) {
      known.remember(name, found);
    }
    return found.who;
  }
  if (wrong.kind == fault::expired && remembered) {
    known.forget(name);
  }
  return wrong;
}
