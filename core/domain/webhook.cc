#include "domain/webhook.h"

#include <algorithm>
#include <iterator>

#include "domain/delivery.h"
#include "domain/partner.h"
#include "engine/core.h"
#include "identity/webhook_signature.h"
#include "text/http_date.h"
#include "text/text.h"
#include "text/url.h"

namespace {

constexpr std::string_view default_retry =
    "0s,5s,5m,30m,2h,5h,10h,14h,20h,24h";
constexpr size_t tries_max = 50;
constexpr int64_t second = 1000;
constexpr int64_t day = 24 * 3600 * second;

// -1: it is none.
int64_t parse_delay(std::string_view text) noexcept {
  constexpr struct {
    char name;
    int64_t ms;
  } units[] = {{'s', second}, {'m', 60 * second}, {'h', 3600 * second},
               {'d', day}};
  for (const auto& unit : units) {
    if (!text.empty() && text.back() == unit.name) {
      auto count = wsp::parse_integer(text.substr(0, text.size() - 1));
      return count && *count >= 0 && *count <= 7 * day / unit.ms
                 ? *count * unit.ms
                 : -1;
    }
  }
  return -1;
}

}  // namespace

std::string wsp_webhooks::configure(const wsp_webhooks_options& options) {
  constexpr const char* wrong =
      "the times of tries are like \"0s,5s,5m,30m,2h,1d\": at most 50, of at "
      "most 7d, and 0s the first";
  if (options.size != sizeof options) {
    return "another version of the struct";
  }
  std::string_view times = wsp::view(options.retry);
  if (times.empty()) {
    times = default_retry;
  }
  bool good = times.back() != ',';
  size_t count = 0;
  wsp::each_part(times, [&](std::string_view each) {
    int64_t delay = parse_delay(each);
    good = good && delay >= 0 && (count != 0 || delay == 0);
    if (count++ != 0 && count <= tries_max) {
      delays.push_back(delay);
    }
  });
  if (!good || count > tries_max) {
    return wrong;
  }
  allow_http = options.allow_http != 0;
  return {};
}

namespace wsp {

namespace {

constexpr unsigned gone = 410;

// With a NUL behind it.
wsp_str c_text(arena& memory, std::string_view text) {
  std::string_view copy =
      memory.join(text, std::string_view("\0", 1));
  return c_str(copy.substr(0, text.size()));
}

// What goes into a header: nothing else than visible ASCII and blanks between.
bool is_header_value(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~'; });
}

int64_t parse_retry_after(std::string_view text, int64_t now) noexcept {
  int64_t wait = 0;
  if (auto seconds = parse_integer(text)) {
    wait = std::min(*seconds, day / second) * second;
  } else if (!text.empty() &&
             text.find_first_not_of("0123456789") == text.npos) {
    wait = day;  // more than an integer holds
  } else if (auto date = parse_http_date(text, now)) {
    wait = *date - now;
  }
  return std::clamp<int64_t>(wait, 0, day);
}

void put_headers(arena& memory, wsp_http_request& request,
                 const delivery& what, std::string_view signature) {
  const struct {
    std::string_view name;
    std::string_view value;
  } all[] = {{"Content-Type", "application/json; charset=utf-8"},
             {"User-Agent", "ngx_workspaces"},
             {"X-Webhook-Event", what.event},
             {"X-Carv-Causation-ID", what.reference_id},
             {"X-Webhook-Signature", signature}};
  auto* headers = memory.array<wsp_header>(std::size(all));
  for (const auto& each : all) {
    if (is_header_value(each.value)) {
      headers[request.header_count++] = {c_text(memory, each.name),
                                         c_text(memory, each.value)};
    }
  }
  request.headers = headers;
}

}  // namespace

flow<result<webhook_call*>> write_webhook(operation& op, const job& what) {
  arena& memory = arena_of(op);
  auto reading = read_delivery(op, what.payload);
  auto found = co_await reading;
  if (!found.ok()) {
    co_return found.error;
  }
  const delivery& record = found.value;
  if (!record.exists() || record.job != what.id) {
    co_return problem{fault::not_found, "the delivery is gone"};
  }
  auto asking = read_partner(op);
  auto to = co_await asking;
  if (!to.ok()) {
    co_return to.error;
  }
  const partner& receiver = to.value;
  if (!receiver.exists()) {
    co_return problem{fault::refused, "the partner is gone"};
  }
  if (receiver.url.empty()) {
    co_return problem{fault::refused, "the partner has no webhook URL"};
  }
  if (!receiver.stopped.empty()) {
    co_return problem{fault::refused, "deliveries to the partner are stopped"};
  }
  if (!receiver.enabled) {
    co_return problem{fault::forbidden, "the partner is disabled"};
  }
  auto url = parse_http_url(memory, receiver.url);
  if (!url) {
    co_return problem{fault::invalid, "the webhook URL cannot be used"};
  }
  if (!url->https && !op.core->webhooks->allow_http) {
    co_return problem{fault::invalid, "the webhook URL is not https"};
  }
  auto secrets = open_secrets(op, receiver, direction::outgoing);
  if (!secrets.ok()) {
    co_return secrets.error;
  }
  const std::string_view signing[] = {secrets.value.now, secrets.value.old};
  std::string_view signature = sign_webhook(
      memory, {signing, secrets.value.old.empty() ? size_t{1} : size_t{2}},
      now_of(op) / second, record.body);
  auto* call = memory.make<webhook_call>();
  wsp_http_request& request = call->request;
  request.size = sizeof request;
  request.url = c_text(memory, url->text);
  request.host = c_text(memory, url->host);
  request.port = url->port;
  request.https = url->https ? 1 : 0;
  request.body = c_text(memory, record.body);
  put_headers(memory, request, record, signature);
  call->partner_url = receiver.url;
  call->began = now_of(op);
  co_return call;
}

void take_answer(operation& op, webhook_call& call, unsigned status,
                 std::string_view retry_after, std::string_view body) {
  call.status = status;
  call.retry_after_ms = parse_retry_after(retry_after, now_of(op));
  call.answer = arena_of(op).copy(body.substr(0, WSP_ANSWER_MAX));
}

job_verdict judge(operation& op, const webhook_call& call,
                  const job_verdict& said) {
  if (call.status == 0) {
    job_verdict verdict = said;
    if (said.outcome != WSP_JOB_FAILED) {
      verdict.outcome = WSP_JOB_RETRY;
    }
    return verdict;
  }
  if (call.status >= 200 && call.status < 300) {
    return {WSP_JOB_DONE, {}};
  }
  std::string_view reason = arena_of(op).join(
      "answered ", decimal(arena_of(op), call.status),
      call.status >= 300 && call.status < 400 ? ": a redirect is not followed"
                                              : "");
  return {call.status == gone ? WSP_JOB_FAILED : WSP_JOB_RETRY, reason,
          call.retry_after_ms};
}

flow<problem> heed_answer(operation& op, const webhook_call& call) {
  if (call.status != gone) {
    co_return problem{};
  }
  auto stopping = stop_webhooks(op, call.partner_url, "answered 410");
  problem failed = co_await stopping;
  co_return failed;
}

}  // namespace wsp
