#include "identity/random_token.h"

#include <sodium.h>

#include "engine/random.h"

namespace wsp {

std::string_view draw_token(operation& op) {
  arena& memory = arena_of(op);
  memory.wipe_when_freed();
  unsigned char random[32];
  random_of(op).fill(random, sizeof random);
  char* text = memory.bytes(token_length + 1);
  sodium_bin2base64(text, token_length + 1, random, sizeof random,
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  sodium_memzero(random, sizeof random);
  return {text, token_length};
}

}  // namespace wsp
