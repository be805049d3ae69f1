// Custom roles: those that a workspace defines beside the built-in ones.
//
// A role is in use while members hold it or pending invitations name it.  One
// that is in use can be changed, which takes effect at once, but deleted only
// when something else is put in its place.  Its name never changes, for that
// is what its holders hold.
#ifndef WORKSPACES_DOMAIN_CUSTOM_ROLE_H
#define WORKSPACES_DOMAIN_CUSTOM_ROLE_H

#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/access.h"
#include "domain/role.h"
#include "engine/arena.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"

namespace wsp {

constexpr size_t custom_roles_max = 100;       // of one workspace
constexpr size_t permissions_max = 100;        // of one role
constexpr size_t display_name_length_max = 255;  // characters
constexpr size_t reassigned_max = 1000;        // members, in one commit

// 1..64 of [A-Za-z0-9_].
bool is_custom_role_name(std::string_view name) noexcept;

// The built-in ones, then the custom ones by id.
flow<problem> list_roles(operation& op, int64_t workspace, list<role>& into);

// not_found: the workspace has no role with this id.
flow<result<role>> find_role(operation& op, int64_t workspace, int64_t id);

// What is given of a custom role; absent: stays as it is.
struct role_patch {
  std::optional<std::string_view> display_name;
  std::optional<std::string_view> permissions;  // a comma list, distinct
};

// Each puts its checks and writes into `change`.  forbidden: it would have
// permissions that the caller lacks.

// invalid, field "name": taken, or there are too many.
flow<result<role>> create_role(operation& op, commit& change,
                               const access& here, std::string_view name,
                               role_patch given);

// forbidden: it is built in.
flow<result<role>> update_role(operation& op, commit& change,
                               const access& here, int64_t id,
                               role_patch given);

// invalid, field "role": in use, and `reassign_to` is empty, or more members
// hold it than can be moved at once.  invalid, field "reassign_to": no role
// of the workspace.  forbidden: it is built in.
flow<problem> delete_role(operation& op, commit& change, const access& here,
                          int64_t id, std::string_view reassign_to);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_CUSTOM_ROLE_H
