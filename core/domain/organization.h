// The organization: what a tenant says of itself, with a workspace that it
// always has.
#ifndef WORKSPACES_DOMAIN_ORGANIZATION_H
#define WORKSPACES_DOMAIN_ORGANIZATION_H

#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/workspace.h"
#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"

namespace wsp {

struct organization {
  int64_t revision = 0;  // 0: it was not registered
  std::string_view name;
  std::string_view settings;  // as they are stored; empty: none
  int64_t default_workspace = 0;
  int64_t created = 0;  // milliseconds since the epoch
  int64_t updated = 0;

  bool exists() const noexcept { return revision > 0; }
};

// The caller's.  not_found: it was not registered.
flow<result<organization>> read_organization(operation& op);

// The id of its default workspace; 0: none.
flow<result<int64_t>> default_workspace(operation& op);

// With its default workspace, whose owner the caller becomes.  conflict: it
// was registered already, or the workspace's name is taken.
flow<result<organization>> create_organization(operation& op, commit& change,
                                               std::string_view name,
                                               const new_workspace& first);

// What is given of an organization; absent: stays as it is.
struct organization_patch {
  std::optional<std::string_view> name;
  // As they are to be stored; they were made of those of the record.
  std::optional<std::string_view> settings;
};

// Changes `record`, too.
void update_organization(operation& op, commit& change, organization& record,
                         const organization_patch& given);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_ORGANIZATION_H
