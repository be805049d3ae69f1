#include "domain/invitation.h"

#include <algorithm>

#include "domain/access.h"
#include "domain/grant.h"
#include "domain/invitation_token.h"
#include "domain/mail.h"
#include "domain/profile.h"
#include "domain/workspace.h"
#include "identity/random_token.h"
#include "store/keys.h"
#include "store/trip.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

namespace {

// How long a token is remembered after its time: it is then known that it has
// expired, or what was answered.
constexpr int64_t remembered_ms = 30LL * 24 * 3600 * 1000;

}  // namespace

invitation parse_invitation(arena& memory, std::string_view address,
                            std::string_view stored) {
  invitation made;
  made.address = address;
  made.stored = stored;
  if (stored.empty()) {
    return made;
  }
  auto parsed = json_parse(memory, stored);
  const json_t* root = parsed.value.root();
  auto text = [&](const char* field) {
    return memory.copy(json_text(json_object_get(root, field)));
  };
  auto number = [&](const char* field) {
    return static_cast<int64_t>(
        json_integer_value(json_object_get(root, field)));
  };
  made.id = number("id");
  made.email = text("email");
  made.name = text("name");
  made.created = number("created");
  made.expires = number("expires");
  made.by = text("by");
  made.by_tenant_admin = json_is_true(json_object_get(root, "by_admin"));
  made.hash = text("hash");
  buffer roles(memory, 64);
  const json_t* names = json_object_get(root, "roles");
  for (size_t i = 0; i < json_array_size(names); i++) {
    if (i != 0) {
      roles.put(',');
    }
    roles.put(json_text(json_array_get(names, i)));
  }
  made.roles = role_set(roles.view());
  return made;
}

namespace {

std::string_view store_invitation(arena& memory, const invitation& of) {
  json_writer out(memory);
  out.open_object().key("id").number(of.id).key("email").string(of.email);
  if (!of.name.empty()) {
    out.key("name").string(of.name);
  }
  out.key("roles").open_array();
  of.roles.each([&](std::string_view each) { out.string(each); });
  out.close_array();
  out.key("created").number(of.created).key("expires").number(of.expires);
  out.key("by").string(of.by);
  out.key("by_admin").boolean(of.by_tenant_admin);
  out.key("hash").string(of.hash).close_object();
  return out.view();
}

void sort_by_address(list<invitation>& all) {
  std::sort(all.begin(), all.end(),
            [](const invitation& a, const invitation& b) {
              return a.address < b.address;
            });
}

}  // namespace

void expect_listed(operation& op, commit& change, int64_t workspace,
                   const invitation& of) {
  change.expect(of.stored,
                {"HGET", keys_of(op).invites(workspace), of.address});
}

