#include "domain/tenant.h"

#include <algorithm>
#include <span>

#include "store/keys.h"
#include "store/lexical_page.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr problem unknown_tenant{fault::not_found, "tenant not found"};

// What one request looks at.
constexpr size_t workspaces_max = 1000;
constexpr int64_t blobs_max = 5000;
// Few enough that others' replies come in between.
constexpr size_t workspaces_a_trip = 100;

// Adds what those workspaces hold.
flow<problem> count_in(operation& op, std::span<const reply> ids,
                       tenant_holdings& into) {
  key_names& keys = keys_of(op);
  trip asking(op);
  for (const reply& each : ids) {
    int64_t id = parse_id(each.str()).value_or(0);
    asking.add({"HLEN", keys.members(id)});
    asking.add({"HLEN", keys.invites(id)});
    asking.add({"HKEYS", keys.sealed(id)});
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  trip measuring(op);
  for (size_t i = 0; i < ids.size(); i++) {
    int64_t id = parse_id(ids[i].str()).value_or(0);
    for (const reply& slot : asking[3 * i + 2].items()) {
      measuring.add({"HSTRLEN", keys.sealed(id), slot.str()});
    }
  }
  co_await measuring.go();
  if (!measuring.ok()) {
    co_return measuring.failure();
  }
  into.counted += static_cast<int64_t>(ids.size());
  for (size_t i = 0; i < ids.size(); i++) {
    into.memberships += asking[3 * i].number;
    into.invitations += asking[3 * i + 1].number;
  }
  into.sealed_blobs += static_cast<int64_t>(measuring.size());
  for (size_t i = 0; i < measuring.size(); i++) {
    into.sealed_bytes += measuring[i].number;
  }
  co_return problem{};
}

}  // namespace

flow<problem> list_tenants(operation& op, std::string_view after, size_t limit,
                           list<std::string_view>& into) {
  auto reading =
      read_lexical_page(op, &key_names::tenants, after, limit, into);
  problem failed = co_await reading;
  co_return failed;
}

flow<result<tenant_holdings>> read_holdings(operation& op) {
  key_names& keys = keys_of(op);
  arena& memory = arena_of(op);
  trip asking(op);
  asking.add({"ZSCORE", keys.tenants(), op.who.tenant});
  asking.add({"EXISTS", keys.organization()});
  asking.add({"EXISTS", keys.partner()});
  asking.add({"ZCARD", keys.workspaces()});
  asking.add({"ZRANGE", keys.workspaces(), "0",
              decimal(memory, workspaces_max - 1)});
  ask_deletion(asking, keys);
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  tenant_holdings found;
  found.organization = asking[1].number != 0;
  found.partner = asking[2].number != 0;
  found.workspaces = asking[3].number;
  found.deletion = parse_deletion(asking[5]);
  if (asking[0].is_nil() && !found.organization && !found.partner &&
      found.workspaces == 0 && !found.deletion.exists()) {
    co_return unknown_tenant;
  }
  std::span<const reply> ids = asking[4].items();
  while (!ids.empty() && found.sealed_blobs < blobs_max) {
    size_t count = std::min(ids.size(), workspaces_a_trip);
    auto counting = count_in(op, ids.first(count), found);
    problem failed = co_await counting;
    if (!failed.ok()) {
      co_return failed;
    }
    ids = ids.subspan(count);
  }
  co_return found;
}

}  // namespace wsp
