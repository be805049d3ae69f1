// The location dialect's members of the current workspace.
#ifndef WORKSPACES_API_LOCATION_MEMBERS_H
#define WORKSPACES_API_LOCATION_MEMBERS_H

#include "api/dialect.h"

namespace wsp::location_members {

// /workspace/members
flow<result<answer>> show_all(operation& op, call& request);
// /workspace/members/{user}/role
flow<result<answer>> set_role(operation& op, call& request);
// /workspace/members/{user}
flow<result<answer>> expel(operation& op, call& request);

// /workspaces/{workspace}/transfer-ownership
flow<result<answer>> transfer(operation& op, call& request);

}  // namespace wsp::location_members

#endif  // WORKSPACES_API_LOCATION_MEMBERS_H
