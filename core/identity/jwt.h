// Bearer tokens: JSON Web Tokens (RFC 7519) in the Authorization header
// (RFC 6750), verified as RFC 8725 advises.
//
// A verifier is made once and read-only then; all workers share it.
#ifndef WORKSPACES_IDENTITY_JWT_H
#define WORKSPACES_IDENTITY_JWT_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/arena.h"
#include "engine/result.h"
#include "identity/claims.h"
#include "identity/jwt_key.h"
#include "identity/token_memory.h"
#include "workspaces.h"

namespace wsp {

constexpr size_t token_size_max = 16384;

struct compact_token;

}  // namespace wsp

struct wsp_jwt {
  // Returns a sentence that says what to write, empty when all is well.
  // Throws bad_alloc.
  std::string configure(const wsp_jwt_options& options);

  // Who is asking, by the value of an Authorization header; the strings are
  // in `memory`.  Without a bearer token: unauthenticated.  With one that is
  // not accepted: bad_token, or expired when nothing else is wrong with it.
  // `known` remembers the ones that were accepted.  Throws bad_alloc.
  wsp::result<wsp::identity> verify(wsp::arena& memory,
                                    std::string_view authorization,
                                    int64_t now_ms,
                                    wsp::token_memory& known) const;

 private:
  std::string read_key(const wsp_jwt_key& given);
  std::string check_kids() const;
  wsp::result<const wsp::jwt_key*> choose_key(wsp::arena& memory,
                                              wsp::compact_token& token)
      const;
  wsp::result<wsp::verified_token> verify_anew(wsp::arena& memory,
                                               std::string_view text) const;

  // Tells it from every other verifier, a later one at its address included.
  unsigned char id_[16];
  std::vector<wsp::jwt_key> keys_;
  wsp::claim_rules rules_;
};

#endif  // WORKSPACES_IDENTITY_JWT_H
