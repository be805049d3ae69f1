#include "identity/api_key.h"

#include <sodium.h>

#include "store/cache.h"
#include "store/record_read.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr size_t key_size_max = 512;

std::string_view record_key(arena& memory, std::string_view key) {
  unsigned char hash[32];
  crypto_generichash(hash, sizeof hash,
                     reinterpret_cast<const unsigned char*>(key.data()),
                     key.size(), nullptr, 0);
  return memory.join(
      "wsp:k:", hex(memory, {reinterpret_cast<char*>(hash), sizeof hash}));
}

// Whatever has been written there to disable a key does.
bool is_disabled(std::string_view field) noexcept {
  return !field.empty() && !says_no(field);
}

}  // namespace

flow<result<identity>> identify_by_api_key(operation& op) {
  const wsp_identity& given = op.request->identity;
  std::string_view key = view(given.api_key);
  if (key.empty()) {
    co_return problem{fault::unauthenticated, "API key required"};
  }
  if (key.size() > key_size_max) {
    co_return problem{fault::bad_token, "invalid API key"};
  }
  std::string_view name = record_key(op.memory, key);
  record_read reading(op, name,
                      {"HMGET", name, "tenant", "user", "disabled"});
  // A key may have a time to live, and Redis tells of its end only when it
  // comes across it.
  reading.no_older_than(cache_of(op).max_stale_ms());
  reading.start();
  co_await reading.get();
  if (!reading.ok()) {
    co_return reading.failure();
  }
  const reply& fields = reading.value();
  identity who;
  who.tenant = fields[0].str();
  who.user = given.user.len != 0 ? view(given.user) : fields[1].str();
  if (!is_id(who.tenant)) {
    co_return problem{fault::bad_token, "invalid API key"};
  }
  if (is_disabled(fields[2].str())) {
    co_return problem{fault::forbidden, "this API key is disabled"};
  }
  if (!is_id(who.user)) {
    co_return problem{fault::unauthenticated, "a user is required"};
  }
  who.email = view(given.email);
  who.name = view(given.name);
  co_return who;
}

}  // namespace wsp
