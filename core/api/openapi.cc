#include "api/openapi.h"

#include <string_view>

#include "api/dialect.h"
#include "api/location.json.h"
#include "api/operator.json.h"
#include "api/organization.json.h"
#include "api/partner.json.h"
#include "api/platform.json.h"
#include "text/json.h"

namespace wsp {

namespace {

std::string_view document_of(int dialect) noexcept {
  switch (dialect) {
    case WSP_PLATFORM:
      return document_platform;
    case WSP_ORGANIZATION:
      return document_organization;
    case WSP_LOCATION:
      return document_location;
    case WSP_OPERATOR:
      return document_operator;
    case WSP_PARTNER:
      return document_partner;
    default:
      return {};
  }
}

std::string_view servers(arena& memory, std::span<const wsp_str> mounts) {
  json_writer out(memory);
  out.open_array();
  for (const wsp_str& each : mounts) {
    std::string_view mount = view(each);
    out.open_object().key("url").string(mount.empty() ? "/" : mount);
    out.close_object();
  }
  out.close_array();
  return out.view();
}

}  // namespace

std::string openapi_document(int dialect, std::span<const wsp_str> mounts) {
  std::string_view document = document_of(dialect);
  if (document.empty()) {
    return {};
  }
  // Behind the brace that opens the document.
  size_t at = document.find('{') + 1;
  std::string text(document.substr(0, at));
  if (!mounts.empty()) {
    arena memory;
    text.append("\n  \"servers\": ").append(servers(memory, mounts));
    text.push_back(',');
  }
  text.append(document.substr(at));
  return text;
}

}  // namespace wsp
