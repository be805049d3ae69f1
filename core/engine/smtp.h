// One mail over a connection to an SMTP server (RFC 5321) that is open and
// logged in: from MAIL to the reply after the message.  It does no I/O.
#ifndef WORKSPACES_ENGINE_SMTP_H
#define WORKSPACES_ENGINE_SMTP_H

#include <string_view>

#include "engine/arena.h"

namespace wsp {

struct letter {
  std::string_view from;  // addresses, as they go between < and >
  std::string_view to;
  std::string_view message;  // RFC 5322, with CRLF at the end of each line
};

class smtp_dialog {
 public:
  smtp_dialog(arena& memory, const letter& what);

  // What is to be written.
  std::string_view output() const noexcept { return out_.substr(done_); }
  void written(size_t size) noexcept;

  // True: the dialog is over.  What is left to write is good manners.
  bool input(std::string_view bytes);

  enum class end { none, accepted, refused_now, refused, nonsense };
  end ended() const noexcept { return ended_; }
  // The last line of the server; in the memory of this object.
  std::string_view last_line() const noexcept { return {line_, size_}; }

 private:
  enum class step { mail, rcpt, data, message };

  bool take_line();
  void say(std::string_view text) noexcept;
  void end_with(end how) noexcept;

  arena& memory_;
  letter what_;
  step at_ = step::mail;
  end ended_ = end::none;
  std::string_view out_;
  size_t done_ = 0;
  char line_[256];  // the rest of a longer one is dropped
  size_t size_ = 0;
  bool whole_ = false;  // the line has ended; the next one replaces it
  size_t reply_size_ = 0;
};

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_SMTP_H
