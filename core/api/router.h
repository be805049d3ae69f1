// Finds the route of a path.
#ifndef WORKSPACES_API_ROUTER_H
#define WORKSPACES_API_ROUTER_H

#include <string_view>

#include "api/dialect.h"
#include "engine/arena.h"

namespace wsp {

struct routed {
  const route* found = nullptr;
  problem error;            // not_found, wrong_method
  std::string_view allow;   // for wrong_method
  int64_t workspace = 0;
  std::string_view user;
  path_argument arguments[path_arguments_max];
};

// `path` is percent-encoded and below the mount; one slash may end it.  HEAD
// goes where GET goes.  The first pattern that fits decides: "/all" is never
// a workspace.  A {workspace} is a canonical number, else there is none.
routed find_route(arena& memory, const dialect& in, std::string_view method,
                  std::string_view path);

}  // namespace wsp

#endif  // WORKSPACES_API_ROUTER_H
