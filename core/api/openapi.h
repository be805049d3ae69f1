// The OpenAPI documents of the dialects.
#ifndef WORKSPACES_API_OPENAPI_H
#define WORKSPACES_API_OPENAPI_H

#include <span>
#include <string>

#include "workspaces.h"

namespace wsp {

// The text of core/api/<dialect>.json, which says nothing of servers, with
// the mounts as its servers; empty for a dialect that there is not.
std::string openapi_document(int dialect, std::span<const wsp_str> mounts);

}  // namespace wsp

#endif  // WORKSPACES_API_OPENAPI_H
