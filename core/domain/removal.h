// The removal of a deleted workspace from what is kept of its members: from the
// list of each one's workspaces, and as the active one.
//
// Where they are many this would hold Redis up.  Then the commit that deletes
// it puts memberships and contexts aside under other names, so that nobody is
// a member any more, and a job of the outbox (engine/work.h) goes on from
// there, a portion at a time.  Meanwhile some lists of users name a workspace
// that is not there, and whoever reads them passes over it; its id is not used
// again.
#ifndef WORKSPACES_DOMAIN_REMOVAL_H
#define WORKSPACES_DOMAIN_REMOVAL_H

#include <cstdint>

#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "engine/work.h"
#include "store/commit.h"
#include "store/outbox.h"
#include "store/trip.h"

namespace wsp {

// Two commands that tell how many members and contexts a workspace has ...
void ask_followers(trip& asking, operation& op, int64_t workspace);
// ... and, with their answers, all that becomes of these when it is deleted.
void remove_followers(operation& op, commit& change, int64_t workspace,
                      int64_t members, int64_t contexts);

// A slice of what was left.  The operation has the keys of the partition.
flow<result<work_state>> remove_slice(operation& op, const job& what);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_REMOVAL_H
