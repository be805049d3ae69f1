#include "store/exchange.h"

#include "store/link.h"
#include "store/resp.h"

namespace wsp {

exchange::~exchange() {
  if (link_ != nullptr) {
    link_->forget(*this);
  }
}

void exchange::add(std::span<const std::string_view> command) {
  put_command(bytes_, command);
  count_++;
}

bool exchange::submit(link& to) {
  replies_ = memory_.array<reply>(count_);
  return to.submit(*this);
}

}  // namespace wsp
