// The extern "C" wrappers of workspaces.h: noexcept, one catch-all.
#include <sodium.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "api/dialect.h"
#include "api/openapi.h"
#include "domain/mail.h"
#include "domain/permission.h"
#include "domain/sealed.h"
#include "domain/webhook.h"
#include "engine/core.h"
#include "engine/decide.h"
#include "engine/random.h"
#include "engine/status.h"
#include "identity/identity.h"
#include "identity/jwt.h"
#include "identity/webhook_signature.h"
#include "seal/envelope.h"
#include "seal/keyring.h"
#include "store/redis_url.h"
#include "text/address.h"
#include "text/text.h"
#include "workspaces.h"

namespace {

using wsp::c_str;
using wsp::view;

template <class Work>
int guarded(Work work) noexcept {
  try {
    return work();
  } catch (const std::exception&) {
    return WSP_NOMEM;
  }
}

// A text that the caller frees.
int give(wsp_str* out, std::string_view text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) {
    throw std::bad_alloc();
  }
  if (!text.empty()) {
    std::memcpy(copy, text.data(), text.size());
  }
  *out = c_str({copy, text.size()});
  return WSP_OK;
}

int refuse(std::string_view wrong, char error[WSP_ERROR_SIZE]) noexcept {
  size_t size = std::min(wrong.size(), size_t{WSP_ERROR_SIZE - 1});
  std::memcpy(error, wrong.data(), size);
  error[size] = '\0';
  return WSP_INVALID;
}

// For parsing: `wrong` is a sentence when it is.
template <class T>
int report(T** out, std::unique_ptr<T> made, std::string_view wrong,
           char error[WSP_ERROR_SIZE]) noexcept {
  if (wrong.empty()) {
    *out = made.release();
    return WSP_OK;
  }
  return refuse(wrong, error);
}

// A sentence when there is no such place.
std::string_view place_of(const wsp_seal_place& given,
                          wsp::seal_place& place) noexcept {
  if (given.size != sizeof given) {
    return "another version of the struct";
  }
  if (!wsp::is_id(view(given.tenant))) {
    return "the tenant is no id";
  }
  auto workspace = wsp::parse_id(view(given.workspace));
  if (!workspace) {
    return "the workspace is no id of one";
  }
  place = {view(given.tenant), *workspace,
           given.slot.len == 0 ? wsp::default_slot : view(given.slot)};
  if (!wsp::is_slot(place.slot)) {
    return "the slot is none of 1 to 128 of letters, digits, dot, dash and "
           "underscore";
  }
  return {};
}

wsp::connection& connection_at(wsp_core* core, unsigned link) noexcept {
  if (link == 0) {
    return core->data;
  }
  return core->tracking;
}

wsp::fault fault_of(unsigned status) noexcept {
  using wsp::fault;
  switch (status) {
    case 401:
      return fault::unauthenticated;
    case 403:
      return fault::forbidden;
    case 404:
      return fault::not_found;
    case 405:
      return fault::wrong_method;
    case 408:
      return fault::timed_out;
    case 413:
      return fault::too_large;
    case 429:
      return fault::too_many;
    case 503:
    case 502:
    case 504:
      return fault::unavailable;
    default:
      return status >= 500 ? fault::internal : fault::bad_request;
  }
}

std::string_view sentence_of(unsigned status) noexcept {
  switch (status) {
    case 401:
      return "authentication required";
    case 403:
      return "forbidden";
    case 404:
      return "not found";
    case 405:
      return "method not allowed";
    case 408:
      return "the request did not arrive in time";
    case 413:
      return "the body is too large";
    case 414:
      return "the request line is too long";
    case 429:
      return "too many requests";
    case 431:
    case 494:
      return "the request header is too large";
    case 503:
      return "temporarily unavailable";
    default:
      return status >= 500 ? "internal error" : "bad request";
  }
}

}  // namespace

