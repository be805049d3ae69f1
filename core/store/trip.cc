#include "store/trip.h"

#include "engine/operation.h"
#include "store/link.h"

namespace wsp {

trip::trip(::wsp_op& op) : exchange(arena_of(op)), op_(op) {}

void trip::start() {
  if (size() != 0) {
    started_ = true;
    over_ = !submit(link_of(op_));
  }
}

bool trip::awaiter::await_suspend(std::coroutine_handle<> waiter) const {
  if (!self->started_) {
    self->start();
  }
  self->waiter_ = waiter;
  return !self->over_;
}

void trip::finished() noexcept {
  over_ = true;
  if (waiter_) {
    resume(op_, waiter_);
  }
}

flow<problem> learn_partitions(::wsp_op& op) {
  if (link_of(op).knows_partitions()) {
    co_return problem{};
  }
  trip asking(op);
  asking.add({"PING"});
  co_await asking.go();
  co_return asking.failure();
}

}  // namespace wsp
