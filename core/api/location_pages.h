// Pages as Laravel's paginator tells them.
#ifndef WORKSPACES_API_LOCATION_PAGES_H
#define WORKSPACES_API_LOCATION_PAGES_H

#include <cstdint>

#include "engine/operation.h"
#include "engine/result.h"
#include "text/json.h"

namespace wsp::location {

struct page {
  bool asked = false;  // page or per_page is in the query
  bool sized = false;  // per_page is
  int64_t number = 1;
  int64_t size = 15;

  int64_t skip() const noexcept { return (number - 1) * size; }
};

result<page> read_page(operation& op);

// "links" and "meta" of a page that shows so many of all.  `path` is below
// the mount.
void put_page(operation& op, json_writer& out, std::string_view path,
              const page& shown, int64_t count, int64_t total);

}  // namespace wsp::location

#endif  // WORKSPACES_API_LOCATION_PAGES_H
