// What partners tell by webhooks: events that are signed over their raw bytes,
// and do what the dialect's requests do.
#ifndef WORKSPACES_API_PARTNER_WEBHOOKS_H
#define WORKSPACES_API_PARTNER_WEBHOOKS_H

#include "api/dialect.h"

namespace wsp::partner_webhooks {

flow<result<answer>> receive(operation& op, call& request);

}  // namespace wsp::partner_webhooks

#endif  // WORKSPACES_API_PARTNER_WEBHOOKS_H
