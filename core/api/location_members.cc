#include "api/location_members.h"

#include "api/input.h"
#include "api/location_parts.h"
#include "domain/grant.h"
#include "domain/member.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp::location_members {

using namespace location;

namespace {

result<role_set> read_role(operation& op, const json_t* body) {
  problem missing = require(op, body, {"role"});
  if (!missing.ok()) {
    return missing;
  }
  const json_t* role = json_object_get(body, "role");
  if (!json_is_string(role) || !is_role_name(json_text(role))) {
    return problem{fault::invalid, "role must be the name of a role", "role"};
  }
  return role_set(op.memory.copy(json_text(role)));
}

// A number stands for the user whose id is its digits.
result<std::string_view> read_user(operation& op, const json_t* body) {
  problem missing = require(op, body, {"user_id"});
  if (!missing.ok()) {
    return missing;
  }
  const json_t* value = json_object_get(body, "user_id");
  if (json_is_integer(value)) {
    return decimal(op.memory, json_integer_value(value));
  }
  return read_user_id(op, body, "user_id");
}

// What a rule says of a member is about nothing that was sent.
problem about_member(problem why) noexcept {
  if (why.kind == fault::refused && why.field.empty()) {
    why.field = "member";
  }
  return why;
}

}  // namespace

flow<result<answer>> show_all(operation& op, call& request) {
  const workspace& record = request.here.record;
  member_list members(op.memory);
  auto reading = read_members(op, record, members);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory, 1024);
  out.open_object().key("data");
  put_members(op, out, record, members);
  out.close_object();
  co_return answer_of(out);
}

flow<result<answer>> set_role(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  auto role = read_role(op, body.value.root());
  if (!role.ok()) {
    co_return role.error;
  }
  if (role.value.has(owner_role)) {
    co_return problem{fault::invalid,
                      "the role owner cannot be given: transfer the ownership",
                      "role"};
  }
  auto knowing = require_known_roles(op, request.change, request.workspace,
                                     role.value, "role");
  problem unknown = co_await knowing;
  if (!unknown.ok()) {
    co_return unknown;
  }
  auto setting = set_member_roles(op, request.change, request.here,
                                  request.user, role.value);
  auto changed = co_await setting;
  if (!changed.ok()) {
    co_return about_member(changed.error);
  }
  answer made = message_answer(op, "Member role updated successfully.");
  made.revision = request.here.record.revision;
  co_return made;
}

flow<result<answer>> expel(operation& op, call& request) {
  auto removing =
      remove_member(op, request.change, request.here, request.user);
  problem failed = co_await removing;
  if (failed.kind == fault::refused &&
      request.user == request.here.record.owner) {
    failed.message =
        "You cannot remove the workspace owner. Transfer ownership first if "
        "needed.";
  }
  if (!failed.ok()) {
    co_return about_member(failed);
  }
  answer made = message_answer(op, "Member removed from workspace.");
  made.revision = request.here.record.revision;
  co_return made;
}

flow<result<answer>> transfer(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  auto user = read_user(op, body.value.root());
  if (!user.ok()) {
    co_return user.error;
  }
  auto transferring =
      transfer_ownership(op, request.change, request.here, user.value);
  auto changed = co_await transferring;
  if (!changed.ok()) {
    co_return changed.error;
  }
  const workspace& now = changed.value;
  json_writer out(op.memory);
  out.open_object().key("data").open_object();
  out.key("id").number(now.id).key("name").string(now.name);
  out.key("owner_id");
  put_user_id(out, now.owner);
  out.key("updated_at");
  put_time(op, out, now.updated);
  out.close_object();
  out.key("message").string("Ownership transferred successfully.");
  out.close_object();
  answer made = answer_of(out);
  made.revision = now.revision;
  co_return made;
}

}  // namespace wsp::location_members
