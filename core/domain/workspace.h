// Workspaces: the record, its members and invitations, and what can be done
// to it.
#ifndef WORKSPACES_DOMAIN_WORKSPACE_H
#define WORKSPACES_DOMAIN_WORKSPACE_H

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/invitation.h"
#include "domain/member.h"
#include "engine/arena.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"
#include "store/reply.h"
#include "store/trip.h"

namespace wsp {

constexpr size_t name_length_max = 255;      // characters
constexpr size_t labels_max = 100;
constexpr size_t label_length_max = 64;      // characters

struct workspace {
  int64_t id = 0;
  int64_t revision = 0;     // 0: there is none
  std::string_view name;
  std::string_view logo;    // empty: none
  std::string_view labels;  // a JSON array of strings
  std::string_view owner;
  std::string_view external_id;  // empty: none
  int64_t created = 0;      // milliseconds since the epoch
  int64_t updated = 0;

  bool exists() const noexcept { return revision > 0; }
};

// The command that reads the record of a workspace; its key is the second.
using record_command = std::array<std::string_view, 10>;
record_command workspace_command(operation& op, int64_t id);
// Adds it to a trip ...
void read_workspace(trip& asking, operation& op, int64_t id);
// ... and this takes its reply.
workspace parse_workspace(int64_t id, const reply& fields) noexcept;

struct workspace_view {
  workspace record;
  list<member> members;
  list<invitation> invites;  // by address
  explicit workspace_view(arena& memory)
      : members(arena_allocator<member>(memory)),
        invites(arena_allocator<invitation>(memory)) {}
};

// Reads members and invitations as the caller may see them: all for admins,
// his own entry (which is in `here` already) for others.
flow<problem> read_view(operation& op, const access& here,
                        workspace_view& into);

// What is given of a workspace; absent: stays as it is.
struct workspace_patch {
  std::optional<std::string_view> name;
  std::optional<std::string_view> logo;  // empty: none
  const list<std::string_view>* labels = nullptr;  // distinct
};

// The caller becomes its owner and a member with these roles.
flow<result<workspace>> create_workspace(operation& op, commit& change,
                                         const workspace_patch& given,
                                         role_set roles);

// Changes `record`, too.
problem update_workspace(operation& op, commit& change, workspace& record,
                         const workspace_patch& given);

// With everything in it, and every user's context that points to it.
problem delete_workspace(operation& op, commit& change,
                         const workspace& record);

struct own_workspace {
  workspace record;
  member mine;
};

struct own_workspaces {
  list<own_workspace> all;  // by id
  int64_t active = 0;       // 0: none
  explicit own_workspaces(arena& memory)
      : all(arena_allocator<own_workspace>(memory)) {}
};

flow<problem> list_own_workspaces(operation& op, own_workspaces& into);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_WORKSPACE_H
