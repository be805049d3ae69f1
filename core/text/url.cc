#include "text/url.h"

#include <algorithm>

#include "text/text.h"

namespace wsp {

namespace {

constexpr size_t host_max = 253;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= host_max && text.front() != '.' &&
         text.front() != '-' && text.find("..") == text.npos &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' ||
                  c == '.' || c == '_';
         });
}

// Nearly: who connects reads it again, and a zone is none of it.
bool is_ipv6(std::string_view text) noexcept {
  return text.size() >= 2 && text.size() <= 45 &&
         text.find(':') != text.npos &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'f') || is_digit(c) || c == ':' || c == '.';
         });
}

bool is_target(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c <= '~' && c != '#' && c != '"' && c != '\\' &&
           c != '<' && c != '>';
  });
}

}  // namespace

std::optional<http_url> parse_http_url(arena& memory, std::string_view text) {
  http_url url;
  url.https = text.substr(0, 8) == "https://";
  if (!url.https && text.substr(0, 7) != "http://") {
    return std::nullopt;
  }
  text.remove_prefix(url.https ? 8 : 7);
  size_t end = std::min(text.find_first_of("/?"), text.size());
  std::string_view authority = lower_case(memory, text.substr(0, end));
  std::string_view target = text.substr(end);
  std::string_view port;
  bool in_brackets = !authority.empty() && authority.front() == '[';
  size_t host_end = in_brackets ? authority.find(']') : authority.find(':');
  if (in_brackets) {
    if (host_end == authority.npos) {
      return std::nullopt;
    }
    url.host = authority.substr(1, host_end - 1);
    port = authority.substr(host_end + 1);
  } else {
    url.host = authority.substr(0, host_end);
    port = authority.substr(std::min(host_end, authority.size()));
  }
  url.port = url.https ? 443 : 80;
  if (!port.empty()) {
    auto number = parse_id(port.substr(1));
    if (port.front() != ':' || !number || *number > 65535) {
      return std::nullopt;
    }
    url.port = static_cast<unsigned>(*number);
  }
  if (!(in_brackets ? is_ipv6(url.host) : is_name(url.host)) ||
      !is_target(target)) {
    return std::nullopt;
  }
  url.text = memory.join(url.https ? "https://" : "http://", authority,
                         target.empty() || target.front() != '/' ? "/" : "",
                         target);
  return url;
}

}  // namespace wsp
