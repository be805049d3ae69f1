#include "engine/outbox.h"

#include <algorithm>
#include <new>
#include <utility>

#include "domain/webhook.h"
#include "engine/core.h"
#include "store/keys.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr int64_t second = 1000;
constexpr int64_t minute = 60 * second;
constexpr int64_t hour = 60 * minute;

// After the first try, the second ...; after the last one it is dead.
constexpr int64_t mail_delays[] = {10 * second, minute,   5 * minute,
                                   30 * minute, 2 * hour, 6 * hour,
                                   12 * hour,   24 * hour};
// Since the last part that was done.
constexpr int64_t work_delays[] = {second,      10 * second, minute,
                                   5 * minute,  30 * minute, hour,
                                   2 * hour,    6 * hour,    12 * hour};

// From one look to the next, half of it up to one and a half.
constexpr uint64_t look_ms = 1000;
// The queues are counted less often.
constexpr uint64_t count_ms = 5000;
// So many partitions in one look.
constexpr unsigned partitions_max = 256;

// Of a queue, past lanes of tenants that have all the hands they may have: so
// many in one go, and in one look.
constexpr int64_t far_page = 500;
constexpr int64_t far_max = 20 * far_page;

constexpr job_kind all_kinds[] = {job_kind::mail, job_kind::webhook,
                                  job_kind::work};
static_assert(std::size(all_kinds) == job_kinds);

// Whether its lanes may hold several jobs, and say whose they are.
constexpr bool shares_lanes(job_kind kind) noexcept {
  return kind == job_kind::webhook;
}

int64_t score(const reply& from) noexcept {
  return parse_integer(from.str()).value_or(0);
}

}  // namespace

// -- looking

// A queue that is looked at.
struct outbox::scan {
  struct share {
    std::string_view tenant;
    size_t lanes;
  };

  scan(arena& memory, job_kind of, unsigned in, std::string_view key)
      : kind(of),
        partition(in),
        queue(key),
        picked(arena_allocator<queued>(memory)),
        shares(arena_allocator<share>(memory)) {}

  job_kind kind;
  unsigned partition;
  std::string_view queue;
  size_t wanted = 0;
  int64_t page = 1;
  bool seen_all = false;  // that is due
  list<queued> picked;
  list<share> shares;     // of the tenants of these

  bool has_enough() const noexcept { return picked.size() >= wanted; }
};

outbox::outbox(wsp_core& core, bool mails, bool works,
               const wsp_webhooks* webhooks) noexcept
    : core_(core) {
  at(job_kind::work).enabled = works;
  at(job_kind::work).delays = work_delays;
  at(job_kind::mail).enabled = mails;
  at(job_kind::mail).delays = mail_delays;
  if (webhooks != nullptr) {
    at(job_kind::webhook).enabled = true;
    at(job_kind::webhook).delays = webhooks->delays;
  }
  for (hand& each : hands_) {
    each.owner_ = this;
  }
}

size_t outbox::room(job_kind kind) const noexcept {
  const kind_state& state = at(kind);
  size_t most = state.away ? 1 : hands[static_cast<size_t>(kind)];
  return state.enabled && state.in_hand < most ? most - state.in_hand : 0;
}

size_t outbox::in_hand(const scan& of, std::string_view tenant) const noexcept {
  auto is_his = [&](const hand& each) {
    return !each.is_free() && each.kind_ == of.kind &&
           each.partition_ == of.partition && tenant_in(each.lane_) == tenant;
  };
  return static_cast<size_t>(
      std::count_if(std::begin(hands_), std::end(hands_), is_his));
}

bool outbox::is_in_hand(const scan& of, std::string_view lane) const noexcept {
  return std::any_of(std::begin(hands_), std::end(hands_),
                     [&](const hand& each) {
                       return each.holds(of.kind, of.partition, lane);
                     });
}

int64_t outbox::tries_over(job_kind kind, const job& what) const noexcept {
  return what.tries - static_cast<int64_t>(at(kind).delays.size());
}

int64_t outbox::delay_after(job_kind kind, const job& what) noexcept {
  std::span<const int64_t> delays = at(kind).delays;
  auto tries = static_cast<size_t>(std::max<int64_t>(what.tries, 1));
  int64_t delay = delays[std::min(tries, delays.size()) - 1];
  auto spread = static_cast<uint64_t>(delay / 2 + 1);
  return delay + delay / 4 -
         static_cast<int64_t>(core_.random.number() % spread);
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
  for (const hand& each : hands_) {
    if (each.now_ == hand::state::resting) {
      next = std::min(next, each.rests_until_);
    }
  }
  return next;
}

