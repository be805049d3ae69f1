#include "api/platform_search.h"

#include <re2/re2.h>

#include <algorithm>
#include <memory>

#include "api/input.h"
#include "domain/search.h"
#include "text/text.h"

namespace wsp {

namespace {

constexpr size_t default_limit = 100;
constexpr size_t limit_max = 1000;
constexpr size_t values_max = 100;     // users or labels of one filter
constexpr size_t ids_max = 10000;
constexpr size_t pattern_size_max = 256;

// The fields that `select` may name, and no other.
enum field : unsigned {
  field_name = 1,
  field_logo = 2,
  field_tenant = 4,
  field_labels = 8,
  field_members = 16,
  field_invites = 32,
  field_owner = 64,
  field_created = 128,
  field_updated = 256,
  field_default = field_name | field_logo | field_tenant | field_labels
};

constexpr struct {
  std::string_view name;
  unsigned field;
} selectable[] = {
    {"_id", 0},
    {"name", field_name},
    {"logo", field_logo},
    {"tenant", field_tenant},
    {"labels", field_labels},
    {"members", field_members},
    {"invites", field_invites},
    {"owner", field_owner},
    {"created", field_created},
    {"updated", field_updated},
};

problem wrong(std::string_view field, std::string_view message) noexcept {
  return {fault::invalid, message, field};
}

using texts = list<std::string_view>;

// The parameters as they came, each list with all its values.
struct parameters {
  explicit parameters(arena& memory)
      : ids(arena_allocator<std::string_view>(memory)),
        users(arena_allocator<std::string_view>(memory)),
        labels(arena_allocator<std::string_view>(memory)),
        select(arena_allocator<std::string_view>(memory)) {}
  texts ids;
  texts users;
  texts labels;
  texts select;
  bool has_ids = false;
  bool has_users = false;
  bool has_labels = false;
  bool has_select = false;
  std::optional<std::string_view> name;
  std::optional<std::string_view> text;
  std::optional<std::string_view> limit;
  std::optional<std::string_view> after;
};

problem take_once(std::optional<std::string_view>& into,
                  const query_reader& query) noexcept {
  if (into) {
    return wrong(query.name(), "given twice");
  }
  into = query.value();
  return {};
}

void take_list(texts& into, bool& has, const query_reader& query) {
  has = true;
  split_commas(query.value(), into);
}

problem read_parameters(operation& op, parameters& into) {
  query_reader query(op.memory, view(op.request->query));
  problem failed;
  while (failed.ok() && query.next()) {
    if (query.name() == "_id") {
      take_list(into.ids, into.has_ids, query);
    } else if (query.name() == "members.user") {
      take_list(into.users, into.has_users, query);
    } else if (query.name() == "labels") {
      take_list(into.labels, into.has_labels, query);
    } else if (query.name() == "select") {
      take_list(into.select, into.has_select, query);
    } else if (query.name() == "name") {
      failed = take_once(into.name, query);
    } else if (query.name() == "q") {
      failed = take_once(into.text, query);
    } else if (query.name() == "limit") {
      failed = take_once(into.limit, query);
    } else if (query.name() == "after") {
      failed = take_once(into.after, query);
    }
  }
  if (!query.ok()) {
    return {fault::bad_request, "the query string is malformed"};
  }
  if (failed.ok() && into.users.size() > values_max) {
    return wrong("members.user", "at most 100 users can be asked for");
  }
  if (failed.ok() && into.labels.size() > values_max) {
    return wrong("labels", "at most 100 labels can be asked for");
  }
  if (failed.ok() && into.ids.size() > ids_max) {
    return wrong("_id", "at most 10000 ids can be asked for");
  }
  return failed;
}

result<unsigned> read_select(const parameters& given) noexcept {
  if (!given.has_select) {
    return unsigned{field_default};
  }
  unsigned fields = 0;
  for (std::string_view name : given.select) {
    auto known = std::find_if(std::begin(selectable), std::end(selectable),
                              [&](auto& each) { return each.name == name; });
    if (known == std::end(selectable)) {
      return wrong("select",
                   "select takes _id, name, logo, tenant, labels, members, "
                   "invites, owner, created and updated");
    }
    fields |= known->field;
  }
  return fields;
}

problem read_page(const parameters& given, workspace_query& into) noexcept {
  into.limit = default_limit;
  if (given.limit) {
    auto limit = parse_integer(*given.limit);
    if (!limit || *limit < 1 || *limit > static_cast<int64_t>(limit_max)) {
      return wrong("limit", "limit must be a number of 1 to 1000");
    }
    into.limit = static_cast<size_t>(*limit);
  }
  if (given.after) {
    auto after = parse_integer(*given.after);
    if (!after || *after < 0 || *after > (int64_t{1} << 53)) {
      return wrong("after", "after must be the _id of a workspace");
    }
    into.after = *after;
  }
  return {};
}

using pattern = std::unique_ptr<re2::RE2>;

pattern compile(std::string_view text) {
  re2::RE2::Options options;
  options.set_case_sensitive(false);
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  return pattern(
      new re2::RE2(re2::StringPiece(text.data(), text.size()), options));
}

result<pattern> read_name_pattern(const parameters& given) {
  if (!given.name || given.name->empty()) {
    return pattern();
  }
  if (given.name->size() > pattern_size_max) {
    return wrong("name", "name must be a pattern of at most 256 bytes");
  }
  pattern made = compile(*given.name);
  if (!made->ok()) {
    return wrong("name", "name is not a valid regular expression");
  }
  if (made->ProgramSize() > pattern_program_max) {
    return wrong("name", "name is too complex a regular expression");
  }
  return made;
}

result<pattern> read_text_pattern(const parameters& given) {
  if (!given.text || given.text->empty()) {
    return pattern();
  }
  if (given.text->size() > pattern_size_max) {
    return wrong("q", "q must be a text of at most 256 bytes");
  }
  std::string quoted = re2::RE2::QuoteMeta(
      re2::StringPiece(given.text->data(), given.text->size()));
  return compile(quoted);
}

// What is no id cannot be anybody's: it finds nothing.
void read_ids(const parameters& given, list<int64_t>& into) {
  for (std::string_view text : given.ids) {
    auto id = parse_id(text);
    if (id) {
      into.push_back(*id);
    }
  }
  std::sort(into.begin(), into.end());
  into.erase(std::unique(into.begin(), into.end()), into.end());
}

// The target of the next page: the parameters again, properly encoded.
std::string_view next_page(operation& op, int64_t after) {
  arena& memory = op.memory;
  buffer out(memory);
  out.put(view(op.request->mount));
  out.put("/all?");
  query_reader query(memory, view(op.request->query));
  while (query.next()) {
    if (query.name() != "after") {
      out.put(percent_encode(memory, query.name()));
      out.put('=');
      out.put(percent_encode(memory, query.value()));
      out.put('&');
    }
  }
  out.put("after=");
  out.number(after);
  return out.view();
}

void put_found(operation& op, json_writer& out, const workspace_view& each,
               unsigned fields) {
  const workspace& record = each.record;
  out.open_object().key("_id").string(decimal(op.memory, record.id));
  if (fields & field_name) {
    out.key("name").string(record.name);
  }
  if (fields & field_logo) {
    out.key("logo").string_or_null(record.logo);
  }
  if (fields & field_tenant) {
    out.key("tenant").string(op.who.tenant);
  }
  if (fields & field_labels) {
    out.key("labels").raw(record.labels);
  }
  if (fields & field_owner) {
    out.key("owner").string(record.owner);
  }
  if (fields & field_created) {
    out.key("created").string(rfc3339(op.memory, record.created));
  }
  if (fields & field_updated) {
    out.key("updated").string(rfc3339(op.memory, record.updated));
  }
  if (fields & field_members) {
    out.key("members");
    platform_put_members(op, out, each.members);
  }
  if (fields & field_invites) {
    out.key("invites");
    platform_put_invites(op, out, each.invites);
  }
  out.close_object();
}

}  // namespace

flow<result<answer>> search_workspaces(operation& op, call&) {
  parameters given(op.memory);
  problem failed = read_parameters(op, given);
  if (!failed.ok()) {
    co_return failed;
  }
  auto fields = read_select(given);
  if (!fields.ok()) {
    co_return fields.error;
  }
  auto name = read_name_pattern(given);
  if (!name.ok()) {
    co_return name.error;
  }
  auto text = read_text_pattern(given);
  if (!text.ok()) {
    co_return text.error;
  }
  workspace_query query;
  failed = read_page(given, query);
  if (!failed.ok()) {
    co_return failed;
  }
  list<int64_t> ids{arena_allocator<int64_t>(op.memory)};
  read_ids(given, ids);
  query.ids = given.has_ids ? &ids : nullptr;
  query.users = given.has_users ? &given.users : nullptr;
  query.labels = given.has_labels ? &given.labels : nullptr;
  query.name = name.value.get();
  query.text = text.value.get();
  query.with_members = (fields.value & field_members) != 0;
  query.with_invites = (fields.value & field_invites) != 0;

  search_page page(op.memory);
  auto searching = search(op, query, page);
  failed = co_await searching;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer out(op.memory, 4096);
  out.open_array();
  for (const workspace_view& each : page.found) {
    put_found(op, out, each, fields.value);
  }
  out.close_array();
  answer made;
  made.body = out.view();
  if (page.next != 0) {
    made.next = next_page(op, page.next);
  }
  co_return made;
}

}  // namespace wsp
