// The operator surface: partners.
#ifndef WORKSPACES_API_OPERATOR_PARTNERS_H
#define WORKSPACES_API_OPERATOR_PARTNERS_H

#include "api/dialect.h"

namespace wsp::operator_partners {

// /partners
flow<result<answer>> list_all(operation& op, call& request);
flow<result<answer>> register_one(operation& op, call& request);
// /partners/{partner}
flow<result<answer>> get_one(operation& op, call& request);
flow<result<answer>> update_one(operation& op, call& request);
// /partners/{partner}/api-key
flow<result<answer>> rotate_key(operation& op, call& request);
// /partners/{partner}/secrets/incoming, .../outgoing
flow<result<answer>> rotate_incoming(operation& op, call& request);
flow<result<answer>> rotate_outgoing(operation& op, call& request);

}  // namespace wsp::operator_partners

#endif  // WORKSPACES_API_OPERATOR_PARTNERS_H
