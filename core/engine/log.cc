#include "engine/log.h"

namespace wsp {

void log_queue::add(int level, std::string_view a, std::string_view b,
                    std::string_view c, std::string_view d,
                    std::string_view e, std::string_view f) noexcept {
  constexpr size_t most = 64;
  try {
    if (lines_.size() >= most) {
      dropped_++;
      return;
    }
    std::string text;
    for (std::string_view part : {a, b, c, d, e, f}) {
      text.append(part);
    }
    if (dropped_ != 0) {
      text.append(" (").append(std::to_string(dropped_)).append(
          " lines before this one were dropped)");
    }
    for (char& ch : text) {
      auto byte = static_cast<unsigned char>(ch);
      if (byte < 0x20 || byte >= 0x7f) {
        ch = '?';
      }
    }
    lines_.push_back({level, std::move(text)});
    dropped_ = 0;
  } catch (const std::exception&) {
    dropped_++;
  }
}

bool log_queue::next(int* level, std::string_view* text) noexcept {
  if (lines_.empty()) {
    return false;
  }
  current_ = std::move(lines_.front());
  lines_.pop_front();
  *level = current_.level;
  *text = current_.text;
  return true;
}

}  // namespace wsp
