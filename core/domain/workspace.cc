#include "domain/workspace.h"

#include <algorithm>

#include "domain/access.h"
#include "domain/removal.h"
#include "store/cache.h"
#include "store/keys.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

namespace {

// Few enough that others' replies come in between, with logos of 64 KiB.
constexpr size_t records_a_trip = 50;

constexpr std::string_view no_labels = "[]";

// Of a name of which nothing is left.
constexpr std::string_view plain_slug = "workspace";

constexpr problem name_taken{fault::conflict,
                             "this name is taken by another workspace"};
constexpr problem slug_taken{
    fault::conflict, "the slug of this name is taken by another workspace"};
constexpr problem external_id_taken{
    fault::conflict, "this external id is taken by another workspace",
    external_id_field};

problem in_field(problem why, std::string_view field) noexcept {
  why.field = field;
  return why;
}

constexpr problem broken_record{fault::internal, "internal error"};

template <class Visit>
problem each_label(arena& memory, std::string_view labels, Visit visit) {
  if (labels == no_labels) {
    return {};
  }
  auto parsed = json_parse(memory, labels);
  if (!parsed.ok()) {
    return broken_record;
  }
  const json_t* root = parsed.value.root();
  for (size_t i = 0; i < json_array_size(root); i++) {
    visit(memory.copy(json_text(json_array_get(root, i))));
  }
  return {};
}

// Keeps the labels' indexes as the record says.
problem list_under_labels(operation& op, commit& change,
                          const workspace& record) {
  arena& memory = arena_of(op);
  std::string_view id_text = decimal(memory, record.id);
  return each_label(memory, record.labels, [&](std::string_view label) {
    change.write({"ZADD", keys_of(op).label(label), id_text, id_text});
  });
}

problem unlist_from_labels(operation& op, commit& change,
                           const workspace& record) {
  arena& memory = arena_of(op);
  std::string_view id_text = decimal(memory, record.id);
  change.expect(record.labels,
                {"HGET", keys_of(op).workspace(record.id), "labels"});
  return each_label(memory, record.labels, [&](std::string_view label) {
    change.write({"ZREM", keys_of(op).label(label), id_text});
  });
}

// Keeps the index of names; the record must not have got another meanwhile.
void unlist_from_name(operation& op, commit& change,
                      const workspace& record) {
  change.expect(record.name,
                {"HGET", keys_of(op).workspace(record.id), "name"});
  change.write({"ZREM", keys_of(op).name(record.name),
                decimal(arena_of(op), record.id)});
}

void list_under_name(operation& op, commit& change, const workspace& record,
                     naming names) {
  std::string_view id_text = decimal(arena_of(op), record.id);
  std::string_view key = keys_of(op).name(record.name);
  if (names != naming::free) {
    change.expect("0", {"ZCARD", key});
  }
  change.write({"ZADD", key, id_text, id_text});
}

}  // namespace

record_command workspace_command(operation& op, int64_t id) {
  return {"HMGET", keys_of(op).workspace(id), "rev",     "name",
          "logo",  "labels",                  "owner",   "created",
          "updated", "external", "slug"};
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
  made.slug = fields[8].str();
  return made;
}

bool view_at_once(const access& here, workspace_view& into) {
  into.record = here.record;
  if (here.admin()) {
    return false;
  }
  into.members.push_back(here.mine);
  return true;
}

std::string_view kept_view(operation& op, const access& here) {
  if (here.held_record == nullptr || here.admin()) {
    return {};
  }
  kept_reply* found =
      cache::find_made(*here.held_mine, *here.held_record, op.speaks);
  return found == nullptr ? std::string_view()
                          : op.held.hold(arena_of(op), *found).str();
}

void keep_view(operation& op, const access& here,
               std::string_view rendered) noexcept {
  if (here.held_record != nullptr && !here.admin()) {
    cache_of(op).keep_made(*here.held_mine, *here.held_record, op.speaks,
                           rendered);
  }
}