extern "C" {

int wsp_abi_version(void) { return WSP_ABI_VERSION; }

int wsp_redis_parse(wsp_redis** out, wsp_str url,
                    char error[WSP_ERROR_SIZE]) {
  return guarded([&] {
    auto made = std::make_unique<wsp_redis>();
    std::string wrong = made->url.parse(view(url));
    return report(out, std::move(made), wrong, error);
  });
}

void wsp_redis_free(wsp_redis* redis) { delete redis; }

void wsp_redis_get_address(const wsp_redis* redis, wsp_redis_address* out) {
  out->path = c_str(redis->url.path);
  out->host = c_str(redis->url.host);
  out->port = redis->url.port;
  out->database = redis->url.database;
}

int wsp_keyring_parse(wsp_keyring** out, wsp_str text,
                      char error[WSP_ERROR_SIZE]) {
  return guarded([&] {
    auto made = std::make_unique<wsp_keyring>();
    std::string wrong = made->parse(view(text));
    return report(out, std::move(made), wrong, error);
  });
}

void wsp_keyring_free(wsp_keyring* ring) { delete ring; }

int wsp_seal(wsp_str* out, const wsp_keyring* ring,
             const wsp_seal_place* place, wsp_str plain,
             char error[WSP_ERROR_SIZE]) {
  return guarded([&] {
    wsp::seal_place here{};
    if (std::string_view wrong = place_of(*place, here); !wrong.empty()) {
      return refuse(wrong, error);
    }
    unsigned char seed[32];
    wsp_seed(seed);
    wsp::random_source random(seed);
    sodium_memzero(seed, sizeof seed);
    wsp::arena memory;
    return give(out, wsp::seal(memory, *ring, random, here, view(plain)));
  });
}

int wsp_open(wsp_str* out, const wsp_keyring* ring,
             const wsp_seal_place* place, wsp_str blob,
             char error[WSP_ERROR_SIZE]) {
  return guarded([&] {
    wsp::seal_place here{};
    if (std::string_view wrong = place_of(*place, here); !wrong.empty()) {
      return refuse(wrong, error);
    }
    wsp::arena memory;
    memory.wipe_when_freed();
    auto opened = wsp::open_sealed(memory, *ring, here, view(blob));
    switch (opened.how) {
      case wsp::unsealed::opened:
        return give(out, opened.plain);
      case wsp::unsealed::unknown_key:
        return refuse("it is sealed under a key that is not in the ring",
                      error);
      case wsp::unsealed::broken:
        break;
    }
    return refuse("it does not open", error);
  });
}

void wsp_sealed_free(wsp_str text) {
  if (text.data != nullptr) {
    sodium_memzero(const_cast<char*>(text.data), text.len);
    std::free(const_cast<char*>(text.data));
  }
}

int wsp_jwt_new(wsp_jwt** out, const wsp_jwt_options* options,
                char error[WSP_ERROR_SIZE]) {
  return guarded([&] {
    auto made = std::make_unique<wsp_jwt>();
    std::string wrong = made->configure(*options);
    return report(out, std::move(made), wrong, error);
  });
}

void wsp_jwt_free(wsp_jwt* jwt) { delete jwt; }

int wsp_mail_parse(wsp_mail** out, wsp_str from, wsp_str invitation_url,
                   char error[WSP_ERROR_SIZE]) {
  return guarded([&] {
    auto made = std::make_unique<wsp_mail>();
    std::string wrong = made->parse(view(from), view(invitation_url));
    return report(out, std::move(made), wrong, error);
  });
}

void wsp_mail_free(wsp_mail* mail) { delete mail; }

int wsp_webhooks_new(wsp_webhooks** out, const wsp_webhooks_options* options,
                     char error[WSP_ERROR_SIZE]) {
  return guarded([&] {
    auto made = std::make_unique<wsp_webhooks>();
    std::string wrong = made->configure(*options);
    return report(out, std::move(made), wrong, error);
  });
}

void wsp_webhooks_free(wsp_webhooks* webhooks) { delete webhooks; }

int wsp_is_public_address(int is_v6, const unsigned char* address) {
  if (is_v6 != 0) {
    wsp::ipv6 copy;
    std::copy_n(address, copy.size(), copy.begin());
    return wsp::is_public(copy) ? 1 : 0;
  }
  wsp::ipv4 copy;
  std::copy_n(address, copy.size(), copy.begin());
  return wsp::is_public(copy) ? 1 : 0;
}

void wsp_webhook_sign(char out[WSP_SIGNATURE_SIZE], wsp_str secret,
                      int64_t unix_s, wsp_str body) {
  // So small that it never asks for more.
  char room[1024];
  wsp::arena memory(room, sizeof room);
  std::string_view secrets[] = {view(secret)};
  std::string_view made =
      wsp::sign_webhook(memory, secrets, unix_s, view(body));
  *std::copy(made.begin(), made.end(), out) = '\0';
}

int wsp_webhook_check(wsp_str signature, const wsp_str* secrets, size_t count,
                      wsp_str body, int64_t wall_ms) {
  constexpr size_t most = 8;
  std::string_view known[most];
  count = std::min(count, most);
  std::transform(secrets, secrets + count, known, view);
  return wsp::webhook_signature_matches(view(signature), {known, count},
                                        view(body), wall_ms)
             ? 1
             : 0;
}

void wsp_wipe(void* data, size_t len) { sodium_memzero(data, len); }

void wsp_seed(unsigned char seed[32]) {
  // Cannot fail but for a system without random numbers, where it aborts.
  if (sodium_init() >= 0) {
    randombytes_buf(seed, 32);
  } else {
    std::abort();
  }
}

wsp_str wsp_dialect_name(int dialect) {
  const wsp::dialect* found = wsp::dialect_at(dialect);
  return c_str(found == nullptr ? std::string_view() : found->name);
}

int wsp_route_get(wsp_route* out, int dialect, size_t index) {
  const wsp::dialect* found = wsp::dialect_at(dialect);
  if (found == nullptr || index >= found->routes.size()) {
    return WSP_INVALID;
  }
  const wsp::route& route = found->routes[index];
  out->method = c_str(route.method);
  out->pattern = c_str(route.pattern);
  out->operation = c_str(route.operation);
  out->needs = route.needs;
  return WSP_OK;
}

int wsp_is_permission(wsp_str text) {
  return wsp::is_permission(view(text)) ? 1 : 0;
}

size_t wsp_status_size(unsigned workers) {
  return workers * sizeof(wsp::status_slot);
}

int wsp_openapi(wsp_str* out, int dialect, const wsp_str* mounts,
                size_t count) {
  return guarded([&] {
    std::string text = wsp::openapi_document(dialect, {mounts, count});
    return text.empty() ? static_cast<int>(WSP_INVALID) : give(out, text);
  });
}

void wsp_openapi_free(wsp_str text) {
  std::free(const_cast<char*>(text.data));
}

int wsp_status_render(wsp_str* out, const void* status, unsigned workers) {
  return guarded([&] {
    return give(out, wsp::render_status(
                         static_cast<const wsp::status_slot*>(status),
                         workers));
  });
}

void wsp_status_free(wsp_str text) {
  std::free(const_cast<char*>(text.data));
}

int wsp_core_new(wsp_core** out, const wsp_core_options* options) {
  if (options->size != sizeof *options || options->redis == nullptr ||
      options->queue == 0 || options->queue > 1000000 ||
      options->timeout_ms == 0 || options->connect_timeout_ms == 0 ||
      (options->keyring == nullptr &&
       (options->mail != nullptr || options->webhooks != nullptr))) {
    return WSP_INVALID;
  }
  return guarded([&] {
    if (sodium_init() < 0) {
      return static_cast<int>(WSP_NOMEM);
    }
    *out = new wsp_core(*options);
    return static_cast<int>(WSP_OK);
  });
}

void wsp_core_free(wsp_core* core) { delete core; }

void wsp_core_time(wsp_core* core, int64_t wall_ms, uint64_t monotonic_ms) {
  core->set_time(wall_ms, monotonic_ms);
}

void wsp_core_drain(wsp_core* core) {
  core->data.drain();
  core->tracking.drain();
  core->outgoing.drain();
}

uint64_t wsp_next_timer(const wsp_core* core) {
  uint64_t next = std::min({core->data.next_timer(), core->show_timer(),
                            core->outgoing.next_timer()});
  return core->records.enabled()
             ? std::min(next, core->tracking.next_timer())
             : next;
}

void wsp_core_tick(wsp_core* core) {
  core->data.tick();
  if (core->records.enabled()) {
    core->tracking.tick();
  }
  core->outgoing.tick();
}

int wsp_next_log(wsp_core* core, wsp_log* out) {
  std::string_view text;
  if (!core->log.next(&out->level, &text)) {
    return WSP_AGAIN;
  }
  out->text = c_str(text);
  return WSP_OK;
}

int wsp_next_action(wsp_core* core, wsp_action* out) {
  unsigned links = core->records.enabled() ? WSP_LINKS : 1;
  for (unsigned i = 0; i < links; i++) {
    out->link = i;
    switch (connection_at(core, i).next_action()) {
      case wsp::connection::action::connect:
        out->type = WSP_CONNECT;
        return WSP_OK;
      case wsp::connection::action::close:
        out->type = WSP_CLOSE;
        return WSP_OK;
      case wsp::connection::action::none:
        break;
    }
  }
  return WSP_AGAIN;
}

void wsp_link_connected(wsp_core* core, unsigned link) {
  connection_at(core, link).connected();
}

void wsp_link_closed(wsp_core* core, unsigned link, wsp_str why) {
  connection_at(core, link).closed(view(why));
}

void wsp_link_input(wsp_core* core, unsigned link, const char* data,
                    size_t len) {
  connection_at(core, link).input(data, len);
}

void wsp_core_random(wsp_core* core, unsigned char* out, size_t len) {
  core->random.fill(out, len);
}

int wsp_link_output(wsp_core* core, unsigned link, wsp_str* out) {
  *out = c_str(connection_at(core, link).output());
  return out->len == 0 ? WSP_AGAIN : WSP_OK;
}

void wsp_link_written(wsp_core* core, unsigned link, size_t len) {
  connection_at(core, link).written(len);
}

int wsp_next_job(wsp_core* core, wsp_job* out) {
  if (out->size != sizeof *out) {
    return WSP_INVALID;
  }
  return core->outgoing.next_job(out) ? WSP_OK : WSP_AGAIN;
}

int wsp_job_output(wsp_core* core, uint64_t number, wsp_str* out) {
  *out = c_str(core->outgoing.output(number));
  return out->len == 0 ? WSP_AGAIN : WSP_OK;
}

void wsp_job_written(wsp_core* core, uint64_t number, size_t len) {
  core->outgoing.written(number, len);
}

int wsp_job_input(wsp_core* core, uint64_t number, const char* data,
                  size_t len) {
  return core->outgoing.input(number, {data, len}) ? WSP_OK : WSP_AGAIN;
}

int wsp_job_request(wsp_core* core, uint64_t number, wsp_http_request* out) {
  if (out->size != sizeof *out) {
    return WSP_INVALID;
  }
  const wsp_http_request* found = core->outgoing.request(number);
  if (found == nullptr) {
    return WSP_AGAIN;
  }
  *out = *found;
  return WSP_OK;
}

void wsp_job_response(wsp_core* core, uint64_t number, unsigned status,
                      wsp_str retry_after, wsp_str body) {
  core->outgoing.response(number, status, view(retry_after), view(body));
}

void wsp_job_done(wsp_core* core, uint64_t number, int outcome,
                  wsp_str reason, int64_t retry_after_ms) {
  core->outgoing.done(number, outcome, view(reason), retry_after_ms);
}

int wsp_op_new(wsp_op** out, wsp_core* core, const wsp_request* request,
               void* data) {
  const wsp::dialect* speaks = wsp::dialect_at(request->dialect);
  if (speaks == nullptr || request->size != sizeof *request) {
    return WSP_INVALID;
  }
  wsp_op* op = wsp::new_operation(core);
  if (op == nullptr) {
    return WSP_NOMEM;
  }
  op->request = request;
  op->speaks = speaks;
  op->data = data;
  *out = op;
  wsp::start(*op);
  return op->finished ? WSP_OK : WSP_AGAIN;
}

int wsp_access_new(wsp_op** out, wsp_core* core,
                   const wsp_access_request* request, void* data) {
  const wsp::dialect* speaks = wsp::access_dialect_of(request->errors);
  if (request->size != sizeof *request || speaks == nullptr) {
    return WSP_INVALID;
  }
  wsp_op* op = wsp::new_operation(core);
  if (op == nullptr) {
    return WSP_NOMEM;
  }
  try {
    // What it has in common with a request of the content phase.
    auto* common = op->memory.make<wsp_request>();
    common->method = c_str("GET");
    common->headers = request->headers;
    common->header_count = request->header_count;
    common->identity = request->identity;
    common->request_id = request->request_id;
    op->request = common;
    op->decision = op->memory.make<wsp_decision>();
  } catch (const std::bad_alloc&) {
    wsp_op_free(op);
    return WSP_NOMEM;
  }
  op->asks = request;
  op->speaks = speaks;
  op->data = data;
  *out = op;
  wsp::start(*op);
  return op->finished ? WSP_OK : WSP_AGAIN;
}

const wsp_decision* wsp_op_decision(const wsp_op* op) {
  return op->finished ? op->decision : nullptr;
}

int wsp_op_setting(wsp_op* op, wsp_str name, wsp_str* out) {
  return guarded([&] {
    std::string_view text;
    if (!wsp::find_setting(*op, view(name), &text)) {
      return static_cast<int>(WSP_AGAIN);
    }
    *out = c_str(text);
    return static_cast<int>(WSP_OK);
  });
}

int wsp_op_new_error(wsp_op** out, wsp_core* core, int dialect,
                     unsigned status, wsp_str request_id) {
  const wsp::dialect* speaks = wsp::dialect_at(dialect);
  if (speaks == nullptr) {
    return WSP_INVALID;
  }
  wsp_op* op = wsp::new_operation(nullptr);
  if (op == nullptr) {
    return WSP_NOMEM;
  }
  try {
    auto* request = op->memory.make<wsp_request>();
    request->request_id = request_id;
    op->request = request;
    op->speaks = speaks;
    op->made_at = core == nullptr ? 0 : core->wall_ms;
    wsp::give_up(*op, {fault_of(status), sentence_of(status)});
    op->response.status = status;
  } catch (const std::bad_alloc&) {
    wsp_op_free(op);
    return WSP_NOMEM;
  }
  if (core != nullptr && core->status != nullptr) {
    wsp::count_request(*core->status, dialect, -1, status);
  }
  *out = op;
  return WSP_OK;
}

wsp_op* wsp_next_done(wsp_core* core) {
  wsp_op* op = core->done_first;
  if (op != nullptr) {
    core->unlist(*op);
  }
  return op;
}

void wsp_op_expire(wsp_op* op) {
  if (!op->finished) {
    op->root = {};
    wsp::give_up(*op, {wsp::fault::unavailable,
                       "the store did not answer in time"});
  }
}

void* wsp_op_data(const wsp_op* op) { return op->data; }

const wsp_response* wsp_op_response(const wsp_op* op) {
  return &op->response;
}

wsp_str wsp_op_label(const wsp_op* op) { return c_str(op->label); }

void wsp_op_free(wsp_op* op) {
  if (op != nullptr) {
    wsp::free_operation(op);
  }
}

}  // extern "C"
