// Faults in the shape of the partner contract, for its dialect and for entity
// requests at the access phase.
#ifndef WORKSPACES_API_PARTNER_PROBLEM_H
#define WORKSPACES_API_PARTNER_PROBLEM_H

#include <cstdint>

#include "engine/answer.h"
#include "engine/arena.h"
#include "engine/result.h"

namespace wsp {

// {"detail": "..."}, and for a 422 {"detail": [{"type", "loc", "msg",
// "input"}]}, in which loc is where in the request it is and input is null:
// what came is not repeated.
answer render_partner_problem(arena& memory, const problem& why, int64_t now);

}  // namespace wsp

#endif  // WORKSPACES_API_PARTNER_PROBLEM_H
