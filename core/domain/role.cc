#include "domain/role.h"

namespace wsp {

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

}  // namespace wsp
