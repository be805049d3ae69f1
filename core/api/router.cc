#include "api/router.h"

#include "text/text.h"

namespace wsp {

namespace {

bool split(std::string_view path, path_segments* out) noexcept {
  if (path.empty() || path == "/") {
    return true;
  }
  if (path[0] != '/') {
    return false;
  }
  path.remove_prefix(1);
  if (path.back() == '/') {
    path.remove_suffix(1);
  }
  return split_segments(path, out);
}

bool is_parameter(std::string_view segment) noexcept {
  return !segment.empty() && segment[0] == '{';
}

bool fits(const path_segments& pattern, const path_segments& path) noexcept {
  if (pattern.count != path.count) {
    return false;
  }
  for (size_t i = 0; i < path.count; i++) {
    if (!is_parameter(pattern.at[i]) && pattern.at[i] != path.at[i]) {
      return false;
    }
  }
  return true;
}

bool take_parameters(const path_segments& pattern, const path_segments& path,
                     routed* out) noexcept {
  path_argument* next = out->arguments;
  for (size_t i = 0; i < path.count; i++) {
    if (pattern.at[i] == "{workspace}") {
      auto id = parse_id(path.at[i]);
      if (!id) {
        return false;
      }
      out->workspace = *id;
    } else if (pattern.at[i] == "{user}") {
      if (!is_id(path.at[i])) {
        return false;
      }
      out->user = path.at[i];
    } else if (is_parameter(pattern.at[i])) {
      *next++ = {pattern.at[i], path.at[i]};
    }
  }
  return true;
}

std::string_view allowed(arena& memory, const dialect& in,
                         std::string_view pattern) {
  std::string_view methods;
  for (const route& each : in.routes) {
    if (each.pattern == pattern) {
      methods = methods.empty() ? each.method
                                : memory.join(methods, ", ", each.method);
      if (each.method == "GET") {
        methods = memory.join(methods, ", HEAD");
      }
    }
  }
  return methods;
}

}  // namespace

routed find_route(arena& memory, const dialect& in, std::string_view method,
                  std::string_view path) {
  routed out;
  out.error = {fault::not_found, "not found"};
  path_segments asked;
  if (!split(path, &asked)) {
    return out;
  }
  for (size_t i = 0; i < asked.count; i++) {
    auto plain = percent_decode(memory, asked.at[i], plus::is_itself);
    if (!plain) {
      return out;
    }
    asked.at[i] = *plain;
  }
  if (method == "HEAD") {
    method = "GET";
  }
  std::string_view pattern;
  for (const route& each : in.routes) {
    const path_segments& wanted = each.segments;
    if (!fits(wanted, asked) ||
        (pattern.data() != nullptr && each.pattern != pattern)) {
      continue;
    }
    pattern = each.pattern;
    if (each.method == method) {
      if (take_parameters(wanted, asked, &out)) {
        out.found = &each;
        out.error = {};
      }
      return out;
    }
  }
  if (pattern.data() != nullptr) {
    out.error = {fault::wrong_method, "method not allowed"};
    out.allow = allowed(memory, in, pattern);
  }
  return out;
}

}  // namespace wsp
