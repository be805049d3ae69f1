// Permissions: "resource:action", with "*" as a wildcard in either half.
// What a role gives is a comma list of them.
#ifndef WORKSPACES_DOMAIN_PERMISSION_H
#define WORKSPACES_DOMAIN_PERMISSION_H

#include <string_view>

namespace wsp {

constexpr std::string_view every_permission = "*:*";

// Two halves of 1..64 of [A-Za-z0-9_.-], or "*".
bool is_permission(std::string_view text) noexcept;

// Whether the permission, perhaps with wildcards, covers the needed one,
// perhaps with wildcards, too.
bool covers(std::string_view held, std::string_view needed) noexcept;

// Whether one of those in a comma list does.
bool any_covers(std::string_view held, std::string_view needed) noexcept;

// Whether those in one comma list cover each of another.
bool all_covered(std::string_view held, std::string_view needed) noexcept;

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_PERMISSION_H
