#include "domain/search.h"

#include <algorithm>

#include "store/keys.h"
#include "text/json.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr size_t chunk_max = 256;
// Of candidates that are to be matched, so few that others are served between
// two chunks.
constexpr size_t matched_chunk_max = 64;
constexpr size_t views_a_trip = 100;

using ids = list<int64_t>;

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

// The keys of the sorted sets that the candidates are drawn from.
list<std::string_view> index_keys(operation& op,
                                  const workspace_query& query) {
  key_names& keys = keys_of(op);
  list<std::string_view> made{
      arena_allocator<std::string_view>(arena_of(op))};
  if (query.users != nullptr) {
    for (std::string_view user : *query.users) {
      made.push_back(keys.user_workspaces(user));
    }
  } else if (query.labels != nullptr) {
    for (std::string_view label : *query.labels) {
      made.push_back(keys.label(label));
    }
  } else {
    made.push_back(keys.workspaces());
  }
  return made;
}

// The next candidates after `cursor`, ascending; fewer than `count`: the last.
flow<problem> draw(operation& op, const workspace_query& query,
                   int64_t cursor, size_t count, ids& into) {
  arena& memory = arena_of(op);
  into.clear();
  if (query.ids != nullptr) {
    auto from =
        std::upper_bound(query.ids->begin(), query.ids->end(), cursor);
    while (from != query.ids->end() && into.size() < count) {
      into.push_back(*from++);
    }
    co_return problem{};
  }
  list<std::string_view> keys = index_keys(op, query);
  std::string_view least = memory.join("(", decimal(memory, cursor));
  std::string_view most = decimal(memory, static_cast<int64_t>(count));
  trip asking(op);
  for (std::string_view key : keys) {
    asking.add({"ZRANGEBYSCORE", key, least, "+inf", "LIMIT", "0", most});
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  for (size_t i = 0; i < asking.size(); i++) {
    for (const reply& each : asking[i].items()) {
      auto id = parse_id(each.str());
      if (id) {
        into.push_back(*id);
      }
    }
  }
  // Each index gave its `count` smallest, so the `count` smallest of all are
  // complete.
  std::sort(into.begin(), into.end());
  into.erase(std::unique(into.begin(), into.end()), into.end());
  if (into.size() > count) {
    into.resize(count);
  }
  co_return problem{};
}

void ask_scores(operation& op, trip& asking,
                const list<std::string_view>& keys, const ids& candidates) {
  arena& memory = arena_of(op);
  list<std::string_view> command{arena_allocator<std::string_view>(memory)};
  command.push_back("ZMSCORE");
  command.push_back({});
  for (int64_t id : candidates) {
    command.push_back(decimal(memory, id));
  }
  for (std::string_view key : keys) {
    command[1] = key;
    asking.add(command);
  }
}

// Drops the candidates that are in none of the sorted sets.
flow<problem> keep_listed(operation& op, const list<std::string_view>& keys,
                          ids& candidates) {
  trip asking(op);
  ask_scores(op, asking, keys, candidates);
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  size_t kept = 0;
  for (size_t i = 0; i < candidates.size(); i++) {
    bool listed = false;
    for (size_t k = 0; k < asking.size(); k++) {
      listed = listed || !asking[k][i].is_nil();
    }
    if (listed) {
      candidates[kept++] = candidates[i];
    }
  }
  candidates.resize(kept);
  co_return problem{};
}

// Applies the indexed filters that the candidates were not drawn by.
flow<problem> narrow(operation& op, const workspace_query& query,
                     ids& candidates) {
  if (query.ids != nullptr && query.users != nullptr &&
      !candidates.empty()) {
    workspace_query users;
    users.users = query.users;
    list<std::string_view> keys = index_keys(op, users);
    auto keeping = keep_listed(op, keys, candidates);
    problem failed = co_await keeping;
    if (!failed.ok()) {
      co_return failed;
    }
  }
  if ((query.ids != nullptr || query.users != nullptr) &&
      query.labels != nullptr && !candidates.empty()) {
    workspace_query labels;
    labels.labels = query.labels;
    list<std::string_view> keys = index_keys(op, labels);
    auto keeping = keep_listed(op, keys, candidates);
    problem failed = co_await keeping;
    if (!failed.ok()) {
      co_return failed;
    }
  }
  co_return problem{};
}

bool invite_matches(const invitation& each, const re2::RE2& text) {
  return re2::RE2::PartialMatch(piece(each.email), text) ||
         re2::RE2::PartialMatch(piece(each.name), text);
}

bool matches(const workspace_query& query, const workspace_view& each) {
  if (!each.record.exists()) {
    return false;
  }
  if (query.name != nullptr &&
      !re2::RE2::PartialMatch(piece(each.record.name), *query.name)) {
    return false;
  }
  if (query.text == nullptr ||
      re2::RE2::PartialMatch(piece(each.record.name), *query.text)) {
    return true;
  }
  return std::any_of(each.invites.begin(), each.invites.end(),
                     [&](const invitation& one) {
                       return invite_matches(one, *query.text);
                     });
}

// What matching this one may cost, at the worst.
size_t steps_of(const workspace_query& query, const workspace_view& each) {
  size_t steps = 1;
  if (query.name != nullptr) {
    steps += each.record.name.size() *
             static_cast<size_t>(query.name->ProgramSize());
  }
  if (query.text != nullptr) {
    size_t size = each.record.name.size();
    for (const invitation& one : each.invites) {
      size += one.stored.size();
    }
    steps += size * static_cast<size_t>(query.text->ProgramSize());
  }
  return steps;
}

// Reads the candidates' records and keeps those that match, one more than
// the limit at most, while there are steps left.  `last` is the last one
// looked at.
flow<problem> examine(operation& op, const workspace_query& query,
                      const ids& candidates, list<workspace_view>& found,
                      size_t& steps, int64_t& last) {
  trip asking(op);
  size_t step = query.text != nullptr ? 2 : 1;
  for (int64_t id : candidates) {
    read_workspace(asking, op, id);
    if (query.text != nullptr) {
      asking.add({"HGETALL", keys_of(op).invites(id)});
    }
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  for (size_t i = 0; i < candidates.size(); i++) {
    if (found.size() > query.limit || steps == 0) {
      break;
    }
    workspace_view each(arena_of(op));
    each.record = parse_workspace(candidates[i], asking[i * step]);
    if (query.text != nullptr) {
      each.invites = parse_invitations(arena_of(op), asking[i * step + 1]);
    }
    last = candidates[i];
    steps -= std::min(steps, steps_of(query, each));
    if (matches(query, each)) {
      found.push_back(each);
    }
  }
  co_return problem{};
}

flow<problem> read_views(operation& op, const workspace_query& query,
                         list<workspace_view>& found) {
  for (size_t from = 0; from < found.size(); from += views_a_trip) {
    size_t until = std::min(found.size(), from + views_a_trip);
    trip asking(op);
    for (size_t i = from; i < until; i++) {
      int64_t id = found[i].record.id;
      if (query.with_members) {
        asking.add({"HGETALL", keys_of(op).members(id)});
      }
      if (query.with_invites) {
        asking.add({"HGETALL", keys_of(op).invites(id)});
      }
    }
    co_await asking.go();
    if (!asking.ok()) {
      co_return asking.failure();
    }
    size_t at = 0;
    for (size_t i = from; i < until; i++) {
      if (query.with_members) {
        found[i].members = parse_members(arena_of(op), asking[at++]);
      }
      if (query.with_invites) {
        found[i].invites = parse_invitations(arena_of(op), asking[at++]);
      }
    }
  }
  co_return problem{};
}

}  // namespace

flow<problem> search(operation& op, const workspace_query& query,
                     search_page& into) {
  ids candidates{arena_allocator<int64_t>(arena_of(op))};
  bool scans = query.name != nullptr || query.text != nullptr;
  int64_t cursor = query.after;
  size_t examined = 0;
  size_t steps = search_steps;
  bool more = true;
  while (more && into.found.size() <= query.limit) {
    if (examined >= search_bound || steps == 0) {
      into.next = cursor;
      break;
    }
    size_t want = scans ? matched_chunk_max
                        : std::min(chunk_max,
                                   query.limit + 1 - into.found.size());
    auto drawing = draw(op, query, cursor, want, candidates);
    problem failed = co_await drawing;
    if (!failed.ok()) {
      co_return failed;
    }
    more = candidates.size() == want;
    examined += candidates.size();
    int64_t last = candidates.empty() ? cursor : candidates.back();
    auto narrowing = narrow(op, query, candidates);
    failed = co_await narrowing;
    if (!failed.ok()) {
      co_return failed;
    }
    int64_t looked_at = last;
    auto examining =
        examine(op, query, candidates, into.found, steps, looked_at);
    failed = co_await examining;
    if (!failed.ok()) {
      co_return failed;
    }
    more = more || looked_at != last;
    cursor = steps == 0 ? looked_at : last;
  }
  if (into.found.size() > query.limit) {
    while (into.found.size() > query.limit) {
      into.found.pop_back();
    }
    into.next = into.found.back().record.id;
  }
  if (query.with_members || query.with_invites) {
    auto reading = read_views(op, query, into.found);
    problem failed = co_await reading;
    if (!failed.ok()) {
      co_return failed;
    }
  }
  co_return problem{};
}

}  // namespace wsp
