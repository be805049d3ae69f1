#include "api/dialect.h"

namespace wsp {

std::string_view call::argument(std::string_view name) const noexcept {
  for (const path_argument& each : arguments) {
    if (each.name == name) {
      return each.value;
    }
  }
  return {};
}

const dialect* dialect_at(int number) noexcept {
  switch (number) {
    case WSP_PLATFORM:
      return &platform_dialect;
    case WSP_ORGANIZATION:
      return &organization_dialect;
    case WSP_LOCATION:
      return &location_dialect;
    default:
      return nullptr;
  }
}

}  // namespace wsp
