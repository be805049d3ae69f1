// The operator surface: what is sent to partners, and what was given up.
#ifndef WORKSPACES_API_OPERATOR_OUTBOX_H
#define WORKSPACES_API_OPERATOR_OUTBOX_H

#include "api/dialect.h"

namespace wsp::operator_outbox {

// /partners/{partner}/deliveries
flow<result<answer>> list_deliveries(operation& op, call& request);
// /partners/{partner}/deliveries/{event}
flow<result<answer>> get_delivery(operation& op, call& request);
// /partners/{partner}/deliveries/{event}/redeliver
flow<result<answer>> redeliver_one(operation& op, call& request);

// /dead-letters
flow<result<answer>> list_dead_letters(operation& op, call& request);
// /dead-letters/{job}
flow<result<answer>> drop_dead_letter(operation& op, call& request);
// /dead-letters/{job}/retry
flow<result<answer>> retry_dead_letter(operation& op, call& request);

}  // namespace wsp::operator_outbox

#endif  // WORKSPACES_API_OPERATOR_OUTBOX_H
