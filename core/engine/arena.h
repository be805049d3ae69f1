// The memory of one operation: a bump allocator, freed all at once.
//
// Coroutine frames, strings, commands, replies and the response of an
// operation come from its arena.  Nothing in it is freed on its own, and what
// lives in it must not need a destructor to give back anything but arena
// memory.  Allocation fails by std::bad_alloc, the one exception of the core.
#ifndef WORKSPACES_ENGINE_ARENA_H
#define WORKSPACES_ENGINE_ARENA_H

#include <cstddef>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace wsp {

class arena {
 public:
  // `first` is memory that the owner gives for the start; it is not freed.
  arena(void* first, size_t size) noexcept;
  arena() noexcept : arena(nullptr, 0) {}
  ~arena();
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;

  void* allocate(size_t size, size_t align = alignof(std::max_align_t)) {
    size_t at = (position_ + align - 1) & ~(align - 1);
    if (at >= position_ && at <= limit_ && size <= limit_ - at) {
      position_ = at + size;
      return reinterpret_cast<void*>(at);
    }
    return allocate_slow(size, align);
  }

  char* bytes(size_t size) { return static_cast<char*>(allocate(size, 1)); }

  std::string_view copy(std::string_view text) {
    if (text.empty()) {
      return {};
    }
    char* p = bytes(text.size());
    std::memcpy(p, text.data(), text.size());
    return {p, text.size()};
  }

  // The parts, one after the other.
  template <class... Parts>
  std::string_view join(const Parts&... parts) {
    size_t size = (std::string_view(parts).size() + ... + 0);
    char* p = bytes(size);
    char* at = p;
    ((at = append(at, std::string_view(parts))), ...);
    return {p, size};
  }

  template <class T, class... Args>
  T* make(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T), alignof(T))) T{std::forward<Args>(args)...};
  }

  template <class T>
  T* array(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (count > SIZE_MAX / sizeof(T)) {
      throw std::bad_alloc();
    }
    T* p = static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
    for (size_t i = 0; i < count; i++) {
      new (p + i) T();
    }
    return p;
  }

  // Overwrite all of it before it is given back: it held a secret.
  void wipe_when_freed() noexcept { wipe_ = true; }
  bool is_wiped() const noexcept { return wipe_; }

  // Gives back all but the first memory and starts anew.
  void reset() noexcept;

 private:
  struct chunk {
    chunk* next;
    size_t size;  // with this header
  };

  static char* append(char* at, std::string_view part) {
    if (!part.empty()) {
      std::memcpy(at, part.data(), part.size());
    }
    return at + part.size();
  }

  void* allocate_slow(size_t size, size_t align);
  void release() noexcept;

  char* const first_;
  const size_t first_size_;
  size_t position_;
  size_t limit_;
  size_t next_size_ = 8192;
  chunk* chunks_ = nullptr;
  bool wipe_ = false;
};

// For standard containers whose memory is an arena's.
template <class T>
class arena_allocator {
 public:
  using value_type = T;
  explicit arena_allocator(arena& from) noexcept : arena_(&from) {}
  template <class U>
  arena_allocator(const arena_allocator<U>& other) noexcept
      : arena_(other.source()) {}
  T* allocate(size_t count) {
    if (count > SIZE_MAX / sizeof(T)) {
      throw std::bad_alloc();
    }
    return static_cast<T*>(arena_->allocate(count * sizeof(T), alignof(T)));
  }
  void deallocate(T*, size_t) noexcept {}
  arena* source() const noexcept { return arena_; }
  template <class U>
  bool operator==(const arena_allocator<U>& other) const noexcept {
    return arena_ == other.source();
  }

 private:
  arena* arena_;
};

template <class T>
using list = std::vector<T, arena_allocator<T>>;

// A text that grows, in an arena.
class buffer {
 public:
  explicit buffer(arena& from, size_t room = 256)
      : arena_(&from), data_(from.bytes(room)), room_(room) {}

  void put(char c) {
    if (size_ == room_) {
      grow(1);
    }
    data_[size_++] = c;
  }

  void put(std::string_view text) {
    if (text.empty()) {
      return;
    }
    if (text.size() > room_ - size_) {
      grow(text.size());
    }
    std::memcpy(data_ + size_, text.data(), text.size());
    size_ += text.size();
  }

  // Room for so many bytes more; commit() tells where they end.
  char* reserve(size_t more) {
    if (more > room_ - size_) {
      grow(more);
    }
    return data_ + size_;
  }
  void commit(const char* end) noexcept {
    size_ = static_cast<size_t>(end - data_);
  }

  void number(long long value);

  std::string_view view() const noexcept { return {data_, size_}; }
  size_t size() const noexcept { return size_; }

 private:
  void grow(size_t more);

  arena* arena_;
  char* data_;
  size_t size_ = 0;
  size_t room_;
};

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_ARENA_H
