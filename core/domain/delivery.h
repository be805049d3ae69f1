// Deliveries: what partners were or are to be told of, and what came of it.
//
// A delivery is a record of its own, beside the job that carries it out: it is
// pending until its endpoint took it or it was given up, and is kept for seven
// days from then on, the latest 1000 of a partner.  It may be begun anew, with
// the same event id.
#ifndef WORKSPACES_DOMAIN_DELIVERY_H
#define WORKSPACES_DOMAIN_DELIVERY_H

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"
#include "store/reply.h"

namespace wsp {

enum class delivery_state : unsigned char { pending, delivered, failed };
std::string_view name_of(delivery_state state) noexcept;
std::optional<delivery_state> parse_delivery_state(
    std::string_view name) noexcept;

struct delivery {
  std::string_view event_id;
  std::string_view event;  // "workspace.provisioned"
  std::string_view reference_id;
  std::string_view client_id;
  delivery_state state = delivery_state::pending;
  int64_t created = 0;  // milliseconds since the epoch
  int64_t ended = 0;    // the same; 0: it is pending
  int64_t tries = 0;
  int64_t status = 0;      // of the last answer; 0: there was none
  std::string_view error;  // why the last try did not succeed
  std::string_view job;
  std::string_view body;

  bool exists() const noexcept { return created > 0; }
};

// All of these are about the partner whose keys the operation knows.

// Writes it down and queues its job.  One of its client is carried out after
// the other.
void queue_delivery(operation& op, commit& change, const delivery& what);

// One that does not exist is no failure.
flow<result<delivery>> read_delivery(operation& op, std::string_view event_id);

// What came of a try.
struct delivery_try {
  int64_t at = 0;  // milliseconds since the epoch
  int64_t ms = 0;  // how long it took
  unsigned status = 0;
  std::string_view error;
  std::string_view answer;
};
// With the end of its job's lease; not done (committed): the delivery is gone.
void note_try(operation& op, commit& change, std::string_view event_id,
              const delivery_try& what, delivery_state from_now_on);

// Its tries, the latest first, each a JSON object:
//   {"at", "duration_ms", "status", "error", "answer"}
// The last answer is whole (64 KiB), those before it are cut at 1 KiB.
struct delivery_details {
  delivery record;
  list<std::string_view> tries;
};
// not_found: there is no such delivery.
flow<problem> read_delivery_details(operation& op, std::string_view event_id,
                                    delivery_details& into);

// Those behind `after` (an event id; empty: from the newest), the newest first.
struct delivery_page {
  list<delivery> items;   // without their bodies
  std::string_view next;  // `after` of the next page; empty: this is the last
};
flow<problem> list_deliveries(operation& op, std::string_view after,
                              size_t limit, std::optional<delivery_state> only,
                              delivery_page& into);

// Delivers it again, or, where it is pending, makes its workspace's next try
// at once.  not_found: there is none; conflict: it is being delivered.
flow<problem> redeliver(operation& op, commit& change,
                        std::string_view event_id);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_DELIVERY_H
