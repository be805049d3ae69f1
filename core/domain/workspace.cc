#include "domain/workspace.h"

#include <algorithm>

#include "domain/access.h"
#include "store/keys.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

namespace {

// Few enough that others' replies come in between, with logos of 64 KiB.
constexpr size_t records_a_trip = 50;

std::string_view labels_json(arena& memory,
                             const list<std::string_view>& labels) {
  json_writer out(memory, 64);
  out.open_array();
  for (std::string_view label : labels) {
    out.string(label);
  }
  out.close_array();
  return out.view();
}

// Keeps the label's index as the record says.
void list_under_labels(operation& op, commit& change, int64_t id,
                       const list<std::string_view>& labels) {
  std::string_view id_text = decimal(arena_of(op), id);
  for (std::string_view label : labels) {
    change.write({"ZADD", keys_of(op).label(label), id_text, id_text});
  }
}

problem unlist_from_labels(operation& op, commit& change,
                           const workspace& record) {
  arena& memory = arena_of(op);
  std::string_view id_text = decimal(memory, record.id);
  change.expect(record.labels,
                {"HGET", keys_of(op).workspace(record.id), "labels"});
  auto parsed = json_parse(memory, record.labels);
  if (!parsed.ok()) {
    return {fault::internal, "internal error"};
  }
  const json_t* root = parsed.value.root();
  for (size_t i = 0; i < json_array_size(root); i++) {
    std::string_view label =
        memory.copy(json_text(json_array_get(root, i)));
    change.write({"ZREM", keys_of(op).label(label), id_text});
  }
  return {};
}

}  // namespace

record_command workspace_command(operation& op, int64_t id) {
  return {"HMGET", keys_of(op).workspace(id), "rev",     "name",
          "logo",  "labels",                  "owner",   "created",
          "updated", "external"};
}

void read_workspace(trip& asking, operation& op, int64_t id) {
  record_command command = workspace_command(op, id);
  asking.add(command);
}

workspace parse_workspace(int64_t id, const reply& fields) noexcept {
  workspace made;
  made.id = id;
  made.revision = parse_integer(fields[0].str()).value_or(0);
  made.name = fields[1].str();
  made.logo = fields[2].str();
  made.labels = fields[3].str();
  made.owner = fields[4].str();
  made.created = parse_integer(fields[5].str()).value_or(0);
  made.updated = parse_integer(fields[6].str()).value_or(0);
  made.external_id = fields[7].str();
  return made;
}

flow<problem> read_view(operation& op, const access& here,
                        workspace_view& into) {
  into.record = here.record;
  if (!here.admin()) {
    into.members.push_back(here.mine);
    co_return problem{};
  }
  trip asking(op);
  asking.add({"HGETALL", keys_of(op).members(here.record.id)});
  asking.add({"HGETALL", keys_of(op).invites(here.record.id)});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  into.members = parse_members(arena_of(op), asking[0]);
  into.invites = parse_invitations(arena_of(op), asking[1]);
  co_return problem{};
}

flow<result<workspace>> create_workspace(operation& op, commit& change,
                                         const workspace_patch& given,
                                         role_set roles) {
  key_names& keys = keys_of(op);
  arena& memory = arena_of(op);
  // A number that a failed commit leaves behind is never used: ids may have
  // gaps, and are not given twice.
  trip asking(op);
  asking.add({"INCR", keys.counter()});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  workspace made;
  made.id = asking[0].number;
  made.revision = 1;
  made.name = *given.name;
  made.logo = given.logo.value_or("");
  made.labels =
      given.labels != nullptr ? labels_json(memory, *given.labels) : "[]";
  made.owner = op.who.user;
  made.created = now_of(op);
  made.updated = made.created;

  std::string_view id_text = decimal(memory, made.id);
  std::string_view key = keys.workspace(made.id);
  std::string_view created = decimal(memory, made.created);
  change.expect("0", {"EXISTS", key});
  change.write({"HSET", key, "rev", "1", "name", made.name, "logo", made.logo,
                "labels", made.labels, "owner", made.owner, "created",
                created, "updated", created});
  write_member(op, change, made.id, made.owner, roles);
  change.write({"ZADD", keys.workspaces(), id_text, id_text});
  if (given.labels != nullptr) {
    list_under_labels(op, change, made.id, *given.labels);
  }
  co_return made;
}

problem update_workspace(operation& op, commit& change, workspace& record,
                         const workspace_patch& given) {
  if (!given.name && !given.logo && given.labels == nullptr) {
    return {};
  }
  arena& memory = arena_of(op);
  std::string_view key = keys_of(op).workspace(record.id);
  if (given.name) {
    record.name = *given.name;
    change.write({"HSET", key, "name", record.name});
  }
  if (given.logo) {
    record.logo = *given.logo;
    change.write({"HSET", key, "logo", record.logo});
  }
  if (given.labels != nullptr) {
    problem broken = unlist_from_labels(op, change, record);
    if (!broken.ok()) {
      return broken;
    }
    record.labels = labels_json(memory, *given.labels);
    list_under_labels(op, change, record.id, *given.labels);
    change.write({"HSET", key, "labels", record.labels});
  }
  record.updated = now_of(op);
  change.write({"HSET", key, "updated", decimal(memory, record.updated)});
  change.touch(key);
  return {};
}

problem delete_workspace(operation& op, commit& change,
                         const workspace& record) {
  key_names& keys = keys_of(op);
  int64_t id = record.id;
  std::string_view id_text = decimal(arena_of(op), id);
  problem broken = unlist_from_labels(op, change, record);
  if (!broken.ok()) {
    return broken;
  }
  change.write({"UNLIST", keys.members(id), keys.users_prefix(),
                key_names::user_workspaces_suffix(), id_text});
  change.write({"UNLIST", keys.contexts(id), keys.users_prefix(), "",
                id_text});
  change.write({"ZREM", keys.workspaces(), id_text});
  for (std::string_view key :
       {keys.members(id), keys.role_holders(id), keys.roles(id),
        keys.invites(id), keys.sealed(id), keys.contexts(id),
        keys.workspace(id)}) {
    change.write({"UNLINK", key});
  }
  return {};
}

flow<problem> list_own_workspaces(operation& op, own_workspaces& into) {
  key_names& keys = keys_of(op);
  std::string_view user = op.who.user;
  trip first(op);
  first.add({"ZRANGE", keys.user_workspaces(user), "0", "-1"});
  first.add({"HGET", keys.user(user), "active"});
  co_await first.go();
  if (!first.ok()) {
    co_return first.failure();
  }
  into.active = parse_id(first[1].str()).value_or(0);
  size_t count = first[0].items().size();
  for (size_t from = 0; from < count; from += records_a_trip) {
    size_t until = std::min(count, from + records_a_trip);
    trip asking(op);
    for (size_t i = from; i < until; i++) {
      int64_t id = parse_id(first[0][i].str()).value_or(0);
      read_workspace(asking, op, id);
      asking.add({"HGET", keys.members(id), user});
    }
    co_await asking.go();
    if (!asking.ok()) {
      co_return asking.failure();
    }
    for (size_t i = from; i < until; i++) {
      int64_t id = parse_id(first[0][i].str()).value_or(0);
      size_t at = 2 * (i - from);
      own_workspace each{parse_workspace(id, asking[at]),
                         parse_member(user, asking[at + 1].str())};
      if (each.record.exists() && each.mine.exists()) {
        into.all.push_back(each);
      }
    }
  }
  co_return problem{};
}

}  // namespace wsp
