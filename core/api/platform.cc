// The platform dialect: bare objects and arrays, errors {"message", "field"}.
// Usually mounted at /api/workspaces.
#include "api/dialect.h"
#include "api/input.h"
#include "api/platform_search.h"
#include "domain/sealed.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

namespace {

// -- rendering

void put_roles(json_writer& out, role_set roles) {
  out.open_array();
  roles.each([&](std::string_view name) { out.string(name); });
  out.close_array();
}

void put_member(operation& op, json_writer& out, const member& each) {
  out.open_object().key("user").string(each.user).key("roles");
  put_roles(out, each.roles);
  out.key("created").plain(rfc3339(op.memory, each.created)).close_object();
}

void put_members(operation& op, json_writer& out,
                 const list<member>& members) {
  out.open_array();
  for (const member& each : members) {
    put_member(op, out, each);
  }
  out.close_array();
}

void put_invites(operation& op, json_writer& out,
                 const list<invitation>& invites) {
  out.open_array();
  for (const invitation& each : invites) {
    out.open_object().key("email").string(each.email);
    if (!each.name.empty()) {
      out.key("name").string(each.name);
    }
    out.key("roles");
    put_roles(out, each.roles);
    out.key("created").plain(rfc3339(op.memory, each.created));
    out.close_object();
  }
  out.close_array();
}

void put_record(operation& op, json_writer& out, const workspace& record) {
  out.key("_id").plain(decimal(op.memory, record.id));
  out.key("name").string(record.name);
  out.key("logo").string_or_null(record.logo);
  out.key("labels").raw(record.labels);
}

void put_workspace(operation& op, json_writer& out,
                   const workspace_view& shown) {
  out.open_object();
  put_record(op, out, shown.record);
  out.key("members");
  put_members(op, out, shown.members);
  out.key("invites");
  put_invites(op, out, shown.invites);
  out.close_object();
}

answer workspace_answer(operation& op, const workspace_view& shown) {
  json_writer out(op.memory, 1024);
  put_workspace(op, out, shown);
  answer made;
  made.body = out.view();
  made.revision = shown.record.revision;
  return made;
}

// -- workspaces

flow<result<answer>> list_workspaces(operation& op, call&) {
  own_workspaces own(op.memory);
  auto listing = list_own_workspaces(op, own);
  problem failed = co_await listing;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory, 1024);
  out.open_array();
  for (const own_workspace& each : own.all) {
    out.open_object();
    put_record(op, out, each.record);
    out.key("isPrivilegedUser").boolean(each.mine.roles.has(admin_role));
    if (each.record.id == own.active) {
      out.key("active").boolean(true);
    }
    out.close_object();
  }
  out.close_array();
  answer made;
  made.body = out.view();
  co_return made;
}

flow<result<answer>> get_workspace(operation& op, call& request) {
  const access& here = request.here;
  answer made;
  made.revision = here.record.revision;
  made.body = kept_view(op, here);
  if (!made.body.empty()) {
    co_return made;
  }
  workspace_view shown(op.memory);
  if (view_at_once(here, shown)) {
    made = workspace_answer(op, shown);
    keep_view(op, here, made.body);
    co_return made;
  }
  auto reading = read_view(op, here, shown);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return workspace_answer(op, shown);
}

// The fields of a workspace in a body.
problem read_patch(operation& op, const json_t* body,
                   workspace_patch& into) {
  auto name = read_name(op, body);
  if (!name.ok()) {
    return name.error;
  }
  auto logo = read_logo(op, body);
  if (!logo.ok()) {
    return logo.error;
  }
  auto labels = read_labels(op, body);
  if (!labels.ok()) {
    return labels.error;
  }
  into.name = name.value;
  into.logo = logo.value;
  into.labels = labels.value;
  return {};
}

flow<result<answer>> create(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  workspace_patch given;
  problem wrong = read_patch(op, body.value.root(), given);
  if (!wrong.ok()) {
    co_return wrong;
  }
  if (!given.name) {
    co_return problem{fault::invalid, "name is required", "name"};
  }
  new_workspace first;
  first.name = *given.name;
  first.logo = given.logo.value_or("");
  first.roles = role_set("admin,user");
  if (given.labels != nullptr) {
    first.labels = labels_json(op.memory, *given.labels);
  }
  auto creating = create_workspace(op, request.change, first);
  auto made = co_await creating;
  if (!made.ok()) {
    co_return made.error;
  }
  workspace_view shown(op.memory);
  shown.record = made.value;
  shown.members.push_back(parse_member(
      op.who.user, store_member(op.memory, made.value.created, first.roles)));
  co_return workspace_answer(op, shown);
}

