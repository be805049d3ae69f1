// Log lines wait here until the driver takes them (wsp_next_log).
#ifndef WORKSPACES_ENGINE_LOG_H
#define WORKSPACES_ENGINE_LOG_H

#include <deque>
#include <string>
#include <string_view>

namespace wsp {

class log_queue {
 public:
  // What is not printable ASCII becomes "?".  When memory or the queue (64 lines) is
  // exhausted the line is dropped, and the next one says how many were.
  void add(int level, std::string_view a, std::string_view b = {},
           std::string_view c = {}, std::string_view d = {},
           std::string_view e = {}, std::string_view f = {}) noexcept;
  bool next(int* level, std::string_view* text) noexcept;

 private:
  struct line {
    int level;
    std::string text;
  };
  std::deque<line> lines_;
  line current_;
  unsigned dropped_ = 0;
};

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_LOG_H
