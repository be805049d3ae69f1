// Expected failures are values: a fault with the field it is about and a
// sentence for the person who must act.  A dialect renders it in its shape.
#ifndef WORKSPACES_ENGINE_RESULT_H
#define WORKSPACES_ENGINE_RESULT_H

#include <string_view>
#include <utility>

namespace wsp {

enum class fault : unsigned char {
  none,
  bad_request,      // 400: the request cannot be read (not JSON, bad query)
  invalid,          // the dialect's validation error; `field` names it
  missing,          // the same, of one that is required and not there
  unauthenticated,  // 401: nobody is named
  bad_token,        // 401: a token is given, and not accepted
  expired,          // 401: it would be, had its time not passed
  forbidden,        // 403
  not_found,        // 404
  gone,             // 410: it was there, and its time has passed
  wrong_method,     // 405
  timed_out,        // 408
  conflict,         // 409
  running,          // 409: the first of two requests is still under way
  refused,          // a rule of the domain says no (400 in platform)
  precondition,     // 412
  too_large,        // 413
  key_reused,       // 422: Idempotency-Key with another request
  too_many,         // 429
  internal,         // 500
  unavailable,      // 503: the store cannot be asked now
  retry             // read and decide again: somebody else was faster
};

// Where in a request a field is.
enum class request_part : unsigned char { body, query, path, header };

struct problem {
  fault kind = fault::none;
  std::string_view message = {};
  std::string_view field = {};
  request_part part = request_part::body;

  bool ok() const noexcept { return kind == fault::none; }
};

template <class T>
struct [[nodiscard]] result {
  T value{};
  problem error{};

  result() = default;
  result(T v) : value(std::move(v)) {}
  result(problem p) : error(p) {}
  bool ok() const noexcept { return error.ok(); }
};

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_RESULT_H
