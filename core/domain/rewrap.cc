#include "domain/rewrap.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "domain/partner.h"
#include "seal/envelope.h"
#include "store/keys.h"
#include "store/link.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr problem no_keys{fault::unavailable,
                          "rewrap needs workspaces_seal_keys"};

// Where its job is queued.
constexpr unsigned home = 0;

// A slice ends when it has seen so much of one of these.
constexpr int64_t tenants_a_slice = 100;
constexpr int64_t workspaces_a_slice = 100;
constexpr size_t bytes_a_slice = size_t{4} << 20;

// How often a blob is read anew because somebody was faster.
constexpr int tries = 16;

constexpr std::string_view state_names[] = {"none", "running", "done",
                                            "given_up"};

// "<partition> <tenant> <workspace> <slot>", as it is stored.
std::string_view store_position(arena& memory, const rewrap_position& at) {
  return memory.join(decimal(memory, at.partition), " ",
                     percent_encode(memory, at.tenant), " ",
                     decimal(memory, at.workspace), " ", at.slot);
}

rewrap_position parse_position(arena& memory, std::string_view text) {
  std::string_view words[4];
  for (std::string_view& word : words) {
    size_t blank = text.find(' ');
    word = text.substr(0, blank);
    text = blank == text.npos ? std::string_view() : text.substr(blank + 1);
  }
  rewrap_position at;
  at.partition = parse_integer(words[0]).value_or(0);
  at.tenant =
      percent_decode(memory, words[1], plus::is_itself).value_or("");
  at.workspace = parse_integer(words[2]).value_or(0);
  at.slot = words[3];
  return at;
}

void ask_rewrap(trip& asking) {
  asking.add({"HMGET", key_names::rewrap, "job", "key", "position", "started",
              "ended", "tenants", "workspaces", "blobs", "rewrapped",
              "failed"});
}

rewrap_record parse_rewrap(arena& memory, const reply& fields) {
  auto number = [&](size_t at) {
    return parse_integer(fields[at].str()).value_or(0);
  };
  rewrap_record found;
  found.job = fields[0].str();
  found.key = fields[1].str();
  found.at = parse_position(memory, fields[2].str());
  found.started = number(3);
  found.ended = number(4);
  found.seen = {number(5), number(6), number(7), number(8), number(9)};
  return found;
}

// A slice under way.
struct slice {
  const wsp_keyring& ring;
  rewrap_position at;
  rewrap_counts seen;  // in this slice
  size_t bytes = 0;

  bool is_full() const noexcept {
    return seen.tenants >= tenants_a_slice ||
           seen.workspaces >= workspaces_a_slice || bytes >= bytes_a_slice;
  }
};

void enter(operation& op, std::string_view tenant) {
  op.who.tenant = tenant;
  op.keys = op.memory.make<key_names>(op.memory, tenant,
                                      link_of(op).partitions());
}

void log_unopened(operation& op, unsealed how, const seal_place& where) {
  arena& memory = op.memory;
  log_line(op, WSP_LOG_ERROR,
           how == unsealed::unknown_key
               ? "rewrap: sealed under a key that is not in the key file, "
               : "rewrap: does not open, ",
           memory.join("workspace ", decimal(memory, where.workspace),
                       ", slot ", where.slot, ", tenant \"",
                       percent_encode(memory, where.tenant), "\""));
}

// One blob, which is a field of the hash under `key`.
flow<problem> rewrap_blob(operation& op, slice& now, std::string_view key,
                          std::string_view field, seal_place where) {
  arena& memory = op.memory;
  for (int i = 0; i < tries; i++) {
    trip asking(op);
    asking.add({"HGET", key, field});
    co_await asking.go();
    if (!asking.ok()) {
      co_return asking.failure();
    }
    std::string_view blob = asking[0].str();
    if (blob.empty()) {
      co_return problem{};
    }
    now.bytes += blob.size();
    opened_blob opened = open_sealed(memory, now.ring, where, blob);
    if (opened.how != unsealed::opened) {
      now.seen.blobs++;
      now.seen.failed++;
      log_unopened(op, opened.how, where);
      co_return problem{};
    }
    if (opened.key_id == now.ring.first().id) {
      now.seen.blobs++;
      co_return problem{};
    }
    commit change(op);
    change.expect(blob, {"HGET", key, field});
    change.write({"HSET", key, field,
                  seal(memory, now.ring, random_of(op), where,
                       opened.plain)});
    auto committing = run(op, change);
    auto outcome = co_await committing;
    if (!outcome.ok()) {
      // The tenant is being deleted: there is nothing to be done any more.
      co_return outcome.error.kind == fault::conflict ? problem{}
                                                      : outcome.error;
    }
    if (outcome.value.done) {
      now.seen.blobs++;
      now.seen.rewrapped++;
      co_return problem{};
    }
  }
  co_return problem{fault::unavailable, "a blob changes all the time"};
}

