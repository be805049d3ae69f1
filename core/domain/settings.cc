#include "domain/settings.h"

#include <algorithm>
#include <iterator>

#include "store/keys.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

// -- what may be given

enum class shape { boolean, role_id, object };

constexpr int64_t role_id_max = int64_t{1} << 53;

struct known_setting {
  std::string_view name;
  shape is;
  std::string_view rule;
};

constexpr known_setting known[] = {
    {"allow_public_access", shape::boolean,
     "allow_public_access must be true, false or null"},
    {"default_role_id", shape::role_id,
     "default_role_id must be the integer id of a role, or null"},
    {"permissions", shape::object, "permissions must be an object or null"},
    {"features", shape::object, "features must be an object or null"},
    {"integrations", shape::object,
     "integrations must be an object or null"},
    {"preferred_document_subtypes", shape::object,
     "preferred_document_subtypes must be an object or null"},
};

const known_setting* find_known(std::string_view name) noexcept {
  auto found = std::find_if(std::begin(known), std::end(known),
                            [&](auto& each) { return each.name == name; });
  return found == std::end(known) ? nullptr : found;
}

bool fits(shape wanted, const json_t* value) noexcept {
  switch (wanted) {
    case shape::boolean:
      return json_is_boolean(value);
    case shape::role_id:
      return json_is_integer(value) && json_integer_value(value) > 0 &&
             json_integer_value(value) <= role_id_max;
    case shape::object:
      return json_is_object(value);
  }
  return false;
}

std::string_view below(arena& memory, std::string_view field,
                       std::string_view key) {
  return field.empty() ? key : memory.join(field, ".", key);
}

bool is_deeper_than(const json_t* value, int most) noexcept {
  if (!json_is_object(value) && !json_is_array(value)) {
    return false;
  }
  if (most == 0) {
    return true;
  }
  bool deeper = false;
  json_each(value, [&](std::string_view, const json_t* each) {
    deeper = deeper || is_deeper_than(each, most - 1);
  });
  for (size_t i = 0; i < json_array_size(value) && !deeper; i++) {
    deeper = is_deeper_than(json_array_get(value, i), most - 1);
  }
  return deeper;
}

problem check(arena& memory, const json_t* given, std::string_view field) {
  std::string_view named = field.empty() ? "settings" : field;
  if (!json_is_object(given)) {
    return {fault::invalid, "settings must be an object", named};
  }
  if (is_deeper_than(given, settings_depth_max)) {
    return {fault::invalid, "settings must not be nested deeper than 8 levels",
            named};
  }
  problem wrong;
  json_each(given, [&](std::string_view name, const json_t* value) {
    const known_setting* is = find_known(name);
    if (wrong.ok() && is != nullptr && !json_is_null(value) &&
        !fits(is->is, value)) {
      wrong = {fault::invalid, is->rule, below(memory, field, is->name)};
    }
  });
  return wrong;
}

// -- changing

// A level that is being changed.
struct change_of {
  json_writer& out;
  bool keeps_null;

  void put_member(std::string_view name, const json_t* old,
                  const json_t* given, bool top) {
    if (json_is_null(given) && !keeps_null) {
      return;
    }
    out.name(name);
    const known_setting* is = top ? find_known(name) : nullptr;
    if (is != nullptr && is->is == shape::object && json_is_object(given)) {
      put_object(old, given, false);
    } else {
      json_put(out, given);
    }
  }

  void put_object(const json_t* old, const json_t* given, bool top) {
    out.open_object();
    json_each(old, [&](std::string_view name, const json_t* value) {
      const json_t* changed = json_member(given, name);
      if (changed != nullptr) {
        put_member(name, value, changed, top);
      } else {
        out.name(name);
        json_put(out, value);
      }
    });
    json_each(given, [&](std::string_view name, const json_t* value) {
      if (json_member(old, name) == nullptr) {
        put_member(name, nullptr, value, top);
      }
    });
    out.close_object();
  }
};

// -- showing

void put_effective(json_writer& out, const json_t* beneath,
                   const json_t* own);

void put_above(json_writer& out, std::string_view name,
               const json_t* beneath, const json_t* own) {
  if (json_is_null(own)) {
    return;
  }
  out.name(name);
  if (json_is_object(own)) {
    put_effective(out, beneath, own);
  } else {
    json_put(out, own);
  }
}

