// The outbox of a worker: looks for jobs that are due, takes them, hands them
// to the driver, and settles what came of them (store/outbox.h).
//
// It looks about once a second, at its own time among the workers, and at
// once after a commit of its own that queued a job.  Each job in its hands is
// a task; where the other side cannot be reached at all, only one is tried at
// a time.
#ifndef WORKSPACES_ENGINE_OUTBOX_H
#define WORKSPACES_ENGINE_OUTBOX_H

#include <coroutine>
#include <cstdint>
#include <string_view>

#include "engine/operation.h"
#include "engine/smtp.h"
#include "engine/status.h"
#include "store/outbox.h"
#include "workspaces.h"

namespace wsp {

// What came of a job.
struct job_verdict {
  int outcome = WSP_JOB_RETRY;  // enum wsp_job_outcome
  std::string_view reason;
  int64_t retry_after_ms = 0;
  bool needless = false;  // done, for there was nothing to do
  bool unasked = false;   // nobody tried: it is given back
};

class outbox;

// A job in the hands of this worker, or a free hand.
class delivery final : public task {
 public:
  enum class state { idle, taking, ready, handed, settling, resting };

  flow<answer> run(operation& op) override;
  void ended(operation& op) noexcept override;

 private:
  friend class outbox;
  struct outcome_awaiter;
  struct rest_awaiter;

  // Coroutines are static: a flow's memory is that of its first parameter.
  static flow<answer> carry_out(operation& op, delivery& self);
  static flow<result<bool>> settle(operation& op, delivery& self,
                                   const queued& held, const job& what);

  outbox* owner_ = nullptr;
  operation* op_ = nullptr;
  state now_ = state::idle;
  job_kind kind_ = job_kind::mail;
  unsigned partition_ = 0;
  char id_[32];
  int64_t due_ = 0;
  uint64_t number_ = 0;
  smtp_dialog* dialog_ = nullptr;  // in the operation's memory
  job_verdict verdict_;
  uint64_t rests_until_ = 0;
  std::coroutine_handle<> waiter_;
};

class outbox final : private task {
 public:
  static constexpr uint64_t never = UINT64_MAX;
  static constexpr size_t hands = 16;  // jobs of a kind at once

  // What was last seen in the queues of a kind.
  struct sight {
    int64_t at = 0;  // wall clock; 0: nothing yet
    uint64_t queued = 0;
    uint64_t due = 0;
    int64_t oldest = 0;  // due time of the oldest that is due; 0: none is
  };

  outbox(wsp_core& core, bool mails) noexcept;

  void set_time(uint64_t now) noexcept { now_ = now; }
  // A job was queued in this partition.
  void look_soon(unsigned partition) noexcept;
  // Takes no more, and gives back what the driver has not seen.
  void drain() noexcept;
  // Of everything: what is in its hands is due again when its lease is over.
  void let_go() noexcept;

  uint64_t next_timer() const noexcept;
  void tick() noexcept;

  bool enabled(job_kind kind) const noexcept { return at(kind).enabled; }
  size_t in_hand(job_kind kind) const noexcept { return at(kind).in_hand; }
  const sight& seen(job_kind kind) const noexcept { return at(kind).seen; }

  // -- the driver's side; numbers of jobs that it does not have do nothing

  bool next_job(wsp_job* out) noexcept;
  std::string_view output(uint64_t number) noexcept;
  void written(uint64_t number, size_t size) noexcept;
  // True: it is over.
  bool input(uint64_t number, std::string_view bytes) noexcept;
  void done(uint64_t number, int outcome, std::string_view reason,
            int64_t retry_after_ms) noexcept;

 private:
  friend class delivery;

  struct kind_state {
    bool enabled = false;
    bool away = false;  // the other side could not be reached
    size_t in_hand = 0;
    sight counted;  // in this round of looks
    sight seen;
  };
  kind_state& at(job_kind kind) noexcept {
    return kinds_[static_cast<size_t>(kind)];
  }
  const kind_state& at(job_kind kind) const noexcept {
    return kinds_[static_cast<size_t>(kind)];
  }
  size_t room(job_kind kind) const noexcept;

  // The task is a look at the queues.
  flow<answer> run(operation& op) override;
  void ended(operation& op) noexcept override;
  static flow<answer> look(operation& op, outbox& self);
  void begin_look() noexcept;
  void end_round() noexcept;
  void begin(job_kind kind, unsigned partition, std::string_view id,
             int64_t due) noexcept;

  delivery* find(uint64_t number) noexcept;
  void reached(job_kind kind, const job_verdict& came) noexcept;
  void count_end(job_kind kind, job_end how) noexcept;

  wsp_core& core_;
  bool draining_ = false;
  uint64_t now_ = 0;

  kind_state kinds_[job_kinds];
  delivery deliveries_[hands * job_kinds];
  uint64_t last_number_ = 0;

  operation* look_ = nullptr;
  uint64_t next_look_ = 0;
  bool hinted_ = false;   // look at one partition at once
  bool hurried_ = false;  // a hint came during a look
  unsigned hint_ = 0;
  bool more_ = false;   // the look found more than there were hands
  unsigned first_ = 0;  // partition of the next look
  bool counts_ = true;  // in this round of looks
  uint64_t next_count_ = 0;
};

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_OUTBOX_H