flow<problem> rewrap_partner(operation& op, slice& now) {
  auto dropping = drop_ended_secrets(op);
  problem failed = co_await dropping;
  for (const partner_secret& each : partner_secrets) {
    if (failed.ok()) {
      seal_place where{op.who.tenant, 0, each.slot};
      auto rewrapping =
          rewrap_blob(op, now, keys_of(op).partner(), each.field, where);
      failed = co_await rewrapping;
    }
  }
  co_return failed;
}

// What is behind the position, as long as the slice has room.
flow<problem> rewrap_workspace(operation& op, slice& now, int64_t id,
                               const reply& found) {
  list<std::string_view> slots{arena_allocator<std::string_view>(op.memory)};
  for (const reply& each : found.items()) {
    slots.push_back(each.str());
  }
  std::sort(slots.begin(), slots.end());
  bool begun = id == now.at.workspace;
  for (std::string_view slot : slots) {
    if (begun && slot <= now.at.slot) {
      continue;
    }
    if (now.is_full()) {
      co_return problem{};
    }
    seal_place where{op.who.tenant, id, slot};
    auto rewrapping =
        rewrap_blob(op, now, keys_of(op).sealed(id), slot, where);
    problem failed = co_await rewrapping;
    if (!failed.ok()) {
      co_return failed;
    }
    now.at.workspace = id;
    now.at.slot = slot;
  }
  now.at.workspace = id;
  now.at.slot = {};
  now.seen.workspaces++;
  co_return problem{};
}

// False: the tenant has no more of them.
flow<result<bool>> rewrap_workspaces(operation& op, slice& now) {
  arena& memory = op.memory;
  std::string_view last = decimal(memory, now.at.workspace);
  trip finding(op);
  finding.add({"ZRANGEBYSCORE", keys_of(op).workspaces(),
               now.at.slot.empty() ? memory.join("(", last) : last, "+inf",
               "LIMIT", "0",
               decimal(memory, workspaces_a_slice - now.seen.workspaces)});
  co_await finding.go();
  if (!finding.ok()) {
    co_return finding.failure();
  }
  std::span<const reply> ids = finding[0].items();
  trip asking(op);
  for (const reply& each : ids) {
    asking.add(
        {"HKEYS", keys_of(op).sealed(parse_id(each.str()).value_or(0))});
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  for (size_t i = 0; i < ids.size() && !now.is_full(); i++) {
    int64_t id = parse_id(ids[i].str()).value_or(0);
    auto rewrapping = rewrap_workspace(op, now, id, asking[i]);
    problem failed = co_await rewrapping;
    if (!failed.ok()) {
      co_return failed;
    }
  }
  co_return !ids.empty();
}

// Goes to the next tenant; false: that was the last one.
flow<result<bool>> go_to_next(operation& op, slice& now) {
  arena& memory = op.memory;
  while (now.at.partition < static_cast<int64_t>(link_of(op).partitions())) {
    key_names names = key_names::of_partition(
        memory, static_cast<unsigned>(now.at.partition));
    trip asking(op);
    asking.add({"ZRANGEBYLEX", names.tenants(),
                now.at.tenant.empty() ? std::string_view("-")
                                      : memory.join("(", now.at.tenant),
                "+", "LIMIT", "0", "1"});
    co_await asking.go();
    if (!asking.ok()) {
      co_return asking.failure();
    }
    if (asking[0].count != 0) {
      now.at = {now.at.partition, asking[0][0].str(), 0, {}};
      co_return true;
    }
    now.at = {now.at.partition + 1, {}, 0, {}};
  }
  co_return false;
}

// Goes on from the position until the slice is full, or, and then it says
// true, there is nothing behind it.
flow<result<bool>> go_on(operation& op, slice& now) {
  bool more = false;
  if (!now.at.tenant.empty()) {
    enter(op, now.at.tenant);
    more = true;
  }
  while (!now.is_full()) {
    if (more) {
      auto rewrapping = rewrap_workspaces(op, now);
      auto found = co_await rewrapping;
      if (!found.ok()) {
        co_return found.error;
      }
      more = found.value;
      continue;
    }
    auto going = go_to_next(op, now);
    auto next = co_await going;
    if (!next.ok()) {
      co_return next.error;
    }
    if (!next.value) {
      co_return true;
    }
    enter(op, now.at.tenant);
    auto rewrapping = rewrap_partner(op, now);
    problem failed = co_await rewrapping;
    if (!failed.ok()) {
      co_return failed;
    }
    now.seen.tenants++;
    more = true;
  }
  co_return false;
}

// Nobody else has done the same, nor begun another one.
flow<problem> save(operation& op, const rewrap_record& from, const slice& now,
                   bool over) {
  arena& memory = op.memory;
  op.keys =
      memory.make<key_names>(key_names::of_partition(memory, home));
  constexpr std::string_view key = key_names::rewrap;
  commit change(op);
  change.expect(from.job, {"HGET", key, "job"});
  change.expect(store_position(memory, from.at), {"HGET", key, "position"});
  change.write({"HSET", key, "position", store_position(memory, now.at)});
  const struct {
    std::string_view name;
    int64_t more;
  } counts[] = {{"tenants", now.seen.tenants},
                {"workspaces", now.seen.workspaces},
                {"blobs", now.seen.blobs},
                {"rewrapped", now.seen.rewrapped},
                {"failed", now.seen.failed}};
  for (const auto& each : counts) {
    change.write({"HINCRBY", key, each.name, decimal(memory, each.more)});
  }
  if (over) {
    change.write({"HSET", key, "ended", decimal(memory, now_of(op))});
  }
  auto committing = run(op, change);
  auto outcome = co_await committing;
  if (outcome.ok() && outcome.value.done && over) {
    log_line(op, WSP_LOG_NOTICE, "rewrap: all is sealed under the key ",
             from.key,
             from.seen.failed + now.seen.failed == 0
                 ? ""
                 : ", but for what did not open");
  }
  co_return outcome.error;
}

}  // namespace

