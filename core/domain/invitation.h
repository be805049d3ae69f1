// Invitations: who may become a member of a workspace, by a token that was
// sent to an e-mail address (invitation_token.h).
//
// An address has one pending invitation in a workspace.  What it says is in
// the workspace's list (w:ID:i) until it is answered or revoked.
#ifndef WORKSPACES_DOMAIN_INVITATION_H
#define WORKSPACES_DOMAIN_INVITATION_H

#include <cstdint>
#include <string_view>

#include "domain/role.h"
#include "engine/arena.h"
#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "store/commit.h"
#include "store/reply.h"

namespace wsp {

struct access;

constexpr size_t invitations_max = 100;  // of one workspace

struct invitation {
  int64_t id = 0;
  std::string_view address;  // lower-cased e-mail: its field in w:ID:i
  std::string_view email;    // as it was given
  std::string_view name;     // empty: none
  role_set roles;
  int64_t created = 0;  // milliseconds since the epoch
  int64_t expires = 0;
  std::string_view by;           // the user who sent it ...
  bool by_tenant_admin = false;  // ... as such
  std::string_view hash;         // of the token
  std::string_view stored;       // its value in Redis; empty: there is none

  bool exists() const noexcept { return !stored.empty(); }
  bool expired(int64_t now) const noexcept { return now >= expires; }
};

constexpr problem unknown_invitation{fault::not_found, "invitation not found"};

invitation parse_invitation(arena& memory, std::string_view address,
                            std::string_view stored);

// The pending and expired ones of an answer to HGETALL of w:ID:i, by address.
list<invitation> parse_invitations(arena& memory, const reply& all);
flow<problem> read_invitations(operation& op, int64_t workspace,
                               list<invitation>& into);

// Who is to be invited.
struct guest {
  std::string_view email;
  std::string_view name;  // empty: none
  role_set roles;
};

bool is_email(std::string_view text) noexcept;

// An invitation with the token that opens it.  The operation's memory is
// wiped at its end.
struct issued {
  invitation sent;
  std::string_view token;
};

// Each puts its checks and writes into `change`, and the mail of what is sent.

// invalid, field email: a pending one is there, or the address is a member's.
// refused: too many.
flow<result<issued>> invite(operation& op, commit& change, const access& here,
                            const guest& who);

// A new token and time; the old token is unknown from then on.  The caller
// answers for it now.  not_found: no such invitation.
flow<result<issued>> resend_invitation(operation& op, commit& change,
                                       const access& here, int64_t id);

flow<problem> revoke_invitation(operation& op, commit& change,
                                const access& here, int64_t id);

// Leaves exactly these, by address: one that is there and says the same but
// for name and roles keeps its token and times, others are sent or revoked.
// `into` gets what is there then.
flow<problem> replace_invitations(operation& op, commit& change,
                                  const access& here, const list<guest>& wanted,
                                  list<invitation>& into);

// It must still be listed as it was read.
void expect_listed(operation& op, commit& change, int64_t workspace,
                   const invitation& of);

// Gives a pending one other roles, those of a role that is to be deleted.
void change_invitation_roles(operation& op, commit& change, int64_t workspace,
                             const invitation& of, role_set roles);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_INVITATION_H
