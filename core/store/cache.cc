#include "store/cache.h"

#include <sodium.h>

#include <new>
#include <utility>

#include "engine/random.h"
#include "store/link.h"
#include "store/record_read.h"
#include "store/resp.h"

namespace wsp {

static_assert(crypto_shorthash_KEYBYTES == 16);

namespace {

// What a record costs beside its reply: nodes of the tables, names.
constexpr size_t overhead = 256;

// A larger text costs more to send than to render.
constexpr size_t made_size_max = 4096;

}  // namespace

size_t cache::name_hash::operator()(std::string_view name) const noexcept {
  uint64_t out;
  static_assert(sizeof out == crypto_shorthash_BYTES);
  crypto_shorthash(reinterpret_cast<unsigned char*>(&out),
                   reinterpret_cast<const unsigned char*>(name.data()),
                   name.size(), key);
  return out;
}

// Made before the exchange that lives in it.
struct flight_memory {
  alignas(16) char first[1024];
  arena memory{first, sizeof first};
};

// A read under way on behalf of all who want the same.
class cache::flight final : private flight_memory, public exchange {
 public:
  flight(cache& owner, std::pair<const std::string, key_state>& key)
      : exchange(memory), owner(owner), key(key) {
    key.second.uses++;
    generation = key.second.generation;
    epoch = owner.epoch_;
    sent_at = owner.now_;
  }
  ~flight() override { owner.release(key); }

  bool go(link& data, std::span<const std::string_view> command) {
    add(command);
    return submit(data);
  }

  void join(record_read& asking) noexcept {
    asking.next_ = waiting;
    asking.listed_at_ = &waiting;
    if (waiting != nullptr) {
      waiting->listed_at_ = &asking.next_;
    }
    waiting = &asking;
  }

  cache& owner;
  std::pair<const std::string, key_state>& key;
  const std::string* name = nullptr;  // in the table of flights
  uint64_t generation;
  uint64_t epoch;
  uint64_t sent_at;
  record_read* waiting = nullptr;

