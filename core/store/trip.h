// A trip to the store: the exchange that an operation waits for.
//
//     trip asking(op);
//     asking.add({"HGET", key, field});
//     co_await asking.go();
//     if (!asking.ok()) ...              // asking.failure() is a problem
//     asking[0]                          // the reply to the first command
//
// What else is to be asked meanwhile: start() sends it, and go() waits for it
// later.
//
// A trip lives in the frame of its flow: when the flow is destroyed while it
// waits, the trip is withdrawn.
#ifndef WORKSPACES_STORE_TRIP_H
#define WORKSPACES_STORE_TRIP_H

#include <coroutine>

#include "engine/flow.h"
#include "engine/result.h"
#include "store/exchange.h"

struct wsp_op;

namespace wsp {

class trip final : public exchange {
 public:
  explicit trip(::wsp_op& op);

  struct awaiter {
    trip* self;
    bool await_ready() const noexcept {
      return self->over_ || self->size() == 0;
    }
    bool await_suspend(std::coroutine_handle<> waiter) const;
    void await_resume() const noexcept {}
  };
  void start();
  awaiter go() noexcept { return {this}; }

 private:
  void finished() noexcept override;

  ::wsp_op& op_;
  bool started_ = false;
  bool over_ = false;  // there are replies, or a failure
  std::coroutine_handle<> waiter_;
};

// How many partitions there are, a part of every key, is read when the link
// comes up for the first time: waits for that.
flow<problem> learn_partitions(::wsp_op& op);

}  // namespace wsp

#endif  // WORKSPACES_STORE_TRIP_H
