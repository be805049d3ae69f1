// Members: users in a workspace.
#ifndef WORKSPACES_DOMAIN_MEMBER_H
#define WORKSPACES_DOMAIN_MEMBER_H

#include <cstdint>
#include <string_view>

#include "domain/role.h"
#include "engine/arena.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"
#include "store/reply.h"

namespace wsp {

struct access;

struct member {
  std::string_view user;
  role_set roles;
  int64_t created = 0;      // milliseconds since the epoch
  std::string_view stored;  // its value in Redis: "<created> <roles>"

  bool exists() const noexcept { return !stored.empty(); }
};

member parse_member(std::string_view user, std::string_view stored) noexcept;
std::string_view store_member(arena& memory, int64_t created, role_set roles);

// The members of an answer to HGETALL, the oldest first.
list<member> parse_members(arena& memory, const reply& all);

// Each puts its checks and writes into `change`.

// refused: is a member already.
flow<result<member>> add_member(operation& op, commit& change,
                                const access& here, std::string_view user,
                                role_set roles);

// not_found: no member.  refused: the owner or the last admin would lose
// `admin`.
flow<result<member>> set_member_roles(operation& op, commit& change,
                                      const access& here,
                                      std::string_view user, role_set roles);

// not_found: no member.  refused: the owner or the last admin.  A context
// that points to the workspace is cleared.
flow<problem> remove_member(operation& op, commit& change,
                            const access& here, std::string_view user);

// Makes the workspace the caller's active one.
flow<problem> activate(operation& op, commit& change, const access& here);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_MEMBER_H
