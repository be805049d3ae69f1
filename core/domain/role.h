// Roles: names that a member holds in a workspace.
//
// `admin` and being the owner give every right in the workspace; `owner` is
// no role that can be given, there is one owner.  The other names are free.
#ifndef WORKSPACES_DOMAIN_ROLE_H
#define WORKSPACES_DOMAIN_ROLE_H

#include <string_view>

namespace wsp {

constexpr size_t roles_max = 32;  // of one member or invitation
constexpr std::string_view admin_role = "admin";
constexpr std::string_view owner_role = "owner";

// 1..64 of [A-Za-z0-9_-].
bool is_role_name(std::string_view name) noexcept;

// The role names of one member, as they are stored: separated by commas.
class role_set {
 public:
  role_set() noexcept = default;
  explicit role_set(std::string_view stored) noexcept : names_(stored) {}

  bool has(std::string_view name) const noexcept;
  std::string_view stored() const noexcept { return names_; }

  // Calls visit(name) for each.
  template <class Visit>
  void each(Visit visit) const {
    std::string_view rest = names_;
    while (!rest.empty()) {
      size_t comma = rest.find(',');
      visit(rest.substr(0, comma));
      rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
    }
  }

 private:
  std::string_view names_;
};

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_ROLE_H
