// A read of one key through the cache.
//
//     record_read first(op, key, {"HGET", key, field});
//     record_read second(op, ...);
//     first.start();                 // hits, joins or sends
//     second.start();
//     co_await first.get();
//     co_await second.get();
//     if (!first.ok()) ...           // first.failure() is a problem
//     first.value()                  // as long as the operation
//
// It lives in the frame of its flow, like a trip.  Where nobody needs to wait,
// no flow is needed:
//
//     held_record known(op, read_name(memory, {"HGET", key, field}));
//     if (known) known.take().value()   // the same value
//
// A request with the header Workspace-Revision has seen a write of another
// worker, which this one may not have heard of yet: all its reads go to
// Redis.  (That the workspace is known at that revision tells nothing of its
// members: their records were read at other times.)
#ifndef WORKSPACES_STORE_RECORD_READ_H
#define WORKSPACES_STORE_RECORD_READ_H

#include <coroutine>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "store/cache.h"
#include "store/exchange.h"

struct wsp_op;

namespace wsp {

// What the record of a read is found by: all of the command.  Where one read
// of a key is much more frequent than the others, the key alone is its name.
std::string_view read_name(arena& memory,
                           std::span<const std::string_view> command);
inline std::string_view read_name(
    arena& memory, std::initializer_list<std::string_view> command) {
  return read_name(memory, std::span(command.begin(), command.size()));
}

enum class named { by_command, by_key };

// A record of the cache that the operation may use.
class held_record {
 public:
  held_record(::wsp_op& op, std::string_view name) noexcept;
  explicit operator bool() const noexcept { return found_ != nullptr; }
  // Until the cache is told something.
  const reply& value() const noexcept { return found_->value->value(); }
  // As long as the operation; it counts as read.
  kept_reply& take();

 private:
  ::wsp_op& op_;
  cache::record* found_;
};

class record_read final : public exchange {
 public:
  // `command` reads `key` and nothing else.
  record_read(::wsp_op& op, std::string_view key,
              std::span<const std::string_view> command,
              named how = named::by_command);
  record_read(::wsp_op& op, std::string_view key,
              std::initializer_list<std::string_view> command)
      : record_read(op, key, std::span(command.begin(), command.size())) {}
  ~record_read() override;

  void start();
  // Whether start() would find it in the cache.
  bool is_held() const noexcept;
  // What has been in the cache for longer than that is read again.
  void no_older_than(uint64_t ms) noexcept { age_max_ = ms; }
  // Asks Redis, or joins a read under way, even for what is in the cache.
  void refresh();

  struct awaiter {
    record_read* self;
    bool await_ready() const noexcept { return self->done_; }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept {
      self->waiter_ = waiter;
    }
    void await_resume() const noexcept {}
  };
  awaiter get() noexcept { return {this}; }

  bool ok() const noexcept { return failed_.ok(); }
  const problem& failure() const noexcept { return failed_; }
  const reply& value() const noexcept { return value_; }

 private:
  friend class cache;

  void finished() noexcept override;
  void go_directly();
  void take(kept_reply& held) noexcept;
  // The answer of a flight, which is gone afterwards.
  void deliver(const reply& from, const problem& failure) noexcept;
  void settle() noexcept;

  ::wsp_op& op_;
  std::string_view key_;
  std::string_view name_;  // what the record is found by; empty: not there
  std::span<const std::string_view> command_;
  uint64_t age_max_ = UINT64_MAX;
  bool done_ = false;
  bool first_ = false;     // the flight was sent for it
  problem failed_;
  reply value_;
  std::coroutine_handle<> waiter_;
  // In the list of those who wait for a flight.
  record_read** listed_at_ = nullptr;
  record_read* next_ = nullptr;
};

}  // namespace wsp

#endif  // WORKSPACES_STORE_RECORD_READ_H
