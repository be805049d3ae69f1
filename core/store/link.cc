#include "store/link.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <new>

#include "engine/log.h"
#include "engine/operation.h"
#include "engine/random.h"
#include "store/commit.lua.h"
#include "store/redis_url.h"
#include "store/resp.h"
#include "workspaces.h"

namespace wsp {

namespace {

// Not more than this is handed to the socket ahead of Redis; the rest waits
// in its operations.
constexpr size_t most_output = 1 << 20;

// A reply larger than any of ours; with it the link is dropped.
constexpr size_t most_input = 64u << 20;

// A link that was ready for less is taken as one that fails.
constexpr uint64_t stable_ms = 1000;

constexpr uint64_t first_backoff_ms = 100;
constexpr uint64_t last_backoff_ms = 5000;

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

// This connection will not do any more: another server may have to be found.
bool means_wrong_server(std::string_view error) noexcept {
  return starts(error, "LOADING") || starts(error, "MASTERDOWN") ||
         starts(error, "NOAUTH") || holds(error, "READONLY");
}

bool means_not_now(std::string_view error) noexcept {
  return means_wrong_server(error) || holds(error, "OOM") ||
         holds(error, "MISCONF") || starts(error, "BUSY") ||
         starts(error, "TRYAGAIN") || starts(error, "CLUSTERDOWN") ||
         holds(error, "NOREPLICAS");
}

std::string_view cut(std::string_view text) noexcept {
  return text.substr(0, 120);
}

size_t power_of_two(size_t least) noexcept {
  size_t size = 16;
  while (size < least) {
    size *= 2;
  }
  return size;
}

}  // namespace

link::link(link_options options, log_queue& log, random_source& random)
    : options_(std::move(options)),
      log_(log),
      random_(random),
      scratch_(scratch_memory_, sizeof scratch_memory_),
      ring_(power_of_two(options_.queue + size_t{2})) {}

link::~link() {
  if (reader_ != nullptr) {
    redisReaderFree(reader_);
  }
}

link::action link::next_action() noexcept {
  if (want_close_) {
    want_close_ = false;
    return action::close;
  }
  if (state_ == state::idle && !draining_ && now_ >= retry_at_) {
    connect_now();
  }
  if (want_connect_) {
    want_connect_ = false;
    return action::connect;
  }
  return action::none;
}

void link::connect_now() noexcept {
  state_ = state::connecting;
  want_connect_ = true;
  deadline_ = now_ + options_.connect_timeout_ms;
}

void link::connected() {
  if (state_ != state::connecting) {
    return;
  }
  try {
    begin_handshake();
  } catch (const std::bad_alloc&) {
    drop("out of memory");
  }
}

void link::closed(std::string_view why) {
  if (state_ != state::idle) {
    want_connect_ = false;
    lose(why);
  }
}

// Gives the connection up: the driver closes it.
void link::drop(std::string_view why) {
  want_close_ = true;
  want_connect_ = false;
  lose(why);
}

void link::lose(std::string_view why) {
  bool was_ready = state_ == state::ready;
  bool stable = was_ready && now_ - ready_since_ >= stable_ms;
  out_.clear();
  out_done_ = 0;
  if (reader_ != nullptr) {
    redisReaderFree(reader_);
    reader_ = nullptr;
  }
  scratch_.reset();
  steps_.clear();
  step_ = 0;

  failures_ = stable ? 0 : failures_ + 1;
  bool at_once = stable || (was_ready && failures_ <= 1);

  // Who may be sent again stays in the queue, all as not yet sent.
  trip* failed = nullptr;
  trip** last = &failed;
  uint64_t kept = head_;
  for (uint64_t i = head_; i != tail_; i++) {
    trip* asking = at(i).asking;
    if (asking == nullptr) {
      continue;
    }
    if (!at_once || (i < sent_ && asking->sent_times_ >= 2)) {
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
    at(kept) = {asking, expected_replies(*asking), 0};
    kept++;
  }
  tail_ = kept;
  sent_ = head_;

  log_.add(was_ready || failures_ == 1 ? WSP_LOG_ERROR : WSP_LOG_WARN,
           was_ready ? "Redis link lost: " : "no Redis link: ", why);
  state_ = state::idle;
  retry_at_ = now_;
  if (!at_once) {
    uint64_t wait = std::min(
        first_backoff_ms << std::min(failures_ - 1, 6u), last_backoff_ms);
    retry_at_ += wait / 2 + random_.number() % (wait / 2 + 1);
  } else if (!draining_ || head_ != tail_) {
    connect_now();
  }

  // They may ask again while they are told: the state above is the new one.
  while (failed != nullptr) {
    trip* next = failed->next_;
    failed->finish(store_away);
    failed = next;
  }
}

// -- handshake

void link::add_step(step what,
                    std::initializer_list<std::string_view> command) {
  formatted_command text({command.begin(), command.size()});
  steps_.push_back(what);
  out_.append(text.view());
}

void link::begin_handshake() {
  state_ = state::handshake;
  out_.clear();
  out_done_ = 0;
  steps_.clear();
  step_ = 0;
  if (reader_ == nullptr) {
    reader_ = new_reader(scratch_);
    if (reader_ == nullptr) {
      throw std::bad_alloc();
    }
  }
  const redis_url& redis = *options_.redis;
  if (!redis.password.empty() && redis.user.empty()) {
    add_step(step::auth, {"AUTH", redis.password});
  } else if (!redis.password.empty()) {
    add_step(step::auth, {"AUTH", redis.user, redis.password});
  }
  if (redis.database != 0) {
    add_step(step::select, {"SELECT", std::to_string(redis.database)});
  }
  add_step(step::set_name, {"CLIENT", "SETNAME", options_.client_name});
  add_step(step::load_commit, {"SCRIPT", "LOAD", script_commit});
  add_step(step::get_partitions, {"GET", "wsp:partitions"});
  add_step(step::memory_policy, {"INFO", "memory"});
  add_step(step::ping, {"PING"});
}

void link::handshake_reply(const reply& got) {
  if (step_ >= steps_.size()) {
    drop("Redis answered more than it was asked");
    return;
  }
  step now = steps_[step_++];
  std::string_view error = got.is_error() ? got.bytes : std::string_view();
  if (means_wrong_server(error)) {
    drop(starts(error, "NOAUTH")
             ? "Redis wants a password that it was not given"
             : cut(error));
    return;
  }
  switch (now) {
    case step::auth:
      if (got.is_error()) {
        drop("Redis refused the user or the password");
      }
      break;
    case step::select:
      if (got.is_error()) {
        drop("Redis refused the database number");
      }
      break;
    case step::set_name:
      break;
    case step::load_commit:
      if (got.str().size() != 40) {
        log_.add(WSP_LOG_ERROR, "Redis did not take the commit script: ",
                 cut(got.bytes));
        drop("no commit script");
        break;
      }
      commit_sha_ = got.str();
      break;
    case step::set_partitions:
      // Out of memory, or a user without the right.
      if (got.is_error()) {
        log_.add(WSP_LOG_ERROR, "Redis did not take the key wsp:partitions: ",
                 cut(error));
        drop("no number of partitions");
      }
      break;
    case step::get_partitions: {
      if (got.is_error()) {
        log_.add(WSP_LOG_ERROR, "Redis did not give the key wsp:partitions: ",
                 cut(error));
        drop("no number of partitions");
        break;
      }
      if (got.is_nil() && now_ < deadline_ && steps_.size() < 16) {
        // A new keyspace: fix the number for everybody, and ask again.
        add_step(step::set_partitions,
                 {"SET", "wsp:partitions",
                  std::to_string(default_partitions), "NX"});
        add_step(step::get_partitions, {"GET", "wsp:partitions"});
        break;
      }
      unsigned count = 0;
      std::string_view text = got.str();
      std::from_chars(text.data(), text.data() + text.size(), count);
      if (count == 0 || count > 16384) {
        log_.add(WSP_LOG_ERROR,
                 "the key wsp:partitions in Redis holds no number of "
                 "1..16384");
        drop("no number of partitions");
        break;
      }
      if (partitions_known_ && partitions_ != count) {
        log_.add(WSP_LOG_ALERT, "wsp:partitions in Redis has changed");
      }
      partitions_ = count;
      partitions_known_ = true;
      break;
    }
    case step::memory_policy: {
      constexpr std::string_view key = "maxmemory_policy:";
      std::string_view info = got.str();
      size_t from = info.find(key);
      if (from == info.npos || policy_warned_) {
        break;
      }
      std::string_view policy = info.substr(from + key.size());
      policy = policy.substr(0, policy.find_first_of("\r\n"));
      if (policy != "noeviction") {
        policy_warned_ = true;
        log_.add(WSP_LOG_WARN, "Redis has maxmemory-policy ", cut(policy),
                 ": it may throw workspaces away; set noeviction");
      }
      break;
    }
    case step::ping:
      if (got.is_error()) {
        drop(cut(got.bytes));
      }
      break;
  }
  if (state_ == state::handshake && step_ == steps_.size()) {
    become_ready();
  }
}

void link::become_ready() {
  state_ = state::ready;
  ready_since_ = now_;
  log_.add(failures_ != 0 ? WSP_LOG_NOTICE : WSP_LOG_INFO,
           "Redis link is ready");
  send_queued();
}

// -- bytes

void link::input(const char* data, size_t size) {
  if (state_ != state::handshake && state_ != state::ready) {
    return;
  }
  redisReader* const reader = reader_;
  if (redisReaderFeed(reader, data, size) != REDIS_OK) {
    drop("Redis sent what is not RESP");
    return;
  }
  while (reader_ == reader) {
    void* object = nullptr;
    if (redisReaderGetReply(reader, &object) != REDIS_OK) {
      drop("Redis sent what is not RESP");
      return;
    }
    if (object == nullptr) {
      if (reader->len - reader->pos > most_input) {
        drop("Redis sent too large a reply");
      }
      return;
    }
    const reply& got = *static_cast<reply*>(object);
    try {
      if (state_ == state::handshake) {
        handshake_reply(got);
      } else {
        queue_reply(got);
      }
    } catch (const std::bad_alloc&) {
      drop("out of memory");
      return;
    }
    if (reader_ == reader) {
      scratch_.reset();
    }
  }
}

std::string_view link::output() noexcept {
  if (state_ != state::handshake && state_ != state::ready) {
    return {};
  }
  return std::string_view(out_).substr(out_done_);
}

void link::written(size_t size) noexcept {
  out_done_ += std::min(size, out_.size() - out_done_);
  if (out_done_ == out_.size()) {
    out_.clear();
    out_done_ = 0;
    if (out_.capacity() > 2 * most_output) {
      std::string().swap(out_);
    }
  }
  if (state_ == state::ready && sent_ != tail_) {
    try {
      send_queued();
    } catch (const std::bad_alloc&) {
      // They are sent when the next bytes have gone, or time out.
    }
  }
}

// -- time

uint64_t link::next_timer() const noexcept {
  switch (state_) {
    case state::idle:
      return draining_ ? never : retry_at_;
    case state::connecting:
    case state::handshake:
      return deadline_;
    case state::ready:
      return head_ == sent_ ? never
                            : ring_[head_ & (ring_.size() - 1)].sent_at +
                                  options_.timeout_ms;
  }
  return never;
}

void link::tick() {
  if (now_ < next_timer()) {
    return;
  }
  switch (state_) {
    case state::idle:
      connect_now();
      break;
    case state::connecting:
      drop("connect timed out");
      break;
    case state::handshake:
      drop("the handshake timed out");
      break;
    case state::ready:
      drop("no reply in time");
      break;
  }
}

// -- the queue

uint32_t link::expected_replies(const trip& asking) noexcept {
  return static_cast<uint32_t>(asking.count_) +
         (asking.loads_script_ ? 1 : 0);
}

void link::enqueue(trip* asking, uint32_t replies) {
  at(tail_) = {asking, replies, 0};
  if (asking != nullptr) {
    asking->link_ = this;
    asking->sequence_ = tail_;
  }
  tail_++;
}

bool link::submit(trip& asking) {
  if (state_ == state::idle) {
    if (now_ < retry_at_) {
      asking.failure_ = store_away;
      return false;
    }
    connect_now();
  }
  if (tail_ - head_ >= options_.queue) {
    asking.failure_ = store_busy;
    return false;
  }
  enqueue(&asking, expected_replies(asking));
  if (state_ == state::ready) {
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
  while (sent_ != tail_ && out_.size() - out_done_ < most_output) {
    entry& next = at(sent_);
    next.sent_at = now_;
    if (next.asking == nullptr) {
      next.remaining = 0;  // forgotten before it went out
      sent_++;
      if (head_ + 1 == sent_) {
        head_ = sent_;
      }
      continue;
    }
    out_.append(next.asking->bytes_.view());
    next.asking->sent_times_++;
    sent_++;
  }
}

void link::forget(trip& asking) noexcept {
  at(asking.sequence_).asking = nullptr;
  asking.link_ = nullptr;
}

void link::queue_reply(const reply& got) {
  if (head_ == sent_) {
    drop("Redis answered more than it was asked");
    return;
  }
  entry& oldest = at(head_);
  oldest.remaining--;
  trip* asking = oldest.asking;
  if (asking != nullptr) {
    if (got.is_error() && starts(got.bytes, "NOSCRIPT")) {
      asking->no_script_ = true;
    }
    try {
      size_t place = asking->received_++;
      if (asking->loads_script_ && place-- == 0) {
        return;
      }
      reply& copy = asking->replies_[place];
      copy = copy_reply(arena_of(*asking->op_), got);
      if (copy.is_error() && asking->error_.empty()) {
        asking->error_ = copy.bytes.empty() ? "ERR" : copy.bytes;
      }
    } catch (const std::bad_alloc&) {
      asking->out_of_memory_ = true;
    }
  }
  if (oldest.remaining == 0) {
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

void link::complete(trip& asking) {
  asking.link_ = nullptr;
  if (asking.no_script_ && !asking.loads_script_ &&
      tail_ - head_ < options_.queue) {
    // SCRIPT FLUSH, or a new server behind the address: load it, then again.
    try {
      std::string_view load[] = {"SCRIPT", "LOAD", script_commit};
      formatted_command text(load);
      buffer both(arena_of(*asking.op_), text.view().size());
      both.put(text.view());
      both.put(asking.bytes_.view());
      asking.bytes_ = both;
    } catch (const std::bad_alloc&) {
      // It is in no queue any more: nobody else would tell it.
      asking.finish(no_memory);
      return;
    }
    asking.loads_script_ = true;
    asking.no_script_ = false;
    asking.error_ = {};
    asking.received_ = 0;
    enqueue(&asking, expected_replies(asking));
    send_queued();
    return;
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
  bool not_now = means_not_now(error);
  log_.add(WSP_LOG_ERROR, "Redis refused a command: ", cut(error));
  // A replica serves reads: another server is looked for, but only when the
  // link comes back without backing off, or the writes of some would cost the
  // others their reads.
  bool serves_reads = holds(error, "READONLY");
  bool back_at_once = failures_ == 0 || now_ - ready_since_ >= stable_ms;
  if (means_wrong_server(error) && (!serves_reads || back_at_once)) {
    // The text of the error lives in the operation, the link goes first.
    drop("Redis cannot serve this connection any more");
  }
  asking.finish(not_now ? store_away : store_broken);
}

}  // namespace wsp
