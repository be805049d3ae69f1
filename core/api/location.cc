// The location dialect: {"data", "message"} and {"message", "errors"}; the
// current workspace is named by X-Workspace-ID or is the caller's active one.
// Usually mounted at /api/v1.
#include "api/dialect.h"
#include "engine/pipeline.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

namespace {

flow<result<answer>> get_workspace(operation& op, call& request) {
  const workspace& record = request.here.record;
  json_writer out(op.memory, 512);
  out.open_object().key("data").open_object();
  out.key("id").number(record.id).key("name").string(record.name);
  out.close_object().close_object();
  answer made;
  made.body = out.view();
  made.revision = record.revision;
  co_return made;
}

// -- errors

unsigned status_of(fault kind) noexcept {
  switch (kind) {
    case fault::none:
      return 200;
    case fault::bad_request:
      return 400;
    case fault::unauthenticated:
    case fault::bad_token:
    case fault::expired:
      return 401;
    case fault::forbidden:
      return 403;
    case fault::not_found:
      return 404;
    case fault::wrong_method:
      return 405;
    case fault::timed_out:
      return 408;
    case fault::gone:
      return 410;
    case fault::conflict:
    case fault::running:
    case fault::retry:
      return 409;
    case fault::precondition:
      return 412;
    case fault::too_large:
      return 413;
    case fault::invalid:
    case fault::refused:
    case fault::key_reused:
      return 422;
    case fault::too_many:
      return 429;
    case fault::unavailable:
      return 503;
    case fault::internal:
      break;
  }
  return 500;
}

std::string_view message_of(const problem& why) noexcept {
  switch (status_of(why.kind)) {
    case 401:
      return "Unauthenticated.";
    case 403:
      return "This action is unauthorized.";
    case 429:
      return "Too Many Attempts.";
    default:
      return why.message;
  }
}

answer render(arena& memory, const problem& why, int64_t) {
  json_writer out(memory, 256);
  out.open_object().key("message").string(message_of(why));
  if (!why.field.empty()) {
    out.key("errors").open_object().key(why.field).open_array();
    out.string(why.message).close_array().close_object();
  }
  out.close_object();
  answer made;
  made.status = status_of(why.kind);
  made.body = out.view();
  return made;
}

constexpr route routes[] = {
    {"GET", "/workspaces/{workspace}", "workspace.get", WSP_NEEDS_VIEWER,
     get_workspace},
};

}  // namespace

constinit const dialect location_dialect = {
    "location", routes, current_workspace_header, render};

}  // namespace wsp
