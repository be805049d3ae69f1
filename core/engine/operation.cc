#include "engine/operation.h"

#include <cstdlib>
#include <new>

#include "engine/core.h"
#include "engine/decide.h"
#include "engine/pipeline.h"
#include "engine/status.h"
#include "text/text.h"

wsp_op::~wsp_op() {
  if (core != nullptr) {
    core->unlist(*this);
  }
}

namespace wsp {

namespace {

// The first memory of an operation's arena: enough for most requests.
constexpr size_t first_memory = 8192;

}  // namespace

operation* new_operation(wsp_core* core) noexcept {
  constexpr size_t size = sizeof(wsp_op) + first_memory;
  void* memory = core == nullptr ? std::malloc(size) : core->take_block(size);
  if (memory == nullptr) {
    return nullptr;
  }
  auto* op = new (memory)
      wsp_op(static_cast<char*>(memory) + sizeof(wsp_op), first_memory);
  op->core = core;
  return op;
}

void free_operation(operation* op) noexcept {
  wsp_core* core = op->core;
  op->~wsp_op();
  core == nullptr ? std::free(op) : core->give_block(op);
}

arena& arena_of(operation& op) noexcept { return op.memory; }
link& link_of(operation& op) noexcept { return op.core->data; }
cache& cache_of(operation& op) noexcept { return op.core->records; }
outbox& outbox_of(operation& op) noexcept { return op.core->outgoing; }
random_source& random_of(operation& op) noexcept { return op.core->random; }
key_names& keys_of(operation& op) noexcept { return *op.keys; }
const wsp_keyring* keyring_of(const operation& op) noexcept {
  return op.core->keyring;
}
int64_t now_of(const operation& op) noexcept {
  return op.core == nullptr ? op.made_at : op.core->wall_ms;
}
int64_t invitation_ttl_of(const operation& op) noexcept {
  return op.core->invitation_ttl_ms;
}

namespace {

bool is_named(const wsp_header& header, std::string_view name) noexcept {
  return header.name.len == name.size() &&
         equal_ignoring_case(view(header.name), name);
}

}  // namespace

const wsp_header* find_header(const operation& op,
                              std::string_view name) noexcept {
  for (size_t i = 0; i < op.request->header_count; i++) {
    if (is_named(op.request->headers[i], name)) {
      return &op.request->headers[i];
    }
  }
  return nullptr;
}

size_t count_headers(const operation& op, std::string_view name,
                     const wsp_header** first) noexcept {
  size_t count = 0;
  for (size_t i = op.request->header_count; i-- > 0;) {
    if (is_named(op.request->headers[i], name)) {
      count++;
      if (first != nullptr) {
        *first = &op.request->headers[i];
      }
    }
  }
  return count;
}

void log_line(operation& op, int level, std::string_view a,
              std::string_view b, std::string_view c,
              std::string_view d) noexcept {
  op.core->log.add(level, op.label, ": ", a, b, c, d);
}

namespace {

void count_answer(operation& op) noexcept {
  if (op.core == nullptr || op.core->status == nullptr) {
    return;
  }
  if (op.asks != nullptr) {
    count_decision(*op.core->status, op.why);
  } else {
    count_request(*op.core->status, op.request->dialect, op.route,
                  op.response.status);
  }
}

void finish(operation& op) noexcept {
  if (op.work != nullptr) {
    op.finished = true;
    op.work->ended(op);
    return;
  }
  if (!op.root.has_value()) {
    give_up(op, {fault::unavailable, "out of memory"});
    return;
  }
  op.finished = true;
  if (op.decision != nullptr && op.decision->verdict == WSP_ALLOWED) {
    op.response.status = 200;  // it goes on; there is nothing to send
  } else {
    respond(op, op.root.value());
  }
  count_answer(op);
}

}  // namespace

void give_up(operation& op, problem why) noexcept {
  op.finished = true;
  if (op.decision != nullptr) {
    op.decision->verdict = WSP_UNDECIDED;
    op.why = reason::store_unavailable;
    op.decision->reason = c_str(name_of(op.why));
  }
  respond_with_problem(op, why);
  count_answer(op);
}

void start(operation& op) noexcept {
  try {
    op.root = op.work != nullptr   ? op.work->run(op)
              : op.asks != nullptr ? decide(op)
                                   : serve(op);
  } catch (const std::bad_alloc&) {
    if (op.work != nullptr) {
      finish(op);
      return;
    }
    give_up(op, {fault::unavailable, "out of memory"});
    return;
  }
  op.root.start();
  if (op.root.done()) {
    finish(op);
  }
}

void resume(operation& op, std::coroutine_handle<> where) noexcept {
  where.resume();
  if (!op.root.done() || op.finished) {
    return;
  }
  if (op.work == nullptr) {
    op.core->list_done(op);
  }
  finish(op);
}

}  // namespace wsp
