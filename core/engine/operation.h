// An operation: one request on its way through the core, or a task of the
// core's own.
#ifndef WORKSPACES_ENGINE_OPERATION_H
#define WORKSPACES_ENGINE_OPERATION_H

#include <coroutine>
#include <string_view>

#include "engine/answer.h"
#include "engine/arena.h"
#include "engine/flow.h"
#include "engine/result.h"
#include "identity/identity.h"
#include "store/kept_reply.h"
#include "store/keys.h"
#include "workspaces.h"

namespace wsp {

class cache;
class link;
class outbox;
class random_source;
class task;
struct dialect;
enum class reason : unsigned char;

inline std::string_view view(wsp_str text) noexcept {
  return {text.data == nullptr ? "" : text.data, text.len};
}
inline wsp_str c_str(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

}  // namespace wsp

struct wsp_op {
  wsp_op(void* first, size_t size) noexcept : memory(first, size) {}
  ~wsp_op();

  wsp::arena memory;
  wsp_core* core = nullptr;              // null: made by wsp_op_new_error ...
  int64_t made_at = 0;                   // ... at this time, if that is known
  const wsp_request* request = nullptr;  // the driver's
  const wsp_access_request* asks = nullptr;  // the driver's; of a decision
  wsp::task* work = nullptr;             // nobody's request: see below
  const wsp::dialect* speaks = nullptr;
  void* data = nullptr;
  std::string_view label = "none";
  int route = -1;                        // in its dialect's table
  wsp::identity who;
  wsp::key_names* keys = nullptr;        // once the tenant is known
  wsp::kept_replies held;                // what it uses of the cache
  wsp::flow<wsp::answer> root;           // its frames are in `memory`
  bool finished = false;
  wsp_response response{};
  wsp_decision* decision = nullptr;      // of a decision
  wsp::reason why{};                     // the same
  // JSON of the organization and of the workspace, if asked.
  std::string_view organization_settings;
  std::string_view settings;

  // In the core's list of finished ones.
  bool listed = false;
  wsp_op* previous = nullptr;
  wsp_op* next = nullptr;
};

namespace wsp {

using operation = ::wsp_op;

// Work of the core's own, in an operation that has no request and is answered
// to nobody.
class task {
 public:
  // What its flow answers is not looked at.
  virtual flow<answer> run(operation& op) = 0;
  // The flow has ended, or could not begin.  Called once, last of all: the
  // operation may be freed.
  virtual void ended(operation& op) noexcept = 0;

 protected:
  ~task() = default;
};

// From the core's memory, if there is one; null: out of memory.
operation* new_operation(wsp_core* core) noexcept;
// Cancels it when it is not finished.
void free_operation(operation* op) noexcept;

arena& arena_of(operation& op) noexcept;
link& link_of(operation& op) noexcept;
cache& cache_of(operation& op) noexcept;
outbox& outbox_of(operation& op) noexcept;
random_source& random_of(operation& op) noexcept;
key_names& keys_of(operation& op) noexcept;
const wsp_keyring* keyring_of(const operation& op) noexcept;
int64_t now_of(const operation& op) noexcept;  // wall clock, milliseconds
int64_t invitation_ttl_of(const operation& op) noexcept;  // milliseconds

// The first header of that name (any case); absent: nothing.
const wsp_header* find_header(const operation& op,
                              std::string_view name) noexcept;
// How many there are; `first` is set when it is given.
size_t count_headers(const operation& op, std::string_view name,
                     const wsp_header** first = nullptr) noexcept;

void log_line(operation& op, int level, std::string_view a,
              std::string_view b = {}, std::string_view c = {},
              std::string_view d = {}) noexcept;

// Runs the operation on from `where` and lists it when it is finished.
void resume(operation& op, std::coroutine_handle<> where) noexcept;

// Starts it; afterwards it is finished or waits.  A task may be gone.
void start(operation& op) noexcept;

// Gives it the response for a fault found outside of its flow.
void give_up(operation& op, problem why) noexcept;

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_OPERATION_H
