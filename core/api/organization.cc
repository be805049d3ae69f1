// The organization dialect: {"success", "data", "message"} and
// {"error": {"code", "message", "details", "timestamp"}}.  The tenant is the
// organization.  Usually mounted at /api/v1.
#include "api/dialect.h"
#include "api/input.h"
#include "api/organization_input.h"
#include "domain/organization.h"
#include "domain/settings.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

namespace {

// -- rendering

// {"success": true, "data": {..., "message": M}, "message": M}
class envelope {
 public:
  envelope(operation& op, std::string_view message)
      : out_(op.memory, 1024), message_(message) {
    out_.open_object().key("success").boolean(true);
    out_.key("data").open_object();
  }

  json_writer& data() noexcept { return out_; }

  answer end(unsigned status = 200) {
    out_.key("message").string(message_).close_object();
    out_.key("message").string(message_).close_object();
    answer made;
    made.status = status;
    made.body = out_.view();
    return made;
  }

 private:
  json_writer out_;
  std::string_view message_;
};

void put_organization_id(operation& op, json_writer& out) {
  auto number = parse_id(op.who.tenant);
  number ? out.number(*number) : out.string(op.who.tenant);
}

// The fields that every view of a workspace begins with.
json_writer& put_workspace(operation& op, json_writer& out,
                           const workspace& record) {
  out.key("id").number(record.id).key("name").string(record.name);
  out.key("slug").string(record.slug).key("organization_id");
  put_organization_id(op, out);
  return out;
}

void put_shown(operation& op, json_writer& out, const workspace& record,
               int64_t default_id) {
  put_workspace(op, out.open_object(), record);
  out.key("is_default").boolean(record.id == default_id).close_object();
}

void put_organization(operation& op, json_writer& out,
                      const organization& record) {
  out.key("organization").open_object().key("id");
  put_organization_id(op, out);
  out.key("name").string(record.name);
  out.key("default_workspace_id").number(record.default_workspace);
  out.key("created_at").string(rfc3339(op.memory, record.created));
  out.key("updated_at").string(rfc3339(op.memory, record.updated));
  out.close_object();
}

// -- workspaces

flow<result<answer>> list_page(operation& op, call&) {
  auto asked = read_skip_and_limit(op);
  if (!asked.ok()) {
    co_return asked.error;
  }
  workspace_page page(op.memory);
  listed which = op.who.tenant_admin ? listed::all : listed::own;
  auto listing = page_workspaces(op, which, asked.value.skip,
                                 asked.value.limit, page);
  problem failed = co_await listing;
  if (!failed.ok()) {
    co_return failed;
  }
  envelope out(op, "Workspaces listed successfully");
  out.data().key("workspaces").open_array();
  for (const workspace& each : page.found) {
    put_shown(op, out.data(), each, page.default_id);
  }
  out.data().close_array().key("total_count").number(page.total);
  co_return out.end();
}

flow<result<answer>> create(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  const json_t* root = body.value.root();
  problem wrong =
      check_organization(op, root, request.argument(organization_argument));
  if (!wrong.ok()) {
    co_return wrong;
  }
  auto given = read_new_workspace(op, root, {});
  if (!given.ok()) {
    co_return given.error;
  }
  auto creating = create_workspace(op, request.change, given.value);
  auto made = co_await creating;
  if (!made.ok()) {
    co_return made.error;
  }
  envelope out(op, "Workspace created successfully");
  out.data().key("workspace").open_object();
  put_workspace(op, out.data(), made.value).close_object();
  answer shown = out.end(201);
  shown.revision = made.value.revision;
  co_return shown;
}

flow<result<answer>> get(operation& op, call& request) {
  auto reading = default_workspace(op);
  auto is_default = co_await reading;
  if (!is_default.ok()) {
    co_return is_default.error;
  }
  envelope out(op, "Workspace retrieved successfully");
  out.data().key("workspace");
  put_shown(op, out.data(), request.here.record, is_default.value);
  answer shown = out.end();
  shown.revision = request.here.record.revision;
  co_return shown;
}

flow<result<answer>> update(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  workspace& record = request.here.record;
  workspace_patch given;
  given.names = naming::unique_name_and_slug;
  auto name = read_name(op, body.value.root());
  if (!name.ok()) {
    co_return name.error;
  }
  given.name = name.value;
  const json_t* settings = json_object_get(body.value.root(), "settings");
  if (settings != nullptr) {
    settings_texts stored;
    auto reading = read_settings(op, record.id, stored);
    problem failed = co_await reading;
    if (!failed.ok()) {
      co_return failed;
    }
    auto changed = put_settings(op.memory, stored.own, settings,
                                settings_level::workspace, "settings");
    if (!changed.ok()) {
      co_return changed.error;
    }
    given.settings = changed.value;
  }
  auto updating = update_workspace(op, request.change, record, given);
  problem failed = co_await updating;
  if (!failed.ok()) {
    co_return failed;
  }
  envelope out(op, "Workspace updated successfully");
  out.data().key("workspace").open_object().key("id").number(record.id);
  out.data().key("name").string(record.name);
  out.data().key("updated_at").string(rfc3339(op.memory, record.updated));
  out.data().close_object();
  answer shown = out.end();
  shown.revision = record.revision;
  co_return shown;
}

flow<result<answer>> remove(operation& op, call& request) {
  auto deleting = delete_workspace(op, request.change, request.here.record);
  problem failed = co_await deleting;
  if (!failed.ok()) {
    co_return failed;
  }
  envelope out(op, "Workspace deleted successfully");
  answer given = out.end();
  given.gone = true;
  co_return given;
}

flow<result<answer>> clone(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  const json_t* root = body.value.root();
  new_workspace given;
  given.names = naming::unique_name_and_slug;
  auto name = read_required_name(op, root, {});
  if (!name.ok()) {
    co_return name.error;
  }
  given.name = name.value;
  clone_options options;
  problem wrong = read_boolean(op, root, "copy_members", options.members);
  if (wrong.ok()) {
    wrong = read_boolean(op, root, "copy_settings", options.settings);
  }
  if (!wrong.ok()) {
    co_return wrong;
  }
  auto cloning =
      clone_workspace(op, request.change, request.here, given, options);
  auto made = co_await cloning;
  if (!made.ok()) {
    co_return made.error;
  }
  envelope out(op, "Workspace cloned successfully");
  out.data().key("workspace").open_object();
  put_workspace(op, out.data(), made.value);
  out.data().key("source_workspace_id").number(request.workspace);
  out.data().close_object();
  answer shown = out.end();
  shown.revision = made.value.revision;
  co_return shown;
}

flow<result<answer>> provision(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  const json_t* root = body.value.root();
  problem wrong =
      check_organization(op, root, request.argument(organization_argument));
  if (!wrong.ok()) {
    co_return wrong;
  }
  list<new_workspace> given{arena_allocator<new_workspace>(op.memory)};
  wrong = read_provision(op, root, given);
  if (!wrong.ok()) {
    co_return wrong;
  }
  list<workspace> made{arena_allocator<workspace>(op.memory)};
  auto creating = create_workspaces(op, request.change, given, made);
  problem failed = co_await creating;
  if (!failed.ok()) {
    co_return failed;
  }
  envelope out(op, "Workspaces provisioned successfully");
  out.data().key("workspaces").open_array();
  for (const workspace& each : made) {
    put_workspace(op, out.data().open_object(), each).close_object();
  }
  out.data().close_array().key("total_count");
  out.data().number(static_cast<long long>(made.size()));
  co_return out.end(201);
}

// -- settings of a workspace

result<answer> settings_answer(operation& op, std::string_view message,
                               const settings_texts& texts,
                               bool with_provenance) {
  auto shown = view_settings(op.memory, texts);
  if (!shown.ok()) {
    return shown.error;
  }
  envelope out(op, message);
  out.data().key("settings").raw(shown.value.effective);
  if (with_provenance) {
    out.data().key("provenance").raw(shown.value.provenance);
  }
  return out.end();
}

flow<result<answer>> get_settings(operation& op, call& request) {
  auto asked = read_settings_query(op);
  if (!asked.ok()) {
    co_return asked.error;
  }
  settings_texts texts;
  auto reading = read_settings(op, request.workspace, texts);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return settings_answer(op, "Workspace settings retrieved successfully",
                            texts, asked.value.provenance);
}

flow<result<answer>> set_settings(operation& op, call& request) {
  auto asked = read_settings_query(op);
  if (!asked.ok()) {
    co_return asked.error;
  }
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  settings_texts texts;
  auto reading = read_settings(op, request.workspace, texts);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  auto changed = put_settings(op.memory, texts.own, body.value.root(),
                              settings_level::workspace, {});
  if (changed.ok() && !asked.value.inherit.empty()) {
    changed = inherit_setting(op.memory, changed.value, asked.value.inherit);
  }
  if (!changed.ok()) {
    co_return changed.error;
  }
  texts.own = changed.value;
  workspace_patch given;
  given.settings = changed.value;
  workspace& record = request.here.record;
  auto updating = update_workspace(op, request.change, record, given);
  failed = co_await updating;
  if (!failed.ok()) {
    co_return failed;
  }
  auto shown =
      settings_answer(op, "Workspace settings updated successfully", texts,
                      asked.value.provenance);
  shown.value.revision = record.revision;
  co_return shown;
}

// -- the organization

flow<result<answer>> create_own(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  const json_t* root = body.value.root();
  auto name = read_required_name(op, root, {});
  if (!name.ok()) {
    co_return name.error;
  }
  auto first = read_first_workspace(op, root);
  if (!first.ok()) {
    co_return first.error;
  }
  auto creating =
      create_organization(op, request.change, name.value, first.value);
  auto made = co_await creating;
  if (!made.ok()) {
    co_return made.error;
  }
  envelope out(op, "Organization created successfully");
  put_organization(op, out.data(), made.value);
  co_return out.end(201);
}

flow<result<answer>> get_own(operation& op, call&) {
  auto reading = read_organization(op);
  auto found = co_await reading;
  if (!found.ok()) {
    co_return found.error;
  }
  envelope out(op, "Organization retrieved successfully");
  put_organization(op, out.data(), found.value);
  co_return out.end();
}

flow<result<answer>> update_own(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  organization_patch given;
  auto name = read_name(op, body.value.root());
  if (!name.ok()) {
    co_return name.error;
  }
  given.name = name.value;
  auto reading = read_organization(op);
  auto found = co_await reading;
  if (!found.ok()) {
    co_return found.error;
  }
  update_organization(op, request.change, found.value, given);
  envelope out(op, "Organization updated successfully");
  put_organization(op, out.data(), found.value);
  co_return out.end();
}

answer own_settings(operation& op, std::string_view message,
                    std::string_view text) {
  envelope out(op, message);
  out.data().key("settings").raw(text.empty() ? "{}" : text);
  return out.end();
}

flow<result<answer>> get_own_settings(operation& op, call&) {
  auto reading = read_organization(op);
  auto found = co_await reading;
  if (!found.ok()) {
    co_return found.error;
  }
  co_return own_settings(op, "Organization settings retrieved successfully",
                         found.value.settings);
}

flow<result<answer>> set_own_settings(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  auto reading = read_organization(op);
  auto found = co_await reading;
  if (!found.ok()) {
    co_return found.error;
  }
  auto changed =
      put_settings(op.memory, found.value.settings, body.value.root(),
                   settings_level::organization, {});
  if (!changed.ok()) {
    co_return changed.error;
  }
  organization_patch given;
  given.settings = changed.value;
  update_organization(op, request.change, found.value, given);
  co_return own_settings(op, "Organization settings updated successfully",
                         changed.value);
}

// A handler of a path that names the organization: it must be the caller's.
template <handler handle>
flow<result<answer>> within(operation& op, call& request) {
  if (request.argument(organization_argument) != op.who.tenant) {
    co_return problem{fault::not_found, "organization not found"};
  }
  auto handling = handle(op, request);
  auto given = co_await handling;
  co_return given;
}

// -- errors

unsigned status_of(const problem& why) noexcept {
  return wsp::status_of(why.kind, {.invalid = 400, .refused = 409});
}

std::string_view code_of(const problem& why) noexcept {
  switch (status_of(why)) {
    case 401:
      return why.kind == fault::expired     ? "AUTH_EXPIRED"
             : why.kind == fault::bad_token ? "AUTH_INVALID"
                                            : "AUTH_REQUIRED";
    case 403:
      return "PERMISSION_DENIED";
    case 404:
    case 410:
      return "RESOURCE_NOT_FOUND";
    case 409:
    case 412:
      return "CONFLICT";
    case 429:
      return "RATE_LIMIT_EXCEEDED";
    case 503:
      return "SERVICE_UNAVAILABLE";
    case 500:
      return "INTERNAL_ERROR";
    default:
      return "VALIDATION_ERROR";
  }
}

answer render(operation& op, const problem& why) {
  json_writer out(op.memory, 256);
  int64_t now = now_of(op);
  out.open_object().key("error").open_object();
  out.key("code").string(code_of(why)).key("message").string(why.message);
  if (!why.field.empty()) {
    out.key("details").open_object().key("field").string(why.field);
    out.key("reason").string(why.message).close_object();
  }
  if (now != 0) {
    out.key("timestamp").string(rfc3339(op.memory, now));
  }
  out.close_object().close_object();
  answer made;
  made.status = status_of(why);
  made.body = out.view();
  return made;
}

constexpr route routes[] = {
    {"GET", "/workspaces", "workspace.list", WSP_NEEDS_IDENTITY, list_page},
    {"POST", "/workspaces", "workspace.create", WSP_NEEDS_IDENTITY, create},
    {"POST", "/workspaces/provision", "workspace.provision",
     WSP_NEEDS_TENANT_ADMIN, provision},
    {"GET", "/workspaces/{workspace}", "workspace.get", WSP_NEEDS_MEMBER,
     get},
    {"PUT", "/workspaces/{workspace}", "workspace.update", WSP_NEEDS_ADMIN,
     update},
    {"DELETE", "/workspaces/{workspace}", "workspace.delete",
     WSP_NEEDS_ADMIN, remove},
    {"POST", "/workspaces/{workspace}/clone", "workspace.clone",
     WSP_NEEDS_ADMIN, clone},
    {"GET", "/workspaces/{workspace}/settings", "settings.get",
     WSP_NEEDS_MEMBER, get_settings},
    {"PUT", "/workspaces/{workspace}/settings", "settings.update",
     WSP_NEEDS_ADMIN, set_settings},

    {"POST", "/organizations", "organization.create", WSP_NEEDS_IDENTITY,
     create_own},
    {"GET", "/organizations/{organization}", "organization.get",
     WSP_NEEDS_IDENTITY, within<get_own>},
    {"PATCH", "/organizations/{organization}", "organization.update",
     WSP_NEEDS_TENANT_ADMIN, within<update_own>},
    {"GET", "/organizations/{organization}/settings",
     "organization.settings.get", WSP_NEEDS_TENANT_ADMIN,
     within<get_own_settings>},
    {"PUT", "/organizations/{organization}/settings",
     "organization.settings.update", WSP_NEEDS_TENANT_ADMIN,
     within<set_own_settings>},

    {"GET", "/organizations/{organization}/workspaces", "workspace.list",
     WSP_NEEDS_IDENTITY, within<list_page>},
    {"POST", "/organizations/{organization}/workspaces", "workspace.create",
     WSP_NEEDS_IDENTITY, within<create>},
    {"POST", "/organizations/{organization}/workspaces/provision",
     "workspace.provision", WSP_NEEDS_TENANT_ADMIN, within<provision>},
    {"GET", "/organizations/{organization}/workspaces/{workspace}",
     "workspace.get", WSP_NEEDS_MEMBER, within<get>},
    {"PUT", "/organizations/{organization}/workspaces/{workspace}",
     "workspace.update", WSP_NEEDS_ADMIN, within<update>},
    {"DELETE", "/organizations/{organization}/workspaces/{workspace}",
     "workspace.delete", WSP_NEEDS_ADMIN, within<remove>},
    {"POST", "/organizations/{organization}/workspaces/{workspace}/clone",
     "workspace.clone", WSP_NEEDS_ADMIN, within<clone>},
    {"GET", "/organizations/{organization}/workspaces/{workspace}/settings",
     "settings.get", WSP_NEEDS_MEMBER, within<get_settings>},
    {"PUT", "/organizations/{organization}/workspaces/{workspace}/settings",
     "settings.update", WSP_NEEDS_ADMIN, within<set_settings>},
};

}  // namespace

constinit const dialect organization_dialect = {"organization", routes, {},
                                                render};

}  // namespace wsp
