// The outbox in the store: what is to be sent, and when.
//
// A job is queued by the commit of the change that caused it, so there is
// none without the other.  Whoever takes it moves its due time behind a
// lease, if it is still the one that was seen: of several takers one has it,
// and when that one dies the job is due again.  With an outcome it is removed,
// moved to a later time, or put aside as dead, if the lease still holds.  So
// a job is carried out at least once.
//
// Each kind has queues of its own: none waits behind another.
#ifndef WORKSPACES_STORE_OUTBOX_H
#define WORKSPACES_STORE_OUTBOX_H

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"

namespace wsp {

enum class job_kind : unsigned char { mail, count };
constexpr size_t job_kinds = static_cast<size_t>(job_kind::count);
std::string_view name_of(job_kind kind) noexcept;

struct job {
  std::string_view id;
  std::string_view tenant;
  std::string_view order;    // jobs that share it are of one workspace
  std::string_view payload;  // the kind's business
  int64_t created = 0;
  int64_t tries = 0;  // begun so far, this one among them
};

// 32 hexadecimal digits, for enqueue().
std::string_view new_job_id(operation& op);

// `what` but for created and tries.  Once it is committed, this worker looks
// for it at once.
void enqueue(operation& op, commit& change, job_kind kind, const job& what);

// A job in a queue, as it was seen there.
struct queued {
  std::string_view id;
  int64_t due = 0;
};

// Takes it, if it is as it was seen; `lease` is its due time from then on.
// The operation has the keys of the partition.
struct taken {
  bool done = false;
  job what;
};
flow<result<taken>> take(operation& op, job_kind kind, const queued& seen,
                         int64_t lease);

// The ends of a lease: false when it was lost, and nothing was changed.
flow<result<bool>> remove(operation& op, job_kind kind, const queued& held);
flow<result<bool>> postpone(operation& op, job_kind kind, const queued& held,
                            int64_t due, std::string_view reason);
flow<result<bool>> give_back(operation& op, job_kind kind, const queued& held);
flow<result<bool>> bury(operation& op, job_kind kind, const queued& held,
                        std::string_view reason);

}  // namespace wsp

#endif  // WORKSPACES_STORE_OUTBOX_H
