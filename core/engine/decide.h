// The way of an access decision (wsp_access_new), on one screen:
//
//   identify -> which workspace -> membership -> permission -> decision
//
// It only reads, through the cache.  Whatever cannot be read is undecided,
// never allowed.
//
// Entity requests of partners go the same way by other rules: the key is a
// partner's, two headers name the workspace and the user, and the user, never
// the key, must have a place there.
#ifndef WORKSPACES_ENGINE_DECIDE_H
#define WORKSPACES_ENGINE_DECIDE_H

#include "api/dialect.h"
#include "engine/answer.h"
#include "engine/flow.h"
#include "engine/operation.h"

namespace wsp {

// Renders refusals; it has no routes.  Null: there are no such errors (enum
// wsp_access_errors).
const dialect* access_dialect_of(int errors) noexcept;

flow<answer> decide(operation& op);

// Finds the text of a setting (wsp_op_setting); false: there is none.
bool find_setting(operation& op, std::string_view name,
                  std::string_view* out);

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_DECIDE_H
