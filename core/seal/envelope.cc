#include "seal/envelope.h"

#include <sodium.h>

#include "text/text.h"

namespace wsp {

namespace {

constexpr unsigned char format_version = 1;
constexpr size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(wsp_keyring::key_size ==
              crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(wsp_keyring::key_size >= crypto_generichash_KEYBYTES_MIN);

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

void put_sized(buffer& out, std::string_view part) {
  uint64_t size = part.size();
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.put(static_cast<char>(size >> shift));
  }
  out.put(part);
}

struct subkey {
  unsigned char bytes[wsp_keyring::key_size];
  ~subkey() { sodium_memzero(bytes, sizeof bytes); }
};

void derive(arena& memory, const wsp_keyring::key& key,
            const seal_place& place, subkey& out) {
  buffer context(memory);
  put_sized(context, "ngx_workspaces sealed data 1");
  put_sized(context, place.tenant);
  put_sized(context, decimal(memory, place.workspace));
  crypto_generichash(out.bytes, sizeof out.bytes, bytes(context.view()),
                     context.size(), key.bytes, wsp_keyring::key_size);
}

std::string_view associated(arena& memory, const seal_place& place) {
  buffer out(memory);
  char version = static_cast<char>(format_version);
  put_sized(out, {&version, 1});
  put_sized(out, place.tenant);
  put_sized(out, decimal(memory, place.workspace));
  put_sized(out, place.slot);
  return out.view();
}

}  // namespace

std::string_view seal(arena& memory, const wsp_keyring& ring,
                      random_source& random, const seal_place& place,
                      std::string_view plain) {
  const wsp_keyring::key& key = ring.first();
  size_t head = 2 + key.id.size() + nonce_size;
  size_t size = head + plain.size() + tag_size;
  char* blob = memory.bytes(size);
  blob[0] = static_cast<char>(format_version);
  blob[1] = static_cast<char>(key.id.size());
  std::memcpy(blob + 2, key.id.data(), key.id.size());
  auto* nonce =
      reinterpret_cast<unsigned char*>(blob) + 2 + key.id.size();
  random.fill(nonce, nonce_size);
  subkey derived;
  derive(memory, key, place, derived);
  std::string_view data = associated(memory, place);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      nonce + nonce_size, nullptr, bytes(plain), plain.size(), bytes(data),
      data.size(), nullptr, nonce, derived.bytes);
  return {blob, size};
}

opened_blob open_sealed(arena& memory, const wsp_keyring& ring,
                        const seal_place& place, std::string_view blob) {
  opened_blob out;
  if (blob.size() < 2 ||
      static_cast<unsigned char>(blob[0]) != format_version) {
    return out;
  }
  size_t id_size = static_cast<unsigned char>(blob[1]);
  size_t head = 2 + id_size + nonce_size;
  if (id_size > wsp_keyring::id_size_max || blob.size() < head + tag_size) {
    return out;
  }
  out.key_id = blob.substr(2, id_size);
  const wsp_keyring::key* key = ring.find(out.key_id);
  if (key == nullptr) {
    out.how = unsealed::unknown_key;
    return out;
  }
  std::string_view sealed = blob.substr(head);
  size_t size = sealed.size() - tag_size;
  char* plain = memory.bytes(size);
  subkey derived;
  derive(memory, *key, place, derived);
  std::string_view data = associated(memory, place);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          reinterpret_cast<unsigned char*>(plain), nullptr, nullptr,
          bytes(sealed), sealed.size(), bytes(data), data.size(),
          bytes(blob) + 2 + id_size, derived.bytes) == 0) {
    out.how = unsealed::opened;
    out.plain = {plain, size};
  }
  return out;
}

}  // namespace wsp
