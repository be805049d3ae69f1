#include "engine/decide.h"

#include <optional>

#include "api/partner_problem.h"
#include "api/problem.h"
#include "domain/access.h"
#include "domain/grant.h"
#include "domain/permission.h"
#include "domain/settings.h"
#include "engine/core.h"
#include "engine/pipeline.h"
#include "identity/api_key.h"
#include "store/keys.h"
#include "store/record_read.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr std::string_view default_external_header = "X-ATS-Client-ID";

constexpr problem hidden{fault::not_found, "workspace not found"};

// Of entity requests.  Nobody else's client is told from one that nobody has.
constexpr problem not_provisioned{
    fault::conflict, "no workspace is provisioned for this client"};
constexpr problem no_member{fault::forbidden,
                            "the user is not a member of this workspace"};

std::string_view or_default(wsp_str given, std::string_view otherwise) {
  return given.len == 0 ? otherwise : view(given);
}

// What the decision is made of, in the arena.
struct verdict {
  problem refusal;
  reason why = reason::store_unavailable;
};

verdict refused(fault kind, std::string_view message,
                reason why) noexcept {
  return {{kind, message}, why};
}

// A failure of the store, or a record that cannot be read: nothing could be
// decided.
verdict undecided(const problem& why) noexcept {
  if (why.kind == fault::unavailable) {
    return {why, reason::store_unavailable};
  }
  return {{fault::unavailable, "access cannot be decided at the moment"},
          reason::store_unavailable};
}

bool is_of_partner(const operation& op) noexcept {
  return op.asks->errors == WSP_ERRORS_PARTNER;
}

bool names_nobody(fault kind) noexcept {
  return kind == fault::unauthenticated || kind == fault::bad_token ||
         kind == fault::expired || kind == fault::forbidden;
}

// No workspace has it.  Asking for it costs what asking for one costs that
// the caller has no place in; the name is part of it, so that it is as new
// to the cache.
int64_t id_of_none(std::string_view name) noexcept {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (unsigned char c : name) {
    hash = (hash ^ c) * 1099511628211u;
  }
  return -1 - static_cast<int64_t>(hash >> 1);
}

struct named_workspace {
  verdict wrong;
  int64_t id = 0;
};

flow<named_workspace> find_external(operation& op, std::string_view name) {
  named_workspace out;
  auto reading = external_workspace(op, name, freshness::cached);
  auto found = co_await reading;
  if (!found.ok()) {
    out.wrong = undecided(found.error);
  } else {
    out.id = found.value != 0 ? found.value : id_of_none(name);
  }
  co_return out;
}

flow<named_workspace> find_active(operation& op) {
  named_workspace out;
  auto reading = active_workspace(op, freshness::cached);
  auto active = co_await reading;
  if (!active.ok()) {
    out.wrong = undecided(active.error);
  } else if (active.value == 0) {
    out.wrong = {hidden, reason::no_workspace};
  } else {
    out.id = active.value;
  }
  co_return out;
}

struct naming_headers {
  const wsp_header* id = nullptr;
  const wsp_header* external = nullptr;
};

// A header that is there decides, or refuses: the next source is not asked.
// Nothing: what there is must be looked up.
std::optional<named_workspace> named_by_id(operation& op,
                                           naming_headers& given) {
  std::string_view id_name =
      or_default(op.asks->id_header, current_workspace_header);
  std::string_view external_name =
      or_default(op.asks->external_header, default_external_header);
  size_t ids = count_headers(op, id_name, &given.id);
  size_t externals = count_headers(op, external_name, &given.external);
  named_workspace out;
  if (ids > 1 || externals > 1) {
    out.wrong = refused(fault::bad_request,
                        "the workspace is named more than once",
                        reason::bad_header);
    return out;
  }
  if (ids == 1) {
    out.id = parse_id(view(given.id->value)).value_or(0);
    if (out.id == 0) {
      out.wrong = refused(fault::bad_request,
                          "the workspace header is no id of a workspace",
                          reason::bad_header);
    }
    return out;
  }
  if (externals == 1 && !is_id(view(given.external->value))) {
    out.wrong = refused(fault::bad_request,
                        "the workspace header is no external id",
                        reason::bad_header);
    return out;
  }
  return std::nullopt;
}

