// Counters of a gateway, in memory that its workers share.
//
// The driver gives one block of zeroes for all workers; each has a slot and
// adds to it with relaxed atomic additions: no lock, and after a reload the
// old and the new worker of a slot may both count.  Gauges are set by the
// worker that came last, in its own turn, as are the counters of links and
// cache, 50 ms later at most.  Rendered as Prometheus text (version 0.0.4).
#ifndef WORKSPACES_ENGINE_STATUS_H
#define WORKSPACES_ENGINE_STATUS_H

#include <cstddef>
#include <cstdint>
#include <string>

#include "store/outbox.h"
#include "workspaces.h"

namespace wsp {

// Why an access was decided as it was; wsp_decision shows the name.
enum class reason : unsigned char {
  owner,
  member,
  tenant_admin,
  no_identity,
  not_member,
  no_workspace,
  no_permission,
  bad_header,
  store_unavailable,
  count
};
const char* name_of(reason why) noexcept;

// How a try to carry out a job of the outbox ended.
enum class job_end : unsigned char { done, dropped, retried, dead, count };

// One worker's part of the block.
struct status_slot {
  static constexpr size_t operations_max = 128;  // of all dialects together
  static constexpr size_t statuses = 19;
  static constexpr size_t latency_buckets = 11;  // the last one is +Inf

  using counter = uint64_t;

  counter requests[operations_max][statuses];
  counter decisions[static_cast<size_t>(reason::count)];
  counter redis_latency[latency_buckets];  // not cumulative
  counter redis_latency_sum_ms;
  counter redis_lost[2];       // data, tracking
  counter redis_ready[2];
  counter cache_hits;
  counter cache_misses;
  counter cache_shared;
  counter cache_bypasses;
  counter cache_evictions;
  counter cache_invalidations;

  struct {
    counter ended[static_cast<size_t>(job_end::count)];
    // gauges; the queues are everybody's, and one saw them last
    counter in_hand;
    counter seen_at;           // wall clock, in milliseconds
    counter queued;
    counter due;
    counter oldest;            // 0, or when it became due
  } jobs[job_kinds];

  counter owner;               // how many workers have come

  // gauges, of the last one
  counter redis_queue;
  counter redis_up[2];
  counter cache_bytes;
  counter cache_age_ms;
  counter cache_max_stale_ms;

  // Two workers never write to one cache line.
  char unused[64];
};

inline void count(uint64_t& counter, uint64_t by = 1) noexcept {
  __atomic_fetch_add(&counter, by, __ATOMIC_RELAXED);
}
inline void set(uint64_t& gauge, uint64_t value) noexcept {
  __atomic_store_n(&gauge, value, __ATOMIC_RELAXED);
}
inline uint64_t own_gauges(status_slot& slot) noexcept {
  return __atomic_add_fetch(&slot.owner, 1, __ATOMIC_RELAXED);
}
void clear_gauges(status_slot& slot) noexcept;
inline bool is_set(const uint64_t& gauge, uint64_t value) noexcept {
  return __atomic_load_n(&gauge, __ATOMIC_RELAXED) == value;
}

// A request that was answered; `route` counts in its dialect, -1: none.
void count_request(status_slot& slot, int dialect, int route,
                   unsigned status) noexcept;
void count_latency(status_slot& slot, uint64_t ms) noexcept;
void count_job(status_slot& slot, job_kind kind, job_end how) noexcept;
void count_decision(status_slot& slot, reason why) noexcept;

// Throws bad_alloc.
std::string render_status(const status_slot* slots, unsigned workers);

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_STATUS_H