 private:
  void finished() noexcept override;
};

cache::cache(size_t size, uint32_t max_stale_ms, link& data,
             random_source& random)
    : limit_(size),
      max_stale_ms_(max_stale_ms),
      data_(data),
      keys_(0, name_hash{hash_key_}),
      records_(0, name_hash{hash_key_}),
      flights_(0, name_hash{hash_key_}) {
  random.fill(hash_key_, sizeof hash_key_);
}

cache::~cache() {
  for (auto& each : flights_) {
    delete each.second;
  }
  while (oldest_ != nullptr) {
    erase(*oldest_);
  }
}

// -- what Redis says

void cache::heard(uint64_t at) noexcept {
  listening_ = true;
  heard_at_ = at;
}

void cache::hears_from(std::string_view server) {
  heard_server_ = server;
  read_server_ = data_.server();
}

bool cache::elsewhere() const noexcept {
  return heard_server_.empty() || data_.server() != heard_server_;
}

bool cache::usable() const noexcept {
  return enabled() && listening_ && now_ - heard_at_ <= max_stale_ms_ &&
         !elsewhere();
}

bool cache::moved() const noexcept {
  return elsewhere() && data_.server() != read_server_;
}

void cache::deaf() noexcept {
  listening_ = false;
  invalidate_all();
}

void cache::invalidate(std::string_view key) noexcept {
  auto found = keys_.find(key);
  if (found != keys_.end()) {
    found->second.generation = ++generation_;
    counters_.invalidations++;
  }
}

void cache::invalidate_all() noexcept {
  epoch_++;
  while (oldest_ != nullptr) {
    erase(*oldest_);
  }
}

// -- records

cache::record* cache::find(std::string_view name,
                           uint64_t age_max) noexcept {
  auto found = records_.find(name);
  if (found == records_.end()) {
    return nullptr;
  }
  record& held = found->second;
  if (held.generation != held.key->second.generation ||
      now_ - held.read_at > age_max) {
    erase(held);
    return nullptr;
  }
  return &held;
}

kept_reply& cache::take(record& held) noexcept {
  counters_.hits++;
  unlink(held);
  put_newest(held);
  return *held.value;
}

bool cache::still_current(const flight& landed) const noexcept {
  return landed.epoch == epoch_ &&
         landed.generation == landed.key.second.generation && usable();
}

void cache::keep(flight& landed) noexcept {
  const reply& value = landed[0];
  size_t size = kept_reply::size_of(value);
  if (value.is_error() || size + overhead > limit_ / 8) {
    return;
  }
  kept_reply* copy = kept_reply::copy_of(value);
  if (copy == nullptr) {
    return;
  }
  try {
    auto old = records_.find(*landed.name);
    if (old != records_.end()) {
      erase(old->second);
    }
    auto made = records_.try_emplace(*landed.name, record{}).first;
    record& held = made->second;
    held.key = &landed.key;
    held.generation = landed.generation;
    held.read_at = landed.sent_at;
    held.value = copy;
    held.name = &made->first;
    copy->number_ = ++number_;
    copy->counted_ = size + overhead + 2 * made->first.size();
    landed.key.second.uses++;
    put_newest(held);
    bytes_ += copy->counted_;
  } catch (const std::bad_alloc&) {
    copy->release();
    return;
  }
  shrink();
}

void cache::shrink() noexcept {
  while (bytes_ > limit_) {
    erase(*oldest_);
    counters_.evictions++;
  }
}

void cache::erase(record& each) noexcept {
  unlink(each);
  bytes_ -= std::exchange(each.value->counted_, 0);
  each.value->release();
  release(*each.key);
  auto at = records_.find(*each.name);
  records_.erase(at);
}

void cache::release(std::pair<const std::string, key_state>& key) noexcept {
  if (--key.second.uses == 0) {
    keys_.erase(keys_.find(key.first));
  }
}

void cache::unlink(record& each) noexcept {
  (each.newer != nullptr ? each.newer->older : newest_) = each.older;
  (each.older != nullptr ? each.older->newer : oldest_) = each.newer;
}

void cache::put_newest(record& each) noexcept {
  each.newer = nullptr;
  each.older = newest_;
  (newest_ != nullptr ? newest_->newer : oldest_) = &each;
  newest_ = &each;
}

// -- what is made of records

kept_reply* cache::find_made(const kept_reply& one, const kept_reply& other,
                             const void* maker) noexcept {
  return one.maker_ == maker && one.made_with_ == other.number_ ? one.made_
                                                                : nullptr;
}

void cache::keep_made(kept_reply& one, const kept_reply& other,
                      const void* maker, std::string_view text) noexcept {
  if (one.counted_ == 0 || text.size() > made_size_max) {
    return;
  }
  reply value;
  value.type = reply::text;
  value.bytes = text;
  kept_reply* copy = kept_reply::copy_of(value);
  if (copy == nullptr) {
    return;
  }
  size_t before = 0;
  if (one.made_ != nullptr) {
    before = kept_reply::size_of(one.made_->value_);
    one.made_->release();
  }
  one.made_ = copy;
  one.made_with_ = other.number_;
  one.maker_ = maker;
  size_t grown = kept_reply::size_of(value) - before;
  one.counted_ += grown;
  bytes_ += grown;
  shrink();
}

// -- reads

void cache::start(record_read& asking, bool may_hit) {
  if (asking.name_.empty() || !usable()) {
    count_bypass();
    asking.go_directly();
    return;
  }
  record* held = may_hit ? find(asking.name_, asking.age_max_) : nullptr;
  if (held != nullptr) {
    asking.take(take(*held));
    return;
  }
  counters_.misses++;
  auto found = flights_.find(asking.name_);
  if (found != flights_.end()) {
    // Not one that began too long ago, or before a change.
    if (still_current(*found->second) &&
        now_ - found->second->sent_at <= max_stale_ms_) {
      counters_.shared++;
      found->second->join(asking);
    } else {
      asking.go_directly();
    }
    return;
  }
  auto key = keys_.try_emplace(std::string(asking.key_)).first;
  flight* made = nullptr;
  try {
    if (key->second.uses == 0) {
      key->second.generation = ++generation_;
    }
    made = new flight(*this, *key);
    auto at = flights_.try_emplace(std::string(asking.name_), made).first;
    made->name = &at->first;
    if (!made->go(data_, asking.command_)) {
      asking.failed_ = made->failure();
      asking.done_ = true;
      flights_.erase(at);
      delete made;
      return;
    }
  } catch (const std::bad_alloc&) {
    if (made != nullptr) {
      auto at = flights_.find(asking.name_);
      if (at != flights_.end()) {
        flights_.erase(at);
      }
      delete made;
    } else if (key->second.uses == 0) {
      keys_.erase(key);
    }
    throw;
  }
  asking.first_ = true;
  made->join(asking);
}

void cache::flight::finished() noexcept {
  bool current = owner.still_current(*this);
  if (exchange::ok() && current) {
    owner.keep(*this);
  }
  owner.flights_.erase(owner.flights_.find(*name));
  // Those who wait may start new reads meanwhile, but not join this one.
  while (waiting != nullptr) {
    record_read& each = *waiting;
    waiting = each.next_;
    if (waiting != nullptr) {
      waiting->listed_at_ = &waiting;
    }
    each.listed_at_ = nullptr;
    each.next_ = nullptr;
    if (current || each.first_ || !exchange::ok()) {
      each.deliver((*this)[0], failure());
      continue;
    }
    // It joined a read that was sent before it asked, and something has
    // changed since.
    try {
      each.go_directly();
      if (each.done_) {
        each.settle();
      }
    } catch (const std::bad_alloc&) {
      each.deliver({}, {fault::unavailable, "out of memory"});
    }
  }
  delete this;
}

}  // namespace wsp
