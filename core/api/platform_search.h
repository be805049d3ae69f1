// The platform dialect's search of all workspaces: /all with its filters.
#ifndef WORKSPACES_API_PLATFORM_SEARCH_H
#define WORKSPACES_API_PLATFORM_SEARCH_H

#include "api/dialect.h"
#include "text/json.h"

namespace wsp {

flow<result<answer>> search_workspaces(operation& op, call& request);

// Shared with the rest of the dialect (platform.cc).
void platform_put_members(operation& op, json_writer& out,
                          const list<member>& members);
void platform_put_invites(operation& op, json_writer& out,
                          const list<invitation>& invites);

}  // namespace wsp

#endif  // WORKSPACES_API_PLATFORM_SEARCH_H
