#include "domain/custom_role.h"

#include <algorithm>

#include "domain/grant.h"
#include "domain/invitation.h"
#include "domain/member.h"
#include "store/keys.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

// The ids below are the built-in ones', with room for more.
constexpr int64_t first_custom_id = 10;

constexpr problem no_role{fault::not_found, "role not found"};
constexpr problem is_built_in{fault::forbidden,
                              "the built-in roles cannot be changed"};

bool is_taken_by_built_in(std::string_view name) noexcept {
  bool taken = equal_ignoring_case(name, owner_role);
  for (const role& each : built_in_roles()) {
    taken = taken || equal_ignoring_case(name, each.name);
  }
  return taken;
}

// Of an answer to HGETALL, by id.
list<role> parse_roles(arena& memory, const reply& all) {
  list<role> made{arena_allocator<role>(memory)};
  for (size_t i = 0; i + 1 < all.items().size(); i += 2) {
    made.push_back(parse_role(all[i].str(), all[i + 1].str()));
  }
  std::sort(made.begin(), made.end(),
            [](const role& a, const role& b) { return a.id < b.id; });
  return made;
}

void write_role(operation& op, commit& change, int64_t workspace,
                role& made) {
  key_names& keys = keys_of(op);
  made.stored = store_role(arena_of(op), made);
  change.write({"HSET", keys.roles(workspace), made.name, made.stored});
  change.touch(keys.workspace(workspace));
}

}  // namespace

bool is_custom_role_name(std::string_view name) noexcept {
  return is_role_name(name) && name.find('-') == name.npos;
}

flow<problem> list_roles(operation& op, int64_t workspace,
                         list<role>& into) {
  trip asking(op);
  asking.add({"HGETALL", keys_of(op).roles(workspace)});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  auto built_in = built_in_roles();
  auto custom = parse_roles(arena_of(op), asking[0]);
  into.assign(built_in.begin(), built_in.end());
  into.insert(into.end(), custom.begin(), custom.end());
  co_return problem{};
}

flow<result<role>> find_role(operation& op, int64_t workspace, int64_t id) {
  list<role> all{arena_allocator<role>(arena_of(op))};
  auto listing = list_roles(op, workspace, all);
  problem failed = co_await listing;
  if (!failed.ok()) {
    co_return failed;
  }
  for (const role& each : all) {
    if (each.id == id) {
      co_return each;
    }
  }
  co_return no_role;
}

flow<result<role>> create_role(operation& op, commit& change,
                               const access& here, std::string_view name,
                               role_patch given) {
  key_names& keys = keys_of(op);
  std::string_view key = keys.roles(here.record.id);
  auto granting =
      may_grant_permissions(op, change, here, *given.permissions);
  problem refusal = co_await granting;
  if (!refusal.ok()) {
    co_return refusal;
  }
  trip asking(op);
  asking.add({"HEXISTS", key, name});
  asking.add({"HLEN", key});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  if (is_taken_by_built_in(name) || asking[0].number != 0) {
    co_return problem{fault::invalid, "the workspace has a role of this name",
                      "name"};
  }
  if (asking[1].number >= static_cast<int64_t>(custom_roles_max)) {
    co_return problem{fault::invalid,
                      "a workspace can have at most 100 custom roles",
                      "name"};
  }
  // As with workspaces: ids may have gaps, and are not given twice.
  trip counting(op);
  counting.add({"INCR", keys.role_counter()});
  co_await counting.go();
  if (!counting.ok()) {
    co_return counting.failure();
  }
  auto number = first_number(counting[0].number, 1);
  if (!number) {
    co_return problem{fault::internal, "internal error"};
  }
  role made;
  made.id = first_custom_id + *number;
  made.name = name;
  made.display_name = given.display_name.value_or(name);
  made.permissions = *given.permissions;
  change.expect_nil({"HGET", key, name});
  change.expect_below(custom_roles_max, {"HLEN", key});
  write_role(op, change, here.record.id, made);
  co_return made;
}

flow<result<role>> update_role(operation& op, commit& change,
                               const access& here, int64_t id,
                               role_patch given) {
  auto finding = find_role(op, here.record.id, id);
  auto found = co_await finding;
  if (!found.ok()) {
    co_return found.error;
  }
  role changed = found.value;
  if (changed.stored.empty()) {
    co_return is_built_in;
  }
  if (given.permissions) {
    auto granting =
        may_grant_permissions(op, change, here, *given.permissions);
    problem refusal = co_await granting;
    if (!refusal.ok()) {
      co_return refusal;
    }
    changed.permissions = *given.permissions;
  }
  changed.display_name = given.display_name.value_or(changed.display_name);
  if (given.permissions || given.display_name) {
    change.expect(changed.stored, {"HGET", keys_of(op).roles(here.record.id),
                                   changed.name});
    write_role(op, change, here.record.id, changed);
  }
  co_return changed;
}

