// The partner dialect: another vendor's backend, which is a tenant, provisions
// workspaces and their members.  A workspace is known by the vendor's own id
// of it, the client_id.  Writes answer 202 {"reference_id"}; errors are
// {"detail"}.  Usually mounted at /v1.
#include "api/dialect.h"
#include "api/input.h"
#include "api/partner_parts.h"
#include "api/partner_problem.h"
#include "api/partner_webhooks.h"
#include "domain/member.h"
#include "domain/profile.h"
#include "engine/uuid.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

using namespace partner_parts;

namespace {

// -- workspaces

flow<result<answer>> create(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  std::string_view reference = new_uuid(op);
  auto making = provision(op, request.change, body.value.root(), op.who.user,
                          reference);
  auto made = co_await making;
  if (!made.ok()) {
    co_return made.error;
  }
  co_return accepted(op, reference, made.value.revision);
}

flow<result<answer>> get(operation& op, call& request) {
  const workspace& record = request.here.record;
  json_writer out(op.memory, 512);
  out.open_object().key("client_id").string(record.external_id);
  out.key("name").string(record.name);
  out.key("created_at").string(rfc3339(op.memory, record.created));
  out.key("updated_at").string(rfc3339(op.memory, record.updated));
  out.close_object();
  answer made;
  made.body = out.view();
  made.revision = record.revision;
  co_return made;
}

flow<result<answer>> update(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  auto renaming =
      rename(op, request.change, request.here, body.value.root());
  problem failed = co_await renaming;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return accepted(op, new_uuid(op), request.here.record.revision);
}

flow<result<answer>> remove(operation& op, call& request) {
  auto deleting =
      delete_workspace(op, request.change, request.here.record);
  problem failed = co_await deleting;
  if (!failed.ok()) {
    co_return failed;
  }
  answer given = accepted(op, new_uuid(op));
  given.gone = true;
  co_return given;
}

// -- members

flow<result<answer>> list_members(operation& op, call& request) {
  trip asking(op);
  asking.add({"HGETALL", keys_of(op).members(request.workspace)});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  list<member> members = parse_members(op.memory, asking[0]);
  profiles users(op.memory);
  for (const member& each : members) {
    users.want(each.user);
  }
  auto reading = read_profiles(op, users);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory, 1024);
  out.open_object().key("members").open_array();
  for (const member& each : members) {
    profile of = users.of(each.user);
    out.open_object().key("user_id").string(each.user);
    out.key("name").string_or_null(of.name);
    out.key("email").string_or_null(of.email);
    out.key("roles").open_array();
    each.roles.each([&](std::string_view name) { out.string(name); });
    out.close_array().close_object();
  }
  out.close_array().close_object();
  answer made;
  made.body = out.view();
  co_return made;
}

flow<result<answer>> add_one(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  std::string_view reference = new_uuid(op);
  auto adding = add(op, request.change, request.here, body.value.root(),
                    reference);
  problem failed = co_await adding;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return accepted(op, reference, request.here.record.revision);
}

flow<result<answer>> remove_one(operation& op, call& request) {
  auto removing =
      remove_member(op, request.change, request.here, request.user);
  problem failed = co_await removing;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return accepted(op, new_uuid(op), request.here.record.revision);
}

constexpr route routes[] = {
    {"POST", "/workspaces", "workspace.create", WSP_NEEDS_PARTNER, create},
    {"GET", "/workspaces/{client}", "workspace.get", WSP_NEEDS_PARTNER_HERE,
     get},
    {"PATCH", "/workspaces/{client}", "workspace.update",
     WSP_NEEDS_PARTNER_HERE, update},
    {"DELETE", "/workspaces/{client}", "workspace.delete",
     WSP_NEEDS_PARTNER_HERE, remove},
    {"GET", "/workspaces/{client}/members", "member.list",
     WSP_NEEDS_PARTNER_HERE, list_members},
    {"POST", "/workspaces/{client}/members", "member.add",
     WSP_NEEDS_PARTNER_HERE, add_one},
    {"DELETE", "/workspaces/{client}/members/{user}", "member.remove",
     WSP_NEEDS_PARTNER_HERE, remove_one},

    {"POST", "/webhooks/{partner}", "webhook.receive", WSP_NEEDS_NOBODY,
     partner_webhooks::receive},
};

}  // namespace

constinit const dialect partner_dialect = {
    "partner", routes, {}, render_partner_problem, WSP_NEEDS_PARTNER};

}  // namespace wsp
