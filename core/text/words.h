// Bytes of a text by eight, for scans that seldom find anything.
#ifndef WORKSPACES_TEXT_WORDS_H
#define WORKSPACES_TEXT_WORDS_H

#include <cstdint>
#include <cstring>
#include <string_view>

namespace wsp {

constexpr uint64_t in_each_byte = 0x0101010101010101u;

// Whether found(word) is true of any eight bytes; what is not there at the
// end of a short text reads as blanks.
template <class Found>
bool any_word(std::string_view text, Found found) noexcept {
  uint64_t word = in_each_byte * ' ';
  if (text.size() < sizeof word) {
    if (text.empty()) {
      return false;
    }
    std::memcpy(&word, text.data(), text.size());
    return found(word);
  }
  // The last eight may be there twice.
  const char* last = text.data() + text.size() - sizeof word;
  for (const char* at = text.data(); at < last; at += sizeof word) {
    std::memcpy(&word, at, sizeof word);
    if (found(word)) {
      return true;
    }
  }
  std::memcpy(&word, last, sizeof word);
  return found(word);
}

}  // namespace wsp

#endif  // WORKSPACES_TEXT_WORDS_H
