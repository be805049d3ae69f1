#include "domain/member.h"

#include <algorithm>

#include "domain/access.h"
#include "domain/grant.h"
#include "store/keys.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

member parse_member(std::string_view user, std::string_view stored) noexcept {
  member made;
  made.user = user;
  size_t blank = stored.find(' ');
  auto created = parse_integer(stored.substr(0, blank));
  if (blank == stored.npos || !created) {
    return made;  // nothing there
  }
  made.created = *created;
  made.roles = role_set(stored.substr(blank + 1));
  made.stored = stored;
  return made;
}

std::string_view store_member(arena& memory, int64_t created,
                              role_set roles) {
  return memory.join(decimal(memory, created), " ", roles.stored());
}

list<member> parse_members(arena& memory, const reply& all) {
  list<member> made{arena_allocator<member>(memory)};
  made.reserve(all.count / 2);
  for (size_t i = 0; i + 1 < all.items().size(); i += 2) {
    made.push_back(parse_member(all[i].str(), all[i + 1].str()));
  }
  std::sort(made.begin(), made.end(), [](const member& a, const member& b) {
    return a.created != b.created ? a.created < b.created : a.user < b.user;
  });
  return made;
}

namespace {

constexpr problem no_member{fault::not_found, "not a member"};

void count(operation& op, commit& change, int64_t workspace,
           std::string_view role, std::string_view by) {
  change.write({"COUNT", keys_of(op).role_holders(workspace), role, by});
}

// One place for what may happen to the admins of a workspace.
problem may_lose_admin(const access& here, const member& target,
                       int64_t admins) noexcept {
  if (target.user == here.record.owner) {
    return {fault::refused, "the owner must stay an admin of the workspace",
            "member"};
  }
  if (admins <= 1) {
    return {fault::refused, "the last admin cannot be removed or demoted",
            "member"};
  }
  return {};
}

problem refuse_second(bool is_member) noexcept {
  if (is_member) {
    return {fault::refused, "already a member"};
  }
  return {};
}

// A new membership, in the workspace and in the user's list.
member write_member(operation& op, commit& change, int64_t workspace,
                    std::string_view user, role_set roles) {
  arena& memory = arena_of(op);
  key_names& keys = keys_of(op);
  std::string_view id_text = decimal(memory, workspace);
  member made = parse_member(user, store_member(memory, now_of(op), roles));
  change.expect_nil({"HGET", keys.members(workspace), user});
  change.write({"HSET", keys.members(workspace), user, made.stored});
  change.write({"ZADD", keys.user_workspaces(user), id_text, id_text});
  count_holders(op, change, workspace, {}, roles);
  change.touch(keys.workspace(workspace));
  return made;
}

// The number of admins must be what the decision rested on.
void expect_admins(operation& op, commit& change, const access& here,
                   int64_t admins) {
  change.expect(
      decimal(arena_of(op), admins),
      {"HGET", keys_of(op).role_holders(here.record.id), admin_role});
}

// So must the owner be.
void expect_owner(operation& op, commit& change, const access& here) {
  change.expect(here.record.owner,
                {"HGET", keys_of(op).workspace(here.record.id), "owner"});
}

}  // namespace

void count_holders(operation& op, commit& change, int64_t workspace,
                   role_set before, role_set after) {
  before.each([&](std::string_view name) {
    if (!after.has(name)) {
      count(op, change, workspace, name, "-1");
    }
  });
  after.each([&](std::string_view name) {
    if (!before.has(name)) {
      count(op, change, workspace, name, "1");
    }
  });
}

member rewrite_roles(operation& op, commit& change, int64_t workspace,
                     const member& old, role_set roles) {
  member changed = parse_member(
      old.user, store_member(arena_of(op), old.created, roles));
  change.expect(old.stored,
                {"HGET", keys_of(op).members(workspace), old.user});
  change.write({"HSET", keys_of(op).members(workspace), old.user,
                changed.stored});
  count_holders(op, change, workspace, old.roles, roles);
  return changed;
}

flow<result<member>> add_member(operation& op, commit& change,
                                const access& here, std::string_view user,
                                role_set roles) {
  auto granting = may_grant(op, change, here, roles);
  problem refusal = co_await granting;
  if (!refusal.ok()) {
    co_return refusal;
  }
  int64_t id = here.record.id;
  trip asking(op);
  asking.add({"HEXISTS", keys_of(op).members(id), user});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  refusal = refuse_second(asking[0].number != 0);
  if (!refusal.ok()) {
    co_return refusal;
  }
  co_return write_member(op, change, id, user, roles);
}

flow<result<member>> add_member(operation& op, commit& change,
                                const access& here, std::string_view user,
                                role_set roles, const list<member>& all) {
  auto granting = may_grant(op, change, here, roles);
  problem refusal = co_await granting;
  if (!refusal.ok()) {
    co_return refusal;
  }
  auto is_user = [&](const member& each) { return each.user == user; };
  refusal = refuse_second(std::any_of(all.begin(), all.end(), is_user));
  if (!refusal.ok()) {
    co_return refusal;
  }
  co_return write_member(op, change, here.record.id, user, roles);
}

