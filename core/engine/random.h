// Random bytes of one core: ChaCha20 (libsodium) from the seed that the
// driver gave, so that tests repeat.  The key is replaced at every refill, so
// that a later look at memory tells nothing of bytes given out before.
#ifndef WORKSPACES_ENGINE_RANDOM_H
#define WORKSPACES_ENGINE_RANDOM_H

#include <cstddef>
#include <cstdint>

namespace wsp {

class random_source {
 public:
  explicit random_source(const unsigned char seed[32]) noexcept;
  ~random_source();
  random_source(const random_source&) = delete;
  random_source& operator=(const random_source&) = delete;

  void fill(void* out, size_t size) noexcept;
  uint64_t number() noexcept;

 private:
  void refill() noexcept;

  unsigned char key_[32];
  unsigned char pool_[480];
  size_t used_ = sizeof pool_;
};

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_RANDOM_H
