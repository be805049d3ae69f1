// Events that a partner sends: each is carried out once, whatever number of
// times it comes.
//
// What came of one is kept for 7 days, under the hash of its event_id; a
// refused one has changed nothing and may come again.
#ifndef WORKSPACES_DOMAIN_INCOMING_EVENT_H
#define WORKSPACES_DOMAIN_INCOMING_EVENT_H

#include <string_view>

#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"

namespace wsp {

struct incoming_event {
  std::string_view key;          // in Redis
  std::string_view fingerprint;  // of the whole body
  std::string_view reference;    // of the first; empty: it has not come yet
};

// conflict: it came with another body.
flow<result<incoming_event>> find_incoming(operation& op,
                                           std::string_view event_id,
                                           std::string_view body);

// Puts into the commit of its work that it came, and that it is the first.
void remember_incoming(operation& op, commit& change,
                       const incoming_event& event,
                       std::string_view reference);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_INCOMING_EVENT_H
