// Rewrap: all sealed data is opened and sealed anew under the first key of the
// ring, so that the keys before can go.
//
// There is one at a time, of all tenants: the blobs of their workspaces and
// the secrets of partners.  A job of the outbox (engine/work.h) does a slice
// of it at a time, and says in the record how far it came.  A blob is replaced
// only if it is still the one that was opened; whoever writes one meanwhile
// seals it under the first key of a ring of his own.
#ifndef WORKSPACES_DOMAIN_REWRAP_H
#define WORKSPACES_DOMAIN_REWRAP_H

#include <cstdint>
#include <string_view>

#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "engine/work.h"
#include "store/commit.h"
#include "store/outbox.h"

namespace wsp {

enum class rewrap_state { none, running, done, given_up };
std::string_view name_of(rewrap_state state) noexcept;

// The last thing that is done; what is behind it is still to do.
struct rewrap_position {
  int64_t partition = 0;
  std::string_view tenant;  // empty: before the first of the partition
  int64_t workspace = 0;    // 0: its secrets as a partner
  std::string_view slot;    // empty: all of the workspace
};

struct rewrap_counts {
  int64_t tenants = 0;
  int64_t workspaces = 0;
  int64_t blobs = 0;      // that were looked at
  int64_t rewrapped = 0;  // of these; the others have the key, or ...
  int64_t failed = 0;     // ... do not open
};

struct rewrap_record {
  rewrap_state state = rewrap_state::none;
  std::string_view job;
  std::string_view key;  // id of the key that it is about
  int64_t started = 0;   // milliseconds since the epoch
  int64_t ended = 0;     // the same; 0: it has not
  rewrap_position at;
  rewrap_counts seen;
};

// The latest one.  The operation needs no tenant.
flow<result<rewrap_record>> read_rewrap(operation& op);

// conflict: one under this key is running; unavailable: there is no key ring.
// One under another key is given up for it.  Leaves the operation with the
// keys of a partition.
flow<result<rewrap_record>> begin_rewrap(operation& op, commit& change);

// A slice of it.
flow<result<work_state>> rewrap_slice(operation& op, const job& what);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_REWRAP_H
