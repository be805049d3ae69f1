// Method, path, query and headers: lines of the input, in this order; a
// header is "name:value".  The first byte: who asks.
#include "fuzz_core.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz_core& with = *new fuzz_core;
  if (size < 1) {
    return 0;
  }
  const uint8_t who = data[0];
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  // Each in memory of its own size.
  std::string parts[9];
  size_t count = 0;
  while (count < 9) {
    const size_t end = rest.find('\n');
    parts[count++] = std::string(rest.substr(0, end));
    if (end == rest.npos) {
      break;
    }
    rest.remove_prefix(end + 1);
  }
  wsp_header headers[6];
  size_t header_count = 0;
  for (size_t i = 3; i < count; i++) {
    const std::string_view line = parts[i];
    const size_t colon = line.find(':');
    if (colon != line.npos) {
      headers[header_count++] = {str(line.substr(0, colon)),
                                 str(line.substr(colon + 1))};
    }
  }
  wsp_request request{};
  request.size = sizeof request;
  request.method = str(parts[0]);
  request.path = str(parts[1]);
  request.query = str(parts[2]);
  request.mount = str("/api/workspaces");
  request.body = str("{\"name\":\"x\",\"userId\":\"u\",\"roles\":[\"a\"]}");
  request.request_id = str(parts[1]);
  request.headers = headers;
  request.header_count = header_count;
  if ((who & 1) == 0) {
    request.identity.tenant = str("acme");
    const std::string_view ann = "ann";
    request.identity.user = str((who & 2) != 0 ? parts[1] : ann);
    request.identity.admin = str((who & 4) != 0 ? "1" : "");
  }
  wsp_op* op = nullptr;
  if (wsp_op_new(&op, with.core(), &request, nullptr) == WSP_AGAIN) {
    with.turn();
    with.serve();
    must(wsp_next_done(with.core()) == op);
  }
  check_response(op);
  const unsigned status = wsp_op_response(op)->status;
  must(status < 500);
  must((who & 1) == 0 || status == 401);
  wsp_op_free(op);
  return 0;
}
