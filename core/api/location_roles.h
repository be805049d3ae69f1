// The location dialect's roles of the current workspace.
#ifndef WORKSPACES_API_LOCATION_ROLES_H
#define WORKSPACES_API_LOCATION_ROLES_H

#include "api/dialect.h"

namespace wsp::location_roles {

// /workspace/roles
flow<result<answer>> show_all(operation& op, call& request);
flow<result<answer>> create(operation& op, call& request);
// /workspace/roles/{role}
flow<result<answer>> update(operation& op, call& request);
flow<result<answer>> remove(operation& op, call& request);

}  // namespace wsp::location_roles

#endif  // WORKSPACES_API_LOCATION_ROLES_H
