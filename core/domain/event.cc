#include "domain/event.h"

#include "domain/delivery.h"
#include "domain/partner.h"
#include "engine/uuid.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

namespace {

std::string_view envelope(arena& memory, const outgoing_event& what,
                          std::string_view event_id, int64_t now) {
  json_writer out(memory);
  out.open_object();
  out.key("event").string(what.name);
  out.key("event_id").string(event_id);
  out.key("reference_id").string(what.reference_id);
  out.key("client_id").string(what.client_id);
  out.key("timestamp").string(rfc3339(memory, now));
  out.key("status").string(what.error.empty() ? "success" : "error");
  out.key("error").string_or_null(what.error);
  out.key("data").raw(what.data);
  out.close_object();
  return out.view();
}

}  // namespace

flow<problem> emit_event(operation& op, commit& change,
                         const outgoing_event& what) {
  auto reading = read_partner(op);
  auto record = co_await reading;
  if (!record.ok()) {
    co_return record.error;
  }
  if (record.value.url.empty() || !record.value.stopped.empty()) {
    co_return problem{};
  }
  delivery made;
  made.event_id = new_uuid(op);
  made.event = what.name;
  made.reference_id = what.reference_id;
  made.client_id = what.client_id;
  made.created = now_of(op);
  made.body = envelope(arena_of(op), what, made.event_id, made.created);
  queue_delivery(op, change, made);
  co_return problem{};
}

}  // namespace wsp
