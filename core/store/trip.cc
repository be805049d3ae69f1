#include "store/trip.h"

#include "engine/operation.h"

namespace wsp {

trip::trip(::wsp_op& op) : exchange(arena_of(op)), op_(op) {}

bool trip::awaiter::await_suspend(std::coroutine_handle<> waiter) const {
  self->waiter_ = waiter;
  return self->submit(link_of(self->op_));
}

void trip::finished() noexcept { resume(op_, waiter_); }

}  // namespace wsp
