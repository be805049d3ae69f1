// The outbox in the store: what is to be sent, and when.
//
// A job is queued by the commit of the change that caused it, so there is
// none without the other.  Jobs stand in lanes: those of a lane are carried
// out in their order, the next one when the one before has ended.  A job that
// waits for no other has a lane of its own, which is named as the job and needs
// no list.
//
// A queue holds the lanes by the time when their first jobs are due.  Whoever
// takes one moves that time behind a lease, if it is still the one that was
// seen: of several takers one has it, and when that one dies the job is due
// again.  With an outcome the job is removed, put off, or put aside as dead,
// if the lease still holds.  So a job is carried out at least once.
//
// Each kind has queues of its own: none waits behind another.
#ifndef WORKSPACES_STORE_OUTBOX_H
#define WORKSPACES_STORE_OUTBOX_H

#include <cstdint>
#include <string_view>

#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"

namespace wsp {

enum class job_kind : unsigned char { mail, webhook, work, count };
constexpr size_t job_kinds = static_cast<size_t>(job_kind::count);
std::string_view name_of(job_kind kind) noexcept;

struct job {
  std::string_view id;
  std::string_view tenant;
  std::string_view lane;     // empty: its own
  std::string_view payload;  // the kind's business
  int64_t created = 0;
  int64_t tries = 0;  // begun so far, this one among them
};

constexpr size_t job_id_size = 32;
// Hexadecimal digits, for enqueue().
std::string_view new_job_id(operation& op);

// The name of a lane that several jobs of a tenant may share.
std::string_view lane_name(arena& memory, std::string_view tenant,
                           std::string_view of);
// The tenant, as it is in that name; empty: the lane is one job's own.
std::string_view tenant_in(std::string_view lane) noexcept;

// `what` but for created and tries, behind what is in its lane.  Once it is
// committed, this worker looks for it at once.
void enqueue(operation& op, commit& change, job_kind kind, const job& what);

// A lane in a queue, as it was seen there.
struct queued {
  std::string_view lane;
  int64_t due = 0;
};

// Takes its first job, if it is as it was seen; `lease` is its due time from
// then on.  The operation has the keys of the partition.
struct taken {
  bool done = false;
  job what;
};
flow<result<taken>> take(operation& op, job_kind kind, const queued& seen,
                         int64_t lease);

// A job that was taken.
struct held_job {
  job_kind kind;
  queued held;  // its lane, and the lease
  job what;
};

// The ends of a lease, each of a commit's own; others may add to it what is to
// be true at once.  Not done (committed): the lease was lost.
void remove(operation& op, commit& change, const held_job& held);
void postpone(operation& op, commit& change, const held_job& held, int64_t due,
              std::string_view reason);
void give_back(operation& op, commit& change, const held_job& held,
               int64_t due);
// A part of it is done, and the rest is due at once, as if never tried.
void go_on_with(operation& op, commit& change, const held_job& held);
void bury(operation& op, commit& change, const held_job& held,
          std::string_view reason);

// Makes the first of a job's lane due at once.
enum class hurried { yes, in_hand, not_there };
flow<result<hurried>> hurry(operation& op, commit& change, job_kind kind,
                            job what);

// A job that was given up.
struct dead_job {
  bool exists = false;
  job_kind kind = job_kind::mail;
  job what;
  int64_t died = 0;
  std::string_view reason;
};
flow<result<dead_job>> read_dead_job(operation& op, job_kind kind,
                                     std::string_view id);
// Behind what is in its lane, as if it had never been tried; or away with it.
// Not done (committed): it is not dead any more.
void revive(operation& op, commit& change, const dead_job& dead);
void discard(operation& op, commit& change, const dead_job& dead);

}  // namespace wsp

#endif  // WORKSPACES_STORE_OUTBOX_H
