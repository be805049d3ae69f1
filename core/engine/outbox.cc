#include "engine/outbox.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <span>
#include <utility>

#include "domain/mail.h"
#include "engine/core.h"
#include "store/keys.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr int64_t second = 1000;
constexpr int64_t minute = 60 * second;
constexpr int64_t hour = 60 * minute;

// Longer than the driver may take.
constexpr int64_t lease_ms = WSP_JOB_MS + 30 * second;

// After the first try, the second ...; after the last one it is dead.
constexpr int64_t mail_delays[] = {10 * second, minute,   5 * minute,
                                   30 * minute, 2 * hour, 6 * hour,
                                   12 * hour,   24 * hour};
constexpr int64_t longest_delay = 24 * hour;

// What may be kept of what another server said.
constexpr size_t reason_max = 200;

// From one look to the next, half of it up to one and a half.
constexpr uint64_t look_ms = 1000;
// The queues are counted less often.
constexpr uint64_t count_ms = 5000;
// So many partitions in one look.
constexpr unsigned partitions_max = 256;
// Between two tries to settle what is done while the store is away.
constexpr uint64_t rest_ms = 1000;

constexpr job_kind all_kinds[] = {job_kind::mail};
static_assert(std::size(all_kinds) == job_kinds);

std::span<const int64_t> delays_of(job_kind) noexcept {
  return mail_delays;
}

// How many tries more than it has.
int64_t tries_over(job_kind kind, const job& what) noexcept {
  return what.tries - static_cast<int64_t>(delays_of(kind).size());
}

struct sighting {
  job_kind kind;
  unsigned partition;
  std::string_view id;
  int64_t due;
};

std::string_view printable(arena& memory, std::string_view text) {
  text = text.substr(0, reason_max);
  char* out = memory.bytes(text.size());
  std::transform(text.begin(), text.end(), out,
                 [](char c) { return c >= ' ' && c <= '~' ? c : '?'; });
  return {out, text.size()};
}

int64_t score(const reply& from) noexcept {
  return parse_integer(from.str()).value_or(0);
}

}  // namespace

// -- a job in hand

struct delivery::outcome_awaiter {
  delivery* self;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) const noexcept {
    self->waiter_ = waiter;
    self->number_ = ++self->owner_->last_number_;
    self->now_ = state::ready;
  }
  void await_resume() const noexcept {}
};

struct delivery::rest_awaiter {
  delivery* self;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) const noexcept {
    self->waiter_ = waiter;
    self->rests_until_ = self->owner_->now_ + rest_ms;
    self->now_ = state::resting;
  }
  void await_resume() const noexcept { self->now_ = state::settling; }
};

flow<answer> delivery::run(operation& op) {
  return carry_out(op, *this);
}

flow<answer> delivery::carry_out(operation& op, delivery& self) {
  op.label = "outbox";
  // What is sent may be a secret.
  op.memory.wipe_when_freed();
  op.keys = op.memory.make<key_names>(
      key_names::of_partition(op.memory, self.partition_));
  queued held{op.memory.copy({self.id_, sizeof self.id_}), self.due_};
  int64_t lease = now_of(op) + lease_ms;
  auto taking = take(op, self.kind_, held, lease);
  auto took = co_await taking;
  if (!took.ok() || !took.value.done) {
    co_return answer{};
  }
  held.due = lease;
  const job& what = took.value.what;
  auto writing = write_letter(op, what);
  auto written = co_await writing;
  if (tries_over(self.kind_, what) > 1) {
    // Each time the lease ran out: it may be what the worker died of.
    self.verdict_ = {WSP_JOB_FAILED, "no try has come to an end"};
  } else if (!written.ok()) {
    switch (written.error.kind) {
      case fault::refused:
        self.verdict_ = {WSP_JOB_FAILED, written.error.message};
        break;
      case fault::not_found:
        self.verdict_ = {WSP_JOB_DONE, written.error.message};
        self.verdict_.needless = true;
        break;
      default:
        self.verdict_ = {WSP_JOB_RETRY, written.error.message};
        break;
    }
  } else if (self.owner_->draining_) {
    self.verdict_.unasked = true;
  } else {
    self.dialog_ = op.memory.make<smtp_dialog>(op.memory, written.value);
    outcome_awaiter waiting{&self};
    co_await waiting;
  }
  self.now_ = state::settling;
  for (;;) {
    auto settling = settle(op, self, held, what);
    auto settled = co_await settling;
    // What is done shall not be done again because the store was away for
    // a moment; once the lease is over it is another's.
    if (settled.ok() || self.owner_->draining_ || now_of(op) >= held.due) {
      co_return answer{};
    }
    rest_awaiter resting{&self};
    co_await resting;
  }
}

