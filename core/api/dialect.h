// A dialect: a thin wire contract over the services.  It has a table of
// routes with their handlers, and renders errors.  It makes no rule.
//
// A handler gets a call whose caller has been authorized as its route asks.
// It reads what it still needs, decides through the services, puts what is
// to change into call.change, and answers.  The pipeline commits.
#ifndef WORKSPACES_API_DIALECT_H
#define WORKSPACES_API_DIALECT_H

#include <cstdint>
#include <span>
#include <string_view>

#include "domain/access.h"
#include "engine/answer.h"
#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"

namespace wsp {

// A {name} of a pattern other than {workspace} and {user}.
struct path_argument {
  std::string_view name;   // with its braces
  std::string_view value;  // decoded, as it came
};

constexpr size_t path_arguments_max = 3;

struct call {
  explicit call(operation& op) : change(op) {}

  int64_t workspace = 0;       // what it is about; 0: no workspace
  std::string_view user;       // {user} of the path
  path_argument arguments[path_arguments_max];
  access here;                 // the workspace and the caller's place in it
  commit change;

  // What stood for "{name}" in the path.
  std::string_view argument(std::string_view name) const noexcept;
};

using handler = flow<result<answer>> (*)(operation& op, call& request);

constexpr size_t path_segments_max = 8;

// What is between the slashes of a path.
struct path_segments {
  std::string_view at[path_segments_max];
  size_t count = 0;
};

// False where one is empty, or there are too many.
constexpr bool split_segments(std::string_view path,
                              path_segments* out) noexcept {
  for (;;) {
    size_t slash = path.find('/');
    if (out->count == path_segments_max || slash == 0 || path.empty()) {
      return false;
    }
    out->at[out->count++] = path.substr(0, slash);
    if (slash == path.npos) {
      return true;
    }
    path.remove_prefix(slash + 1);
  }
}

struct route {
  consteval route(std::string_view method, std::string_view pattern,
                  std::string_view operation, wsp_needs needs, handler handle,
                  fault unseen = fault::not_found)
      : method(method),
        pattern(pattern),
        operation(operation),
        needs(needs),
        handle(handle),
        unseen(unseen),
        names_workspace(pattern.find("{workspace}") != pattern.npos) {
    if (!pattern.empty() && !split_segments(pattern.substr(1), &segments)) {
      throw "a pattern has at most eight parts, none of them empty";
    }
  }

  std::string_view method;
  std::string_view pattern;
  std::string_view operation;
  wsp_needs needs;
  handler handle;
  // What one that the caller may not see is answered with; not_found or
  // forbidden.
  fault unseen;
  bool names_workspace;
  path_segments segments;  // of the pattern
};

struct dialect {
  std::string_view name;
  std::span<const route> routes;
  // A header that says, as the path does, what a request is about; or none.
  std::string_view asking_header;
  // Status and body of a fault; what its headers say is the pipeline's.  The
  // operation may have no request (wsp_op_new_error).
  answer (*render)(operation& op, const problem& why);
  // What a path that no route has asks of its caller.
  wsp_needs unrouted = WSP_NEEDS_IDENTITY;
};

// The statuses in which dialects differ.
struct own_statuses {
  unsigned invalid;
  unsigned refused;
};

// The status that a fault is answered with.
unsigned status_of(fault kind, own_statuses own) noexcept;

extern const dialect platform_dialect;
extern const dialect organization_dialect;
extern const dialect location_dialect;
extern const dialect operator_dialect;
extern const dialect partner_dialect;

// Null past the last.
const dialect* dialect_at(int number) noexcept;

}  // namespace wsp

#endif  // WORKSPACES_API_DIALECT_H
