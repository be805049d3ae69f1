#include "identity/claims.h"

#include <cmath>

#include "text/text.h"

namespace wsp {

namespace {

constexpr int64_t seconds_max = 253402300799;  // the last of the year 9999

constexpr problem bad(std::string_view message) noexcept {
  return {fault::bad_token, message};
}

struct place {
  const json_t* object = nullptr;  // the one that holds it
  const json_t* value = nullptr;   // null when there is none, or JSON's null
};

place find_claim(const json_t* object, std::string_view name) noexcept {
  while (object != nullptr) {
    const json_t* found = json_object_getn(object, name.data(), name.size());
    if (found != nullptr) {
      return {object, json_is_null(found) ? nullptr : found};
    }
    size_t dot = name.find('.');
    if (dot == name.npos) {
      break;
    }
    object = json_object_getn(object, name.data(), dot);
    name.remove_prefix(dot + 1);
  }
  return {};
}

// Absent: nothing.  Strings with control characters are no claims of ours:
// they would end up in headers and log lines.
result<std::string_view> text_claim(arena& memory, const json_t* value,
                                    std::string_view wrong) {
  if (value == nullptr) {
    return std::string_view();
  }
  if (!json_is_string(value) || has_control(json_text(value))) {
    return bad(wrong);
  }
  return memory.copy(json_text(value));
}

// An id; empty when it is none.
std::string_view id_claim(arena& memory, const json_t* value) {
  if (json_is_integer(value)) {
    return decimal(memory, json_integer_value(value));
  }
  if (json_is_string(value) && is_id(json_text(value))) {
    return memory.copy(json_text(value));
  }
  return {};
}

bool is_one_word(std::string_view text) noexcept {
  return !text.empty() && text.find_first_of(", ") == text.npos &&
         !has_control(text);
}

result<std::string_view> list_claim(arena& memory, const json_t* value,
                                    std::string_view wrong) {
  if (!json_is_array(value)) {
    return text_claim(memory, value, wrong);
  }
  buffer out(memory);
  size_t i;
  const json_t* each;
  json_array_foreach(value, i, each) {
    if (!json_is_string(each)) {
      return bad(wrong);
    }
    if (!is_one_word(json_text(each))) {
      continue;
    }
    if (out.size() != 0) {
      out.put(',');
    }
    out.put(json_text(each));
  }
  return out.view();
}

bool admin_claim(const json_t* value) noexcept {
  return json_is_true(value) ||
         (json_is_integer(value) && json_integer_value(value) == 1) ||
         (json_is_string(value) && says_yes(json_text(value)));
}

bool is_false(const json_t* value) noexcept {
  return json_is_false(value) ||
         (json_is_string(value) &&
          equal_ignoring_case(json_text(value), "false"));
}

// A NumericDate (RFC 7519, section 2) in milliseconds.
bool time_of(const json_t* value, int64_t* out) noexcept {
  if (json_is_integer(value)) {
    json_int_t seconds = json_integer_value(value);
    if (seconds < 0 || seconds > seconds_max) {
      return false;
    }
    *out = seconds * 1000;
    return true;
  }
  if (!json_is_real(value)) {
    return false;
  }
  double seconds = json_real_value(value);
  if (!(seconds >= 0 && seconds <= static_cast<double>(seconds_max))) {
    return false;
  }
  *out = static_cast<int64_t>(std::floor(seconds * 1000));
  return true;
}

}  // namespace

problem check_validity(const validity& given, int64_t now_ms) noexcept {
  if (now_ms >= given.until_ms) {
    return {fault::expired, "the token has expired"};
  }
  if (now_ms < given.from_ms) {
    return bad("invalid token: it is not valid yet");
  }
  return {};
}

result<validity> read_validity(const claim_rules& rules,
                               const json_t* claims) noexcept {
  validity made;
  if (!time_of(json_object_get(claims, "exp"), &made.until_ms)) {
    return bad("invalid token: exp is a time in seconds, and required");
  }
  for (const char* name : {"nbf", "iat"}) {
    const json_t* value = json_object_get(claims, name);
    int64_t from = 0;
    if (value == nullptr) {
      continue;
    }
    if (!time_of(value, &from)) {
      return bad("invalid token: nbf and iat are times in seconds");
    }
    from -= rules.leeway_ms;
    made.from_ms = from > made.from_ms ? from : made.from_ms;
  }
  made.until_ms += rules.leeway_ms;
  return made;
}

problem check_addressee(const claim_rules& rules,
                        const json_t* claims) noexcept {
  const json_t* issuer = json_object_get(claims, "iss");
  if (!json_is_string(issuer) || json_text(issuer) != rules.issuer) {
    return bad("invalid token: iss is not the issuer trusted here");
  }
  constexpr std::string_view elsewhere =
      "invalid token: aud does not name this service";
  const json_t* audience = json_object_get(claims, "aud");
  if (json_is_string(audience)) {
    return json_text(audience) == rules.audience ? problem{} : bad(elsewhere);
  }
  size_t i;
  const json_t* each;
  json_array_foreach(audience, i, each) {
    if (json_is_string(each) && json_text(each) == rules.audience) {
      return {};
    }
  }
  return bad(elsewhere);
}

result<identity> read_identity(arena& memory, const claim_rules& rules,
                               const json_t* claims) {
  auto claim = [&](const std::string& name) {
    return find_claim(claims, name);
  };
  identity who;
  who.tenant = id_claim(memory, claim(rules.tenant).value);
  if (who.tenant.empty()) {
    return bad("invalid token: its claim of the tenant is no id");
  }
  who.user = id_claim(memory, claim(rules.user).value);
  if (who.user.empty()) {
    return bad("invalid token: its claim of the user is no id");
  }
  auto roles = list_claim(memory, claim(rules.roles).value,
                          "invalid token: its roles are no list of names");
  auto permissions =
      list_claim(memory, claim(rules.permissions).value,
                 "invalid token: its permissions are no list of names");
  place at = claim(rules.email);
  bool unproven = is_false(json_object_get(at.object, "email_verified"));
  auto email = text_claim(memory, unproven ? nullptr : at.value,
                          "invalid token: its email is no text");
  auto name = text_claim(memory, claim(rules.name).value,
                         "invalid token: its name is no text");
  for (const auto* each : {&roles, &permissions, &email, &name}) {
    if (!each->ok()) {
      return each->error;
    }
  }
  who.roles = roles.value;
  who.permissions = permissions.value;
  who.email = email.value;
  who.name = name.value;
  who.tenant_admin = admin_claim(claim(rules.admin).value);
  return who;
}

}  // namespace wsp
