#include "store/trip.h"

#include "engine/operation.h"
#include "store/link.h"
#include "store/resp.h"

namespace wsp {

trip::trip(::wsp_op& op) : op_(&op), bytes_(arena_of(op)) {}

trip::~trip() {
  if (link_ != nullptr) {
    link_->forget(*this);
  }
}

void trip::add(std::span<const std::string_view> command) {
  formatted_command text(command);
  bytes_.put(text.view());
  count_++;
}

bool trip::awaiter::await_ready() const noexcept { return self->count_ == 0; }

bool trip::awaiter::await_suspend(std::coroutine_handle<> waiter) const {
  trip& asking = *self;
  asking.replies_ = arena_of(*asking.op_).array<reply>(asking.count_);
  asking.waiter_ = waiter;
  return link_of(*asking.op_).submit(asking);
}

void trip::finish(problem failure) noexcept {
  failure_ = failure;
  resume(*op_, waiter_);
}

}  // namespace wsp
