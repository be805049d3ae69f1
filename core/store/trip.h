// A trip to the store: commands sent together, their replies, and the
// operation that waits for them.
//
//     trip asking(op);
//     asking.add({"HGET", key, field});
//     co_await asking.go();
//     if (!asking.ok()) ...              // asking.failure() is a problem
//     asking[0]                          // the reply to the first command
//
// A trip lives in the frame of its flow: when the flow is destroyed while it
// waits, the link drops the replies as they come.
#ifndef WORKSPACES_STORE_TRIP_H
#define WORKSPACES_STORE_TRIP_H

#include <coroutine>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "engine/arena.h"
#include "engine/result.h"
#include "store/reply.h"

struct wsp_op;

namespace wsp {

class link;

class trip {
 public:
  explicit trip(::wsp_op& op);
  ~trip();
  trip(const trip&) = delete;
  trip& operator=(const trip&) = delete;

  void add(std::initializer_list<std::string_view> command) {
    add(std::span(command.begin(), command.size()));
  }
  void add(std::span<const std::string_view> command);

  // Every command of it may be sent a second time without a second effect:
  // reads, and commits by their token.  All trips are.
  struct awaiter {
    trip* self;
    bool await_ready() const noexcept;
    bool await_suspend(std::coroutine_handle<> waiter) const;
    void await_resume() const noexcept {}
  };
  awaiter go() noexcept { return {this}; }

  bool ok() const noexcept { return failure_.ok(); }
  const problem& failure() const noexcept { return failure_; }
  size_t size() const noexcept { return count_; }
  const reply& operator[](size_t i) const noexcept { return replies_[i]; }

 private:
  friend class link;

  void finish(problem failure) noexcept;

  ::wsp_op* op_;
  buffer bytes_;
  size_t count_ = 0;            // commands
  reply* replies_ = nullptr;
  size_t received_ = 0;
  problem failure_;
  unsigned char sent_times_ = 0;
  bool out_of_memory_ = false;  // while a reply was copied
  link* link_ = nullptr;        // while it waits there
  uint64_t sequence_ = 0;       // its place in the link's queue
  trip* next_ = nullptr;        // while the link fails several
  bool no_script_ = false;      // Redis forgot the commit script
  bool loads_script_ = false;   // its first command is SCRIPT LOAD now
  std::string_view error_;      // the first error among the replies
  std::coroutine_handle<> waiter_;
};

}  // namespace wsp

#endif  // WORKSPACES_STORE_TRIP_H
