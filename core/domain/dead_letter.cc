#include "domain/dead_letter.h"

#include <algorithm>

#include "domain/delivery.h"
#include "store/keys.h"
#include "store/link.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr problem unknown_letter{fault::not_found, "no such dead letter"};

constexpr job_kind all_kinds[] = {job_kind::mail, job_kind::webhook,
                                  job_kind::work};
static_assert(std::size(all_kinds) == job_kinds);

bool is_job_id(std::string_view text) noexcept {
  return text.size() == job_id_size &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

struct place {
  unsigned partition = 0;
  job_kind kind = job_kind::mail;
  std::string_view id;
  int64_t died = 0;
};

// "<time of death>-<id>"
std::string_view cursor_of(arena& memory, const place& at) {
  return memory.join(decimal(memory, at.died), "-", at.id);
}

std::optional<place> parse_cursor(std::string_view text) noexcept {
  size_t dash = text.find('-');
  auto died = parse_integer(text.substr(0, dash));
  if (dash == text.npos || !died || !is_job_id(text.substr(dash + 1))) {
    return std::nullopt;
  }
  place at;
  at.died = *died;
  at.id = text.substr(dash + 1);
  return at;
}

bool is_newer(const place& a, const place& b) noexcept {
  return a.died != b.died ? a.died > b.died : a.id > b.id;
}

void take(const reply& found, unsigned partition, job_kind kind,
          list<place>& into) {
  for (size_t i = 0; i + 1 < found.items().size(); i += 2) {
    into.push_back({partition, kind, found[i].str(),
                    parse_integer(found[i + 1].str()).value_or(0)});
  }
}

// The places of a page, the newest first.
flow<problem> find_page(operation& op, std::optional<job_kind> only,
                        std::optional<place> after, size_t limit,
                        list<place>& into) {
  arena& memory = op.memory;
  auto learning = learn_partitions(op);
  problem failed = co_await learning;
  if (!failed.ok()) {
    co_return failed;
  }
  unsigned partitions = link_of(op).partitions();
  std::string_view most = decimal(memory, static_cast<int64_t>(limit));
  std::string_view same = after ? decimal(memory, after->died) : "+inf";
  std::string_view below = after ? memory.join("(", same) : same;
  trip asking(op);
  for (unsigned p = 0; p < partitions; p++) {
    key_names names = key_names::of_partition(memory, p);
    for (job_kind kind : all_kinds) {
      if (only && *only != kind) {
        continue;
      }
      std::string_view key = names.dead(name_of(kind));
      asking.add({"ZREVRANGEBYSCORE", key, below, "-inf", "WITHSCORES",
                  "LIMIT", "0", most});
      // Those that were given up in the same millisecond.
      if (after) {
        asking.add({"ZREVRANGEBYSCORE", key, same, same, "WITHSCORES"});
      }
    }
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  size_t at = 0;
  for (unsigned p = 0; p < partitions; p++) {
    for (job_kind kind : all_kinds) {
      if (only && *only != kind) {
        continue;
      }
      take(asking[at++], p, kind, into);
      if (after) {
        take(asking[at++], p, kind, into);
      }
    }
  }
  if (after) {
    std::erase_if(into, [&](const place& each) {
      return !is_newer(*after, each);
    });
  }
  std::sort(into.begin(), into.end(), is_newer);
  if (into.size() > limit) {
    into.resize(limit);
  }
  co_return problem{};
}

// Leaves the operation with the keys of its partition.
flow<result<dead_job>> find_letter(operation& op, std::string_view id) {
  arena& memory = op.memory;
  auto learning = learn_partitions(op);
  problem failed = co_await learning;
  if (!failed.ok()) {
    co_return failed;
  }
  if (!is_job_id(id)) {
    co_return unknown_letter;
  }
  unsigned partitions = link_of(op).partitions();
  trip asking(op);
  for (unsigned p = 0; p < partitions; p++) {
    key_names names = key_names::of_partition(memory, p);
    for (job_kind kind : all_kinds) {
      asking.add({"ZSCORE", names.dead(name_of(kind)), id});
    }
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  size_t found = 0;
  while (found < asking.size() && asking[found].is_nil()) {
    found++;
  }
  if (found == asking.size()) {
    co_return unknown_letter;
  }
  op.keys = memory.make<key_names>(key_names::of_partition(
      memory, static_cast<unsigned>(found / job_kinds)));
  auto reading = read_dead_job(op, all_kinds[found % job_kinds], id);
  auto dead = co_await reading;
  if (dead.ok() && !dead.value.exists) {
    co_return unknown_letter;
  }
  co_return dead;
}

}  // namespace

std::optional<job_kind> parse_job_kind(std::string_view name) noexcept {
  for (job_kind kind : all_kinds) {
    if (name_of(kind) == name) {
      return kind;
    }
  }
  return std::nullopt;
}

flow<problem> list_dead_letters(operation& op, std::optional<job_kind> only,
                                std::string_view after, size_t limit,
                                dead_letter_page& into) {
  arena& memory = arena_of(op);
  std::optional<place> behind;
  if (!after.empty()) {
    behind = parse_cursor(after);
    if (!behind) {
      co_return problem{fault::invalid, "after is not that of a page",
                        "after"};
    }
  }
  list<place> found{arena_allocator<place>(memory)};
  auto finding = find_page(op, only, behind, limit, found);
  problem failed = co_await finding;
  if (!failed.ok()) {
    co_return failed;
  }
  trip asking(op);
  for (const place& each : found) {
    key_names names = key_names::of_partition(memory, each.partition);
    asking.add({"HMGET", names.job(each.id), "tenant", "created", "tries",
                "reason"});
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  for (size_t i = 0; i < found.size(); i++) {
    const reply& fields = asking[i];
    if (fields[0].is_nil()) {
      continue;  // its time has passed
    }
    dead_job each;
    each.exists = true;
    each.kind = found[i].kind;
    each.died = found[i].died;
    each.reason = fields[3].str();
    each.what.id = found[i].id;
    each.what.tenant = fields[0].str();
    each.what.created = parse_integer(fields[1].str()).value_or(0);
    each.what.tries = parse_integer(fields[2].str()).value_or(0);
    into.items.push_back(each);
  }
  if (found.size() == limit) {
    into.next = cursor_of(memory, found.back());
  }
  co_return problem{};
}

flow<result<dead_job>> retry_dead_letter(operation& op, commit& change,
                                         std::string_view id) {
  auto finding = find_letter(op, id);
  auto dead = co_await finding;
  if (!dead.ok()) {
    co_return dead;
  }
  if (dead.value.kind != job_kind::work) {
    op.who.tenant = dead.value.what.tenant;
    op.keys = op.memory.make<key_names>(op.memory, op.who.tenant,
                                        link_of(op).partitions());
  }
  if (dead.value.kind == job_kind::webhook) {
    auto delivering = redeliver(op, change, dead.value.what.payload);
    problem refusal = co_await delivering;
    if (!refusal.ok()) {
      co_return refusal;
    }
  } else {
    revive(op, change, dead.value);
  }
  co_return dead;
}

flow<result<dead_job>> drop_dead_letter(operation& op, commit& change,
                                        std::string_view id) {
  auto finding = find_letter(op, id);
  auto dead = co_await finding;
  if (dead.ok()) {
    discard(op, change, dead.value);
  }
  co_return dead;
}

}  // namespace wsp
