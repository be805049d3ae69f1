#include "api/problem.h"

#include "api/dialect.h"
#include "text/json.h"

namespace wsp {

namespace {

constexpr own_statuses statuses{.invalid = 422, .refused = 400};

// RFC 9110, section 15.
std::string_view title_of(unsigned status) noexcept {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

}  // namespace

answer render_problem(operation& op, const problem& why) {
  answer made;
  made.status = status_of(why.kind, statuses);
  json_writer out(op.memory, 160);
  out.open_object().key("type").string("about:blank");
  out.key("title").string(title_of(made.status));
  out.key("status").number(made.status);
  out.key("detail").string(why.message);
  if (!why.field.empty()) {
    out.key("field").string(why.field);
  }
  out.close_object();
  made.body = out.view();
  made.type = "application/problem+json";
  return made;
}

}  // namespace wsp