flow<named_workspace> look_up(operation& op, naming_headers given) {
  named_workspace out;
  if (given.external != nullptr) {
    auto finding = find_external(op, view(given.external->value));
    out = co_await finding;
  } else {
    auto finding = find_active(op);
    out = co_await finding;
  }
  co_return out;
}

// -- entity requests

verdict wrong_header(operation& op, std::string_view name, fault kind,
                     std::string_view what) {
  return {{kind, op.memory.join(name, what), name, request_part::header},
          reason::bad_header};
}

// The value of a header is there once, or the verdict says what is wrong.
verdict check_header(operation& op, std::string_view name,
                     std::string_view value) {
  size_t count = count_headers(op, name);
  if (count > 1) {
    return wrong_header(op, name, fault::invalid, " is given more than once");
  }
  if (count == 0 && value.empty()) {
    return wrong_header(op, name, fault::missing, " is required");
  }
  if (!is_id(value)) {
    std::string_view rule =
        id_rule(value, "must be 1 to 255 bytes of UTF-8");
    return wrong_header(op, name, fault::invalid,
                        op.memory.join(" ", rule));
  }
  return {};
}

flow<named_workspace> find_client(operation& op) {
  named_workspace out;
  std::string_view header =
      or_default(op.asks->external_header, default_external_header);
  const wsp_header* given = find_header(op, header);
  std::string_view client =
      given == nullptr ? std::string_view() : view(given->value);
  out.wrong = check_header(op, header, client);
  if (!out.wrong.refusal.ok()) {
    co_return out;
  }
  // The one that the source names: a key does not act for itself.
  out.wrong = check_header(op, partner_user_header,
                           view(op.request->identity.user));
  if (!out.wrong.refusal.ok()) {
    co_return out;
  }
  auto finding = find_external(op, client);
  out = co_await finding;
  co_return out;
}

// Of whom read_access knew to be no member it did not look at the record.
flow<problem> read_known(operation& op, int64_t id, access& here) {
  record_command command = workspace_command(op, id);
  record_read reading(op, command[1], command, named::by_key);
  reading.start();
  co_await reading.get();
  if (reading.ok()) {
    here.record = parse_workspace(id, reading.value());
  }
  co_return reading.failure();
}

flow<verdict> refuse_stranger(operation& op, int64_t id, access& here) {
  if (!is_of_partner(op)) {
    co_return verdict{hidden, reason::not_member};
  }
  if (id > 0 && !here.mine.exists() && !here.record.exists()) {
    auto reading = read_known(op, id, here);
    problem failed = co_await reading;
    if (!failed.ok()) {
      co_return undecided(failed);
    }
  }
  if (here.record.exists()) {
    co_return verdict{no_member, reason::not_member};
  }
  co_return verdict{not_provisioned, reason::no_workspace};
}

// -- the decision

std::string_view roles_of(arena& memory, const access& here) {
  std::string_view roles = here.mine.roles.stored();
  if (!here.owner() || here.mine.roles.has(owner_role)) {
    return roles;
  }
  return roles.empty() ? owner_role : memory.join(owner_role, ",", roles);
}

reason reason_of(const access& here) noexcept {
  if (here.owner()) {
    return reason::owner;
  }
  return here.mine.exists() ? reason::member : reason::tenant_admin;
}

flow<problem> read_all_settings(operation& op, int64_t workspace) {
  std::string_view above = keys_of(op).workspace(workspace);
  std::string_view beneath = keys_of(op).organization();
  record_read own(op, above, {"HGET", above, "settings"});
  record_read inherited(op, beneath, {"HGET", beneath, "settings"});
  own.start();
  inherited.start();
  co_await own.get();
  co_await inherited.get();
  if (!own.ok()) {
    co_return own.failure();
  }
  op.settings = own.value().str();
  op.organization_settings = inherited.value().str();
  co_return inherited.failure();
}

void fill(operation& op, const access& here, std::string_view permissions) {
  wsp_decision& made = *op.decision;
  const workspace& record = here.record;
  made.workspace_id = c_str(decimal(op.memory, record.id));
  made.external_id = c_str(record.external_id);
  made.name = c_str(record.name);
  made.roles = c_str(roles_of(op.memory, here));
  made.permissions = c_str(permissions);
  made.revision = c_str(decimal(op.memory, record.revision));
}

