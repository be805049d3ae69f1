// JSON in and out.  The one place that touches jansson.
#ifndef WORKSPACES_TEXT_JSON_H
#define WORKSPACES_TEXT_JSON_H

#include <jansson.h>

#include <optional>
#include <string_view>

#include "engine/arena.h"
#include "engine/result.h"

namespace wsp {

constexpr unsigned json_depth_max = 32;
// Values of a body that is read field by field; parsing one that has many
// takes a worker's time from the others.
constexpr size_t json_values_max = 10000;

// A parsed text; owns jansson's tree.
class json_document {
 public:
  json_document() noexcept = default;
  json_document(json_t* root, bool wiped) noexcept
      : root_(root), wiped_(wiped) {}
  json_document(json_document&& other) noexcept
      : root_(std::exchange(other.root_, nullptr)), wiped_(other.wiped_) {}
  json_document& operator=(json_document&& other) noexcept {
    std::swap(root_, other.root_);
    std::swap(wiped_, other.wiped_);
    return *this;
  }
  ~json_document() {
    if (root_ != nullptr) {
      release();
    }
  }
  const json_t* root() const noexcept { return root_; }

 private:
  void release() noexcept;

  json_t* root_ = nullptr;
  bool wiped_ = false;  // before it is given back
};

// Refuses with line and column, and never with a piece of the text: what is
// not JSON, duplicate keys, invalid UTF-8, lone surrogates, U+0000, numbers
// out of range, nesting deeper than json_depth_max, and more values than
// `most_values`.  Throws bad_alloc.
//
// Where the arena is wiped when it is freed, the text is a secret: so is what
// jansson makes of it.
result<json_document> json_parse(arena& memory, std::string_view text,
                                 size_t most_values = json_values_max);

inline std::string_view json_text(const json_t* value) noexcept {
  return {json_string_value(value), json_string_length(value)};
}

// The member of that name; null: there is none, or `object` is no object.
inline const json_t* json_member(const json_t* object,
                                 std::string_view name) noexcept {
  return json_object_getn(object, name.data(), name.size());
}

// Calls visit(name, value) for each member of an object, in their order.
template <class Visit>
void json_each(const json_t* object, Visit visit) {
  auto* from = const_cast<json_t*>(object);
  for (void* at = json_object_iter(from); at != nullptr;
       at = json_object_iter_next(from, at)) {
    std::string_view name(json_object_iter_key(at),
                          json_object_iter_key_len(at));
    visit(name, static_cast<const json_t*>(json_object_iter_value(at)));
  }
}

// Appends the text as a JSON string.  It must be UTF-8.
void json_put_string(buffer& out, std::string_view text);

// Writes objects and arrays with the commas in their places.
class json_writer {
 public:
  explicit json_writer(arena& memory, size_t room = 512)
      : out_(memory, room) {}

  json_writer& open_object() { return open('{'); }
  json_writer& close_object() { return close('}'); }
  json_writer& open_array() { return open('['); }
  json_writer& close_array() { return close(']'); }

  // A name of ours, with nothing in it to escape.
  json_writer& key(std::string_view name) {
    separate();
    out_.put('"');
    out_.put(name);
    out_.put("\":");
    comma_ = false;
    return *this;
  }
  // Any other name.
  json_writer& name(std::string_view text) {
    string(text);
    out_.put(':');
    comma_ = false;
    return *this;
  }
  json_writer& string(std::string_view text) {
    separate();
    json_put_string(out_, text);
    return *this;
  }
  // null where there is none.
  json_writer& string_or_null(std::string_view text) {
    return text.empty() ? null() : string(text);
  }
  // One with nothing in it to escape.
  json_writer& plain(std::string_view text) {
    separate();
    out_.put('"');
    out_.put(text);
    out_.put('"');
    return *this;
  }
  json_writer& number(long long value) {
    separate();
    out_.number(value);
    return *this;
  }
  json_writer& boolean(bool value) { return raw(value ? "true" : "false"); }
  json_writer& null() { return raw("null"); }
  // A text that is JSON already.
  json_writer& raw(std::string_view json) {
    separate();
    out_.put(json);
    return *this;
  }

  std::string_view view() const noexcept { return out_.view(); }

 private:
  json_writer& open(char c) {
    separate();
    out_.put(c);
    comma_ = false;
    return *this;
  }
  json_writer& close(char c) {
    out_.put(c);
    comma_ = true;
    return *this;
  }
  void separate() {
    if (comma_) {
      out_.put(',');
    }
    comma_ = true;
  }

  buffer out_;
  bool comma_ = false;
};

// Writes a parsed value, in whatever whitespace, as it was: members in their
// order, a real number as the shortest text that reads back to it.
void json_put(json_writer& out, const json_t* value);

}  // namespace wsp

#endif  // WORKSPACES_TEXT_JSON_H
