// The organization dialect: {"success", "data", "message"} and
// {"error": {"code", "message", "details", "timestamp"}}.  The tenant is the
// organization.  Usually mounted at /api/v1.
#include "api/dialect.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

namespace {

// -- rendering

void put_id(operation& op, json_writer& out, const workspace& record) {
  out.key("id").number(record.id).key("name").string(record.name);
  out.key("organization_id");
  auto number = parse_id(op.who.tenant);
  number ? out.number(*number) : out.string(op.who.tenant);
}

flow<result<answer>> get_workspace(operation& op, call& request) {
  constexpr std::string_view message = "Workspace retrieved successfully";
  json_writer out(op.memory, 512);
  out.open_object().key("success").boolean(true).key("data").open_object();
  out.key("workspace").open_object();
  put_id(op, out, request.here.record);
  out.close_object().key("message").string(message).close_object();
  out.key("message").string(message).close_object();
  answer made;
  made.body = out.view();
  made.revision = request.here.record.revision;
  co_return made;
}

// -- errors

struct error_code {
  unsigned status;
  std::string_view code;
};

error_code code_of(fault kind) noexcept {
  switch (kind) {
    case fault::none:
      return {200, ""};
    case fault::bad_request:
    case fault::invalid:
      return {400, "VALIDATION_ERROR"};
    case fault::unauthenticated:
      return {401, "AUTH_REQUIRED"};
    case fault::bad_token:
      return {401, "AUTH_INVALID"};
    case fault::expired:
      return {401, "AUTH_EXPIRED"};
    case fault::forbidden:
      return {403, "PERMISSION_DENIED"};
    case fault::not_found:
      return {404, "RESOURCE_NOT_FOUND"};
    case fault::gone:
      return {410, "RESOURCE_NOT_FOUND"};
    case fault::wrong_method:
      return {405, "VALIDATION_ERROR"};
    case fault::timed_out:
      return {408, "VALIDATION_ERROR"};
    case fault::conflict:
    case fault::running:
    case fault::refused:
    case fault::retry:
      return {409, "CONFLICT"};
    case fault::precondition:
      return {412, "CONFLICT"};
    case fault::too_large:
      return {413, "VALIDATION_ERROR"};
    case fault::key_reused:
      return {422, "VALIDATION_ERROR"};
    case fault::too_many:
      return {429, "RATE_LIMIT_EXCEEDED"};
    case fault::unavailable:
      return {503, "SERVICE_UNAVAILABLE"};
    case fault::internal:
      break;
  }
  return {500, "INTERNAL_ERROR"};
}

answer render(arena& memory, const problem& why, int64_t now) {
  error_code is = code_of(why.kind);
  json_writer out(memory, 256);
  out.open_object().key("error").open_object();
  out.key("code").string(is.code).key("message").string(why.message);
  if (!why.field.empty()) {
    out.key("details").open_object().key("field").string(why.field);
    out.key("reason").string(why.message).close_object();
  }
  if (now != 0) {
    out.key("timestamp").string(rfc3339(memory, now));
  }
  out.close_object().close_object();
  answer made;
  made.status = is.status;
  made.body = out.view();
  return made;
}

constexpr route routes[] = {
    {"GET", "/workspaces/{workspace}", "workspace.get", WSP_NEEDS_MEMBER,
     get_workspace},
};

}  // namespace

constinit const dialect organization_dialect = {"organization", routes, {},
                                                render};

}  // namespace wsp
