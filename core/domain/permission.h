// Permissions: "resource:action", with "*" as a wildcard in either half.
//
// Roles give them.  The built-in ones cannot be changed:
//
//   owner, admin   *:*
//   member         view, read, create, edit and update of everything
//   viewer         view and read of everything
//
// Any other name gives nothing.
#ifndef WORKSPACES_DOMAIN_PERMISSION_H
#define WORKSPACES_DOMAIN_PERMISSION_H

#include <string_view>

namespace wsp {

constexpr std::string_view every_permission = "*:*";

// Whether the permission, perhaps with wildcards, covers the needed one.
bool covers(std::string_view held, std::string_view needed) noexcept;

// Whether one of those in a comma list does.
bool any_covers(std::string_view held, std::string_view needed) noexcept;

// What a built-in role gives, a comma list; empty: it is none.
std::string_view built_in_permissions(std::string_view role) noexcept;

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_PERMISSION_H
