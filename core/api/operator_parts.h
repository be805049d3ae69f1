// What the routes of the operator surface have in common.
#ifndef WORKSPACES_API_OPERATOR_PARTS_H
#define WORKSPACES_API_OPERATOR_PARTS_H

#include <cstdint>
#include <string_view>

#include "api/dialect.h"
#include "domain/partner.h"
#include "engine/operation.h"
#include "engine/result.h"
#include "text/json.h"

namespace wsp {

// From here on the operation is one of that tenant.
flow<problem> enter_tenant(operation& op, std::string_view tenant);

// The partner of the path, at the revision of If-Match if there is one.
flow<result<partner>> enter_partner(operation& op, call& request);

// The query of a list; `only` is what stood for the parameter of the list's
// own, if it has one.
struct page_asked {
  std::string_view after;
  size_t limit = 50;
  std::string_view only;
};
result<page_asked> read_page(operation& op, std::string_view own = {});

// null where there is nothing.
void put_time(operation& op, json_writer& out, std::string_view name,
              int64_t at);

answer answer_of(const json_writer& out, unsigned status = 200);

}  // namespace wsp

#endif  // WORKSPACES_API_OPERATOR_PARTS_H
