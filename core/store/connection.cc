#include "store/connection.h"

#include <algorithm>
#include <new>

#include "engine/log.h"
#include "engine/random.h"
#include "store/redis_url.h"
#include "store/resp.h"
#include "workspaces.h"

namespace wsp {

namespace {

// A reply larger than any of ours; with it the connection is dropped.
constexpr size_t most_input = 64u << 20;

// What the reader is given at once: after each kilobyte that it has read, it
// moves what is left to the front of its memory.
constexpr size_t most_fed = 4096;

// What is kept of the memory for output when all is written.
constexpr size_t most_idle_output = 2u << 20;

// A connection that was ready for less is taken as one that fails.
constexpr uint64_t stable_ms = 1000;

constexpr uint64_t first_backoff_ms = 100;
constexpr uint64_t last_backoff_ms = 5000;

bool starts(std::string_view text, std::string_view with) noexcept {
  return text.substr(0, with.size()) == with;
}

}  // namespace

bool means_wrong_server(std::string_view error) noexcept {
  return starts(error, "LOADING") || starts(error, "MASTERDOWN") ||
         starts(error, "NOAUTH") || error.find("READONLY") != error.npos;
}

std::string_view info_field(std::string_view info,
                            std::string_view name) noexcept {
  while (!info.empty()) {
    size_t end = info.find("\r\n");
    std::string_view line = info.substr(0, end);
    if (starts(line, name) && line.substr(name.size(), 1) == ":") {
      return line.substr(name.size() + 1);
    }
    info = end == info.npos ? "" : info.substr(end + 2);
  }
  return {};
}

connection::connection(connection_options options, std::string_view title,
                       log_queue& log, random_source& random)
    : options_(std::move(options)),
      title_(title),
      log_(log),
      random_(random),
      scratch_(scratch_memory_, sizeof scratch_memory_) {}

connection::~connection() {
  if (reader_ != nullptr) {
    redisReaderFree(reader_);
  }
}

connection::action connection::next_action() noexcept {
  if (want_close_) {
    want_close_ = false;
    return action::close;
  }
  if (state_ == state::idle && !draining_ && now_ >= retry_at_) {
    open();
  }
  if (want_connect_) {
    want_connect_ = false;
    return action::connect;
  }
  return action::none;
}

bool connection::may_open() const noexcept {
  return state_ == state::idle && now_ >= retry_at_;
}

bool connection::is_stable() const noexcept {
  return state_ == state::ready && now_ - ready_since_ >= stable_ms;
}

void connection::open() noexcept {
  state_ = state::connecting;
  want_connect_ = true;
  deadline_ = now_ + options_.connect_timeout_ms;
}

void connection::connected() {
  if (state_ != state::connecting) {
    return;
  }
  try {
    begin_handshake();
  } catch (const std::bad_alloc&) {
    drop("out of memory");
  }
}

void connection::closed(std::string_view why) {
  if (state_ != state::idle) {
    want_connect_ = false;
    lose(why);
  }
}

void connection::drop(std::string_view why) {
  want_close_ = true;
  want_connect_ = false;
  lose(why);
}

void connection::lose(std::string_view why) {
  counters_.lost++;
  bool was_ready = state_ == state::ready;
  bool stable = is_stable();
  out_.clear();
  out_done_ = 0;
  if (reader_ != nullptr) {
    redisReaderFree(reader_);
    reader_ = nullptr;
  }
  steps_.clear();
  step_ = 0;

  failures_ = stable ? 0 : failures_ + 1;
  bool again = was_ready && failures_ <= 1;

  log_.add(was_ready || failures_ == 1 ? WSP_LOG_ERROR : WSP_LOG_WARN,
           was_ready ? "" : "no ", title_, was_ready ? " lost: " : ": ", why);
  state_ = state::idle;
  retry_at_ = now_;
  if (!again) {
    uint64_t wait = std::min(
        first_backoff_ms << std::min(failures_ - 1, 6u), last_backoff_ms);
    retry_at_ += wait / 2 + random_.number() % (wait / 2 + 1);
  } else if (!draining_ || wanted()) {
    open();
  } else {
    again = false;  // for whoever asks next
  }
  // The replies of a reader that is gone; `why` may lie there.
  scratch_.reset();
  lost(again);
}

// -- handshake

void connection::add_step(step what,
                          std::initializer_list<std::string_view> command) {
  steps_.push_back(what);
  put_command(out_, {command.begin(), command.size()});
}

void connection::begin_handshake() {
  state_ = state::handshake;
  handshake_at_ = now_;
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
  add_steps();
}

void connection::handshake_reply(const reply& got) {
  if (step_ >= steps_.size()) {
    drop("Redis answered more than it was asked");
    return;
  }
  step done = steps_[step_++];
  std::string_view error = got.is_error() ? got.bytes : std::string_view();
  if (means_wrong_server(error)) {
    drop(starts(error, "NOAUTH")
             ? "Redis wants a password that it was not given"
             : cut(error));
    return;
  }
  switch (done) {
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
    case step::ping:
      if (got.is_error()) {
        drop(cut(got.bytes));
      }
      break;
    default:
      step_reply(done, got);
      break;
  }
  if (state_ == state::handshake && step_ == steps_.size()) {
    state_ = state::ready;
    ready_since_ = now_;
    counters_.ready++;
    log_.add(failures_ != 0 ? WSP_LOG_NOTICE : WSP_LOG_INFO, title_,
             " is ready");
    became_ready();
  }
}

void connection::take_server(std::string_view info) {
  server_ = info_field(info, "run_id");
}

// -- bytes

void connection::input(const char* data, size_t size) {
  if (state_ != state::handshake && state_ != state::ready) {
    return;
  }
  input_at_ = now_;
  reader_ = renew_reader(reader_, scratch_);
  redisReader* const reader = reader_;
  while (size != 0) {
    size_t piece = std::min(size, most_fed);
    if (redisReaderFeed(reader, data, piece) != REDIS_OK) {
      drop("Redis sent what is not RESP");
      return;
    }
    data += piece;
    size -= piece;
    for (;;) {
      void* object = nullptr;
      if (redisReaderGetReply(reader, &object) != REDIS_OK) {
        drop("Redis sent what is not RESP");
        return;
      }
      if (object == nullptr) {
        break;
      }
      const reply& got = *static_cast<reply*>(object);
      try {
        if (state_ == state::handshake) {
          handshake_reply(got);
        } else {
          replied(got);
        }
      } catch (const std::bad_alloc&) {
        drop("out of memory");
        return;
      }
      if (reader_ != reader) {
        return;
      }
      scratch_.reset();
    }
    if (reader->len - reader->pos > most_input) {
      drop("Redis sent too large a reply");
      return;
    }
  }
}

std::string_view connection::output() const noexcept {
  if (state_ != state::handshake && state_ != state::ready) {
    return {};
  }
  return std::string_view(out_).substr(out_done_);
}

void connection::written(size_t size) {
  out_done_ += std::min(size, out_.size() - out_done_);
  if (out_done_ == out_.size()) {
    out_.clear();
    out_done_ = 0;
    if (out_.capacity() > most_idle_output) {
      std::string().swap(out_);
    }
  }
  if (state_ == state::ready) {
    made_room();
  }
}

// -- time

uint64_t connection::next_timer() const noexcept {
  switch (state_) {
    case state::idle:
      return draining_ ? never : retry_at_;
    case state::connecting:
    case state::handshake:
      return deadline_;
    case state::ready:
      return ready_timer();
  }
  return never;
}

void connection::tick() {
  if (now_ < next_timer()) {
    return;
  }
  switch (state_) {
    case state::idle:
      open();
      break;
    case state::connecting:
      drop("connect timed out");
      break;
    case state::handshake:
      drop("the handshake timed out");
      break;
    case state::ready:
      timer_due();
      break;
  }
}

}  // namespace wsp
