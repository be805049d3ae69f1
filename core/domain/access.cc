#include "domain/access.h"

#include "store/cache.h"
#include "store/keys.h"
#include "store/record_read.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr problem hidden{fault::not_found, "workspace not found"};

void take(operation& op, int64_t workspace, access& into,
          const reply& record, const reply& mine) noexcept {
  into.record = parse_workspace(workspace, record);
  into.mine = parse_member(op.who.user, mine.str());
  into.held_record = nullptr;
  into.held_mine = nullptr;
}

flow<problem> read_directly(operation& op, int64_t workspace, access& into) {
  trip asking(op);
  read_workspace(asking, op, workspace);
  asking.add({"HGET", keys_of(op).members(workspace), op.who.user});
  co_await asking.go();
  if (asking.ok()) {
    take(op, workspace, into, asking[0], asking[1]);
  }
  co_return asking.failure();
}

flow<problem> read_through_cache(operation& op, int64_t workspace,
                                 access& into) {
  std::string_view key = keys_of(op).members(workspace);
  record_command command = workspace_command(op, workspace);
  record_read record(op, command[1], command, named::by_key);
  record_read mine(op, key, {"HGET", key, op.who.user});
  if (mine.is_held()) {
    mine.start();
    record.start();
  } else {
    record.refresh();
    mine.start();
  }
  co_await record.get();
  co_await mine.get();
  if (!record.ok()) {
    co_return record.failure();
  }
  if (!mine.ok()) {
    co_return mine.failure();
  }
  take(op, workspace, into, record.value(), mine.value());
  co_return problem{};
}

}  // namespace

// The identity's permissions are separated by commas or blanks.
bool views_all(const identity& who) noexcept {
  if (who.tenant_admin) {
    return true;
  }
  std::string_view rest = who.permissions;
  while (!rest.empty()) {
    size_t end = rest.find_first_of(", \t");
    if (rest.substr(0, end) == view_all_permission) {
      return true;
    }
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
  }
  return false;
}

namespace {

void take_rights(const operation& op, access& into) noexcept {
  into.tenant_admin = op.who.tenant_admin;
  into.views_all = views_all(op.who);
}

}  // namespace

bool is_about_one(wsp_needs needs) noexcept {
  switch (needs) {
    case WSP_NEEDS_NOBODY:
    case WSP_NEEDS_IDENTITY:
    case WSP_NEEDS_TENANT_ADMIN:
    case WSP_NEEDS_PARTNER:
    case WSP_NEEDS_OPERATOR:
      return false;
    case WSP_NEEDS_MEMBER:
    case WSP_NEEDS_ADMIN:
    case WSP_NEEDS_TENANT_ADMIN_HERE:
    case WSP_NEEDS_VIEWER:
    case WSP_NEEDS_OWNER:
    case WSP_NEEDS_PARTNER_HERE:
      break;
  }
  return true;
}

flow<result<int64_t>> active_workspace(operation& op, freshness wanted) {
  std::string_view key = keys_of(op).user(op.who.user);
  if (wanted == freshness::direct) {
    trip asking(op);
    asking.add({"HGET", key, "active"});
    co_await asking.go();
    if (!asking.ok()) {
      co_return asking.failure();
    }
    co_return parse_id(asking[0].str()).value_or(0);
  }
  record_read reading(op, key, {"HGET", key, "active"});
  reading.start();
  co_await reading.get();
  if (!reading.ok()) {
    co_return reading.failure();
  }
  co_return parse_id(reading.value().str()).value_or(0);
}

flow<result<int64_t>> external_workspace(operation& op,
                                         std::string_view external_id,
                                         freshness wanted) {
  std::string_view key = keys_of(op).external(external_id);
  if (wanted == freshness::direct) {
    trip asking(op);
    asking.add({"GET", key});
    co_await asking.go();
    if (!asking.ok()) {
      co_return asking.failure();
    }
    co_return parse_id(asking[0].str()).value_or(0);
  }
  record_read reading(op, key, {"GET", key});
  reading.start();
  co_await reading.get();
  if (!reading.ok()) {
    co_return reading.failure();
  }
  co_return parse_id(reading.value().str()).value_or(0);
}

