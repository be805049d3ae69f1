#include "domain/access.h"

#include "store/keys.h"
#include "store/trip.h"

namespace wsp {

namespace {

constexpr problem hidden{fault::not_found, "workspace not found"};

problem decide(wsp_needs needs, const access& here) noexcept {
  if (!here.record.exists() || (!here.tenant_admin && !here.mine.exists())) {
    return hidden;
  }
  switch (needs) {
    case WSP_NEEDS_IDENTITY:
    case WSP_NEEDS_MEMBER:
      return {};
    case WSP_NEEDS_ADMIN:
      if (here.admin()) {
        return {};
      }
      return {fault::forbidden, "workspace admin privileges required"};
    case WSP_NEEDS_TENANT_ADMIN:
    case WSP_NEEDS_TENANT_ADMIN_HERE:
      break;
  }
  if (here.tenant_admin) {
    return {};
  }
  return {fault::forbidden, "administrator privileges required"};
}

// Membership is what a right rests on, be it by role or as the owner; a
// tenant admin's comes with the identity.
void rest_on(operation& op, const access& here, commit& change) {
  key_names& keys = keys_of(op);
  change.expect("1", {"HEXISTS", keys.workspace(here.record.id), "rev"});
  if (here.tenant_admin) {
    return;
  }
  change.expect(here.mine.stored, {"HGET", keys.members(here.record.id),
                                   here.mine.user});
  if (here.owner() && !here.mine.roles.has(admin_role)) {
    change.expect(here.record.owner,
                  {"HGET", keys.workspace(here.record.id), "owner"});
  }
}

}  // namespace

flow<problem> authorize(operation& op, wsp_needs needs, int64_t workspace,
                        access& into, commit& change) {
  into.tenant_admin = op.who.tenant_admin;
  if (workspace == 0) {
    if (needs == WSP_NEEDS_TENANT_ADMIN && !into.tenant_admin) {
      co_return problem{fault::forbidden,
                        "administrator privileges required"};
    }
    co_return problem{};
  }
  trip asking(op);
  read_workspace(asking, op, workspace);
  asking.add({"HGET", keys_of(op).members(workspace), op.who.user});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  into.record = parse_workspace(workspace, asking[0]);
  into.mine = parse_member(op.who.user, asking[1].str());
  problem refusal = decide(needs, into);
  if (refusal.ok()) {
    rest_on(op, into, change);
  }
  co_return refusal;
}

}  // namespace wsp