flow<problem> read_view(operation& op, const access& here,
                        workspace_view& into) {
  if (view_at_once(here, into)) {
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

namespace {

// ASCII letters, in lower case, and digits; "-" for each run of others.
std::string_view slug_of(arena& memory, std::string_view name) {
  buffer slug(memory, name.size() + 1);
  bool gap = false;
  for (char c : name) {
    bool upper = c >= 'A' && c <= 'Z';
    if (!upper && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) {
      gap = slug.size() != 0;
      continue;
    }
    if (slug.size() + (gap ? 2 : 1) > slug_size_max) {
      break;
    }
    if (gap) {
      slug.put('-');
      gap = false;
    }
    slug.put(upper ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return slug.view();
}

// Gives it name and slug, as Redis and those made before it leave room.
problem take_name(arena& memory, const new_workspace& given,
                  bool name_is_taken, bool slug_is_taken,
                  const list<workspace>& before, workspace& made) {
  std::string_view slug = slug_of(memory, given.name);
  bool is_made_of_it = !slug.empty();
  made.name = given.name;
  made.slug = is_made_of_it ? slug : plain_slug;
  for (const workspace& other : before) {
    name_is_taken = name_is_taken || other.name == made.name;
    slug_is_taken = slug_is_taken || other.slug == made.slug;
  }
  if (name_is_taken && given.names != naming::free) {
    return in_field(name_taken, given.field);
  }
  if (slug_is_taken) {
    if (is_made_of_it && given.names == naming::unique_name_and_slug) {
      return in_field(slug_taken, given.field);
    }
    made.slug = memory.join(made.slug, "-", decimal(memory, made.id));
  }
  return {};
}

// With the numbers of those who hold each role.
void write_first_members(operation& op, commit& change,
                         const new_workspace& given, const workspace& made) {
  arena& memory = arena_of(op);
  key_names& keys = keys_of(op);
  struct holders {
    std::string_view role;
    int64_t count;
  };
  list<holders> all{arena_allocator<holders>(memory)};
  std::string_view id_text = decimal(memory, made.id);
  list<std::string_view> users{arena_allocator<std::string_view>(memory)};
  auto join = [&](std::string_view user, role_set roles) {
    change.write({"HSET", keys.members(made.id), user,
                  store_member(memory, made.created, roles)});
    users.push_back(user);
    roles.each([&](std::string_view role) {
      auto known = std::find_if(
          all.begin(), all.end(),
          [&](const holders& each) { return each.role == role; });
      if (known != all.end()) {
        known->count++;
      } else {
        all.push_back({role, 1});
      }
    });
  };
  join(made.owner, given.roles);
  if (given.members != nullptr) {
    for (const first_member& each : *given.members) {
      join(each.user, each.roles);
    }
  }
  for (const holders& each : all) {
    change.write({"HSET", keys.role_holders(made.id), each.role,
                  decimal(memory, each.count)});
  }
  for (std::string_view user : users) {
    change.write({"ZADD", keys.user_workspaces(user), id_text, id_text});
  }
}

problem put_workspace(operation& op, commit& change,
                      const new_workspace& given, const workspace& made) {
  arena& memory = arena_of(op);
  key_names& keys = keys_of(op);
  std::string_view id_text = decimal(memory, made.id);
  std::string_view key = keys.workspace(made.id);
  std::string_view created = decimal(memory, made.created);
  change.expect("0", {"EXISTS", key});
  change.expect("0", {"EXISTS", keys.slug(made.slug)});
  change.write({"HSET", key, "rev", "1", "name", made.name, "slug",
                made.slug, "logo", made.logo, "labels", made.labels, "owner",
                made.owner, "created", created, "updated", created});
  if (!given.settings.empty()) {
    change.write({"HSET", key, "settings", given.settings});
  }
  if (!made.external_id.empty()) {
    std::string_view external = keys.external(made.external_id);
    change.expect("0", {"EXISTS", external});
    change.write({"HSET", key, "external", made.external_id});
    change.write({"SET", external, id_text});
  }
  change.write({"SET", keys.slug(made.slug), id_text});
  write_first_members(op, change, given, made);
  change.write({"ZADD", keys.workspaces(), id_text, id_text});
  list_under_name(op, change, made, given.names);
  return list_under_labels(op, change, made);
}

}  // namespace

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

flow<problem> create_workspaces(operation& op, commit& change,
                                const list<new_workspace>& given,
                                list<workspace>& into) {
  key_names& keys = keys_of(op);
  arena& memory = arena_of(op);
  auto count = static_cast<int64_t>(given.size());
  // Numbers that a failed commit leaves behind are never used: ids may have
  // gaps, and are not given twice.
  trip asking(op);
  asking.add({"INCRBY", keys.counter(), decimal(memory, count)});
  for (const new_workspace& each : given) {
    std::string_view slug = slug_of(memory, each.name);
    asking.add({"EXISTS", keys.slug(slug.empty() ? plain_slug : slug)});
  }
  size_t names = asking.size();
  for (const new_workspace& each : given) {
    if (each.names != naming::free) {
      asking.add({"ZCARD", keys.name(each.name)});
    }
  }
  size_t externals = asking.size();
  for (const new_workspace& each : given) {
    if (!each.external_id.empty()) {
      asking.add({"EXISTS", keys.external(each.external_id)});
    }
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  auto first = first_number(asking[0].number, count);
  if (!first) {
    co_return broken_record;
  }
  for (size_t i = externals; i < asking.size(); i++) {
    if (asking[i].number != 0) {
      co_return external_id_taken;
    }
  }
  change.write({"ZADD", keys.tenants(), "0", op.who.tenant});
  into.clear();
  size_t next_name = names;
  for (size_t i = 0; i < given.size(); i++) {
    workspace made;
    made.id = *first + static_cast<int64_t>(i);
    made.revision = 1;
    made.logo = given[i].logo;
    made.labels = given[i].labels;
    made.external_id = given[i].external_id;
    made.owner = op.who.user;
    made.created = now_of(op);
    made.updated = made.created;
    bool name_is_taken = given[i].names != naming::free &&
                         asking[next_name++].number != 0;
    problem failed = take_name(memory, given[i], name_is_taken,
                               asking[1 + i].number != 0, into, made);
    if (failed.ok()) {
      failed = put_workspace(op, change, given[i], made);
    }
    if (!failed.ok()) {
      co_return failed;
    }
    into.push_back(made);
  }
  co_return problem{};
}

flow<result<workspace>> create_workspace(operation& op, commit& change,
                                         const new_workspace& given) {
  list<new_workspace> one{arena_allocator<new_workspace>(arena_of(op))};
  one.push_back(given);
  list<workspace> made{arena_allocator<workspace>(arena_of(op))};
  auto creating = create_workspaces(op, change, one, made);
  problem failed = co_await creating;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return made[0];
}

namespace {

// The members as they are when the commit is done, with their roles and what
// these are; but the caller is what a new workspace makes of him.
void copy_members(operation& op, commit& change, const access& source,
                  const workspace& made, role_set own_roles) {
  key_names& keys = keys_of(op);
  arena& memory = arena_of(op);
  int64_t from = source.record.id;
  int64_t to = made.id;
  const member& mine = source.mine;
  change.expect_below(cloned_members_max + 1, {"HLEN", keys.members(from)});
  if (mine.exists()) {
    change.expect(mine.stored, {"HGET", keys.members(from), mine.user});
  } else {
    change.expect_nil({"HGET", keys.members(from), op.who.user});
  }
  change.write({"COPY", keys.members(from), keys.members(to), "REPLACE"});
  change.write(
      {"COPY", keys.role_holders(from), keys.role_holders(to), "REPLACE"});
  change.write({"COPY", keys.roles(from), keys.roles(to)});
  change.write({"ENLIST", keys.members(to), keys.users_prefix(),
                key_names::user_workspaces_suffix(), decimal(memory, to)});
  change.write({"HSET", keys.members(to), made.owner,
                store_member(memory, made.created, own_roles)});
  count_holders(op, change, to, mine.roles, own_roles);
}

}  // namespace

flow<result<workspace>> clone_workspace(operation& op, commit& change,
                                        const access& source,
                                        new_workspace given,
                                        clone_options options) {
  key_names& keys = keys_of(op);
  arena& memory = arena_of(op);
  const workspace& from = source.record;
  trip asking(op);
  asking.add({"HGET", keys.workspace(from.id), "settings"});
  asking.add({"HLEN", keys.members(from.id)});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  if (options.members && asking[1].number > cloned_members_max) {
    co_return problem{fault::refused,
                      "the members of a workspace with more than 10000 cannot "
                      "be copied",
                      "copy_members"};
  }
  if (options.settings) {
    given.logo = from.logo;
    given.labels = from.labels;
    given.settings = asking[0].str();
    change.expect(decimal(memory, from.revision),
                  {"HGET", keys.workspace(from.id), "rev"});
  }
  given.roles = role_set(admin_role);
  if (options.members) {
    given.roles = source.mine.roles.with(memory, admin_role);
  }
  auto creating = create_workspace(op, change, given);
  auto made = co_await creating;
  if (made.ok() && options.members) {
    copy_members(op, change, source, made.value, given.roles);
  }
  co_return made;
}

namespace {

problem rename(operation& op, commit& change, workspace& record,
               const workspace_patch& given, bool name_is_taken) {
  if (*given.name == record.name) {
    return {};
  }
  if (name_is_taken && given.names != naming::free) {
    return in_field(name_taken, "name");
  }
  unlist_from_name(op, change, record);
  record.name = *given.name;
  list_under_name(op, change, record, given.names);
  change.write({"HSET", keys_of(op).workspace(record.id), "name",
                record.name});
  return {};
}

problem relabel(operation& op, commit& change, workspace& record,
                const list<std::string_view>& labels) {
  problem broken = unlist_from_labels(op, change, record);
  if (!broken.ok()) {
    return broken;
  }
  record.labels = labels_json(arena_of(op), labels);
  change.write({"HSET", keys_of(op).workspace(record.id), "labels",
                record.labels});
  return list_under_labels(op, change, record);
}

}  // namespace

flow<problem> update_workspace(operation& op, commit& change,
                               workspace& record,
                               const workspace_patch& given) {
  if (!given.name && !given.logo && given.labels == nullptr &&
      !given.settings) {
    co_return problem{};
  }
  arena& memory = arena_of(op);
  std::string_view key = keys_of(op).workspace(record.id);
  if (given.name) {
    trip asking(op);
    if (given.names != naming::free) {
      asking.add({"ZCARD", keys_of(op).name(*given.name)});
    }
    co_await asking.go();
    if (!asking.ok()) {
      co_return asking.failure();
    }
    bool taken = asking.size() != 0 && asking[0].number != 0;
    problem refusal = rename(op, change, record, given, taken);
    if (!refusal.ok()) {
      co_return refusal;
    }
  }
  if (given.settings) {
    change.expect(decimal(memory, record.revision), {"HGET", key, "rev"});
    change.write({"HSET", key, "settings", *given.settings});
  }
  if (given.logo) {
    record.logo = *given.logo;
    change.write({"HSET", key, "logo", record.logo});
  }
  if (given.labels != nullptr) {
    problem broken = relabel(op, change, record, *given.labels);
    if (!broken.ok()) {
      co_return broken;
    }
  }
  record.updated = now_of(op);
  change.write({"HSET", key, "updated", decimal(memory, record.updated)});
  change.touch(key);
  co_return problem{};
}

flow<problem> delete_workspace(operation& op, commit& change,
                               const workspace& record) {
  key_names& keys = keys_of(op);
  int64_t id = record.id;
  std::string_view id_text = decimal(arena_of(op), id);
  trip asking(op);
  asking.add({"HGET", keys.organization(), "default"});
  ask_followers(asking, op, id);
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  // What is the default workspace once is so for ever.
  if (asking[0].str() == id_text) {
    co_return problem{fault::conflict,
                      "the default workspace of the organization cannot be "
                      "deleted"};
  }
  problem broken = unlist_from_labels(op, change, record);
  if (!broken.ok()) {
    co_return broken;
  }
  unlist_from_name(op, change, record);
  if (!record.slug.empty()) {
    change.write({"UNLINK", keys.slug(record.slug)});
  }
  if (!record.external_id.empty()) {
    change.write({"UNLINK", keys.external(record.external_id)});
  }
  remove_followers(op, change, id, asking[1].number, asking[2].number);
  change.write({"FORGET", keys.invites(id), keys.invitation(""), "hash"});
  change.write({"ZREM", keys.workspaces(), id_text});
  for (std::string_view key :
       {keys.role_holders(id), keys.roles(id), keys.invites(id),
        keys.sealed(id), keys.workspace(id)}) {
    change.write({"UNLINK", key});
  }
  co_return problem{};
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

namespace {

// What a list shows of it: a logo is up to 64 KiB.
void read_outline(trip& asking, operation& op, int64_t id) {
  asking.add({"HMGET", keys_of(op).workspace(id), "rev", "name", "owner",
              "created", "updated", "slug"});
}

workspace parse_outline(int64_t id, const reply& fields) noexcept {
  workspace made;
  made.id = id;
  made.revision = parse_integer(fields[0].str()).value_or(0);
  made.name = fields[1].str();
  made.owner = fields[2].str();
  made.created = parse_integer(fields[3].str()).value_or(0);
  made.updated = parse_integer(fields[4].str()).value_or(0);
  made.slug = fields[5].str();
  return made;
}

}  // namespace

flow<problem> page_workspaces(operation& op, listed which, int64_t skip,
                              int64_t limit, workspace_page& into) {
  key_names& keys = keys_of(op);
  arena& memory = arena_of(op);
  std::string_view user = op.who.user;
  bool all = which == listed::all;
  std::string_view index =
      all ? keys.workspaces() : keys.user_workspaces(user);
  trip first(op);
  first.add({"ZCARD", index});
  first.add({"ZRANGE", index, decimal(memory, skip),
             decimal(memory, skip + limit - 1)});
  first.add({"HGET", keys.organization(), "default"});
  co_await first.go();
  if (!first.ok()) {
    co_return first.failure();
  }
  into.total = first[0].number;
  into.default_id = parse_id(first[2].str()).value_or(0);
  size_t count = first[1].items().size();
  for (size_t from = 0; from < count; from += records_a_trip) {
    size_t until = std::min(count, from + records_a_trip);
    trip asking(op);
    for (size_t i = from; i < until; i++) {
      int64_t id = parse_id(first[1][i].str()).value_or(0);
      read_outline(asking, op, id);
      asking.add({"HEXISTS", keys.members(id), user});
    }
    co_await asking.go();
    if (!asking.ok()) {
      co_return asking.failure();
    }
    for (size_t i = from; i < until; i++) {
      int64_t id = parse_id(first[1][i].str()).value_or(0);
      size_t at = 2 * (i - from);
      workspace each = parse_outline(id, asking[at]);
      if (each.exists() && (all || asking[at + 1].number != 0)) {
        into.found.push_back(each);
      }
    }
  }
  co_return problem{};
}

}  // namespace wsp
