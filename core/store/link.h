// The protocol state of one connection to Redis: connecting, handshake,
// pipelining in order, and what happens when it is lost.  It does no I/O: the
// driver is told when to connect or close, and carries the bytes.
//
// When the link is lost, trips that wait are sent again once over the next
// connection, if that comes up at once; while the link backs off, new trips
// fail immediately.
#ifndef WORKSPACES_STORE_LINK_H
#define WORKSPACES_STORE_LINK_H

#include <hiredis/hiredis.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/arena.h"
#include "store/reply.h"
#include "store/trip.h"

namespace wsp {

class log_queue;
class random_source;
struct redis_url;

constexpr unsigned default_partitions = 64;

struct link_options {
  const redis_url* redis;
  uint32_t timeout_ms;
  uint32_t connect_timeout_ms;
  uint32_t queue;
  std::string client_name;
};

class link {
 public:
  static constexpr uint64_t never = UINT64_MAX;

  link(link_options options, log_queue& log, random_source& random);
  ~link();
  link(const link&) = delete;
  link& operator=(const link&) = delete;

  void set_time(uint64_t now) noexcept { now_ = now; }

  // What the driver is to do; each is said once.
  enum class action { none, connect, close };
  action next_action() noexcept;

  void connected();
  void closed(std::string_view why);
  void input(const char* data, size_t size);
  std::string_view output() noexcept;
  void written(size_t size) noexcept;

  uint64_t next_timer() const noexcept;
  void tick();
  void drain() noexcept { draining_ = true; }

  // Takes the trip into the queue; false: not now, and trip.failure() says
  // why.
  bool submit(trip& asking);
  void forget(trip& asking) noexcept;

  // How many partitions the keyspace has; read at every handshake.
  bool knows_partitions() const noexcept { return partitions_known_; }
  unsigned partitions() const noexcept { return partitions_; }
  // Of the commit script; empty before the first handshake.
  std::string_view commit_sha() const noexcept { return commit_sha_; }

 private:
  enum class state { idle, connecting, handshake, ready };
  enum class step : unsigned char {
    auth,
    select,
    set_name,
    load_commit,
    set_partitions,
    get_partitions,
    memory_policy,
    ping
  };
  struct entry {
    trip* asking;        // null: nobody waits any more
    uint32_t remaining;  // replies still to come
    uint64_t sent_at;
  };

  void connect_now() noexcept;
  void drop(std::string_view why);
  void lose(std::string_view why);
  void begin_handshake();
  void add_step(step what, std::initializer_list<std::string_view> command);
  void handshake_reply(const reply& got);
  void become_ready();
  void send_queued();
  void queue_reply(const reply& got);
  void complete(trip& asking);
  static uint32_t expected_replies(const trip& asking) noexcept;
  void enqueue(trip* asking, uint32_t replies);
  entry& at(uint64_t sequence) noexcept {
    return ring_[sequence & (ring_.size() - 1)];
  }

  link_options options_;
  log_queue& log_;
  random_source& random_;
  uint64_t now_ = 0;

  state state_ = state::idle;
  bool want_connect_ = false;
  bool want_close_ = false;
  bool draining_ = false;
  uint64_t deadline_ = 0;     // connect and handshake
  uint64_t retry_at_ = 0;     // while idle; the first time at once
  unsigned failures_ = 0;     // since it was last ready for a while
  uint64_t ready_since_ = 0;

  std::string out_;
  size_t out_done_ = 0;
  redisReader* reader_ = nullptr;
  alignas(16) char scratch_memory_[8192];
  arena scratch_;             // the reply being read

  std::vector<step> steps_;   // of the handshake under way
  size_t step_ = 0;

  std::vector<entry> ring_;   // power of two
  uint64_t head_ = 0;         // oldest unanswered
  uint64_t sent_ = 0;         // first not yet sent
  uint64_t tail_ = 0;         // one past the newest

  unsigned partitions_ = default_partitions;
  bool partitions_known_ = false;
  bool policy_warned_ = false;
  std::string commit_sha_;
};

}  // namespace wsp

#endif  // WORKSPACES_STORE_LINK_H
