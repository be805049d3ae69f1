// What a member may do, and what he may give to others.
#ifndef WORKSPACES_DOMAIN_GRANT_H
#define WORKSPACES_DOMAIN_GRANT_H

#include <optional>
#include <string_view>

#include "domain/access.h"
#include "domain/role.h"
#include "engine/arena.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"

namespace wsp {

// What the caller's place in a workspace gives: a comma list.  Nothing is to
// be read for the built-in roles.
std::optional<std::string_view> permissions_at_once(operation& op,
                                                    const access& here);
flow<result<std::string_view>> permissions_of(operation& op,
                                              const access& here,
                                              freshness wanted);

// Nobody gives what he lacks: forbidden unless the caller has every
// permission of these roles; `admin` is given by those who have every right.
// Puts what this rests on into `change`.
flow<problem> may_grant(operation& op, commit& change, const access& here,
                        role_set roles);

// The same for a comma list of permissions.
flow<problem> may_grant_permissions(operation& op, commit& change,
                                    const access& here,
                                    std::string_view permissions);

// For dialects that know no free names: invalid, with this field, unless each
// of the roles is built in or defined in the workspace.  It stays so until
// the commit is done.
flow<problem> require_known_roles(operation& op, commit& change,
                                  int64_t workspace, role_set roles,
                                  std::string_view field);

// The names of the custom roles of a workspace.
flow<problem> list_role_names(operation& op, int64_t workspace,
                              list<std::string_view>& into);

// The one role that stands for a set: the first of admin, a custom role (one
// of `custom`), member and viewer, else whichever comes first.
std::string_view shown_role(role_set roles,
                            const list<std::string_view>& custom) noexcept;
// The same for a member; the owner's is `owner`.
std::string_view shown_role(const workspace& record, const member& of,
                            const list<std::string_view>& custom) noexcept;

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_GRANT_H
