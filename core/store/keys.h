// The names of everything in Redis, in this one place.
//
//   wsp:partitions              how many partitions there are
//   wsp:k:HASH                  hash: an API key (identity/api_key.h)
//   wsp:i:HASH                  tenant of an invitation, by its token (expires)
//   wsp:rewrap                  hash: the latest rewrap (domain/rewrap.h)
//   wsp:{P}:T:                  begins every key of tenant T, where P is the
//                               CRC-32 of the tenant modulo the partitions:
//                               one tenant is in one slot of a cluster
//     id                        counter of workspace ids
//     pt                        hash: the partner record (domain/partner.h)
//     rid                       counter of the ids of custom roles
//     iid                       counter of the ids of invitations
//     o                         hash: the organization record
//     ws                        sorted set of all workspace ids, by id
//     w:ID                      hash: the workspace record
//     w:ID:m                    hash: user -> membership
//     w:ID:n                    hash: role -> how many members hold it
//     w:ID:r                    hash: name -> custom role
//     w:ID:i                    hash: lower-cased e-mail -> invitation (JSON)
//     w:ID:x                    hash: slot -> sealed blob
//     w:ID:c                    set of users whose active workspace it is
//     w:ID:fm, w:ID:fc          w:ID:m and w:ID:c of one that is deleted, and
//                               had many members, while it is removed from
//                               what is kept of them (domain/removal.h)
//     u:USER                    hash: what is stored of a user (active)
//     u:USER:p                  hash: name and e-mail last known of a user
//     u:USER:w                  sorted set of the ids of a user's workspaces
//     a:EMAIL                   set of users who had this lower-cased address
//     n:NAME                    sorted set of the ids of workspaces so named
//     s:SLUG                    id of the workspace with this slug
//     e:EXTERNAL                id of the workspace with this external id
//     l:LABEL                   sorted set of the ids of workspaces with it
//     v:HASH                    hash: an invitation, by its token (expires)
//     t:TOKEN                   a commit that was done (expires)
//     k:HASH                    an Idempotency-Key (expires)
//     y:EVENT                   hash: the delivery of an event to a partner
//                               (domain/delivery.h; expires)
//     y:EVENT:a                 list of its tries (JSON; expires)
//     ys                        sorted set of the deliveries, by the time of
//                               their events
//     yz                        those that have ended, by when they did
//     x:HASH                    hash: an event that a partner sent (expires)
//   wsp:{P}::                   begins what belongs to the partition, and to
//                               no tenant: one has a name
//     q:KIND                    sorted set of the lanes of the outbox that
//                               hold jobs of this kind, by the time when the
//                               first of them is due
//     o:LANE                    list of the ids of the jobs in a lane that
//                               several may share (store/outbox.h)
//     jobs                      hash: kind -> how many are in these lists
//     j:ID                      hash: a job
//     dead:KIND                 sorted set of those that were given up, by
//                               the time when they were
//     t:TOKEN                   as above
//     partners                  sorted set of the tenants that are partners
//     tenants                   sorted set of all tenants
//     del:T                     hash: the deletion of tenant T, as long as it
//                               goes on (domain/deletion.h)
//
// T, USER, EMAIL, NAME, SLUG, EXTERNAL, LABEL and EVENT are percent-encoded
// but for [A-Za-z0-9_.~-], which is injective: no two identities share a key,
// and none can bring in ":" or "{}".  A LANE is the id of its one job, or two
// such names with "/" between them, the first being the tenant.  HASH is
// hexadecimal.  The fields of hashes are the names as they are.
#ifndef WORKSPACES_STORE_KEYS_H
#define WORKSPACES_STORE_KEYS_H

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/arena.h"

namespace wsp {

// The first of `count` numbers that a counter, which now reads `value`, gave
// out; nothing where somebody else has made of it what gives no ids.
constexpr std::optional<int64_t> first_number(int64_t value,
                                              int64_t count) noexcept {
  constexpr int64_t most = int64_t{1} << 53;
  if (value < count || value > most) {
    return std::nullopt;
  }
  return value - count + 1;
}

class key_names {
 public:
  key_names(arena& memory, std::string_view tenant, unsigned partitions);
  // Of a partition and no tenant.
  static key_names of_partition(arena& memory, unsigned partition);

