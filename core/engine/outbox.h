// The outbox of a worker: looks for jobs that are due, takes them, hands them
// to the driver, and settles what came of them (store/outbox.h).
//
// It looks about once a second, at its own time among the workers, and at
// once after a commit of its own that queued a job.  Each job in its hands is
// a task.  Where the other side of a kind cannot be reached at all, only one
// is tried at a time; where jobs are of tenants that may have a slow side each,
// a tenant has a few hands at most, and the look goes past its other lanes.
#ifndef WORKSPACES_ENGINE_OUTBOX_H
#define WORKSPACES_ENGINE_OUTBOX_H

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/hand.h"
#include "engine/operation.h"
#include "engine/status.h"
#include "store/outbox.h"
#include "store/reply.h"
#include "workspaces.h"

namespace wsp {

class outbox final : private task {
 public:
  static constexpr uint64_t never = UINT64_MAX;
  // Jobs at once, of each kind.
  static constexpr size_t hands[job_kinds] = {16, 64, 2};
  // Of a tenant, where lanes tell whose they are.
  static constexpr size_t hands_of_tenant = 4;

  // What was last seen in the queues of a kind.
  struct sight {
    int64_t at = 0;  // wall clock; 0: nothing yet
    uint64_t queued = 0;
    uint64_t due = 0;
    int64_t oldest = 0;  // due time of the oldest that is due; 0: none is
  };

  // Carries out mail and long work where it is told to, and webhooks where it
  // is told how.
  outbox(wsp_core& core, bool mails, bool works,
         const wsp_webhooks* webhooks) noexcept;

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
  const wsp_http_request* request(uint64_t number) noexcept;
  void response(uint64_t number, unsigned status, std::string_view retry_after,
                std::string_view body) noexcept;
  void done(uint64_t number, int outcome, std::string_view reason,
            int64_t retry_after_ms) noexcept;

 private:
  friend class hand;
  struct scan;

  struct kind_state {
    bool enabled = false;
    bool away = false;  // the other side could not be reached
    size_t in_hand = 0;
    std::span<const int64_t> delays;  // before the second try, the third ...
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
  size_t in_hand(const scan& of, std::string_view tenant) const noexcept;
  bool is_in_hand(const scan& of, std::string_view lane) const noexcept;

  // How many tries more than it may have; how long it waits for the next one.
  int64_t tries_over(job_kind kind, const job& what) const noexcept;
  int64_t delay_after(job_kind kind, const job& what) noexcept;

  // The task is a look at the queues.
  flow<answer> run(operation& op) override;
  void ended(operation& op) noexcept override;
  static flow<answer> look(operation& op, outbox& self);
  static flow<problem> look_further(operation& op, outbox& self, scan& in);
  void pick(scan& in, const reply& page, int64_t now) const;
  void begin_look() noexcept;
  void end_round() noexcept;
  void begin(job_kind kind, unsigned partition, const queued& seen) noexcept;

  hand* find(uint64_t number) noexcept;
  void freed(const hand& by) noexcept;
  void reached(job_kind kind, const job_verdict& came) noexcept;
  void count_end(job_kind kind, job_end how) noexcept;

  wsp_core& core_;
  bool draining_ = false;
  uint64_t now_ = 0;

  kind_state kinds_[job_kinds];
  hand hands_[hands[0] + hands[1] + hands[2]];
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
  uint64_t next_far_look_ = 0;  // past lanes that may not be taken
};

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_OUTBOX_H
