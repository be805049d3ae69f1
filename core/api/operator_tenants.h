// The operator surface: tenants, and the rewrap of what is sealed for them.
#ifndef WORKSPACES_API_OPERATOR_TENANTS_H
#define WORKSPACES_API_OPERATOR_TENANTS_H

#include "api/dialect.h"

namespace wsp::operator_tenants {

// /tenants
flow<result<answer>> list_all(operation& op, call& request);
// /tenants/{tenant}
flow<result<answer>> get_one(operation& op, call& request);
flow<result<answer>> delete_one(operation& op, call& request);

// /rewrap
flow<result<answer>> get_rewrap(operation& op, call& request);
flow<result<answer>> start_rewrap(operation& op, call& request);

}  // namespace wsp::operator_tenants

#endif  // WORKSPACES_API_OPERATOR_TENANTS_H
