// The way of every request, on one screen:
//
//   route -> identify -> authorize -> handle -> commit -> respond
//
// authorize and handle only read and decide; what is to change they put into
// a commit together with what must still be true then.  When somebody else
// was faster the two run again, a bounded number of times.
#ifndef WORKSPACES_ENGINE_PIPELINE_H
#define WORKSPACES_ENGINE_PIPELINE_H

#include "engine/answer.h"
#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"

namespace wsp {

// Names the workspace that a request is about where its path does not.
constexpr std::string_view current_workspace_header = "X-Workspace-ID";

flow<answer> serve(operation& op);

// The dialect's answer to a fault, with what its headers must say.
answer refuse(operation& op, const problem& why);

// Whether If-Match, if the request has one, names the revision.  That of a
// workspace is looked at for every route about one.
bool matches(operation& op, int64_t revision);

// Makes op.keys of op.who.tenant; false: not yet, for how many partitions
// there are is not known.  know_keys() waits for that.
bool make_keys(operation& op);
flow<problem> know_keys(operation& op);

// Fill in op.response.  When memory runs out it is a bare 503.
void respond(operation& op, const answer& given) noexcept;
void respond_with_problem(operation& op, const problem& why) noexcept;

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_PIPELINE_H
