// API keys: who is asking, by a secret that Redis knows the hash of.
//
// A key is found by its BLAKE2b-256, so that neither Redis nor a comparison's
// time tells anything of it: the hash wsp:k:HASH has the fields tenant, user
// (who acts when the request names nobody else), disabled ("1") and partner
// ("1" where it is the key of a partner, who opens the partner dialect).
#ifndef WORKSPACES_IDENTITY_API_KEY_H
#define WORKSPACES_IDENTITY_API_KEY_H

#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "identity/identity.h"

namespace wsp {

// Whether the request's source of identity is an API key.
inline bool asks_by_api_key(const operation& op) noexcept {
  return op.request->identity.api_key.data != nullptr;
}

// The tenant is the key's; the user is the one that the source names, or the
// key's own.  unauthenticated: no key; bad_token: none that is known;
// forbidden: it is disabled.
flow<result<identity>> identify_by_api_key(operation& op);

// Names the user for whom a partner asks, where the source does.
constexpr std::string_view partner_user_header = "X-ATS-User-ID";

// The same for one that is a partner's (field partner "1"): it acts as a
// tenant admin, and the user that the source names may be missing.  invalid:
// that user is no id, or there are two.
flow<result<identity>> identify_partner(operation& op);

// Draws an API key; the operation's memory is wiped at its end.
std::string_view draw_api_key(operation& op);

// The HASH of its record.
std::string_view api_key_hash(arena& memory, std::string_view key);

}  // namespace wsp

#endif  // WORKSPACES_IDENTITY_API_KEY_H
