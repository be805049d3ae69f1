#include "store/commit.h"

#include <algorithm>

#include "engine/operation.h"
#include "engine/outbox.h"
#include "engine/random.h"
#include "store/cache.h"
#include "store/commit.lua.h"
#include "store/keys.h"
#include "store/link.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

// Far longer than a commit can be under way: it is sent at most twice, each
// time with the link's timeout.
constexpr std::string_view token_ms = "120000";

constexpr problem being_deleted{
    fault::conflict, "everything of this tenant is being deleted"};

}  // namespace

struct commit_access {
  // What it may change is not taken from the cache any more.
  static void invalidate(::wsp_op& op, const commit& change) noexcept {
    for (std::string_view key : change.keys_) {
      cache_of(op).invalidate(key);
    }
  }

  static void tell_outbox(::wsp_op& op, const commit& change) noexcept {
    if (change.queues_job_) {
      outbox_of(op).look_soon(keys_of(op).partition());
    }
  }

  static int64_t last_check(const commit& change) noexcept {
    return static_cast<int64_t>(change.checks_);
  }

  static void encode(::wsp_op& op, commit& change, trip& sending) {
    arena& memory = arena_of(op);
    if (keys_of(op).is_of_tenant()) {
      change.expect("0", {"EXISTS", keys_of(op).deletion()});
    }
    list<std::string_view> touch{arena_allocator<std::string_view>(memory)};
    if (!change.touched_.empty()) {
      change.into_ = &touch;
      change.put({"HINCRBY", change.touched_, "rev", "1"});
      change.touched_ = {};
    }
    list<std::string_view> words{arena_allocator<std::string_view>(memory)};
    words.reserve(8 + change.keys_.size() + change.words_.size() +
                  change.write_words_.size());
    std::string_view sha = link_of(op).commit_sha();
    words.push_back(sha.empty() ? "EVAL" : "EVALSHA");
    words.push_back(sha.empty() ? std::string_view(script_commit) : sha);
    words.push_back(
        decimal(memory, static_cast<int64_t>(change.keys_.size()) + 1));
    char random[16];
    random_of(op).fill(random, sizeof random);
    std::string_view token = hex(memory, {random, sizeof random});
    words.push_back(keys_of(op).token(token));
    words.insert(words.end(), change.keys_.begin(), change.keys_.end());
    words.push_back(token_ms);
    words.push_back(decimal(memory, static_cast<int64_t>(change.checks_)));
    words.insert(words.end(), change.words_.begin(), change.words_.end());
    words.insert(words.end(), touch.begin(), touch.end());
    words.insert(words.end(), change.write_words_.begin(),
                 change.write_words_.end());
    sending.add(words);
  }
};

commit::commit(::wsp_op& op)
    : op_(&op),
      keys_(arena_allocator<std::string_view>(arena_of(op))),
      words_(arena_allocator<std::string_view>(arena_of(op))),
      write_words_(arena_allocator<std::string_view>(arena_of(op))) {}

void commit::clear() {
  keys_.clear();
  words_.clear();
  write_words_.clear();
  checks_ = 0;
  writes_ = 0;
  touched_ = {};
  queues_job_ = false;
}

size_t commit::key_number(std::string_view key) {
  auto found = std::find(keys_.begin(), keys_.end(), key);
  if (found == keys_.end()) {
    keys_.push_back(key);
    return keys_.size() + 1;  // KEYS[1] is the token
  }
  return static_cast<size_t>(found - keys_.begin()) + 2;
}

void commit::put(command words) {
  arena& memory = arena_of(*op_);
  into_->push_back(decimal(memory, static_cast<int64_t>(words.size())));
  size_t i = 0;
  for (std::string_view word : words) {
    into_->push_back(
        i++ == 1
            ? decimal(memory, static_cast<int64_t>(key_number(word)))
            : word);
  }
}

void commit::check(std::string_view expected, command reading) {
  words_.push_back(expected);
  into_ = &words_;
  put(reading);
  checks_++;
}

void commit::expect(std::string_view answer, command reading) {
  check(arena_of(*op_).join("=", answer), reading);
}

void commit::expect_nil(command reading) { check("!", reading); }

void commit::expect_below(int64_t limit, command reading) {
  check(arena_of(*op_).join("<", decimal(arena_of(*op_), limit)), reading);
}

void commit::write(command writing) {
  into_ = &write_words_;
  put(writing);
  writes_++;
}

flow<result<committed>> run(::wsp_op& op, commit& change) {
  trip sending(op);
  commit_access::encode(op, change, sending);
  commit_access::invalidate(op, change);
  co_await sending.go();
  commit_access::invalidate(op, change);
  if (!sending.ok()) {
    co_return sending.failure();
  }
  committed outcome;
  outcome.done = sending[0][0].number == 1;
  if (outcome.done) {
    auto revision = parse_integer(sending[0][1].str());
    outcome.revision = revision ? *revision : 0;
    commit_access::tell_outbox(op, change);
  } else if (keys_of(op).is_of_tenant() &&
             sending[0][1].number == commit_access::last_check(change)) {
    co_return being_deleted;
  }
  co_return outcome;
}

}  // namespace wsp
