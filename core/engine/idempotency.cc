#include "engine/idempotency.h"

#include <sodium.h>

#include "api/dialect.h"
#include "engine/random.h"
#include "seal/envelope.h"
#include "seal/keyring.h"
#include "store/keys.h"
#include "store/link.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr std::string_view header_name = "Idempotency-Key";
// How much longer than a request a claim lives: whoever was cut off may try
// again soon.  A commit that comes late finds another's claim, and does
// nothing.
constexpr int64_t claim_margin_ms = 500;
// Larger answers are not kept: Redis is everybody's.
constexpr size_t answer_size_max = 65536;
constexpr std::string_view answer_ms = "86400000";
constexpr size_t hash_size = 16;
constexpr size_t hex_size = 2 * hash_size;

// A stored value: 'R' fingerprint ':' token while it runs, then
// 'D' fingerprint ' ' status ' ' revision '\n' body, or, where the answer is
// secret, 'S' and the body sealed; fingerprint ':' token alone where it is not
// kept, for it is too large, or secret and there is no key.
constexpr char done = 'D';
constexpr char done_secret = 'S';

// BLAKE2b over the parts, each with its size before it; with a key of the
// ring, if there is one.
template <class... Parts>
std::string_view hash(arena& memory, const wsp_keyring::key* key,
                      const Parts&... parts) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, key == nullptr ? nullptr : key->bytes,
                          key == nullptr ? 0 : wsp_keyring::key_size,
                          hash_size);
  auto put = [&](std::string_view part) {
    uint64_t size = part.size();
    crypto_generichash_update(
        &state, reinterpret_cast<const unsigned char*>(&size), sizeof size);
    crypto_generichash_update(
        &state, reinterpret_cast<const unsigned char*>(part.data()),
        part.size());
  };
  (put(parts), ...);
  unsigned char out[hash_size];
  crypto_generichash_final(&state, out, sizeof out);
  sodium_memzero(&state, sizeof state);
  return hex(memory, {reinterpret_cast<char*>(out), sizeof out});
}

// Of all that makes a request what it is.  A body may be a secret that can be
// guessed: who reads Redis must not be able to try, so a key goes in.
std::string_view fingerprint_of(operation& op, const wsp_keyring::key* key) {
  const wsp_request& request = *op.request;
  std::string_view name = op.speaks->asking_header;
  const wsp_header* header =
      name.empty() ? nullptr : find_header(op, name);
  std::string_view path = view(request.path);
  if (!path.empty() && path.back() == '/') {
    path.remove_suffix(1);  // the same with it and without
  }
  return hash(op.memory, key, "fingerprint", view(request.method), path,
              view(request.query),
              header == nullptr ? std::string_view() : view(header->value),
              view(request.body));
}

const wsp_keyring::key* first_key(const operation& op) noexcept {
  const wsp_keyring* ring = keyring_of(op);
  return ring == nullptr ? nullptr : &ring->first();
}

// The ring may have got a new first key since.
bool is_fingerprint(operation& op, std::string_view stored,
                    std::string_view own) {
  if (stored == own) {
    return true;
  }
  const wsp_keyring* ring = keyring_of(op);
  for (size_t i = 1; ring != nullptr && i < ring->keys.size(); i++) {
    if (stored == fingerprint_of(op, &ring->keys[i])) {
      return true;
    }
  }
  return ring != nullptr && stored == fingerprint_of(op, nullptr);
}

std::optional<answer> stored_answer(std::string_view stored) noexcept {
  std::string_view rest = stored.substr(1 + hex_size);
  size_t line = rest.find('\n');
  size_t blank = rest.find(' ', 1);
  if (rest.empty() || line == rest.npos || blank == rest.npos ||
      blank > line) {
    return std::nullopt;
  }
  auto status = parse_integer(rest.substr(1, blank - 1));
  auto revision = parse_integer(rest.substr(blank + 1, line - blank - 1));
  if (!status || !revision) {
    return std::nullopt;
  }
  answer made;
  made.status = static_cast<unsigned>(*status);
  made.revision = *revision;
  made.body = rest.substr(line + 1);
  made.secret = stored[0] == done_secret;
  return made;
}

// Where a secret answer is sealed to: no workspace, and no slot of one.
seal_place place_of(operation& op, std::string_view key) {
  return {op.who.tenant, 0, op.memory.join("answer:", key)};
}

