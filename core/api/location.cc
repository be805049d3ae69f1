// The location dialect: {"data", "message"} and {"message", "errors"}; the
// current workspace is named by X-Workspace-ID or is the caller's active one.
// Usually mounted at /api/v1.
#include "api/dialect.h"
#include "api/input.h"
#include "api/location_invitations.h"
#include "api/location_members.h"
#include "api/location_pages.h"
#include "api/location_parts.h"
#include "api/location_roles.h"
#include "domain/document_subtype.h"
#include "engine/pipeline.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

using namespace location;

namespace {

// How many are listed at once where no page is asked for.
constexpr int64_t unpaged_max = 10000;

// -- workspaces

void put_workspace(operation& op, json_writer& out, const workspace& record,
                   const profiles& users) {
  out.key("id").number(record.id).key("name").string(record.name);
  out.key("owner_id");
  put_user_id(out, record.owner);
  out.key("owner").open_object();
  put_user(out, users.of(record.owner));
  out.close_object();
  out.key("is_owner").boolean(record.owner == op.who.user);
  out.key("created_at");
  put_time(op, out, record.created);
  out.key("updated_at");
  put_time(op, out, record.updated);
}

flow<result<answer>> list_workspaces(operation& op, call&) {
  auto asked = read_page(op);
  if (!asked.ok()) {
    co_return asked.error;
  }
  const page& shown = asked.value;
  workspace_page own(op.memory);
  listed which = views_all(op.who) ? listed::all : listed::own;
  auto listing = page_workspaces(op, which, shown.asked ? shown.skip() : 0,
                                 shown.asked ? shown.size : unpaged_max, own);
  problem failed = co_await listing;
  if (!failed.ok()) {
    co_return failed;
  }
  if (!shown.asked && own.total > unpaged_max) {
    co_return problem{fault::invalid,
                      "page is required: there are more than 10000 "
                      "workspaces",
                      "page"};
  }
  profiles owners(op.memory);
  for (const workspace& each : own.found) {
    owners.want(each.owner);
  }
  auto reading = read_profiles(op, owners);
  failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory, 4096);
  out.open_object().key("data").open_array();
  for (const workspace& each : own.found) {
    out.open_object();
    put_workspace(op, out, each, owners);
    out.close_object();
  }
  out.close_array();
  if (shown.asked) {
    put_page(op, out, "/workspaces", shown,
             static_cast<int64_t>(own.found.size()), own.total);
  }
  out.close_object();
  co_return answer_of(out);
}

// A rule of names is told as a fault of the field.
problem about_name(problem why) noexcept {
  if (why.kind == fault::conflict && why.field == "name") {
    why.kind = fault::invalid;
  }
  return why;
}

flow<result<answer>> create(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  problem failed = require(op, body.value.root(), {"name"});
  if (!failed.ok()) {
    co_return failed;
  }
  auto name = read_name(op, body.value.root());
  if (!name.ok()) {
    co_return name.error;
  }
  new_workspace given;
  given.name = *name.value;
  given.names = naming::unique_name;
  given.roles = role_set(admin_role);
  auto creating = create_workspace(op, request.change, given);
  auto made = co_await creating;
  if (!made.ok()) {
    co_return about_name(made.error);
  }
  access here;
  here.record = made.value;
  auto switching = activate(op, request.change, here);
  failed = co_await switching;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory);
  out.open_object().key("data").open_object();
  out.key("id").number(made.value.id).key("name").string(made.value.name);
  out.key("owner_id");
  put_user_id(out, made.value.owner);
  out.key("created_at");
  put_time(op, out, made.value.created);
  out.close_object();
  out.key("message").string("¡Sucursal creada correctamente!");
  out.close_object();
  answer shown = answer_of(out);
  shown.status = 201;
  shown.revision = made.value.revision;
  co_return shown;
}

