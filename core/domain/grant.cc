#include "domain/grant.h"

#include <algorithm>

#include "domain/permission.h"
#include "store/keys.h"
#include "store/record_read.h"
#include "store/trip.h"

namespace wsp {

namespace {

constexpr problem lacks{
    fault::forbidden, "nobody can grant a permission that they do not have"};

void append(buffer& into, std::string_view permissions) {
  if (into.size() != 0 && !permissions.empty()) {
    into.put(',');
  }
  into.put(permissions);
}

list<std::string_view> not_built_in(arena& memory, role_set roles) {
  list<std::string_view> names{arena_allocator<std::string_view>(memory)};
  roles.each([&](std::string_view name) {
    if (built_in_role(name) == nullptr) {
      names.push_back(name);
    }
  });
  return names;
}

// What the workspace defines for these names, one after the other: a text or
// nil each.
flow<result<reply>> read_definitions(operation& op, int64_t workspace,
                                     const list<std::string_view>& names,
                                     freshness wanted) {
  std::string_view key = keys_of(op).roles(workspace);
  list<std::string_view> command{
      arena_allocator<std::string_view>(arena_of(op))};
  command.reserve(names.size() + 2);
  command.push_back("HMGET");
  command.push_back(key);
  command.insert(command.end(), names.begin(), names.end());
  if (wanted == freshness::direct) {
    trip asking(op);
    asking.add(command);
    co_await asking.go();
    if (!asking.ok()) {
      co_return asking.failure();
    }
    co_return asking[0];
  }
  record_read reading(op, key, command);
  reading.start();
  co_await reading.get();
  if (!reading.ok()) {
    co_return reading.failure();
  }
  co_return reading.value();
}

// Appends what the built-in ones of the roles give; false: there are others.
bool add_built_in(role_set roles, buffer& into) {
  bool all = true;
  roles.each([&](std::string_view name) {
    const role* found = built_in_role(name);
    if (found != nullptr) {
      append(into, found->permissions);
    } else {
      all = false;
    }
  });
  return all;
}

// Appends what the roles give.  With `rests` it is to be the same when that
// is committed.
flow<problem> add_given(operation& op, int64_t workspace, role_set roles,
                        freshness wanted, commit* rests, buffer& into) {
  if (add_built_in(roles, into)) {
    co_return problem{};
  }
  auto names = not_built_in(arena_of(op), roles);
  auto reading = read_definitions(op, workspace, names, wanted);
  auto defined = co_await reading;
  if (!defined.ok()) {
    co_return defined.error;
  }
  std::string_view key = keys_of(op).roles(workspace);
  for (size_t i = 0; i < names.size(); i++) {
    const reply& each = defined.value[i];
    append(into, parse_role(names[i], each.str()).permissions);
    if (rests == nullptr) {
      continue;
    }
    if (each.is_nil()) {
      rests->expect_nil({"HGET", key, names[i]});
    } else {
      rests->expect(each.str(), {"HGET", key, names[i]});
    }
  }
  co_return problem{};
}

}  // namespace

std::optional<std::string_view> permissions_at_once(operation& op,
                                                    const access& here) {
  if (here.admin()) {
    return every_permission;
  }
  buffer held(arena_of(op), 128);
  if (!add_built_in(here.mine.roles, held)) {
    return std::nullopt;
  }
  return held.view();
}

flow<result<std::string_view>> permissions_of(operation& op,
                                              const access& here,
                                              freshness wanted) {
  buffer held(arena_of(op), 128);
  auto adding = add_given(op, here.record.id, here.mine.roles, wanted,
                          nullptr, held);
  problem failed = co_await adding;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return held.view();
}

flow<problem> may_grant_permissions(operation& op, commit& change,
                                    const access& here,
                                    std::string_view permissions) {
  if (here.admin()) {
    co_return problem{};
  }
  buffer held(arena_of(op));
  auto adding = add_given(op, here.record.id, here.mine.roles,
                          freshness::direct, &change, held);
  problem failed = co_await adding;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return all_covered(held.view(), permissions) ? problem{} : lacks;
}

flow<problem> may_grant(operation& op, commit& change, const access& here,
                        role_set roles) {
  if (roles.has(owner_role)) {
    co_return problem{fault::invalid, "the role owner cannot be given",
                      "roles"};
  }
  if (here.admin()) {
    co_return problem{};
  }
  if (roles.has(admin_role)) {
    co_return problem{fault::forbidden, "granting admin needs admin"};
  }
  buffer given(arena_of(op));
  auto adding = add_given(op, here.record.id, roles, freshness::direct,
                          &change, given);
  problem failed = co_await adding;
  if (!failed.ok()) {
    co_return failed;
  }
  auto covering = may_grant_permissions(op, change, here, given.view());
  problem refusal = co_await covering;
  co_return refusal;
}

flow<problem> require_known_roles(operation& op, commit& change,
                                  int64_t workspace, role_set roles,
                                  std::string_view field) {
  auto names = not_built_in(arena_of(op), roles);
  if (names.empty()) {
    co_return problem{};
  }
  auto reading =
      read_definitions(op, workspace, names, freshness::direct);
  auto defined = co_await reading;
  if (!defined.ok()) {
    co_return defined.error;
  }
  std::string_view key = keys_of(op).roles(workspace);
  for (size_t i = 0; i < names.size(); i++) {
    if (defined.value[i].is_nil()) {
      co_return problem{fault::invalid,
                        "the workspace has no role of this name", field};
    }
    change.expect("1", {"HEXISTS", key, names[i]});
  }
  co_return problem{};
}

flow<problem> list_role_names(operation& op, int64_t workspace,
                              list<std::string_view>& into) {
  trip asking(op);
  asking.add({"HKEYS", keys_of(op).roles(workspace)});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  for (const reply& each : asking[0].items()) {
    into.push_back(each.str());
  }
  co_return problem{};
}

std::string_view shown_role(role_set roles,
                            const list<std::string_view>& custom) noexcept {
  auto rank = [&](std::string_view name) {
    return name == admin_role    ? 0
           : name == member_role ? 2
           : name == viewer_role ? 3
           : std::find(custom.begin(), custom.end(), name) != custom.end()
               ? 1
               : 4;
  };
  std::string_view shown;
  roles.each([&](std::string_view name) {
    if (shown.empty() || rank(name) < rank(shown)) {
      shown = name;
    }
  });
  return shown;
}

std::string_view shown_role(const workspace& record, const member& of,
                            const list<std::string_view>& custom) noexcept {
  return of.user == record.owner ? owner_role
                                 : shown_role(of.roles, custom);
}

}  // namespace wsp
