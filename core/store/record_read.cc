#include "store/record_read.h"

#include <algorithm>

#include "engine/operation.h"
#include "store/cache.h"
#include "store/resp.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr problem no_memory{fault::unavailable, "out of memory"};

bool has_seen_more(const ::wsp_op& op) noexcept {
  const wsp_header* header = find_header(op, "Workspace-Revision");
  return header != nullptr &&
         parse_integer(view(header->value)).value_or(0) > 0;
}

bool may_use_cache(::wsp_op& op) noexcept {
  return cache_of(op).enabled() && !has_seen_more(op);
}

}  // namespace

// The words with NUL between them: neither keys (keys.h) nor fields hold one,
// so no two reads have one name, and none has that of a key.
std::string_view read_name(arena& memory,
                           std::span<const std::string_view> command) {
  size_t size = command.size() - 1;
  for (std::string_view word : command) {
    size += word.size();
  }
  char* name = memory.bytes(size);
  char* at = name;
  for (std::string_view word : command) {
    if (at != name) {
      *at++ = '\0';
    }
    std::memcpy(at, word.data(), word.size());
    at += word.size();
  }
  return {name, size};
}

held_record::held_record(::wsp_op& op, std::string_view name) noexcept
    : op_(op),
      found_(may_use_cache(op) && cache_of(op).usable()
                 ? cache_of(op).find(name)
                 : nullptr) {}

kept_reply& held_record::take() {
  kept_reply& taken = cache_of(op_).take(*found_);
  op_.held.hold(arena_of(op_), taken);
  return taken;
}

record_read::record_read(::wsp_op& op, std::string_view key,
                         std::span<const std::string_view> command,
                         named how)
    : exchange(arena_of(op)), op_(op), key_(key) {
  auto* words = arena_of(op).array<std::string_view>(command.size());
  std::copy(command.begin(), command.end(), words);
  command_ = {words, command.size()};
  if (may_use_cache(op)) {
    name_ = how == named::by_key ? key : read_name(arena_of(op), command_);
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

bool record_read::is_held() const noexcept {
  cache& records = cache_of(op_);
  return records.usable() && records.find(name_) != nullptr;
}

void record_read::start() { cache_of(op_).start(*this, true); }

void record_read::refresh() { cache_of(op_).start(*this, false); }

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

void record_read::take(kept_reply& held) noexcept {
  try {
    value_ = op_.held.hold(arena_of(op_), held);
  } catch (const std::bad_alloc&) {
    failed_ = no_memory;
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
