// The signature of a webhook, ours or a partner's:
//
//   X-Webhook-Signature: t=<unix seconds>,v1=<64 lower-case hex digits>
//
// where v1 is the HMAC-SHA256 of t, a dot and the raw body.  There may be
// several v1 (while a secret is replaced, one by each), in any order with t,
// with blanks after the commas; what has another name is not looked at.
#ifndef WORKSPACES_IDENTITY_WEBHOOK_SIGNATURE_H
#define WORKSPACES_IDENTITY_WEBHOOK_SIGNATURE_H

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/arena.h"

namespace wsp {

// How far t may be from now, both ways.
constexpr int64_t webhook_tolerance_s = 300;

// The value of the header.  Each secret signs, in their order; there is one at
// least.
std::string_view sign_webhook(arena& memory,
                              std::span<const std::string_view> secrets,
                              int64_t unix_s, std::string_view body);

// Whether one of the secrets signed this body not long ago.  A missing header
// is an empty one.  The time it takes tells nothing of the secrets, nor how
// many there are (up to two; with none it is a no).
bool webhook_signature_matches(std::string_view header,
                               std::span<const std::string_view> secrets,
                               std::string_view body,
                               int64_t now_ms) noexcept;

}  // namespace wsp

#endif  // WORKSPACES_IDENTITY_WEBHOOK_SIGNATURE_H
