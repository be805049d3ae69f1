// Tenants as their operator sees them: which there are, and what they hold.
//
// A tenant is listed by whatever is written first for it: a workspace, or its
// registration as an organization or a partner.
#ifndef WORKSPACES_DOMAIN_TENANT_H
#define WORKSPACES_DOMAIN_TENANT_H

#include <cstdint>
#include <string_view>

#include "domain/deletion.h"
#include "engine/arena.h"
#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"

namespace wsp {

// A page of the ids of all tenants, in the order of their bytes, behind
// `after` (empty: from the first).  There are more where it is full.  The
// operation needs no tenant.
flow<problem> list_tenants(operation& op, std::string_view after, size_t limit,
                           list<std::string_view>& into);

struct tenant_holdings {
  bool organization = false;  // it is registered as one ...
  bool partner = false;       // ... or as the other
  int64_t workspaces = 0;
  // Of the first workspaces, in the order of their ids; `counted` of them.
  int64_t counted = 0;
  int64_t memberships = 0;
  int64_t invitations = 0;  // not answered, be they valid or expired
  int64_t sealed_blobs = 0;
  int64_t sealed_bytes = 0;  // as they are stored
  deletion_record deletion;

  bool exact() const noexcept { return counted == workspaces; }
};

// Of op.who.tenant.  not_found: there is no such tenant.
flow<result<tenant_holdings>> read_holdings(operation& op);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_TENANT_H
