#include "engine/hand.h"

#include <algorithm>
#include <new>

#include "domain/delivery.h"
#include "domain/mail.h"
#include "engine/core.h"
#include "engine/outbox.h"
#include "engine/work.h"
#include "store/keys.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr int64_t second = 1000;
constexpr int64_t longest_delay = 24 * 3600 * second;

// Longer than the driver may take.
constexpr int64_t lease_ms = WSP_JOB_MS + 30 * second;

// What may be kept of what another server said.
constexpr size_t reason_max = 200;

// Between two tries to settle what is done while the store is away.
constexpr uint64_t rest_ms = 1000;

std::string_view printable(arena& memory, std::string_view text) {
  text = text.substr(0, reason_max);
  char* out = memory.bytes(text.size());
  std::transform(text.begin(), text.end(), out,
                 [](char c) { return c >= ' ' && c <= '~' ? c : '?'; });
  return {out, text.size()};
}

job_verdict verdict_of(const problem& why) noexcept {
  job_verdict verdict{WSP_JOB_RETRY, why.message};
  if (why.kind == fault::refused) {
    verdict.outcome = WSP_JOB_FAILED;
  } else if (why.kind == fault::not_found) {
    verdict.outcome = WSP_JOB_DONE;
    verdict.needless = true;
  }
  return verdict;
}

job_verdict verdict_of(const smtp_dialog& dialog,
                       const job_verdict& said) noexcept {
  switch (dialog.ended()) {
    case smtp_dialog::end::none:
      break;
    case smtp_dialog::end::accepted:
      return {WSP_JOB_DONE, {}};
    case smtp_dialog::end::refused_now:
      return {WSP_JOB_RETRY, dialog.last_line()};
    case smtp_dialog::end::refused:
      return {WSP_JOB_FAILED, dialog.last_line()};
    case smtp_dialog::end::nonsense:
      return {WSP_JOB_RETRY, "the server does not speak SMTP"};
  }
  return said;
}

}  // namespace

struct hand::outcome_awaiter {
  hand* self;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) const noexcept {
    self->waiter_ = waiter;
    self->number_ = ++self->owner_->last_number_;
    self->now_ = state::ready;
  }
  void await_resume() const noexcept {}
};

struct hand::rest_awaiter {
  hand* self;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) const noexcept {
    self->waiter_ = waiter;
    self->rests_until_ = self->owner_->now_ + rest_ms;
    self->now_ = state::resting;
  }
  void await_resume() const noexcept { self->now_ = state::settling; }
};

flow<answer> hand::run(operation& op) {
  return carry_out(op, *this);
}

flow<answer> hand::carry_out(operation& op, hand& self) {
  op.label = "outbox";
  // What is sent may be a secret.
  op.memory.wipe_when_freed();
  op.keys = op.memory.make<key_names>(
      key_names::of_partition(op.memory, self.partition_));
  held_job held;
  held.kind = self.kind_;
  held.held = {self.lane_, self.due_};
  int64_t lease = now_of(op) + lease_ms;
  auto taking = take(op, self.kind_, held.held, lease);
  auto took = co_await taking;
  if (!took.ok() || !took.value.done) {
    co_return answer{};
  }
  held.held.due = lease;
  held.what = took.value.what;
  // What work is about may be a tenant that is being deleted, or none.
  if (self.kind_ != job_kind::work) {
    op.who.tenant = held.what.tenant;
    op.keys = op.memory.make<key_names>(op.memory, op.who.tenant,
                                        link_of(op).partitions());
  }
  if (self.owner_->tries_over(self.kind_, held.what) > 1) {
    // Each time the lease ran out: it may be what the worker died of.
    self.verdict_ = {WSP_JOB_FAILED, "no try has come to an end"};
  } else if (self.kind_ == job_kind::work) {
    auto working = work_on(op, self, held.what);
    problem failed = co_await working;
    if (!failed.ok()) {
      self.verdict_ = verdict_of(failed);
    }
  } else {
    auto preparing = prepare(op, self, held.what);
    problem refusal = co_await preparing;
    if (!refusal.ok()) {
      self.verdict_ = verdict_of(refusal);
    } else if (self.owner_->draining_) {
      self.verdict_.unasked = true;
    } else {
      outcome_awaiter waiting{&self};
      co_await waiting;
    }
  }
  self.now_ = state::settling;
  for (;;) {
    auto settling = settle(op, self, held);
    auto settled = co_await settling;
    // What is done shall not be done again because the store was away for
    // a moment; once the lease is over it is another's.  That of a tenant
    // which is being deleted is removed with it.
    if (settled.ok() || settled.error.kind == fault::conflict ||
        self.owner_->draining_ || now_of(op) >= lease) {
      co_return answer{};
    }
    rest_awaiter resting{&self};
    co_await resting;
  }
}

