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
constexpr size_t slug_size_max = 100;        // before "-ID" behind it
constexpr int64_t cloned_members_max = 10000;

struct workspace {
  int64_t id = 0;
  int64_t revision = 0;     // 0: there is none
  std::string_view name;
  std::string_view logo;    // empty: none
  std::string_view labels;  // a JSON array of strings
  std::string_view owner;
  std::string_view external_id;  // empty: none
  std::string_view slug;    // made of its first name, unique in the tenant
  int64_t created = 0;      // milliseconds since the epoch
  int64_t updated = 0;

  bool exists() const noexcept { return revision > 0; }
};

// The command that reads the record of a workspace; its key is the second.
using record_command = std::array<std::string_view, 11>;
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

// Members and invitations as the caller may see them: all for admins, for whom
// they are read; his own entry, which is in `here` already, for others.
bool view_at_once(const access& here, workspace_view& into);
// What this dialect rendered of a view that was had at once, if that is kept;
// nothing else of a request may show in it.  Empty: it is not.
std::string_view kept_view(operation& op, const access& here);
void keep_view(operation& op, const access& here,
               std::string_view rendered) noexcept;
flow<problem> read_view(operation& op, const access& here,
                        workspace_view& into);

// Whether a name must be the only one of the tenant, in whatever dialect the
// other was given; and whether the slug that is made of it must be free, or
// gets the id behind it.
enum class naming { free, unique_name, unique_name_and_slug };

// What is given of a workspace; absent: stays as it is.
struct workspace_patch {
  std::optional<std::string_view> name;
  std::optional<std::string_view> logo;  // empty: none
  const list<std::string_view>* labels = nullptr;  // distinct
  // As they are to be stored; they were made of those of the record.
  std::optional<std::string_view> settings;
  naming names = naming::free;  // of a new name
};

struct first_member {
  std::string_view user;
  role_set roles;
};

struct new_workspace {
  std::string_view name;
  std::string_view logo;
  std::string_view labels = "[]";  // a JSON array of distinct strings
  std::string_view settings;  // as they are stored
  std::string_view external_id;  // empty: none
  role_set roles;  // of the caller, who becomes its owner
  const list<first_member>* members = nullptr;  // distinct, without the caller
  naming names = naming::free;
  std::string_view field = "name";  // where the name was given
};

// All of them, or none.  conflict: a name or slug is taken, or, with the field
// external_id_field, an external id.
constexpr std::string_view external_id_field = "external_id";
flow<problem> create_workspaces(operation& op, commit& change,
                                const list<new_workspace>& given,
                                list<workspace>& into);

flow<result<workspace>> create_workspace(operation& op, commit& change,
                                         const new_workspace& given);

std::string_view labels_json(arena& memory,
                             const list<std::string_view>& labels);

// A new one with the source's logo, labels and settings, or with its members,
// their roles and what the roles are.  The caller becomes its owner and an
// admin.  refused: too many members.
struct clone_options {
  bool settings = true;
  bool members = false;
};
flow<result<workspace>> clone_workspace(operation& op, commit& change,
                                        const access& source,
                                        new_workspace given,
                                        clone_options options);

// Changes `record`, too.  conflict: the name is taken.
flow<problem> update_workspace(operation& op, commit& change,
                               workspace& record,
                               const workspace_patch& given);

// With everything in it, and every user's context that points to it.
// conflict: it is the organization's default workspace.
flow<problem> delete_workspace(operation& op, commit& change,
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

// What is listed: the caller's own, or all of the tenant.
enum class listed { own, all };

struct workspace_page {
  list<workspace> found;  // by id; without logo, labels and external id
  int64_t total = 0;
  int64_t default_id = 0;  // 0: none
  explicit workspace_page(arena& memory)
      : found(arena_allocator<workspace>(memory)) {}
};

flow<problem> page_workspaces(operation& op, listed which, int64_t skip,
                              int64_t limit, workspace_page& into);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_WORKSPACE_H
