#include "api/operator_parts.h"

#include "api/input.h"
#include "engine/pipeline.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr size_t page_size_max = 200;

constexpr problem unknown_partner{fault::not_found, "partner not found"};

}  // namespace

flow<problem> enter_tenant(operation& op, std::string_view tenant) {
  op.who.tenant = tenant;
  auto knowing = know_keys(op);
  problem failed = co_await knowing;
  co_return failed;
}

flow<result<partner>> enter_partner(operation& op, call& request) {
  std::string_view id = request.argument("{partner}");
  if (!is_id(id)) {
    co_return unknown_partner;
  }
  auto entering = enter_tenant(op, id);
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
  if (!matches(op, found.value.revision)) {
    co_return problem{
        fault::precondition,
        "the partner is not at the revision of If-Match any more"};
  }
  co_return found;
}

result<page_asked> read_page(operation& op, std::string_view own) {
  page_asked asked;
  query_reader query(op.memory, view(op.request->query));
  while (query.next()) {
    if (query.name() == "after") {
      asked.after = query.value();
    } else if (!own.empty() && query.name() == own) {
      asked.only = query.value();
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

void put_time(operation& op, json_writer& out, std::string_view name,
              int64_t at) {
  out.key(name);
  at == 0 ? out.null() : out.string(rfc3339(op.memory, at));
}

answer answer_of(const json_writer& out, unsigned status) {
  answer given;
  given.status = status;
  given.body = out.view();
  return given;
}

}  // namespace wsp
