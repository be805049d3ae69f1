#include "domain/removal.h"

#include "store/keys.h"
#include "store/link.h"
#include "text/text.h"

namespace wsp {

namespace {

// At once, some 6 us of Redis for each.
constexpr int64_t followers_at_once = 500;
constexpr int portions_a_slice = 10;

void unlist(operation& op, commit& change, key_names& names,
            std::string_view members, std::string_view contexts,
            int64_t workspace) {
  std::string_view id_text = decimal(op.memory, workspace);
  std::string_view most = decimal(op.memory, followers_at_once);
  change.write({"UNLIST", members, names.users_prefix(),
                key_names::user_workspaces_suffix(), id_text, most});
  change.write(
      {"UNLIST", contexts, names.users_prefix(), "", id_text, most});
}

}  // namespace

void ask_followers(trip& asking, operation& op, int64_t workspace) {
  key_names& keys = keys_of(op);
  asking.add({"HLEN", keys.members(workspace)});
  asking.add({"SCARD", keys.contexts(workspace)});
}

void remove_followers(operation& op, commit& change, int64_t workspace,
                      int64_t members, int64_t contexts) {
  key_names& keys = keys_of(op);
  std::string_view members_key = keys.members(workspace);
  std::string_view contexts_key = keys.contexts(workspace);
  if (members <= followers_at_once && contexts <= followers_at_once) {
    // None is left over: that they are so few is still true then.
    change.expect_below(followers_at_once + 1, {"HLEN", members_key});
    change.expect_below(followers_at_once + 1, {"SCARD", contexts_key});
    unlist(op, change, keys, members_key, contexts_key, workspace);
    return;
  }
  change.write({"RENAME", members_key, keys.former_members(workspace)});
  // To rename what is not there fails.
  change.expect(contexts == 0 ? "0" : "1", {"EXISTS", contexts_key});
  if (contexts != 0) {
    change.write({"RENAME", contexts_key, keys.former_contexts(workspace)});
  }
  job rest;
  rest.id = new_job_id(op);
  rest.tenant = op.who.tenant;
  rest.payload =
      op.memory.join(work::removal, decimal(op.memory, workspace));
  enqueue(op, change, job_kind::work, rest);
}

flow<result<work_state>> remove_slice(operation& op, const job& what) {
  auto workspace = parse_id(what.payload.substr(work::removal.size()));
  if (!workspace) {
    co_return work_state::not_mine;
  }
  key_names names(op.memory, what.tenant, link_of(op).partitions());
  std::string_view members = names.former_members(*workspace);
  std::string_view contexts = names.former_contexts(*workspace);
  for (int i = 0; i < portions_a_slice; i++) {
    trip asking(op);
    asking.add({"EXISTS", members});
    asking.add({"EXISTS", contexts});
    co_await asking.go();
    if (!asking.ok()) {
      co_return asking.failure();
    }
    if (asking[0].number == 0 && asking[1].number == 0) {
      co_return work_state::over;
    }
    commit change(op);
    unlist(op, change, names, members, contexts, *workspace);
    auto committing = run(op, change);
    auto outcome = co_await committing;
    if (!outcome.ok()) {
      co_return outcome.error;
    }
  }
  co_return work_state::goes_on;
}

}  // namespace wsp
