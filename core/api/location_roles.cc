#include "api/location_roles.h"

#include "api/input.h"
#include "api/location_parts.h"
#include "domain/custom_role.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp::location_roles {

using namespace location;

namespace {

problem invalid(std::string_view field, std::string_view message) noexcept {
  return {fault::invalid, message, field};
}

// A path names a role by its id; 0 is none's.
int64_t role_id(const call& request) noexcept {
  return parse_id(request.argument("{role}")).value_or(0);
}

// -- rendering

void put_role(json_writer& out, const role& shown) {
  out.open_object().key("id").number(shown.id);
  out.key("name").string(shown.name);
  out.key("display_name").string(shown.display_name);
  out.key("permissions").open_array();
  each_part(shown.permissions,
            [&](std::string_view each) { out.string(each); });
  out.close_array().close_object();
}

answer role_answer(operation& op, const call& request, const role& shown,
                   std::string_view message) {
  json_writer out(op.memory);
  out.open_object().key("data");
  put_role(out, shown);
  out.key("message").string(message).close_object();
  answer made = answer_of(out);
  made.revision = request.here.record.revision;
  return made;
}

}  // namespace

flow<result<answer>> show_all(operation& op, call& request) {
  list<role> all{arena_allocator<role>(op.memory)};
  auto listing = list_roles(op, request.workspace, all);
  problem failed = co_await listing;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory, 1024);
  out.open_object().key("data").open_array();
  for (const role& each : all) {
    put_role(out, each);
  }
  out.close_array().close_object();
  co_return answer_of(out);
}

flow<result<answer>> create(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  problem missing = require(op, body.value.root(),
                            {"name", "display_name", "permissions"});
  if (!missing.ok()) {
    co_return missing;
  }
  auto name = read_role_name(op, body.value.root());
  if (!name.ok()) {
    co_return name.error;
  }
  auto given = read_role_patch(op, body.value.root());
  if (!given.ok()) {
    co_return given.error;
  }
  auto creating = create_role(op, request.change, request.here, name.value,
                              given.value);
  auto made = co_await creating;
  if (!made.ok()) {
    co_return made.error;
  }
  answer shown =
      role_answer(op, request, made.value, "Role created successfully.");
  shown.status = 201;
  co_return shown;
}

flow<result<answer>> update(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  auto given = read_role_patch(op, body.value.root());
  if (!given.ok()) {
    co_return given.error;
  }
  auto updating = update_role(op, request.change, request.here,
                              role_id(request), given.value);
  auto changed = co_await updating;
  if (!changed.ok()) {
    co_return changed.error;
  }
  const json_t* name = json_object_get(body.value.root(), "name");
  if (name != nullptr && json_text(name) != changed.value.name) {
    co_return invalid("name", "the name of a role cannot be changed");
  }
  co_return role_answer(op, request, changed.value,
                        "Role updated successfully.");
}

flow<result<answer>> remove(operation& op, call& request) {
  std::string_view reassign_to;
  query_reader query(op.memory, view(op.request->query));
  while (query.next()) {
    if (query.name() != "reassign_to") {
      continue;
    }
    if (!reassign_to.empty() || query.value().empty()) {
      co_return invalid("reassign_to", "reassign_to must name one role");
    }
    reassign_to = query.value();
  }
  if (!query.ok()) {
    co_return problem{fault::bad_request, "the query string is malformed"};
  }
  auto deleting = delete_role(op, request.change, request.here,
                              role_id(request), reassign_to);
  problem failed = co_await deleting;
  if (!failed.ok()) {
    co_return failed;
  }
  answer made = message_answer(op, "Role deleted successfully.");
  made.revision = request.here.record.revision;
  co_return made;
}

}  // namespace wsp::location_roles
