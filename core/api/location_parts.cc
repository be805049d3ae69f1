#include "api/location_parts.h"

#include "domain/grant.h"
#include "store/keys.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp::location {

problem require(operation& op, const json_t* body,
                std::initializer_list<const char*> fields) {
  for (std::string_view field : fields) {
    if (json_object_get(body, field.data()) == nullptr) {
      return {fault::invalid, op.memory.join(field, " is required"), field};
    }
  }
  return {};
}

void put_user_id(json_writer& out, std::string_view user) {
  auto number = parse_id(user);
  if (number || user == "0") {
    out.number(number.value_or(0));
  } else {
    out.string(user);
  }
}

void put_time(operation& op, json_writer& out, int64_t unix_ms) {
  out.string(rfc3339_seconds(op.memory, unix_ms));
}

void put_user(json_writer& out, const profile& of) {
  out.key("id");
  put_user_id(out, of.user);
  out.key("name").string_or_null(of.name);
  out.key("email").string_or_null(of.email);
}

answer answer_of(const json_writer& out) {
  answer made;
  made.body = out.view();
  return made;
}

answer message_answer(operation& op, std::string_view message) {
  json_writer out(op.memory, 64);
  out.open_object().key("message").string(message).close_object();
  return answer_of(out);
}

flow<problem> read_members(operation& op, const workspace& record,
                           member_list& into) {
  trip asking(op);
  asking.add({"HGETALL", keys_of(op).members(record.id)});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  into.all = parse_members(op.memory, asking[0]);
  auto naming = list_role_names(op, record.id, into.custom_roles);
  problem failed = co_await naming;
  if (!failed.ok()) {
    co_return failed;
  }
  into.users.want(record.owner);
  for (const member& each : into.all) {
    into.users.want(each.user);
  }
  auto reading = read_profiles(op, into.users);
  failed = co_await reading;
  co_return failed;
}

void put_members(operation& op, json_writer& out, const workspace& record,
                 const member_list& members) {
  out.open_array();
  for (const member& each : members.all) {
    out.open_object();
    put_user(out, members.users.of(each.user));
    out.key("role").string(shown_role(record, each, members.custom_roles));
    out.key("added_at");
    put_time(op, out, each.created);
    out.close_object();
  }
  out.close_array();
}

}  // namespace wsp::location
