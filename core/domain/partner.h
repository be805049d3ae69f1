// Partners: tenants that are another vendor's backend.
//
// A partner has one API key, of which the record keeps the hash, and a secret
// for the webhooks of each direction, sealed with the key ring.  Where a secret
// is replaced the old one stays valid for a time of grace.
#ifndef WORKSPACES_DOMAIN_PARTNER_H
#define WORKSPACES_DOMAIN_PARTNER_H

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/arena.h"
#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"
#include "store/reply.h"
#include "store/trip.h"

namespace wsp {

// Which way the webhooks go that a secret signs: to us, or from us.
enum class direction : unsigned char { incoming, outgoing };
std::string_view name_of(direction way) noexcept;

// A secret as it is stored.
struct sealed_secret {
  std::string_view now;
  std::string_view old;    // empty: none
  int64_t old_until = 0;   // milliseconds since the epoch
};

struct partner {
  int64_t revision = 0;  // 0: there is none
  std::string_view name;
  bool enabled = false;
  std::string_view url;      // of webhooks to the partner; empty: none
  std::string_view stopped;  // why they are not sent any more; empty: they are
  std::string_view key_hash;
  sealed_secret incoming;
  sealed_secret outgoing;
  int64_t created = 0;  // milliseconds since the epoch
  int64_t updated = 0;

  bool exists() const noexcept { return revision > 0; }
  const sealed_secret& secret(direction way) const noexcept {
    return way == direction::incoming ? incoming : outgoing;
  }
};

// All are about the tenant whose keys the operation knows (op.keys), which is
// op.who.tenant.

// Straight from Redis.  One that does not exist is no failure.
flow<result<partner>> read_partner(operation& op);
// The command that reads the record, for a trip of the caller's ...
void ask_partner(trip& asking, operation& op);
// ... and this takes its reply.
partner parse_partner(const reply& fields) noexcept;

// The secrets that are valid now, the newest first; `old` may be empty, and
// both are where there is no partner, which takes no less time.
struct secret_pair {
  std::string_view now;
  std::string_view old;
};
// The operation's memory is wiped at its end.  unavailable: there is no key
// ring; internal: a secret does not open (logged).
result<secret_pair> open_secrets(operation& op, const partner& record,
                                 direction way);

// The fields of the record that hold sealed secrets, and what each is sealed
// for beside the tenant.
struct partner_secret {
  std::string_view field;
  std::string_view slot;
};
constexpr partner_secret partner_secrets[] = {{"in", "partner.incoming"},
                                              {"in_old", "partner.incoming"},
                                              {"out", "partner.outgoing"},
                                              {"out_old", "partner.outgoing"}};
// Removes those whose time of grace is over.  A commit of its own.
flow<problem> drop_ended_secrets(operation& op);

// Where webhooks can be sent: http or https, a host and perhaps a port, at most
// 2048 printable ASCII characters, without a user and without a fragment.
// Whether http is accepted is said by who delivers.
bool is_webhook_url(arena& memory, std::string_view text);

struct new_partner {
  std::string_view name;
  std::string_view url;  // empty: none
};

// What is shown once; the operation's memory is wiped at its end.
struct issued_partner {
  partner record;
  std::string_view api_key;
  std::string_view incoming_secret;
  std::string_view outgoing_secret;
};

// conflict: there is one.  unavailable: there is no key ring.
flow<result<issued_partner>> register_partner(operation& op, commit& change,
                                              const new_partner& given);

// The changes below are for the record as it was read: its revision is
// checked, and grows.

struct partner_patch {
  std::optional<std::string_view> name;
  std::optional<bool> enabled;
  std::optional<std::string_view> url;  // empty: none
};
// A disabled partner's API key is disabled with it.  A URL that is given, the
// same or another, is one that webhooks are sent to again.
void update_partner(operation& op, commit& change, partner& record,
                    const partner_patch& given);

// Both answer what is shown once.  The API key before is none any more; the
// secret before stays valid for `grace_ms`, or, where it does not open, is none
// any more, either.  unavailable: there is no key ring.
std::string_view rotate_api_key(operation& op, commit& change,
                                partner& record);
result<std::string_view> rotate_secret(operation& op, commit& change,
                                       partner& record, direction way,
                                       int64_t grace_ms);

// Nothing is sent to this URL any more, until it is set anew.  A commit of its
// own; does nothing where the partner has another URL by now.
flow<problem> stop_webhooks(operation& op, std::string_view url,
                            std::string_view why);

// What a list shows of a partner.
struct partner_outline {
  std::string_view id;
  std::string_view name;
  bool enabled = false;
};

// A page of all partners, in the order of their ids' bytes, behind `after`
// (empty: from the first).  There are more where it is full.  The operation
// needs no tenant.
flow<problem> list_partners(operation& op, std::string_view after,
                            size_t limit, list<partner_outline>& into);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_PARTNER_H
