#include "api/input.h"

#include <algorithm>

#include "domain/permission.h"
#include "text/text.h"

namespace wsp {

namespace {

problem invalid(std::string_view field, std::string_view message) noexcept {
  return {fault::invalid, message, field};
}

// Text of at most `most` characters without control characters.
bool is_plain_text(std::string_view text, size_t most) noexcept {
  auto length = utf8_length(text);
  return length && *length <= most && !has_control(text);
}

bool is_logo(std::string_view url) noexcept {
  constexpr size_t link_max = 2048;
  constexpr size_t data_max = 65536;
  for (char c : url) {
    auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '"' || c == '<' || c == '>' ||
        c == '\\') {
      return false;
    }
  }
  auto scheme = [&](std::string_view name) {
    return url.size() > name.size() &&
           equal_ignoring_case(url.substr(0, name.size()), name);
  };
  if (scheme("data:")) {
    return url.size() <= data_max;
  }
  return (scheme("http://") || scheme("https://")) && url.size() <= link_max;
}

}  // namespace

result<json_document> read_object(operation& op) {
  auto parsed = json_parse(op.memory, view(op.request->body));
  if (parsed.ok() && !json_is_object(parsed.value.root())) {
    return problem{fault::bad_request, "the body must be a JSON object"};
  }
  return parsed;
}

bool is_name(std::string_view text) noexcept {
  return !text.empty() && is_plain_text(text, name_length_max);
}

result<std::optional<std::string_view>> read_name(operation& op,
                                                  const json_t* from) {
  std::optional<std::string_view> name;
  const json_t* value = json_object_get(from, "name");
  if (value == nullptr) {
    return name;
  }
  if (!json_is_string(value)) {
    return invalid("name", "name must be a string");
  }
  if (!is_name(json_text(value))) {
    return invalid("name",
                   "name must be 1 to 255 characters, without control "
                   "characters");
  }
  name = op.memory.copy(json_text(value));
  return name;
}

result<std::optional<std::string_view>> read_logo(operation& op,
                                                  const json_t* from) {
  std::optional<std::string_view> logo;
  const json_t* value = json_object_get(from, "logo");
  if (value == nullptr) {
    return logo;
  }
  if (!json_is_null(value) && !json_is_string(value)) {
    return invalid("logo", "logo must be a string or null");
  }
  std::string_view url = json_text(value);
  if (!url.empty() && !is_logo(url)) {
    return invalid("logo",
                   "logo must be an http, https or data URL (at most 2048, a "
                   "data URL 65536 characters)");
  }
  logo = op.memory.copy(url);
  return logo;
}

result<const list<std::string_view>*> read_labels(operation& op,
                                                  const json_t* from) {
  const json_t* value = json_object_get(from, "labels");
  if (value == nullptr) {
    return nullptr;
  }
  if (!json_is_array(value)) {
    return invalid("labels", "labels must be an array of strings");
  }
  if (json_array_size(value) > labels_max) {
    return invalid("labels", "labels must be at most 100");
  }
  // The arena frees it: a list of views has nothing else to give back.
  auto* labels = new (op.memory.allocate(sizeof(list<std::string_view>)))
      list<std::string_view>(arena_allocator<std::string_view>(op.memory));
  for (size_t i = 0; i < json_array_size(value); i++) {
    const json_t* each = json_array_get(value, i);
    if (!json_is_string(each) || json_text(each).empty() ||
        !is_plain_text(json_text(each), label_length_max)) {
      return invalid("labels",
                     "each label must be a string of 1 to 64 characters, "
                     "without control characters");
    }
    if (std::find(labels->begin(), labels->end(), json_text(each)) ==
        labels->end()) {
      labels->push_back(op.memory.copy(json_text(each)));
    }
  }
  return labels;
}

result<role_set> read_roles(operation& op, const json_t* array,
                            std::string_view field) {
  if (!json_is_array(array) || json_array_size(array) == 0 ||
      json_array_size(array) > roles_max) {
    return invalid(field, op.memory.join(field,
                                         " must be an array of 1 to 32 role "
                                         "names"));
  }
  std::string_view stored;
  for (size_t i = 0; i < json_array_size(array); i++) {
    const json_t* each = json_array_get(array, i);
    if (!json_is_string(each) || !is_role_name(json_text(each))) {
      return invalid(field, "a role is a name of 1 to 64 of [A-Za-z0-9_-]");
    }
    if (json_text(each) == owner_role) {
      return invalid(field, "the role owner cannot be given");
    }
    if (!role_set(stored).has(json_text(each))) {
      stored = op.memory.join(stored, stored.empty() ? "" : ",",
                              json_text(each));
    }
  }
  return role_set(stored);
}

result<std::string_view> read_role_name(operation& op, const json_t* from) {
  const json_t* value = json_object_get(from, "name");
  if (!json_is_string(value) || !is_custom_role_name(json_text(value))) {
    return invalid("name", "name must be 1 to 64 of [A-Za-z0-9_]");
  }
  return op.memory.copy(json_text(value));
}

