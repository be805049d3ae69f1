// The operator surface: partners and what is sent to them.  Who gets here is
// said by the configuration of the driver; no identity is asked for.  Errors
// are problem details (RFC 9457).
#include "api/dialect.h"
#include "api/input.h"
#include "api/problem.h"
#include "domain/partner.h"
#include "engine/pipeline.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr size_t page_size = 50;
constexpr size_t page_size_max = 200;

constexpr problem unknown_partner{fault::not_found, "partner not found"};

// -- input

// From here on the operation is one of that tenant.
flow<problem> enter_tenant(operation& op, std::string_view tenant) {
  op.who.tenant = tenant;
  auto knowing = know_keys(op);
  problem failed = co_await knowing;
  co_return failed;
}

result<std::string_view> read_url(operation& op, const json_t* body) {
  const json_t* value = json_object_get(body, "webhook_url");
  if (value == nullptr || json_is_null(value)) {
    return std::string_view();
  }
  if (!json_is_string(value) || !is_webhook_url(json_text(value))) {
    return problem{fault::invalid,
                   "webhook_url must be an https:// URL without a user",
                   "webhook_url"};
  }
  return op.memory.copy(json_text(value));
}

struct page_asked {
  std::string_view after;
  size_t limit = page_size;
};

result<page_asked> read_page(operation& op) {
  page_asked asked;
  query_reader query(op.memory, view(op.request->query));
  while (query.next()) {
    if (query.name() == "after") {
      asked.after = query.value();
    } else if (query.name() == "limit") {
      auto number = parse_id(query.value());
      if (!number || *number > static_cast<int64_t>(page_size_max)) {
        return problem{fault::invalid, "limit must be 1 to 200", "limit"};
      }
      asked.limit = static_cast<size_t>(*number);
    }
  }
  if (!query.ok()) {
    return problem{fault::bad_request, "the query is malformed"};
  }
  return asked;
}

// -- rendering

void put_text(json_writer& out, std::string_view name, std::string_view text) {
  out.key(name);
  text.empty() ? out.null() : out.string(text);
}

// Leaves the object open.
void put_partner(operation& op, json_writer& out, const partner& record) {
  out.open_object().key("id").string(op.who.tenant);
  out.key("name").string(record.name);
  out.key("enabled").boolean(record.enabled);
  put_text(out, "webhook_url", record.url);
  put_text(out, "webhook_stopped", record.stopped);
  out.key("created_at").string(rfc3339(op.memory, record.created));
  out.key("updated_at").string(rfc3339(op.memory, record.updated));
}

// -- partners

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
  new_partner given{*name.value, url.value};
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
  answer given_back;
  given_back.status = 201;
  given_back.body = out.view();
  given_back.secret = true;
  co_return given_back;
}

flow<result<answer>> list_all(operation& op, call&) {
  auto asked = read_page(op);
  if (!asked.ok()) {
    co_return asked.error;
  }
  list<std::string_view> ids{arena_allocator<std::string_view>(op.memory)};
  auto listing =
      list_partners(op, asked.value.after, asked.value.limit, ids);
  problem failed = co_await listing;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory, 1024);
  out.open_object().key("partners").open_array();
  for (std::string_view id : ids) {
    out.open_object().key("id").string(id).close_object();
  }
  out.close_array().key("next");
  ids.size() < asked.value.limit ? out.null() : out.string(ids.back());
  out.close_object();
  answer given;
  given.body = out.view();
  co_return given;
}

flow<result<answer>> get_one(operation& op, call& request) {
  auto entering = enter_tenant(op, request.argument("{partner}"));
  problem failed = co_await entering;
  if (!failed.ok()) {
    co_return failed;
  }
  auto reading = read_partner(op);
  auto found = co_await reading;
  if (!found.ok()) {
    co_return found.error;
  }
  if (!found.value.exists()) {
    co_return unknown_partner;
  }
  json_writer out(op.memory, 512);
  put_partner(op, out, found.value);
  out.close_object();
  answer given;
  given.body = out.view();
  co_return given;
}

constexpr route routes[] = {
    {"GET", "/partners", "partner.list", WSP_NEEDS_OPERATOR, list_all},
    {"POST", "/partners", "partner.register", WSP_NEEDS_OPERATOR,
     register_one},
    {"GET", "/partners/{partner}", "partner.get", WSP_NEEDS_OPERATOR,
     get_one},
};

}  // namespace

constinit const dialect operator_dialect = {
    "operator", routes, {}, render_problem, WSP_NEEDS_OPERATOR};

}  // namespace wsp