flow<verdict> judge(operation& op) {
  result<identity> who;
  if (is_of_partner(op)) {
    auto asking = identify_partner(op);
    who = co_await asking;
    // Its rights are those over the tenant's workspaces, not those in one.
    who.value.tenant_admin = false;
  } else if (asks_by_api_key(op)) {
    auto asking = identify_by_api_key(op);
    who = co_await asking;
  } else {
    who = identify(op);
  }
  if (!who.ok()) {
    if (names_nobody(who.error.kind)) {
      co_return verdict{who.error, reason::no_identity};
    }
    if (who.error.kind == fault::invalid) {
      co_return verdict{who.error, reason::bad_header};
    }
    co_return undecided(who.error);
  }
  op.who = who.value;
  op.decision->tenant = c_str(op.who.tenant);
  op.decision->user = c_str(op.who.user);
  problem failed;
  if (!make_keys(op)) {
    auto knowing = know_keys(op);
    failed = co_await knowing;
    if (!failed.ok()) {
      co_return undecided(failed);
    }
  }
  naming_headers given;
  named_workspace named;
  std::optional<named_workspace> known;
  if (!is_of_partner(op)) {
    known = named_by_id(op, given);
  }
  if (known) {
    named = *known;
  } else {
    auto finding = is_of_partner(op) ? find_client(op) : look_up(op, given);
    named = co_await finding;
  }
  if (named.id == 0) {
    co_return named.wrong;
  }
  access here;
  if (!find_access(op, named.id, here, freshness::cached)) {
    auto reading = read_access(op, named.id, here, freshness::cached);
    failed = co_await reading;
    if (!failed.ok()) {
      co_return undecided(failed);
    }
  }
  if (!here.record.exists() ||
      (!here.tenant_admin && !here.mine.exists())) {
    auto refusing = refuse_stranger(op, named.id, here);
    verdict refusal = co_await refusing;
    co_return refusal;
  }
  auto permissions = permissions_at_once(op, here);
  if (!permissions) {
    auto resolving = permissions_of(op, here, freshness::cached);
    auto resolved = co_await resolving;
    if (!resolved.ok()) {
      co_return undecided(resolved.error);
    }
    permissions = resolved.value;
  }
  std::string_view needed = view(op.asks->permission);
  if (!needed.empty() && !any_covers(*permissions, needed)) {
    co_return refused(fault::forbidden, "permission required",
                      reason::no_permission);
  }
  if (op.asks->with_settings != 0) {
    auto asking = read_all_settings(op, named.id);
    failed = co_await asking;
    if (!failed.ok()) {
      co_return undecided(failed);
    }
  }
  fill(op, here, *permissions);
  co_return verdict{{}, reason_of(here)};
}

}  // namespace

flow<answer> decide(operation& op) {
  op.label = "access";
  auto judging = judge(op);
  verdict made = co_await judging;
  op.why = made.why;
  op.decision->reason = c_str(name_of(made.why));
  if (made.refusal.ok()) {
    op.decision->verdict = WSP_ALLOWED;
    co_return answer{};
  }
  answer refusal = refuse(op, made.refusal);
  op.decision->verdict =
      refusal.status >= 500 ? WSP_UNDECIDED : WSP_REFUSED;
  co_return refusal;
}

bool find_setting(operation& op, std::string_view name,
                  std::string_view* out) {
  if (op.settings.empty() && op.organization_settings.empty()) {
    return false;
  }
  auto own = parse_settings(op.memory, op.settings);
  auto inherited = parse_settings(op.memory, op.organization_settings);
  if (!own.ok() || !inherited.ok()) {
    return false;
  }
  // nginx knows its variables by lower-cased names.
  const json_t* value =
      effective_setting(inherited.value.root(), own.value.root(), name);
  if (json_is_string(value)) {
    *out = op.memory.copy(json_text(value));
  } else if (json_is_integer(value)) {
    *out = decimal(op.memory, json_integer_value(value));
  } else if (json_is_boolean(value)) {
    *out = json_is_true(value) ? "true" : "false";
  } else {
    return false;
  }
  return !has_control(*out);
}

const dialect* access_dialect_of(int errors) noexcept {
  static constinit const dialect problems = {
      "access", {}, {}, render_problem};
  static constinit const dialect partners = {
      "access", {}, {}, render_partner_problem};
  switch (errors) {
    case WSP_ERRORS_PROBLEM:
      return &problems;
    case WSP_ERRORS_PARTNER:
      return &partners;
    default:
      return nullptr;
  }
}

}  // namespace wsp
