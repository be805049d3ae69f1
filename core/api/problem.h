// Faults as problem details (RFC 9457), for what has no shape of its own.
#ifndef WORKSPACES_API_PROBLEM_H
#define WORKSPACES_API_PROBLEM_H

#include <cstdint>

#include "engine/answer.h"
#include "engine/arena.h"
#include "engine/result.h"

namespace wsp {

// {"type", "title", "status", "detail"}, and "field" where a fault has one.
answer render_problem(arena& memory, const problem& why, int64_t now);

}  // namespace wsp

#endif  // WORKSPACES_API_PROBLEM_H
