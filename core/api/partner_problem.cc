#include "api/partner_problem.h"

#include "api/dialect.h"
#include "text/json.h"
#include "text/text.h"

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

// A larger value is not sent back.
constexpr size_t input_size_max = 4096;

// What came, as JSON.
std::string_view input_of(operation& op, const problem& why,
                          const json_t* body) {
  json_writer out(op.memory);
  if (why.part == request_part::body && body != nullptr) {
    const json_t* given = json_member(body, why.field);
    json_put(out, given == nullptr ? body : given);
  } else if (why.part == request_part::header && op.request != nullptr) {
    const wsp_header* header = find_header(op, why.field);
    if (header != nullptr && utf8_length(view(header->value))) {
      out.string(view(header->value));
    }
  }
  return out.view().empty() || out.view().size() > input_size_max
             ? "null"
             : out.view();
}

std::string_view type_of(const problem& why, const json_t* body) noexcept {
  const json_t* given = json_member(body, why.field);
  return why.kind == fault::missing                  ? "missing"
         : given != nullptr && !json_is_string(given) ? "string_type"
                                                      : "value_error";
}

void put_invalid(operation& op, json_writer& out, problem why) {
  if (why.kind == fault::key_reused) {
    why.field = "Idempotency-Key";
    why.part = request_part::header;
  }
  json_document body;
  if (why.part == request_part::body && op.request != nullptr) {
    body = json_parse(op.memory, view(op.request->body)).value;
  }
  out.open_array().open_object();
  out.key("type").string(type_of(why, body.root()));
  out.key("loc").open_array().string(name_of(why.part));
  if (!why.field.empty()) {
    out.string(why.field);
  }
  out.close_array().key("msg").string(why.message);
  out.key("input").raw(input_of(op, why, body.root()));
  out.close_object().close_array();
}

}  // namespace

answer render_partner_problem(operation& op, const problem& why) {
  answer made;
  made.status = status_of(why.kind, statuses);
  json_writer out(op.memory, 160);
  out.open_object().key("detail");
  if (made.status == 422) {
    put_invalid(op, out, why);
  } else {
    out.string(why.message);
  }
  out.close_object();
  made.body = out.view();
  return made;
}

}  // namespace wsp
