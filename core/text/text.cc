#include "text/text.h"

#include <charconv>
#include <cstring>

#include "text/words.h"

namespace wsp {

namespace {

bool is_printable_ascii(std::string_view text) noexcept {
  return !any_word(text, [](uint64_t word) {
    uint64_t low = word - in_each_byte * 0x20;  // borrows where one is below
    uint64_t high = word + in_each_byte;  // into bit 7 where one is 0x7f
    return ((word | low | high) & (in_each_byte * 0x80)) != 0;
  });
}

}  // namespace

std::optional<size_t> utf8_length(std::string_view text) noexcept {
  if (is_printable_ascii(text)) {
    return text.size();
  }
  size_t count = 0;
  size_t i = 0;
  while (i < text.size()) {
    auto c = static_cast<unsigned char>(text[i]);
    count++;
    if (c < 0x80) {
      i++;
      continue;
    }
    size_t more;
    unsigned long point;
    if (c >= 0xc2 && c <= 0xdf) {
      more = 1;
      point = c & 0x1f;
    } else if (c >= 0xe0 && c <= 0xef) {
      more = 2;
      point = c & 0x0f;
    } else if (c >= 0xf0 && c <= 0xf4) {
      more = 3;
      point = c & 0x07;
    } else {
      return std::nullopt;
    }
    if (text.size() - i <= more) {
      return std::nullopt;
    }
    for (size_t k = 1; k <= more; k++) {
      auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) {
        return std::nullopt;
      }
      point = (point << 6) | (next & 0x3f);
    }
    bool overlong = (more == 2 && point < 0x800) ||
                    (more == 3 && point < 0x10000);
    if (overlong || point > 0x10ffff ||
        (point >= 0xd800 && point <= 0xdfff)) {
      return std::nullopt;
    }
    i += more + 1;
  }
  return count;
}

bool has_control(std::string_view text) noexcept {
  if (is_printable_ascii(text)) {
    return false;
  }
  unsigned char before = 0;
  for (char each : text) {
    auto c = static_cast<unsigned char>(each);
    if (c < 0x20 || c == 0x7f || (before == 0xc2 && c >= 0x80 && c < 0xa0)) {
      return true;
    }
    before = c;
  }
  return false;
}

namespace {

char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  c = to_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

constexpr char hex_upper[] = "0123456789ABCDEF";
constexpr char hex_lower[] = "0123456789abcdef";

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) {
    return false;
  }
  for (size_t i = 0; i < a.size(); i++) {
    if (to_lower(a[i]) != to_lower(b[i])) {
      return false;
    }
  }
  return true;
}

std::string_view lower_case(arena& memory, std::string_view text) {
  char* p = memory.bytes(text.size());
  for (size_t i = 0; i < text.size(); i++) {
    p[i] = to_lower(text[i]);
  }
  return {p, text.size()};
}

std::optional<std::string_view> percent_decode(arena& memory,
                                               std::string_view text,
                                               plus meaning) {
  bool plain = text.find('%') == text.npos;
  if (plain && (meaning == plus::is_itself || text.find('+') == text.npos)) {
    return text;
  }
  char* p = memory.bytes(text.size());
  size_t n = 0;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '%') {
      bool whole = text.size() - i > 2;
      int high = whole ? hex_digit(text[i + 1]) : -1;
      int low = whole ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return std::nullopt;
      }
      p[n++] = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (text[i] == '+' && meaning == plus::is_blank) {
      p[n++] = ' ';
    } else {
      p[n++] = text[i];
    }
  }
  return std::string_view(p, n);
}

std::string_view percent_encode(arena& memory, std::string_view text) {
  size_t special = 0;
  auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '~' ||
           c == '-';
  };
  for (char c : text) {
    special += is_plain(c) ? 0 : 1;
  }
  if (special == 0) {
    return text;
  }
  char* p = memory.bytes(text.size() + 2 * special);
  size_t n = 0;
  for (char c : text) {
    if (is_plain(c)) {
      p[n++] = c;
    } else {
      auto byte = static_cast<unsigned char>(c);
      p[n++] = '%';
      p[n++] = hex_upper[byte >> 4];
      p[n++] = hex_upper[byte & 15];
    }
  }
  return {p, n};
}

std::optional<int64_t> parse_integer(std::string_view text) noexcept {
  int64_t value = 0;
  if (!text.empty() && text.size() <= 18) {
    // Nearly all of them: plain digits that cannot overflow.
    size_t i = 0;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') {
      value = 10 * value + (text[i++] - '0');
    }
    if (i == text.size()) {
      return value;
    }
    value = 0;
  }
  const char* end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) {
    return std::nullopt;
  }
  return value;
}

std::optional<int64_t> parse_id(std::string_view text) noexcept {
  if (text.empty() || text[0] < '1' || text[0] > '9') {
    return std::nullopt;
  }
  auto value = parse_integer(text);
  if (!value || *value > (int64_t{1} << 53)) {
    return std::nullopt;
  }
  return value;
}

std::string_view decimal(arena& memory, int64_t value) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return memory.copy({digits, static_cast<size_t>(end - digits)});
}

std::string_view rfc3339(arena& memory, int64_t unix_ms) {
  // Days to civil date after Howard Hinnant's well-known algorithm.
  int64_t days = unix_ms / 86400000;
  int64_t rest = unix_ms % 86400000;
  if (rest < 0) {
    rest += 86400000;
    days--;
  }
  int64_t z = days + 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  auto doe = static_cast<unsigned>(z - era * 146097);
  unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  int64_t year = static_cast<int64_t>(yoe) + era * 400;
  unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  unsigned mp = (5 * doy + 2) / 153;
  unsigned day = doy - (153 * mp + 2) / 5 + 1;
  unsigned month = mp < 10 ? mp + 3 : mp - 9;
  if (month <= 2) {
    year++;
  }
  if (year < 0 || year > 9999) {
    return "9999-12-31T23:59:59.999Z";
  }
  auto ms = static_cast<unsigned>(rest);
  char* p = memory.bytes(24);
  auto digit = [p](int at, unsigned value) {
    p[at] = static_cast<char>('0' + value);
  };
  auto two = [digit](int at, unsigned value) {
    digit(at, value / 10);
    digit(at + 1, value % 10);
  };
  two(0, static_cast<unsigned>(year) / 100);
  two(2, static_cast<unsigned>(year) % 100);
  p[4] = '-';
  two(5, month);
  p[7] = '-';
  two(8, day);
  p[10] = 'T';
  two(11, ms / 3600000);
  p[13] = ':';
  two(14, ms / 60000 % 60);
  p[16] = ':';
  two(17, ms / 1000 % 60);
  p[19] = '.';
  digit(20, ms % 1000 / 100);
  two(21, ms % 100);
  p[23] = 'Z';
  return {p, 24};
}

std::string_view rfc3339_seconds(arena& memory, int64_t unix_ms) {
  constexpr size_t fraction = 5;  // ".000Z"
  std::string_view whole = rfc3339(memory, unix_ms);
  return memory.join(whole.substr(0, whole.size() - fraction), "Z");
}

std::string_view hex(arena& memory, std::string_view bytes) {
  char* p = memory.bytes(bytes.size() * 2);
  for (size_t i = 0; i < bytes.size(); i++) {
    auto byte = static_cast<unsigned char>(bytes[i]);
    p[2 * i] = hex_lower[byte >> 4];
    p[2 * i + 1] = hex_lower[byte & 15];
  }
  return {p, bytes.size() * 2};
}

}  // namespace wsp
