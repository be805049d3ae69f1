#include "store/keys.h"

#include <array>

#include "text/text.h"

namespace wsp {

namespace {

constexpr auto crc32_table = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); i++) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; bit++) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
    }
    table[i] = crc;
  }
  return table;
}();

// CRC-32 (ISO 3309).
uint32_t crc32(std::string_view text) noexcept {
  uint32_t crc = 0xffffffffu;
  for (char c : text) {
    crc = (crc >> 8) ^
          crc32_table[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  }
  return ~crc;
}

}  // namespace

key_names::key_names(arena& memory, unsigned partition)
    : memory_(memory),
      partition_(partition),
      shared_(memory.join("wsp:{", decimal(memory, partition), "}::")),
      prefix_(shared_) {}

key_names::key_names(arena& memory, std::string_view tenant,
                     unsigned partitions)
    : key_names(memory, crc32(tenant) % partitions) {
  prefix_ = memory.join(shared_.substr(0, shared_.size() - 1),
                        percent_encode(memory, tenant), ":");
}

key_names key_names::of_partition(arena& memory, unsigned partition) {
  return key_names(memory, partition);
}

std::string_view key_names::of(int64_t id, std::string_view suffix) {
  return join("w:", decimal(memory_, id), suffix);
}

std::string_view key_names::user(std::string_view user) {
  return join("u:", percent_encode(memory_, user));
}

std::string_view key_names::user_workspaces(std::string_view user) {
  return join("u:", percent_encode(memory_, user), user_workspaces_suffix());
}

std::string_view key_names::user_profile(std::string_view user) {
  return join("u:", percent_encode(memory_, user), ":p");
}

std::string_view key_names::address(std::string_view lower_cased_email) {
  return join("a:", percent_encode(memory_, lower_cased_email));
}

std::string_view key_names::name(std::string_view name) {
  return join("n:", percent_encode(memory_, name));
}

std::string_view key_names::slug(std::string_view slug) {
  return join("s:", percent_encode(memory_, slug));
}

std::string_view key_names::label(std::string_view label) {
  return join("l:", percent_encode(memory_, label));
}

std::string_view key_names::external(std::string_view id) {
  return join("e:", percent_encode(memory_, id));
}

std::string_view key_names::delivery(std::string_view event) {
  return join("y:", percent_encode(memory_, event));
}

std::string_view key_names::delivery_tries(std::string_view event) {
  return join("y:", percent_encode(memory_, event), delivery_tries_suffix());
}

}  // namespace wsp
