#include "api/partner_problem.h"

#include "api/dialect.h"
#include "text/json.h"

namespace wsp {

namespace {

constexpr own_statuses statuses{.invalid = 422, .refused = 409};

std::string_view name_of(request_part part) noexcept {
  switch (part) {
    case request_part::header:
      return "header";
    case request_part::path:
      return "path";
    case request_part::query:
      return "query";
    case request_part::body:
      break;
  }
  return "body";
}

void put_invalid(json_writer& out, const problem& why) {
  out.open_array().open_object();
  out.key("type").string(why.kind == fault::missing ? "missing"
                                                    : "value_error");
  out.key("loc").open_array();
  if (why.kind == fault::key_reused) {
    out.string("header").string("Idempotency-Key");
  } else {
    out.string(name_of(why.part));
    if (!why.field.empty()) {
      out.string(why.field);
    }
  }
  out.close_array().key("msg").string(why.message);
  out.key("input").null().close_object().close_array();
}

}  // namespace

answer render_partner_problem(arena& memory, const problem& why, int64_t) {
  answer made;
  made.status = status_of(why.kind, statuses);
  json_writer out(memory, 160);
  out.open_object().key("detail");
  if (made.status == 422) {
    put_invalid(out, why);
  } else {
    out.string(why.message);
  }
  out.close_object();
  made.body = out.view();
  return made;
}

}  // namespace wsp
