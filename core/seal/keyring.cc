#include "seal/keyring.h"

#include <sodium.h>

#include <algorithm>

namespace {

bool is_key_id(std::string_view id) {
  return !id.empty() && id.size() <= wsp_keyring::id_size_max &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
         });
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_blank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

// Calls take(number, line) for each line that is neither empty nor a comment,
// until it returns false.
template <class Take>
void each_line(std::string_view text, Take take) {
  size_t number = 0;
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = trimmed(text.substr(0, end));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
    number++;
    if (!line.empty() && line[0] != '#' && !take(number, line)) {
      return;
    }
  }
}

}  // namespace

wsp_keyring::~wsp_keyring() { sodium_free(memory); }

std::string wsp_keyring::parse(std::string_view text) {
  size_t count = 0;
  each_line(text, [&](size_t, std::string_view) {
    count++;
    return true;
  });
  if (count == 0) {
    return "the key file holds no key: write a line \"<key id> <base64 of 32 "
           "random bytes>\"";
  }
  if (sodium_init() < 0) {
    return "libsodium cannot be started";
  }
  memory = static_cast<unsigned char*>(sodium_allocarray(count, key_size));
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  keys.reserve(count);
  std::string wrong;
  each_line(text, [&](size_t number, std::string_view line) {
    size_t gap = 0;
    while (gap < line.size() && !is_blank(line[gap])) {
      gap++;
    }
    std::string_view id = line.substr(0, gap);
    std::string_view code = trimmed(line.substr(gap));
    unsigned char* bytes = memory + keys.size() * key_size;
    size_t size = 0;
    const char* end = nullptr;
    if (!is_key_id(id)) {
      wrong = "a key id is 1..32 of [A-Za-z0-9._-]";
    } else if (find(id) != nullptr) {
      wrong = "this key id is there already";
    } else if (sodium_base642bin(bytes, key_size, code.data(), code.size(),
                                 nullptr, &size, &end,
                                 sodium_base64_VARIANT_ORIGINAL) != 0 ||
               end != code.data() + code.size() || size != key_size) {
      wrong = "after the key id comes the base64 of exactly 32 bytes";
    }
    if (!wrong.empty()) {
      wrong = "line " + std::to_string(number) + ": " + wrong;
      return false;
    }
    keys.push_back({std::string(id), bytes});
    return true;
  });
  if (!wrong.empty()) {
    keys.clear();
    return wrong;
  }
  sodium_mprotect_readonly(memory);
  return {};
}

const wsp_keyring::key* wsp_keyring::find(
    std::string_view id) const noexcept {
  for (const key& each : keys) {
    if (each.id == id) {
      return &each;
    }
  }
  return nullptr;
}
