// What the claims of a verified token say: for whom it is, how long it
// stands, and who is asking (RFC 7519, section 4).
#ifndef WORKSPACES_IDENTITY_CLAIMS_H
#define WORKSPACES_IDENTITY_CLAIMS_H

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/arena.h"
#include "engine/result.h"
#include "identity/identity.h"
#include "text/json.h"

namespace wsp {

// A claim is found by its exact name; otherwise its name up to a dot is that
// of an object, in which the rest is found likewise: "org.id".
struct claim_rules {
  std::string issuer;
  std::string audience;
  std::string tenant = "tenant";
  std::string user = "sub";
  std::string roles = "roles";
  std::string permissions = "permissions";
  std::string email = "email";
  std::string name = "name";
  std::string admin = "admin";
  int64_t leeway_ms = 0;
};

// A token stands from the one (inclusive) to the other (exclusive), in
// milliseconds since the epoch.  The leeway is in them.
struct validity {
  int64_t from_ms = 0;
  int64_t until_ms = 0;
};

// Ok, fault::expired, or fault::bad_token (not valid yet).
problem check_validity(const validity& given, int64_t now_ms) noexcept;

// exp is required; nbf and iat, where given, are what it stands from.  A time
// is a number of seconds, whole or not, between 1970 and the year 9999.
result<validity> read_validity(const claim_rules& rules,
                               const json_t* claims) noexcept;

// iss must be the issuer, and aud the audience or an array that holds it.
problem check_addressee(const claim_rules& rules,
                        const json_t* claims) noexcept;

// The strings are in `memory`.  Throws bad_alloc.
//   - tenant and user: strings or integers that are ids.
//   - roles and permissions: arrays of strings, or one string separated by
//     commas or blanks.  An element of an array that holds a comma or a blank
//     is left out: it would read as several.
//   - email is left out where `email_verified` beside it is false (OpenID
//     Connect Core, 5.1): whoever proves an address is let in by it.
//   - admin: true, 1, or a string that says yes.
result<identity> read_identity(arena& memory, const claim_rules& rules,
                               const json_t* claims);

}  // namespace wsp

#endif  // WORKSPACES_IDENTITY_CLAIMS_H
