#include "engine/arena.h"

#include <sodium.h>

#include <charconv>
#include <cstdlib>

namespace wsp {

namespace {
constexpr size_t largest_chunk = 1 << 18;
}

arena::arena(void* first, size_t size) noexcept
    : first_(static_cast<char*>(first)), first_size_(size) {
  position_ = reinterpret_cast<size_t>(first_);
  limit_ = position_ + size;
}

arena::~arena() { release(); }

void arena::release() noexcept {
  if (wipe_ && first_size_ != 0) {
    sodium_memzero(first_, first_size_);
  }
  while (chunks_ != nullptr) {
    chunk* next = chunks_->next;
    if (wipe_) {
      sodium_memzero(chunks_, chunks_->size);
    }
    std::free(chunks_);
    chunks_ = next;
  }
}

void arena::reset() noexcept {
  release();
  position_ = reinterpret_cast<size_t>(first_);
  limit_ = position_ + first_size_;
  next_size_ = 8192;
}

void* arena::allocate_slow(size_t size, size_t align) {
  size_t need = sizeof(chunk) + align + size;
  if (need < size) {
    throw std::bad_alloc();
  }
  // A large piece gets a chunk of its own, and the current one stays in use.
  bool own = need > next_size_;
  size_t take = own ? need : next_size_;
  auto* fresh = static_cast<chunk*>(std::malloc(take));
  if (fresh == nullptr) {
    throw std::bad_alloc();
  }
  fresh->size = take;
  fresh->next = chunks_;
  chunks_ = fresh;
  size_t start = reinterpret_cast<size_t>(fresh) + sizeof(chunk);
  size_t at = (start + align - 1) & ~(align - 1);
  if (!own) {
    position_ = at + size;
    limit_ = reinterpret_cast<size_t>(fresh) + take;
    if (next_size_ < largest_chunk) {
      next_size_ *= 2;
    }
  }
  return reinterpret_cast<void*>(at);
}

void buffer::grow(size_t more) {
  size_t want = room_ * 2;
  if (want < size_ + more) {
    want = size_ + more;
  }
  char* fresh = arena_->bytes(want);
  if (size_ != 0) {
    std::memcpy(fresh, data_, size_);
  }
  data_ = fresh;
  room_ = want;
}

void buffer::number(long long value) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  put(std::string_view(digits, static_cast<size_t>(end - digits)));
}

}  // namespace wsp
