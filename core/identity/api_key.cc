#include "identity/api_key.h"

#include <sodium.h>

#include "identity/random_token.h"
#include "store/cache.h"
#include "store/record_read.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr size_t key_size_max = 512;

// In the words of the partner contract.
constexpr std::string_view no_partner_key = "Invalid or missing API key";

// Whatever has been written there to disable a key does.
bool is_disabled(std::string_view field) noexcept {
  return !field.empty() && !says_no(field);
}

struct key_record {
  identity who;  // its user may be missing
  bool partner = false;
  bool disabled = false;
};

constexpr problem disabled_key{fault::forbidden, "this API key is disabled"};

flow<result<key_record>> read_key(operation& op) {
  const wsp_identity& given = op.request->identity;
  std::string_view key = view(given.api_key);
  if (key.empty()) {
    co_return problem{fault::unauthenticated, "API key required"};
  }
  if (key.size() > key_size_max) {
    co_return problem{fault::bad_token, "invalid API key"};
  }
  std::string_view name =
      key_names::api_key(op.memory, api_key_hash(op.memory, key));
  record_read reading(
      op, name, {"HMGET", name, "tenant", "user", "disabled", "partner"});
  // A key may have a time to live, and Redis tells of its end only when it
  // comes across it.
  reading.no_older_than(cache_of(op).max_stale_ms());
  reading.start();
  co_await reading.get();
  if (!reading.ok()) {
    co_return reading.failure();
  }
  const reply& fields = reading.value();
  key_record found;
  found.who.tenant = fields[0].str();
  found.who.user = given.user.len != 0 ? view(given.user) : fields[1].str();
  found.who.email = view(given.email);
  found.who.name = view(given.name);
  found.disabled = is_disabled(fields[2].str());
  found.partner = fields[3].str() == "1";
  if (!is_id(found.who.tenant)) {
    co_return problem{fault::bad_token, "invalid API key"};
  }
  co_return found;
}

}  // namespace

std::string_view draw_api_key(operation& op) {
  return arena_of(op).join("wsk_", draw_token(op));
}

std::string_view api_key_hash(arena& memory, std::string_view key) {
  unsigned char hash[32];
  crypto_generichash(hash, sizeof hash,
                     reinterpret_cast<const unsigned char*>(key.data()),
                     key.size(), nullptr, 0);
  return hex(memory, {reinterpret_cast<char*>(hash), sizeof hash});
}

flow<result<identity>> identify_by_api_key(operation& op) {
  auto reading = read_key(op);
  auto found = co_await reading;
  if (!found.ok()) {
    co_return found.error;
  }
  if (found.value.disabled) {
    co_return disabled_key;
  }
  if (!is_id(found.value.who.user)) {
    co_return problem{fault::unauthenticated, "a user is required"};
  }
  co_return found.value.who;
}

flow<result<identity>> identify_partner(operation& op) {
  if (!asks_by_api_key(op)) {
    co_return problem{fault::unauthenticated, no_partner_key};
  }
  auto reading = read_key(op);
  auto found = co_await reading;
  if (found.error.kind == fault::unauthenticated ||
      found.error.kind == fault::bad_token) {
    found.error.message = no_partner_key;
  }
  if (!found.ok()) {
    co_return found.error;
  }
  if (!found.value.partner) {
    co_return problem{fault::bad_token, no_partner_key};
  }
  if (found.value.disabled) {
    co_return disabled_key;
  }
  // Two may be those of two people, and the source names only one of them.
  if (count_headers(op, partner_user_header) > 1) {
    co_return problem{fault::invalid,
                      "X-ATS-User-ID is given more than once",
                      partner_user_header, request_part::header};
  }
  identity& who = found.value.who;
  if (!who.user.empty() && !is_id(who.user)) {
    std::string_view rule =
        id_rule(who.user, "must be 1 to 255 bytes of UTF-8");
    co_return problem{fault::invalid,
                      op.memory.join(partner_user_header, " ", rule),
                      partner_user_header, request_part::header};
  }
  if (who.user.empty()) {
    who.name = {};
    who.email = {};
  }
  who.tenant_admin = true;
  co_return who;
}

}  // namespace wsp
