#include "api/dialect.h"

namespace wsp {

const dialect* dialect_at(int number) noexcept {
  switch (number) {
    case WSP_PLATFORM:
      return &platform_dialect;
    default:
      return nullptr;
  }
}

}  // namespace wsp