namespace {

void list_it(operation& op, commit& change, int64_t workspace, invitation& of) {
  of.stored = store_invitation(arena_of(op), of);
  change.write({"HSET", keys_of(op).invites(workspace), of.address, of.stored});
}

// Nobody finds it by its token any more.
void forget_token(operation& op, commit& change, const invitation& of) {
  if (!of.hash.empty()) {
    change.write({"UNLINK", keys_of(op).invitation(of.hash)});
  }
}

// Lists each of them with a new token, and a number where it has none.
flow<problem> issue(operation& op, commit& change, const access& here,
                    list<issued>& these) {
  arena& memory = arena_of(op);
  key_names& keys = keys_of(op);
  int64_t ttl = invitation_ttl_of(op);
  int64_t workspace = here.record.id;
  std::string_view lifetime = decimal(memory, ttl + remembered_ms);
  // Before the commit: a pointer to nothing does no harm, and passes.
  trip asking(op);
  for (issued& each : these) {
    each.token = draw_token(op);
    each.sent.hash = token_hash(memory, each.token);
    asking.add({"SET", token_tenant_key(memory, each.sent.hash), op.who.tenant,
                "PX", lifetime});
  }
  // Numbers may have gaps, and are not given twice.
  asking.add({"INCRBY", keys.invitation_counter(),
              decimal(memory, static_cast<int64_t>(these.size()))});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  auto next = first_number(asking[these.size()].number,
                           static_cast<int64_t>(these.size()));
  if (!next) {
    co_return problem{fault::internal, "internal error"};
  }
  for (issued& each : these) {
    invitation& sent = each.sent;
    if (sent.id == 0) {
      sent.id = (*next)++;
    }
    sent.expires = now_of(op) + ttl;
    sent.by = op.who.user;
    sent.by_tenant_admin = here.tenant_admin;
    std::string_view key = keys.invitation(sent.hash);
    change.write({"HSET", key, "status", "pending", "workspace",
                  decimal(memory, workspace), "email", sent.email, "expires",
                  decimal(memory, sent.expires)});
    change.write({"PEXPIRE", key, lifetime});
    list_it(op, change, workspace, sent);
    invitation_mail mail;
    mail.email = sent.email;
    mail.guest = sent.name;
    mail.workspace = here.record.name;
    mail.inviter = op.who.name.empty() ? op.who.user : op.who.name;
    mail.role = sent.roles.stored();
    mail.token = each.token;
    mail.expires = sent.expires;
    problem refusal = queue_invitation_mail(op, change, mail);
    if (!refusal.ok()) {
      co_return refusal;
    }
  }
  change.touch(keys.workspace(workspace));
  co_return problem{};
}

flow<result<issued>> issue_one(operation& op, commit& change,
                               const access& here, const invitation& what) {
  list<issued> one{arena_allocator<issued>(arena_of(op))};
  one.push_back({what, {}});
  auto issuing = issue(op, change, here, one);
  problem failed = co_await issuing;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return one.front();
}

// not_found: there is none with this id.
flow<result<invitation>> find_invitation(operation& op, int64_t workspace,
                                         int64_t id) {
  list<invitation> all{arena_allocator<invitation>(arena_of(op))};
  auto reading = read_invitations(op, workspace, all);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  for (const invitation& each : all) {
    if (each.id == id && id > 0) {
      co_return each;
    }
  }
  co_return unknown_invitation;
}

}  // namespace

bool is_email(std::string_view text) noexcept {
  size_t sign = text.find('@');
  if (sign == text.npos || sign == 0 || sign + 1 == text.size() ||
      text.size() > 254 || text.find('@', sign + 1) != text.npos ||
      has_control(text) || !utf8_length(text)) {
    return false;
  }
  return text.find_first_of(" ,;:<>()[]\\\"") == text.npos;
}

list<invitation> parse_invitations(arena& memory, const reply& all) {
  list<invitation> made{arena_allocator<invitation>(memory)};
  made.reserve(all.items().size() / 2);
  for (size_t i = 0; i + 1 < all.items().size(); i += 2) {
    made.push_back(parse_invitation(memory, all[i].str(), all[i + 1].str()));
  }
  sort_by_address(made);
  return made;
}

flow<problem> read_invitations(operation& op, int64_t workspace,
                               list<invitation>& into) {
  trip asking(op);
  asking.add({"HGETALL", keys_of(op).invites(workspace)});
  co_await asking.go();
  if (asking.ok()) {
    into = parse_invitations(arena_of(op), asking[0]);
  }
  co_return asking.failure();
}

flow<result<issued>> invite(operation& op, commit& change, const access& here,
                            const guest& who) {
  auto granting = may_grant(op, change, here, who.roles);
  problem refusal = co_await granting;
  if (!refusal.ok()) {
    co_return refusal;
  }
  arena& memory = arena_of(op);
  key_names& keys = keys_of(op);
  int64_t id = here.record.id;
  invitation made;
  made.address = lower_case(memory, who.email);
  made.email = who.email;
  made.name = who.name;
  made.roles = who.roles;
  made.created = now_of(op);
  trip asking(op);
  asking.add({"HGET", keys.invites(id), made.address});
  asking.add({"HLEN", keys.invites(id)});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  invitation old = parse_invitation(memory, made.address, asking[0].str());
  if (old.exists() && !old.expired(now_of(op))) {
    co_return problem{fault::invalid,
                      "the address has a pending invitation already", "email"};
  }
  auto looking = is_members_address(op, id, made.address);
  auto is_member = co_await looking;
  if (!is_member.ok()) {
    co_return is_member.error;
  }
  if (is_member.value) {
    co_return problem{fault::invalid, "the address is a member's already",
                      "email"};
  }
  if (old.exists()) {
    expect_listed(op, change, id, old);
    forget_token(op, change, old);
  } else {
    constexpr auto most = static_cast<int64_t>(invitations_max);
    if (asking[1].number >= most) {
      co_return problem{fault::refused,
                        "a workspace has at most 100 invitations"};
    }
    change.expect_nil({"HGET", keys.invites(id), made.address});
    change.expect_below(most, {"HLEN", keys.invites(id)});
  }
  auto issuing = issue_one(op, change, here, made);
  auto sent = co_await issuing;
  co_return sent;
}

