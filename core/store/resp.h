// RESP in and out, by hiredis' formatter and reader.
#ifndef WORKSPACES_STORE_RESP_H
#define WORKSPACES_STORE_RESP_H

#include <hiredis/hiredis.h>

#include <span>
#include <string_view>

#include "engine/arena.h"
#include "store/reply.h"

namespace wsp {

// A command ready to be sent; gives back hiredis' memory.
class formatted_command {
 public:
  // Throws bad_alloc.
  explicit formatted_command(std::span<const std::string_view> parts);
  ~formatted_command();
  formatted_command(const formatted_command&) = delete;
  formatted_command& operator=(const formatted_command&) = delete;
  std::string_view view() const noexcept { return {text_, size_}; }

 private:
  char* text_ = nullptr;
  size_t size_ = 0;
};

// A reader whose replies are wsp::reply objects in `memory`; null when
// memory ran out.  Free it with redisReaderFree.
redisReader* new_reader(arena& memory) noexcept;

// Copies a reply with all that it holds.  Throws bad_alloc.
reply copy_reply(arena& memory, const reply& from);

}  // namespace wsp

#endif  // WORKSPACES_STORE_RESP_H
