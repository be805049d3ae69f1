// Settings: a JSON object of the organization, and one of each workspace.
//
// A workspace inherits.  What it shows are its own settings above those of the
// organization: objects are merged key by key, at every depth, and a null of
// the workspace hides what is beneath it.
#ifndef WORKSPACES_DOMAIN_SETTINGS_H
#define WORKSPACES_DOMAIN_SETTINGS_H

#include <cstdint>
#include <string_view>

#include "engine/arena.h"
#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "text/json.h"

namespace wsp {

constexpr size_t settings_size_max = 65536;  // of one level, as stored
constexpr int settings_depth_max = 8;  // the object itself is the first

enum class settings_level { organization, workspace };

// Stored JSON texts; empty: none.
struct settings_texts {
  std::string_view organization;
  std::string_view own;
};

// A stored text; it was checked when it was put there.
result<json_document> parse_settings(arena& memory, std::string_view text);

// What is stored after `given` was put: its keys replace those of `stored`,
// one by one, but the values of permissions, features, integrations and
// preferred_document_subtypes are merged key by key.  A null removes a key;
// in a workspace it is kept, for it hides the organization's.  invalid: names
// the key, below `field` ("" for none).
result<std::string_view> put_settings(arena& memory, std::string_view stored,
                                      const json_t* given,
                                      settings_level level,
                                      std::string_view field);

// The own text without a key, so that the organization's shows again.
result<std::string_view> inherit_setting(arena& memory,
                                         std::string_view stored,
                                         std::string_view key);

// Both JSON objects.
struct settings_view {
  std::string_view effective;
  std::string_view provenance;  // top-level key -> organization, workspace
};

result<settings_view> view_settings(arena& memory,
                                    const settings_texts& from);

flow<problem> read_settings(operation& op, int64_t workspace,
                            settings_texts& into);

// The effective setting at the top level that has this name, the exact one
// before those in another case; it is of one of the two parsed texts.  Null:
// there is none, or it is hidden.
const json_t* effective_setting(const json_t* organization,
                                const json_t* own,
                                std::string_view name) noexcept;

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_SETTINGS_H
