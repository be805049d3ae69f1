// What came of a try to carry out a job.
#ifndef WORKSPACES_ENGINE_JOB_H
#define WORKSPACES_ENGINE_JOB_H

#include <cstdint>
#include <string_view>

#include "workspaces.h"

namespace wsp {

struct job_verdict {
  int outcome = WSP_JOB_RETRY;  // enum wsp_job_outcome
  std::string_view reason;
  int64_t retry_after_ms = 0;
  bool needless = false;  // done, for there was nothing to do
  bool unasked = false;   // nobody tried: it is given back
  bool goes_on = false;   // a part of it is done

  bool is_to_be_retried() const noexcept {
    return outcome == WSP_JOB_RETRY || outcome == WSP_JOB_AWAY;
  }
};

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_JOB_H