void put_effective(json_writer& out, const json_t* beneath,
                   const json_t* own) {
  out.open_object();
  json_each(beneath, [&](std::string_view name, const json_t* value) {
    const json_t* above = json_member(own, name);
    if (above != nullptr) {
      put_above(out, name, value, above);
    } else {
      out.name(name);
      json_put(out, value);
    }
  });
  json_each(own, [&](std::string_view name, const json_t* value) {
    if (json_member(beneath, name) == nullptr) {
      put_above(out, name, nullptr, value);
    }
  });
  out.close_object();
}

void put_provenance(json_writer& out, const json_t* beneath,
                    const json_t* own) {
  out.open_object();
  json_each(beneath, [&](std::string_view name, const json_t*) {
    const json_t* above = json_member(own, name);
    if (!json_is_null(above)) {
      out.name(name).string(above != nullptr ? "workspace"
                                             : "organization");
    }
  });
  json_each(own, [&](std::string_view name, const json_t* value) {
    if (json_member(beneath, name) == nullptr && !json_is_null(value)) {
      out.name(name).string("workspace");
    }
  });
  out.close_object();
}

// The first member whose name is this one in any case, and that `above` does
// not replace or hide.
const json_t* member_in_any_case(const json_t* object, const json_t* above,
                                 std::string_view name) noexcept {
  const json_t* found = nullptr;
  json_each(object, [&](std::string_view each, const json_t* value) {
    if (found == nullptr && !json_is_null(value) &&
        equal_ignoring_case(each, name) &&
        json_member(above, each) == nullptr) {
      found = value;
    }
  });
  return found;
}

}  // namespace

result<json_document> parse_settings(arena& memory, std::string_view text) {
  auto parsed = json_parse(memory, text.empty() ? "{}" : text,
                           settings_size_max);
  if (!parsed.ok()) {
    return problem{fault::internal, "internal error"};
  }
  return parsed;
}

result<std::string_view> put_settings(arena& memory, std::string_view stored,
                                      const json_t* given,
                                      settings_level level,
                                      std::string_view field) {
  problem wrong = check(memory, given, field);
  if (!wrong.ok()) {
    return wrong;
  }
  auto old = parse_settings(memory, stored);
  if (!old.ok()) {
    return old.error;
  }
  json_writer out(memory, stored.size() + 256);
  change_of changing{out, level == settings_level::workspace};
  changing.put_object(old.value.root(), given, true);
  if (out.view().size() > settings_size_max) {
    return problem{fault::invalid, "settings must be at most 65536 bytes",
                   field.empty() ? "settings" : field};
  }
  return out.view();
}

result<std::string_view> inherit_setting(arena& memory,
                                         std::string_view stored,
                                         std::string_view key) {
  auto old = parse_settings(memory, stored);
  if (!old.ok()) {
    return old.error;
  }
  json_writer out(memory, stored.size() + 16);
  out.open_object();
  json_each(old.value.root(),
            [&](std::string_view name, const json_t* value) {
              if (name != key) {
                out.name(name);
                json_put(out, value);
              }
            });
  out.close_object();
  return out.view();
}

result<settings_view> view_settings(arena& memory,
                                    const settings_texts& from) {
  auto beneath = parse_settings(memory, from.organization);
  if (!beneath.ok()) {
    return beneath.error;
  }
  auto own = parse_settings(memory, from.own);
  if (!own.ok()) {
    return own.error;
  }
  json_writer effective(memory, from.organization.size() + from.own.size() +
                                    16);
  put_effective(effective, beneath.value.root(), own.value.root());
  json_writer provenance(memory, 256);
  put_provenance(provenance, beneath.value.root(), own.value.root());
  return settings_view{effective.view(), provenance.view()};
}

flow<problem> read_settings(operation& op, int64_t workspace,
                            settings_texts& into) {
  trip asking(op);
  asking.add({"HGET", keys_of(op).organization(), "settings"});
  asking.add({"HGET", keys_of(op).workspace(workspace), "settings"});
  co_await asking.go();
  if (asking.ok()) {
    into = {asking[0].str(), asking[1].str()};
  }
  co_return asking.failure();
}

const json_t* effective_setting(const json_t* organization,
                                const json_t* own,
                                std::string_view name) noexcept {
  const json_t* found = json_member(own, name);
  if (found == nullptr) {
    found = json_member(organization, name);
  }
  if (found == nullptr) {
    found = member_in_any_case(own, nullptr, name);
  }
  if (found == nullptr) {
    found = member_in_any_case(organization, own, name);
  }
  return json_is_null(found) ? nullptr : found;
}

}  // namespace wsp
