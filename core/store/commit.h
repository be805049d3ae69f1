// A commit: what must still be true, and what is written if it is, applied
// all or nothing by store/commit.lua.
//
// It carries a random token that Redis remembers for a while, so that a commit
// whose acknowledgement was lost can be sent again without a second effect.
// One with the keys of a tenant is refused while that is deleted. It
// accumulates through the layers: the pipeline adds what the authorization
// rested on, the services add the rules' checks and writes.
#ifndef WORKSPACES_STORE_COMMIT_H
#define WORKSPACES_STORE_COMMIT_H

#include <initializer_list>
#include <string_view>

#include "engine/arena.h"
#include "engine/flow.h"
#include "engine/result.h"

namespace wsp {

class commit {
 public:
  explicit commit(::wsp_op& op);

  // The first argument of each command is its key.
  using command = std::initializer_list<std::string_view>;

  // The command must answer this text (an integer as decimal) ...
  void expect(std::string_view answer, command reading);
  // ... or nil ...
  void expect_nil(command reading);
  // ... or an integer below this one.
  void expect_below(int64_t limit, command reading);

  void write(command writing);

  // Bumps the revision of the workspace record under `key`, first of all; the
  // outcome tells the new one.
  void touch(std::string_view key) { touched_ = key; }

  // A job is among the writes: look for it when this is done.
  void queues_job() noexcept { queues_job_ = true; }

  bool touches() const noexcept { return !touched_.empty(); }
  std::string_view touched() const noexcept { return touched_; }

  bool empty() const noexcept { return writes_ == 0 && touched_.empty(); }

  // Forgets everything, for another try.
  void clear();

 private:
  friend struct commit_access;

  size_t key_number(std::string_view key);
  void put(command words);
  void check(std::string_view expected, command reading);

  ::wsp_op* op_;
  list<std::string_view> keys_;
  list<std::string_view> words_;  // checks, then writes
  list<std::string_view> write_words_;
  list<std::string_view>* into_ = nullptr;
  size_t checks_ = 0;
  size_t writes_ = 0;
  std::string_view touched_;
  bool queues_job_ = false;
};

struct committed {
  bool done = false;     // false: a check failed, nothing was written
  int64_t revision = 0;  // of the touched workspace
};

flow<result<committed>> run(::wsp_op& op, commit& change);

}  // namespace wsp

#endif  // WORKSPACES_STORE_COMMIT_H
