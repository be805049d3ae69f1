#include "store/outbox.h"

#include <algorithm>

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

std::string_view queue_of(operation& op, job_kind kind) {
  return keys_of(op).queue(name_of(kind));
}

bool is_shared(std::string_view lane) noexcept {
  return !tenant_in(lane).empty();
}

std::string_view lane_of(const job& what) noexcept {
  return what.lane.empty() ? what.id : what.lane;
}

// The lease, or the time that was seen, is still the one, and the job is still
// the first.
void expect_first(operation& op, commit& change, job_kind kind,
                  const queued& seen, std::string_view id) {
  change.expect(decimal(op.memory, seen.due),
                {"ZSCORE", queue_of(op, kind), seen.lane});
  std::string_view list = keys_of(op).lane(seen.lane);
  if (id != seen.lane) {
    change.expect(id, {"LINDEX", list, "0"});
  } else if (is_shared(seen.lane)) {
    change.expect_nil({"LINDEX", list, "0"});
  }
}

void expect_held(operation& op, commit& change, const held_job& held) {
  expect_first(op, change, held.kind, held.held, held.what.id);
}

void set_due(operation& op, commit& change, const held_job& held,
             int64_t due) {
  change.write({"ZADD", queue_of(op, held.kind), decimal(op.memory, due),
                held.held.lane});
}

// The first job of a lane leaves it.
void advance(operation& op, commit& change, job_kind kind,
             std::string_view lane) {
  if (!is_shared(lane)) {
    change.write({"ZREM", queue_of(op, kind), lane});
    return;
  }
  change.write({"COUNT", keys_of(op).job_counts(), name_of(kind), "-1"});
  change.write({"ADVANCE", keys_of(op).lane(lane), queue_of(op, kind), lane,
                decimal(op.memory, now_of(op))});
}

void append(operation& op, commit& change, job_kind kind, const job& what) {
  std::string_view lane = lane_of(what);
  if (is_shared(lane)) {
    change.write({"COUNT", keys_of(op).job_counts(), name_of(kind), "1"});
    change.write({"RPUSH", keys_of(op).lane(lane), what.id});
  }
  // Where others are before it, they say when.
  change.write({"ZADD", queue_of(op, kind), "NX",
                decimal(op.memory, now_of(op)), lane});
  change.queues_job();
}

}  // namespace

std::string_view name_of(job_kind kind) noexcept {
  switch (kind) {
    case job_kind::mail:
      return "mail";
    case job_kind::webhook:
      return "webhook";
    case job_kind::work:
      return "work";
    case job_kind::count:
      break;
  }
  return "none";
}

std::string_view new_job_id(operation& op) {
  char random[job_id_size / 2];
  random_of(op).fill(random, sizeof random);
  return hex(arena_of(op), {random, sizeof random});
}

std::string_view lane_name(arena& memory, std::string_view tenant,
                           std::string_view of) {
  return memory.join(percent_encode(memory, tenant), "/",
                     percent_encode(memory, of));
}

std::string_view tenant_in(std::string_view lane) noexcept {
  size_t slash = lane.find('/');
  return slash == lane.npos ? std::string_view() : lane.substr(0, slash);
}

void enqueue(operation& op, commit& change, job_kind kind, const job& what) {
  change.write({"HSET", keys_of(op).job(what.id), "kind", name_of(kind),
                "tenant", what.tenant, "lane", lane_of(what), "created",
                decimal(arena_of(op), now_of(op)), "tries", "0", "payload",
                what.payload});
  append(op, change, kind, what);
}

flow<result<taken>> take(operation& op, job_kind kind, const queued& seen,
                         int64_t lease) {
  taken out;
  std::string_view id = seen.lane;
  if (is_shared(seen.lane)) {
    trip finding(op);
    finding.add({"LINDEX", keys_of(op).lane(seen.lane), "0"});
    co_await finding.go();
    if (!finding.ok()) {
      co_return finding.failure();
    }
    if (!finding[0].is_nil()) {
      id = finding[0].str();
    }
  }
  std::string_view key = keys_of(op).job(id);
  trip asking(op);
  asking.add({"HMGET", key, "tenant", "payload", "created", "tries"});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  const reply& record = asking[0];
  bool is_there = !record[0].is_nil();
  commit change(op);
  expect_first(op, change, kind, seen, id);
  if (is_there) {
    std::string_view until = decimal(op.memory, lease);
    change.write({"HINCRBY", key, "tries", "1"});
    change.write({"HSET", key, "lease", until});
    change.write({"ZADD", queue_of(op, kind), until, seen.lane});
  } else if (id == seen.lane) {
    // Somebody removed the job, or all of a lane's, and not its place in the
    // queue ...
    change.write({"ZREM", queue_of(op, kind), seen.lane});
  } else {
    // ... or in the lane.
    advance(op, change, kind, seen.lane);
  }
  auto taking = run(op, change);
  auto took = co_await taking;
  if (!took.ok()) {
    co_return took.error;
  }
  out.done = is_there && took.value.done;
  out.what = {id,
              record[0].str(),
              seen.lane,
              record[1].str(),
              parse_integer(record[2].str()).value_or(0),
              parse_integer(record[3].str()).value_or(0) + 1};
  co_return out;
}

