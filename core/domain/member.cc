#include "domain/member.h"

#include <algorithm>

#include "domain/access.h"
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

// One place for what may happen to the admins of a workspace.
problem may_lose_admin(const access& here, const member& target,
                       int64_t admins) noexcept {
  if (target.user == here.record.owner) {
    return {fault::refused, "the owner must stay an admin of the workspace"};
  }
  if (admins <= 1) {
    return {fault::refused, "the last admin cannot be removed or demoted"};
  }
  return {};
}

// Nobody gives what he lacks.
problem may_grant(const access& here, role_set roles) noexcept {
  if (roles.has(owner_role)) {
    return {fault::invalid, "the role owner cannot be given", "roles"};
  }
  if (roles.has(admin_role) && !here.admin()) {
    return {fault::forbidden, "granting admin needs admin"};
  }
  return {};
}

void count_admins(operation& op, commit& change, const access& here,
                  std::string_view by) {
  change.write({"HINCRBY", keys_of(op).workspace(here.record.id), "admins",
                by});
}

// The number of admins must be what the decision rested on.
void expect_admins(operation& op, commit& change, const access& here,
                   int64_t admins) {
  change.expect(decimal(arena_of(op), admins),
                {"HGET", keys_of(op).workspace(here.record.id), "admins"});
}

}  // namespace

flow<result<member>> add_member(operation& op, commit& change,
                                const access& here, std::string_view user,
                                role_set roles) {
  problem refusal = may_grant(here, roles);
  if (!refusal.ok()) {
    co_return refusal;
  }
  key_names& keys = keys_of(op);
  int64_t id = here.record.id;
  trip asking(op);
  asking.add({"HEXISTS", keys.members(id), user});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  if (asking[0].number != 0) {
    co_return problem{fault::refused, "already a member"};
  }
  arena& memory = arena_of(op);
  member added = parse_member(user, store_member(memory, now_of(op), roles));
  std::string_view id_text = decimal(memory, id);
  change.expect_nil({"HGET", keys.members(id), user});
  change.write({"HSET", keys.members(id), user, added.stored});
  change.write({"ZADD", keys.user_workspaces(user), id_text, id_text});
  if (roles.has(admin_role)) {
    count_admins(op, change, here, "1");
  }
  change.touch(keys.workspace(id));
  co_return added;
}

flow<result<member>> set_member_roles(operation& op, commit& change,
                                      const access& here,
                                      std::string_view user,
                                      role_set roles) {
  problem refusal = may_grant(here, roles);
  if (!refusal.ok()) {
    co_return refusal;
  }
  key_names& keys = keys_of(op);
  int64_t id = here.record.id;
  trip asking(op);
  asking.add({"HGET", keys.members(id), user});
  asking.add({"HGET", keys.workspace(id), "admins"});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  member old = parse_member(user, asking[0].str());
  if (!old.exists()) {
    co_return no_member;
  }
  bool was_admin = old.roles.has(admin_role);
  bool is_admin = roles.has(admin_role);
  if (was_admin && !is_admin) {
    int64_t admins = parse_integer(asking[1].str()).value_or(0);
    refusal = may_lose_admin(here, old, admins);
    if (!refusal.ok()) {
      co_return refusal;
    }
    expect_admins(op, change, here, admins);
    count_admins(op, change, here, "-1");
  } else if (is_admin && !was_admin) {
    count_admins(op, change, here, "1");
  }
  member changed = parse_member(
      user, store_member(arena_of(op), old.created, roles));
  change.expect(old.stored, {"HGET", keys.members(id), user});
  change.write({"HSET", keys.members(id), user, changed.stored});
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
  asking.add({"HGET", keys.workspace(id), "admins"});
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
    count_admins(op, change, here, "-1");
  }
  change.expect(old.stored, {"HGET", keys.members(id), user});
  change.write({"HDEL", keys.members(id), user});
  change.write({"ZREM", keys.user_workspaces(user), id_text});
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

}  // namespace wsp
