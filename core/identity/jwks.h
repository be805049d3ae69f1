// JWK sets (RFC 7517).
#ifndef WORKSPACES_IDENTITY_JWKS_H
#define WORKSPACES_IDENTITY_JWKS_H

#include <string>
#include <string_view>
#include <vector>

#include "identity/jwt_key.h"

namespace wsp {

// Appends the keys of the set that verify signatures: RSA (RS256 unless its
// `alg` is RS384 or RS512), EC by its curve, oct (HS256 unless its `alg` is
// HS384 or HS512).  As RFC 7517, section 5, says, those with another use or
// of a kind not understood (OKP, RSA-OAEP, PS256) are passed over.  Returns
// a sentence that names the key by its place when one of ours is wrong, and
// when there is none.  Throws bad_alloc.
std::string keys_of_jwks(std::vector<jwt_key>& into, std::string_view text);

}  // namespace wsp

#endif  // WORKSPACES_IDENTITY_JWKS_H
