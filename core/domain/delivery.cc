#include "domain/delivery.h"

#include <algorithm>
#include <iterator>

#include "domain/partner.h"
#include "store/keys.h"
#include "store/outbox.h"
#include "store/trip.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr int64_t kept_ms = 7 * 24 * 3600 * int64_t{1000};
constexpr std::string_view kept_lifetime = "604800000";
constexpr std::string_view most_ended = "1000";
// Of the tries of a delivery; it may be begun anew again and again.
constexpr std::string_view last_kept_try = "49";
constexpr size_t answer_max = WSP_ANSWER_MAX;
constexpr size_t old_answer_max = 1024;

// Of a list: read in one go, and looked at for one page.
constexpr size_t chunk = 100;
constexpr size_t looked_at_max = 2000;

constexpr problem unknown_delivery{fault::not_found, "no such delivery"};

constexpr std::string_view state_names[] = {"pending", "delivered", "failed"};

delivery parse_delivery(std::string_view event_id, const reply& fields) {
  auto number = [&](size_t at) {
    return parse_integer(fields[at].str()).value_or(0);
  };
  delivery made;
  made.event_id = event_id;
  made.event = fields[0].str();
  made.reference_id = fields[1].str();
  made.client_id = fields[2].str();
  made.state = parse_delivery_state(fields[3].str())
                   .value_or(delivery_state::pending);
  made.created = number(4);
  made.ended = number(5);
  made.tries = number(6);
  made.status = number(7);
  made.error = fields[8].str();
  made.job = fields[9].str();
  made.body = fields[10].str();
  return made;
}

enum class with_body { no, yes };

void ask_delivery(operation& op, trip& asking, std::string_view event_id,
                  with_body body) {
  std::string_view words[] = {
      "HMGET",   keys_of(op).delivery(event_id),
      "event",   "reference",
      "client",  "state",
      "created", "ended",
      "tries",   "status",
      "error",   "job",
      "body"};
  asking.add(std::span<const std::string_view>(
      words, std::size(words) - (body == with_body::yes ? 0 : 1)));
}

// What somebody answered, as text: whatever is no UTF-8 is a "?".
std::string_view readable(arena& memory, std::string_view text) {
  if (utf8_length(text) && text.find('\0') == text.npos) {
    return text;
  }
  buffer out(memory, text.size());
  while (!text.empty()) {
    size_t size = std::min<size_t>(text.size(), 4);
    while (size > 1 && utf8_length(text.substr(0, size)) != size_t{1}) {
      size--;
    }
    bool good = utf8_length(text.substr(0, size)) && text.front() != '\0';
    out.put(good ? text.substr(0, size) : "?");
    text.remove_prefix(size);
  }
  return out.view();
}

// The record of a try, with so much of the answer.
std::string_view render_try(arena& memory, const delivery_try& what,
                            size_t answer_size) {
  json_writer out(memory, 256 + std::min(what.answer.size(), answer_size));
  out.open_object().key("at").string(rfc3339(memory, what.at));
  out.key("duration_ms").number(what.ms).key("status");
  what.status == 0 ? out.null() : out.number(what.status);
  out.key("error").string_or_null(what.error);
  out.key("answer");
  what.status == 0
      ? out.null()
      : out.string(readable(memory, what.answer.substr(0, answer_size)));
  out.close_object();
  return out.view();
}

job job_of(operation& op, const delivery& what) {
  job made;
  made.id = what.job;
  made.tenant = op.who.tenant;
  made.lane = lane_name(arena_of(op), op.who.tenant, what.client_id);
  made.payload = what.event_id;
  return made;
}

void expect_unchanged(operation& op, commit& change, const delivery& seen) {
  std::string_view key = keys_of(op).delivery(seen.event_id);
  change.expect(name_of(seen.state), {"HGET", key, "state"});
  change.expect(seen.job, {"HGET", key, "job"});
}

}  // namespace

std::string_view name_of(delivery_state state) noexcept {
  return state_names[static_cast<size_t>(state)];
}

std::optional<delivery_state> parse_delivery_state(
    std::string_view name) noexcept {
  const auto* found =
      std::find(std::begin(state_names), std::end(state_names), name);
  return found == std::end(state_names)
             ? std::nullopt
             : std::optional(static_cast<delivery_state>(
                   found - std::begin(state_names)));
}

void queue_delivery(operation& op, commit& change, const delivery& what) {
  delivery queued = what;
  queued.job = new_job_id(op);
  change.write({"HSET", keys_of(op).delivery(queued.event_id), "event",
                queued.event, "reference", queued.reference_id, "client",
                queued.client_id, "state", name_of(delivery_state::pending),
                "created", decimal(arena_of(op), queued.created), "tries", "0",
                "job", queued.job, "body", queued.body});
  change.write({"ZADD", keys_of(op).deliveries(), "0", queued.event_id});
  enqueue(op, change, job_kind::webhook, job_of(op, queued));
}

flow<result<delivery>> read_delivery(operation& op,
                                     std::string_view event_id) {
  trip asking(op);
  ask_delivery(op, asking, event_id, with_body::yes);
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  co_return parse_delivery(event_id, asking[0]);
}

