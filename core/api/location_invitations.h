// The location dialect's invitations: of the current workspace, and by token.
#ifndef WORKSPACES_API_LOCATION_INVITATIONS_H
#define WORKSPACES_API_LOCATION_INVITATIONS_H

#include "api/dialect.h"

namespace wsp::location_invitations {

// /workspace/invitations[/{invitation}[/resend]]
flow<result<answer>> show_all(operation& op, call& request);
flow<result<answer>> send(operation& op, call& request);
flow<result<answer>> resend(operation& op, call& request);
flow<result<answer>> revoke(operation& op, call& request);

// /invitations/{token}[/accept|/decline]
flow<result<answer>> show(operation& op, call& request);
flow<result<answer>> accept(operation& op, call& request);
flow<result<answer>> decline(operation& op, call& request);

}  // namespace wsp::location_invitations

#endif  // WORKSPACES_API_LOCATION_INVITATIONS_H