// A stranger must not see, by time or work, whether a record is in the cache,
// for then it exists: where no membership is known, it is not looked at, and
// where the membership is to be asked for, the record is, too.
bool find_access(operation& op, int64_t workspace, access& into,
                 freshness wanted) {
  take_rights(op, into);
  if (wanted == freshness::direct || !cache_of(op).usable()) {
    return false;
  }
  std::string_view key = keys_of(op).members(workspace);
  held_record mine(op, read_name(arena_of(op), {"HGET", key, op.who.user}));
  if (!mine) {
    return false;
  }
  if (mine.value().is_nil() && !into.tenant_admin && !into.views_all) {
    mine.take();
    return true;
  }
  held_record record(op, keys_of(op).workspace(workspace));
  if (!record) {
    return false;
  }
  kept_reply& held_record = record.take();
  kept_reply& held_mine = mine.take();
  take(op, workspace, into, held_record.value(), held_mine.value());
  into.held_record = &held_record;
  into.held_mine = &held_mine;
  return true;
}

flow<problem> read_access(operation& op, int64_t workspace, access& into,
                          freshness wanted) {
  take_rights(op, into);
  if (wanted == freshness::cached && cache_of(op).usable()) {
    return read_through_cache(op, workspace, into);
  }
  cache_of(op).count_bypass();
  return read_directly(op, workspace, into);
}

problem authorize(const operation& op, wsp_needs needs,
                  const access& here) noexcept {
  if (!is_about_one(needs)) {
    if (needs == WSP_NEEDS_TENANT_ADMIN && !op.who.tenant_admin) {
      return {fault::forbidden, "administrator privileges required"};
    }
    return {};
  }
  bool sees = here.tenant_admin || here.mine.exists() ||
              (needs == WSP_NEEDS_VIEWER && here.views_all);
  if (!here.record.exists() || !sees) {
    return hidden;
  }
  switch (needs) {
    case WSP_NEEDS_NOBODY:
    case WSP_NEEDS_OPERATOR:
    case WSP_NEEDS_IDENTITY:
    case WSP_NEEDS_VIEWER:
    case WSP_NEEDS_MEMBER:
      return {};
    case WSP_NEEDS_OWNER:
      if (here.tenant_admin || here.owner()) {
        return {};
      }
      return {fault::forbidden, "only the owner may do this"};
    case WSP_NEEDS_ADMIN:
      if (here.admin()) {
        return {};
      }
      return {fault::forbidden, "workspace admin privileges required"};
    case WSP_NEEDS_TENANT_ADMIN:
    case WSP_NEEDS_TENANT_ADMIN_HERE:
    case WSP_NEEDS_PARTNER:
    case WSP_NEEDS_PARTNER_HERE:
      break;
  }
  if (here.tenant_admin) {
    return {};
  }
  return {fault::forbidden, "administrator privileges required"};
}

// Membership is what a right rests on, be it by role or as the owner; that of
// a tenant admin, or of one who views all, comes with the identity.
void rest_on(operation& op, const access& here, commit& change) {
  if (here.record.id == 0) {
    return;
  }
  key_names& keys = keys_of(op);
  change.expect("1", {"HEXISTS", keys.workspace(here.record.id), "rev"});
  if (here.tenant_admin || !here.mine.exists()) {
    return;
  }
  change.expect(here.mine.stored, {"HGET", keys.members(here.record.id),
                                   here.mine.user});
  if (here.owner()) {
    change.expect(here.record.owner,
                  {"HGET", keys.workspace(here.record.id), "owner"});
  }
}

}  // namespace wsp
