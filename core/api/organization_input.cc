#include "api/organization_input.h"

#include "api/input.h"
#include "domain/settings.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr int64_t limit_max = 100;
constexpr int64_t skip_max = int64_t{1} << 53;

problem invalid(std::string_view field, std::string_view message) noexcept {
  return {fault::invalid, message, field};
}

std::string_view below(arena& memory, std::string_view at,
                       std::string_view field) {
  return at.empty() ? field : memory.join(at, ".", field);
}

std::string_view item(arena& memory, std::string_view array, size_t i) {
  return memory.join(array, "[", decimal(memory, static_cast<int64_t>(i)),
                     "]");
}

// An id as the dialect shows it: a number, or a string.
std::string_view id_text(arena& memory, const json_t* value) {
  return json_is_integer(value) ? decimal(memory, json_integer_value(value))
                                : memory.copy(json_text(value));
}

}  // namespace

problem check_organization(operation& op, const json_t* body,
                           std::string_view in_path) {
  constexpr std::string_view field = "organization_id";
  const json_t* value = json_object_get(body, field.data());
  if (value == nullptr && !in_path.empty()) {
    return {};
  }
  if (value == nullptr) {
    return invalid(field, "organization_id is required");
  }
  if (!json_is_integer(value) && !json_is_string(value)) {
    return invalid(field, "organization_id must be an integer or a string");
  }
  if (id_text(op.memory, value) != op.who.tenant) {
    return {fault::not_found, "organization not found", field};
  }
  return {};
}

result<std::string_view> read_required_name(operation& op, const json_t* from,
                                            std::string_view at) {
  auto name = read_name(op, from);
  if (!name.ok()) {
    name.error.field = below(op.memory, at, name.error.field);
    return name.error;
  }
  if (!name.value) {
    return invalid(below(op.memory, at, "name"), "name is required");
  }
  return *name.value;
}

result<new_workspace> read_new_workspace(operation& op, const json_t* from,
                                         std::string_view at) {
  auto name = read_required_name(op, from, at);
  if (!name.ok()) {
    return name.error;
  }
  new_workspace given;
  given.name = name.value;
  given.roles = role_set(admin_role);
  given.names = naming::unique_name_and_slug;
  given.field = below(op.memory, at, "name");
  const json_t* settings = json_object_get(from, "settings");
  if (settings != nullptr && !json_is_null(settings)) {
    auto text =
        put_settings(op.memory, {}, settings, settings_level::workspace,
                     below(op.memory, at, "settings"));
    if (!text.ok()) {
      return text.error;
    }
    given.settings = text.value;
  }
  return given;
}

problem read_boolean(operation& op, const json_t* from, const char* field,
                     bool& into) {
  const json_t* value = json_object_get(from, field);
  if (value == nullptr) {
    return {};
  }
  if (!json_is_boolean(value)) {
    return invalid(field, op.memory.join(field, " must be true or false"));
  }
  into = json_is_true(value);
  return {};
}

namespace {

result<first_member> read_member(operation& op, const json_t* from,
                                 std::string_view at) {
  if (!json_is_object(from)) {
    return invalid(at, "a member must be an object with user_id and role");
  }
  const json_t* user = json_object_get(from, "user_id");
  const json_t* role = json_object_get(from, "role");
  std::string_view user_text = id_text(op.memory, user);
  if (!is_id(user_text)) {
    std::string_view rule =
        id_rule(user_text,
                "must be an integer, or a string of 1 to 255 bytes, without "
                "control characters");
    return invalid(below(op.memory, at, "user_id"),
                   op.memory.join("user_id ", rule));
  }
  std::string_view role_name = json_text(role);
  if (!is_role_name(role_name) || role_name == owner_role) {
    return invalid(below(op.memory, at, "role"),
                   "role must be a name of 1 to 64 of [A-Za-z0-9_-], and not "
                   "owner");
  }
  return first_member{user_text, role_set(op.memory.copy(role_name))};
}

// The caller is the owner and an admin anyway; `into` is without him.
problem read_members(operation& op, const json_t* array, std::string_view at,
                     list<first_member>& into, role_set& own) {
  if (!json_is_array(array)) {
    return invalid(at, "members must be an array of {user_id, role}");
  }
  for (size_t i = 0; i < json_array_size(array); i++) {
    auto read =
        read_member(op, json_array_get(array, i), item(op.memory, at, i));
    if (!read.ok()) {
      return read.error;
    }
    bool twice = false;
    for (const first_member& other : into) {
      twice = twice || other.user == read.value.user;
    }
    if (twice) {
      return invalid(below(op.memory, item(op.memory, at, i), "user_id"),
                     "a user is given twice");
    }
    if (read.value.user == op.who.user) {
      read.value.roles.each([&](std::string_view name) {
        own = own.has(name) ? own
                            : role_set(op.memory.join(own.stored(), ",",
                                                      name));
      });
    } else {
      into.push_back(read.value);
    }
  }
  return {};
}

}  // namespace

