#include "engine/pipeline.h"

#include <algorithm>
#include <iterator>

#include "api/dialect.h"
#include "api/router.h"
#include "domain/access.h"
#include "domain/profile.h"
#include "engine/idempotency.h"
#include "identity/api_key.h"
#include "store/link.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

// How often a request decides anew because others were faster.
constexpr int tries = 16;

constexpr problem crowded{
    fault::conflict, "others are changing the same at this moment; try again"};

// What WWW-Authenticate says of a 401: why a token was refused, and no error
// where there was none (RFC 6750, section 3).
std::string_view challenge_of(fault kind) noexcept {
  switch (kind) {
    case fault::unauthenticated:
      return "Bearer";
    case fault::bad_token:
    case fault::expired:
      return "Bearer error=\"invalid_token\"";
    default:
      return {};
  }
}

// Whether an If-Match or If-None-Match (RFC 9110, 13.1) names the revision.
// A weak tag counts as a strong one: compression makes them weak on the way,
// and the revision is the same.
bool names_revision(arena& memory, std::string_view header,
                    int64_t revision) {
  std::string_view tag = memory.join("\"", decimal(memory, revision), "\"");
  while (!header.empty()) {
    size_t comma = header.find(',');
    std::string_view each = header.substr(0, comma);
    header = comma == header.npos ? std::string_view()
                                  : header.substr(comma + 1);
    size_t from = each.find_first_not_of(" \t");
    size_t to = each.find_last_not_of(" \t");
    if (from == each.npos) {
      continue;
    }
    each = each.substr(from, to - from + 1);
    if (each.substr(0, 2) == "W/") {
      each.remove_prefix(2);
    }
    if (each == tag || each == "*") {
      return true;
    }
  }
  return false;
}

problem check_if_match(operation& op, call& request) {
  if (find_header(op, "If-Match") == nullptr ||
      request.here.record.id == 0) {
    return {};
  }
  int64_t revision = request.here.record.revision;
  if (!matches(op, revision)) {
    return {fault::precondition,
            "the workspace is not at the revision of If-Match any more"};
  }
  request.change.expect(
      decimal(op.memory, revision),
      {"HGET", keys_of(op).workspace(request.workspace), "rev"});
  return {};
}

bool reads(const operation& op) noexcept {
  std::string_view method = view(op.request->method);
  return method == "GET" || method == "HEAD";
}

bool not_modified(operation& op, const answer& given) {
  const wsp_header* header = find_header(op, "If-None-Match");
  return header != nullptr && given.status == 200 && given.revision >= 0 &&
         !given.more_than_revision && reads(op) &&
         names_revision(op.memory, view(header->value), given.revision);
}

// Whether it is the pipeline that learns who asks.
bool has_identity(wsp_needs needs) noexcept {
  return needs != WSP_NEEDS_NOBODY && needs != WSP_NEEDS_OPERATOR;
}

// A header that is there decides, or refuses: it is never replaced by the
// active workspace.
flow<result<int64_t>> current_workspace(operation& op, freshness wanted) {
  constexpr std::string_view name = current_workspace_header;
  const wsp_header* header = find_header(op, name);
  if (header != nullptr) {
    auto named = parse_id(view(header->value));
    if (!named || count_headers(op, name) != 1) {
      co_return problem{fault::invalid,
                        "X-Workspace-ID must be the id of one workspace",
                        name};
    }
    co_return *named;
  }
  auto reading = active_workspace(op, wanted);
  auto active = co_await reading;
  if (active.ok() && active.value == 0) {
    co_return problem{fault::invalid, "workspace required", "workspace"};
  }
  co_return active;
}

flow<result<answer>> handle(operation& op, const route& to,
                            call& request) {
  problem refusal = check_if_match(op, request);
  if (!refusal.ok()) {
    co_return refusal;
  }
  auto handling = to.handle(op, request);
  auto handled = co_await handling;
  co_return handled;
}

