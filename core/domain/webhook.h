// Webhooks to partners: what is sent of a delivery, and what the answer means.
//
// The body is that of the delivery; URL and secrets are the partner's of the
// moment, so that a rotation takes effect from the next try on.
#ifndef WORKSPACES_DOMAIN_WEBHOOK_H
#define WORKSPACES_DOMAIN_WEBHOOK_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/flow.h"
#include "engine/job.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/outbox.h"
#include "workspaces.h"

// What wsp_webhooks_new makes.
struct wsp_webhooks {
  // Returns a sentence that says what to write, empty when all is well.
  std::string configure(const wsp_webhooks_options& options);

  std::vector<int64_t> delays;  // before the second try, the third ...
  bool allow_http = false;
};

namespace wsp {

// A try, in the memory of its operation.
struct webhook_call {
  wsp_http_request request{};
  std::string_view partner_url;  // as it is in the record
  int64_t began = 0;             // milliseconds since the epoch
  int64_t ended = 0;             // the same
  unsigned status = 0;           // 0: no answer
  int64_t retry_after_ms = 0;
  std::string_view answer;
};

// The request of a job, signed now.  refused: there is nowhere to send it to;
// not_found: the delivery is gone; others: it may be sent later.
flow<result<webhook_call*>> write_webhook(operation& op, const job& what);

// The first of what was answered, copied.
void take_answer(operation& op, webhook_call& call, unsigned status,
                 std::string_view retry_after, std::string_view body);

// What the answer means; without one `said` is by whom it was tried.
job_verdict judge(operation& op, const webhook_call& call,
                  const job_verdict& said);

// What follows from a verdict besides the job's own end.
flow<problem> heed_answer(operation& op, const webhook_call& call);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_WEBHOOK_H
