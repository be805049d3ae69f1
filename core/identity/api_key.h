// API keys: who is asking, by a secret that Redis knows the hash of.
//
// A key is found by its BLAKE2b-256, so that neither Redis nor a comparison's
// time tells anything of it: the hash wsp:k:HEX has the fields tenant, user
// (who acts when the request names nobody else) and disabled ("1").
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

}  // namespace wsp

#endif  // WORKSPACES_IDENTITY_API_KEY_H
