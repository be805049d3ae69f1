// Sealing: XChaCha20-Poly1305 (libsodium) with a random nonce.
//
//   blob  =  version (1) | size of the key id (1) | key id | nonce (24)
//            | ciphertext and tag
//
// The key is derived from the ring's for each workspace (keyed BLAKE2b of
// tenant and workspace); the associated data binds version, tenant,
// workspace and slot, each with its length before it.  A blob that was
// altered or moved does not open.
#ifndef WORKSPACES_SEAL_ENVELOPE_H
#define WORKSPACES_SEAL_ENVELOPE_H

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/arena.h"
#include "engine/random.h"
#include "seal/keyring.h"

namespace wsp {

struct seal_place {
  std::string_view tenant;
  int64_t workspace;
  std::string_view slot;
};

// Both throw bad_alloc.
std::string_view seal(arena& memory, const wsp_keyring& ring,
                      random_source& random, const seal_place& place,
                      std::string_view plain);

enum class unsealed { opened, unknown_key, broken };

struct opened_blob {
  unsealed how = unsealed::broken;
  std::string_view plain;
  std::string_view key_id;  // what the blob says
};

opened_blob open_sealed(arena& memory, const wsp_keyring& ring,
                        const seal_place& place, std::string_view blob);

}  // namespace wsp

#endif  // WORKSPACES_SEAL_ENVELOPE_H
