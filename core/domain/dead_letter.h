// Dead letters: jobs of the outbox that were given up, of all partitions.
//
// What they were to do is in no list: it may be a secret.
#ifndef WORKSPACES_DOMAIN_DEAD_LETTER_H
#define WORKSPACES_DOMAIN_DEAD_LETTER_H

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/arena.h"
#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"
#include "store/outbox.h"

namespace wsp {

// The kind of that name.
std::optional<job_kind> parse_job_kind(std::string_view name) noexcept;

// Those behind `after` (empty: from the newest), the newest first.
struct dead_letter_page {
  list<dead_job> items;   // without their payloads
  std::string_view next;  // `after` of the next page; empty: this is the last
};
// invalid: `after` is none.
flow<problem> list_dead_letters(operation& op, std::optional<job_kind> only,
                                std::string_view after, size_t limit,
                                dead_letter_page& into);

// Both answer it, and not_found where there is none.  It is tried again as if
// it never had been: a webhook as its delivery, with the same event id.
flow<result<dead_job>> retry_dead_letter(operation& op, commit& change,
                                         std::string_view id);
flow<result<dead_job>> drop_dead_letter(operation& op, commit& change,
                                        std::string_view id);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_DEAD_LETTER_H