flow<result<answer>> update(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  workspace_patch given;
  problem wrong = read_patch(op, body.value.root(), given);
  if (!wrong.ok()) {
    co_return wrong;
  }
  auto guests = read_guests(op, body.value.root());
  if (!guests.ok()) {
    co_return guests.error;
  }

  workspace_view shown(op.memory);
  auto reading = read_view(op, request.here, shown);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  auto updating =
      update_workspace(op, request.change, shown.record, given);
  failed = co_await updating;
  if (!failed.ok()) {
    co_return failed;
  }
  if (guests.value != nullptr) {
    auto replacing = replace_invitations(op, request.change, request.here,
                                         *guests.value, shown.invites);
    failed = co_await replacing;
    if (!failed.ok()) {
      co_return failed;
    }
  }
  co_return workspace_answer(op, shown);
}

flow<result<answer>> remove(operation& op, call& request) {
  workspace_view shown(op.memory);
  auto reading = read_view(op, request.here, shown);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  auto deleting = delete_workspace(op, request.change, shown.record);
  failed = co_await deleting;
  if (!failed.ok()) {
    co_return failed;
  }
  answer made = workspace_answer(op, shown);
  made.gone = true;
  co_return made;
}

flow<result<answer>> activate_workspace(operation& op, call& request) {
  workspace_view shown(op.memory);
  auto reading = read_view(op, request.here, shown);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  auto activating = activate(op, request.change, request.here);
  failed = co_await activating;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return workspace_answer(op, shown);
}

// -- members

flow<result<answer>> list_members(operation& op, call& request) {
  trip asking(op);
  asking.add({"HGETALL", keys_of(op).members(request.workspace)});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  json_writer out(op.memory, 1024);
  put_members(op, out, parse_members(op.memory, asking[0]));
  answer made;
  made.body = out.view();
  made.revision = request.here.record.revision;
  co_return made;
}

result<role_set> body_roles(operation& op, const json_t* body) {
  const json_t* roles = json_object_get(body, "roles");
  if (roles == nullptr) {
    return problem{fault::invalid, "roles is required", "roles"};
  }
  return read_roles(op, roles, "roles");
}

flow<result<answer>> add(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  auto user = read_user_id(op, body.value.root(), "userId");
  if (!user.ok()) {
    co_return user.error;
  }
  auto roles = body_roles(op, body.value.root());
  if (!roles.ok()) {
    co_return roles.error;
  }
  workspace_view shown(op.memory);
  auto reading = read_view(op, request.here, shown);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  auto adding = add_member(op, request.change, request.here, user.value,
                           roles.value, shown.members);
  auto added = co_await adding;
  if (!added.ok()) {
    co_return added.error;
  }
  shown.members.push_back(added.value);
  json_writer out(op.memory, 1024);
  out.open_object().key("message").string("Member added successfully.");
  out.key("workspace");
  put_workspace(op, out, shown);
  out.close_object();
  answer made;
  made.body = out.view();
  made.revision = request.here.record.revision;
  co_return made;
}

flow<result<answer>> set_roles(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  auto roles = body_roles(op, body.value.root());
  if (!roles.ok()) {
    co_return roles.error;
  }
  auto setting = set_member_roles(op, request.change, request.here,
                                  request.user, roles.value);
  auto changed = co_await setting;
  if (!changed.ok()) {
    co_return changed.error;
  }
  json_writer out(op.memory);
  out.open_object().key("message").string(
      "Member roles updated successfully.");
  out.key("updatedMember").open_object().key("user").string(request.user);
  out.key("roles");
  put_roles(out, changed.value.roles);
  out.close_object().key("workspaceId");
  out.string(decimal(op.memory, request.workspace)).close_object();
  answer made;
  made.body = out.view();
  made.revision = request.here.record.revision;
  co_return made;
}

flow<result<answer>> expel(operation& op, call& request) {
  auto removing =
      remove_member(op, request.change, request.here, request.user);
  problem failed = co_await removing;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory);
  out.open_object().key("message").string("Member removed from workspace.");
  out.key("removedMemberId").string(request.user);
  out.key("userId").string(request.user).close_object();
  answer made;
  made.body = out.view();
  made.revision = request.here.record.revision;
  co_return made;
}

