// The core of one worker: its links, its clock, its finished operations.
#ifndef WORKSPACES_ENGINE_CORE_H
#define WORKSPACES_ENGINE_CORE_H

#include "engine/log.h"
#include "engine/operation.h"
#include "engine/outbox.h"
#include "engine/random.h"
#include "engine/status.h"
#include "identity/token_memory.h"
#include "store/cache.h"
#include "store/link.h"
#include "store/tracking.h"
#include "workspaces.h"

struct wsp_core {
  explicit wsp_core(const wsp_core_options& options);
  ~wsp_core();

  wsp::log_queue log;
  wsp::random_source random;
  wsp::link data;
  wsp::cache records;
  wsp::tracking_link tracking;
  const wsp_keyring* keyring;
  int64_t invitation_ttl_ms;
  const wsp_mail* mail;      // null: none is sent
  const wsp_webhooks* webhooks;  // null: the same
  wsp::token_memory tokens;
  wsp::status_slot* status;  // null: nobody wants to know
  uint64_t shown_at = 0;
  uint64_t ownership = 0;  // of the slot, as long as nobody else has come
  int64_t wall_ms = 0;
  wsp_op* done_first = nullptr;
  wsp_op* done_last = nullptr;
  struct spare_block {
    spare_block* next;
  };
  spare_block* spare = nullptr;
  unsigned spares = 0;
  wsp::outbox outgoing;

  void set_time(int64_t wall, uint64_t monotonic) noexcept;
  // Shows what it is at in its slot of the status.  After a reload it shares
  // the slot with its successor, and leaves the gauges to that.
  void show_status() noexcept;
  void show_gauges() noexcept;
  bool owns_gauges() const noexcept;
  // When it is due again: soon, if the slot does not tell all, else never.
  uint64_t show_timer() const noexcept;

  // Memory of operations that ended, for the next ones: blocks of one size.
  void* take_block(size_t size) noexcept;
  void give_block(void* block) noexcept;

  void list_done(wsp_op& op) noexcept;
  void unlist(wsp_op& op) noexcept;
};

#endif  // WORKSPACES_ENGINE_CORE_H
