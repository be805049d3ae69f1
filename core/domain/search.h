// Search among all workspaces of a tenant, page by page, in the order of ids.
//
// Filters are ANDed.  Ids, users and labels come from indexes, so that a
// page costs what it shows.  `name` and `q` have to look at every candidate:
// one search looks at search_bound of them and then says where to go on.
#ifndef WORKSPACES_DOMAIN_SEARCH_H
#define WORKSPACES_DOMAIN_SEARCH_H

#include <re2/re2.h>

#include <cstdint>

#include "domain/workspace.h"
#include "engine/arena.h"
#include "engine/operation.h"
#include "engine/result.h"

namespace wsp {

constexpr size_t search_bound = 5000;

// A pattern's program (RE2::ProgramSize) at most.  Where its automaton has
// too many states RE2 simulates it, step by step, for each byte.
constexpr int pattern_program_max = 1000;

// What one search may spend on matching: steps of a program over bytes.  It
// then answers what it has, and says where to go on.
constexpr size_t search_steps = 20'000'000;

struct workspace_query {
  // Each that is given (not null) must be met; one of its values suffices.
  const list<int64_t>* ids = nullptr;  // ascending
  const list<std::string_view>* users = nullptr;
  const list<std::string_view>* labels = nullptr;
  const re2::RE2* name = nullptr;  // found anywhere in the name
  const re2::RE2* text = nullptr;  // in name, invited e-mail or name
  int64_t after = 0;               // ids greater than this
  size_t limit = 0;
  bool with_members = false;
  bool with_invites = false;
};

struct search_page {
  list<workspace_view> found;
  int64_t next = 0;  // more may follow after this id; 0: no more
  explicit search_page(arena& memory)
      : found(arena_allocator<workspace_view>(memory)) {}
};

flow<problem> search(operation& op, const workspace_query& query,
                     search_page& into);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_SEARCH_H
