#include "engine/core.h"

#include "store/redis_url.h"

namespace {

wsp::connection_options make_options(const wsp_core_options& options,
                                     std::string_view suffix) {
  wsp::connection_options made;
  made.redis = &options.redis->url;
  made.timeout_ms = options.timeout_ms;
  made.connect_timeout_ms = options.connect_timeout_ms;
  made.client_name = wsp::view(options.client_name);
  made.client_name += suffix;
  return made;
}

}  // namespace

wsp_core::wsp_core(const wsp_core_options& options)
    : random(options.seed),
      data(make_options(options, ""), options.queue, log, random),
      records(options.cache_size, options.max_stale_ms, data, random),
      tracking(make_options(options, "-tracking"), records, log, random),
      keyring(options.keyring) {}

void wsp_core::list_done(wsp_op& op) noexcept {
  op.listed = true;
  op.previous = done_last;
  op.next = nullptr;
  (done_last != nullptr ? done_last->next : done_first) = &op;
  done_last = &op;
}

void wsp_core::unlist(wsp_op& op) noexcept {
  if (!op.listed) {
    return;
  }
  op.listed = false;
  (op.previous != nullptr ? op.previous->next : done_first) = op.next;
  (op.next != nullptr ? op.next->previous : done_last) = op.previous;
}