flow<result<bool>> delivery::settle(operation& op, delivery& self,
                                    const queued& held, const job& what) {
  size_t tries = static_cast<size_t>(std::max<int64_t>(what.tries, 1));
  bool again = self.verdict_.outcome == WSP_JOB_RETRY ||
               self.verdict_.outcome == WSP_JOB_AWAY;
  result<bool> settled;
  job_end how = job_end::done;
  if (self.verdict_.unasked) {
    auto giving = give_back(op, self.kind_, held);
    settled = co_await giving;
    co_return settled;
  }
  if (again && tries_over(self.kind_, what) <= 0) {
    how = job_end::retried;
    int64_t delay = delays_of(self.kind_)[tries - 1];
    uint64_t random = random_of(op).number();
    delay += delay / 4 -
             static_cast<int64_t>(random % static_cast<uint64_t>(delay / 2));
    delay =
        std::max(delay, std::min(self.verdict_.retry_after_ms, longest_delay));
    auto moving = postpone(op, self.kind_, held, now_of(op) + delay,
                           self.verdict_.reason);
    settled = co_await moving;
  } else if (again || self.verdict_.outcome == WSP_JOB_FAILED) {
    how = job_end::dead;
    auto burying = bury(op, self.kind_, held, self.verdict_.reason);
    settled = co_await burying;
  } else {
    how = self.verdict_.needless ? job_end::dropped : job_end::done;
    auto removing = remove(op, self.kind_, held);
    settled = co_await removing;
  }
  if (settled.ok() && settled.value) {
    self.owner_->count_end(self.kind_, how);
    if (how == job_end::dead || how == job_end::retried) {
      log_line(
          op, how == job_end::dead ? WSP_LOG_ERROR : WSP_LOG_WARN,
          op.memory.join(name_of(self.kind_), " ", what.id, " of tenant \"",
                         percent_encode(op.memory, what.tenant), "\""),
          how == job_end::dead ? " is given up: " : " is put off: ",
          self.verdict_.reason);
    }
  }
  co_return settled;
}

void delivery::ended(operation& op) noexcept {
  dialog_ = nullptr;
  op_ = nullptr;
  now_ = state::idle;
  verdict_ = {};
  outbox& owner = *owner_;
  owner.at(kind_).in_hand--;
  free_operation(&op);
  if (owner.more_ && !owner.at(kind_).away) {
    owner.next_look_ = std::min(owner.next_look_, owner.now_);
  }
}

// -- looking

outbox::outbox(wsp_core& core, bool mails) noexcept : core_(core) {
  at(job_kind::mail).enabled = mails;
  for (delivery& each : deliveries_) {
    each.owner_ = this;
  }
}

size_t outbox::room(job_kind kind) const noexcept {
  const kind_state& state = at(kind);
  size_t most = state.away ? 1 : hands;
  return state.enabled && state.in_hand < most ? most - state.in_hand : 0;
}

void outbox::look_soon(unsigned partition) noexcept {
  if (look_ != nullptr) {
    hurried_ = true;
  } else if (hinted_ && hint_ != partition) {
    next_look_ = now_;
  }
  hinted_ = true;
  hint_ = partition;
}

uint64_t outbox::next_timer() const noexcept {
  uint64_t next = never;
  bool sends = false;
  for (const kind_state& each : kinds_) {
    sends = sends || each.enabled;
  }
  if (!sends) {
    return never;
  }
  if (!draining_ && look_ == nullptr) {
    next = hinted_ ? now_ : next_look_;
  }
  for (const delivery& each : deliveries_) {
    if (each.now_ == delivery::state::resting) {
      next = std::min(next, each.rests_until_);
    }
  }
  return next;
}

void outbox::tick() noexcept {
  for (delivery& each : deliveries_) {
    if (each.now_ == delivery::state::resting && now_ >= each.rests_until_) {
      resume(*each.op_, each.waiter_);
    }
  }
  if (now_ >= next_timer() && !draining_ && look_ == nullptr) {
    begin_look();
  }
}

