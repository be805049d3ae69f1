#include "engine/core.h"

#include <cstdlib>
#include <new>
#include <utility>

#include "store/redis_url.h"

namespace {

// How long what is shown may lag behind.
constexpr uint64_t show_ms = 50;

constexpr uint32_t default_invitation_ttl_s = 7 * 24 * 3600;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

wsp::connection_options make_options(const wsp_core_options& options,
                                     std::string_view suffix) {
  wsp::connection_options made;
  made.redis = &options.redis->url;
  made.timeout_ms = options.timeout_ms;
  made.connect_timeout_ms = options.connect_timeout_ms;
  made.client_name = wsp::view(options.client_name);
  made.client_name += suffix;
  return made;
}

}  // namespace

wsp_core::wsp_core(const wsp_core_options& options)
    : random(options.seed),
      data(make_options(options, ""), options.queue, log, random),
      records(options.cache_size, options.max_stale_ms, data, random),
      tracking(make_options(options, "-tracking"), records, log, random),
      keyring(options.keyring),
      invitation_ttl_ms(1000LL * (options.invitation_ttl_s == 0
                                      ? default_invitation_ttl_s
                                      : options.invitation_ttl_s)),
      mail(options.mail),
      webhooks(options.webhooks),
      tokens(random),
      status(options.status == nullptr
                 ? nullptr
                 : static_cast<wsp::status_slot*>(options.status) +
                       options.worker),
      outgoing(*this, options.mail != nullptr, options.works != 0,
               options.webhooks) {
  data.count_in(status);
  if (status != nullptr) {
    ownership = wsp::own_gauges(*status);
  }
}

void wsp_core::set_time(int64_t wall, uint64_t monotonic) noexcept {
  wall_ms = wall;
  data.set_time(monotonic);
  records.set_time(monotonic);
  tracking.set_time(monotonic);
  outgoing.set_time(monotonic);
  if (status != nullptr && monotonic - shown_at >= show_ms) {
    shown_at = monotonic;
    show_status();
  }
}

void wsp_core::show_status() noexcept {
  using wsp::count;
  wsp::connection* links[] = {&data, &tracking};
  for (size_t i = 0; i < WSP_LINKS; i++) {
    wsp::connection_counters fresh = links[i]->take_counters();
    count(status->redis_lost[i], fresh.lost);
    count(status->redis_ready[i], fresh.ready);
  }
  wsp::cache_counters fresh = records.take_counters();
  count(status->cache_hits, fresh.hits);
  count(status->cache_misses, fresh.misses);
  count(status->cache_shared, fresh.shared);
  count(status->cache_bypasses, fresh.bypasses);
  count(status->cache_evictions, fresh.evictions);
  count(status->cache_invalidations, fresh.invalidations);
  if (owns_gauges()) {
    show_gauges();
  }
}

bool wsp_core::owns_gauges() const noexcept {
  return wsp::is_set(status->owner, ownership);
}

void wsp_core::show_gauges() noexcept {
  using wsp::set;
  bool caches = records.enabled();
  set(status->redis_queue, data.waiting());
  set(status->redis_up[0], data.is_ready() ? 1 : 0);
  set(status->redis_up[1], tracking.is_ready() ? 1 : 0);
  set(status->cache_bytes, caches ? records.bytes() : 0);
  set(status->cache_age_ms, caches ? records.age() : 0);
  set(status->cache_max_stale_ms, caches ? records.max_stale_ms() : 0);
  for (size_t i = 0; i < wsp::job_kinds; i++) {
    auto kind = static_cast<wsp::job_kind>(i);
    const wsp::outbox::sight& seen = outgoing.seen(kind);
    set(status->jobs[i].in_hand, outgoing.in_hand(kind));
    set(status->jobs[i].queued, seen.queued);
    set(status->jobs[i].due, seen.due);
    set(status->jobs[i].oldest, static_cast<uint64_t>(seen.oldest));
    set(status->jobs[i].seen_at, static_cast<uint64_t>(seen.at));
  }
}

uint64_t wsp_core::show_timer() const noexcept {
  constexpr uint64_t never = wsp::connection::never;
  if (status == nullptr) {
    return never;
  }
  bool told = !data.has_counted() && !tracking.has_counted() &&
              !records.has_counted();
  // The age is no reason: it is another one every time.
  if (told && owns_gauges()) {
    using wsp::is_set;
    told = is_set(status->redis_queue, data.waiting()) &&
           is_set(status->redis_up[0], data.is_ready() ? 1 : 0) &&
           is_set(status->redis_up[1], tracking.is_ready() ? 1 : 0) &&
           is_set(status->cache_bytes, records.bytes());
    for (size_t i = 0; i < wsp::job_kinds && told; i++) {
      auto kind = static_cast<wsp::job_kind>(i);
      told = is_set(status->jobs[i].in_hand, outgoing.in_hand(kind)) &&
             is_set(status->jobs[i].seen_at,
                    static_cast<uint64_t>(outgoing.seen(kind).at));
    }
  }
  return told ? never : shown_at + show_ms;
}

wsp_core::~wsp_core() {
  outgoing.let_go();
  if (status != nullptr) {
    show_status();
    if (owns_gauges()) {
      wsp::clear_gauges(*status);
    }
  }
  while (spare != nullptr) {
    std::free(std::exchange(spare, spare->next));
  }
}

void* wsp_core::take_block(size_t size) noexcept {
  if (spare == nullptr) {
    return std::malloc(size);
  }
  spares--;
  return std::exchange(spare, spare->next);
}

void wsp_core::give_block(void* block) noexcept {
  // Under a sanitizer none: a use after the end shall be seen.
  constexpr unsigned most = sanitized ? 0 : 64;
  if (spares >= most) {
    std::free(block);
    return;
  }
  spares++;
  spare = new (block) spare_block{spare};
}

void wsp_core::list_done(wsp_op& op) noexcept {
  op.listed = true;
  op.previous = done_last;
  op.next = nullptr;
  (done_last != nullptr ? done_last->next : done_first) = &op;
  done_last = &op;
}

void wsp_core::unlist(wsp_op& op) noexcept {
  if (!op.listed) {
    return;
  }
  op.listed = false;
  (op.previous != nullptr ? op.previous->next : done_first) = op.next;
  (op.next != nullptr ? op.next->previous : done_last) = op.previous;
}
