#include "domain/permission.h"

namespace wsp {

namespace {

bool half_covers(std::string_view held, std::string_view needed) noexcept {
  return held == "*" || held == needed;
}

}  // namespace

bool covers(std::string_view held, std::string_view needed) noexcept {
  size_t h = held.find(':');
  size_t n = needed.find(':');
  return h != held.npos && n != needed.npos &&
         half_covers(held.substr(0, h), needed.substr(0, n)) &&
         half_covers(held.substr(h + 1), needed.substr(n + 1));
}

bool any_covers(std::string_view held, std::string_view needed) noexcept {
  while (!held.empty()) {
    size_t comma = held.find(',');
    if (covers(held.substr(0, comma), needed)) {
      return true;
    }
    held = comma == held.npos ? std::string_view() : held.substr(comma + 1);
  }
  return false;
}

std::string_view built_in_permissions(std::string_view role) noexcept {
  if (role == "owner" || role == "admin") {
    return every_permission;
  }
  if (role == "member") {
    return "*:view,*:read,*:create,*:edit,*:update";
  }
  if (role == "viewer") {
    return "*:view,*:read";
  }
  return {};
}

}  // namespace wsp
