// A hand of the outbox: it takes the first job of a lane, waits for the driver
// to carry it out, and settles what came of it.
#ifndef WORKSPACES_ENGINE_HAND_H
#define WORKSPACES_ENGINE_HAND_H

#include <coroutine>
#include <cstdint>
#include <string_view>

#include "domain/webhook.h"
#include "engine/job.h"
#include "engine/operation.h"
#include "engine/smtp.h"
#include "store/outbox.h"

namespace wsp {

class outbox;

class hand final : public task {
 public:
  flow<answer> run(operation& op) override;
  void ended(operation& op) noexcept override;

 private:
  friend class outbox;
  enum class state { idle, taking, ready, handed, settling, resting };
  struct outcome_awaiter;
  struct rest_awaiter;

  bool is_free() const noexcept { return op_ == nullptr; }
  bool holds(job_kind kind, unsigned partition,
             std::string_view lane) const noexcept {
    return !is_free() && kind_ == kind && partition_ == partition &&
           lane_ == lane;
  }
  // The verdict of the driver, or of what it told before.
  void judge(const job_verdict& said) noexcept;

  // Coroutines are static: a flow's memory is that of its first parameter.
  static flow<answer> carry_out(operation& op, hand& self);
  static flow<problem> prepare(operation& op, hand& self, const job& what);
  static flow<problem> work_on(operation& op, hand& self, const job& what);
  static flow<result<bool>> settle(operation& op, hand& self,
                                   const held_job& held);
  static void note(operation& op, hand& self, commit& change,
                   const held_job& held, bool again);

  outbox* owner_ = nullptr;
  operation* op_ = nullptr;
  state now_ = state::idle;
  job_kind kind_ = job_kind::mail;
  unsigned partition_ = 0;
  std::string_view lane_;  // in the operation's memory
  int64_t due_ = 0;
  uint64_t number_ = 0;
  // What the driver has to do, in the operation's memory.
  smtp_dialog* dialog_ = nullptr;
  webhook_call* call_ = nullptr;
  job_verdict verdict_;
  uint64_t rests_until_ = 0;
  std::coroutine_handle<> waiter_;
};

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_HAND_H
