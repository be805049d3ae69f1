#include "api/operator_tenants.h"

#include "api/operator_parts.h"
#include "domain/rewrap.h"
#include "domain/tenant.h"
#include "text/json.h"

namespace wsp::operator_tenants {

namespace {

constexpr problem unknown_tenant{fault::not_found, "tenant not found"};

flow<result<tenant_holdings>> find_tenant(operation& op, call& request) {
  std::string_view id = request.argument("{tenant}");
  if (!is_id(id)) {
    co_return unknown_tenant;
  }
  auto entering = enter_tenant(op, id);
  problem failed = co_await entering;
  if (!failed.ok()) {
    co_return failed;
  }
  auto reading = read_holdings(op);
  auto found = co_await reading;
  co_return found;
}

void put_deletion(operation& op, json_writer& out,
                  const deletion_record& deletion) {
  out.key("deletion");
  if (!deletion.exists()) {
    out.null();
    return;
  }
  out.open_object();
  put_time(op, out, "started_at", deletion.started);
  out.key("phase").string(phase_of(deletion));
  out.key("removed").number(deletion.removed).close_object();
}

answer show_tenant(operation& op, const tenant_holdings& found,
                   unsigned status) {
  json_writer out(op.memory, 512);
  out.open_object().key("id").string(op.who.tenant);
  out.key("organization").boolean(found.organization);
  out.key("partner").boolean(found.partner);
  out.key("workspaces").number(found.workspaces);
  out.key("counted_workspaces").number(found.counted);
  out.key("memberships").number(found.memberships);
  out.key("invitations").number(found.invitations);
  out.key("sealed_blobs").number(found.sealed_blobs);
  out.key("sealed_bytes").number(found.sealed_bytes);
  put_deletion(op, out, found.deletion);
  out.close_object();
  return answer_of(out, status);
}

answer show_rewrap(operation& op, const rewrap_record& found,
                   unsigned status) {
  json_writer out(op.memory, 512);
  out.open_object().key("state").string(name_of(found.state));
  out.key("key").string_or_null(found.key);
  put_time(op, out, "started_at", found.started);
  put_time(op, out, "ended_at", found.ended);
  out.key("partitions").number(found.at.partition);
  out.key("tenants").number(found.seen.tenants);
  out.key("workspaces").number(found.seen.workspaces);
  out.key("blobs").number(found.seen.blobs);
  out.key("rewrapped").number(found.seen.rewrapped);
  out.key("failed").number(found.seen.failed).close_object();
  return answer_of(out, status);
}

}  // namespace

flow<result<answer>> list_all(operation& op, call&) {
  auto asked = read_page(op);
  if (!asked.ok()) {
    co_return asked.error;
  }
  list<std::string_view> ids{arena_allocator<std::string_view>(op.memory)};
  auto listing = list_tenants(op, asked.value.after, asked.value.limit, ids);
  problem failed = co_await listing;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory, 1024);
  out.open_object().key("tenants").open_array();
  for (std::string_view id : ids) {
    out.open_object().key("id").string(id).close_object();
  }
  out.close_array().key("next");
  ids.size() < asked.value.limit ? out.null() : out.string(ids.back());
  out.close_object();
  co_return answer_of(out);
}

flow<result<answer>> get_one(operation& op, call& request) {
  auto finding = find_tenant(op, request);
  auto found = co_await finding;
  if (!found.ok()) {
    co_return found.error;
  }
  co_return show_tenant(op, found.value, 200);
}

flow<result<answer>> delete_one(operation& op, call& request) {
  auto finding = find_tenant(op, request);
  auto found = co_await finding;
  if (!found.ok()) {
    co_return found.error;
  }
  auto beginning = begin_deletion(op, request.change, found.value.deletion);
  problem failed = co_await beginning;
  if (!failed.ok()) {
    co_return failed;
  }
  co_return show_tenant(op, found.value, 202);
}

flow<result<answer>> get_rewrap(operation& op, call&) {
  auto reading = read_rewrap(op);
  auto found = co_await reading;
  if (!found.ok()) {
    co_return found.error;
  }
  co_return show_rewrap(op, found.value, 200);
}

flow<result<answer>> start_rewrap(operation& op, call& request) {
  auto beginning = begin_rewrap(op, request.change);
  auto begun = co_await beginning;
  if (!begun.ok()) {
    co_return begun.error;
  }
  co_return show_rewrap(op, begun.value, 202);
}

}  // namespace wsp::operator_tenants
