// Random tokens: what whoever has it may do something by.
#ifndef WORKSPACES_IDENTITY_RANDOM_TOKEN_H
#define WORKSPACES_IDENTITY_RANDOM_TOKEN_H

#include <cstddef>
#include <string_view>

#include "engine/operation.h"

namespace wsp {

constexpr size_t token_length = 43;  // 32 bytes as base64url without padding

// A new one.  The operation's memory is wiped at its end.
std::string_view draw_token(operation& op);

}  // namespace wsp

#endif  // WORKSPACES_IDENTITY_RANDOM_TOKEN_H
