// Roles: names that a member holds in a workspace, and what they give.
//
// The built-in ones cannot be changed:
//
//   1  admin    *:*, and every right in the workspace
//   2  member   view, read, create, edit and update of everything
//   3  viewer   view and read of everything
//
// A workspace defines others (custom_role.h).  Any other name can be held,
// too, and gives nothing.  `owner` is no role that can be given: there is one
// owner, who has every right.
#ifndef WORKSPACES_DOMAIN_ROLE_H
#define WORKSPACES_DOMAIN_ROLE_H

#include <cstdint>
#include <span>
#include <string_view>

#include "text/text.h"

namespace wsp {

constexpr size_t roles_max = 32;  // that can be given to one at once
constexpr std::string_view admin_role = "admin";
constexpr std::string_view member_role = "member";
constexpr std::string_view viewer_role = "viewer";
constexpr std::string_view owner_role = "owner";

struct role {
  int64_t id = 0;
  std::string_view name;
  std::string_view display_name;
  std::string_view permissions;  // a comma list
  std::string_view stored;       // empty: built in
};

std::span<const role> built_in_roles() noexcept;

// Null: no built-in one has this name.
const role* built_in_role(std::string_view name) noexcept;

// A custom one as it is stored under its name: "<id> <permissions> <display
// name>".  Its id is 0 when there is none.
role parse_role(std::string_view name, std::string_view stored) noexcept;
std::string_view store_role(arena& memory, const role& custom);

// 1..64 of [A-Za-z0-9_-].
bool is_role_name(std::string_view name) noexcept;

// The role names of one member, as they are stored: separated by commas.
class role_set {
 public:
  role_set() noexcept = default;
  explicit role_set(std::string_view stored) noexcept : names_(stored) {}

  bool has(std::string_view name) const noexcept;
  std::string_view stored() const noexcept { return names_; }

  // With this name put in front, unless it has it.
  role_set with(arena& memory, std::string_view name) const;
  // With `to` where `from` was, once.
  role_set replace(arena& memory, std::string_view from,
                   std::string_view to) const;

  // Calls visit(name) for each.
  template <class Visit>
  void each(Visit visit) const {
    each_part(names_, visit);
  }

 private:
  std::string_view names_;
};

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_ROLE_H
