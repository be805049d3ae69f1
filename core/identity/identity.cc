#include "identity/identity.h"

#include "engine/core.h"
#include "engine/operation.h"
#include "identity/jwt.h"
#include "text/text.h"

namespace wsp {

namespace {

// "." or ".." between slashes: in a path it would be resolved to another
// resource, by the client or on the way.
bool has_dot_segment(std::string_view text) noexcept {
  for (;;) {
    size_t slash = text.find('/');
    std::string_view segment = text.substr(0, slash);
    if (segment == "." || segment == "..") {
      return true;
    }
    if (slash == text.npos) {
      return false;
    }
    text.remove_prefix(slash + 1);
  }
}

}  // namespace

bool is_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= id_size_max && !has_control(text) &&
         utf8_length(text).has_value() && !has_dot_segment(text);
}

std::string_view id_rule(std::string_view text,
                         std::string_view otherwise) noexcept {
  return has_dot_segment(text)
             ? "must not be '.' or '..', nor have them between slashes"
             : otherwise;
}

// A short list of what means yes, so that a "false", "off" or a typing error
// never makes an admin.
bool says_yes(std::string_view text) noexcept {
  return text == "1" || equal_ignoring_case(text, "on") ||
         equal_ignoring_case(text, "true") ||
         equal_ignoring_case(text, "yes");
}

bool says_no(std::string_view text) noexcept {
  return text == "0" || equal_ignoring_case(text, "off") ||
         equal_ignoring_case(text, "false") ||
         equal_ignoring_case(text, "no");
}

result<identity> identify_trusted(const wsp_identity& given) noexcept {
  identity who;
  who.tenant = view(given.tenant);
  who.user = view(given.user);
  if (who.tenant.empty() || who.user.empty()) {
    return problem{fault::unauthenticated, "authentication required"};
  }
  if (!is_id(who.tenant) || !is_id(who.user)) {
    return problem{fault::unauthenticated, "invalid identity"};
  }
  who.email = view(given.email);
  who.name = view(given.name);
  who.roles = view(given.roles);
  who.permissions = view(given.permissions);
  who.tenant_admin = says_yes(view(given.admin));
  return who;
}

result<identity> identify(operation& op) {
  const wsp_identity& given = op.request->identity;
  if (given.jwt != nullptr) {
    return given.jwt->verify(op.memory, view(given.authorization),
                             now_of(op), op.core->tokens);
  }
  return identify_trusted(given);
}

}  // namespace wsp
