#include "engine/status.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "api/dialect.h"

namespace wsp {

namespace {

constexpr unsigned known_statuses[] = {200, 201, 202, 304, 400, 401,
                                       403, 404, 405, 408, 409, 410,
                                       412, 413, 422, 429, 500, 503};
static_assert(std::size(known_statuses) + 1 == status_slot::statuses);

// Upper bounds in milliseconds; one more bucket has none.
constexpr uint64_t latency_bounds[] = {1,   2,   5,   10,   25,
                                       50,  100, 250, 1000, 2500};
static_assert(std::size(latency_bounds) + 1 == status_slot::latency_buckets);

constexpr const char* reason_names[] = {
    "owner",        "member",        "tenant_admin",
    "no_identity",  "not_member",    "no_workspace",
    "no_permission", "bad_header",   "store_unavailable"};
static_assert(std::size(reason_names) ==
              static_cast<size_t>(reason::count));

constexpr const char* link_names[] = {"data", "tracking"};

// Where the operations of a dialect begin; its first place is "none".
size_t first_operation(int dialect) noexcept {
  size_t first = 0;
  for (int i = 0; i < dialect; i++) {
    first += dialect_at(i)->routes.size() + 1;
  }
  return first;
}

// The place of a route after those: several paths may be one operation, and
// the first stands for all.
size_t place_of(const dialect& in, int route) noexcept {
  if (route < 0) {
    return 0;
  }
  std::string_view name = in.routes[static_cast<size_t>(route)].operation;
  size_t place = 0;
  while (in.routes[place].operation != name) {
    place++;
  }
  return place + 1;
}

class text {
 public:
  void head(const char* name, const char* type, const char* help) {
    out_.append("# HELP ").append(name).append(" ").append(help);
    out_.append("\n# TYPE ").append(name).append(" ").append(type);
    out_.append("\n");
  }
  void line(std::string_view name, std::string_view labels,
            std::string_view value) {
    out_.append(name);
    if (!labels.empty()) {
      out_.append("{").append(labels).append("}");
    }
    out_.append(" ").append(value).append("\n");
  }
  void line(std::string_view name, std::string_view labels, uint64_t value) {
    line(name, labels, std::to_string(value));
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// Milliseconds as seconds, exactly and in the shortest form.
std::string seconds(uint64_t ms) {
  std::string fraction = std::to_string(1000 + ms % 1000);
  fraction[0] = '.';
  fraction.resize(fraction.find_last_not_of('0') + 1);
  return std::to_string(ms / 1000) + (fraction == "." ? "" : fraction);
}

std::string label(std::string_view name, std::string_view value) {
  return std::string(name) + "=\"" + std::string(value) + "\"";
}

class totals {
 public:
  totals(const status_slot* slots, unsigned workers) noexcept
      : slots_(slots), workers_(workers) {}

  template <class Pick>
  uint64_t sum(Pick pick) const noexcept {
    uint64_t all = 0;
    for (unsigned i = 0; i < workers_; i++) {
      all += __atomic_load_n(&pick(slots_[i]), __ATOMIC_RELAXED);
    }
    return all;
  }
  template <class Pick>
  uint64_t most(Pick pick) const noexcept {
    uint64_t found = 0;
    for (unsigned i = 0; i < workers_; i++) {
      found = std::max(found,
                       __atomic_load_n(&pick(slots_[i]), __ATOMIC_RELAXED));
    }
    return found;
  }

 private:
  const status_slot* slots_;
  unsigned workers_;
};

void put_workers(text& out, unsigned workers) {
  constexpr const char* name = "workspaces_workers";
  out.head(name, "gauge", "Worker processes of nginx.");
  out.line(name, "", workers);
}

// An operation has too many statuses to show those that never were.  What
// alerts look at is there from the start, or its first increase is not seen.
bool always_shown(size_t route, unsigned status) noexcept {
  return status == 500 || status == 503 || (status == 200 && route != 0);
}

void put_requests(text& out, const totals& all) {
  constexpr const char* name = "workspaces_requests_total";
  out.head(name, "counter", "Requests answered, by dialect, operation and "
                            "status.");
  for (int d = 0; d < WSP_DIALECTS; d++) {
    const dialect& each = *dialect_at(d);
    size_t first = first_operation(d);
    for (size_t r = 0; r <= each.routes.size(); r++) {
      if (place_of(each, static_cast<int>(r) - 1) != r) {
        continue;
      }
      std::string_view operation =
          r == 0 ? "none" : each.routes[r - 1].operation;
      for (size_t s = 0; s < status_slot::statuses; s++) {
        unsigned known = s < std::size(known_statuses) ? known_statuses[s] : 0;
        uint64_t value =
            all.sum([&](const status_slot& slot) -> const uint64_t& {
              return slot.requests[first + r][s];
            });
        if (value != 0 || always_shown(r, known)) {
          std::string status =
              known != 0 ? std::to_string(known) : "other";
          out.line(name,
                   label("dialect", each.name) + "," +
                       label("operation", operation) + "," +
                       label("status", status),
                   value);
        }
      }
    }
  }
}

void put_decisions(text& out, const totals& all) {
  constexpr const char* name = "workspaces_decisions_total";
  out.head(name, "counter", "Access decisions, by result and reason.");
  for (size_t i = 0; i < std::size(reason_names); i++) {
    auto why = static_cast<reason>(i);
    const char* result = why <= reason::tenant_admin ? "allowed"
                         : why == reason::store_unavailable ? "undecided"
                                                            : "refused";
    out.line(name,
             label("result", result) + "," + label("reason", reason_names[i]),
             all.sum([&](const status_slot& slot) -> const uint64_t& {
               return slot.decisions[i];
             }));
  }
}

bool has_cache(const totals& all) noexcept {
  return all.most([](const status_slot& slot) -> const uint64_t& {
           return slot.cache_max_stale_ms;
         }) != 0;
}

void put_redis(text& out, const totals& all) {
  constexpr const char* latency = "workspaces_redis_duration_seconds";
  out.head(latency, "histogram",
           "Time from sending commands to their last reply, in whole "
           "milliseconds.");
  uint64_t count = 0;
  for (size_t i = 0; i < status_slot::latency_buckets; i++) {
    count += all.sum([&](const status_slot& slot) -> const uint64_t& {
      return slot.redis_latency[i];
    });
    out.line(std::string(latency) + "_bucket",
             label("le", i < std::size(latency_bounds)
                             ? seconds(latency_bounds[i])
                             : "+Inf"),
             count);
  }
  out.line(std::string(latency) + "_sum", "",
           seconds(all.sum([](const status_slot& slot) -> const uint64_t& {
             return slot.redis_latency_sum_ms;
           })));
  out.line(std::string(latency) + "_count", "", count);

  out.head("workspaces_redis_queue", "gauge",
           "Exchanges with Redis that are under way.");
  out.line("workspaces_redis_queue", "",
           all.sum([](const status_slot& slot) -> const uint64_t& {
             return slot.redis_queue;
           }));
  out.head("workspaces_redis_links_up", "gauge",
           "Workers whose connection to Redis is ready, by link.");
  // There is no second link where no worker has a cache.
  for (size_t i = 0; i < (has_cache(all) ? 2 : 1); i++) {
    out.line("workspaces_redis_links_up", label("link", link_names[i]),
             all.sum([&](const status_slot& slot) -> const uint64_t& {
               return slot.redis_up[i];
             }));
  }
  out.head("workspaces_redis_connects_total", "counter",
           "Connections to Redis that became ready, by link.");
  for (size_t i = 0; i < 2; i++) {
    out.line("workspaces_redis_connects_total", label("link", link_names[i]),
             all.sum([&](const status_slot& slot) -> const uint64_t& {
               return slot.redis_ready[i];
             }));
  }
  out.head("workspaces_redis_losses_total", "counter",
           "Connections to Redis that were lost or failed, by link.");
  for (size_t i = 0; i < 2; i++) {
    out.line("workspaces_redis_losses_total", label("link", link_names[i]),
             all.sum([&](const status_slot& slot) -> const uint64_t& {
               return slot.redis_lost[i];
             }));
  }
}

void put_cache(text& out, const totals& all) {
  struct {
    const char* name;
    const char* help;
    uint64_t status_slot::*member;
  } counters[] = {
      {"workspaces_cache_hits_total", "Reads answered from the cache.",
       &status_slot::cache_hits},
      {"workspaces_cache_misses_total", "Reads that were not in the cache.",
       &status_slot::cache_misses},
      {"workspaces_cache_shared_total",
       "Misses that joined the same read under way.",
       &status_slot::cache_shared},
      {"workspaces_cache_bypasses_total",
       "Reads past the cache: for a write, or invalidations are not heard.",
       &status_slot::cache_bypasses},
      {"workspaces_cache_evictions_total",
       "Records dropped to make room.", &status_slot::cache_evictions},
      {"workspaces_cache_invalidations_total",
       "Cached keys that were taken as changed.",
       &status_slot::cache_invalidations},
  };
  for (const auto& each : counters) {
    out.head(each.name, "counter", each.help);
    out.line(each.name, "",
             all.sum([&](const status_slot& slot) -> const uint64_t& {
               return slot.*each.member;
             }));
  }
  out.head("workspaces_cache_bytes", "gauge",
           "Memory of cached records, of all workers.");
  out.line("workspaces_cache_bytes", "",
           all.sum([](const status_slot& slot) -> const uint64_t& {
             return slot.cache_bytes;
           }));
  out.head("workspaces_cache_staleness_seconds", "gauge",
           "Longest time since a worker knew that it hears invalidations.");
  out.line("workspaces_cache_staleness_seconds", "",
           seconds(all.most([](const status_slot& slot) -> const uint64_t& {
             return slot.cache_age_ms;
           })));
  out.head("workspaces_cache_max_stale_seconds", "gauge",
           "The bound beyond which the cache is not used.");
  out.line("workspaces_cache_max_stale_seconds", "",
           seconds(all.most([](const status_slot& slot) -> const uint64_t& {
             return slot.cache_max_stale_ms;
           })));
}

// What the worker shows that was the last to see the queues.
struct last_sight {
  uint64_t queued = 0;
  uint64_t due = 0;
  uint64_t waits_ms = 0;  // the oldest that is due
};

last_sight last_seen(const status_slot* slots, unsigned workers,
                     size_t kind) noexcept {
  last_sight found;
  uint64_t at = 0;
  auto load = [](const uint64_t& from) {
    return __atomic_load_n(&from, __ATOMIC_RELAXED);
  };
  for (unsigned i = 0; i < workers; i++) {
    const auto& each = slots[i].jobs[kind];
    uint64_t seen = load(each.seen_at);
    if (seen > at) {
      at = seen;
      uint64_t oldest = load(each.oldest);
      found = {load(each.queued), load(each.due),
               oldest != 0 && oldest < seen ? seen - oldest : 0};
    }
  }
  return found;
}

void put_outbox(text& out, const totals& all, const status_slot* slots,
                unsigned workers) {
  constexpr const char* ends[] = {"done", "dropped", "retried", "dead"};
  constexpr const char* jobs = "workspaces_outbox_jobs_total";
  std::string kinds[job_kinds];
  last_sight seen[job_kinds];
  for (size_t k = 0; k < job_kinds; k++) {
    kinds[k] = label("kind", name_of(static_cast<job_kind>(k)));
    seen[k] = last_seen(slots, workers, k);
  }
  out.head(jobs, "counter", "Tries to carry out a job, by what came of it.");
  for (size_t k = 0; k < job_kinds; k++) {
    for (size_t e = 0; e < std::size(ends); e++) {
      out.line(jobs, kinds[k] + "," + label("outcome", ends[e]),
               all.sum([&](const status_slot& slot) -> const uint64_t& {
                 return slot.jobs[k].ended[e];
               }));
    }
  }
  constexpr const char* in_hand = "workspaces_outbox_in_hand";
  out.head(in_hand, "gauge", "Jobs that workers have taken.");
  for (size_t k = 0; k < job_kinds; k++) {
    out.line(in_hand, kinds[k],
             all.sum([&](const status_slot& slot) -> const uint64_t& {
               return slot.jobs[k].in_hand;
             }));
  }
  constexpr const char* queued = "workspaces_outbox_queued";
  out.head(queued, "gauge", "Jobs that are not done, as last seen.");
  for (size_t k = 0; k < job_kinds; k++) {
    out.line(queued, kinds[k], seen[k].queued);
  }
  constexpr const char* due = "workspaces_outbox_due";
  out.head(due, "gauge", "Jobs that wait to be taken, as last seen.");
  for (size_t k = 0; k < job_kinds; k++) {
    out.line(due, kinds[k], seen[k].due);
  }
  constexpr const char* age = "workspaces_outbox_oldest_due_seconds";
  out.head(age, "gauge",
           "How long the oldest job that is due had been so when last seen.");
  for (size_t k = 0; k < job_kinds; k++) {
    out.line(age, kinds[k], seconds(seen[k].waits_ms));
  }
}

}  // namespace

void clear_gauges(status_slot& slot) noexcept {
  set(slot.redis_queue, 0);
  set(slot.redis_up[0], 0);
  set(slot.redis_up[1], 0);
  set(slot.cache_bytes, 0);
  set(slot.cache_age_ms, 0);
  set(slot.cache_max_stale_ms, 0);
  for (auto& each : slot.jobs) {
    set(each.in_hand, 0);
    set(each.seen_at, 0);
  }
}

const char* name_of(reason why) noexcept {
  return reason_names[static_cast<size_t>(why)];
}

void count_request(status_slot& slot, int dialect, int route,
                   unsigned status) noexcept {
  size_t operation =
      first_operation(dialect) + place_of(*dialect_at(dialect), route);
  auto known = std::find(std::begin(known_statuses),
                         std::end(known_statuses), status);
  if (operation < status_slot::operations_max) {
    count(slot.requests[operation]
                       [known - std::begin(known_statuses)]);
  }
}

void count_latency(status_slot& slot, uint64_t ms) noexcept {
  auto bound = std::lower_bound(std::begin(latency_bounds),
                                std::end(latency_bounds), ms);
  count(slot.redis_latency[bound - std::begin(latency_bounds)]);
  count(slot.redis_latency_sum_ms, ms);
}

void count_job(status_slot& slot, job_kind kind, job_end how) noexcept {
  count(slot.jobs[static_cast<size_t>(kind)]
            .ended[static_cast<size_t>(how)]);
}

void count_decision(status_slot& slot, reason why) noexcept {
  count(slot.decisions[static_cast<size_t>(why)]);
}

std::string render_status(const status_slot* slots, unsigned workers) {
  totals all(slots, workers);
  text out;
  put_workers(out, workers);
  put_requests(out, all);
  put_decisions(out, all);
  put_redis(out, all);
  put_cache(out, all);
  put_outbox(out, all, slots, workers);
  return out.take();
}

}  // namespace wsp
