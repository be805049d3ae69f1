#include "engine/work.h"

#include "domain/deletion.h"
#include "domain/removal.h"
#include "domain/rewrap.h"
#include "store/outbox.h"

namespace wsp {

namespace {

// Of a later version: a worker of that can.
flow<result<work_state>> leave(operation&) { co_return work_state::not_mine; }

}  // namespace

flow<result<work_state>> do_slice(operation& op, const job& what) {
  if (what.payload == work::deletion) {
    return delete_slice(op, what);
  }
  if (what.payload == work::rewrap) {
    return rewrap_slice(op, what);
  }
  if (what.payload.substr(0, work::removal.size()) == work::removal) {
    return remove_slice(op, what);
  }
  return leave(op);
}

}  // namespace wsp