void outbox::tick() noexcept {
  for (hand& each : hands_) {
    if (each.now_ == hand::state::resting && now_ >= each.rests_until_) {
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

// Takes from a page what may be taken.
void outbox::pick(scan& in, const reply& page, int64_t now) const {
  size_t count = page.items().size() / 2;
  in.seen_all = count < static_cast<size_t>(in.page);
  for (size_t i = 0; i < count; i++) {
    queued lane{page[2 * i].str(), score(page[2 * i + 1])};
    if (lane.due > now || in.picked.size() >= in.wanted) {
      in.seen_all = lane.due > now;
      break;
    }
    // One's own is seen when its lease has run out.
    if (is_in_hand(in, lane.lane)) {
      continue;
    }
    std::string_view tenant = tenant_in(lane.lane);
    if (!tenant.empty()) {
      auto found = std::find_if(
          in.shares.begin(), in.shares.end(),
          [&](const scan::share& each) { return each.tenant == tenant; });
      if (found == in.shares.end()) {
        in.shares.push_back({tenant, in_hand(in, tenant)});
        found = in.shares.end() - 1;
      }
      if (found->lanes >= hands_of_tenant) {
        continue;
      }
      found->lanes++;
    }
    in.picked.push_back(lane);
  }
}

flow<problem> outbox::look_further(operation& op, outbox& self, scan& in) {
  int64_t now = now_of(op);
  trip counting(op);
  counting.add({"ZCOUNT", in.queue, "-inf", decimal(op.memory, now)});
  co_await counting.go();
  if (!counting.ok()) {
    co_return counting.failure();
  }
  int64_t rank = in.page;
  // Where they are too many for one look it begins somewhere among them.
  int64_t beyond = counting[0].number - rank - far_max;
  if (beyond > 0) {
    rank += static_cast<int64_t>(self.core_.random.number() %
                                 static_cast<uint64_t>(beyond + 1));
  }
  in.page = far_page;
  int64_t end = rank + far_max;
  for (; rank < end && !in.seen_all && !in.has_enough(); rank += far_page) {
    trip reading(op);
    reading.add({"ZRANGE", in.queue, decimal(op.memory, rank),
                 decimal(op.memory, rank + far_page - 1), "WITHSCORES"});
    co_await reading.go();
    if (!reading.ok()) {
      co_return reading.failure();
    }
    self.pick(in, reading[0], now);
  }
  co_return problem{};
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
  list<scan> scans{arena_allocator<scan>(memory)};
  scans.reserve((last - first) * job_kinds);
  trip asking(op);
  for (unsigned p = first; p < last; p++) {
    key_names names = key_names::of_partition(memory, p);
    for (job_kind kind : all_kinds) {
      if (!self.enabled(kind)) {
        continue;
      }
      scans.emplace_back(memory, kind, p, names.queue(name_of(kind)));
      scan& in = scans.back();
      in.wanted = self.room(kind);
      in.page = static_cast<int64_t>(std::max(in.wanted, size_t{1}));
      asking.add({"ZRANGE", in.queue, "0", decimal(memory, in.page - 1),
                  "WITHSCORES"});
      if (!counting) {
        continue;
      }
      asking.add({"ZCOUNT", in.queue, "-inf", now});
      if (shares_lanes(kind)) {
        asking.add({"HGET", names.job_counts(), name_of(kind)});
      } else {
        asking.add({"ZCARD", in.queue});
      }
    }
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return answer{};
  }
  size_t place = 0;
  for (scan& in : scans) {
    const reply& page = asking[place++];
    self.pick(in, page, now_of(op));
    if (!counting) {
      continue;
    }
    sight& counted = self.at(in.kind).counted;
    int64_t oldest = score(page[1]);
    if (page.count != 0 && oldest <= now_of(op) &&
        (counted.oldest == 0 || oldest < counted.oldest)) {
      counted.oldest = std::max<int64_t>(oldest, 1);
    }
    counted.due += static_cast<uint64_t>(asking[place++].number);
    const reply& queued = asking[place++];
    counted.queued += static_cast<uint64_t>(
        shares_lanes(in.kind) ? std::max<int64_t>(score(queued), 0)
                              : queued.number);
  }
  if (!one) {
    self.first_ = last < partitions ? last : 0;
    if (self.first_ == 0) {
      self.end_round();
    }
  }
  bool far = !one && self.now_ >= self.next_far_look_;
  for (scan& in : scans) {
    if (far && shares_lanes(in.kind) && !in.seen_all && !in.has_enough()) {
      self.next_far_look_ = self.now_ + look_ms;
      auto going = self.look_further(op, self, in);
      failed = co_await going;
    }
    self.more_ = self.more_ || (!in.seen_all && in.has_enough());
  }
  struct sighting {
    const scan* in;
    queued seen;
  };
  list<sighting> found{arena_allocator<sighting>(memory)};
  for (const scan& in : scans) {
    for (const queued& each : in.picked) {
      found.push_back({&in, each});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const sighting& a, const sighting& b) {
              return a.seen.due < b.seen.due;
            });
  for (const sighting& each : found) {
    if (self.room(each.in->kind) == 0 || self.draining_) {
      self.more_ = true;
      continue;
    }
    self.begin(each.in->kind, each.in->partition, each.seen);
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

void outbox::begin(job_kind kind, unsigned partition,
                   const queued& seen) noexcept {
  auto* free = std::find_if(std::begin(hands_), std::end(hands_),
                            [](const hand& each) { return each.is_free(); });
  operation* op = free == std::end(hands_) ? nullptr : new_operation(&core_);
  if (op == nullptr) {
    return;
  }
  try {
    free->lane_ = op->memory.copy(seen.lane);
  } catch (const std::bad_alloc&) {
    free_operation(op);
    return;
  }
  free->op_ = op;
  free->now_ = hand::state::taking;
  free->kind_ = kind;
  free->partition_ = partition;
  free->due_ = seen.due;
  at(kind).in_hand++;
  op->work = free;
  start(*op);
}

void outbox::freed(const hand& by) noexcept {
  at(by.kind_).in_hand--;
  if (at(by.kind_).away) {
    return;
  }
  if (more_) {
    next_look_ = std::min(next_look_, now_);
  } else if (shares_lanes(by.kind_)) {
    // For the next job of the lane, or of the tenant.
    look_soon(by.partition_);
  }
}

// -- the driver's side

bool outbox::next_job(wsp_job* out) noexcept {
  hand* first = nullptr;
  for (hand& each : hands_) {
    if (each.now_ == hand::state::ready &&
        (first == nullptr || each.number_ < first->number_)) {
      first = &each;
    }
  }
  if (first == nullptr) {
    return false;
  }
  first->now_ = hand::state::handed;
  out->kind = first->call_ != nullptr ? WSP_JOB_HTTP : WSP_JOB_MAIL;
  out->number = first->number_;
  return true;
}

hand* outbox::find(uint64_t number) noexcept {
  for (hand& each : hands_) {
    if (each.now_ == hand::state::handed && each.number_ == number) {
      return &each;
    }
  }
  return nullptr;
}

std::string_view outbox::output(uint64_t number) noexcept {
  hand* found = find(number);
  return found == nullptr || found->dialog_ == nullptr
             ? std::string_view()
             : found->dialog_->output();
}

void outbox::written(uint64_t number, size_t size) noexcept {
  hand* found = find(number);
  if (found != nullptr && found->dialog_ != nullptr) {
    found->dialog_->written(size);
  }
}

bool outbox::input(uint64_t number, std::string_view bytes) noexcept {
  hand* found = find(number);
  if (found == nullptr || found->dialog_ == nullptr) {
    return true;
  }
  try {
    return found->dialog_->input(bytes);
  } catch (const std::bad_alloc&) {
    return true;
  }
}

const wsp_http_request* outbox::request(uint64_t number) noexcept {
  hand* found = find(number);
  return found == nullptr || found->call_ == nullptr ? nullptr
                                                     : &found->call_->request;
}

void outbox::response(uint64_t number, unsigned status,
                      std::string_view retry_after,
                      std::string_view body) noexcept {
  hand* found = find(number);
  if (found == nullptr || found->call_ == nullptr) {
    return;
  }
  try {
    take_answer(*found->op_, *found->call_, status, retry_after, body);
  } catch (const std::bad_alloc&) {
    // What it said is lost, not that it was said.
  }
}

void outbox::done(uint64_t number, int outcome, std::string_view reason,
                  int64_t retry_after_ms) noexcept {
  hand* found = find(number);
  if (found == nullptr) {
    return;
  }
  found->judge({outcome, reason, retry_after_ms});
  reached(found->kind_, found->verdict_);
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
  for (hand& each : hands_) {
    bool ready = each.now_ == hand::state::ready;
    if (ready || each.now_ == hand::state::resting) {
      each.verdict_.unasked = each.verdict_.unasked || ready;
      resume(*each.op_, each.waiter_);
    }
  }
}

void outbox::let_go() noexcept {
  if (look_ != nullptr) {
    free_operation(std::exchange(look_, nullptr));
  }
  for (hand& each : hands_) {
    if (each.op_ != nullptr) {
      free_operation(std::exchange(each.op_, nullptr));
    }
  }
}

}  // namespace wsp
