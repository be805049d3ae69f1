#include "domain/organization.h"

#include "store/keys.h"
#include "store/record_read.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

flow<result<organization>> read_organization(operation& op) {
  trip asking(op);
  asking.add({"HMGET", keys_of(op).organization(), "rev", "name", "default",
              "created", "updated", "settings"});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  const reply& fields = asking[0];
  organization found;
  found.revision = parse_integer(fields[0].str()).value_or(0);
  found.name = fields[1].str();
  found.default_workspace = parse_id(fields[2].str()).value_or(0);
  found.created = parse_integer(fields[3].str()).value_or(0);
  found.updated = parse_integer(fields[4].str()).value_or(0);
  found.settings = fields[5].str();
  if (!found.exists()) {
    co_return problem{fault::not_found, "organization not found"};
  }
  co_return found;
}

flow<result<int64_t>> default_workspace(operation& op) {
  std::string_view key = keys_of(op).organization();
  record_read reading(op, key, {"HGET", key, "default"});
  reading.start();
  co_await reading.get();
  if (!reading.ok()) {
    co_return reading.failure();
  }
  co_return parse_id(reading.value().str()).value_or(0);
}

flow<result<organization>> create_organization(operation& op, commit& change,
                                               std::string_view name,
                                               const new_workspace& first) {
  arena& memory = arena_of(op);
  std::string_view key = keys_of(op).organization();
  trip asking(op);
  asking.add({"EXISTS", key});
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  if (asking[0].number != 0) {
    co_return problem{fault::conflict, "the organization exists already"};
  }
  auto creating = create_workspace(op, change, first);
  auto workspace = co_await creating;
  if (!workspace.ok()) {
    co_return workspace.error;
  }
  organization made;
  made.revision = 1;
  made.name = name;
  made.default_workspace = workspace.value.id;
  made.created = now_of(op);
  made.updated = made.created;
  std::string_view created = decimal(memory, made.created);
  change.expect("0", {"EXISTS", key});
  change.write({"HSET", key, "rev", "1", "name", name, "default",
                decimal(memory, made.default_workspace), "created", created,
                "updated", created});
  co_return made;
}

void update_organization(operation& op, commit& change, organization& record,
                         const organization_patch& given) {
  if (!given.name && !given.settings) {
    return;
  }
  arena& memory = arena_of(op);
  std::string_view key = keys_of(op).organization();
  change.expect(decimal(memory, record.revision), {"HGET", key, "rev"});
  if (given.name) {
    record.name = *given.name;
    change.write({"HSET", key, "name", record.name});
  }
  if (given.settings) {
    change.write({"HSET", key, "settings", *given.settings});
  }
  record.updated = now_of(op);
  change.write({"HSET", key, "updated", decimal(memory, record.updated)});
  change.touch(key);
}

}  // namespace wsp
