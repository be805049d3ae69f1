// A reply in memory of its own, shared by the cache and by the operations that
// have read it: nobody copies it, and it stays as long as one of them needs it.
//
// A text that was made of two of them, such as the rendered body of a hot
// read, can be kept with one (cache.h).
#ifndef WORKSPACES_STORE_KEPT_REPLY_H
#define WORKSPACES_STORE_KEPT_REPLY_H

#include <cstddef>
#include <cstdint>

#include "engine/arena.h"
#include "store/reply.h"

namespace wsp {

class kept_reply {
 public:
  // A copy, with one user.  Null: it has an array in an array, or there is no
  // memory.
  static kept_reply* copy_of(const reply& from) noexcept;
  // What a copy takes.
  static size_t size_of(const reply& from) noexcept;

  ~kept_reply();

  const reply& value() const noexcept { return value_; }
  void use() noexcept { users_++; }
  void release() noexcept;

 private:
  friend class cache;

  kept_reply() noexcept = default;

  size_t users_ = 1;
  reply value_;
  uint64_t number_ = 0;  // of all that the cache has kept; 0: none of them
  size_t counted_ = 0;   // bytes, of the cache's; 0: not in there any more
  // What was made of this and of the one of that number.
  kept_reply* made_ = nullptr;
  uint64_t made_with_ = 0;
  const void* maker_ = nullptr;
};

// Those that an operation uses.
class kept_replies {
 public:
  kept_replies() noexcept = default;
  ~kept_replies();
  kept_replies(const kept_replies&) = delete;
  kept_replies& operator=(const kept_replies&) = delete;

  // `memory` must outlive this.  Throws bad_alloc.
  const reply& hold(arena& memory, kept_reply& used) {
    first_ = memory.make<node>(&used, first_);
    used.use();
    return used.value();
  }

 private:
  struct node {
    kept_reply* used;
    node* next;
  };
  node* first_ = nullptr;
};

}  // namespace wsp

#endif  // WORKSPACES_STORE_KEPT_REPLY_H
