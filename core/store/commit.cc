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

// What store/commit.lua knows by these numbers.
constexpr char is_nil = 1;
constexpr char is_text = 2;
constexpr char is_below = 3;
constexpr char is_there = 4;  // of fields only
constexpr char check_fields = 5;

constexpr char write_command = 1;
constexpr char write_list = 2;
constexpr char write_count = 3;
constexpr char write_own = 4;
// One more sorted set of a write_list.
constexpr char write_list_more = 0;

// What one byte of the program can say, with room for the rest.
constexpr size_t absent_max = 250;
constexpr size_t count_max = 250;
// What two can.
constexpr size_t keys_max = 65000;

constexpr std::string_view own_commands[] = {"UNLIST", "ENLIST", "FORGET",
                                             "ADVANCE", "PRUNE"};

bool is_own(std::string_view name) noexcept {
  return std::find(std::begin(own_commands), std::end(own_commands), name) !=
         std::end(own_commands);
}

}  // namespace

struct commit_access {
  // What it may change is not taken from the cache any more.
  static void invalidate(::wsp_op& op, const commit& change) noexcept {
    for (const commit::named_key& key : change.keys_) {
      cache_of(op).invalidate(key.name);
    }
  }

  static void tell_outbox(::wsp_op& op, const commit& change) noexcept {
    if (change.queues_job_) {
      outbox_of(op).look_soon(keys_of(op).partition());
    }
  }

  // Those that must not be there come first, and of them `first`.
  static void number_keys(commit& change, size_t first) {
    uint16_t next = 2;  // KEYS[1] is the mark
    if (first < change.keys_.size()) {
      change.keys_[first].number = next++;
    }
    for (bool absent : {true, false}) {
      for (size_t i = 0; i < change.keys_.size(); i++) {
        if (i != first && change.keys_[i].absent == absent) {
          change.keys_[i].number = next++;
        }
      }
    }
  }

  class program {
   public:
    program(::wsp_op& op, commit& change)
        : change_(change),
          bytes_(arena_of(op)),
          words_(arena_allocator<std::string_view>(arena_of(op))) {
      words_.reserve(2 * change.fields_.size() + change.check_words_.size() +
                     change.write_words_.size());
      put(change.absent_);
      put_fields();
      put_checks();
      put(0);
      if (change.touches()) {
        put_key(change.key_index(change.touched_));
      } else {
        put(0);
        put(0);
      }
      put_writes();
    }

    std::string_view bytes() const noexcept { return bytes_.view(); }
    const list<std::string_view>& words() const noexcept { return words_; }

   private:
    void put(size_t byte) { bytes_.put(static_cast<char>(byte)); }

    void put_key(size_t index) {
      uint16_t number = change_.keys_[index].number;
      put(number >> 8);
      put(number & 0xff);
    }

    void put_step(char operation, size_t key, size_t count) {
      put(static_cast<size_t>(operation));
      put_key(key);
      put(count);
    }

    void put_fields() {
      list<commit::field_check>& all = change_.fields_;
      std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return a.key < b.key;
      });
      for (size_t i = 0, next; i < all.size(); i = next) {
        next = i + 1;
        while (next < all.size() && all[next].key == all[i].key &&
               next - i < count_max) {
          next++;
        }
        put_step(check_fields, all[i].key, next - i);
        for (size_t at = i; at < next; at++) {
          put(static_cast<size_t>(all[at].wanted));
          words_.push_back(all[at].field);
        }
        for (size_t at = i; at < next; at++) {
          if (all[at].wanted == is_text) {
            words_.push_back(all[at].text);
          }
        }
      }
    }

    void put_checks() {
      for (const commit::step& each : change_.checks_) {
        put_step(each.operation, each.key, each.count);
      }
      words_.insert(words_.end(), change_.check_words_.begin(),
                    change_.check_words_.end());
    }

    void put_writes() {
      for (const commit::step& each : change_.writes_) {
        if (each.operation == write_list_more) {
          put_key(each.key);
        } else {
          put_step(each.operation, each.key, each.count);
        }
      }
      words_.insert(words_.end(), change_.write_words_.begin(),
                    change_.write_words_.end());
    }

    commit& change_;
    buffer bytes_;
    list<std::string_view> words_;
  };

  // False: it is more than can be said at once.
  static bool encode(::wsp_op& op, commit& change, trip& sending) {
    arena& memory = arena_of(op);
    size_t first = SIZE_MAX;
    if (keys_of(op).is_of_tenant()) {
      first = change.key_index(keys_of(op).deletion());
      if (!change.keys_[first].absent) {
        change.keys_[first].absent = true;
        change.absent_++;
      }
    }
    if (change.touches()) {
      change.key_index(change.touched_);
    }
    if (change.keys_.size() > keys_max) {
      return false;
    }
    number_keys(change, first);
    program steps(op, change);
    size_t key_count = change.keys_.size() + 1;
    auto* keys = memory.array<std::string_view>(key_count);
    for (const commit::named_key& key : change.keys_) {
      keys[key.number - 1] = key.name;
    }
    keys[0] = change.mark_;
    if (change.mark_.empty()) {
      char random[16];
      random_of(op).fill(random, sizeof random);
      keys[0] = keys_of(op).token(hex(memory, {random, sizeof random}));
      change.lifetime_ = token_ms;
    }
    list<std::string_view> words{arena_allocator<std::string_view>(memory)};
    words.reserve(8 + key_count + steps.words().size());
    std::string_view sha = link_of(op).commit_sha();
    words.push_back(sha.empty() ? "EVAL" : "EVALSHA");
    words.push_back(sha.empty() ? std::string_view(script_commit) : sha);
    words.push_back(decimal(memory, static_cast<int64_t>(key_count)));
    words.insert(words.end(), keys, keys + key_count);
    for (std::string_view word :
         {steps.bytes(), change.before_, change.after_, change.lifetime_}) {
      words.push_back(word);
    }
    words.insert(words.end(), steps.words().begin(), steps.words().end());
    sending.add(words);
    return true;
  }
};

