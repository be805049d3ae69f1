#include "store/tracking.h"

#include <algorithm>
#include <string>

#include "engine/log.h"
#include "workspaces.h"

namespace wsp {

namespace {

constexpr std::string_view channel = "__redis__:invalidate";

// Often enough that a lost answer or two do not make the cache unusable.
uint64_t ping_interval(uint32_t max_stale_ms) noexcept {
  return std::max<uint64_t>(max_stale_ms / 4, 10);
}

}  // namespace

tracking_link::tracking_link(connection_options options, cache& records,
                             log_queue& log, random_source& random)
    : connection(std::move(options), "Redis tracking link", log, random),
      records_(records) {}

void tracking_link::add_steps() {
  add_step(step::server_info, {"INFO", "server"});
  add_step(step::client_id, {"CLIENT", "ID"});
}

void tracking_link::step_reply(step done, const reply& got) {
  if (done == step::server_info) {
    take_server(got.str());
    return;
  }
  if (got.is_error()) {
    drop(cut(got.bytes));
    return;
  }
  if (done == step::client_id) {
    add_step(step::tracking,
             {"CLIENT", "TRACKING", "ON", "REDIRECT",
              std::to_string(got.number), "BCAST", "PREFIX", "wsp:"});
    add_step(step::subscribe, {"SUBSCRIBE", channel});
  }
}

void tracking_link::became_ready() {
  // Nothing has been kept since it was lost; what is read from now on is
  // tracked.
  ping_out_ = false;
  ping_sent_ = now();
  records_.hears_from(server());
  records_.heard(handshake_at());
  if (server().empty()) {
    log().add(WSP_LOG_ERROR,
              "Redis does not say its run_id: nothing is cached");
  }
  timer_due();
}

void tracking_link::replied(const reply& got) {
  std::string_view kind = got[0].str();
  if (kind == "pong" || got.str() == "PONG") {
    if (ping_out_) {
      ping_out_ = false;
      records_.heard(ping_sent_);
    }
  } else if (kind == "message" && got[1].str() == channel) {
    if (got[2].type != reply::array) {
      records_.invalidate_all();  // FLUSHDB, FLUSHALL
      return;
    }
    for (const reply& key : got[2].items()) {
      records_.invalidate(key.str());
    }
  } else if (got.is_error()) {
    drop(cut(got.bytes));  // LOADING, which a subscription passes
  } else {
    drop("Redis sent what was not asked for");
  }
}

uint64_t tracking_link::ready_timer() const noexcept {
  return ping_sent_ + (ping_out_ ? options().timeout_ms
                                 : ping_interval(records_.max_stale_ms()));
}

void tracking_link::timer_due() {
  if (ping_out_) {
    drop("no answer to a ping");
    return;
  }
  if (records_.moved()) {
    drop("the data are in another Redis now");
    return;
  }
  send("*1\r\n$4\r\nPING\r\n");
  ping_out_ = true;
  ping_sent_ = now();
}

}  // namespace wsp
