// RESP: commands out, replies in by hiredis' reader.
#ifndef WORKSPACES_STORE_RESP_H
#define WORKSPACES_STORE_RESP_H

#include <hiredis/hiredis.h>

#include <span>
#include <string>
#include <string_view>

#include "engine/arena.h"
#include "store/reply.h"

namespace wsp {

// Appends a command (an array of bulk strings).  Throws bad_alloc.
//
// By hand: hiredis' formatter formats each length with sprintf, which took a
// quarter of all instructions of a read.
void put_command(buffer& out, std::span<const std::string_view> parts);
void put_command(std::string& out, std::span<const std::string_view> parts);

// A reader whose replies are wsp::reply objects in `memory`; null when
// memory ran out.  Free it with redisReaderFree.
redisReader* new_reader(arena& memory) noexcept;

// In the place of a reader that is between two replies, and keeps the memory
// of a large one, a new one; else, and when memory ran out, the same.
redisReader* renew_reader(redisReader* reader, arena& memory) noexcept;

// Copies a reply with all that it holds.  Throws bad_alloc.
reply copy_reply(arena& memory, const reply& from);

}  // namespace wsp

#endif  // WORKSPACES_STORE_RESP_H
