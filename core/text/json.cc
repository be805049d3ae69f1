#include "text/json.h"

#include <sodium.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "text/text.h"
#include "text/words.h"

namespace wsp {

namespace {

struct excess {
  const char* what = nullptr;
  size_t at = 0;
};

// What is too deep or too much, before jansson sees it.
excess find_excess(std::string_view text, size_t most_values) noexcept {
  unsigned depth = 0;
  size_t values = 1;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); i++) {
    char c = text[i];
    if (in_string) {
      if (c == '\\') {
        i++;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > json_depth_max) {
        return {"nesting deeper than 32", i};
      }
    } else if ((c == '}' || c == ']') && depth > 0) {
      depth--;
    }
    if (!in_string && (c == ',' || c == '{' || c == '[') &&
        ++values > most_values) {
      return {"too many values", i};
    }
  }
  return {};
}

// Stands before jansson's allocator.
//
// It knows whether jansson got the memory it asked for.  When it did not, it
// may blame the syntax, leave characters out, or even read past the end of a
// string that it could not keep; so after one failure all others fail, too,
// and what came of it is not used.
//
// With `wiped` each piece is wiped before it is given back.  A tree that was
// made so must be released so, for its pieces have their size before them.
//
// jansson's hooks are the process's, and others may use it: what was there is
// called, and put back.
class allocator {
 public:
  explicit allocator(bool wiped) noexcept {
    json_get_alloc_funcs(&next_allocate, &next_release);
    failed = false;
    json_set_alloc_funcs(wiped ? allocate_sized : allocate,
                         wiped ? wipe : next_release);
  }
  ~allocator() { json_set_alloc_funcs(next_allocate, next_release); }
  allocator(const allocator&) = delete;
  allocator& operator=(const allocator&) = delete;
  bool all_succeeded() const noexcept { return !failed; }

 private:
  struct alignas(std::max_align_t) piece {
    size_t size;  // of what follows
  };

  static void* allocate(size_t size) {
    void* made = failed ? nullptr : next_allocate(size);
    failed = made == nullptr;
    return made;
  }

  static void* allocate_sized(size_t size) {
    auto* made = static_cast<piece*>(allocate(sizeof(piece) + size));
    if (made == nullptr) {
      return nullptr;
    }
    made->size = size;
    return made + 1;
  }

  static void wipe(void* given) {
    if (given != nullptr) {
      piece* whole = static_cast<piece*>(given) - 1;
      sodium_memzero(given, whole->size);
      next_release(whole);
    }
  }

  static inline thread_local json_malloc_t next_allocate = nullptr;
  static inline thread_local json_free_t next_release = nullptr;
  static inline thread_local bool failed = false;
};

problem at(arena& memory, std::string_view what, int64_t line,
           int64_t column) {
  return {fault::bad_request,
          memory.join("the body is not valid JSON: ", what, " at line ",
                      decimal(memory, line), ", column ",
                      decimal(memory, column))};
}

std::string_view reason(const json_error_t& error) noexcept {
  // Fixed sentences: jansson's own quote the text, which may be a secret.
  switch (json_error_code(&error)) {
    case json_error_duplicate_key:
      return "duplicate key";
    case json_error_invalid_utf8:
      return "invalid UTF-8";
    case json_error_premature_end_of_input:
      return "it ends too early";
    case json_error_end_of_input_expected:
      return "something follows its end";
    case json_error_null_character:
    case json_error_null_byte_in_key:
      return "U+0000 in a string";
    case json_error_numeric_overflow:
      return "a number is out of range";
    default:
      return "syntax error";
  }
}

}  // namespace

void json_document::release() noexcept {
  if (wiped_) {
    allocator wiping(true);
    json_decref(root_);
  } else {
    json_decref(root_);
  }
}

result<json_document> json_parse(arena& memory, std::string_view text,
                                 size_t most_values) {
  excess found = find_excess(text, most_values);
  if (found.what != nullptr) {
    int64_t line = 1;
    int64_t column = 1;
    for (size_t i = 0; i < found.at; i++) {
      column++;
      if (text[i] == '\n') {
        line++;
        column = 1;
      }
    }
    return at(memory, found.what, line, column);
  }
  json_error_t error{};
  bool complete;
  json_document parsed;
  {
    allocator watched(memory.is_wiped());
    parsed = json_document(
        json_loadb(text.data(), text.size(),
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error),
        memory.is_wiped());
    complete = watched.all_succeeded();
  }
  if (!complete) {
    throw std::bad_alloc();
  }
  if (parsed.root() != nullptr) {
    return parsed;
  }
  problem wrong = at(memory, reason(error), error.line, error.column);
  // It quotes the text.
  sodium_memzero(error.text, sizeof error.text);
  return wrong;
}

namespace {

// Whether a byte is to be escaped: a control character, a quote or a
// backslash.  Bytes above 0x7f are none.
bool any_special(std::string_view text) noexcept {
  constexpr uint64_t each = in_each_byte;
  return any_word(text, [](uint64_t word) {
    uint64_t quote = word ^ (each * '"');
    uint64_t backslash = word ^ (each * '\\');
    uint64_t found = ((word - each * 0x20) & ~word) |
                     ((quote - each) & ~quote) |
                     ((backslash - each) & ~backslash);
    return (found & (each * 0x80)) != 0;
  });
}

}  // namespace

void json_put_string(buffer& out, std::string_view text) {
  out.put('"');
  if (!any_special(text)) {
    out.put(text);
    out.put('"');
    return;
  }
  size_t from = 0;
  for (size_t i = 0; i < text.size(); i++) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') {
      continue;
    }
    out.put(text.substr(from, i - from));
    from = i + 1;
    switch (c) {
      case '"':
        out.put("\\\"");
        break;
      case '\\':
        out.put("\\\\");
        break;
      case '\n':
        out.put("\\n");
        break;
      case '\r':
        out.put("\\r");
        break;
      case '\t':
        out.put("\\t");
        break;
      default: {
        constexpr char digits[] = "0123456789abcdef";
        char escape[6] = {'\\', 'u', '0', '0', digits[c >> 4],
                          digits[c & 15]};
        out.put(std::string_view(escape, 6));
      }
    }
  }
  out.put(text.substr(from));
  out.put('"');
}

namespace {

void put_real(json_writer& out, double value) {
  char text[32];
  char* end = std::to_chars(text, text + sizeof text - 2, value).ptr;
  // 1.0 is to stay a real number.
  if (std::string_view(text, static_cast<size_t>(end - text))
          .find_first_of(".e") == std::string_view::npos) {
    *end++ = '.';
    *end++ = '0';
  }
  out.raw({text, static_cast<size_t>(end - text)});
}

}  // namespace

void json_put(json_writer& out, const json_t* value) {
  switch (json_typeof(value)) {
    case JSON_OBJECT:
      out.open_object();
      json_each(value, [&](std::string_view name, const json_t* each) {
        out.name(name);
        json_put(out, each);
      });
      out.close_object();
      break;
    case JSON_ARRAY:
      out.open_array();
      for (size_t i = 0; i < json_array_size(value); i++) {
        json_put(out, json_array_get(value, i));
      }
      out.close_array();
      break;
    case JSON_STRING:
      out.string(json_text(value));
      break;
    case JSON_INTEGER:
      out.number(json_integer_value(value));
      break;
    case JSON_REAL:
      put_real(out, json_real_value(value));
      break;
    case JSON_TRUE:
    case JSON_FALSE:
      out.boolean(json_is_true(value));
      break;
    case JSON_NULL:
      out.null();
      break;
  }
}

}  // namespace wsp
