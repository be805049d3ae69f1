#include "store/redis_url.h"

#include <sodium.h>

#include <charconv>
#include <optional>

#include "text/text.h"

namespace wsp {

namespace {

constexpr std::string_view usage =
    "write unix:/path/to/socket[:db] or "
    "redis://[[user]:password@]host[:port][/db]";

std::optional<std::string> decoded(std::string_view text) {
  arena memory;
  auto plain = percent_decode(memory, text, plus::is_itself);
  memory.wipe_when_freed();
  if (!plain || plain->find('\0') != plain->npos) {
    return std::nullopt;
  }
  return std::string(*plain);
}

bool number(std::string_view text, unsigned most, unsigned* out) {
  unsigned value = 0;
  const char* end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end ||
      value > most) {
    return false;
  }
  *out = value;
  return true;
}

}  // namespace

redis_url::~redis_url() { sodium_memzero(password.data(), password.size()); }

std::string redis_url::parse(std::string_view url) {
  constexpr std::string_view tcp = "redis://";
  constexpr std::string_view unix_url = "unix://";
  constexpr std::string_view unix_short = "unix:";
  bool is_tcp = url.substr(0, tcp.size()) == tcp;
  bool is_unix = !is_tcp && url.substr(0, unix_url.size()) == unix_url;
  if (!is_tcp && !is_unix && url.substr(0, unix_short.size()) != unix_short) {
    return std::string(usage);
  }

  std::string_view rest =
      url.substr(is_tcp ? tcp.size()
                        : (is_unix ? unix_url.size() : unix_short.size()));
  if (is_tcp || is_unix) {
    // Credentials end at the last "@" before the path.
    size_t slash = rest.find('/');
    size_t sign = rest.substr(0, slash).rfind('@');
    if (sign != rest.npos) {
      std::string_view login = rest.substr(0, sign);
      rest = rest.substr(sign + 1);
      size_t colon = login.find(':');
      if (colon == login.npos) {
        return "a password is written after a colon: " + std::string(usage);
      }
      auto name = decoded(login.substr(0, colon));
      auto secret = decoded(login.substr(colon + 1));
      if (!name || !secret || secret->empty()) {
        return "user and password are percent-encoded, and the password is "
               "not empty: " +
               std::string(usage);
      }
      user = *name;
      password = *secret;
      sodium_memzero(secret->data(), secret->size());
    }
  }

  std::string_view db;
  if (is_tcp) {
    size_t slash = rest.find('/');
    if (slash != rest.npos) {
      db = rest.substr(slash + 1);
      rest = rest.substr(0, slash);
    }
    std::string_view port_text;
    if (!rest.empty() && rest[0] == '[') {
      size_t close = rest.find(']');
      if (close == rest.npos ||
          (close + 1 < rest.size() && rest[close + 1] != ':')) {
        return std::string(usage);
      }
      host = rest.substr(1, close - 1);
      if (close + 1 < rest.size()) {
        port_text = rest.substr(close + 2);
        if (port_text.empty()) {
          return "the port is a number of 1..65535: " + std::string(usage);
        }
      }
    } else {
      size_t colon = rest.find(':');
      host = rest.substr(0, colon);
      if (colon != rest.npos) {
        port_text = rest.substr(colon + 1);
        if (port_text.empty()) {
          return "the port is a number of 1..65535: " + std::string(usage);
        }
      }
    }
    if (host.empty() || has_control(host)) {
      return "the host is missing: " + std::string(usage);
    }
    if (!port_text.empty() &&
        (!number(port_text, 65535, &port) || port == 0)) {
      return "the port is a number of 1..65535: " + std::string(usage);
    }
  } else {
    if (is_unix) {
      constexpr std::string_view db_key = "?db=";
      size_t query = rest.find('?');
      if (query != rest.npos) {
        if (rest.substr(query, db_key.size()) != db_key) {
          return "after the path comes ?db=N: " + std::string(usage);
        }
        db = rest.substr(query + db_key.size());
        if (db.empty()) {
          return "the database is a number of 0..65535: " +
                 std::string(usage);
        }
        rest = rest.substr(0, query);
      }
    } else {
      size_t colon = rest.rfind(':');
      if (colon != rest.npos) {
        db = rest.substr(colon + 1);
        if (db.empty()) {
          return "the database is a number of 0..65535: " +
                 std::string(usage);
        }
        rest = rest.substr(0, colon);
      }
    }
    // sun_path holds 108 bytes with its NUL.
    if (rest.empty() || rest[0] != '/' || rest.size() > 107 ||
        has_control(rest)) {
      return "the socket's path is absolute and at most 107 bytes: " +
             std::string(usage);
    }
    path = rest;
  }
  if (!db.empty() && !number(db, 65535, &database)) {
    return "the database is a number of 0..65535: " + std::string(usage);
  }
  return {};
}

}  // namespace wsp
