#include "domain/sealed.h"

#include <algorithm>

#include "seal/envelope.h"
#include "store/keys.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr problem no_keys{fault::unavailable,
                          "sealed data is not configured here"};

seal_place place_of(operation& op, const access& here,
                    std::string_view slot) {
  return {op.who.tenant, here.record.id, slot};
}

}  // namespace

bool is_slot(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 128 &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
         });
}

flow<result<std::optional<std::string_view>>> read_sealed(
    operation& op, const access& here, std::string_view slot) {
  std::optional<std::string_view> text;
  const wsp_keyring* ring = keyring_of(op);
  if (ring == nullptr) {
    co_return no_keys;
  }
  arena_of(op).wipe_when_freed();
  trip asking(op);
  asking.add({"HGET", keys_of(op).sealed(here.record.id), slot});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  if (asking[0].is_nil()) {
    co_return text;
  }
  opened_blob opened = open_sealed(arena_of(op), *ring,
                                   place_of(op, here, slot),
                                   asking[0].str());
  if (opened.how != unsealed::opened) {
    arena& memory = arena_of(op);
    log_line(op, WSP_LOG_ERROR,
             opened.how == unsealed::unknown_key
                 ? "sealed data under a key that is not in the key file, "
                 : "sealed data does not open, ",
             memory.join("workspace ", decimal(memory, here.record.id),
                         ", slot ", slot, ", tenant \"",
                         percent_encode(memory, op.who.tenant), "\""));
    co_return problem{fault::internal, "sealed data cannot be opened"};
  }
  text = opened.plain;
  co_return text;
}

flow<problem> write_sealed(operation& op, commit& change, const access& here,
                           std::string_view slot, std::string_view text) {
  const wsp_keyring* ring = keyring_of(op);
  if (ring == nullptr) {
    co_return no_keys;
  }
  arena& memory = arena_of(op);
  memory.wipe_when_freed();
  std::string_view key = keys_of(op).sealed(here.record.id);
  trip asking(op);
  asking.add({"HEXISTS", key, slot});
  asking.add({"HLEN", key});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  if (asking[0].number == 0) {
    if (asking[1].number >= static_cast<int64_t>(slots_max)) {
      co_return problem{fault::refused,
                        "a workspace has at most 64 sealed slots"};
    }
    change.expect_below(static_cast<int64_t>(slots_max), {"HLEN", key});
  }
  change.write({"HSET", key, slot,
                seal(memory, *ring, random_of(op), place_of(op, here, slot),
                     text)});
  change.touch(keys_of(op).workspace(here.record.id));
  co_return problem{};
}

}  // namespace wsp
