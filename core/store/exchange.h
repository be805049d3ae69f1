// Commands that go to the store together, and their replies.
//
// Every command of an exchange may be sent a second time without a second
// effect: reads, and commits by their token.  The class derived from it says
// whose memory it lives in and what happens when it is finished.
#ifndef WORKSPACES_STORE_EXCHANGE_H
#define WORKSPACES_STORE_EXCHANGE_H

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "engine/arena.h"
#include "engine/result.h"
#include "store/reply.h"

namespace wsp {

class link;

class exchange {
 public:
  // Withdraws it: replies that are still to come are dropped.
  virtual ~exchange();
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;

  void add(std::initializer_list<std::string_view> command) {
    add(std::span(command.begin(), command.size()));
  }
  void add(std::span<const std::string_view> command);

  size_t size() const noexcept { return count_; }
  bool ok() const noexcept { return failure_.ok(); }
  const problem& failure() const noexcept { return failure_; }
  // The reply to command i, when it is finished and ok.
  const reply& operator[](size_t i) const noexcept { return replies_[i]; }

 protected:
  explicit exchange(arena& memory) : memory_(memory), bytes_(memory, 512) {}

  // Called once after submit() was true, when there are replies or a failure.
  virtual void finished() noexcept = 0;

  // False: not now, and failure() says why.  Throws bad_alloc.
  bool submit(link& to);

 private:
  friend class link;

  void finish(problem failure) noexcept {
    failure_ = failure;
    finished();
  }
  // How many replies Redis will send.
  uint32_t expected() const noexcept {
    return static_cast<uint32_t>(count_) + (loads_script_ ? 1 : 0);
  }

  arena& memory_;
  buffer bytes_;
  size_t count_ = 0;  // commands
  reply* replies_ = nullptr;
  problem failure_;

  // The link's, while it is there.
  link* link_ = nullptr;
  uint64_t sequence_ = 0;  // its place in the queue
  size_t received_ = 0;
  unsigned char sent_times_ = 0;
  bool out_of_memory_ = false;  // while a reply was copied
  bool no_script_ = false;      // Redis forgot the commit script
  bool loads_script_ = false;   // its first command is SCRIPT LOAD now
  std::string_view error_;      // the first error among the replies
  exchange* next_ = nullptr;    // while the link fails several
};

}  // namespace wsp

#endif  // WORKSPACES_STORE_EXCHANGE_H
