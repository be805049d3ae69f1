// The cache of records: replies to reads of one key, kept until Redis says
// that the key has changed.
//
// It keeps records, never decisions: a right is decided afresh each time.
//
// Correctness rests on three rules:
//  - Redis pushes an invalidation for every changed key (tracking.h), and the
//    cache is used only while these are heard, from the server that is read:
//    when the last sign of that is older than max_stale, reads go to Redis.
//  - Each key has a generation, bumped by its invalidation.  A reply is kept
//    only if the generation is what it was when its read was sent: replies
//    and invalidations travel over two connections, in any order.
//  - A commit of this worker bumps its keys when it is sent and when it is
//    acknowledged, so that a worker sees its own writes.
//
// Identical reads in flight share one answer.  One that was joined later than
// it was sent is good for the later one under the same rules only.
//
// What was rendered of two records may be kept beside one of them.  It is found
// only through both, by an operation that has just found them good.
#ifndef WORKSPACES_STORE_CACHE_H
#define WORKSPACES_STORE_CACHE_H

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "engine/arena.h"
#include "store/exchange.h"
#include "store/kept_reply.h"

namespace wsp {

class link;
class random_source;
class record_read;

struct cache_counters {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t shared = 0;         // joined a read in flight
  uint64_t bypasses = 0;       // not usable, or a fresh one was asked for
  uint64_t evictions = 0;
  uint64_t invalidations = 0;  // of keys that were held

  bool operator==(const cache_counters&) const = default;
};

class cache {
 public:
  // `size` bytes at most; 0: there is none, every read goes to Redis.
  cache(size_t size, uint32_t max_stale_ms, link& data,
        random_source& random);
  ~cache();
  cache(const cache&) = delete;
  cache& operator=(const cache&) = delete;

  bool enabled() const noexcept { return limit_ != 0; }
  uint32_t max_stale_ms() const noexcept { return max_stale_ms_; }

  // From the tracking link.  Invalidations up to `at` have been heard ...
  void heard(uint64_t at) noexcept;
  // ... from this server ...
  void hears_from(std::string_view server);
  // ... or are not heard any more.
  void deaf() noexcept;
  void invalidate(std::string_view key) noexcept;
  void invalidate_all() noexcept;

  // The servers that are read and heard are two, or not known ...
  bool elsewhere() const noexcept;
  // ... which was not so when the one was begun to be heard.
  bool moved() const noexcept;

  // The text that `maker` made of these two, and of nothing else, if it is
  // kept.  Both must have been found by the operation that asks.
  static kept_reply* find_made(const kept_reply& one, const kept_reply& other,
                               const void* maker) noexcept;
  // Keeps it with `one`, in the place of what was.  Large ones are not kept.
  void keep_made(kept_reply& one, const kept_reply& other, const void* maker,
                 std::string_view text) noexcept;

  bool usable() const noexcept;
  void count_bypass() noexcept { counters_.bypasses += enabled() ? 1 : 0; }
  // Milliseconds since invalidations were known to be heard.
  uint64_t age() const noexcept { return now_ - heard_at_; }
  size_t bytes() const noexcept { return bytes_; }
  // What was counted since the last time.
  cache_counters take_counters() noexcept {
    return std::exchange(counters_, {});
  }
  bool has_counted() const noexcept { return counters_ != cache_counters{}; }

  void set_time(uint64_t now) noexcept { now_ = now; }

 private:
  friend class record_read;
  friend class held_record;
  class flight;

  struct key_state {
    uint64_t generation = 0;
    uint32_t uses = 0;  // records and flights
  };
  struct record {
    std::pair<const std::string, key_state>* key;
    uint64_t generation;
    uint64_t read_at;    // the command was sent then
    kept_reply* value;
    const std::string* name;
    record* newer;
    record* older;
  };

  // SipHash with a key of this process: ids are chosen by users.
  struct name_hash {
    using is_transparent = void;
    const unsigned char* key;
    size_t operator()(std::string_view name) const noexcept;
  };
  struct name_equal {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept {
      return a == b;
    }
  };
  template <class T>
  using table = std::unordered_map<std::string, T, name_hash, name_equal>;

  // The record, until the next change of the cache; null: none that is good.
  record* find(std::string_view name,
               uint64_t age_max = UINT64_MAX) noexcept;
  // A hit.
  kept_reply& take(record& held) noexcept;
  void start(record_read& asking, bool may_hit);
  void keep(flight& landed) noexcept;
  void shrink() noexcept;
  bool still_current(const flight& landed) const noexcept;
  void erase(record& each) noexcept;
  void release(std::pair<const std::string, key_state>& key) noexcept;
  void unlink(record& each) noexcept;
  void put_newest(record& each) noexcept;

  const size_t limit_;
  const uint32_t max_stale_ms_;
  link& data_;
  unsigned char hash_key_[16];
  uint64_t now_ = 0;

  bool listening_ = false;
  uint64_t heard_at_ = 0;
  std::string heard_server_;
  std::string read_server_;  // when that was begun to be heard
  uint64_t generation_ = 0;  // the last one given out
  uint64_t number_ = 0;      // the same, of records
  uint64_t epoch_ = 0;       // bumped when everything is invalidated

  table<key_state> keys_;
  table<record> records_;
  table<flight*> flights_;
  record* newest_ = nullptr;
  record* oldest_ = nullptr;
  size_t bytes_ = 0;
  cache_counters counters_;
};

}  // namespace wsp

#endif  // WORKSPACES_STORE_CACHE_H
