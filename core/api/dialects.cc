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

unsigned status_of(fault kind, own_statuses own) noexcept {
  switch (kind) {
    case fault::none:
      return 200;
    case fault::bad_request:
      return 400;
    case fault::invalid:
    case fault::missing:
      return own.invalid;
    case fault::refused:
      return own.refused;
    case fault::unauthenticated:
    case fault::bad_token:
    case fault::expired:
      return 401;
    case fault::forbidden:
      return 403;
    case fault::not_found:
      return 404;
    case fault::wrong_method:
      return 405;
    case fault::timed_out:
      return 408;
    case fault::conflict:
    case fault::running:
    case fault::retry:
      return 409;
    case fault::gone:
      return 410;
    case fault::precondition:
      return 412;
    case fault::too_large:
      return 413;
    case fault::key_reused:
      return 422;
    case fault::too_many:
      return 429;
    case fault::unavailable:
      return 503;
    case fault::internal:
      break;
  }
  return 500;
}

const dialect* dialect_at(int number) noexcept {
  switch (number) {
    case WSP_PLATFORM:
      return &platform_dialect;
    case WSP_ORGANIZATION:
      return &organization_dialect;
    case WSP_LOCATION:
      return &location_dialect;
    case WSP_OPERATOR:
      return &operator_dialect;
    case WSP_PARTNER:
      return &partner_dialect;
    default:
      return nullptr;
  }
}

}  // namespace wsp
