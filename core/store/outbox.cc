#include "store/outbox.h"

#include "engine/random.h"
#include "store/keys.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

// What is dead is kept for somebody to look at, not for ever.
constexpr int64_t dead_ms = 7 * 24 * 3600 * int64_t{1000};
constexpr std::string_view dead_lifetime = "604800000";
// So many of a queue; the ranks of the others, from the oldest.
constexpr std::string_view beyond_most_dead = "-1001";

// The lease, or the time that was seen, is still the one.
void expect_due(operation& op, commit& change, job_kind kind,
                const queued& seen) {
  change.expect(decimal(op.memory, seen.due),
                {"ZSCORE", keys_of(op).queue(name_of(kind)), seen.id});
}

flow<result<bool>> settle(operation& op, commit& change) {
  auto committing = run(op, change);
  auto outcome = co_await committing;
  if (!outcome.ok()) {
    co_return outcome.error;
  }
  co_return outcome.value.done;
}

}  // namespace

std::string_view name_of(job_kind kind) noexcept {
  return kind == job_kind::mail ? "mail" : "none";
}

std::string_view new_job_id(operation& op) {
  char random[16];
  random_of(op).fill(random, sizeof random);
  return hex(arena_of(op), {random, sizeof random});
}

void enqueue(operation& op, commit& change, job_kind kind, const job& what) {
  std::string_view now = decimal(arena_of(op), now_of(op));
  change.write({"HSET", keys_of(op).job(what.id), "kind", name_of(kind),
                "tenant", what.tenant, "order", what.order, "created", now,
                "tries", "0", "payload", what.payload});
  change.write({"ZADD", keys_of(op).queue(name_of(kind)), now, what.id});
  change.queues_job();
}

flow<result<taken>> take(operation& op, job_kind kind, const queued& seen,
                         int64_t lease) {
  taken out;
  std::string_view key = keys_of(op).job(seen.id);
  trip asking(op);
  asking.add({"HMGET", key, "tenant", "order", "payload", "created", "tries"});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  const reply& record = asking[0];
  commit change(op);
  expect_due(op, change, kind, seen);
  if (record[0].is_nil()) {
    // Somebody removed the job and not its place in the queue.
    change.write({"ZREM", keys_of(op).queue(name_of(kind)), seen.id});
    auto dropping = settle(op, change);
    auto dropped = co_await dropping;
    co_return dropped.ok() ? result<taken>(out) : result<taken>(dropped.error);
  }
  change.write({"ZADD", keys_of(op).queue(name_of(kind)),
                decimal(op.memory, lease), seen.id});
  change.write({"HINCRBY", key, "tries", "1"});
  auto taking = settle(op, change);
  auto took = co_await taking;
  if (!took.ok()) {
    co_return took.error;
  }
  out.done = took.value;
  out.what = {seen.id,
              record[0].str(),
              record[1].str(),
              record[2].str(),
              parse_integer(record[3].str()).value_or(0),
              parse_integer(record[4].str()).value_or(0) + 1};
  co_return out;
}

flow<result<bool>> remove(operation& op, job_kind kind, const queued& held) {
  commit change(op);
  expect_due(op, change, kind, held);
  change.write({"ZREM", keys_of(op).queue(name_of(kind)), held.id});
  change.write({"UNLINK", keys_of(op).job(held.id)});
  auto settling = settle(op, change);
  auto settled = co_await settling;
  co_return settled;
}

flow<result<bool>> postpone(operation& op, job_kind kind, const queued& held,
                            int64_t due, std::string_view reason) {
  commit change(op);
  expect_due(op, change, kind, held);
  change.write({"ZADD", keys_of(op).queue(name_of(kind)),
                decimal(op.memory, due), held.id});
  change.write({"HSET", keys_of(op).job(held.id), "reason", reason});
  auto settling = settle(op, change);
  auto settled = co_await settling;
  co_return settled;
}

flow<result<bool>> give_back(operation& op, job_kind kind, const queued& held) {
  commit change(op);
  expect_due(op, change, kind, held);
  change.write({"ZADD", keys_of(op).queue(name_of(kind)),
                decimal(op.memory, now_of(op)), held.id});
  change.write({"HINCRBY", keys_of(op).job(held.id), "tries", "-1"});
  auto settling = settle(op, change);
  auto settled = co_await settling;
  co_return settled;
}

flow<result<bool>> bury(operation& op, job_kind kind, const queued& held,
                        std::string_view reason) {
  std::string_view dead = keys_of(op).dead(name_of(kind));
  std::string_view key = keys_of(op).job(held.id);
  int64_t now = now_of(op);
  commit change(op);
  expect_due(op, change, kind, held);
  change.write({"ZREM", keys_of(op).queue(name_of(kind)), held.id});
  change.write({"ZADD", dead, decimal(op.memory, now), held.id});
  change.write({"HSET", key, "reason", reason});
  change.write({"PEXPIRE", key, dead_lifetime});
  change.write(
      {"ZREMRANGEBYSCORE", dead, "-inf", decimal(op.memory, now - dead_ms)});
  change.write({"ZREMRANGEBYRANK", dead, "0", beyond_most_dead});
  auto settling = settle(op, change);
  auto settled = co_await settling;
  co_return settled;
}

}  // namespace wsp
