// Who may do what: the caller's place in a workspace.
#ifndef WORKSPACES_DOMAIN_ACCESS_H
#define WORKSPACES_DOMAIN_ACCESS_H

#include <string_view>

#include "domain/member.h"
#include "domain/workspace.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"
#include "store/kept_reply.h"

namespace wsp {

// From the cache where it can be, or from Redis itself.
enum class freshness { cached, direct };

struct access {
  workspace record;
  member mine;
  bool tenant_admin = false;
  bool views_all = false;  // may read every workspace of the tenant
  // What the cache holds of record and mine, where both were found there.
  kept_reply* held_record = nullptr;
  kept_reply* held_mine = nullptr;

  bool owner() const noexcept {
    return mine.exists() && mine.user == record.owner;
  }
  bool admin() const noexcept {
    return tenant_admin || owner() || mine.roles.has(admin_role);
  }
};

// A permission of the identity: with it every workspace of the tenant can be
// listed, read and switched to.
constexpr std::string_view view_all_permission = "view_all_locations";

// Whether it has that permission, or every right of the tenant.
bool views_all(const identity& who) noexcept;

// Whether a need is about one workspace.
bool is_about_one(wsp_needs needs) noexcept;

// The caller's active workspace; 0: none.
flow<result<int64_t>> active_workspace(operation& op, freshness wanted);

// The workspace with this external id; 0: there is none.
flow<result<int64_t>> external_workspace(operation& op,
                                         std::string_view external_id,
                                         freshness wanted);

// The workspace and the caller's place in it: whether the cache knows it, and
// read where it does not.  Where strangers ask, find_access() comes before a
// cached read_access(): it is what answers them without a look at the record.
bool find_access(operation& op, int64_t workspace, access& into,
                 freshness wanted);
flow<problem> read_access(operation& op, int64_t workspace, access& into,
                          freshness wanted);

// Decides of what was read, if the need is about one workspace.  not_found for
// a stranger, whether it exists or not, after the same work; forbidden for a
// member without the right.
problem authorize(const operation& op, wsp_needs needs,
                  const access& here) noexcept;

// Puts what that decision rests on into `change` as checks.
void rest_on(operation& op, const access& here, commit& change);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_ACCESS_H
