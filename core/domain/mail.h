// Mail: what is written to whom.  It is queued in the outbox by the change
// that caused it, and rendered when it is sent.
//
// Its payload holds the token of an invitation, so it is sealed with the key
// ring, bound to the tenant and to the job; the message of a job is wiped
// with the memory of its operation.
#ifndef WORKSPACES_DOMAIN_MAIL_H
#define WORKSPACES_DOMAIN_MAIL_H

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/flow.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "engine/smtp.h"
#include "store/commit.h"
#include "store/outbox.h"

// What wsp_mail_parse makes: who sends, and where invitations lead.
struct wsp_mail {
  // Returns a sentence that says what to write, empty when all is well.
  std::string parse(std::string_view from, std::string_view invitation_url);

  std::string name;  // of the sender; may be empty
  std::string address;
  std::string before;  // of an invitation's link, and what follows its token
  std::string after;
};

namespace wsp {

// May mail be sent there: ASCII only, a dotted atom before the @ and a host
// name behind it.
bool is_mail_address(std::string_view text) noexcept;

struct invitation_mail {
  std::string_view email;
  std::string_view guest;      // name; may be empty
  std::string_view workspace;  // name
  std::string_view inviter;    // name, or id
  std::string_view role;       // as it is shown; may be empty
  std::string_view token;
  int64_t expires = 0;  // milliseconds since the epoch
};

// Does nothing when no mail is sent here.  invalid, field email: mail cannot
// be sent there.
problem queue_invitation_mail(operation& op, commit& change,
                              const invitation_mail& what);

// The mail of a job.  refused: it can never be sent.  not_found: nobody needs
// it any more.
flow<result<letter>> write_letter(operation& op, const job& what);

}  // namespace wsp

#endif  // WORKSPACES_DOMAIN_MAIL_H
