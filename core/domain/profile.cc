#include "domain/profile.h"

#include <algorithm>

#include "store/keys.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr size_t profiles_a_trip = 200;
constexpr size_t text_size_max = 1020;

bool by_user(const profile& a, const profile& b) noexcept {
  return a.user < b.user;
}

bool is_kept(std::string_view text) noexcept {
  return !text.empty() && text.size() <= text_size_max &&
         utf8_length(text) && !has_control(text);
}

void take_newer(profile& of, const identity& who) noexcept {
  of.name = is_kept(who.name) ? who.name : of.name;
  of.email = is_kept(who.email) ? who.email : of.email;
}

// Whether one of them is a member, and has the address still.
flow<result<bool>> has_member(operation& op, int64_t workspace,
                              std::string_view address, const reply& users) {
  key_names& keys = keys_of(op);
  size_t count = users.items().size();
  for (size_t from = 0; from < count; from += profiles_a_trip) {
    size_t until = std::min(count, from + profiles_a_trip);
    trip asking(op);
    for (size_t i = from; i < until; i++) {
      asking.add({"HEXISTS", keys.members(workspace), users[i].str()});
      asking.add({"HGET", keys.user_profile(users[i].str()), "email"});
    }
    co_await asking.go();
    if (!asking.ok()) {
      co_return asking.failure();
    }
    for (size_t i = 0; i < asking.size(); i += 2) {
      if (asking[i].number != 0 &&
          equal_ignoring_case(asking[i + 1].str(), address)) {
        co_return true;
      }
    }
  }
  co_return false;
}

}  // namespace

profile profiles::of(std::string_view user) const noexcept {
  profile wanted{user, {}, {}};
  auto found = std::lower_bound(all.begin(), all.end(), wanted, by_user);
  return found != all.end() && found->user == user ? *found : wanted;
}

void keep_profile(operation& op, commit& change, const profile& of) {
  auto keep = [&](std::string_view field, std::string_view text) {
    if (is_kept(text)) {
      change.write({"HSET", keys_of(op).user_profile(of.user), field, text});
    }
  };
  keep("name", of.name);
  keep("email", of.email);
  if (is_kept(of.email)) {
    std::string_view address = lower_case(arena_of(op), of.email);
    change.write({"SADD", keys_of(op).address(address), of.user});
  }
}

bool has_profile(const operation& op) noexcept {
  return is_kept(op.who.name) || is_kept(op.who.email);
}

record_read kept_profile(operation& op) {
  std::string_view key;
  if (has_profile(op)) {
    key = keys_of(op).user_profile(op.who.user);
  }
  return record_read(op, key, {"HMGET", key, "name", "email"});
}

void remember_profile(operation& op, commit& change,
                      const record_read* kept) {
  profile said{op.who.user, op.who.name, op.who.email};
  if (kept != nullptr && kept->ok()) {
    std::span<const reply> fields = kept->value().items();
    auto is_same = [&](size_t at, std::string_view text) {
      return at < fields.size() && fields[at].str() == text;
    };
    said.name = is_same(0, said.name) ? std::string_view() : said.name;
    said.email = is_same(1, said.email) ? std::string_view() : said.email;
  }
  keep_profile(op, change, said);
}

flow<problem> read_profiles(operation& op, profiles& into) {
  list<profile>& all = into.all;
  std::sort(all.begin(), all.end(), by_user);
  auto same = [](const profile& a, const profile& b) {
    return a.user == b.user;
  };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  for (size_t from = 0; from < all.size(); from += profiles_a_trip) {
    size_t until = std::min(all.size(), from + profiles_a_trip);
    trip asking(op);
    for (size_t i = from; i < until; i++) {
      asking.add(
          {"HMGET", keys_of(op).user_profile(all[i].user), "name", "email"});
    }
    co_await asking.go();
    if (!asking.ok()) {
      co_return asking.failure();
    }
    for (size_t i = from; i < until; i++) {
      const reply& fields = asking[i - from];
      all[i].name = fields[0].str();
      all[i].email = fields[1].str();
      if (all[i].user == op.who.user) {
        take_newer(all[i], op.who);
      }
    }
  }
  co_return problem{};
}

flow<result<bool>> is_members_address(operation& op, int64_t workspace,
                                      std::string_view address) {
  trip asking(op);
  asking.add({"SMEMBERS", keys_of(op).address(address)});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  auto looking = has_member(op, workspace, address, asking[0]);
  auto found = co_await looking;
  co_return found;
}

}  // namespace wsp
