// Bytes from Redis, after a good handshake or in the midst of one, while
// operations of each kind wait.
//
// The first byte: how much of the handshake is good, into what pieces the
// rest is cut, and whether an operation is cancelled on the way.
#include "fuzz_core.h"

namespace {

struct request_line {
  const char* method;
  const char* path;
  const char* query;
  const char* body;
};

constexpr request_line lines[] = {
    {"GET", "", "", ""},
    {"GET", "/7", "", ""},
    {"PUT", "/7", "", "{\"name\":\"x\",\"labels\":[\"a\"]}"},
    {"GET", "/all", "name=a&select=members,invites&limit=2", ""},
    {"POST", "", "", "{\"name\":\"x\"}"},
    {"DELETE", "/7/members/bob", "", ""},
    {"GET", "/7/encrypted", "", ""},
    {"POST", "/7/encrypted", "", "{}"},
    {"DELETE", "/7", "", ""},
    {"GET", "/all", "_id=7,8&members.user=ann&labels=red&q=x", ""},
};
constexpr size_t count = sizeof lines / sizeof lines[0];

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) {
    return 0;
  }
  const uint8_t how = data[0];
  const uint8_t first = data[1] % count;
  data += 2;
  size -= 2;

  fuzz_core with;
  if ((how & 1) != 0) {
    with.lose();  // the handshake is fed from the input
    with.pass(1000);
  }
  wsp_request requests[4];
  wsp_op* ops[4] = {};
  for (size_t i = 0; i < 4; i++) {
    const request_line& line = lines[(first + i) % count];
    wsp_request& request = requests[i];
    request = {};
    request.size = sizeof request;
    request.method = str(line.method);
    request.path = str(line.path);
    request.query = str(line.query);
    request.body = str(line.body);
    request.mount = str("/w");
    request.identity.tenant = str("acme");
    request.identity.user = str("ann");
    request.identity.admin = str("1");
    const int rc = wsp_op_new(&ops[i], with.core(), &request, &ops[i]);
    must(rc == WSP_OK || rc == WSP_AGAIN);
    if (rc == WSP_OK) {
      check_response(ops[i]);
      wsp_op_free(ops[i]);
      ops[i] = nullptr;
    }
  }
  with.turn();

  auto take_done = [&] {
    while (wsp_op* op = wsp_next_done(with.core())) {
      check_response(op);
      *static_cast<wsp_op**>(wsp_op_data(op)) = nullptr;
      wsp_op_free(op);
    }
  };
  const size_t piece = (how & 2) != 0 ? 1 + (how >> 4) : size + 1;
  for (size_t at = 0; at < size; at += piece) {
    with.feed(data + at, size - at < piece ? size - at : piece);
    take_done();
    if ((how & 4) != 0 && at >= size / 2 && ops[0] != nullptr) {
      wsp_op_free(ops[0]);
      ops[0] = nullptr;
    }
  }
  if ((how & 8) != 0) {
    with.lose();
  }
  // Time passes: the watchdog sees to it that all of them end.
  auto waits = [&] { return ops[0] || ops[1] || ops[2] || ops[3]; };
  for (int i = 0; i < 40 && waits(); i++) {
    with.pass(1000);
    take_done();
  }
  must(!waits());
  return 0;
}