void outbox::begin_look() noexcept {
  more_ = false;
  if (now_ >= next_look_) {
    hinted_ = false;
    next_look_ = now_ + look_ms / 2 + core_.random.number() % look_ms;
  }
  look_ = new_operation(&core_);
  if (look_ == nullptr) {
    hinted_ = false;
    return;
  }
  look_->work = this;
  start(*look_);
}

flow<answer> outbox::run(operation& op) {
  return look(op, *this);
}

flow<answer> outbox::look(operation& op, outbox& self) {
  op.label = "outbox";
  arena& memory = op.memory;
  auto learning = learn_partitions(op);
  problem failed = co_await learning;
  if (!failed.ok()) {
    co_return answer{};
  }
  unsigned partitions = link_of(op).partitions();
  bool one = std::exchange(self.hinted_, false);
  bool counting = self.counts_ && !one;
  unsigned first = one ? self.hint_ : self.first_;
  unsigned last =
      one ? self.hint_ + 1 : std::min(first + partitions_max, partitions);
  std::string_view now = decimal(memory, now_of(op));
  trip asking(op);
  for (unsigned p = first; p < last; p++) {
    key_names names = key_names::of_partition(memory, p);
    for (job_kind kind : all_kinds) {
      if (!self.enabled(kind)) {
        continue;
      }
      std::string_view queue = names.queue(name_of(kind));
      size_t most = std::max(self.room(kind), size_t{1});
      asking.add({"ZRANGEBYSCORE", queue, "-inf", now, "WITHSCORES", "LIMIT",
                  "0", decimal(memory, static_cast<int64_t>(most))});
      if (counting) {
        asking.add({"ZCARD", queue});
        asking.add({"ZCOUNT", queue, "-inf", now});
      }
    }
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return answer{};
  }
  list<sighting> found{arena_allocator<sighting>(memory)};
  size_t place = 0;
  for (unsigned p = first; p < last; p++) {
    for (job_kind kind : all_kinds) {
      if (!self.enabled(kind)) {
        continue;
      }
      const reply& due = asking[place++];
      self.more_ =
          self.more_ || due.count / 2 >= std::max(self.room(kind), size_t{1});
      for (size_t i = 0; i + 1 < due.count; i += 2) {
        found.push_back({kind, p, due[i].str(), score(due[i + 1])});
      }
      if (!counting) {
        continue;
      }
      sight& counted = self.at(kind).counted;
      counted.queued += static_cast<uint64_t>(asking[place++].number);
      counted.due += static_cast<uint64_t>(asking[place++].number);
      if (due.count != 0 &&
          (counted.oldest == 0 || score(due[1]) < counted.oldest)) {
        counted.oldest = std::max<int64_t>(score(due[1]), 1);
      }
    }
  }
  if (!one) {
    self.first_ = last < partitions ? last : 0;
    if (self.first_ == 0) {
      self.end_round();
    }
  }
  std::sort(found.begin(), found.end(),
            [](const sighting& a, const sighting& b) { return a.due < b.due; });
  for (const sighting& each : found) {
    if (self.room(each.kind) == 0 || self.draining_) {
      self.more_ = true;
      continue;
    }
    self.begin(each.kind, each.partition, each.id, each.due);
  }
  co_return answer{};
}

// All queues were seen.
void outbox::end_round() noexcept {
  for (kind_state& each : kinds_) {
    if (counts_) {
      each.counted.at = core_.wall_ms;
      each.seen = std::exchange(each.counted, {});
    }
  }
  counts_ = now_ >= next_count_;
  if (counts_) {
    next_count_ = now_ + count_ms;
  }
}

void outbox::ended(operation& op) noexcept {
  look_ = nullptr;
  free_operation(&op);
  if (std::exchange(hurried_, false)) {
    next_look_ = std::min(next_look_, now_);
  }
}