std::string_view name_of(rewrap_state state) noexcept {
  return state_names[static_cast<size_t>(state)];
}

flow<result<rewrap_record>> read_rewrap(operation& op) {
  arena& memory = arena_of(op);
  auto learning = learn_partitions(op);
  problem failed = co_await learning;
  if (!failed.ok()) {
    co_return failed;
  }
  trip asking(op);
  ask_rewrap(asking);
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  rewrap_record found = parse_rewrap(memory, asking[0]);
  if (found.started == 0) {
    co_return found;
  }
  key_names names = key_names::of_partition(memory, home);
  trip looking(op);
  looking.add({"ZSCORE", names.queue(name_of(job_kind::work)), found.job});
  co_await looking.go();
  if (!looking.ok()) {
    co_return looking.failure();
  }
  found.state = found.ended != 0        ? rewrap_state::done
                : looking[0].is_nil() ? rewrap_state::given_up
                                      : rewrap_state::running;
  co_return found;
}

flow<result<rewrap_record>> begin_rewrap(operation& op, commit& change) {
  const wsp_keyring* ring = keyring_of(op);
  if (ring == nullptr) {
    co_return no_keys;
  }
  auto reading = read_rewrap(op);
  auto old = co_await reading;
  if (!old.ok()) {
    co_return old.error;
  }
  rewrap_record begun;
  begun.key = ring->first().id;
  if (old.value.state == rewrap_state::running &&
      old.value.key == begun.key) {
    co_return problem{fault::conflict, "a rewrap under this key is running"};
  }
  arena& memory = arena_of(op);
  op.keys =
      memory.make<key_names>(key_names::of_partition(memory, home));
  constexpr std::string_view key = key_names::rewrap;
  job queued;
  queued.id = new_job_id(op);
  queued.payload = work::rewrap;
  begun.state = rewrap_state::running;
  begun.job = queued.id;
  begun.started = now_of(op);
  if (old.value.state == rewrap_state::none) {
    change.expect_nil({"HGET", key, "job"});
  } else {
    change.expect(old.value.job, {"HGET", key, "job"});
  }
  change.write({"UNLINK", key});
  change.write({"HSET", key, "job", begun.job, "key", begun.key, "position",
                store_position(memory, begun.at), "started",
                decimal(memory, begun.started)});
  enqueue(op, change, job_kind::work, queued);
  co_return begun;
}

flow<result<work_state>> rewrap_slice(operation& op, const job& what) {
  trip asking(op);
  ask_rewrap(asking);
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  rewrap_record from = parse_rewrap(op.memory, asking[0]);
  if (from.job != what.id || from.ended != 0) {
    co_return work_state::over;
  }
  const wsp_keyring* ring = keyring_of(op);
  if (ring == nullptr || from.key != ring->first().id) {
    co_return work_state::not_mine;
  }
  key_names* own = op.keys;
  slice now{*ring, from.at, {}, 0};
  auto going = go_on(op, now);
  auto over = co_await going;
  problem failed = over.error;
  if (over.ok()) {
    auto saving = save(op, from, now, over.value);
    failed = co_await saving;
  }
  op.keys = own;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return over.value ? work_state::over : work_state::goes_on;
}

}  // namespace wsp
