// A page of the names of all partitions: what each keeps in a sorted set of
// its own, in the order of their bytes.
#ifndef WORKSPACES_STORE_LEXICAL_PAGE_H
#define WORKSPACES_STORE_LEXICAL_PAGE_H

#include <cstddef>
#include <string_view>

#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/keys.h"

namespace wsp {

// At most `limit` names behind `after` (empty: from the first).  `set` names
// the key of a partition.
flow<problem> read_lexical_page(operation& op,
                                std::string_view (key_names::*set)(),
                                std::string_view after, size_t limit,
                                list<std::string_view>& into);

}  // namespace wsp

#endif  // WORKSPACES_STORE_LEXICAL_PAGE_H
