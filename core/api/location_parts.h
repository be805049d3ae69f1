// What the parts of the location dialect have in common.
#ifndef WORKSPACES_API_LOCATION_PARTS_H
#define WORKSPACES_API_LOCATION_PARTS_H

#include <initializer_list>
#include <string_view>

#include "domain/member.h"
#include "domain/profile.h"
#include "domain/workspace.h"
#include "engine/answer.h"
#include "engine/operation.h"
#include "text/json.h"

namespace wsp::location {

// The first of these fields that the body lacks is what it is refused for.
problem require(operation& op, const json_t* body,
                std::initializer_list<const char*> fields);

// A user id that is a canonical decimal is a number here.
void put_user_id(json_writer& out, std::string_view user);

// Without a fraction of a second.
void put_time(operation& op, json_writer& out, int64_t unix_ms);

// "id", "name" and "email" of a user; null where one is not known.
void put_user(json_writer& out, const profile& of);

answer answer_of(const json_writer& out);

// {"message": ...}
answer message_answer(operation& op, std::string_view message);

// The members of a workspace as they are shown.
struct member_list {
  list<member> all;
  list<std::string_view> custom_roles;  // the names of the workspace's
  profiles users;                       // of the members and the owner
  explicit member_list(arena& memory)
      : all(arena_allocator<member>(memory)),
        custom_roles(arena_allocator<std::string_view>(memory)),
        users(memory) {}
};

flow<problem> read_members(operation& op, const workspace& record,
                           member_list& into);
void put_members(operation& op, json_writer& out, const workspace& record,
                 const member_list& members);

}  // namespace wsp::location

#endif  // WORKSPACES_API_LOCATION_PARTS_H
