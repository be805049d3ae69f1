// The deletion of a tenant, with everything that is kept of it.
//
// It is begun by a commit that leaves a record of it; as long as that is there
// every commit with keys of the tenant is refused (store/commit.h).  A job of
// the outbox (engine/work.h) goes through Redis, a slice at a time, and says
// in the record how far it came: whoever takes the job next goes on from there.
// What has been done may be done again, and each step asks whether it is still
// the same deletion.
#ifndef WORKSPACES_DOMAIN_DELETION_H
#define WORKSPACES_DOMAIN_DELETION_H

#include <cstdint>
#include <string_view>

#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "engine/work.h"
#include "store/commit.h"
#include "store/outbox.h"
#include "store/reply.h"
#include "store/trip.h"

namespace wsp {

struct deletion_record {
  std::string_view job;
  int64_t started = 0;  // milliseconds since the epoch
  int64_t phase = 0;
  std::string_view cursor;  // of SCAN, in this phase
  int64_t found = 0;        // in this pass
  int64_t removed = 0;      // keys, in all

  bool exists() const noexcept { return started > 0; }
};

// The command that reads the record of the tenant with these keys, for a trip
// of the caller's, and what takes its reply.
void ask_deletion(trip& asking, key_names& names);
deletion_record parse_deletion(const reply& fields) noexcept;

// What it removes at present.
std::string_view phase_of(const deletion_record& record) noexcept;

// Begins it, or, where its job is not in the queue any more, takes it up
// again; `record` is what there is of it.  The API key of a partner opens
// nothing from then on.  The operation is left with the keys of the partition.
flow<problem> begin_deletion(operation& op, commit& change,
                             deletion_record& record);

// A slice of it.  The operation has the keys of the partition.
flow<result<work_state>> delete_slice(operation& op, const job& what);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_DELETION_H
