// The tokens of invitations, and what can be done with one.
//
// A token is 32 random bytes, shown once, when it is made; only its SHA-256
// is kept.  It ends with the first answer, accepted or declined, and after
// workspaces_invitation_ttl.  v:HASH tells what became of it for a while
// longer, and wsp:i:HASH whose tenant's it is.
#ifndef WORKSPACES_DOMAIN_INVITATION_TOKEN_H
#define WORKSPACES_DOMAIN_INVITATION_TOKEN_H

#include <cstdint>
#include <string_view>

#include "domain/invitation.h"
#include "engine/arena.h"
#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"

namespace wsp {

std::string_view token_hash(arena& memory, std::string_view token);

// The one key of an invitation that is no tenant's.
std::string_view token_tenant_key(arena& memory, std::string_view hash);

enum class invitation_state : unsigned char {
  pending,
  expired,
  accepted,
  declined
};
std::string_view name_of(invitation_state state) noexcept;

// What a token stands for.
struct opened_invitation {
  invitation about;  // without `stored` when it has been answered
  invitation_state state = invitation_state::pending;
  int64_t workspace = 0;
  int64_t revision = 0;  // of the workspace
  std::string_view workspace_name;
};

// For anybody who has the token: the tenant is found by it.  not_found: it
// is unknown, revoked or replaced, or the workspace is gone.
flow<result<opened_invitation>> read_invitation(operation& op,
                                                std::string_view token);

// For the caller.  not_found: as above, or it is another tenant's.
// conflict: it was answered, or the caller is a member.  gone: it has
// expired, or who sent it may not invite any more.  forbidden: it was sent to
// another address.
flow<result<opened_invitation>> accept_invitation(operation& op, commit& change,
                                                  std::string_view token);
flow<problem> decline_invitation(operation& op, commit& change,
                                 std::string_view token);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_INVITATION_TOKEN_H
