#include "engine/random.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

namespace wsp {

random_source::random_source(const unsigned char seed[32]) noexcept {
  std::memcpy(key_, seed, sizeof key_);
}

random_source::~random_source() {
  sodium_memzero(key_, sizeof key_);
  sodium_memzero(pool_, sizeof pool_);
}

void random_source::refill() noexcept {
  unsigned char fresh[sizeof key_ + sizeof pool_];
  randombytes_buf_deterministic(fresh, sizeof fresh, key_);
  std::memcpy(key_, fresh, sizeof key_);
  std::memcpy(pool_, fresh + sizeof key_, sizeof pool_);
  sodium_memzero(fresh, sizeof fresh);
  used_ = 0;
}

void random_source::fill(void* out, size_t size) noexcept {
  auto* to = static_cast<unsigned char*>(out);
  while (size != 0) {
    if (used_ == sizeof pool_) {
      refill();
    }
    size_t take = std::min(size, sizeof pool_ - used_);
    std::memcpy(to, pool_ + used_, take);
    sodium_memzero(pool_ + used_, take);
    used_ += take;
    to += take;
    size -= take;
  }
}

uint64_t random_source::number() noexcept {
  uint64_t value;
  fill(&value, sizeof value);
  return value;
}

}  // namespace wsp
