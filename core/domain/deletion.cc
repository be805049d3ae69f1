#include "domain/deletion.h"

#include <algorithm>

#include "store/keys.h"
#include "store/link.h"
#include "text/text.h"

namespace wsp {

namespace {

// What one SCAN looks at, and how many of them are one slice.
constexpr std::string_view keys_a_scan = "500";
constexpr int scans_a_slice = 40;
// Of a lane, in one go.
constexpr int64_t jobs_a_time = 500;

// First of all what would still be sent.  It goes from one to the next when a
// pass through all of Redis has found nothing more.
enum class phase : int64_t { lanes, jobs, keys, invitations, api_keys, last };

constexpr std::string_view phase_names[] = {
    "webhooks", "jobs", "keys", "invitations", "api_keys", "last"};

// A deletion under way.
struct progress {
  key_names names;  // of the tenant
  deletion_record record;

  phase at() const noexcept { return static_cast<phase>(record.phase); }
};

struct scanned {
  std::string_view pattern;
  std::string_view type;
};

// No name in a key has a character that a pattern would take for another.
scanned scanned_in(arena& memory, progress& deletion) {
  key_names& names = deletion.names;
  switch (deletion.at()) {
    case phase::lanes:
      return {names.lane(memory.join(names.tenant_part(), "/*")), "list"};
    case phase::jobs:
      return {names.job("*"), "hash"};
    case phase::keys:
      return {memory.join(names.prefix(), "*"), {}};
    case phase::invitations:
      return {"wsp:i:*", "string"};
    case phase::api_keys:
      return {key_names::api_key(memory, "*"), "hash"};
    case phase::last:
      break;
  }
  return {};
}

// What follows is done if it is still this deletion.
void expect_same(commit& change, progress& deletion) {
  change.expect(deletion.record.job,
                {"HGET", deletion.names.deletion(), "job"});
}

// Removes jobs from the head of a lane; whoever holds the first finds, at the
// end of his lease, that it is not his any more.
flow<problem> empty_lane(operation& op, progress& deletion,
                         std::string_view list) {
  arena& memory = op.memory;
  key_names& names = deletion.names;
  trip asking(op);
  asking.add({"LLEN", list});
  asking.add({"LRANGE", list, "0", decimal(memory, jobs_a_time - 1)});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  std::span<const reply> ids = asking[1].items();
  if (ids.empty()) {
    co_return problem{};
  }
  auto count = static_cast<int64_t>(ids.size());
  commit change(op);
  expect_same(change, deletion);
  change.expect(decimal(memory, asking[0].number), {"LLEN", list});
  change.expect(ids.front().str(), {"LINDEX", list, "0"});
  change.write({"HINCRBY", names.deletion(), "removed",
                decimal(memory, count)});
  for (const reply& id : ids) {
    change.write({"UNLINK", names.job(id.str())});
  }
  std::string_view kind = name_of(job_kind::webhook);
  change.write({"COUNT", names.job_counts(), kind, decimal(memory, -count)});
  if (count == asking[0].number) {
    change.write({"UNLINK", list});
    change.write({"ZREM", names.queue(kind),
                  list.substr(names.lane("").size())});
  } else {
    change.write({"LTRIM", list, decimal(memory, count), "-1"});
  }
  auto committing = run(op, change);
  auto outcome = co_await committing;
  co_return outcome.error;
}

flow<problem> empty_lanes(operation& op, progress& deletion,
                          std::span<const reply> lists) {
  for (const reply& list : lists) {
    deletion.record.found++;
    auto emptying = empty_lane(op, deletion, list.str());
    problem failed = co_await emptying;
    if (!failed.ok()) {
      co_return failed;
    }
  }
  co_return problem{};
}

flow<problem> remove_jobs(operation& op, progress& deletion,
                          std::span<const reply> jobs) {
  key_names& names = deletion.names;
  trip asking(op);
  for (const reply& each : jobs) {
    asking.add({"HMGET", each.str(), "tenant", "kind"});
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  commit change(op);
  expect_same(change, deletion);
  int64_t count = 0;
  for (size_t i = 0; i < jobs.size(); i++) {
    std::string_view id = jobs[i].str().substr(names.job("").size());
    if (asking[i][0].str() != op.who.tenant || id == deletion.record.job) {
      continue;
    }
    count++;
    std::string_view kind = asking[i][1].str();
    change.write({"UNLINK", jobs[i].str()});
    change.write({"ZREM", names.queue(kind), id});
    change.write({"ZREM", names.dead(kind), id});
  }
  if (count == 0) {
    co_return problem{};
  }
  deletion.record.found += count;
  change.write({"HINCRBY", names.deletion(), "removed",
                decimal(op.memory, count)});
  auto committing = run(op, change);
  auto outcome = co_await committing;
  co_return outcome.error;
}

// Keys that have the tenant in their names, or, where they have not, in what
// `read` of them says.
flow<problem> remove_keys(operation& op, progress& deletion,
                          std::span<const reply> found) {
  phase at = deletion.at();
  trip asking(op);
  for (const reply& each : found) {
    if (at == phase::invitations) {
      asking.add({"GET", each.str()});
    } else if (at == phase::api_keys) {
      asking.add({"HGET", each.str(), "tenant"});
    }
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  commit change(op);
  expect_same(change, deletion);
  int64_t count = 0;
  for (size_t i = 0; i < found.size(); i++) {
    if (at == phase::keys || asking[i].str() == op.who.tenant) {
      change.write({"UNLINK", found[i].str()});
      count++;
    }
  }
  if (count == 0) {
    co_return problem{};
  }
  deletion.record.found += count;
  change.write({"HINCRBY", deletion.names.deletion(), "removed",
                decimal(op.memory, count)});
  auto committing = run(op, change);
  auto outcome = co_await committing;
  co_return outcome.error;
}

flow<problem> remove_found(operation& op, progress& deletion,
                           std::span<const reply> found) {
  switch (deletion.at()) {
    case phase::lanes: {
      auto emptying = empty_lanes(op, deletion, found);
      problem failed = co_await emptying;
      co_return failed;
    }
    case phase::jobs: {
      auto removing = remove_jobs(op, deletion, found);
      problem failed = co_await removing;
      co_return failed;
    }
    default: {
      auto removing = remove_keys(op, deletion, found);
      problem failed = co_await removing;
      co_return failed;
    }
  }
}

// One SCAN, and what it found.
flow<problem> scan_on(operation& op, progress& deletion) {
  deletion_record& record = deletion.record;
  scanned what = scanned_in(op.memory, deletion);
  trip asking(op);
  if (what.type.empty()) {
    asking.add({"SCAN", record.cursor, "MATCH", what.pattern, "COUNT",
                keys_a_scan});
  } else {
    asking.add({"SCAN", record.cursor, "MATCH", what.pattern, "COUNT",
                keys_a_scan, "TYPE", what.type});
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  std::span<const reply> found = asking[0][1].items();
  if (!found.empty()) {
    auto removing = remove_found(op, deletion, found);
    problem failed = co_await removing;
    if (!failed.ok()) {
      co_return failed;
    }
  }
  record.cursor = asking[0][0].str();
  if (record.cursor == "0") {
    if (record.found == 0) {
      record.phase++;
    }
    record.found = 0;
  }
  co_return problem{};
}

flow<problem> save(operation& op, progress& deletion) {
  arena& memory = op.memory;
  const deletion_record& record = deletion.record;
  commit change(op);
  expect_same(change, deletion);
  change.write({"HSET", deletion.names.deletion(), "phase",
                decimal(memory, record.phase), "cursor", record.cursor,
                "found", decimal(memory, record.found)});
  auto committing = run(op, change);
  auto outcome = co_await committing;
  co_return outcome.error;
}

// Whatever is written from now on is of a new tenant of this name.
flow<problem> finish(operation& op, progress& deletion) {
  key_names& names = deletion.names;
  commit change(op);
  expect_same(change, deletion);
  change.write({"ZREM", names.partners(), op.who.tenant});
  change.write({"ZREM", names.tenants(), op.who.tenant});
  // Counting needs no commit.
  for (std::string_view counter :
       {names.counter(), names.role_counter(), names.invitation_counter()}) {
    change.write({"UNLINK", counter});
  }
  change.write({"UNLINK", names.deletion()});
  auto committing = run(op, change);
  auto outcome = co_await committing;
  if (outcome.ok() && outcome.value.done) {
    log_line(op, WSP_LOG_NOTICE, "tenant \"",
             percent_encode(op.memory, op.who.tenant), "\" is deleted");
  }
  co_return outcome.error;
}

}  // namespace

void ask_deletion(trip& asking, key_names& names) {
  asking.add({"HMGET", names.deletion(), "job", "started", "phase", "cursor",
              "found", "removed"});
}

deletion_record parse_deletion(const reply& fields) noexcept {
  auto number = [&](size_t at) {
    return parse_integer(fields[at].str()).value_or(0);
  };
  deletion_record found;
  found.job = fields[0].str();
  found.started = number(1);
  found.phase = std::clamp<int64_t>(number(2), 0,
                                    static_cast<int64_t>(phase::last));
  found.cursor = fields[3].str();
  found.found = number(4);
  found.removed = number(5);
  return found;
}

std::string_view phase_of(const deletion_record& record) noexcept {
  return phase_names[record.phase];
}

flow<problem> begin_deletion(operation& op, commit& change,
                             deletion_record& record) {
  arena& memory = arena_of(op);
  key_names& names = keys_of(op);
  std::string_view key = names.deletion();
  std::string_view queue = names.queue(name_of(job_kind::work));
  trip asking(op);
  asking.add({"ZSCORE", queue, record.job});
  asking.add({"HGET", names.partner(), "key"});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  bool goes_on = record.exists();
  if (goes_on && !asking[0].is_nil()) {
    co_return problem{};
  }
  job begun;
  begun.id = new_job_id(op);
  begun.tenant = op.who.tenant;
  begun.payload = work::deletion;
  if (goes_on) {
    change.expect(record.job, {"HGET", key, "job"});
    change.expect_nil({"ZSCORE", queue, record.job});
  } else {
    change.expect("0", {"EXISTS", key});
    record.started = now_of(op);
    record.cursor = "0";
    change.write({"HSET", key, "started", decimal(memory, record.started),
                  "phase", "0", "cursor", "0", "found", "0", "removed", "0"});
    change.write({"ZADD", names.tenants(), "0", op.who.tenant});
  }
  record.job = begun.id;
  change.write({"HSET", key, "job", begun.id});
  if (!asking[1].is_nil()) {
    change.write({"UNLINK", key_names::api_key(memory, asking[1].str())});
  }
  enqueue(op, change, job_kind::work, begun);
  op.keys = memory.make<key_names>(
      key_names::of_partition(memory, names.partition()));
  co_return problem{};
}

flow<result<work_state>> delete_slice(operation& op, const job& what) {
  op.who.tenant = what.tenant;
  progress deletion{
      key_names(op.memory, what.tenant, link_of(op).partitions()), {}};
  trip asking(op);
  ask_deletion(asking, deletion.names);
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  deletion.record = parse_deletion(asking[0]);
  if (deletion.record.job != what.id) {
    co_return work_state::over;
  }
  problem failed;
  for (int i = 0; i < scans_a_slice && deletion.at() != phase::last; i++) {
    auto scanning = scan_on(op, deletion);
    failed = co_await scanning;
    if (!failed.ok()) {
      co_return failed;
    }
  }
  if (deletion.at() == phase::last) {
    auto finishing = finish(op, deletion);
    failed = co_await finishing;
    co_return failed.ok() ? result<work_state>(work_state::over)
                          : result<work_state>(failed);
  }
  auto saving = save(op, deletion);
  failed = co_await saving;
  co_return failed.ok() ? result<work_state>(work_state::goes_on)
                        : result<work_state>(failed);
}

}  // namespace wsp
