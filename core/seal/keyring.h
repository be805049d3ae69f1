// The keys that seal data: the first seals, all of them open.
//
// They live in sodium_malloc memory: guarded, kept out of core dumps, wiped
// when freed.  The ring is read-only after parsing and may be shared.
#ifndef WORKSPACES_SEAL_KEYRING_H
#define WORKSPACES_SEAL_KEYRING_H

#include <string>
#include <string_view>
#include <vector>

struct wsp_keyring {
  struct key {
    std::string id;
    const unsigned char* bytes;  // key_size of them
  };
  static constexpr size_t key_size = 32;
  static constexpr size_t id_size_max = 32;

  ~wsp_keyring();

  // Returns a sentence that names the line, empty when all is well.
  std::string parse(std::string_view text);

  const key& first() const noexcept { return keys.front(); }
  const key* find(std::string_view id) const noexcept;

  std::vector<key> keys;
  unsigned char* memory = nullptr;
};

#endif  // WORKSPACES_SEAL_KEYRING_H