namespace {

result<std::string_view> read_permissions(operation& op,
                                          const json_t* array) {
  constexpr std::string_view field = "permissions";
  if (!json_is_array(array) || json_array_size(array) == 0 ||
      json_array_size(array) > permissions_max) {
    return invalid(field, "permissions must be an array of 1 to 100");
  }
  buffer commas(op.memory);
  for (size_t i = 0; i < json_array_size(array); i++) {
    std::string_view each = json_text(json_array_get(array, i));
    if (!is_permission(each)) {
      return invalid(field,
                     "a permission is resource:action, each 1 to 64 of "
                     "[A-Za-z0-9_.-] or *");
    }
    bool is_new = true;
    each_part(commas.view(), [&](std::string_view other) {
      is_new = is_new && other != each;
    });
    if (is_new) {
      if (commas.size() != 0) {
        commas.put(',');
      }
      commas.put(each);
    }
  }
  return commas.view();
}

}  // namespace

result<role_patch> read_role_patch(operation& op, const json_t* from) {
  role_patch given;
  const json_t* display_name = json_object_get(from, "display_name");
  if (display_name != nullptr) {
    if (!json_is_string(display_name) || json_text(display_name).empty() ||
        !is_plain_text(json_text(display_name), display_name_length_max)) {
      return invalid("display_name",
                     "display_name must be 1 to 255 characters, without "
                     "control characters");
    }
    given.display_name = op.memory.copy(json_text(display_name));
  }
  const json_t* permissions = json_object_get(from, "permissions");
  if (permissions != nullptr) {
    auto read = read_permissions(op, permissions);
    if (!read.ok()) {
      return read.error;
    }
    given.permissions = read.value;
  }
  return given;
}

result<std::string_view> read_user_id(operation& op, const json_t* from,
                                      const char* field) {
  const json_t* value = json_object_get(from, field);
  if (!json_is_string(value) || !is_id(json_text(value))) {
    std::string_view rule =
        id_rule(json_text(value),
                "must be a string of 1 to 255 bytes, without control "
                "characters");
    return invalid(field, op.memory.join(field, " ", rule));
  }
  return op.memory.copy(json_text(value));
}

namespace {

result<guest> read_guest(operation& op, const json_t* from) {
  const json_t* email = json_object_get(from, "email");
  const json_t* name = json_object_get(from, "name");
  const json_t* roles = json_object_get(from, "roles");
  if (!json_is_object(from) || !json_is_string(email) ||
      !is_email(json_text(email))) {
    return invalid("invites",
                   "each invite must be an object with a valid email");
  }
  if (name != nullptr && !json_is_null(name) &&
      (!json_is_string(name) ||
       !is_plain_text(json_text(name), name_length_max))) {
    return invalid("invites",
                   "the name of an invite must be at most 255 characters, "
                   "without control characters");
  }
  guest who;
  who.email = op.memory.copy(json_text(email));
  who.name = op.memory.copy(json_text(name));
  who.roles = role_set("member");
  if (roles != nullptr) {
    auto read = read_roles(op, roles, "invites");
    if (!read.ok()) {
      return read.error;
    }
    who.roles = read.value;
  }
  return who;
}

}  // namespace

result<const list<guest>*> read_guests(operation& op, const json_t* from) {
  const json_t* value = json_object_get(from, "invites");
  if (value == nullptr) {
    return nullptr;
  }
  if (!json_is_array(value) || json_array_size(value) > invitations_max) {
    return invalid("invites", "invites must be an array of at most 100");
  }
  auto* guests = new (op.memory.allocate(sizeof(list<guest>)))
      list<guest>(arena_allocator<guest>(op.memory));
  for (size_t i = 0; i < json_array_size(value); i++) {
    auto read = read_guest(op, json_array_get(value, i));
    if (!read.ok()) {
      return read.error;
    }
    for (const guest& other : *guests) {
      if (equal_ignoring_case(other.email, read.value.email)) {
        return invalid("invites", "an email is invited twice");
      }
    }
    guests->push_back(read.value);
  }
  return guests;
}

bool query_reader::next() {
  while (!rest_.empty()) {
    size_t end = rest_.find('&');
    std::string_view each = rest_.substr(0, end);
    rest_ = end == rest_.npos ? std::string_view() : rest_.substr(end + 1);
    if (each.empty()) {
      continue;
    }
    size_t equals = each.find('=');
    auto name =
        percent_decode(memory_, each.substr(0, equals), plus::is_blank);
    auto value = equals == each.npos
                     ? std::optional(std::string_view())
                     : percent_decode(memory_, each.substr(equals + 1),
                                      plus::is_blank);
    if (!name || !value || !utf8_length(*value) || has_control(*value)) {
      ok_ = false;
      return false;
    }
    name_ = *name;
    value_ = *value;
    return true;
  }
  return false;
}

void split_commas(std::string_view text, list<std::string_view>& into) {
  while (!text.empty()) {
    size_t comma = text.find(',');
    if (comma != 0) {
      into.push_back(text.substr(0, comma));
    }
    text = comma == text.npos ? std::string_view() : text.substr(comma + 1);
  }
}

}  // namespace wsp
