// The tracking link: hears from Redis which keys have changed.
//
// It owns its tracking and receives it, too: CLIENT TRACKING ON REDIRECT to
// itself with BCAST, then SUBSCRIBE (works on RESP2; a redirection to another
// connection would fail silently when that one dies).  BCAST reports every
// change under the prefix, whoever has read the key, so the data link needs
// no tracking.
//
// It is pinged.  The answer to a ping comes after all invalidations that were
// due when Redis read it, so it proves that the cache knows everything up to
// the time when the ping was sent.
//
// It proves so of the Redis that it speaks with.  Behind one address there may
// be another one by the time when the data link is opened again.
#ifndef WORKSPACES_STORE_TRACKING_H
#define WORKSPACES_STORE_TRACKING_H

#include "store/cache.h"
#include "store/connection.h"

namespace wsp {

class tracking_link final : public connection {
 public:
  tracking_link(connection_options options, cache& records, log_queue& log,
                random_source& random);

 private:
  void add_steps() override;
  void step_reply(step done, const reply& got) override;
  void became_ready() override;
  void replied(const reply& got) override;
  void lost(bool) override { records_.deaf(); }
  bool wanted() const noexcept override { return false; }
  uint64_t ready_timer() const noexcept override;
  void timer_due() override;

  cache& records_;
  uint64_t ping_sent_ = 0;
  bool ping_out_ = false;
};

}  // namespace wsp

#endif  // WORKSPACES_STORE_TRACKING_H