void outbox::begin(job_kind kind, unsigned partition, std::string_view id,
                   int64_t due) noexcept {
  if (id.size() != sizeof delivery::id_) {
    return;
  }
  delivery* free = nullptr;
  for (delivery& each : deliveries_) {
    // The one that is seen may be one's own, whose lease has run out.
    if (each.op_ == nullptr) {
      free = &each;
    } else if (std::string_view(each.id_, sizeof each.id_) == id) {
      return;
    }
  }
  operation* op = free == nullptr ? nullptr : new_operation(&core_);
  if (op == nullptr) {
    return;
  }
  free->op_ = op;
  free->now_ = delivery::state::taking;
  free->kind_ = kind;
  free->partition_ = partition;
  std::copy(id.begin(), id.end(), free->id_);
  free->due_ = due;
  at(kind).in_hand++;
  op->work = free;
  start(*op);
}

// -- the driver's side

bool outbox::next_job(wsp_job* out) noexcept {
  delivery* first = nullptr;
  for (delivery& each : deliveries_) {
    if (each.now_ == delivery::state::ready &&
        (first == nullptr || each.number_ < first->number_)) {
      first = &each;
    }
  }
  if (first == nullptr) {
    return false;
  }
  first->now_ = delivery::state::handed;
  out->kind = WSP_JOB_MAIL;
  out->number = first->number_;
  return true;
}

delivery* outbox::find(uint64_t number) noexcept {
  for (delivery& each : deliveries_) {
    if (each.now_ == delivery::state::handed && each.number_ == number) {
      return &each;
    }
  }
  return nullptr;
}

std::string_view outbox::output(uint64_t number) noexcept {
  delivery* found = find(number);
  return found == nullptr ? std::string_view() : found->dialog_->output();
}

void outbox::written(uint64_t number, size_t size) noexcept {
  delivery* found = find(number);
  if (found != nullptr) {
    found->dialog_->written(size);
  }
}

bool outbox::input(uint64_t number, std::string_view bytes) noexcept {
  delivery* found = find(number);
  if (found == nullptr) {
    return true;
  }
  try {
    return found->dialog_->input(bytes);
  } catch (const std::bad_alloc&) {
    return true;
  }
}

void outbox::done(uint64_t number, int outcome, std::string_view reason,
                  int64_t retry_after_ms) noexcept {
  delivery* found = find(number);
  if (found == nullptr) {
    return;
  }
  job_verdict came{outcome, reason, retry_after_ms};
  switch (found->dialog_->ended()) {
    case smtp_dialog::end::none:
      break;
    case smtp_dialog::end::accepted:
      came = {WSP_JOB_DONE, {}};
      break;
    case smtp_dialog::end::refused_now:
      came = {WSP_JOB_RETRY, found->dialog_->last_line()};
      break;
    case smtp_dialog::end::refused:
      came = {WSP_JOB_FAILED, found->dialog_->last_line()};
      break;
    case smtp_dialog::end::nonsense:
      came = {WSP_JOB_RETRY, "the server does not speak SMTP"};
      break;
  }
  reached(found->kind_, came);
  try {
    came.reason = printable(found->op_->memory, came.reason);
  } catch (const std::bad_alloc&) {
    came.reason = {};
  }
  found->verdict_ = came;
  resume(*found->op_, found->waiter_);
}

void outbox::reached(job_kind kind, const job_verdict& came) noexcept {
  kind_state& state = at(kind);
  bool away = came.outcome == WSP_JOB_AWAY;
  if (away && !state.away) {
    core_.log.add(WSP_LOG_ERROR, "outbox: ", name_of(kind),
                  " cannot be sent: ", came.reason);
  } else if (!away && state.away) {
    core_.log.add(WSP_LOG_NOTICE, "outbox: ", name_of(kind),
                  " can be sent again");
    next_look_ = now_;
  }
  state.away = away;
}

void outbox::count_end(job_kind kind, job_end how) noexcept {
  if (core_.status != nullptr) {
    count_job(*core_.status, kind, how);
  }
}

void outbox::drain() noexcept {
  draining_ = true;
  for (delivery& each : deliveries_) {
    bool ready = each.now_ == delivery::state::ready;
    if (ready || each.now_ == delivery::state::resting) {
      each.verdict_.unasked = each.verdict_.unasked || ready;
      resume(*each.op_, each.waiter_);
    }
  }
}

void outbox::let_go() noexcept {
  if (look_ != nullptr) {
    free_operation(std::exchange(look_, nullptr));
  }
  for (delivery& each : deliveries_) {
    if (each.op_ != nullptr) {
      free_operation(std::exchange(each.op_, nullptr));
    }
  }
}

}  // namespace wsp
