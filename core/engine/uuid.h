// UUIDs of version 7 (RFC 9562, 5.7): in the order of the milliseconds they
// were made in, and random behind that.
#ifndef WORKSPACES_ENGINE_UUID_H
#define WORKSPACES_ENGINE_UUID_H

#include <string_view>

#include "engine/operation.h"

namespace wsp {

// 36 characters, in lower case.
std::string_view new_uuid(operation& op);

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_UUID_H
