// Who is asking.
#ifndef WORKSPACES_IDENTITY_IDENTITY_H
#define WORKSPACES_IDENTITY_IDENTITY_H

#include <string_view>

#include "engine/result.h"
#include "workspaces.h"

struct wsp_op;

namespace wsp {

constexpr size_t id_size_max = 255;  // bytes of a tenant's or a user's id

// Ids are compared byte by byte: case, Unicode form and trailing blanks make
// other ids.  An id is 1..255 bytes of UTF-8 without control characters.
bool is_id(std::string_view text) noexcept;

struct identity {
  std::string_view tenant;
  std::string_view user;
  std::string_view email;
  std::string_view name;
  std::string_view roles;        // of the tenant, as they came
  std::string_view permissions;  // of the tenant, as they came
  bool tenant_admin = false;
};

// From the variables of a trusted source.  No tenant or no user, or one that
// is no id, is nobody: unauthenticated.
result<identity> identify_trusted(const wsp_identity& given) noexcept;

// By the source that the request names.
result<identity> identify(::wsp_op& op) noexcept;

}  // namespace wsp

#endif  // WORKSPACES_IDENTITY_IDENTITY_H
