// Sealed data: JSON that a workspace keeps encrypted, by slot.
#ifndef WORKSPACES_DOMAIN_SEALED_H
#define WORKSPACES_DOMAIN_SEALED_H

#include <optional>
#include <string_view>

#include "domain/access.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"

namespace wsp {

constexpr size_t slots_max = 64;  // of one workspace
constexpr std::string_view default_slot = "default";

// 1..128 of [A-Za-z0-9._-].
bool is_slot(std::string_view name) noexcept;

// Both make the operation's memory be wiped at its end.  unavailable: there
// is no key ring.

// The text that was stored; nothing when nothing is.  internal: it does not
// open (logged).
flow<result<std::optional<std::string_view>>> read_sealed(
    operation& op, const access& here, std::string_view slot);

// refused: too many slots.
flow<problem> write_sealed(operation& op, commit& change, const access& here,
                           std::string_view slot, std::string_view text);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_SEALED_H
