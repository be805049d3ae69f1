// The way of an access decision (wsp_access_new), on one screen:
//
//   identify -> which workspace -> membership -> permission -> decision
//
// It only reads, through the cache.  Whatever cannot be read is undecided,
// never allowed.
#ifndef WORKSPACES_ENGINE_DECIDE_H
#define WORKSPACES_ENGINE_DECIDE_H

#include "api/dialect.h"
#include "engine/answer.h"
#include "engine/flow.h"
#include "engine/operation.h"

namespace wsp {

// Renders refusals as RFC 9457 problems; it has no routes.
extern const dialect access_dialect;

flow<answer> decide(operation& op);

// Finds the text of a setting (wsp_op_setting); false: there is none.
bool find_setting(operation& op, std::string_view name,
                  std::string_view* out);

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_DECIDE_H