// Done, refused, or fault::retry.  What else is to be known is asked while the
// handler reads what it decides by.  What was asked last is waited for first:
// when the link fails, they are told in the order in which they asked, and by
// then must all be there.
flow<result<answer>> carry_out(operation& op, const route& to, call& request,
                               idempotency& key) {
  request.change.clear();
  rest_on(op, request.here, request.change);
  trip claim(op);
  if (to.method == "POST" && has_identity(to.needs)) {
    problem refusal = ask_for_claim(op, key, claim);
    if (!refusal.ok()) {
      co_return refusal;
    }
  }
  record_read kept = kept_profile(op);
  bool asks_for_kept = has_profile(op);
  std::string_view asker = op.who.user;
  if (asks_for_kept) {
    kept.start();
  }
  auto handling = handle(op, to, request);
  auto handled = co_await handling;
  if (asks_for_kept) {
    co_await kept.get();
  }
  auto claiming = take_claim(op, key, claim);
  auto first = co_await claiming;
  if (!first.ok()) {
    co_return first.error;
  }
  if (first.value) {
    co_return *first.value;
  }
  if (!handled.ok()) {
    co_return handled.error;
  }
  answer given = handled.value;
  bool touches = request.change.touches();
  if (key.claimed) {
    if (touches && given.revision >= 0) {
      // The answer is stored before the commit tells the new revision: it
      // must be the one after that which the handler saw.
      request.change.expect(decimal(op.memory, given.revision),
                            {"HGET", request.change.touched(), "rev"});
      given.revision++;
    }
    remember_answer(op, request.change, key, given);
  }
  if (request.change.empty()) {
    co_return given;
  }
  // A handler may act for somebody else, of whom nothing was asked.
  bool knows = asks_for_kept && op.who.user == asker;
  remember_profile(op, request.change, knows ? &kept : nullptr);
  auto committing = run(op, request.change);
  auto outcome = co_await committing;
  if (!outcome.ok()) {
    co_return outcome.error;
  }
  if (!outcome.value.done) {
    co_return problem{fault::retry};
  }
  if (given.gone) {
    given.revision = request.here.record.revision + 1;
  } else if (touches && given.revision >= 0 && !key.claimed) {
    given.revision = outcome.value.revision;
  }
  co_return given;
}

// Done, refused, or fault::retry.
flow<result<answer>> attempt(operation& op, const route& to, call& request,
                             idempotency& key) {
  // What is to be changed is decided from Redis itself.
  freshness wanted =
      to.method == "GET" ? freshness::cached : freshness::direct;
  if (to.needs == WSP_NEEDS_PARTNER_HERE) {
    auto finding =
        external_workspace(op, request.argument("{client}"), wanted);
    auto named = co_await finding;
    if (!named.ok()) {
      co_return named.error;
    }
    request.workspace = named.value;
  } else if (is_about_one(to.needs) && !to.names_workspace) {
    auto finding = current_workspace(op, wanted);
    auto current = co_await finding;
    if (!current.ok()) {
      co_return current.error;
    }
    request.workspace = current.value;
  }
  if (is_about_one(to.needs) &&
      !find_access(op, request.workspace, request.here, wanted)) {
    auto reading = read_access(op, request.workspace, request.here, wanted);
    problem failed = co_await reading;
    if (!failed.ok()) {
      co_return failed;
    }
  }
  problem refusal = authorize(op, to.needs, request.here);
  if (refusal.kind == fault::not_found) {
    refusal.kind = to.unseen;
  }
  if (!refusal.ok()) {
    co_return refusal;
  }
  if (to.method == "GET") {
    refusal = check_if_match(op, request);
    if (!refusal.ok()) {
      co_return refusal;
    }
    auto reading = to.handle(op, request);
    auto shown = co_await reading;
    co_return shown;
  }
  auto changing = carry_out(op, to, request, key);
  auto changed = co_await changing;
  co_return changed;
}

}  // namespace

answer refuse(operation& op, const problem& why) {
  answer made = op.speaks->render(op, why);
  made.challenge = challenge_of(why.kind);
  made.retry_later =
      why.kind == fault::unavailable || why.kind == fault::running;
  return made;
}

bool matches(operation& op, int64_t revision) {
  const wsp_header* header = find_header(op, "If-Match");
  return header == nullptr ||
         names_revision(op.memory, view(header->value), revision);
}

bool make_keys(operation& op) {
  if (!link_of(op).knows_partitions()) {
    return false;
  }
  op.keys = op.memory.make<key_names>(op.memory, op.who.tenant,
                                      link_of(op).partitions());
  return true;
}

flow<problem> know_keys(operation& op) {
  auto learning = learn_partitions(op);
  problem failed = co_await learning;
  if (failed.ok() && !make_keys(op)) {
    failed = {fault::internal, "internal error"};
  }
  co_return failed;
}

