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
// other ids.  An id is 1..255 bytes of UTF-8 without control characters, and
// no path with "." or ".." in it.
bool is_id(std::string_view text) noexcept;
// What one that is none is refused with, behind the name of its field: the
// rule on dots, or `otherwise`, which tells the others.
std::string_view id_rule(std::string_view text,
                         std::string_view otherwise) noexcept;

// Whether it means yes: 1, on, true or yes.  All else is a no.
bool says_yes(std::string_view text) noexcept;
// Whether it means no: 0, off, false or no.
bool says_no(std::string_view text) noexcept;

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

// Who the operation's request comes from, by its bearer token or its trusted
// strings; an API key is looked up elsewhere, for it takes the store.  The
// strings live as long as the operation.  Throws bad_alloc.
result<identity> identify(wsp_op& op);

}  // namespace wsp

#endif  // WORKSPACES_IDENTITY_IDENTITY_H