  unsigned partition() const noexcept { return partition_; }

  std::string_view counter() { return join("id"); }
  std::string_view role_counter() { return join("rid"); }
  std::string_view invitation_counter() { return join("iid"); }
  std::string_view organization() { return join("o"); }
  std::string_view partner() { return join("pt"); }
  std::string_view workspaces() { return join("ws"); }
  std::string_view workspace(int64_t id) { return of(id, ""); }
  std::string_view members(int64_t id) { return of(id, ":m"); }
  std::string_view role_holders(int64_t id) { return of(id, ":n"); }
  std::string_view roles(int64_t id) { return of(id, ":r"); }
  std::string_view invites(int64_t id) { return of(id, ":i"); }
  std::string_view sealed(int64_t id) { return of(id, ":x"); }
  std::string_view contexts(int64_t id) { return of(id, ":c"); }
  std::string_view former_members(int64_t id) { return of(id, ":fm"); }
  std::string_view former_contexts(int64_t id) { return of(id, ":fc"); }
  std::string_view user(std::string_view user);
  std::string_view user_workspaces(std::string_view user);
  std::string_view user_profile(std::string_view user);
  std::string_view address(std::string_view lower_cased_email);
  std::string_view label(std::string_view label);
  std::string_view name(std::string_view name);
  std::string_view slug(std::string_view slug);
  std::string_view external(std::string_view id);
  std::string_view invitation(std::string_view hash) {
    return join("v:", hash);
  }
  std::string_view token(std::string_view token) { return join("t:", token); }
  std::string_view idempotency(std::string_view hash) {
    return join("k:", hash);
  }
  std::string_view delivery(std::string_view event);
  std::string_view delivery_tries(std::string_view event);
  std::string_view deliveries() { return join("ys"); }
  std::string_view ended_deliveries() { return join("yz"); }
  // Begins delivery() and delivery_tries() of every event ...
  std::string_view deliveries_prefix() { return join("y:"); }
  // ... and this ends the second.
  static std::string_view delivery_tries_suffix() { return ":a"; }
  std::string_view incoming_event(std::string_view hash) {
    return join("x:", hash);
  }
  std::string_view queue(std::string_view kind) {
    return memory_.join(shared_, "q:", kind);
  }
  std::string_view lane(std::string_view lane) {
    return memory_.join(shared_, "o:", lane);
  }
  std::string_view job(std::string_view id) {
    return memory_.join(shared_, "j:", id);
  }
  std::string_view job_counts() { return memory_.join(shared_, "jobs"); }
  std::string_view dead(std::string_view kind) {
    return memory_.join(shared_, "dead:", kind);
  }
  std::string_view partners() { return memory_.join(shared_, "partners"); }
  std::string_view tenants() { return memory_.join(shared_, "tenants"); }
  // Of the tenant that these keys are of; is_of_tenant() says whether there is
  // one.
  std::string_view deletion() {
    return memory_.join(shared_, "del:", tenant_part());
  }
  bool is_of_tenant() const noexcept { return prefix_ != shared_; }
  // Begins every key of the tenant.
  std::string_view prefix() const noexcept { return prefix_; }
  // The tenant as it is in keys.
  std::string_view tenant_part() const noexcept {
    size_t before = shared_.size() - 1;
    return prefix_.substr(before, prefix_.size() - before - 1);
  }
  // Of no tenant.
  static constexpr std::string_view rewrap = "wsp:rewrap";
  static std::string_view api_key(arena& memory, std::string_view hash) {
    return memory.join("wsp:k:", hash);
  }
  // Begins user() and user_workspaces() of every user.
  std::string_view users_prefix() { return join("u:"); }
  // Ends user_workspaces().
  static std::string_view user_workspaces_suffix() { return ":w"; }

 private:
  template <class... Parts>
  std::string_view join(const Parts&... parts) {
    return memory_.join(prefix_, parts...);
  }
  std::string_view of(int64_t id, std::string_view suffix);

  key_names(arena& memory, unsigned partition);

  arena& memory_;
  unsigned partition_;
  std::string_view shared_;  // begins the keys of the partition
  std::string_view prefix_;
};

}  // namespace wsp

#endif  // WORKSPACES_STORE_KEYS_H