problem read_provision(operation& op, const json_t* body,
                       list<new_workspace>& into) {
  constexpr std::string_view field = "workspaces";
  const json_t* array = json_object_get(body, field.data());
  if (!json_is_array(array) || json_array_size(array) == 0 ||
      json_array_size(array) > provisioned_max) {
    return invalid(field, "workspaces must be an array of 1 to 100 objects");
  }
  size_t members = 0;
  for (size_t i = 0; i < json_array_size(array); i++) {
    const json_t* from = json_array_get(array, i);
    std::string_view at = item(op.memory, field, i);
    if (!json_is_object(from)) {
      return invalid(at, "a workspace must be an object with a name");
    }
    auto given = read_new_workspace(op, from, at);
    if (!given.ok()) {
      return given.error;
    }
    const json_t* users = json_object_get(from, "members");
    members += json_array_size(users);
    if (members > provisioned_members_max) {
      return invalid(below(op.memory, at, "members"),
                     "at most 1000 members can be provisioned at once");
    }
    if (users != nullptr && !json_is_null(users)) {
      auto* of_it = new (op.memory.allocate(sizeof(list<first_member>)))
          list<first_member>(arena_allocator<first_member>(op.memory));
      problem wrong =
          read_members(op, users, below(op.memory, at, "members"), *of_it,
                       given.value.roles);
      if (!wrong.ok()) {
        return wrong;
      }
      given.value.members = of_it;
    }
    into.push_back(given.value);
  }
  return {};
}

result<new_workspace> read_first_workspace(operation& op,
                                           const json_t* body) {
  new_workspace first;
  first.name = "Default";
  first.field = "workspace_name";
  first.roles = role_set(admin_role);
  first.names = naming::unique_name_and_slug;
  const json_t* value = json_object_get(body, "workspace_name");
  if (value == nullptr || json_is_null(value)) {
    return first;
  }
  if (!json_is_string(value) || !is_name(json_text(value))) {
    return invalid(first.field,
                   "workspace_name must be a string of 1 to 255 characters, "
                   "without control characters");
  }
  first.name = op.memory.copy(json_text(value));
  return first;
}

result<page_asked> read_skip_and_limit(operation& op) {
  page_asked asked;
  query_reader query(op.memory, view(op.request->query));
  while (query.next()) {
    auto number = parse_integer(query.value());
    if (query.name() == "skip") {
      if (!number || *number < 0 || *number > skip_max) {
        return invalid("skip", "skip must be a number of 0 or more");
      }
      asked.skip = *number;
    } else if (query.name() == "limit") {
      if (!number || *number < 1 || *number > limit_max) {
        return invalid("limit", "limit must be a number of 1 to 100");
      }
      asked.limit = *number;
    }
  }
  if (!query.ok()) {
    return problem{fault::bad_request, "the query string is malformed"};
  }
  return asked;
}

result<settings_asked> read_settings_query(operation& op) {
  settings_asked asked;
  query_reader query(op.memory, view(op.request->query));
  while (query.next()) {
    if (query.name() == "provenance") {
      asked.provenance = query.value() == "1" || query.value() == "true";
    } else if (query.name() == "inherit") {
      asked.inherit = query.value();
    }
  }
  if (!query.ok()) {
    return problem{fault::bad_request, "the query string is malformed"};
  }
  return asked;
}

}  // namespace wsp
