#include "store/link.h"

#include <algorithm>
#include <charconv>
#include <new>

#include "engine/log.h"
#include "engine/status.h"
#include "store/commit.lua.h"
#include "store/resp.h"
#include "workspaces.h"

namespace wsp {

namespace {

// Not more than this is handed to the socket ahead of Redis; the rest waits
// in its operations.
constexpr size_t most_output = 1 << 20;

constexpr problem store_away{fault::unavailable,
                             "the store cannot be reached at the moment"};
constexpr problem store_busy{fault::unavailable,
                             "too many requests wait for the store"};
constexpr problem store_broken{fault::internal, "internal error"};
constexpr problem no_memory{fault::unavailable, "out of memory"};

bool starts(std::string_view text, std::string_view with) noexcept {
  return text.substr(0, with.size()) == with;
}

bool holds(std::string_view text, std::string_view what) noexcept {
  return text.find(what) != text.npos;
}

bool means_not_now(std::string_view error) noexcept {
  return means_wrong_server(error) || holds(error, "OOM") ||
         holds(error, "MISCONF") || starts(error, "BUSY") ||
         starts(error, "TRYAGAIN") || starts(error, "CLUSTERDOWN") ||
         holds(error, "NOREPLICAS");
}

size_t power_of_two(size_t least) noexcept {
  size_t size = 16;
  while (size < least) {
    size *= 2;
  }
  return size;
}

}  // namespace

link::link(connection_options options, uint32_t queue, log_queue& log,
           random_source& random)
    : connection(std::move(options), "Redis link", log, random),
      queue_(queue),
      ring_(power_of_two(queue + size_t{1})) {}

// -- handshake

void link::add_steps() {
  add_step(step::load_commit, {"SCRIPT", "LOAD", script_commit});
  add_step(step::get_partitions, {"GET", "wsp:partitions"});
  add_step(step::server_info, {"INFO"});
  add_step(step::ping, {"PING"});
}

void link::step_reply(step done, const reply& got) {
  switch (done) {
    case step::load_commit:
      if (got.str().size() != 40) {
        log().add(WSP_LOG_ERROR, "Redis did not take the commit script: ",
                  cut(got.bytes));
        drop("no commit script");
        break;
      }
      commit_sha_ = got.str();
      break;
    case step::set_partitions:
      // Out of memory, or a user without the right.
      if (got.is_error()) {
        log().add(WSP_LOG_ERROR,
                  "Redis did not take the key wsp:partitions: ",
                  cut(got.bytes));
        drop("no number of partitions");
      }
      break;
    case step::get_partitions:
      take_partitions(got);
      break;
    case step::server_info:
      take_server(got.str());
      warn_of_policy(got.str());
      break;
    default:
      break;
  }
}

void link::take_partitions(const reply& got) {
  if (got.is_error()) {
    log().add(WSP_LOG_ERROR, "Redis did not give the key wsp:partitions: ",
              cut(got.bytes));
    drop("no number of partitions");
    return;
  }
  if (got.is_nil() && stepping() && steps() < 16) {
    // A new keyspace: fix the number for everybody, and ask again.
    add_step(step::set_partitions, {"SET", "wsp:partitions",
                                    std::to_string(default_partitions),
                                    "NX"});
    add_step(step::get_partitions, {"GET", "wsp:partitions"});
    return;
  }
  unsigned count = 0;
  std::string_view text = got.str();
  std::from_chars(text.data(), text.data() + text.size(), count);
  if (count == 0 || count > 16384) {
    log().add(WSP_LOG_ERROR,
              "the key wsp:partitions in Redis holds no number of 1..16384");
    drop("no number of partitions");
    return;
  }
  if (partitions_known_ && partitions_ != count) {
    log().add(WSP_LOG_ALERT, "wsp:partitions in Redis has changed");
  }
  partitions_ = count;
  partitions_known_ = true;
}

void link::warn_of_policy(std::string_view info) {
  std::string_view policy = info_field(info, "maxmemory_policy");
  if (!policy.empty() && policy != "noeviction" && !policy_warned_) {
    policy_warned_ = true;
    log().add(WSP_LOG_WARN, "Redis has maxmemory-policy ", cut(policy),
              ": it may throw workspaces away; set noeviction");
  }
}

// -- the queue

void link::lost(bool again) {
  // Who may be sent again stays in the queue, all as not yet sent.
  exchange* failed = nullptr;
  exchange** last = &failed;
  uint64_t kept = head_;
  for (uint64_t i = head_; i != tail_; i++) {
    exchange* asking = at(i).asking;
    if (asking == nullptr) {
      continue;
    }
    if (!again || (i < sent_ && asking->sent_times_ >= 2)) {
      asking->link_ = nullptr;
      asking->next_ = nullptr;
      *last = asking;
      last = &asking->next_;
      continue;
    }
    asking->received_ = 0;
    asking->no_script_ = false;
    asking->error_ = {};
    asking->sequence_ = kept;
    at(kept++) = {asking, asking->expected(), 0};
  }
  tail_ = kept;
  sent_ = head_;
  // They may ask again while they are told.
  while (failed != nullptr) {
    exchange* next = failed->next_;
    failed->finish(store_away);
    failed = next;
  }
}

void link::enqueue(exchange& asking) {
  at(tail_) = {&asking, asking.expected(), 0};
  asking.link_ = this;
  asking.sequence_ = tail_;
  tail_++;
}

bool link::submit(exchange& asking) {
  if (may_open()) {
    open();
  } else if (now_in() == state::idle) {
    asking.failure_ = store_away;
    return false;
  }
  if (tail_ - head_ >= queue_) {
    asking.failure_ = store_busy;
    return false;
  }
  enqueue(asking);
  if (now_in() == state::ready) {
    try {
      send_queued();
    } catch (const std::bad_alloc&) {
      if (asking.sequence_ >= sent_) {
        forget(asking);
        asking.failure_ = no_memory;
        return false;
      }
    }
  }
  return true;
}

void link::send_queued() {
  while (sent_ != tail_ && unsent() < most_output) {
    entry& next = at(sent_);
    next.sent_at = now();
    if (next.asking == nullptr) {
      next.remaining = 0;  // forgotten before it went out
      sent_++;
      if (head_ + 1 == sent_) {
        head_ = sent_;
      }
      continue;
    }
    send(next.asking->bytes_.view());
    next.asking->sent_times_++;
    sent_++;
  }
}

void link::made_room() {
  try {
    send_queued();
  } catch (const std::bad_alloc&) {
    // They are sent when the next bytes have gone, or time out.
  }
}

void link::forget(exchange& asking) noexcept {
  at(asking.sequence_).asking = nullptr;
  asking.link_ = nullptr;
  // What was never sent gives its place back.
  while (tail_ != sent_ && at(tail_ - 1).asking == nullptr) {
    tail_--;
  }
}

// A long reply that is arriving is no reason to give the link up.
uint64_t link::ready_timer() const noexcept {
  if (head_ == sent_) {
    return never;
  }
  uint64_t since = ring_[head_ & (ring_.size() - 1)].sent_at;
  return std::max(since, input_at()) + options().timeout_ms;
}

void link::replied(const reply& got) {
  if (head_ == sent_) {
    drop("Redis answered more than it was asked");
    return;
  }
  entry& oldest = at(head_);
  exchange* asking = oldest.asking;
  if (asking != nullptr) {
    take(*asking, got);
  }
  if (--oldest.remaining == 0) {
    if (status_ != nullptr) {
      count_latency(*status_, now() - oldest.sent_at);
    }
    head_++;
    // Entries that were forgotten before they were sent expect nothing, and
    // the watchdog shall not wait for them.
    while (head_ != sent_ && at(head_).remaining == 0) {
      head_++;
    }
    if (asking != nullptr) {
      complete(*asking);
    }
  }
}

void link::take(exchange& asking, const reply& got) {
  size_t place = asking.received_++;
  if (asking.loads_script_) {
    if (place == 0) {
      return;
    }
    place--;
  }
  if (got.is_error() && starts(got.bytes, "NOSCRIPT")) {
    asking.no_script_ = true;
  }
  try {
    reply& copy = asking.replies_[place];
    copy = copy_reply(asking.memory_, got);
    if (copy.is_error() && asking.error_.empty()) {
      asking.error_ = copy.bytes.empty() ? "ERR" : copy.bytes;
    }
  } catch (const std::bad_alloc&) {
    asking.out_of_memory_ = true;
  }
}

// After SCRIPT FLUSH, or with a new server behind the address: the script is
// loaded, then the exchange goes out once more.
bool link::load_script_again(exchange& asking) {
  if (asking.loads_script_ || tail_ - head_ >= queue_) {
    return false;
  }
  std::string_view load[] = {"SCRIPT", "LOAD", script_commit};
  buffer both(asking.memory_,
              script_commit.size() + asking.bytes_.size() + 64);
  put_command(both, load);
  both.put(asking.bytes_.view());
  asking.bytes_ = both;
  asking.loads_script_ = true;
  asking.no_script_ = false;
  asking.error_ = {};
  asking.received_ = 0;
  enqueue(asking);
  made_room();
  return true;
}

void link::complete(exchange& asking) {
  asking.link_ = nullptr;
  if (asking.no_script_ && !asking.out_of_memory_) {
    try {
      if (load_script_again(asking)) {
        return;
      }
    } catch (const std::bad_alloc&) {
      asking.out_of_memory_ = true;
    }
  }
  if (asking.out_of_memory_) {
    asking.finish(no_memory);
    return;
  }
  std::string_view error = asking.error_;
  if (error.empty()) {
    asking.finish({});
    return;
  }
  bool not_now = means_not_now(error) || asking.no_script_;
  log().add(WSP_LOG_ERROR, "Redis refused a command: ", cut(error));
  // A replica serves reads: another server is looked for, but not so often
  // that the writes of some would cost the others the link.
  bool serves_reads = holds(error, "READONLY");
  if (means_wrong_server(error) && (!serves_reads || is_stable())) {
    // The text of the error lives with the exchange, the link goes first.
    drop("Redis cannot serve this connection any more");
  }
  asking.finish(not_now ? store_away : store_broken);
}

}  // namespace wsp
