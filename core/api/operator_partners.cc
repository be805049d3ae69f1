#include "api/operator_partners.h"

#include "api/input.h"
#include "api/operator_parts.h"
#include "domain/partner.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp::operator_partners {

namespace {

// How long a secret that is replaced stays valid, if not said otherwise.
constexpr int64_t grace_s = 24 * 3600;
constexpr int64_t grace_max_s = 30 * 24 * 3600;

// null: an empty text.
result<std::optional<std::string_view>> read_url(operation& op,
                                                 const json_t* body) {
  std::optional<std::string_view> url;
  const json_t* value = json_object_get(body, "webhook_url");
  if (value == nullptr) {
    return url;
  }
  if (json_is_null(value)) {
    url.emplace();
    return url;
  }
  if (!json_is_string(value) || !is_webhook_url(op.memory, json_text(value))) {
    return problem{fault::invalid,
                   "webhook_url must be an https:// URL of a host and perhaps "
                   "a port, without a user and without a fragment",
                   "webhook_url"};
  }
  url = op.memory.copy(json_text(value));
  return url;
}

result<partner_patch> read_patch(operation& op, const json_t* body) {
  auto name = read_name(op, body);
  if (!name.ok()) {
    return name.error;
  }
  auto url = read_url(op, body);
  if (!url.ok()) {
    return url.error;
  }
  partner_patch given;
  given.name = name.value;
  given.url = url.value;
  const json_t* enabled = json_object_get(body, "enabled");
  if (enabled != nullptr) {
    if (!json_is_boolean(enabled)) {
      return problem{fault::invalid, "enabled must be true or false",
                     "enabled"};
    }
    given.enabled = json_is_true(enabled);
  }
  return given;
}

// In milliseconds, of a body that may be empty.
result<int64_t> read_grace(operation& op) {
  if (op.request->body.len == 0) {
    return grace_s * 1000;
  }
  auto body = read_object(op);
  if (!body.ok()) {
    return body.error;
  }
  const json_t* value = json_object_get(body.value.root(), "grace");
  if (value == nullptr) {
    return grace_s * 1000;
  }
  int64_t seconds = json_integer_value(value);
  if (!json_is_integer(value) || seconds < 0 || seconds > grace_max_s) {
    return problem{fault::invalid,
                   "grace must be 0 to 2592000 whole seconds", "grace"};
  }
  return seconds * 1000;
}

// Until when the secret before is valid; 0: it is not.
int64_t end_of_grace(operation& op, const sealed_secret& of) noexcept {
  return !of.old.empty() && now_of(op) < of.old_until ? of.old_until : 0;
}

// Leaves the object open.
void put_partner(operation& op, json_writer& out, const partner& record) {
  out.open_object().key("id").string(op.who.tenant);
  out.key("name").string(record.name);
  out.key("enabled").boolean(record.enabled);
  out.key("webhook_url").string_or_null(record.url);
  out.key("webhook_stopped").string_or_null(record.stopped);
  put_time(op, out, "incoming_grace_until", end_of_grace(op, record.incoming));
  put_time(op, out, "outgoing_grace_until", end_of_grace(op, record.outgoing));
  out.key("created_at").string(rfc3339(op.memory, record.created));
  out.key("updated_at").string(rfc3339(op.memory, record.updated));
}

}  // namespace

flow<result<answer>> register_one(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  const json_t* root = body.value.root();
  auto id = read_user_id(op, root, "id");
  if (!id.ok()) {
    co_return id.error;
  }
  auto name = read_name(op, root);
  if (!name.ok()) {
    co_return name.error;
  }
  if (!name.value) {
    co_return problem{fault::invalid, "name is required", "name"};
  }
  auto url = read_url(op, root);
  if (!url.ok()) {
    co_return url.error;
  }
  auto entering = enter_tenant(op, id.value);
  problem failed = co_await entering;
  if (!failed.ok()) {
    co_return failed;
  }
  new_partner given{*name.value, url.value.value_or("")};
  auto registering = register_partner(op, request.change, given);
  auto made = co_await registering;
  if (!made.ok()) {
    co_return made.error;
  }
  json_writer out(op.memory, 512);
  put_partner(op, out, made.value.record);
  out.key("api_key").string(made.value.api_key);
  out.key("incoming_secret").string(made.value.incoming_secret);
  out.key("outgoing_secret").string(made.value.outgoing_secret);
  out.close_object();
  answer given_back = answer_of(out, 201);
  given_back.revision = made.value.record.revision;
  given_back.of_workspace = false;
  given_back.secret = true;
  co_return given_back;
}