// -- sealed data

constexpr std::string_view slot_header = "x-encrypted-id";

result<std::string_view> slot_of(operation& op) {
  constexpr std::string_view name = slot_header;
  const wsp_header* header = find_header(op, name);
  if (header == nullptr || header->value.len == 0) {
    if (count_headers(op, name) <= 1) {
      return default_slot;
    }
  }
  if (count_headers(op, name) != 1 || !is_slot(view(header->value))) {
    return problem{fault::invalid,
                   "x-encrypted-id must be one of 1 to 128 of "
                   "[A-Za-z0-9._-]",
                   name};
  }
  return view(header->value);
}

flow<result<answer>> get_encrypted(operation& op, call& request) {
  auto slot = slot_of(op);
  if (!slot.ok()) {
    co_return slot.error;
  }
  auto reading = read_sealed(op, request.here, slot.value);
  auto text = co_await reading;
  if (!text.ok()) {
    co_return text.error;
  }
  answer made;
  made.body = text.value ? *text.value : std::string_view("null");
  made.secret = true;
  co_return made;
}

flow<result<answer>> set_encrypted(operation& op, call& request) {
  auto slot = slot_of(op);
  if (!slot.ok()) {
    co_return slot.error;
  }
  std::string_view text = view(op.request->body);
  op.memory.wipe_when_freed();
  // It is kept as it is, whatever its number of values.
  auto body = json_parse(op.memory, text, text.size() + 1);
  if (!body.ok()) {
    co_return body.error;
  }
  if (!json_is_object(body.value.root()) &&
      !json_is_array(body.value.root())) {
    co_return problem{fault::bad_request,
                      "the body must be a JSON object or array"};
  }
  auto writing =
      write_sealed(op, request.change, request.here, slot.value, text);
  problem failed = co_await writing;
  if (!failed.ok()) {
    co_return failed;
  }
  answer made;
  made.body = "{}";
  made.secret = true;
  co_return made;
}

// -- errors

answer render(operation& op, const problem& why) {
  json_writer out(op.memory, 128);
  out.open_object().key("message").string(why.message);
  bool validation =
      why.kind == fault::invalid || why.kind == fault::missing;
  if (validation && !why.field.empty()) {
    out.key("field").string(why.field);
  }
  out.close_object();
  answer made;
  made.status = status_of(why.kind, {.invalid = 400, .refused = 400});
  made.body = out.view();
  return made;
}

constexpr route routes[] = {
    {"GET", "", "workspace.list", WSP_NEEDS_IDENTITY, list_workspaces},
    {"POST", "", "workspace.create", WSP_NEEDS_IDENTITY, create},
    {"GET", "/all", "workspace.search", WSP_NEEDS_TENANT_ADMIN,
     search_workspaces},
    {"GET", "/{workspace}", "workspace.get", WSP_NEEDS_MEMBER,
     get_workspace},
    {"PUT", "/{workspace}", "workspace.update", WSP_NEEDS_ADMIN, update},
    {"DELETE", "/{workspace}", "workspace.delete", WSP_NEEDS_ADMIN, remove},
    {"POST", "/{workspace}/activate", "workspace.activate",
     WSP_NEEDS_MEMBER, activate_workspace},
    {"GET", "/{workspace}/members", "member.list", WSP_NEEDS_MEMBER,
     list_members},
    {"POST", "/{workspace}/members", "member.add", WSP_NEEDS_ADMIN, add},
    {"PUT", "/{workspace}/members/{user}", "member.update", WSP_NEEDS_ADMIN,
     set_roles},
    {"DELETE", "/{workspace}/members/{user}", "member.remove",
     WSP_NEEDS_ADMIN, expel},
    {"GET", "/{workspace}/encrypted", "sealed.get",
     WSP_NEEDS_TENANT_ADMIN_HERE, get_encrypted},
    {"POST", "/{workspace}/encrypted", "sealed.set",
     WSP_NEEDS_TENANT_ADMIN_HERE, set_encrypted},
};

}  // namespace

constinit const dialect platform_dialect = {"platform", routes, slot_header,
                                               render};

void platform_put_members(operation& op, json_writer& out,
                          const list<member>& members) {
  put_members(op, out, members);
}

void platform_put_invites(operation& op, json_writer& out,
                          const list<invitation>& invites) {
  put_invites(op, out, invites);
}

}  // namespace wsp