namespace {

// How much stands in the way of deleting a role.
struct role_use {
  int64_t members = 0;
  int64_t invitations = 0;  // pending

  bool any() const noexcept { return members != 0 || invitations != 0; }
};

std::string_view counted(arena& memory, int64_t number,
                         std::string_view what) {
  return memory.join(decimal(memory, number), " ", what,
                     number == 1 ? "" : "s");
}

problem in_use(arena& memory, const role_use& by) {
  return {fault::invalid,
          memory.join("the role is in use by ",
                      counted(memory, by.members, "member"), " and ",
                      counted(memory, by.invitations, "pending invitation")),
          "role"};
}

problem too_many_holders(arena& memory, const role_use& by) {
  return {fault::invalid,
          memory.join("the role is held by ",
                      counted(memory, by.members, "member"),
                      ", and at most 1000 can be given another at once"),
          "role"};
}

// Invitations name it there, also those that have expired: they can be sent
// again.
void reassign_invitations(operation& op, commit& change, const access& here,
                          const list<invitation>& all, std::string_view from,
                          std::string_view to) {
  for (const invitation& each : all) {
    if (each.roles.has(from)) {
      change_invitation_roles(op, change, here.record.id, each,
                              each.roles.replace(arena_of(op), from, to));
    }
  }
}

// Members hold `to` in the place of `from`, if the caller may give it.
flow<problem> reassign(operation& op, commit& change, const access& here,
                       role_use use, std::string_view from,
                       std::string_view to) {
  constexpr std::string_view field = "reassign_to";
  int64_t id = here.record.id;
  if (to == from || !is_role_name(to)) {
    co_return problem{fault::invalid, "reassign_to must be another role",
                      field};
  }
  auto knowing =
      require_known_roles(op, change, id, role_set(to), field);
  problem refusal = co_await knowing;
  if (!refusal.ok()) {
    co_return refusal;
  }
  auto granting = may_grant(op, change, here, role_set(to));
  refusal = co_await granting;
  if (!refusal.ok()) {
    co_return refusal;
  }
  if (use.members == 0) {
    co_return problem{};
  }
  if (use.members > static_cast<int64_t>(reassigned_max)) {
    co_return too_many_holders(arena_of(op), use);
  }
  trip asking(op);
  asking.add({"HGETALL", keys_of(op).members(id)});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  for (const member& each : parse_members(arena_of(op), asking[0])) {
    if (each.roles.has(from)) {
      rewrite_roles(op, change, id, each,
                    each.roles.replace(arena_of(op), from, to));
    }
  }
  co_return problem{};
}

}  // namespace

flow<problem> delete_role(operation& op, commit& change, const access& here,
                          int64_t id, std::string_view reassign_to) {
  key_names& keys = keys_of(op);
  arena& memory = arena_of(op);
  int64_t workspace = here.record.id;
  auto finding = find_role(op, workspace, id);
  auto found = co_await finding;
  if (!found.ok()) {
    co_return found.error;
  }
  role gone = found.value;
  if (gone.stored.empty()) {
    co_return is_built_in;
  }
  trip asking(op);
  asking.add({"HGET", keys.role_holders(workspace), gone.name});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  list<invitation> all{arena_allocator<invitation>(memory)};
  auto reading = read_invitations(op, workspace, all);
  problem refusal = co_await reading;
  if (!refusal.ok()) {
    co_return refusal;
  }
  role_use use;
  use.members = parse_integer(asking[0].str()).value_or(0);
  for (const invitation& each : all) {
    use.invitations += each.roles.has(gone.name) && !each.expired(now_of(op));
  }
  if (reassign_to.empty() && use.any()) {
    co_return in_use(memory, use);
  }
  if (!reassign_to.empty()) {
    auto reassigning =
        reassign(op, change, here, use, gone.name, reassign_to);
    refusal = co_await reassigning;
    if (!refusal.ok()) {
      co_return refusal;
    }
    reassign_invitations(op, change, here, all, gone.name, reassign_to);
  }
  // Every change of members and invitations changes the revision.
  change.expect(decimal(memory, here.record.revision),
                {"HGET", keys.workspace(workspace), "rev"});
  change.expect(gone.stored, {"HGET", keys.roles(workspace), gone.name});
  change.write({"HDEL", keys.roles(workspace), gone.name});
  change.touch(keys.workspace(workspace));
  co_return problem{};
}

}  // namespace wsp