bool open_answer(operation& op, std::string_view key, answer& sealed) {
  const wsp_keyring* ring = keyring_of(op);
  if (ring == nullptr) {
    return false;
  }
  op.memory.wipe_when_freed();
  opened_blob opened =
      open_sealed(op.memory, *ring, place_of(op, key), sealed.body);
  sealed.body = opened.plain;
  return opened.how == unsealed::opened;
}

// Nothing where it is not kept.
std::optional<std::string_view> kept_body(operation& op, std::string_view key,
                                          const answer& given) {
  if (given.body.size() > answer_size_max) {
    return std::nullopt;
  }
  if (!given.secret) {
    return given.body;
  }
  const wsp_keyring* ring = keyring_of(op);
  if (ring == nullptr) {
    return std::nullopt;
  }
  return seal(op.memory, *ring, random_of(op), place_of(op, key),
              given.body);
}

}  // namespace

problem ask_for_claim(operation& op, idempotency& into, trip& asking) {
  const wsp_header* header = find_header(op, header_name);
  if (header == nullptr || into.claimed) {
    return {};
  }
  std::string_view name = view(header->value);
  if (name.empty() || name.size() > 255 || has_control(name) ||
      count_headers(op, header_name) != 1) {
    return {fault::bad_request,
            "Idempotency-Key must be one header of 1 to 255 characters"};
  }
  arena& memory = arena_of(op);
  into.key = keys_of(op).idempotency(
      hash(memory, nullptr, op.speaks->name, op.label, op.who.tenant,
           op.who.user, name));
  into.fingerprint = fingerprint_of(op, first_key(op));
  char token[8];
  random_of(op).fill(token, sizeof token);
  into.claim = memory.join("R", into.fingerprint, ":",
                           hex(memory, {token, sizeof token}));
  int64_t lifetime = link_of(op).timeout_ms() + claim_margin_ms;
  asking.add({"SET", into.key, into.claim, "NX", "PX",
              decimal(memory, lifetime)});
  asking.start();
  return {};
}

flow<result<std::optional<answer>>> take_claim(operation& op,
                                               idempotency& into,
                                               trip& asking) {
  std::optional<answer> first;
  if (asking.size() == 0) {
    co_return first;
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  if (!asking[0].is_nil()) {
    into.claimed = true;
    co_return first;
  }
  trip looking(op);
  looking.add({"GET", into.key});
  co_await looking.go();
  if (!looking.ok()) {
    co_return looking.failure();
  }
  std::string_view stored = looking[0].str();
  // The claim was sent a second time after a lost link.
  if (stored == into.claim) {
    into.claimed = true;
    co_return first;
  }
  if (stored.size() >= 1 + hex_size &&
      !is_fingerprint(op, stored.substr(1, hex_size), into.fingerprint)) {
    co_return problem{fault::key_reused,
                      "this Idempotency-Key was used for another request"};
  }
  if (stored.size() >= 1 + hex_size &&
      (stored[0] == done || stored[0] == done_secret)) {
    first = stored_answer(stored);
    if (first && (!first->secret || open_answer(op, into.key, *first))) {
      co_return first;
    }
    co_return problem{fault::conflict,
                      "the first request with this Idempotency-Key was "
                      "carried out; its answer was not kept"};
  }
  co_return problem{fault::running,
                    "the first request with this Idempotency-Key is still "
                    "running"};
}

void remember_answer(operation& op, commit& change, const idempotency& held,
                     const answer& given) {
  arena& memory = arena_of(op);
  std::string_view mark(given.secret ? &done_secret : &done, 1);
  auto body = kept_body(op, held.key, given);
  std::string_view kept =
      body ? memory.join(mark, held.fingerprint, " ",
                         decimal(memory, given.status), " ",
                         decimal(memory, given.revision), "\n", *body)
           : memory.join(mark, held.claim.substr(1));
  change.settle(held.key, held.claim, kept, answer_ms);
}

flow<problem> release_key(operation& op, const idempotency& held) {
  commit letting_go(op);
  letting_go.expect(held.claim, {"GET", held.key});
  letting_go.write({"UNLINK", held.key});
  auto running_it = run(op, letting_go);
  auto outcome = co_await running_it;
  co_return outcome.error;
}

}  // namespace wsp
