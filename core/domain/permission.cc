#include "domain/permission.h"

#include "text/text.h"

namespace wsp {

namespace {

constexpr size_t half_max = 64;

bool is_half(std::string_view text) noexcept {
  if (text == "*") {
    return true;
  }
  if (text.empty() || text.size() > half_max) {
    return false;
  }
  for (char c : text) {
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    if (!good) {
      return false;
    }
  }
  return true;
}

bool half_covers(std::string_view held, std::string_view needed) noexcept {
  return held == "*" || held == needed;
}

}  // namespace

bool is_permission(std::string_view text) noexcept {
  size_t colon = text.find(':');
  return colon != text.npos && is_half(text.substr(0, colon)) &&
         is_half(text.substr(colon + 1));
}

bool covers(std::string_view held, std::string_view needed) noexcept {
  size_t h = held.find(':');
  size_t n = needed.find(':');
  return h != held.npos && n != needed.npos &&
         half_covers(held.substr(0, h), needed.substr(0, n)) &&
         half_covers(held.substr(h + 1), needed.substr(n + 1));
}

bool any_covers(std::string_view held, std::string_view needed) noexcept {
  bool covered = false;
  each_part(held, [&](std::string_view each) {
    covered = covered || covers(each, needed);
  });
  return covered;
}

bool all_covered(std::string_view held, std::string_view needed) noexcept {
  bool covered = true;
  each_part(needed, [&](std::string_view each) {
    covered = covered && any_covers(held, each);
  });
  return covered;
}

}  // namespace wsp