flow<result<member>> set_member_roles(operation& op, commit& change,
                                      const access& here,
                                      std::string_view user,
                                      role_set roles) {
  auto granting = may_grant(op, change, here, roles);
  problem refusal = co_await granting;
  if (!refusal.ok()) {
    co_return refusal;
  }
  key_names& keys = keys_of(op);
  int64_t id = here.record.id;
  trip asking(op);
  asking.add({"HGET", keys.members(id), user});
  asking.add({"HGET", keys.role_holders(id), admin_role});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  member old = parse_member(user, asking[0].str());
  if (!old.exists()) {
    co_return no_member;
  }
  if (old.roles.has(admin_role) && !roles.has(admin_role)) {
    int64_t admins = parse_integer(asking[1].str()).value_or(0);
    refusal = may_lose_admin(here, old, admins);
    if (!refusal.ok()) {
      co_return refusal;
    }
    expect_admins(op, change, here, admins);
    expect_owner(op, change, here);
  }
  member changed = rewrite_roles(op, change, id, old, roles);
  change.touch(keys.workspace(id));
  co_return changed;
}

flow<problem> remove_member(operation& op, commit& change,
                            const access& here, std::string_view user) {
  key_names& keys = keys_of(op);
  arena& memory = arena_of(op);
  int64_t id = here.record.id;
  std::string_view id_text = decimal(memory, id);
  trip asking(op);
  asking.add({"HGET", keys.members(id), user});
  asking.add({"HGET", keys.role_holders(id), admin_role});
  asking.add({"HGET", keys.user(user), "active"});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  member old = parse_member(user, asking[0].str());
  if (!old.exists()) {
    co_return no_member;
  }
  if (user == here.record.owner || old.roles.has(admin_role)) {
    int64_t admins = parse_integer(asking[1].str()).value_or(0);
    problem refusal = may_lose_admin(here, old, admins);
    if (!refusal.ok()) {
      co_return refusal;
    }
    expect_admins(op, change, here, admins);
  }
  expect_owner(op, change, here);
  change.expect(old.stored, {"HGET", keys.members(id), user});
  change.write({"HDEL", keys.members(id), user});
  change.write({"ZREM", keys.user_workspaces(user), id_text});
  count_holders(op, change, id, old.roles, {});
  // The member may be activating it at this moment.
  if (asking[2].is_nil()) {
    change.expect_nil({"HGET", keys.user(user), "active"});
  } else {
    change.expect(asking[2].str(), {"HGET", keys.user(user), "active"});
  }
  if (asking[2].str() == id_text) {
    change.write({"HDEL", keys.user(user), "active"});
    change.write({"SREM", keys.contexts(id), user});
  }
  change.touch(keys.workspace(id));
  co_return problem{};
}

flow<result<workspace>> transfer_ownership(operation& op, commit& change,
                                           const access& here,
                                           std::string_view user) {
  key_names& keys = keys_of(op);
  arena& memory = arena_of(op);
  int64_t id = here.record.id;
  workspace changed = here.record;
  trip asking(op);
  asking.add({"HGET", keys.members(id), user});
  asking.add({"HGET", keys.members(id), changed.owner});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  member after = parse_member(user, asking[0].str());
  member before = parse_member(changed.owner, asking[1].str());
  if (!after.exists()) {
    co_return problem{fault::invalid,
                      "the new owner must be a member of the workspace",
                      "user_id"};
  }
  if (user == changed.owner) {
    co_return changed;
  }
  expect_owner(op, change, here);
  for (const member& each : {before, after}) {
    if (each.exists()) {
      rewrite_roles(op, change, id, each,
                    each.roles.with(memory, admin_role));
    }
  }
  changed.owner = user;
  changed.updated = now_of(op);
  change.write({"HSET", keys.workspace(id), "owner", user, "updated",
                decimal(memory, changed.updated)});
  change.touch(keys.workspace(id));
  co_return changed;
}

flow<problem> activate(operation& op, commit& change, const access& here) {
  key_names& keys = keys_of(op);
  arena& memory = arena_of(op);
  std::string_view user = op.who.user;
  std::string_view id_text = decimal(memory, here.record.id);
  trip asking(op);
  asking.add({"HGET", keys.user(user), "active"});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  std::string_view old = asking[0].str();
  if (old == id_text) {
    co_return problem{};
  }
  if (asking[0].is_nil()) {
    change.expect_nil({"HGET", keys.user(user), "active"});
  } else {
    change.expect(old, {"HGET", keys.user(user), "active"});
    auto old_id = parse_id(old);
    if (old_id) {
      change.write({"SREM", keys.contexts(*old_id), user});
    }
  }
  change.write({"HSET", keys.user(user), "active", id_text});
  change.write({"SADD", keys.contexts(here.record.id), user});
  co_return problem{};
}

flow<problem> deactivate(operation& op, commit& change, int64_t only) {
  key_names& keys = keys_of(op);
  std::string_view user = op.who.user;
  trip asking(op);
  asking.add({"HGET", keys.user(user), "active"});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  auto active = parse_id(asking[0].str());
  if (!active || (only != 0 && *active != only)) {
    co_return problem{};
  }
  change.expect(asking[0].str(), {"HGET", keys.user(user), "active"});
  change.write({"HDEL", keys.user(user), "active"});
  change.write({"SREM", keys.contexts(*active), user});
  co_return problem{};
}

}  // namespace wsp
