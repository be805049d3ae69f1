// A reply of Redis, in the arena of the operation that asked.
#ifndef WORKSPACES_STORE_REPLY_H
#define WORKSPACES_STORE_REPLY_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace wsp {

struct reply {
  enum kind : unsigned char { nil, text, error, integer, array };

  kind type = nil;
  int64_t number = 0;         // integer
  std::string_view bytes;     // text (bulk or status), error
  reply* elements = nullptr;  // array
  size_t count = 0;

  bool is_nil() const noexcept { return type == nil; }
  bool is_error() const noexcept { return type == error; }
  // The text, or an empty one when it is anything else.
  std::string_view str() const noexcept {
    return type == text ? bytes : std::string_view();
  }
  std::span<const reply> items() const noexcept {
    return {elements, type == array ? count : 0};
  }
  // Element i of an array, a nil one when it is not there.
  const reply& operator[](size_t i) const noexcept {
    static const reply none;
    return type == array && i < count ? elements[i] : none;
  }
};

}  // namespace wsp

#endif  // WORKSPACES_STORE_REPLY_H