flow<answer> serve(operation& op) {
  routed to = find_route(op.memory, *op.speaks, view(op.request->method),
                         view(op.request->path));
  wsp_needs needs =
      to.found == nullptr ? op.speaks->unrouted : to.found->needs;
  if (has_identity(needs)) {
    result<identity> who;
    if (needs == WSP_NEEDS_PARTNER || needs == WSP_NEEDS_PARTNER_HERE) {
      auto asking = identify_partner(op);
      who = co_await asking;
    } else if (asks_by_api_key(op)) {
      auto asking = identify_by_api_key(op);
      who = co_await asking;
    } else {
      who = identify(op);
    }
    if (!who.ok()) {
      co_return refuse(op, who.error);
    }
    op.who = who.value;
  }
  if (to.found == nullptr) {
    answer made = refuse(op, to.error);
    made.allow = to.allow;
    co_return made;
  }
  op.label = to.found->operation;
  op.route = static_cast<int>(to.found - op.speaks->routes.data());

  problem failed;
  if (has_identity(needs) && !make_keys(op)) {
    auto knowing = know_keys(op);
    failed = co_await knowing;
    if (!failed.ok()) {
      co_return refuse(op, failed);
    }
  }

  call request(op);
  request.workspace = to.workspace;
  request.user = to.user;
  std::copy(std::begin(to.arguments), std::end(to.arguments),
            request.arguments);
  idempotency key;
  for (int i = 0; i < tries; i++) {
    auto trying = attempt(op, *to.found, request, key);
    auto outcome = co_await trying;
    if (outcome.ok()) {
      co_return outcome.value;
    }
    failed = outcome.error;
    if (failed.kind != fault::retry) {
      break;
    }
    failed = crowded;
  }
  // What became of a commit is unknown when the store went away: the claim
  // then stands until it expires.
  if (key.claimed && failed.kind != fault::unavailable) {
    auto releasing = release_key(op, key);
    problem ignored = co_await releasing;
    (void)ignored;
  }
  co_return refuse(op, failed);
}

// -- the response

namespace {

void bare_unavailable(operation& op) noexcept {
  static const wsp_header retry = {c_str("Retry-After"), c_str("1")};
  op.response = {};
  op.response.status = 503;
  op.response.content_type = c_str(answer().type);
  op.response.body = c_str("{\"message\":\"out of memory\"}");
  op.response.headers = &retry;
  op.response.header_count = 1;
}

class header_list {
 public:
  explicit header_list(arena& memory)
      : headers_(memory.array<wsp_header>(room)) {}
  void add(std::string_view name, std::string_view value) noexcept {
    if (!value.empty() && count_ < room) {
      headers_[count_++] = {c_str(name), c_str(value)};
    }
  }
  const wsp_header* data() const noexcept { return headers_; }
  size_t size() const noexcept { return count_; }

 private:
  static constexpr size_t room = 8;
  wsp_header* headers_;
  size_t count_ = 0;
};

}  // namespace

void respond(operation& op, const answer& given) noexcept {
  try {
    header_list headers(op.memory);
    std::string_view id = view(op.request->request_id);
    headers.add("X-Request-ID", has_control(id) ? std::string_view() : id);
    headers.add("Cache-Control",
                given.secret ? "no-store" : "private, no-cache");
    if (given.revision >= 0 && !given.gone) {
      headers.add("ETag", op.memory.join(
                              "\"", decimal(op.memory, given.revision),
                              "\""));
    }
    if (given.revision >= 0 && given.of_workspace && !reads(op)) {
      headers.add("Workspace-Revision",
                  decimal(op.memory, given.revision));
    }
    if (!given.next.empty()) {
      headers.add("Link",
                  op.memory.join("<", given.next, ">; rel=\"next\""));
    }
    headers.add("Allow", given.allow);
    headers.add("Retry-After", given.retry_later ? "1" : "");
    headers.add("WWW-Authenticate", given.challenge);
    op.response.headers = headers.data();
    op.response.header_count = headers.size();
    op.response.secret = given.secret ? 1 : 0;
    if (not_modified(op, given)) {
      op.response.status = 304;
      return;
    }
    op.response.status = given.status;
    op.response.content_type = c_str(given.type);
    op.response.body = c_str(given.body);
  } catch (const std::bad_alloc&) {
    bare_unavailable(op);
  }
}

void respond_with_problem(operation& op, const problem& why) noexcept {
  try {
    respond(op, refuse(op, why));
  } catch (const std::bad_alloc&) {
    bare_unavailable(op);
  }
}

}  // namespace wsp
