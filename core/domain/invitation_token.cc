#include "domain/invitation_token.h"

#include <sodium.h>

#include "domain/access.h"
#include "domain/member.h"
#include "domain/workspace.h"
#include "engine/pipeline.h"
#include "identity/random_token.h"
#include "store/keys.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

std::string_view token_hash(arena& memory, std::string_view token) {
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest,
                     reinterpret_cast<const unsigned char*>(token.data()),
                     token.size());
  return hex(memory, {reinterpret_cast<char*>(digest), sizeof digest});
}

std::string_view token_tenant_key(arena& memory, std::string_view hash) {
  return memory.join("wsp:i:", hash);
}

std::string_view name_of(invitation_state state) noexcept {
  switch (state) {
    case invitation_state::pending:
      return "pending";
    case invitation_state::expired:
      return "expired";
    case invitation_state::accepted:
      return "accepted";
    case invitation_state::declined:
      break;
  }
  return "declined";
}

namespace {

struct found_token {
  opened_invitation shown;
  workspace record;
  std::string_view key;  // v:HASH
};

// In the tenant whose keys the operation knows.
flow<result<found_token>> find_token(operation& op, std::string_view token) {
  arena& memory = arena_of(op);
  key_names& keys = keys_of(op);
  memory.wipe_when_freed();
  if (token.size() != token_length) {
    co_return unknown_invitation;
  }
  found_token found;
  std::string_view hash = token_hash(memory, token);
  found.key = keys.invitation(hash);
  trip first(op);
  first.add({"HMGET", found.key, "workspace", "email", "expires"});
  co_await first.go();
  if (!first.ok()) {
    co_return first.failure();
  }
  int64_t id = parse_id(first[0][0].str()).value_or(0);
  if (id == 0) {
    co_return unknown_invitation;
  }
  opened_invitation& shown = found.shown;
  shown.about.email = first[0][1].str();
  shown.about.address = lower_case(memory, shown.about.email);
  shown.about.expires = parse_integer(first[0][2].str()).value_or(0);
  shown.workspace = id;
  trip asking(op);
  read_workspace(asking, op, id);
  asking.add({"HGET", keys.invites(id), shown.about.address});
  // After the list, which it leaves when it ends.
  asking.add({"HMGET", found.key, "status", "roles"});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  found.record = parse_workspace(id, asking[0]);
  // It may have been revoked a moment ago.
  if (!found.record.exists() || asking[2][0].is_nil()) {
    co_return unknown_invitation;
  }
  shown.workspace_name = found.record.name;
  shown.revision = found.record.revision;
  std::string_view status = asking[2][0].str();
  if (status != name_of(invitation_state::pending)) {
    shown.state = status == name_of(invitation_state::accepted)
                      ? invitation_state::accepted
                      : invitation_state::declined;
    shown.about.roles = role_set(asking[2][1].str());
    co_return found;
  }
  shown.about = parse_invitation(memory, shown.about.address, asking[1].str());
  if (!shown.about.exists() || shown.about.hash != hash) {
    co_return unknown_invitation;
  }
  shown.state = shown.about.expired(now_of(op)) ? invitation_state::expired
                                                : invitation_state::pending;
  co_return found;
}

problem may_answer(operation& op, const opened_invitation& shown) {
  switch (shown.state) {
    case invitation_state::accepted:
      return {fault::conflict, "the invitation was accepted already"};
    case invitation_state::declined:
      return {fault::conflict, "the invitation was declined"};
    case invitation_state::expired:
      return {fault::gone, "the invitation has expired"};
    case invitation_state::pending:
      break;
  }
  if (lower_case(arena_of(op), op.who.email) != shown.about.address) {
    return {fault::forbidden, "the invitation was sent to another address"};
  }
  return {};
}

// It leaves the list, and its token is remembered with the answer.
void end_with(operation& op, commit& change, found_token& found,
              invitation_state state) {
  const invitation& about = found.shown.about;
  change.expect("pending", {"HGET", found.key, "status"});
  expect_listed(op, change, found.record.id, about);
  change.write({"HDEL", keys_of(op).invites(found.record.id), about.address});
  change.write({"HSET", found.key, "status", name_of(state), "roles",
                about.roles.stored()});
  change.touch(keys_of(op).workspace(found.record.id));
  found.shown.state = state;
}

}  // namespace

