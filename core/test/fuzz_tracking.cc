// Bytes from Redis on the link that tells what has changed, after a good
// handshake or in the midst of one, with records in the cache and reads
// under way.
//
// The first byte: how much of the handshake is good, into what pieces the
// rest is cut, and whether a read is cancelled on the way.
#include "fuzz_core.h"

namespace {

struct decision {
  wsp_header header{str("X-Workspace-ID"), str("7")};
  wsp_access_request request{};
  wsp_op* op = nullptr;

  void start(fuzz_core& with, const char* user) {
    request.size = sizeof request;
    request.identity.tenant = str("acme");
    request.identity.user = str(user);
    request.headers = &header;
    request.header_count = 1;
    const int rc = wsp_access_new(&op, with.core(), &request, this);
    must(rc == WSP_OK || rc == WSP_AGAIN);
    if (rc == WSP_OK) {
      end();
    }
    with.turn();
  }
  void end() {
    const wsp_decision* made = wsp_op_decision(op);
    must(made != nullptr && made->reason.len != 0);
    must((made->verdict == WSP_ALLOWED) ==
         (wsp_op_response(op)->status == 200));
    cancel();
  }
  void cancel() {
    wsp_op_free(op);
    op = nullptr;
  }
};

void take_done(fuzz_core& with) {
  while (wsp_op* op = wsp_next_done(with.core())) {
    static_cast<decision*>(wsp_op_data(op))->end();
  }
}

void ask(fuzz_core& with, const char* user) {
  decision made;
  made.start(with, user);
  with.serve();
  take_done(with);
  must(made.op == nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) {
    return 0;
  }
  const uint8_t how = data[0];
  data++;
  size--;

  fuzz_core with(64 << 10);
  must(with.linked(0) && with.linked(1));
  ask(with, "ann");
  ask(with, "bob");
  if ((how & 1) != 0) {
    with.lose(1);  // the handshake is fed from the input
    with.pass(1000);
  }
  decision waits[2];
  waits[0].start(with, "cem");
  waits[1].start(with, "cem");

  const size_t piece = (how & 2) != 0 ? 1 + (how >> 4) : size + 1;
  for (size_t at = 0; at < size; at += piece) {
    with.feed(data + at, size - at < piece ? size - at : piece, 1);
    if ((how & 4) != 0 && at >= size / 2 && waits[0].op != nullptr) {
      waits[0].cancel();
    }
    if ((how & 8) != 0) {
      with.pass(50);
    }
    ask(with, "bob");
    take_done(with);
  }
  // What comes on one link breaks nothing of the other.
  must(with.linked(0));
  if (!with.linked(1)) {
    // Nobody tells of changes: Redis is asked.
    decision direct;
    direct.start(with, "bob");
    must(direct.op != nullptr && with.asked() != 0);
    with.serve();
    take_done(with);
    must(direct.op == nullptr);
  }
  with.serve();
  take_done(with);
  must(waits[0].op == nullptr && waits[1].op == nullptr);
  return 0;
}
