#include "domain/incoming_event.h"

#include <sodium.h>

#include "store/keys.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr std::string_view kept_ms = "604800000";  // 7 days

std::string_view hash(arena& memory, std::string_view text) {
  unsigned char out[32];
  crypto_generichash(out, sizeof out,
                     reinterpret_cast<const unsigned char*>(text.data()),
                     text.size(), nullptr, 0);
  return hex(memory, {reinterpret_cast<char*>(out), sizeof out});
}

}  // namespace

flow<result<incoming_event>> find_incoming(operation& op,
                                           std::string_view event_id,
                                           std::string_view body) {
  arena& memory = arena_of(op);
  incoming_event event;
  event.key = keys_of(op).incoming_event(hash(memory, event_id));
  event.fingerprint = hash(memory, body);
  trip asking(op);
  asking.add({"HMGET", event.key, "body", "reference"});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  if (!asking[0][0].is_nil() && asking[0][0].str() != event.fingerprint) {
    co_return problem{fault::conflict,
                      "this event_id was used for another event"};
  }
  event.reference = asking[0][1].str();
  co_return event;
}

void remember_incoming(operation&, commit& change,
                       const incoming_event& event,
                       std::string_view reference) {
  change.expect("0", {"EXISTS", event.key});
  change.write({"HSET", event.key, "body", event.fingerprint, "reference",
                reference});
  change.write({"PEXPIRE", event.key, kept_ms});
}

}  // namespace wsp