void note_try(operation& op, commit& change, std::string_view event_id,
              const delivery_try& what, delivery_state from_now_on) {
  arena& memory = arena_of(op);
  key_names& keys = keys_of(op);
  std::string_view record = keys.delivery(event_id);
  std::string_view tries = keys.delivery_tries(event_id);
  change.expect("1", {"EXISTS", record});
  change.write({"HINCRBY", record, "tries", "1"});
  change.write({"HSET", record, "state", name_of(from_now_on), "status",
                decimal(memory, what.status), "error", what.error, "last",
                render_try(memory, what, answer_max)});
  change.write({"LPUSH", tries, render_try(memory, what, old_answer_max)});
  change.write({"LTRIM", tries, "0", last_kept_try});
  if (from_now_on == delivery_state::pending) {
    return;
  }
  int64_t now = now_of(op);
  change.write({"HSET", record, "ended", decimal(memory, now)});
  change.write({"ZADD", keys.ended_deliveries(), decimal(memory, now),
                event_id});
  change.write({"PEXPIRE", record, kept_lifetime});
  change.write({"PEXPIRE", tries, kept_lifetime});
  change.write({"PRUNE", keys.ended_deliveries(), keys.deliveries(),
                keys.deliveries_prefix(), key_names::delivery_tries_suffix(),
                decimal(memory, now - kept_ms), most_ended});
}

flow<problem> read_delivery_details(operation& op, std::string_view event_id,
                                    delivery_details& into) {
  trip asking(op);
  ask_delivery(op, asking, event_id, with_body::yes);
  asking.add({"HGET", keys_of(op).delivery(event_id), "last"});
  asking.add({"LRANGE", keys_of(op).delivery_tries(event_id), "0", "-1"});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  into.record = parse_delivery(event_id, asking[0]);
  if (!into.record.exists()) {
    co_return unknown_delivery;
  }
  for (const reply& each : asking[2].items()) {
    into.tries.push_back(each.str());
  }
  if (!into.tries.empty() && !asking[1].is_nil()) {
    into.tries.front() = asking[1].str();
  }
  co_return problem{};
}

flow<problem> list_deliveries(operation& op, std::string_view after,
                              size_t limit, std::optional<delivery_state> only,
                              delivery_page& into) {
  arena& memory = arena_of(op);
  into.items.clear();
  into.next = {};
  std::string_view last = after;
  for (size_t looked_at = 0;;) {
    std::string_view from = last.empty() ? "+" : memory.join("(", last);
    trip finding(op);
    finding.add({"ZREVRANGEBYLEX", keys_of(op).deliveries(), from, "-",
                 "LIMIT", "0", decimal(memory, chunk)});
    co_await finding.go();
    if (!finding.ok()) {
      co_return finding.failure();
    }
    std::span<const reply> ids = finding[0].items();
    trip asking(op);
    for (const reply& id : ids) {
      ask_delivery(op, asking, id.str(), with_body::no);
    }
    co_await asking.go();
    if (!asking.ok()) {
      co_return asking.failure();
    }
    for (size_t i = 0; i < ids.size(); i++) {
      if (into.items.size() == limit || looked_at == looked_at_max) {
        into.next = last;
        co_return problem{};
      }
      last = ids[i].str();
      looked_at++;
      delivery found = parse_delivery(last, asking[i]);
      if (found.exists() && (!only || *only == found.state)) {
        into.items.push_back(found);
      }
    }
    if (ids.size() < chunk) {
      co_return problem{};
    }
  }
}

namespace {

flow<problem> hurry_delivery(operation& op, commit& change,
                             const delivery& pending) {
  auto hurrying = hurry(op, change, job_kind::webhook, job_of(op, pending));
  auto done = co_await hurrying;
  if (!done.ok()) {
    co_return done.error;
  }
  switch (done.value) {
    case hurried::in_hand:
      co_return problem{fault::conflict, "it is being delivered just now"};
    case hurried::not_there: {
      // Somebody removed its job.
      delivery again = pending;
      again.job = new_job_id(op);
      expect_unchanged(op, change, pending);
      change.write({"HSET", keys_of(op).delivery(pending.event_id), "job",
                    again.job});
      enqueue(op, change, job_kind::webhook, job_of(op, again));
      break;
    }
    case hurried::yes:
      break;
  }
  co_return problem{};
}

}  // namespace

flow<problem> redeliver(operation& op, commit& change,
                        std::string_view event_id) {
  key_names& keys = keys_of(op);
  auto reading = read_delivery(op, event_id);
  auto found = co_await reading;
  if (!found.ok()) {
    co_return found.error;
  }
  const delivery& old = found.value;
  if (!old.exists()) {
    co_return unknown_delivery;
  }
  auto asking = read_partner(op);
  auto record = co_await asking;
  if (!record.ok()) {
    co_return record.error;
  }
  if (record.value.url.empty()) {
    co_return problem{fault::conflict, "the partner has no webhook URL"};
  }
  if (!record.value.stopped.empty()) {
    co_return problem{fault::conflict,
                      "deliveries to the partner are stopped: set its "
                      "webhook URL anew"};
  }
  if (old.state == delivery_state::pending) {
    auto hurrying = hurry_delivery(op, change, old);
    problem failed = co_await hurrying;
    co_return failed;
  }
  auto looking = read_dead_job(op, job_kind::webhook, old.job);
  auto dead = co_await looking;
  if (!dead.ok()) {
    co_return dead.error;
  }
  delivery again = old;
  expect_unchanged(op, change, old);
  if (dead.value.exists) {
    revive(op, change, dead.value);
  } else {
    again.job = new_job_id(op);
    enqueue(op, change, job_kind::webhook, job_of(op, again));
  }
  std::string_view key = keys.delivery(event_id);
  change.write({"HSET", key, "state", name_of(delivery_state::pending), "job",
                again.job});
  change.write({"HDEL", key, "ended"});
  change.write({"PERSIST", key});
  change.write({"PERSIST", keys.delivery_tries(event_id)});
  change.write({"ZREM", keys.ended_deliveries(), event_id});
  co_return problem{};
}

}  // namespace wsp
