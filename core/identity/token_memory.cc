#include "identity/token_memory.h"

#include <sodium.h>

#include <cstdlib>
#include <cstring>

#include "engine/random.h"

namespace wsp {

struct token_memory::entry {
  entry* next;   // in its bucket
  entry* newer;
  entry* older;
  size_t size;   // with the strings behind it
  digest name;
  verified_token token;
};

namespace {

constexpr std::string_view identity::*texts[] = {
    &identity::tenant, &identity::user,  &identity::email,
    &identity::name,   &identity::roles, &identity::permissions};

}  // namespace

token_memory::token_memory(random_source& random) noexcept {
  random.fill(key_, sizeof key_);
}

token_memory::~token_memory() {
  while (oldest_ != nullptr) {
    forget(oldest_->name);
  }
  sodium_memzero(key_, sizeof key_);
}

token_memory::digest token_memory::digest_of(
    const unsigned char (&verifier)[16],
    std::string_view token) const noexcept {
  digest made;
  crypto_generichash_state state;
  crypto_generichash_init(&state, key_, sizeof key_, sizeof made.bytes);
  crypto_generichash_update(&state, verifier, sizeof verifier);
  crypto_generichash_update(
      &state, reinterpret_cast<const unsigned char*>(token.data()),
      token.size());
  crypto_generichash_final(&state, made.bytes, sizeof made.bytes);
  sodium_memzero(&state, sizeof state);
  return made;
}

token_memory::entry** token_memory::find(const digest& of) noexcept {
  size_t bucket;
  std::memcpy(&bucket, of.bytes, sizeof bucket);
  entry** at = &table_[bucket % buckets];
  while (*at != nullptr &&
         sodium_memcmp((*at)->name.bytes, of.bytes, sizeof of.bytes) != 0) {
    at = &(*at)->next;
  }
  return at;
}

void token_memory::unlink_use(entry& which) noexcept {
  (which.newer != nullptr ? which.newer->older : newest_) = which.older;
  (which.older != nullptr ? which.older->newer : oldest_) = which.newer;
}

void token_memory::link_newest(entry& which) noexcept {
  which.newer = nullptr;
  which.older = newest_;
  (newest_ != nullptr ? newest_->newer : oldest_) = &which;
  newest_ = &which;
}

void token_memory::remove(entry** at) noexcept {
  entry* gone = *at;
  *at = gone->next;
  unlink_use(*gone);
  count_--;
  bytes_ -= gone->size;
  sodium_memzero(gone, gone->size);
  std::free(gone);
}

bool token_memory::recall(const digest& of, arena& memory,
                          verified_token& out) {
  entry* found = *find(of);
  if (found == nullptr) {
    return false;
  }
  out = found->token;
  for (auto text : texts) {
    out.who.*text = memory.copy(found->token.who.*text);
  }
  unlink_use(*found);
  link_newest(*found);
  return true;
}

void token_memory::remember(const digest& of,
                            const verified_token& token) noexcept {
  size_t size = sizeof(entry);
  for (auto text : texts) {
    size += (token.who.*text).size();
  }
  if (size > bytes_max) {
    return;
  }
  forget(of);
  while (count_ == entries_max || bytes_ + size > bytes_max) {
    forget(oldest_->name);
  }
  void* memory = std::malloc(size);
  if (memory == nullptr) {
    return;
  }
  auto* made = new (memory) entry{nullptr, nullptr, nullptr, size, of, token};
  char* end = reinterpret_cast<char*>(made + 1);
  for (auto text : texts) {
    std::string_view& kept = made->token.who.*text;
    if (!kept.empty()) {
      std::memcpy(end, kept.data(), kept.size());
    }
    kept = {end, kept.size()};
    end += kept.size();
  }
  entry** at = find(of);
  *at = made;
  link_newest(*made);
  count_++;
  bytes_ += size;
}

void token_memory::forget(const digest& of) noexcept {
  entry** at = find(of);
  if (*at != nullptr) {
    remove(at);
  }
}

}  // namespace wsp