flow<result<answer>> get_workspace(operation& op, call& request) {
  const workspace& record = request.here.record;
  member_list members(op.memory);
  auto listing = read_members(op, record, members);
  problem failed = co_await listing;
  if (!failed.ok()) {
    co_return failed;
  }
  auto preferring = preferred_subtypes(op, record.id);
  auto preferred = co_await preferring;
  if (!preferred.ok()) {
    co_return preferred.error;
  }
  json_writer out(op.memory, 1024);
  out.open_object().key("data").open_object();
  put_workspace(op, out, record, members.users);
  out.key("members");
  put_members(op, out, record, members);
  out.key("settings").open_object();
  out.key("preferred_document_subtypes").raw(preferred.value);
  out.close_object().close_object().close_object();
  answer made = answer_of(out);
  made.revision = record.revision;
  made.more_than_revision = true;
  co_return made;
}

flow<result<answer>> update(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  auto name = read_name(op, body.value.root());
  if (!name.ok()) {
    co_return name.error;
  }
  workspace record = request.here.record;
  workspace_patch given;
  given.name = name.value;
  given.names = naming::unique_name;
  auto updating = update_workspace(op, request.change, record, given);
  problem failed = co_await updating;
  if (!failed.ok()) {
    co_return about_name(failed);
  }
  json_writer out(op.memory);
  out.open_object().key("data").open_object();
  out.key("id").number(record.id).key("name").string(record.name);
  out.key("updated_at");
  put_time(op, out, record.updated);
  out.close_object();
  out.key("message").string("¡Sucursal actualizada correctamente!");
  out.close_object();
  answer made = answer_of(out);
  made.revision = record.revision;
  co_return made;
}

// -- the current workspace

flow<result<answer>> switch_context(operation& op, call& request) {
  auto switching = activate(op, request.change, request.here);
  problem failed = co_await switching;
  if (!failed.ok()) {
    co_return failed;
  }
  const workspace& record = request.here.record;
  json_writer out(op.memory);
  out.open_object().key("data").open_object();
  out.key("current_workspace_id").number(record.id);
  out.key("workspace").open_object();
  out.key("id").number(record.id).key("name").string(record.name);
  out.close_object().close_object();
  out.key("message").string("Workspace context updated.").close_object();
  co_return answer_of(out);
}

flow<result<answer>> clear_context(operation& op, call& request) {
  auto clearing = deactivate(op, request.change, request.workspace);
  problem failed = co_await clearing;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return message_answer(op, "Workspace context cleared.");
}

// -- preferred document subtypes

// Without a body it is about the default type.
result<std::string_view> read_document_type(operation& op) {
  if (op.request->body.len == 0) {
    return default_document_type;
  }
  auto body = read_object(op);
  if (!body.ok()) {
    return body.error;
  }
  const json_t* type = json_object_get(body.value.root(), "document_type");
  if (type == nullptr) {
    return default_document_type;
  }
  if (!json_is_string(type) || !is_document_name(json_text(type))) {
    return problem{fault::invalid,
                   "document_type must be 1 to 64 of [A-Za-z0-9_.-]",
                   "document_type"};
  }
  return op.memory.copy(json_text(type));
}

flow<result<answer>> set_preferred_subtype(operation& op, call& request) {
  std::string_view subtype = request.argument("{subtype}");
  if (!is_document_name(subtype)) {
    co_return problem{fault::invalid,
                      "a document subtype is 1 to 64 of [A-Za-z0-9_.-]",
                      "subtype"};
  }
  auto type = read_document_type(op);
  if (!type.ok()) {
    co_return type.error;
  }
  workspace record = request.here.record;
  auto preferring =
      prefer_subtype(op, request.change, record, type.value, subtype);
  problem failed = co_await preferring;
  if (!failed.ok()) {
    co_return failed;
  }
  answer made = message_answer(op, "Preferred document subtype updated.");
  made.revision = record.revision;
  co_return made;
}

// -- errors

unsigned status_of(const problem& why) noexcept {
  return wsp::status_of(why.kind, {.invalid = 422, .refused = 422});
}

std::string_view message_of(const problem& why) noexcept {
  switch (status_of(why)) {
    case 401:
      return "Unauthenticated.";
    case 403:
      return "This action is unauthorized.";
    case 429:
      return "Too Many Attempts.";
    default:
      return why.message;
  }
}

