// Invitations: who may become a member of a workspace, by a token that was
// sent to an e-mail address.
//
// A token is 32 random bytes, shown once, when it is made; only its SHA-256
// is kept.  It ends with the first answer, accepted or declined, and after
// workspaces_invitation_ttl.  An address has one pending invitation in a
// workspace.  What a pending one says is in the workspace's list (w:ID:i);
// v:HASH tells what became of a token, for a while longer.
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
  int64_t created = 0;       // milliseconds since the epoch
  int64_t expires = 0;
  std::string_view by;       // the user who sent it ...
  bool by_tenant_admin = false;  // ... as such
  std::string_view hash;     // of the token
  std::string_view stored;   // its value in Redis; empty: there is none

  bool exists() const noexcept { return !stored.empty(); }
  bool expired(int64_t now) const noexcept { return now >= expires; }
};

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

// Each puts its checks and writes into `change`, and queues the mail.

// invalid, field email: a pending one is there, or the address is a member's.
// refused: too many.
flow<result<issued>> invite(operation& op, commit& change,
                            const access& here, const guest& who);

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
                                  const access& here,
                                  const list<guest>& wanted,
                                  list<invitation>& into);

// Gives a pending one other roles, those of a role that is to be deleted.
void change_invitation_roles(operation& op, commit& change,
                             int64_t workspace, const invitation& of,
                             role_set roles);

enum class invitation_state : unsigned char {
  pending,
  expired,
  accepted,
  declined
};
std::string_view name_of(invitation_state state) noexcept;

// What a token stands for.
struct opened_invitation {
  invitation about;  // without `stored` when it has been answered
  invitation_state state = invitation_state::pending;
  int64_t workspace = 0;
  int64_t revision = 0;      // of the workspace
  std::string_view workspace_name;
};

// For anybody who has the token: the tenant is found by it.  not_found: it
// is unknown, revoked or replaced, or the workspace is gone.
flow<result<opened_invitation>> read_invitation(operation& op,
                                                std::string_view token);

// For the caller.  not_found: as above, or it is another tenant's.
// conflict: it was answered, or the caller is a member.  gone: it has
// expired, or who sent it may not invite any more.  forbidden: it was sent to
// another address.
flow<result<opened_invitation>> accept_invitation(operation& op,
                                                  commit& change,
                                                  std::string_view token);
flow<problem> decline_invitation(operation& op, commit& change,
                                 std::string_view token);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_INVITATION_H
