// Bodies of each route that takes one.  The first byte chooses the route,
// and whether an Idempotency-Key comes with it.
#include "fuzz_core.h"

namespace {

struct target {
  int dialect;
  const char* method;
  const char* path;
};

constexpr target targets[] = {
    {WSP_PLATFORM, "POST", ""},
    {WSP_PLATFORM, "PUT", "/7"},
    {WSP_PLATFORM, "POST", "/7/members"},
    {WSP_PLATFORM, "PUT", "/7/members/bob"},
    {WSP_PLATFORM, "POST", "/7/encrypted"},
    {WSP_PLATFORM, "POST", "/7/activate"},
    {WSP_ORGANIZATION, "POST", "/workspaces"},
    {WSP_ORGANIZATION, "POST", "/workspaces/provision"},
    {WSP_ORGANIZATION, "PUT", "/workspaces/7"},
    {WSP_ORGANIZATION, "PUT", "/workspaces/7/settings"},
    {WSP_ORGANIZATION, "POST", "/workspaces/7/clone"},
    {WSP_ORGANIZATION, "POST", "/organizations"},
    {WSP_PARTNER, "POST", "/workspaces"},
    {WSP_PARTNER, "PATCH", "/workspaces/acme-corp"},
    {WSP_PARTNER, "POST", "/workspaces/acme-corp/members"},
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz_core& with = *new fuzz_core;
  if (size < 1) {
    return 0;
  }
  const target& to = targets[data[0] % (sizeof targets / sizeof targets[0])];
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const wsp_header key = {str("Idempotency-Key"), str("k")};
  wsp_request request{};
  request.size = sizeof request;
  request.dialect = to.dialect;
  request.method = str(to.method);
  request.path = str(to.path);
  request.mount = str("/w");
  request.body = str(body);
  request.headers = &key;
  request.header_count = data[0] >> 7;
  if (to.dialect == WSP_PARTNER) {
    request.identity.api_key = str("key");
  } else {
    request.identity.tenant = str("acme");
    request.identity.user = str("ann");
    request.identity.admin = str("1");
  }
  wsp_op* op = nullptr;
  if (wsp_op_new(&op, with.core(), &request, nullptr) == WSP_AGAIN) {
    with.turn();
    with.serve();
    must(wsp_next_done(with.core()) == op);
  }
  check_response(op);
  const unsigned status = wsp_op_response(op)->status;
  // 409: the fake never shows a claimed key
  const bool partner = to.dialect == WSP_PARTNER;
  must(status == (partner ? 202 : 200) || (status == 201 && !partner) ||
       status == 400 || status == 403 || status == 404 || status == 409 ||
       (status == 422 && partner));
  if (status == 400) {
    const wsp_str got = wsp_op_response(op)->body;
    must(got.len < 500);  // no piece of the body is quoted
  }
  wsp_op_free(op);
  return 0;
}
