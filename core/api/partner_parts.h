// What is done for a partner, by REST and by signed webhooks alike, and how
// the dialect says that it was done.
#ifndef WORKSPACES_API_PARTNER_PARTS_H
#define WORKSPACES_API_PARTNER_PARTS_H

#include <string_view>

#include "domain/access.h"
#include "domain/workspace.h"
#include "engine/answer.h"
#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"
#include "text/json.h"

namespace wsp::partner_parts {

// A string that is there; `field` is what its refusal names.
result<std::string_view> read_name(operation& op, const json_t* body,
                                   const char* field);
result<std::string_view> read_id(operation& op, const json_t* body,
                                 const char* field);

// Each reads the fields of its body and puts what is to change into `change`,
// events for the partner included: `reference` is in them and in the answer.

// {"client_id", "name", "admin_name", "admin_email"}.  The admin, who is the
// owner, is `admin`, or, where that is empty, his e-mail in lower case; from
// here on he is who acts.  conflict: there is a workspace with this client_id.
flow<result<workspace>> provision(operation& op, commit& change,
                                  const json_t* body, std::string_view admin,
                                  std::string_view reference);

// {"name"}.
flow<problem> rename(operation& op, commit& change, const access& here,
                     const json_t* body);

// {"user_id", "name", "email"}.  conflict: is a member already.
flow<problem> add(operation& op, commit& change, const access& here,
                  const json_t* body, std::string_view reference);

// 202 {"reference_id"}; a revision of -1: no ETag.
answer accepted(operation& op, std::string_view reference,
                int64_t revision = -1);

}  // namespace wsp::partner_parts

#endif  // WORKSPACES_API_PARTNER_PARTS_H
