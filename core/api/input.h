// Reading what a request gives: JSON fields and query parameters, with the
// limits of the domain.  What is returned lives in the operation's arena.
#ifndef WORKSPACES_API_INPUT_H
#define WORKSPACES_API_INPUT_H

#include <optional>
#include <string_view>

#include "domain/custom_role.h"
#include "domain/role.h"
#include "domain/workspace.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "text/json.h"

namespace wsp {

// The body as a JSON object.
result<json_document> read_object(operation& op);

// 1..255 characters, without control characters.
bool is_name(std::string_view text) noexcept;

// Field by field; `invalid` names the field.  json_null or absent gives
// nothing where the result is optional.
result<std::optional<std::string_view>> read_name(operation& op,
                                                  const json_t* from);
// "" and null: an empty text, which clears it.
result<std::optional<std::string_view>> read_logo(operation& op,
                                                  const json_t* from);
result<const list<std::string_view>*> read_labels(operation& op,
                                                  const json_t* from);
// Distinct role names; `field` is where they are.
result<role_set> read_roles(operation& op, const json_t* array,
                            std::string_view field);
// The fields of a custom role: "name", "display_name", and "permissions" as a
// distinct comma list.
result<std::string_view> read_role_name(operation& op, const json_t* from);
result<role_patch> read_role_patch(operation& op, const json_t* from);
result<std::string_view> read_user_id(operation& op, const json_t* from,
                                      const char* field);
// The whole list of who is to have an invitation.
result<const list<guest>*> read_guests(operation& op, const json_t* from);

// One parameter after the other of a query string, decoded: "+" is a blank,
// and bytes that should have been encoded stand for themselves.
class query_reader {
 public:
  query_reader(arena& memory, std::string_view query)
      : memory_(memory), rest_(query) {}
  // False at the end, or when it is malformed: see ok().
  bool next();
  std::string_view name() const noexcept { return name_; }
  std::string_view value() const noexcept { return value_; }
  bool ok() const noexcept { return ok_; }

 private:
  arena& memory_;
  std::string_view rest_;
  std::string_view name_;
  std::string_view value_;
  bool ok_ = true;
};

// Appends the parts of a comma list that are not empty.
void split_commas(std::string_view text, list<std::string_view>& into);

}  // namespace wsp

#endif  // WORKSPACES_API_INPUT_H
