// Dates of HTTP (RFC 9110, 5.6.7), in each of their three forms.
#ifndef WORKSPACES_TEXT_HTTP_DATE_H
#define WORKSPACES_TEXT_HTTP_DATE_H

#include <cstdint>
#include <optional>
#include <string_view>

namespace wsp {

// Milliseconds since the epoch.  A year of two digits is the one that is at
// most 50 years ahead of `now_ms`.
std::optional<int64_t> parse_http_date(std::string_view text,
                                       int64_t now_ms) noexcept;

}  // namespace wsp

#endif  // WORKSPACES_TEXT_HTTP_DATE_H