flow<result<answer>> list_all(operation& op, call&) {
  auto asked = read_page(op);
  if (!asked.ok()) {
    co_return asked.error;
  }
  list<partner_outline> found{arena_allocator<partner_outline>(op.memory)};
  auto listing =
      list_partners(op, asked.value.after, asked.value.limit, found);
  problem failed = co_await listing;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory, 1024);
  out.open_object().key("partners").open_array();
  for (const partner_outline& each : found) {
    out.open_object().key("id").string(each.id);
    out.key("name").string(each.name);
    out.key("enabled").boolean(each.enabled).close_object();
  }
  out.close_array().key("next");
  found.size() < asked.value.limit ? out.null()
                                   : out.string(found.back().id);
  out.close_object();
  co_return answer_of(out);
}

namespace {

answer show_partner(operation& op, const partner& record) {
  json_writer out(op.memory, 512);
  put_partner(op, out, record);
  out.close_object();
  answer given = answer_of(out);
  given.revision = record.revision;
  given.of_workspace = false;
  return given;
}

// With what is shown this once.
answer show_secret(operation& op, const partner& record,
                   std::string_view name, std::string_view secret) {
  json_writer out(op.memory, 512);
  put_partner(op, out, record);
  out.key(name).string(secret).close_object();
  answer given = answer_of(out);
  given.revision = record.revision;
  given.of_workspace = false;
  given.secret = true;
  return given;
}

}  // namespace

flow<result<answer>> get_one(operation& op, call& request) {
  auto entering = enter_partner(op, request);
  auto found = co_await entering;
  if (!found.ok()) {
    co_return found.error;
  }
  answer given = show_partner(op, found.value);
  // The end of a time of grace is no change.
  given.more_than_revision = true;
  co_return given;
}

flow<result<answer>> update_one(operation& op, call& request) {
  auto body = read_object(op);
  if (!body.ok()) {
    co_return body.error;
  }
  auto patch = read_patch(op, body.value.root());
  if (!patch.ok()) {
    co_return patch.error;
  }
  auto entering = enter_partner(op, request);
  auto found = co_await entering;
  if (!found.ok()) {
    co_return found.error;
  }
  update_partner(op, request.change, found.value, patch.value);
  co_return show_partner(op, found.value);
}

flow<result<answer>> rotate_key(operation& op, call& request) {
  auto entering = enter_partner(op, request);
  auto found = co_await entering;
  if (!found.ok()) {
    co_return found.error;
  }
  std::string_view made = rotate_api_key(op, request.change, found.value);
  co_return show_secret(op, found.value, "api_key", made);
}

namespace {

flow<result<answer>> rotate(operation& op, call& request, direction way) {
  auto grace = read_grace(op);
  if (!grace.ok()) {
    co_return grace.error;
  }
  auto entering = enter_partner(op, request);
  auto found = co_await entering;
  if (!found.ok()) {
    co_return found.error;
  }
  auto made =
      rotate_secret(op, request.change, found.value, way, grace.value);
  if (!made.ok()) {
    co_return made.error;
  }
  co_return show_secret(op, found.value,
                        op.memory.join(name_of(way), "_secret"), made.value);
}

}  // namespace

flow<result<answer>> rotate_incoming(operation& op, call& request) {
  return rotate(op, request, direction::incoming);
}

flow<result<answer>> rotate_outgoing(operation& op, call& request) {
  return rotate(op, request, direction::outgoing);
}

}  // namespace wsp::operator_partners