flow<problem> hand::prepare(operation& op, hand& self, const job& what) {
  if (self.kind_ == job_kind::mail) {
    auto writing = write_letter(op, what);
    auto written = co_await writing;
    if (written.ok()) {
      self.dialog_ = op.memory.make<smtp_dialog>(op.memory, written.value);
    }
    co_return written.error;
  }
  auto writing = write_webhook(op, what);
  auto written = co_await writing;
  self.call_ = written.value;
  co_return written.error;
}

flow<problem> hand::work_on(operation& op, hand& self, const job& what) {
  auto working = do_slice(op, what);
  auto went = co_await working;
  self.verdict_ = {WSP_JOB_DONE, {}};
  switch (went.value) {
    case work_state::over:
      break;
    case work_state::goes_on:
      self.verdict_.goes_on = true;
      break;
    case work_state::not_mine:
      self.verdict_.unasked = true;
      self.verdict_.retry_after_ms = second;
      break;
  }
  co_return went.error;
}

void hand::judge(const job_verdict& said) noexcept {
  verdict_ = said;
  if (call_ != nullptr) {
    call_->ended = now_of(*op_);
  }
  try {
    verdict_ = dialog_ != nullptr ? verdict_of(*dialog_, said)
                                  : wsp::judge(*op_, *call_, said);
    verdict_.reason = printable(op_->memory, verdict_.reason);
  } catch (const std::bad_alloc&) {
    verdict_.reason = {};
  }
}

flow<result<bool>> hand::settle(operation& op, hand& self,
                                const held_job& held) {
  const job_verdict& verdict = self.verdict_;
  outbox& owner = *self.owner_;
  bool again = verdict.is_to_be_retried() &&
               owner.tries_over(held.kind, held.what) <= 0;
  bool dead = !again && (verdict.is_to_be_retried() ||
                         verdict.outcome == WSP_JOB_FAILED);
  if (self.call_ != nullptr) {
    auto heeding = heed_answer(op, *self.call_);
    problem failed = co_await heeding;
    if (!failed.ok()) {
      co_return failed;
    }
  }
  commit change(op);
  job_end how = job_end::done;
  if (verdict.unasked) {
    give_back(op, change, held, now_of(op) + verdict.retry_after_ms);
  } else if (verdict.goes_on) {
    go_on_with(op, change, held);
  } else if (again) {
    how = job_end::retried;
    int64_t delay = owner.delay_after(held.kind, held.what);
    delay =
        std::max(delay, std::min(verdict.retry_after_ms, longest_delay));
    postpone(op, change, held, now_of(op) + delay, verdict.reason);
  } else if (dead) {
    how = job_end::dead;
    bury(op, change, held, verdict.reason);
  } else {
    how = verdict.needless ? job_end::dropped : job_end::done;
    remove(op, change, held);
  }
  if (held.kind == job_kind::webhook && !verdict.unasked &&
      !verdict.needless) {
    note(op, self, change, held, again);
  }
  auto committing = wsp::run(op, change);
  auto outcome = co_await committing;
  if (!outcome.ok()) {
    co_return outcome.error;
  }
  if (outcome.value.done && !verdict.unasked && !verdict.goes_on) {
    owner.count_end(held.kind, how);
    if (again || dead) {
      log_line(op, dead ? WSP_LOG_ERROR : WSP_LOG_WARN,
               op.memory.join(name_of(held.kind), " ", held.what.id,
                              " of tenant \"",
                              percent_encode(op.memory, held.what.tenant),
                              "\""),
               dead ? " is given up: " : " is put off: ", verdict.reason);
    }
  }
  co_return outcome.value.done;
}

// The same in the record of what is delivered.
void hand::note(operation& op, hand& self, commit& change,
                const held_job& held, bool again) {
  const job_verdict& verdict = self.verdict_;
  delivery_try what;
  what.at = now_of(op);
  if (self.call_ != nullptr) {
    what.at = self.call_->began;
    what.ms = std::max<int64_t>(self.call_->ended - what.at, 0);
    what.status = self.call_->status;
    what.answer = self.call_->answer;
  }
  what.error = verdict.outcome == WSP_JOB_DONE ? std::string_view()
                                               : verdict.reason;
  note_try(op, change, held.what.payload, what,
           again ? delivery_state::pending
           : verdict.outcome == WSP_JOB_DONE ? delivery_state::delivered
                                             : delivery_state::failed);
}

void hand::ended(operation& op) noexcept {
  dialog_ = nullptr;
  call_ = nullptr;
  lane_ = {};
  op_ = nullptr;
  now_ = state::idle;
  verdict_ = {};
  free_operation(&op);
  owner_->freed(*this);
}

}  // namespace wsp
