#include "engine/smtp.h"

#include <algorithm>

namespace wsp {

namespace {

// A reply is a line or a few; who goes on and on, be it in one line, is cut
// off: a worker reads as long as there is something.
constexpr size_t reply_max = size_t{16} * 1024;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// A dot at the start of a line gets another one; the end is a dot alone.
std::string_view stuffed(arena& memory, std::string_view message) {
  buffer out(memory, message.size() + 64);
  bool at_start = true;
  for (char c : message) {
    if (at_start && c == '.') {
      out.put('.');
    }
    out.put(c);
    at_start = c == '\n';
  }
  out.put(at_start ? ".\r\n" : "\r\n.\r\n");
  return out.view();
}

}  // namespace

smtp_dialog::smtp_dialog(arena& memory, const letter& what)
    : memory_(memory), what_(what) {
  say(memory.join("MAIL FROM:<", what.from, ">\r\n"));
}

void smtp_dialog::say(std::string_view text) noexcept {
  out_ = text;
  done_ = 0;
}

void smtp_dialog::written(size_t size) noexcept {
  done_ += std::min(size, out_.size() - done_);
}

void smtp_dialog::end_with(end how) noexcept {
  ended_ = how;
  say("QUIT\r\n");
}

bool smtp_dialog::input(std::string_view bytes) {
  for (char c : bytes) {
    if (ended_ != end::none) {
      break;
    }
    if (whole_) {
      whole_ = false;
      size_ = 0;
    }
    if (++reply_size_ > reply_max) {
      end_with(end::nonsense);
      break;
    }
    if (c != '\n') {
      if (size_ < sizeof line_) {
        line_[size_++] = c;
      }
      continue;
    }
    if (size_ != 0 && line_[size_ - 1] == '\r') {
      size_--;
    }
    whole_ = true;
    if (take_line()) {
      break;
    }
  }
  return ended_ != end::none;
}

bool smtp_dialog::take_line() {
  std::string_view line = last_line();
  bool reply = line.size() >= 3 && is_digit(line[0]) && is_digit(line[1]) &&
               is_digit(line[2]) &&
               (line.size() == 3 || line[3] == ' ' || line[3] == '-');
  if (!reply) {
    end_with(end::nonsense);
    return true;
  }
  if (line.size() > 3 && line[3] == '-') {
    return false;
  }
  reply_size_ = 0;
  char wanted = at_ == step::data ? '3' : '2';
  if (line[0] != wanted || !output().empty()) {
    end_with(line[0] == '4'   ? end::refused_now
             : line[0] == '5' ? end::refused
                              : end::nonsense);
    return true;
  }
  switch (at_) {
    case step::mail:
      say(memory_.join("RCPT TO:<", what_.to, ">\r\n"));
      at_ = step::rcpt;
      break;
    case step::rcpt:
      say("DATA\r\n");
      at_ = step::data;
      break;
    case step::data:
      say(stuffed(memory_, what_.message));
      at_ = step::message;
      break;
    case step::message:
      end_with(end::accepted);
      break;
  }
  return ended_ != end::none;
}

}  // namespace wsp