flow<result<opened_invitation>> read_invitation(operation& op,
                                                std::string_view token) {
  arena& memory = arena_of(op);
  memory.wipe_when_freed();
  if (token.size() != token_length) {
    co_return unknown_invitation;
  }
  trip asking(op);
  asking.add({"GET", token_tenant_key(memory, token_hash(memory, token))});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  op.who.tenant = asking[0].str();
  if (op.who.tenant.empty()) {
    co_return unknown_invitation;
  }
  if (!make_keys(op)) {
    auto knowing = know_keys(op);
    problem failed = co_await knowing;
    if (!failed.ok()) {
      co_return failed;
    }
  }
  auto finding = find_token(op, token);
  auto found = co_await finding;
  if (!found.ok()) {
    co_return found.error;
  }
  co_return found.value.shown;
}

flow<result<opened_invitation>> accept_invitation(operation& op, commit& change,
                                                  std::string_view token) {
  key_names& keys = keys_of(op);
  std::string_view user = op.who.user;
  auto finding = find_token(op, token);
  auto opened = co_await finding;
  if (!opened.ok()) {
    co_return opened.error;
  }
  found_token& found = opened.value;
  problem refusal = may_answer(op, found.shown);
  if (!refusal.ok()) {
    co_return refusal;
  }
  const invitation& about = found.shown.about;
  int64_t id = found.record.id;
  trip asking(op);
  asking.add({"HGET", keys.members(id), about.by});
  asking.add({"HGET", keys.members(id), user});
  asking.add({"HGET", keys.user(user), "active"});
  read_workspace(asking, op, id);  // as it is together with its members
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  found.record = parse_workspace(id, asking[3]);
  if (!found.record.exists()) {
    co_return unknown_invitation;
  }
  if (!asking[1].is_nil()) {
    co_return problem{fault::conflict, "already a member"};
  }
  // What is accepted is what the sender gives, if he still may.
  access sender;
  sender.record = found.record;
  sender.mine = parse_member(about.by, asking[0].str());
  sender.tenant_admin = about.by_tenant_admin;
  if (!sender.admin()) {
    co_return problem{fault::gone,
                      "who sent the invitation may not invite any more"};
  }
  rest_on(op, sender, change);
  auto adding = add_member(op, change, sender, user, about.roles);
  auto added = co_await adding;
  if (added.error.kind == fault::refused) {
    // A member since: perhaps by this token, which is then told.
    co_return problem{fault::retry};
  }
  if (!added.ok()) {
    co_return added.error;
  }
  if (!about.name.empty()) {
    change.write({"HSETNX", keys.user_profile(user), "name", about.name});
  }
  if (asking[2].is_nil()) {
    change.expect_nil({"HGET", keys.user(user), "active"});
    access mine;
    mine.record = found.record;
    auto activating = activate(op, change, mine);
    refusal = co_await activating;
    if (!refusal.ok()) {
      co_return refusal;
    }
  }
  end_with(op, change, found, invitation_state::accepted);
  co_return found.shown;
}

flow<problem> decline_invitation(operation& op, commit& change,
                                 std::string_view token) {
  auto finding = find_token(op, token);
  auto opened = co_await finding;
  if (!opened.ok()) {
    co_return opened.error;
  }
  found_token& found = opened.value;
  problem refusal = may_answer(op, found.shown);
  if (!refusal.ok()) {
    co_return refusal;
  }
  change.expect("1",
                {"HEXISTS", keys_of(op).workspace(found.record.id), "rev"});
  end_with(op, change, found, invitation_state::declined);
  co_return problem{};
}

}  // namespace wsp
