// Faults in the shape of the partner contract, for its dialect and for entity
// requests at the access phase.
#ifndef WORKSPACES_API_PARTNER_PROBLEM_H
#define WORKSPACES_API_PARTNER_PROBLEM_H

#include "engine/answer.h"
#include "engine/operation.h"
#include "engine/result.h"

namespace wsp {

// {"detail": "..."}, and for a 422 {"detail": [{"type", "loc", "msg",
// "input"}]}, in which loc is where in the request it is.  The input is what
// came there; the body where a member of it is missing; null where that is
// larger than 4 KiB, or is not text.
answer render_partner_problem(operation& op, const problem& why);

}  // namespace wsp

#endif  // WORKSPACES_API_PARTNER_PROBLEM_H
