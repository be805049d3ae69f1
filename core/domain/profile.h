// Profiles: what the identity last said of users, for those who list them.
//
// A name or an e-mail is kept and shown when it is 1..1020 bytes of UTF-8
// without control characters.
#ifndef WORKSPACES_DOMAIN_PROFILE_H
#define WORKSPACES_DOMAIN_PROFILE_H

#include <cstdint>
#include <string_view>

#include "engine/arena.h"
#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"
#include "store/record_read.h"

namespace wsp {

struct profile {
  std::string_view user;
  std::string_view name;   // empty: unknown
  std::string_view email;  // the same
};

struct profiles {
  list<profile> all;  // once read: by user, each once
  explicit profiles(arena& memory) : all(arena_allocator<profile>(memory)) {}

  void want(std::string_view user) { all.push_back({user, {}, {}}); }
  // Nothing is known of a user who was not wanted.
  profile of(std::string_view user) const noexcept;
};

// Keeps what is said of a user; what is empty stays as it is.
void keep_profile(operation& op, commit& change, const profile& of);

// Whether there is anything in what the identity says of the caller to be
// kept.
bool has_profile(const operation& op) noexcept;

// What is kept of the caller; to be asked for where has_profile() is true.
record_read kept_profile(operation& op);

// Keeps what the identity says of the caller, but for what is `kept`, where
// that was read.
void remember_profile(operation& op, commit& change, const record_read* kept);

// Whether the identity last said of a member of the workspace that this
// (lower-cased) is his e-mail address.  Asks an index: the cost does not depend
// on how many members there are.
flow<result<bool>> is_members_address(operation& op, int64_t workspace,
                                      std::string_view address);

// Of those who are wanted.  The caller's is what the identity says now.
flow<problem> read_profiles(operation& op, profiles& into);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_PROFILE_H
