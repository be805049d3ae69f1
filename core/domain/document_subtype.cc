#include "domain/document_subtype.h"

#include "domain/settings.h"
#include "text/json.h"

namespace wsp {

namespace {

constexpr const char* setting = "preferred_document_subtypes";
constexpr size_t document_name_max = 64;

}  // namespace

bool is_document_name(std::string_view text) noexcept {
  if (text.empty() || text.size() > document_name_max) {
    return false;
  }
  for (char c : text) {
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    if (!good) {
      return false;
    }
  }
  return true;
}

flow<result<std::string_view>> preferred_subtypes(operation& op,
                                                  int64_t workspace) {
  arena& memory = arena_of(op);
  settings_texts stored;
  auto reading = read_settings(op, workspace, stored);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  auto shown = view_settings(memory, stored);
  if (!shown.ok()) {
    co_return shown.error;
  }
  auto all = parse_settings(memory, shown.value.effective);
  if (!all.ok()) {
    co_return all.error;
  }
  const json_t* preferred = json_object_get(all.value.root(), setting);
  if (!json_is_object(preferred)) {
    co_return std::string_view("{}");
  }
  json_writer out(memory);
  json_put(out, preferred);
  co_return out.view();
}

flow<problem> prefer_subtype(operation& op, commit& change,
                             workspace& record, std::string_view type,
                             std::string_view subtype) {
  arena& memory = arena_of(op);
  settings_texts stored;
  auto reading = read_settings(op, record.id, stored);
  problem failed = co_await reading;
  if (!failed.ok()) {
    co_return failed;
  }
  json_writer wanted(memory, 256);
  wanted.open_object().key(setting).open_object();
  wanted.key(type).string(subtype);
  wanted.close_object().close_object();
  auto given = json_parse(memory, wanted.view());
  if (!given.ok()) {
    co_return given.error;
  }
  auto settings = put_settings(memory, stored.own, given.value.root(),
                               settings_level::workspace, "");
  if (!settings.ok()) {
    co_return settings.error;
  }
  workspace_patch patch;
  patch.settings = settings.value;
  auto updating = update_workspace(op, change, record, patch);
  failed = co_await updating;
  co_return failed;
}

}  // namespace wsp