flow<result<issued>> resend_invitation(operation& op, commit& change,
                                       const access& here, int64_t id) {
  auto finding = find_invitation(op, here.record.id, id);
  auto old = co_await finding;
  if (!old.ok()) {
    co_return old.error;
  }
  auto granting = may_grant(op, change, here, old.value.roles);
  problem refusal = co_await granting;
  if (!refusal.ok()) {
    co_return refusal;
  }
  expect_listed(op, change, here.record.id, old.value);
  forget_token(op, change, old.value);
  auto issuing = issue_one(op, change, here, old.value);
  auto sent = co_await issuing;
  co_return sent;
}

namespace {

void drop(operation& op, commit& change, int64_t workspace,
          const invitation& of) {
  change.write({"HDEL", keys_of(op).invites(workspace), of.address});
  forget_token(op, change, of);
}

}  // namespace

flow<problem> revoke_invitation(operation& op, commit& change,
                                const access& here, int64_t id) {
  auto finding = find_invitation(op, here.record.id, id);
  auto old = co_await finding;
  if (!old.ok()) {
    co_return old.error;
  }
  expect_listed(op, change, here.record.id, old.value);
  drop(op, change, here.record.id, old.value);
  change.touch(keys_of(op).workspace(here.record.id));
  co_return problem{};
}

namespace {

invitation* find_address(list<invitation>& among,
                         std::string_view address) noexcept {
  for (invitation& each : among) {
    if (each.address == address) {
      return &each;
    }
  }
  return nullptr;
}

}  // namespace

flow<problem> replace_invitations(operation& op, commit& change,
                                  const access& here, const list<guest>& wanted,
                                  list<invitation>& into) {
  arena& memory = arena_of(op);
  key_names& keys = keys_of(op);
  int64_t id = here.record.id;
  list<invitation> old{arena_allocator<invitation>(memory)};
  auto reading = read_invitations(op, id, old);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  // Also of those that stay: one may be answered at this moment.
  for (const invitation& each : old) {
    expect_listed(op, change, id, each);
  }
  list<issued> fresh{arena_allocator<issued>(memory)};
  into.clear();
  for (const guest& who : wanted) {
    invitation one;
    one.address = lower_case(memory, who.email);
    const invitation* kept = find_address(old, one.address);
    if (kept != nullptr) {
      one = *kept;
    } else {
      one.created = now_of(op);
      change.expect_nil({"HGET", keys.invites(id), one.address});
    }
    one.email = who.email;
    one.name = who.name;
    if (kept == nullptr || kept->roles.stored() != who.roles.stored()) {
      auto granting = may_grant(op, change, here, who.roles);
      failed = co_await granting;
      if (!failed.ok()) {
        co_return failed;
      }
      one.roles = who.roles;
      one.by = op.who.user;
      one.by_tenant_admin = here.tenant_admin;
    }
    if (kept == nullptr) {
      fresh.push_back({one, {}});
    } else {
      list_it(op, change, id, one);
    }
    into.push_back(one);
  }
  for (const invitation& each : old) {
    if (find_address(into, each.address) == nullptr) {
      drop(op, change, id, each);
    }
  }
  sort_by_address(into);
  change.touch(keys.workspace(id));
  if (fresh.empty()) {
    co_return problem{};
  }
  auto issuing = issue(op, change, here, fresh);
  failed = co_await issuing;
  for (const issued& each : fresh) {
    *find_address(into, each.sent.address) = each.sent;
  }
  co_return failed;
}

void change_invitation_roles(operation& op, commit& change, int64_t workspace,
                             const invitation& of, role_set roles) {
  expect_listed(op, change, workspace, of);
  invitation changed = of;
  changed.roles = roles;
  list_it(op, change, workspace, changed);
  change.touch(keys_of(op).workspace(workspace));
}

}  // namespace wsp
