// The signature of a bearer token against a key.
#ifndef WORKSPACES_IDENTITY_SIGNATURE_H
#define WORKSPACES_IDENTITY_SIGNATURE_H

#include <string_view>

#include "identity/jwt_key.h"

namespace wsp {

// A compact JWS (RFC 7515, 7.1), taken apart and decoded.
struct compact_token {
  std::string_view signing_input;    // header and payload, as they came
  std::string_view header;           // JSON
  std::string_view payload;          // JSON
  std::string_view signature;        // bytes
};

// Whether the key made the signature.  The caller has seen to it that the
// header names the key's algorithm.  Anything that goes wrong on the way is a no,
// but for memory: throws bad_alloc.
bool signature_matches(const jwt_key& key, const compact_token& token);

}  // namespace wsp

#endif  // WORKSPACES_IDENTITY_SIGNATURE_H
