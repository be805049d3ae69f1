// URLs of http and https.
#ifndef WORKSPACES_TEXT_URL_H
#define WORKSPACES_TEXT_URL_H

#include <optional>
#include <string_view>

#include "engine/arena.h"

namespace wsp {

struct http_url {
  bool https = false;
  // In lower case: a name, an IPv4 address, or an IPv6 address without its
  // brackets.
  std::string_view host;
  unsigned port = 0;
  std::string_view text;  // all of it, with the host in lower case and a path
};

// Nothing: it is none, or has a user, a fragment, or a host or port that two
// readers might take for different ones.
std::optional<http_url> parse_http_url(arena& memory, std::string_view text);

}  // namespace wsp

#endif  // WORKSPACES_TEXT_URL_H
