// What requests of the organization dialect give (organization.cc).
#ifndef WORKSPACES_API_ORGANIZATION_INPUT_H
#define WORKSPACES_API_ORGANIZATION_INPUT_H

#include <cstdint>
#include <string_view>

#include "domain/workspace.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "text/json.h"

namespace wsp {

constexpr std::string_view organization_argument = "{organization}";

// One request's; they are written by one commit.
constexpr size_t provisioned_max = 100;
constexpr size_t provisioned_members_max = 1000;

// not_found: organization_id in the body is not the caller's.  It may be
// absent where the path names the organization.
problem check_organization(operation& op, const json_t* body,
                           std::string_view in_path);

// Each takes where the object stands in the body: "" or "workspaces[3]".
result<std::string_view> read_required_name(operation& op, const json_t* from,
                                            std::string_view at);
// name and settings.
result<new_workspace> read_new_workspace(operation& op, const json_t* from,
                                         std::string_view at);

// Leaves `into` as it is when it is not given.
problem read_boolean(operation& op, const json_t* from, const char* field,
                     bool& into);

problem read_provision(operation& op, const json_t* body,
                       list<new_workspace>& into);

// The default workspace of an organization: workspace_name.
result<new_workspace> read_first_workspace(operation& op,
                                           const json_t* body);

struct page_asked {
  int64_t skip = 0;
  int64_t limit = 100;
};
result<page_asked> read_skip_and_limit(operation& op);

struct settings_asked {
  bool provenance = false;
  std::string_view inherit;  // a key; empty: none
};
result<settings_asked> read_settings_query(operation& op);

}  // namespace wsp

#endif  // WORKSPACES_API_ORGANIZATION_INPUT_H
