// The data link: exchanges in order, many at once over one connection.
//
// When it is lost, exchanges that wait are sent again once over the next
// connection, if that comes up at once; while the link backs off, new ones
// fail immediately.
#ifndef WORKSPACES_STORE_LINK_H
#define WORKSPACES_STORE_LINK_H

#include <string>
#include <string_view>
#include <vector>

#include "store/connection.h"
#include "store/exchange.h"

namespace wsp {

struct status_slot;

constexpr unsigned default_partitions = 64;

class link final : public connection {
 public:
  // At most `queue` exchanges wait at once.
  link(connection_options options, uint32_t queue, log_queue& log,
       random_source& random);

  // Counts the time of each exchange there; null: nowhere.
  void count_in(status_slot* slot) noexcept { status_ = slot; }
  int64_t timeout_ms() const noexcept { return options().timeout_ms; }
  size_t waiting() const noexcept { return tail_ - head_; }

  // How many partitions the keyspace has; read at every handshake.
  bool knows_partitions() const noexcept { return partitions_known_; }
  unsigned partitions() const noexcept { return partitions_; }
  // Of the commit script; empty before the first handshake.
  std::string_view commit_sha() const noexcept { return commit_sha_; }

 private:
  friend class exchange;

  struct entry {
    exchange* asking;    // null: nobody waits any more
    uint32_t remaining;  // replies still to come
    uint64_t sent_at;
  };

  void add_steps() override;
  void step_reply(step done, const reply& got) override;
  void became_ready() override { send_queued(); }
  void replied(const reply& got) override;
  void lost(bool again) override;
  bool wanted() const noexcept override { return head_ != tail_; }
  void made_room() override;
  uint64_t ready_timer() const noexcept override;
  void timer_due() override { drop("no reply in time"); }

  // Takes it into the queue; false: not now, and its failure says why.
  bool submit(exchange& asking);
  void forget(exchange& asking) noexcept;

  void take_partitions(const reply& got);
  void warn_of_policy(std::string_view info);
  void enqueue(exchange& asking);
  void send_queued();
  void take(exchange& asking, const reply& got);
  void complete(exchange& asking);
  bool load_script_again(exchange& asking);
  entry& at(uint64_t sequence) noexcept {
    return ring_[sequence & (ring_.size() - 1)];
  }

  status_slot* status_ = nullptr;
  uint32_t queue_;
  std::vector<entry> ring_;   // a power of two of them
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
