#include "api/operator_outbox.h"

#include "api/operator_parts.h"
#include "domain/dead_letter.h"
#include "domain/delivery.h"
#include "text/json.h"

namespace wsp::operator_outbox {

namespace {

// Leaves the object open.
void put_delivery(operation& op, json_writer& out, const delivery& what) {
  out.open_object().key("event_id").string(what.event_id);
  out.key("event").string(what.event);
  out.key("client_id").string(what.client_id);
  out.key("reference_id").string(what.reference_id);
  out.key("state").string(name_of(what.state));
  out.key("tries").number(what.tries);
  out.key("last_status");
  what.status == 0 ? out.null() : out.number(what.status);
  out.key("last_error").string_or_null(what.error);
  put_time(op, out, "created_at", what.created);
  put_time(op, out, "ended_at", what.ended);
}

}  // namespace

flow<result<answer>> list_deliveries(operation& op, call& request) {
  auto asked = read_page(op, "state");
  if (!asked.ok()) {
    co_return asked.error;
  }
  std::optional<delivery_state> only;
  if (!asked.value.only.empty()) {
    only = parse_delivery_state(asked.value.only);
    if (!only) {
      co_return problem{fault::invalid,
                        "state must be pending, delivered or failed",
                        "state"};
    }
  }
  auto entering = enter_partner(op, request);
  auto found = co_await entering;
  if (!found.ok()) {
    co_return found.error;
  }
  delivery_page page{list<delivery>(arena_allocator<delivery>(op.memory)), {}};
  auto listing = wsp::list_deliveries(op, asked.value.after,
                                      asked.value.limit, only, page);
  problem failed = co_await listing;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory, 4096);
  out.open_object().key("deliveries").open_array();
  for (const delivery& each : page.items) {
    put_delivery(op, out, each);
    out.close_object();
  }
  out.close_array().key("next").string_or_null(page.next).close_object();
  co_return answer_of(out);
}

flow<result<answer>> get_delivery(operation& op, call& request) {
  auto entering = enter_partner(op, request);
  auto found = co_await entering;
  if (!found.ok()) {
    co_return found.error;
  }
  delivery_details details{
      {},
      list<std::string_view>(arena_allocator<std::string_view>(op.memory))};
  auto reading =
      read_delivery_details(op, request.argument("{event}"), details);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory, 4096);
  put_delivery(op, out, details.record);
  out.key("body").raw(details.record.body);
  out.key("log").open_array();
  for (std::string_view each : details.tries) {
    out.raw(each);
  }
  out.close_array().close_object();
  co_return answer_of(out);
}

flow<result<answer>> redeliver_one(operation& op, call& request) {
  auto entering = enter_partner(op, request);
  auto found = co_await entering;
  if (!found.ok()) {
    co_return found.error;
  }
  std::string_view event = request.argument("{event}");
  auto delivering = redeliver(op, request.change, event);
  problem refusal = co_await delivering;
  if (!refusal.ok()) {
    co_return refusal;
  }
  json_writer out(op.memory, 128);
  out.open_object().key("event_id").string(event);
  out.key("state").string(name_of(delivery_state::pending)).close_object();
  co_return answer_of(out, 202);
}

namespace {

void put_letter(operation& op, json_writer& out, const dead_job& what) {
  out.open_object().key("job").string(what.what.id);
  out.key("kind").string(name_of(what.kind));
  out.key("tenant").string_or_null(what.what.tenant);
  out.key("tries").number(what.what.tries);
  out.key("reason").string_or_null(what.reason);
  put_time(op, out, "created_at", what.what.created);
  put_time(op, out, "died_at", what.died);
  out.close_object();
}

answer show_letter(operation& op, const dead_job& what, unsigned status) {
  json_writer out(op.memory, 256);
  put_letter(op, out, what);
  return answer_of(out, status);
}

}  // namespace

flow<result<answer>> list_dead_letters(operation& op, call&) {
  auto asked = read_page(op, "kind");
  if (!asked.ok()) {
    co_return asked.error;
  }
  std::optional<job_kind> only;
  if (!asked.value.only.empty()) {
    only = parse_job_kind(asked.value.only);
    if (!only) {
      co_return problem{fault::invalid, "kind must be mail, webhook or work",
                        "kind"};
    }
  }
  dead_letter_page page{list<dead_job>(arena_allocator<dead_job>(op.memory)),
                        {}};
  auto listing = wsp::list_dead_letters(op, only, asked.value.after,
                                        asked.value.limit, page);
  problem failed = co_await listing;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory, 4096);
  out.open_object().key("dead_letters").open_array();
  for (const dead_job& each : page.items) {
    put_letter(op, out, each);
  }
  out.close_array().key("next").string_or_null(page.next).close_object();
  co_return answer_of(out);
}

flow<result<answer>> drop_dead_letter(operation& op, call& request) {
  auto dropping = wsp::drop_dead_letter(op, request.change,
                                        request.argument("{job}"));
  auto dropped = co_await dropping;
  if (!dropped.ok()) {
    co_return dropped.error;
  }
  co_return show_letter(op, dropped.value, 200);
}

flow<result<answer>> retry_dead_letter(operation& op, call& request) {
  auto retrying = wsp::retry_dead_letter(op, request.change,
                                         request.argument("{job}"));
  auto retried = co_await retrying;
  if (!retried.ok()) {
    co_return retried.error;
  }
  co_return show_letter(op, retried.value, 202);
}

}  // namespace wsp::operator_outbox
