#include "store/record_read.h"

#include <algorithm>

#include "engine/operation.h"
#include "store/cache.h"
#include "store/resp.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr problem no_memory{fault::unavailable, "out of memory"};

// Key and command with NUL between them: keys hold none (keys.h), so no
// two reads have one name.
std::string_view name_of(arena& memory, std::string_view key,
                         std::span<const std::string_view> command) {
  size_t size = key.size();
  for (size_t i = 0; i < command.size(); i++) {
    size += i == 1 ? 0 : command[i].size() + 1;
  }
  char* name = memory.bytes(size);
  char* at = name;
  auto put = [&at](std::string_view part) {
    std::memcpy(at, part.data(), part.size());
    at += part.size();
  };
  put(key);
  for (size_t i = 0; i < command.size(); i++) {
    if (i != 1) {
      *at++ = '\0';
      put(command[i]);
    }
  }
  return {name, size};
}

bool has_seen_more(const ::wsp_op& op) noexcept {
  const wsp_header* header = find_header(op, "Workspace-Revision");
  return header != nullptr &&
         parse_integer(view(header->value)).value_or(0) > 0;
}

}  // namespace

record_read::record_read(::wsp_op& op, std::string_view key,
                         std::span<const std::string_view> command)
    : exchange(arena_of(op)), op_(op), key_(key) {
  auto* words = arena_of(op).array<std::string_view>(command.size());
  std::copy(command.begin(), command.end(), words);
  command_ = {words, command.size()};
  if (cache_of(op).enabled() && !has_seen_more(op)) {
    name_ = name_of(arena_of(op), key, command_);
  }
}

record_read::~record_read() {
  if (listed_at_ != nullptr) {
    *listed_at_ = next_;
    if (next_ != nullptr) {
      next_->listed_at_ = listed_at_;
    }
  }
}

void record_read::start() { cache_of(op_).start(*this, true); }

void record_read::refresh() { cache_of(op_).start(*this, false); }

bool record_read::is_held() const noexcept {
  return cache_of(op_).holds(name_);
}

void record_read::go_directly() {
  add(command_);
  if (!submit(link_of(op_))) {
    failed_ = exchange::failure();
    done_ = true;
  }
}

void record_read::finished() noexcept {
  if (exchange::ok()) {
    value_ = (*this)[0];
  } else {
    failed_ = exchange::failure();
  }
  settle();
}

void record_read::deliver(const reply& from,
                          const problem& failure) noexcept {
  failed_ = failure;
  if (failure.ok()) {
    try {
      value_ = copy_reply(arena_of(op_), from);
    } catch (const std::bad_alloc&) {
      failed_ = no_memory;
    }
  }
  settle();
}

void record_read::settle() noexcept {
  done_ = true;
  if (waiter_) {
    resume(op_, waiter_);
  }
}

}  // namespace wsp
