#include "engine/uuid.h"

#include "engine/random.h"
#include "text/text.h"

namespace wsp {

std::string_view new_uuid(operation& op) {
  arena& memory = arena_of(op);
  unsigned char bytes[16];
  random_of(op).fill(bytes, sizeof bytes);
  auto time = static_cast<uint64_t>(now_of(op));
  for (int i = 5; i >= 0; i--, time >>= 8) {
    bytes[i] = static_cast<unsigned char>(time);
  }
  bytes[6] = static_cast<unsigned char>(0x70 | (bytes[6] & 0x0f));
  bytes[8] = static_cast<unsigned char>(0x80 | (bytes[8] & 0x3f));
  std::string_view digits =
      hex(memory, {reinterpret_cast<char*>(bytes), sizeof bytes});
  return memory.join(digits.substr(0, 8), "-", digits.substr(8, 4), "-",
                     digits.substr(12, 4), "-", digits.substr(16, 4), "-",
                     digits.substr(20));
}

}  // namespace wsp