answer render(operation& op, const problem& why) {
  json_writer out(op.memory, 256);
  out.open_object().key("message").string(message_of(why));
  if (!why.field.empty()) {
    out.key("errors").open_object().key(why.field).open_array();
    out.string(why.message).close_array().close_object();
  }
  out.close_object();
  answer made;
  made.status = status_of(why);
  made.body = out.view();
  return made;
}

constexpr fault may_not = fault::forbidden;

constexpr route routes[] = {
    {"GET", "/workspaces", "workspace.list", WSP_NEEDS_IDENTITY,
     list_workspaces},
    {"POST", "/workspaces", "workspace.create", WSP_NEEDS_IDENTITY, create},
    {"GET", "/workspaces/{workspace}", "workspace.get", WSP_NEEDS_VIEWER,
     get_workspace},
    {"PUT", "/workspaces/{workspace}", "workspace.update", WSP_NEEDS_OWNER,
     update},
    {"PATCH", "/workspaces/{workspace}", "workspace.patch", WSP_NEEDS_OWNER,
     update},
    {"POST", "/workspaces/{workspace}/transfer-ownership",
     "workspace.transfer", WSP_NEEDS_OWNER, location_members::transfer},

    {"PATCH", "/workspace-context/{workspace}", "context.switch",
     WSP_NEEDS_VIEWER, switch_context, may_not},
    {"DELETE", "/workspace-context/{workspace}", "context.leave",
     WSP_NEEDS_IDENTITY, clear_context},
    {"DELETE", "/workspace-context", "context.clear", WSP_NEEDS_IDENTITY,
     clear_context},

    {"GET", "/workspace/members", "member.list", WSP_NEEDS_VIEWER,
     location_members::show_all, may_not},
    {"PATCH", "/workspace/members/{user}/role", "member.patch",
     WSP_NEEDS_ADMIN, location_members::set_role, may_not},
    {"PUT", "/workspace/members/{user}/role", "member.update",
     WSP_NEEDS_ADMIN, location_members::set_role, may_not},
    {"DELETE", "/workspace/members/{user}", "member.remove", WSP_NEEDS_ADMIN,
     location_members::expel, may_not},

    {"GET", "/workspace/roles", "role.list", WSP_NEEDS_VIEWER,
     location_roles::show_all, may_not},
    {"POST", "/workspace/roles", "role.create", WSP_NEEDS_ADMIN,
     location_roles::create, may_not},
    {"PATCH", "/workspace/roles/{role}", "role.patch", WSP_NEEDS_ADMIN,
     location_roles::update, may_not},
    {"PUT", "/workspace/roles/{role}", "role.update", WSP_NEEDS_ADMIN,
     location_roles::update, may_not},
    {"DELETE", "/workspace/roles/{role}", "role.delete", WSP_NEEDS_ADMIN,
     location_roles::remove, may_not},

    {"GET", "/workspace/invitations", "invitation.list", WSP_NEEDS_ADMIN,
     location_invitations::show_all, may_not},
    {"POST", "/workspace/invitations", "invitation.send", WSP_NEEDS_ADMIN,
     location_invitations::send, may_not},
    {"DELETE", "/workspace/invitations/{invitation}", "invitation.revoke",
     WSP_NEEDS_ADMIN, location_invitations::revoke, may_not},
    {"POST", "/workspace/invitations/{invitation}/resend",
     "invitation.resend", WSP_NEEDS_ADMIN, location_invitations::resend,
     may_not},
    {"GET", "/invitations/{token}", "invitation.get", WSP_NEEDS_NOBODY,
     location_invitations::show},
    {"POST", "/invitations/{token}/accept", "invitation.accept",
     WSP_NEEDS_IDENTITY, location_invitations::accept},
    {"POST", "/invitations/{token}/decline", "invitation.decline",
     WSP_NEEDS_IDENTITY, location_invitations::decline},

    {"PATCH",
     "/document-subtypes/{subtype}/workspace/{workspace}/set-preferred",
     "subtype.prefer", WSP_NEEDS_ADMIN, set_preferred_subtype},
};

}  // namespace

constinit const dialect location_dialect = {
    "location", routes, current_workspace_header, render};

}  // namespace wsp
