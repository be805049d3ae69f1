#include "api/location_invitations.h"

#include "api/input.h"
#include "domain/grant.h"
#include "domain/invitation.h"
#include "domain/invitation_token.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp::location_invitations {

namespace {

// The one role that this dialect shows.
flow<result<std::string_view>> role_of(operation& op, int64_t workspace,
                                       role_set roles) {
  list<std::string_view> custom{arena_allocator<std::string_view>(op.memory)};
  auto listing = list_role_names(op, workspace, custom);
  problem failed = co_await listing;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return shown_role(roles, custom);
}

result<guest> read_guest(operation& op, const json_t* body) {
  const json_t* email = json_object_get(body, "email");
  const json_t* role = json_object_get(body, "role");
  if (email == nullptr || json_is_null(email)) {
    return problem{fault::invalid, "email is required", "email"};
  }
  if (!json_is_string(email) || !is_email(json_text(email))) {
    return problem{fault::invalid, "email must be a valid e-mail address",
                   "email"};
  }
  guest who;
  who.email = op.memory.copy(json_text(email));
  who.roles = role_set(member_role);
  if (role != nullptr && !json_is_null(role)) {
    if (!json_is_string(role) || !is_role_name(json_text(role))) {
      return problem{fault::invalid, "role must be the name of a role", "role"};
    }
    who.roles = role_set(op.memory.copy(json_text(role)));
  }
  return who;
}

// With the token, which nothing else shows.
answer issued_answer(operation& op, const issued& made, std::string_view role,
                     std::string_view message) {
  json_writer out(op.memory);
  out.open_object().key("data").open_object();
  out.key("id").number(made.sent.id);
  out.key("email").string(made.sent.email).key("role").string(role);
  out.key("token").string(made.token);
  out.key("expires_at").string(rfc3339_seconds(op.memory, made.sent.expires));
  out.close_object().key("message").string(message).close_object();
  answer given;
  given.body = out.view();
  given.secret = true;
  return given;
}

answer message_answer(operation& op, std::string_view message) {
  json_writer out(op.memory, 64);
  out.open_object().key("message").string(message).close_object();
  answer given;
  given.body = out.view();
  return given;
}

// 0: it is no id.
int64_t invitation_id(const call& request) noexcept {
  return parse_id(request.argument("{invitation}")).value_or(0);
}

}  // namespace

flow<result<answer>> show_all(operation& op, call& request) {
  list<invitation> all{arena_allocator<invitation>(op.memory)};
  list<std::string_view> custom{arena_allocator<std::string_view>(op.memory)};
  auto reading = read_invitations(op, request.workspace, all);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  auto listing = list_role_names(op, request.workspace, custom);
  failed = co_await listing;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory, 1024);
  out.open_object().key("data").open_array();
  for (const invitation& each : all) {
    bool expired = each.expired(now_of(op));
    out.open_object().key("id").number(each.id);
    out.key("email").string(each.email);
    out.key("role").string(shown_role(each.roles, custom));
    out.key("status").string(name_of(expired ? invitation_state::expired
                                             : invitation_state::pending));
    out.key("created_at").string(rfc3339_seconds(op.memory, each.created));
    out.key("expires_at").string(rfc3339_seconds(op.memory, each.expires));
    out.close_object();
  }
  out.close_array().close_object();
  answer given;
  given.body = out.view();
  co_return given;
}

flow<result<answer>> send(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  auto who = read_guest(op, body.value.root());
  if (!who.ok()) {
    co_return who.error;
  }
  role_set roles = who.value.roles;
  auto requiring =
      require_known_roles(op, request.change, request.workspace, roles, "role");
  problem failed = co_await requiring;
  if (!failed.ok()) {
    co_return failed;
  }
  auto inviting = invite(op, request.change, request.here, who.value);
  auto made = co_await inviting;
  if (!made.ok()) {
    co_return made.error;
  }
  answer given = issued_answer(op, made.value, roles.stored(),
                               "Invitation sent successfully.");
  given.status = 201;
  given.revision = request.here.record.revision;
  co_return given;
}

flow<result<answer>> resend(operation& op, call& request) {
  auto sending = resend_invitation(op, request.change, request.here,
                                   invitation_id(request));
  auto made = co_await sending;
  if (!made.ok()) {
    co_return made.error;
  }
  auto choosing = role_of(op, request.workspace, made.value.sent.roles);
  auto role = co_await choosing;
  if (!role.ok()) {
    co_return role.error;
  }
  answer given = issued_answer(op, made.value, role.value,
                               "Invitation resent successfully.");
  given.revision = request.here.record.revision;
  co_return given;
}

flow<result<answer>> revoke(operation& op, call& request) {
  auto revoking = revoke_invitation(op, request.change, request.here,
                                    invitation_id(request));
  problem failed = co_await revoking;
  if (!failed.ok()) {
    co_return failed;
  }
  answer given = message_answer(op, "Invitation revoked.");
  given.revision = request.here.record.revision;
  co_return given;
}

flow<result<answer>> show(operation& op, call& request) {
  auto reading = read_invitation(op, request.argument("{token}"));
  auto found = co_await reading;
  if (!found.ok()) {
    co_return found.error;
  }
  const opened_invitation& shown = found.value;
  auto choosing = role_of(op, shown.workspace, shown.about.roles);
  auto role = co_await choosing;
  if (!role.ok()) {
    co_return role.error;
  }
  json_writer out(op.memory);
  out.open_object().key("data").open_object();
  out.key("email").string(shown.about.email);
  out.key("role").string(role.value);
  out.key("workspace_name").string(shown.workspace_name);
  out.key("expires_at").string(rfc3339_seconds(op.memory, shown.about.expires));
  out.key("status").string(name_of(shown.state));
  out.close_object().close_object();
  answer given;
  given.body = out.view();
  given.secret = true;
  co_return given;
}

flow<result<answer>> accept(operation& op, call& request) {
  auto accepting =
      accept_invitation(op, request.change, request.argument("{token}"));
  auto accepted = co_await accepting;
  if (!accepted.ok()) {
    co_return accepted.error;
  }
  const opened_invitation& now = accepted.value;
  auto choosing = role_of(op, now.workspace, now.about.roles);
  auto role = co_await choosing;
  if (!role.ok()) {
    co_return role.error;
  }
  json_writer out(op.memory);
  out.open_object().key("data").open_object();
  out.key("workspace").open_object().key("id").number(now.workspace);
  out.key("name").string(now.workspace_name).close_object();
  out.key("role").string(role.value).close_object();
  out.key("message").string("Invitation accepted.").close_object();
  answer given;
  given.body = out.view();
  given.revision = now.revision;
  co_return given;
}

flow<result<answer>> decline(operation& op, call& request) {
  auto declining =
      decline_invitation(op, request.change, request.argument("{token}"));
  problem failed = co_await declining;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return message_answer(op, "Invitation declined.");
}

}  // namespace wsp::location_invitations
