// Faults as problem details (RFC 9457), for what has no shape of its own.
#ifndef WORKSPACES_API_PROBLEM_H
#define WORKSPACES_API_PROBLEM_H

#include "engine/answer.h"
#include "engine/operation.h"
#include "engine/result.h"

namespace wsp {

// {"type", "title", "status", "detail"}, and "field" where a fault has one.
answer render_problem(operation& op, const problem& why);

}  // namespace wsp

#endif  // WORKSPACES_API_PROBLEM_H
