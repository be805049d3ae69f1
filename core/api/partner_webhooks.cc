#include "api/partner_webhooks.h"

#include "api/input.h"
#include "api/partner_parts.h"
#include "domain/incoming_event.h"
#include "domain/member.h"
#include "domain/partner.h"
#include "engine/pipeline.h"
#include "engine/uuid.h"
#include "identity/webhook_signature.h"
#include "text/json.h"

namespace wsp::partner_webhooks {

using namespace partner_parts;

namespace {

constexpr std::string_view signature_header = "X-Webhook-Signature";

// To whatever is not a partner's: nobody learns which partners there are.
constexpr problem bad_signature{fault::unauthenticated, "Invalid signature"};

constexpr problem unknown_client{
    fault::not_found,
    "there is no workspace with this client_id: workspace.created comes "
    "first"};

bool is_signed(operation& op, const secret_pair& secrets) {
  const wsp_header* header = find_header(op, signature_header);
  bool is_one = count_headers(op, signature_header) == 1;
  const std::string_view known[] = {secrets.now, secrets.old};
  size_t count = secrets.now.empty() ? 0 : secrets.old.empty() ? 1 : 2;
  return webhook_signature_matches(
      is_one ? view(header->value) : std::string_view(), {known, count},
      view(op.request->body), now_of(op));
}

// From here on the operation is one of that partner.
flow<problem> check_sender(operation& op, std::string_view partner_id) {
  op.who = identity();
  op.who.tenant = partner_id;
  auto knowing = know_keys(op);
  problem failed = co_await knowing;
  if (!failed.ok()) {
    co_return failed;
  }
  auto reading = read_partner(op);
  auto found = co_await reading;
  if (!found.ok()) {
    co_return found.error;
  }
  auto secrets = open_secrets(op, found.value, direction::incoming);
  if (!secrets.ok()) {
    co_return secrets.error;
  }
  if (!is_signed(op, secrets.value)) {
    co_return bad_signature;
  }
  if (!found.value.enabled) {
    co_return problem{fault::forbidden, "this partner is disabled"};
  }
  op.who.tenant_admin = true;
  co_return problem{};
}

using action = flow<problem> (*)(operation& op, commit& change,
                                 const access& here, const json_t* event,
                                 std::string_view reference);

flow<problem> create_workspace(operation& op, commit& change, const access&,
                               const json_t* event,
                               std::string_view reference) {
  std::string_view admin;
  if (json_object_get(event, "user_id") != nullptr) {
    auto user = read_id(op, event, "user_id");
    if (!user.ok()) {
      co_return user.error;
    }
    admin = user.value;
  }
  auto making = provision(op, change, event, admin, reference);
  auto made = co_await making;
  co_return made.error;
}

flow<problem> update_workspace(operation& op, commit& change,
                               const access& here, const json_t* event,
                               std::string_view) {
  return rename(op, change, here, event);
}

flow<problem> delete_workspace(operation& op, commit& change,
                               const access& here, const json_t*,
                               std::string_view) {
  return wsp::delete_workspace(op, change, here.record);
}

flow<problem> delete_member(operation& op, commit& change,
                            const access& here, const json_t* event,
                            std::string_view) {
  auto user = read_id(op, event, "user_id");
  if (!user.ok()) {
    co_return user.error;
  }
  auto removing = remove_member(op, change, here, user.value);
  problem failed = co_await removing;
  co_return failed;
}

constexpr struct kind {
  std::string_view name;
  action act;
  bool makes_workspace = false;  // else there is one with the client_id
} kinds[] = {
    {"workspace.created", create_workspace, true},
    {"workspace.updated", update_workspace},
    {"workspace.deleted", delete_workspace},
    {"member.created", add},
    {"member.deleted", delete_member},
};

result<const kind*> read_kind(const json_t* event) {
  const json_t* name = json_object_get(event, "event");
  for (const kind& each : kinds) {
    if (json_is_string(name) && json_text(name) == each.name) {
      return &each;
    }
  }
  return problem{name == nullptr ? fault::missing : fault::invalid,
                 "event must be one of workspace.created, workspace.updated, "
                 "workspace.deleted, member.created and member.deleted",
                 "event"};
}

flow<problem> act_on(operation& op, commit& change, const kind& of,
                     const json_t* event, std::string_view reference) {
  access here;
  if (!of.makes_workspace) {
    auto client = read_id(op, event, "client_id");
    if (!client.ok()) {
      co_return client.error;
    }
    auto finding = external_workspace(op, client.value, freshness::direct);
    auto found = co_await finding;
    if (!found.ok()) {
      co_return found.error;
    }
    auto reading = read_access(op, found.value, here, freshness::direct);
    problem failed = co_await reading;
    if (!failed.ok()) {
      co_return failed;
    }
    if (!here.record.exists()) {
      co_return unknown_client;
    }
    rest_on(op, here, change);
  }
  auto acting = of.act(op, change, here, event, reference);
  problem failed = co_await acting;
  co_return failed;
}

}  // namespace

flow<result<answer>> receive(operation& op, call& request) {
  auto checking = check_sender(op, request.argument("{partner}"));
  problem failed = co_await checking;
  if (!failed.ok()) {
    co_return failed;
  }
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  const json_t* root = body.value.root();
  auto what = read_kind(root);
  if (!what.ok()) {
    co_return what.error;
  }
  auto id = read_id(op, root, "event_id");
  if (!id.ok()) {
    co_return id.error;
  }
  auto finding = find_incoming(op, id.value, view(op.request->body));
  auto first = co_await finding;
  if (!first.ok()) {
    co_return first.error;
  }
  if (!first.value.reference.empty()) {
    co_return accepted(op, first.value.reference);
  }
  std::string_view reference = new_uuid(op);
  auto acting = act_on(op, request.change, *what.value, root, reference);
  failed = co_await acting;
  if (!failed.ok()) {
    // What stands in the way may be what the same event, sent twice at once,
    // has just done.
    auto looking = find_incoming(op, id.value, view(op.request->body));
    auto again = co_await looking;
    if (!again.ok() || again.value.reference.empty()) {
      co_return failed;
    }
    request.change.clear();
    co_return accepted(op, again.value.reference);
  }
  remember_incoming(op, request.change, first.value, reference);
  co_return accepted(op, reference);
}

}  // namespace wsp::partner_webhooks
