// Events that partners are told of by webhooks.
//
// The delivery of an event, and the job that carries it out, are written by
// the commit of the change that it tells of: there is none without the other.
#ifndef WORKSPACES_DOMAIN_EVENT_H
#define WORKSPACES_DOMAIN_EVENT_H

#include <string_view>

#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"

namespace wsp {

struct outgoing_event {
  std::string_view name;          // "workspace.provisioned"
  std::string_view reference_id;  // what the request was answered
  std::string_view client_id;     // events of one client come in their order
  std::string_view data;          // a JSON object
  std::string_view error;         // empty: it is a success
};

// Of the partner that is op.who.tenant.  Does nothing where the partner has no
// webhook URL, or its endpoint was stopped.
flow<problem> emit_event(operation& op, commit& change,
                         const outgoing_event& what);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_EVENT_H
