// A commit: what must still be true, and what is written if it is, applied
// all or nothing by store/commit.lua.
//
// It carries a mark that Redis keeps for a while, so that a commit whose
// acknowledgement was lost can be sent again without a second effect: a random
// token, or the record that settle() names.  One with the keys of a tenant is
// refused while that is deleted.  It accumulates through the layers: the
// pipeline adds what the authorization rested on, the services add the rules'
// checks and writes.
//
// Every word that Redis is sent costs it about as much as a small command
// does.  So what may be said at once is: checks of the fields of one hash are
// one command, HSETs of one key that follow each other are one, and so is each
// id that is added to sorted sets one after the other.
#ifndef WORKSPACES_STORE_COMMIT_H
#define WORKSPACES_STORE_COMMIT_H

#include <cstdint>
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

  // The record under `key`, which holds `before`, a text that is nobody
  // else's, holds `after` for that time when this is done.  No other commit
  // writes `after`, or one that does is as good as this.
  void settle(std::string_view key, std::string_view before,
              std::string_view after, std::string_view lifetime_ms);

  // A job is among the writes: look for it when this is done.
  void queues_job() noexcept { queues_job_ = true; }

  bool touches() const noexcept { return !touched_.empty(); }
  std::string_view touched() const noexcept { return touched_; }

  bool empty() const noexcept {
    return writes_.empty() && touched_.empty() && mark_.empty();
  }

  // Forgets everything, for another try.
  void clear();

 private:
  friend struct commit_access;

  struct named_key {
    std::string_view name;
    bool absent = false;  // it must not be there
    uint16_t number = 0;  // in KEYS
  };

  // Of a hash.
  struct field_check {
    size_t key;
    std::string_view field;
    char wanted;
    std::string_view text;
  };

  struct step {
    char operation;
    size_t key;
    size_t count;
    std::string_view id;  // of those that are listed
  };

  size_t key_index(std::string_view key);
  void check(char wanted, std::string_view text, command reading);
  void check_field(const field_check& made);
  bool extend_last(std::string_view name, size_t key, size_t more);
  void write_listed(size_t key, std::string_view id);

  ::wsp_op* op_;
  list<named_key> keys_;
  list<field_check> fields_;
  list<step> checks_;
  list<std::string_view> check_words_;
  list<step> writes_;
  list<std::string_view> write_words_;
  size_t listed_ = SIZE_MAX;  // the write that ids can be added to
  size_t absent_ = 0;
  std::string_view touched_;
  std::string_view mark_;
  std::string_view before_;
  std::string_view after_;
  std::string_view lifetime_;
  bool queues_job_ = false;
};

struct committed {
  bool done = false;     // false: a check failed, nothing was written
  int64_t revision = 0;  // of the touched workspace, unless one is settled
};

flow<result<committed>> run(::wsp_op& op, commit& change);

}  // namespace wsp

#endif  // WORKSPACES_STORE_COMMIT_H
