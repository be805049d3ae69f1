// What a mail server answers.  The first byte: into what pieces it is cut, how
// much of what is to be said is written before each, and which message it is.
//
// Whatever comes, the server is told one mail and nothing else: commands in
// their order, a message that ends where it ends, and QUIT at most once.
#include <algorithm>

#include "engine/arena.h"
#include "engine/smtp.h"
#include "fuzz_core.h"

namespace {

constexpr std::string_view messages[] = {
    "Subject: a\r\n\r\nhello\r\n",
    "Subject: a\r\n\r\n.\r\n..\r\n.QUIT\r\nQUIT\r\n.",
    "",
    ".",
};

// Of the bytes behind DATA: the message, without what protects its dots.
std::string unstuffed(std::string_view data) {
  constexpr std::string_view end = "\r\n.\r\n";
  std::string lines = "\r\n";  // DATA ends a line
  lines += data;
  must(lines.find(end) == lines.size() - end.size());
  lines.resize(lines.size() - 3);
  for (size_t at = 0; (at = lines.find("\n.", at)) != lines.npos; at++) {
    lines.erase(at + 1, 1);
  }
  return lines.substr(2);
}

void check_said(std::string_view said, std::string_view message,
                const wsp::smtp_dialog& dialog) {
  using end = wsp::smtp_dialog::end;
  std::string all = "MAIL FROM:<a@x.org>\r\nRCPT TO:<b@y.org>\r\nDATA\r\n";
  const size_t head = all.size();
  if (dialog.ended() == end::none) {
    must(said.substr(0, head) == std::string_view(all).substr(0, said.size()));
    return;
  }
  constexpr std::string_view bye = "QUIT\r\n";
  must(said.size() >= bye.size());
  must(said.substr(said.size() - bye.size()) == bye);
  said.remove_suffix(bye.size());
  must(said.substr(0, head) == std::string_view(all).substr(0, said.size()));
  if (dialog.ended() == end::accepted) {
    std::string told = unstuffed(said.substr(head));
    // one that ends in the midst of a line gets the end of that line
    must(told == message || told == std::string(message) + "\r\n");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) {
    return 0;
  }
  const uint8_t how = data[0];
  const std::string_view message = messages[how & 3];
  const size_t piece = (how & 4) != 0 ? 1 + (how >> 4) : size;
  const size_t writes = (how & 8) != 0 ? 1 + (how >> 4) : SIZE_MAX;
  wsp::arena memory;
  wsp::smtp_dialog dialog(memory, {"a@x.org", "b@y.org", message});
  std::string said;
  auto write = [&](size_t most) {
    const std::string_view out = dialog.output().substr(0, most);
    said += out;
    dialog.written(out.size());
  };
  bool over = false;
  for (size_t at = 1; at < size && !over; at += piece) {
    write(writes);
    // Of its size: reading past it is seen.
    std::string bytes(reinterpret_cast<const char*>(data) + at,
                      std::min(piece, size - at));
    bytes.shrink_to_fit();
    over = dialog.input(bytes);
    must(over == (dialog.ended() != wsp::smtp_dialog::end::none));
    must(dialog.last_line().find('\n') == std::string_view::npos);
  }
  write(SIZE_MAX);
  must(dialog.output().empty());
  check_said(said, message, dialog);
  if (over) {
    const auto how_it_ended = dialog.ended();
    must(dialog.input("250 ok\r\n354 go on\r\n"));
    must(dialog.ended() == how_it_ended && dialog.output().empty());
  }
  return 0;
}
