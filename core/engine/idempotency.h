// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a POST that
// is sent again gets the first answer, and its work is done once.
//
// The key is bound to tenant, user, route and a fingerprint of the request.
// It is claimed before the work begins; the answer is stored by the same
// commit that does the work.  Only success is remembered: a refused request
// has changed nothing and may be corrected and sent again.
#ifndef WORKSPACES_ENGINE_IDEMPOTENCY_H
#define WORKSPACES_ENGINE_IDEMPOTENCY_H

#include <optional>
#include <string_view>

#include "engine/answer.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"
#include "store/trip.h"

namespace wsp {

struct idempotency {
  bool claimed = false;
  std::string_view key;          // in Redis
  std::string_view fingerprint;  // of the request
  std::string_view claim;        // what we wrote there
};

// Asks for the claim: what the request is about may be read meanwhile.
// bad_request: the header is not 1..255 printable characters, or is there
// twice.  Without the header, or when it is claimed: nothing happens.
problem ask_for_claim(operation& op, idempotency& into, trip& asking);

// What came of it; nothing is to be written before.  conflict: the first one is
// still running.  key_reused: it was used for another request.  A value: the
// first answer.
flow<result<std::optional<answer>>> take_claim(operation& op,
                                               idempotency& into,
                                               trip& asking);

// Puts the answer into the commit of the work.
void remember_answer(operation& op, commit& change, const idempotency& held,
                     const answer& given);

// Lets go of the claim of a request that was refused.
flow<problem> release_key(operation& op, const idempotency& held);

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_IDEMPOTENCY_H
