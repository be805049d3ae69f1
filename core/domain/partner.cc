#include "domain/partner.h"

#include "identity/api_key.h"
#include "identity/random_token.h"
#include "seal/envelope.h"
#include "store/keys.h"
#include "store/lexical_page.h"
#include "store/link.h"
#include "text/text.h"
#include "text/url.h"

namespace wsp {

namespace {

constexpr problem no_keys{fault::unavailable,
                          "the secrets of partners need workspaces_seal_keys"};

seal_place place_of(operation& op, direction way) noexcept {
  return {op.who.tenant, 0,
          way == direction::incoming ? "partner.incoming"
                                     : "partner.outgoing"};
}

std::string_view seal_secret(operation& op, direction way,
                             std::string_view secret) {
  return seal(arena_of(op), *keyring_of(op), random_of(op),
              place_of(op, way), secret);
}

std::string_view draw_webhook_secret(operation& op) {
  return arena_of(op).join("whs_", draw_token(op));
}

// False, and logged: it does not open.
bool open_secret(operation& op, direction way, std::string_view blob,
                 std::string_view* into) {
  arena& memory = arena_of(op);
  opened_blob opened =
      open_sealed(memory, *keyring_of(op), place_of(op, way), blob);
  if (opened.how == unsealed::opened) {
    *into = opened.plain;
    return true;
  }
  log_line(op, WSP_LOG_ERROR,
           opened.how == unsealed::unknown_key
               ? "a secret is sealed under a key that is not in the key file, "
               : "a secret does not open, ",
           memory.join(name_of(way), ", partner \"",
                       percent_encode(memory, op.who.tenant), "\""));
  return false;
}

}  // namespace

std::string_view name_of(direction way) noexcept {
  return way == direction::incoming ? "incoming" : "outgoing";
}

bool is_webhook_url(arena& memory, std::string_view text) {
  return text.size() <= 2048 && parse_http_url(memory, text).has_value();
}

void ask_partner(trip& asking, operation& op) {
  asking.add({"HMGET", keys_of(op).partner(), "rev", "name", "enabled", "url",
              "stopped", "key", "in", "in_old", "in_until", "out", "out_old",
              "out_until", "created", "updated"});
}

partner parse_partner(const reply& fields) noexcept {
  auto number = [&](size_t at) {
    return parse_integer(fields[at].str()).value_or(0);
  };
  partner found;
  found.revision = number(0);
  found.name = fields[1].str();
  found.enabled = fields[2].str() == "1";
  found.url = fields[3].str();
  found.stopped = fields[4].str();
  found.key_hash = fields[5].str();
  found.incoming = {fields[6].str(), fields[7].str(), number(8)};
  found.outgoing = {fields[9].str(), fields[10].str(), number(11)};
  found.created = number(12);
  found.updated = number(13);
  return found;
}

flow<result<partner>> read_partner(operation& op) {
  trip asking(op);
  ask_partner(asking, op);
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  co_return parse_partner(asking[0]);
}

result<secret_pair> open_secrets(operation& op, const partner& record,
                                 direction way) {
  if (keyring_of(op) == nullptr) {
    return no_keys;
  }
  arena_of(op).wipe_when_freed();
  secret_pair found;
  if (!record.exists()) {
    std::string_view opens;
    open_secret(op, way, seal_secret(op, way, draw_webhook_secret(op)),
                &opens);
    return found;
  }
  const sealed_secret& stored = record.secret(way);
  bool opened = open_secret(op, way, stored.now, &found.now);
  if (opened && !stored.old.empty() && now_of(op) < stored.old_until) {
    opened = open_secret(op, way, stored.old, &found.old);
  }
  if (!opened) {
    return problem{fault::internal, "a secret cannot be read"};
  }
  return found;
}

flow<result<issued_partner>> register_partner(operation& op, commit& change,
                                              const new_partner& given) {
  arena& memory = arena_of(op);
  key_names& keys = keys_of(op);
  if (keyring_of(op) == nullptr) {
    co_return no_keys;
  }
  std::string_view key = keys.partner();
  trip asking(op);
  asking.add({"EXISTS", key});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  if (asking[0].number != 0) {
    co_return problem{fault::conflict, "the partner exists already"};
  }
  issued_partner made;
  made.api_key = draw_api_key(op);
  made.incoming_secret = draw_webhook_secret(op);
  made.outgoing_secret = draw_webhook_secret(op);
  partner& record = made.record;
  record.revision = 1;
  record.name = given.name;
  record.enabled = true;
  record.url = given.url;
  record.key_hash = api_key_hash(memory, made.api_key);
  record.incoming.now =
      seal_secret(op, direction::incoming, made.incoming_secret);
  record.outgoing.now =
      seal_secret(op, direction::outgoing, made.outgoing_secret);
  record.created = now_of(op);
  record.updated = record.created;
  std::string_view created = decimal(memory, record.created);
  change.expect("0", {"EXISTS", key});
  change.write({"HSET", key, "rev", "1", "name", record.name, "enabled", "1",
                "url", record.url, "key", record.key_hash, "in",
                record.incoming.now, "out", record.outgoing.now, "created",
                created, "updated", created});
  change.write({"HSET", key_names::api_key(memory, record.key_hash), "tenant",
                op.who.tenant, "partner", "1"});
  change.write({"ZADD", keys.partners(), "0", op.who.tenant});
  change.write({"ZADD", keys.tenants(), "0", op.who.tenant});
  co_return made;
}

namespace {

// Nobody else has changed it, and it is another one from now on.
void revise(operation& op, commit& change, partner& record) {
  arena& memory = arena_of(op);
  std::string_view key = keys_of(op).partner();
  record.updated = now_of(op);
  change.expect(decimal(memory, record.revision), {"HGET", key, "rev"});
  change.write({"HSET", key, "updated", decimal(memory, record.updated)});
  change.touch(key);
}

struct secret_fields {
  std::string_view now;
  std::string_view old;
  std::string_view until;
};

constexpr secret_fields fields_of(direction way) noexcept {
  return way == direction::incoming
             ? secret_fields{"in", "in_old", "in_until"}
             : secret_fields{"out", "out_old", "out_until"};
}

}  // namespace

void update_partner(operation& op, commit& change, partner& record,
                    const partner_patch& given) {
  if (!given.name && !given.enabled && !given.url) {
    return;
  }
  std::string_view key = keys_of(op).partner();
  revise(op, change, record);
  if (given.name) {
    record.name = *given.name;
    change.write({"HSET", key, "name", record.name});
  }
  if (given.enabled) {
    record.enabled = *given.enabled;
    std::string_view api_key =
        key_names::api_key(arena_of(op), record.key_hash);
    change.write({"HSET", key, "enabled", record.enabled ? "1" : "0"});
    if (record.enabled) {
      change.write({"HDEL", api_key, "disabled"});
    } else {
      change.write({"HSET", api_key, "disabled", "1"});
    }
  }
  if (given.url) {
    record.url = *given.url;
    record.stopped = {};
    change.write({"HSET", key, "url", record.url});
    change.write({"HDEL", key, "stopped"});
  }
}

std::string_view rotate_api_key(operation& op, commit& change,
                                partner& record) {
  arena& memory = arena_of(op);
  std::string_view made = draw_api_key(op);
  revise(op, change, record);
  change.write({"UNLINK", key_names::api_key(memory, record.key_hash)});
  record.key_hash = api_key_hash(memory, made);
  std::string_view key = key_names::api_key(memory, record.key_hash);
  change.write({"HSET", key, "tenant", op.who.tenant, "partner", "1"});
  if (!record.enabled) {
    change.write({"HSET", key, "disabled", "1"});
  }
  change.write({"HSET", keys_of(op).partner(), "key", record.key_hash});
  return made;
}

result<std::string_view> rotate_secret(operation& op, commit& change,
                                       partner& record, direction way,
                                       int64_t grace_ms) {
  if (keyring_of(op) == nullptr) {
    return no_keys;
  }
  arena& memory = arena_of(op);
  std::string_view key = keys_of(op).partner();
  sealed_secret& stored =
      way == direction::incoming ? record.incoming : record.outgoing;
  secret_fields fields = fields_of(way);
  std::string_view opened;
  bool stays =
      grace_ms > 0 && open_secret(op, way, stored.now, &opened);
  std::string_view made = draw_webhook_secret(op);
  revise(op, change, record);
  stored = {seal_secret(op, way, made),
            stays ? stored.now : std::string_view(),
            stays ? now_of(op) + grace_ms : 0};
  change.write({"HSET", key, fields.now, stored.now});
  if (stays) {
    change.write({"HSET", key, fields.old, stored.old, fields.until,
                  decimal(memory, stored.old_until)});
  } else {
    change.write({"HDEL", key, fields.old, fields.until});
  }
  return made;
}

flow<problem> drop_ended_secrets(operation& op) {
  std::string_view key = keys_of(op).partner();
  auto reading = read_partner(op);
  auto found = co_await reading;
  if (!found.ok()) {
    co_return found.error;
  }
  for (direction way : {direction::incoming, direction::outgoing}) {
    const sealed_secret& stored = found.value.secret(way);
    if (stored.old.empty() || now_of(op) < stored.old_until) {
      continue;
    }
    secret_fields fields = fields_of(way);
    commit change(op);
    change.expect(stored.old, {"HGET", key, fields.old});
    change.write({"HDEL", key, fields.old, fields.until});
    auto committing = run(op, change);
    auto outcome = co_await committing;
    if (!outcome.ok() && outcome.error.kind != fault::conflict) {
      co_return outcome.error;
    }
  }
  co_return problem{};
}

flow<problem> stop_webhooks(operation& op, std::string_view url,
                            std::string_view why) {
  std::string_view key = keys_of(op).partner();
  commit change(op);
  change.expect(url, {"HGET", key, "url"});
  change.write({"HINCRBY", key, "rev", "1"});
  change.write({"HSET", key, "stopped", why, "updated",
                decimal(arena_of(op), now_of(op))});
  auto committing = run(op, change);
  auto outcome = co_await committing;
  if (outcome.ok() && outcome.value.done) {
    log_line(op, WSP_LOG_ERROR, "webhooks to partner \"",
             percent_encode(arena_of(op), op.who.tenant),
             "\" are stopped: ", why);
  }
  co_return outcome.error;
}

flow<problem> list_partners(operation& op, std::string_view after,
                            size_t limit, list<partner_outline>& into) {
  arena& memory = arena_of(op);
  list<std::string_view> ids{arena_allocator<std::string_view>(memory)};
  auto reading =
      read_lexical_page(op, &key_names::partners, after, limit, ids);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  trip asking(op);
  for (std::string_view id : ids) {
    key_names names(memory, id, link_of(op).partitions());
    asking.add({"HMGET", names.partner(), "name", "enabled"});
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  for (size_t i = 0; i < ids.size(); i++) {
    into.push_back({ids[i], asking[i][0].str(), asking[i][1].str() == "1"});
  }
  co_return problem{};
}

}  // namespace wsp