commit::commit(::wsp_op& op)
    : op_(&op),
      keys_(arena_allocator<named_key>(arena_of(op))),
      fields_(arena_allocator<field_check>(arena_of(op))),
      checks_(arena_allocator<step>(arena_of(op))),
      check_words_(arena_allocator<std::string_view>(arena_of(op))),
      writes_(arena_allocator<step>(arena_of(op))),
      write_words_(arena_allocator<std::string_view>(arena_of(op))) {}

void commit::clear() { *this = commit(*op_); }

size_t commit::key_index(std::string_view key) {
  auto found =
      std::find_if(keys_.begin(), keys_.end(), [&](const named_key& each) {
        return each.name == key;
      });
  if (found == keys_.end()) {
    keys_.push_back({key});
    return keys_.size() - 1;
  }
  return static_cast<size_t>(found - keys_.begin());
}

void commit::check_field(const field_check& made) {
  for (field_check& each : fields_) {
    if (each.key != made.key || each.field != made.field) {
      continue;
    }
    if (each.wanted == is_there && made.wanted == is_text) {
      each = made;
      return;
    }
    if (each.wanted == is_text && made.wanted == is_there) {
      return;
    }
  }
  fields_.push_back(made);
}

void commit::check(char wanted, std::string_view text, command reading) {
  const std::string_view* words = reading.begin();
  std::string_view name = words[0];
  size_t key = key_index(words[1]);
  if (name == "EXISTS" && wanted == is_text && text == "0" &&
      absent_ < absent_max) {
    absent_ += keys_[key].absent ? 0 : 1;
    keys_[key].absent = true;
    return;
  }
  if (name == "HGET" && wanted != is_below) {
    check_field({key, words[2], wanted, text});
    return;
  }
  if (name == "HEXISTS" && wanted == is_text) {
    check_field({key, words[2], text == "1" ? is_there : is_nil, {}});
    return;
  }
  checks_.push_back({wanted, key, reading.size() - 2, {}});
  if (wanted != is_nil) {
    check_words_.push_back(text);
  }
  check_words_.push_back(name);
  check_words_.insert(check_words_.end(), words + 2, reading.end());
}

void commit::expect(std::string_view answer, command reading) {
  check(is_text, answer, reading);
}

void commit::expect_nil(command reading) { check(is_nil, {}, reading); }

void commit::expect_below(int64_t limit, command reading) {
  check(is_below, decimal(arena_of(*op_), limit), reading);
}

void commit::write(command writing) {
  const std::string_view* words = writing.begin();
  std::string_view name = words[0];
  size_t key = key_index(words[1]);
  size_t count = writing.size() - 2;
  if (name == "ZADD" && count == 2 && words[2] == words[3]) {
    write_listed(key, words[2]);
    return;
  }
  bool is_count = name == "COUNT";
  if (name == "HSET" && extend_last(name, key, count)) {
    write_words_.insert(write_words_.end(), words + 2, writing.end());
    return;
  }
  listed_ = SIZE_MAX;
  writes_.push_back({is_count       ? write_count
                     : is_own(name) ? write_own
                                    : write_command,
                     key, count, {}});
  if (!is_count) {
    write_words_.push_back(name);
  }
  write_words_.insert(write_words_.end(), words + 2, writing.end());
}

// Whether so many more arguments may follow those of the last write, for it is
// the same command.
bool commit::extend_last(std::string_view name, size_t key, size_t more) {
  if (writes_.empty()) {
    return false;
  }
  step& last = writes_.back();
  if (last.operation != write_command || last.key != key ||
      last.count + more > count_max ||
      write_words_[write_words_.size() - last.count - 1] != name) {
    return false;
  }
  last.count += more;
  return true;
}

void commit::write_listed(size_t key, std::string_view id) {
  if (listed_ < writes_.size() && writes_[listed_].id == id &&
      writes_[listed_].count < count_max) {
    writes_[listed_].count++;
    writes_.push_back({write_list_more, key, 0, {}});
    return;
  }
  listed_ = writes_.size();
  writes_.push_back({write_list, key, 0, id});
  write_words_.push_back(id);
}

void commit::settle(std::string_view key, std::string_view before,
                    std::string_view after, std::string_view lifetime_ms) {
  mark_ = key;
  before_ = before;
  after_ = after;
  lifetime_ = lifetime_ms;
}

flow<result<committed>> run(::wsp_op& op, commit& change) {
  trip sending(op);
  if (!commit_access::encode(op, change, sending)) {
    log_line(op, WSP_LOG_ERROR, "a commit has too many keys");
    co_return problem{fault::internal, "internal error"};
  }
  commit_access::invalidate(op, change);
  co_await sending.go();
  commit_access::invalidate(op, change);
  if (!sending.ok()) {
    co_return sending.failure();
  }
  committed outcome;
  outcome.done = sending[0][0].number == 1;
  if (outcome.done) {
    outcome.revision = sending[0][1].number;
    commit_access::tell_outbox(op, change);
  } else if (keys_of(op).is_of_tenant() && sending[0][1].number == 1) {
    co_return being_deleted;
  }
  co_return outcome;
}

}  // namespace wsp
