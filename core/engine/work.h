// Long work of the core's own: jobs of the outbox that nobody outside carries
// out, done a slice at a time.
//
// How far it came is kept in Redis, so that any worker goes on with it, and
// nothing is lost with one that dies.  A slice takes far less time than the
// lease of its job.
#ifndef WORKSPACES_ENGINE_WORK_H
#define WORKSPACES_ENGINE_WORK_H

#include <string_view>

#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"

namespace wsp {

struct job;

enum class work_state {
  over,      // there is nothing left to do
  goes_on,   // a slice is done
  not_mine,  // another worker can, this one cannot
};

// What a job of this kind is for: its payload, or the beginning of it.
namespace work {
constexpr std::string_view deletion = "deletion";
constexpr std::string_view rewrap = "rewrap";
constexpr std::string_view removal = "removal ";  // and the id of a workspace
}  // namespace work

// A slice of it.  The operation has the keys of the job's partition.
flow<result<work_state>> do_slice(operation& op, const job& what);

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_WORK_H
