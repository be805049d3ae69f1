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
struct workspace;

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

// What a change of members writes, without its checks: to be used where no
// service below does the whole.

// Other roles, if the member is still what it was read as.
member rewrite_roles(operation& op, commit& change, int64_t workspace,
                     const member& old, role_set roles);

// Keeps the number of those who hold each role.
void count_holders(operation& op, commit& change, int64_t workspace,
                   role_set before, role_set after);

// Each puts its checks and writes into `change`.

// refused: is a member already.
flow<result<member>> add_member(operation& op, commit& change,
                                const access& here, std::string_view user,
                                role_set roles);
// The same for whom has read all members.
flow<result<member>> add_member(operation& op, commit& change,
                                const access& here, std::string_view user,
                                role_set roles, const list<member>& all);

// not_found: no member.  refused: the owner or the last admin would lose
// `admin`.
flow<result<member>> set_member_roles(operation& op, commit& change,
                                      const access& here,
                                      std::string_view user, role_set roles);

// not_found: no member.  refused: the owner or the last admin.  A context
// that points to the workspace is cleared.
flow<problem> remove_member(operation& op, commit& change,
                            const access& here, std::string_view user);

// invalid, field "user_id": no member.  The old owner and the new one are
// admins then.
flow<result<workspace>> transfer_ownership(operation& op, commit& change,
                                           const access& here,
                                           std::string_view user);

// Makes the workspace the caller's active one.
flow<problem> activate(operation& op, commit& change, const access& here);

// The caller has no active workspace then; unless it is another one than
// `only`, when that is not 0.
flow<problem> deactivate(operation& op, commit& change, int64_t only);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_MEMBER_H
