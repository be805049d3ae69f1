// What a handler answers; the pipeline makes a response of it.
#ifndef WORKSPACES_ENGINE_ANSWER_H
#define WORKSPACES_ENGINE_ANSWER_H

#include <cstdint>
#include <string_view>

namespace wsp {

struct answer {
  unsigned status = 200;
  std::string_view type = "application/json; charset=utf-8";
  std::string_view body;
  int64_t revision = -1;      // shown as ETag unless negative
  bool more_than_revision = false;  // it says what changes without it, too
  bool of_workspace = true;   // the revision, and not of another record
  bool gone = false;          // the workspace, with this: the pipeline tells
                              // the revision, and not as an ETag
  bool secret = false;        // no-store, and wiped with the operation
  std::string_view next;      // target of a Link rel="next"
  std::string_view allow;     // for 405
  bool retry_later = false;   // for 503
  std::string_view challenge; // for 401: WWW-Authenticate
};

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_ANSWER_H
