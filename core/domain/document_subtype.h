// Preferred document subtypes: which subtype (a sequence of numbers, say) a
// workspace uses for a type of document.  They are a setting, so a workspace
// inherits those of its organization.
#ifndef WORKSPACES_DOMAIN_DOCUMENT_SUBTYPE_H
#define WORKSPACES_DOMAIN_DOCUMENT_SUBTYPE_H

#include <string_view>

#include "domain/workspace.h"
#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"

namespace wsp {

constexpr std::string_view default_document_type = "invoice";

// A type or a subtype: 1..64 of [A-Za-z0-9_.-].
bool is_document_name(std::string_view text) noexcept;

// What a workspace prefers: a JSON object, type -> subtype.
flow<result<std::string_view>> preferred_subtypes(operation& op,
                                                  int64_t workspace);

// Replaces what was preferred for the type.  Changes `record`, too.
flow<problem> prefer_subtype(operation& op, commit& change,
                             workspace& record, std::string_view type,
                             std::string_view subtype);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_DOCUMENT_SUBTYPE_H
