#include "domain/role.h"

#include "domain/permission.h"

namespace wsp {

namespace {

constexpr role built_in[] = {
    {1, admin_role, "Administrator", every_permission, {}},
    {2, member_role, "Member", "*:view,*:read,*:create,*:edit,*:update", {}},
    {3, viewer_role, "Viewer", "*:view,*:read", {}},
};

}  // namespace

std::span<const role> built_in_roles() noexcept { return built_in; }

const role* built_in_role(std::string_view name) noexcept {
  for (const role& each : built_in) {
    if (each.name == name) {
      return &each;
    }
  }
  return nullptr;
}

role parse_role(std::string_view name, std::string_view stored) noexcept {
  role made;
  size_t first = stored.find(' ');
  size_t second = stored.find(' ', first + 1);
  auto id = parse_integer(stored.substr(0, first));
  if (first == stored.npos || second == stored.npos || !id) {
    return made;  // nothing there
  }
  made.id = *id;
  made.name = name;
  made.permissions = stored.substr(first + 1, second - first - 1);
  made.display_name = stored.substr(second + 1);
  made.stored = stored;
  return made;
}

std::string_view store_role(arena& memory, const role& custom) {
  return memory.join(decimal(memory, custom.id), " ", custom.permissions,
                     " ", custom.display_name);
}

bool is_role_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 64) {
    return false;
  }
  for (char c : name) {
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!good) {
      return false;
    }
  }
  return true;
}

bool role_set::has(std::string_view name) const noexcept {
  bool found = false;
  each([&](std::string_view each) { found = found || each == name; });
  return found;
}

role_set role_set::with(arena& memory, std::string_view name) const {
  if (has(name)) {
    return *this;
  }
  return role_set(names_.empty() ? name : memory.join(name, ",", names_));
}

role_set role_set::replace(arena& memory, std::string_view from,
                           std::string_view to) const {
  bool has_to = has(to);
  buffer names(memory, names_.size() + to.size() + 1);
  each([&](std::string_view each) {
    if (each == from && has_to) {
      return;
    }
    if (names.size() != 0) {
      names.put(',');
    }
    names.put(each == from ? to : each);
  });
  return role_set(names.view());
}

}  // namespace wsp
