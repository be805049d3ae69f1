// One connection to Redis, without its socket: connecting, logging in,
// losing it and backing off.  What goes over it when it is ready is up to
// the class derived from it.
//
// It does no I/O: the driver is told when to connect or close, and carries
// the bytes.
#ifndef WORKSPACES_STORE_CONNECTION_H
#define WORKSPACES_STORE_CONNECTION_H

#include <hiredis/hiredis.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/arena.h"
#include "store/reply.h"

namespace wsp {

class log_queue;
class random_source;
struct redis_url;

struct connection_options {
  const redis_url* redis = nullptr;
  uint32_t timeout_ms = 0;          // for a reply
  uint32_t connect_timeout_ms = 0;  // connect and handshake together
  std::string client_name;
};

struct connection_counters {
  uint64_t ready = 0;
  uint64_t lost = 0;  // or did not come up

  bool operator==(const connection_counters&) const = default;
};

class connection {
 public:
  static constexpr uint64_t never = UINT64_MAX;

  connection(connection_options options, std::string_view title,
             log_queue& log, random_source& random);
  virtual ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  void set_time(uint64_t now) noexcept { now_ = now; }

  // What the driver is to do; each is said once.
  enum class action { none, connect, close };
  action next_action() noexcept;

  void connected();
  void closed(std::string_view why);
  void input(const char* data, size_t size);
  std::string_view output() const noexcept;
  void written(size_t size);

  uint64_t next_timer() const noexcept;
  void tick();
  void drain() noexcept { draining_ = true; }

  bool is_ready() const noexcept { return state_ == state::ready; }
  // The run_id of the Redis that it was last ready with; empty: not known.
  std::string_view server() const noexcept { return server_; }
  // What was counted since the last time.
  connection_counters take_counters() noexcept {
    return std::exchange(counters_, {});
  }
  bool has_counted() const noexcept {
    return counters_ != connection_counters{};
  }

 protected:
  enum class state { idle, connecting, handshake, ready };
  // The steps of the handshake; the derived class has some of its own.
  enum class step : unsigned char {
    auth,
    select,
    set_name,
    ping,
    load_commit,
    set_partitions,
    get_partitions,
    server_info,
    client_id,
    tracking,
    subscribe
  };

  // -- for the derived class to say

  // Adds its steps to the handshake, after the log-in.
  virtual void add_steps() = 0;
  // The reply to a step that is not the log-in's.
  virtual void step_reply(step done, const reply& got) = 0;
  virtual void became_ready() = 0;
  virtual void replied(const reply& got) = 0;
  // The connection is gone; `again`: it is opened again at once.
  virtual void lost(bool again) = 0;
  // There is something to be done: while draining, only then it is opened.
  virtual bool wanted() const noexcept = 0;
  // Bytes were written.
  virtual void made_room() {}
  // When ready: the next time for timer_due().
  virtual uint64_t ready_timer() const noexcept = 0;
  virtual void timer_due() = 0;

  // -- for the derived class to use

  void take_server(std::string_view info);
  void add_step(step what, std::initializer_list<std::string_view> command);
  // Gives the connection up: the driver closes it.
  void drop(std::string_view why);
  bool may_open() const noexcept;
  void open() noexcept;

  state now_in() const noexcept { return state_; }
  uint64_t now() const noexcept { return now_; }
  // When bytes came last.
  uint64_t input_at() const noexcept { return input_at_; }
  // It has been ready for so long that losing it is no failure of its own.
  bool is_stable() const noexcept;
  bool stepping() const noexcept { return now_ < deadline_; }
  size_t steps() const noexcept { return steps_.size(); }
  // When the handshake began.
  uint64_t handshake_at() const noexcept { return handshake_at_; }
  const connection_options& options() const noexcept { return options_; }
  log_queue& log() noexcept { return log_; }

  // Bytes to write, and how many of them wait.
  void send(std::string_view bytes) { out_.append(bytes); }
  size_t unsent() const noexcept { return out_.size() - out_done_; }

 private:
  void lose(std::string_view why);
  void begin_handshake();
  void handshake_reply(const reply& got);

  connection_options options_;
  std::string_view title_;
  log_queue& log_;
  random_source& random_;
  uint64_t now_ = 0;

  state state_ = state::idle;
  bool want_connect_ = false;
  bool want_close_ = false;
  bool draining_ = false;
  uint64_t deadline_ = 0;     // connect and handshake
  uint64_t handshake_at_ = 0;
  uint64_t retry_at_ = 0;     // while idle; the first time at once
  unsigned failures_ = 0;     // since it was last ready for a while
  uint64_t ready_since_ = 0;
  uint64_t input_at_ = 0;
  std::string server_;

  std::string out_;
  size_t out_done_ = 0;
  redisReader* reader_ = nullptr;
  alignas(16) char scratch_memory_[8192];
  arena scratch_;             // the reply being read

  connection_counters counters_;

  std::vector<step> steps_;   // of the handshake under way
  size_t step_ = 0;
};

// The error tells that another server may have to be found.
bool means_wrong_server(std::string_view error) noexcept;

// The value of a field in the answer to INFO; empty when there is none.
std::string_view info_field(std::string_view info,
                            std::string_view name) noexcept;

// What may be shown of a text of Redis in the log.
inline std::string_view cut(std::string_view text) noexcept {
  return text.substr(0, 120);
}

}  // namespace wsp

#endif  // WORKSPACES_STORE_CONNECTION_H