void remove(operation& op, commit& change, const held_job& held) {
  expect_held(op, change, held);
  advance(op, change, held.kind, held.held.lane);
  change.write({"UNLINK", keys_of(op).job(held.what.id)});
}

void postpone(operation& op, commit& change, const held_job& held, int64_t due,
              std::string_view reason) {
  expect_held(op, change, held);
  change.write({"HSET", keys_of(op).job(held.what.id), "reason", reason});
  set_due(op, change, held, due);
}

void give_back(operation& op, commit& change, const held_job& held,
               int64_t due) {
  expect_held(op, change, held);
  change.write({"HINCRBY", keys_of(op).job(held.what.id), "tries", "-1"});
  set_due(op, change, held, due);
}

void go_on_with(operation& op, commit& change, const held_job& held) {
  expect_held(op, change, held);
  change.write({"HSET", keys_of(op).job(held.what.id), "tries", "0"});
  set_due(op, change, held, now_of(op));
  change.queues_job();
}

void bury(operation& op, commit& change, const held_job& held,
          std::string_view reason) {
  std::string_view dead = keys_of(op).dead(name_of(held.kind));
  std::string_view key = keys_of(op).job(held.what.id);
  int64_t now = now_of(op);
  expect_held(op, change, held);
  advance(op, change, held.kind, held.held.lane);
  change.write({"ZADD", dead, decimal(op.memory, now), held.what.id});
  change.write({"HSET", key, "reason", reason});
  change.write({"PEXPIRE", key, dead_lifetime});
  change.write(
      {"ZREMRANGEBYSCORE", dead, "-inf", decimal(op.memory, now - dead_ms)});
  change.write({"ZREMRANGEBYRANK", dead, "0", beyond_most_dead});
}

flow<result<hurried>> hurry(operation& op, commit& change, job_kind kind,
                            job what) {
  std::string_view lane = lane_of(what);
  trip finding(op);
  finding.add({"ZSCORE", queue_of(op, kind), lane});
  finding.add({"LINDEX", keys_of(op).lane(lane), "0"});
  finding.add({"EXISTS", keys_of(op).job(what.id)});
  co_await finding.go();
  if (!finding.ok()) {
    co_return finding.failure();
  }
  auto due = parse_integer(finding[0].str());
  if (!due || finding[2].number == 0) {
    co_return hurried::not_there;
  }
  std::string_view first = is_shared(lane) ? finding[1].str() : lane;
  trip asking(op);
  asking.add({"HGET", keys_of(op).job(first), "lease"});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  int64_t now = now_of(op);
  if (*due > now && parse_integer(asking[0].str()) == due) {
    co_return hurried::in_hand;
  }
  expect_first(op, change, kind, {lane, *due}, first);
  change.write({"ZADD", queue_of(op, kind),
                decimal(op.memory, std::min(*due, now)), lane});
  change.queues_job();
  co_return hurried::yes;
}

flow<result<dead_job>> read_dead_job(operation& op, job_kind kind,
                                     std::string_view id) {
  trip asking(op);
  asking.add({"ZSCORE", keys_of(op).dead(name_of(kind)), id});
  asking.add({"HMGET", keys_of(op).job(id), "tenant", "lane", "payload",
              "created", "tries", "reason"});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  const reply& record = asking[1];
  dead_job found;
  found.kind = kind;
  found.exists = !asking[0].is_nil() && !record[0].is_nil();
  found.died = parse_integer(asking[0].str()).value_or(0);
  found.what = {id,
                record[0].str(),
                record[1].str(),
                record[2].str(),
                parse_integer(record[3].str()).value_or(0),
                parse_integer(record[4].str()).value_or(0)};
  found.reason = record[5].str();
  co_return found;
}

namespace {

void leave_the_dead(operation& op, commit& change, const dead_job& dead) {
  std::string_view all = keys_of(op).dead(name_of(dead.kind));
  change.expect(decimal(op.memory, dead.died),
                {"ZSCORE", all, dead.what.id});
  change.write({"ZREM", all, dead.what.id});
}

}  // namespace

void revive(operation& op, commit& change, const dead_job& dead) {
  std::string_view key = keys_of(op).job(dead.what.id);
  leave_the_dead(op, change, dead);
  change.expect(dead.what.tenant, {"HGET", key, "tenant"});
  change.write({"HSET", key, "tries", "0"});
  change.write({"PERSIST", key});
  append(op, change, dead.kind, dead.what);
}

void discard(operation& op, commit& change, const dead_job& dead) {
  leave_the_dead(op, change, dead);
  change.write({"UNLINK", keys_of(op).job(dead.what.id)});
}

}  // namespace wsp
