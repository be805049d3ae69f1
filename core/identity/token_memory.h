// Tokens that were verified, remembered so that their signatures are not
// verified again for every request.
//
// An entry holds what the token said and how long it stands, and is found by
// a keyed hash (BLAKE2b) over the verifier and the token; the token itself is
// not kept.  At most entries_max entries and bytes_max bytes: the one that
// was not used for the longest time makes room.  Entries are wiped.
#ifndef WORKSPACES_IDENTITY_TOKEN_MEMORY_H
#define WORKSPACES_IDENTITY_TOKEN_MEMORY_H

#include <cstddef>
#include <string_view>

#include "engine/arena.h"
#include "identity/claims.h"
#include "identity/identity.h"

namespace wsp {

class random_source;

struct verified_token {
  identity who;
  validity valid;
};

class token_memory {
 public:
  static constexpr size_t entries_max = 1024;
  static constexpr size_t bytes_max = 1 << 20;

  struct digest {
    unsigned char bytes[32];
  };

  explicit token_memory(random_source& random) noexcept;
  ~token_memory();
  token_memory(const token_memory&) = delete;
  token_memory& operator=(const token_memory&) = delete;

  // `verifier` is one of a fixed size, so that no two pairs are the same
  // bytes.
  digest digest_of(const unsigned char (&verifier)[16],
                   std::string_view token) const noexcept;

  // Whether it is known; then its strings are copied into `memory`.  The
  // caller looks whether it still stands.  Throws bad_alloc.
  bool recall(const digest& of, arena& memory, verified_token& out);

  // Not remembered when there is no memory for it.
  void remember(const digest& of, const verified_token& token) noexcept;
  void forget(const digest& of) noexcept;

  size_t entries() const noexcept { return count_; }
  size_t bytes() const noexcept { return bytes_; }

 private:
  struct entry;
  static constexpr size_t buckets = entries_max;

  entry** find(const digest& of) noexcept;
  void unlink_use(entry& which) noexcept;
  void link_newest(entry& which) noexcept;
  void remove(entry** at) noexcept;

  unsigned char key_[32];
  entry* table_[buckets] = {};
  entry* newest_ = nullptr;
  entry* oldest_ = nullptr;
  size_t count_ = 0;
  size_t bytes_ = 0;
};

}  // namespace wsp

#endif  // WORKSPACES_IDENTITY_TOKEN_MEMORY_H
