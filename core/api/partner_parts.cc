#include "api/partner_parts.h"

#include "api/input.h"
#include "domain/event.h"
#include "domain/invitation.h"
#include "domain/member.h"
#include "domain/profile.h"
#include "text/text.h"

namespace wsp::partner_parts {

namespace {

// The text of a field; its JSON is there as long as the operation.
result<std::string_view> read_string(operation& op, const json_t* body,
                                     const char* field) {
  const json_t* value = json_object_get(body, field);
  if (value == nullptr) {
    return problem{fault::missing,
                   op.memory.join(std::string_view(field), " is required"),
                   field};
  }
  if (!json_is_string(value)) {
    return problem{
        fault::invalid,
        op.memory.join(std::string_view(field), " must be a string"), field};
  }
  return op.memory.copy(json_text(value));
}

result<std::string_view> read_email(operation& op, const json_t* body,
                                    const char* field) {
  auto text = read_string(op, body, field);
  if (text.ok() && !is_email(text.value)) {
    return problem{fault::invalid,
                   op.memory.join(std::string_view(field),
                                  " must be an e-mail address"),
                   field};
  }
  return text;
}

}  // namespace

result<std::string_view> read_name(operation& op, const json_t* body,
                                   const char* field) {
  auto text = read_string(op, body, field);
  if (text.ok() && !is_name(text.value)) {
    return problem{fault::invalid,
                   op.memory.join(std::string_view(field),
                                  " must be 1 to 255 characters, without "
                                  "control characters"),
                   field};
  }
  return text;
}

result<std::string_view> read_id(operation& op, const json_t* body,
                                 const char* field) {
  auto text = read_string(op, body, field);
  return text.ok() ? read_user_id(op, body, field) : text;
}

flow<result<workspace>> provision(operation& op, commit& change,
                                  const json_t* body, std::string_view admin,
                                  std::string_view reference) {
  auto client = read_id(op, body, "client_id");
  if (!client.ok()) {
    co_return client.error;
  }
  auto name = read_name(op, body, "name");
  if (!name.ok()) {
    co_return name.error;
  }
  auto admin_name = read_name(op, body, "admin_name");
  if (!admin_name.ok()) {
    co_return admin_name.error;
  }
  auto admin_email = read_email(op, body, "admin_email");
  if (!admin_email.ok()) {
    co_return admin_email.error;
  }
  op.who.user =
      admin.empty() ? lower_case(op.memory, admin_email.value) : admin;
  op.who.name = admin_name.value;
  op.who.email = admin_email.value;
  new_workspace given;
  given.name = name.value;
  given.external_id = client.value;
  given.roles = role_set(admin_role);
  auto creating = create_workspace(op, change, given);
  auto made = co_await creating;
  if (made.error.field == external_id_field) {
    co_return problem{fault::conflict,
                      "there is a workspace with this client_id already"};
  }
  if (!made.ok()) {
    co_return made.error;
  }
  json_writer data(op.memory);
  data.open_object().key("client_id").string(client.value);
  data.key("name").string(name.value).close_object();
  outgoing_event told{"workspace.provisioned", reference, client.value,
                      data.view(), {}};
  auto telling = emit_event(op, change, told);
  problem failed = co_await telling;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return made.value;
}

flow<problem> rename(operation& op, commit& change, const access& here,
                     const json_t* body) {
  auto name = read_name(op, body, "name");
  if (!name.ok()) {
    co_return name.error;
  }
  workspace record = here.record;
  workspace_patch given;
  given.name = name.value;
  auto updating = update_workspace(op, change, record, given);
  problem failed = co_await updating;
  co_return failed;
}

flow<problem> add(operation& op, commit& change, const access& here,
                  const json_t* body, std::string_view reference) {
  auto user = read_id(op, body, "user_id");
  if (!user.ok()) {
    co_return user.error;
  }
  auto name = read_name(op, body, "name");
  if (!name.ok()) {
    co_return name.error;
  }
  auto email = read_email(op, body, "email");
  if (!email.ok()) {
    co_return email.error;
  }
  auto adding =
      add_member(op, change, here, user.value, role_set(member_role));
  auto added = co_await adding;
  if (!added.ok()) {
    co_return added.error;
  }
  keep_profile(op, change, {user.value, name.value, email.value});
  json_writer data(op.memory);
  data.open_object();
  data.key("client_id").string(here.record.external_id);
  data.key("user_id").string(user.value).key("name").string(name.value);
  data.key("email").string(email.value).close_object();
  outgoing_event told{"workspace.member_added", reference,
                      here.record.external_id, data.view(), {}};
  auto telling = emit_event(op, change, told);
  problem failed = co_await telling;
  co_return failed;
}

answer accepted(operation& op, std::string_view reference,
                int64_t revision) {
  json_writer out(op.memory, 64);
  out.open_object().key("reference_id").string(reference).close_object();
  answer made;
  made.status = 202;
  made.body = out.view();
  made.revision = revision;
  return made;
}

}  // namespace wsp::partner_parts
