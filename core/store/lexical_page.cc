#include "store/lexical_page.h"

#include <algorithm>

#include "store/link.h"
#include "store/trip.h"
#include "text/text.h"

namespace wsp {

flow<problem> read_lexical_page(operation& op,
                                std::string_view (key_names::*set)(),
                                std::string_view after, size_t limit,
                                list<std::string_view>& into) {
  arena& memory = arena_of(op);
  auto learning = learn_partitions(op);
  problem failed = co_await learning;
  if (!failed.ok()) {
    co_return failed;
  }
  unsigned partitions = link_of(op).partitions();
  std::string_view from = after.empty() ? "-" : memory.join("(", after);
  std::string_view most = decimal(memory, static_cast<int64_t>(limit));
  trip asking(op);
  for (unsigned p = 0; p < partitions; p++) {
    key_names names = key_names::of_partition(memory, p);
    asking.add({"ZRANGEBYLEX", (names.*set)(), from, "+", "LIMIT", "0", most});
  }
  co_await asking.go();
  if (!asking.ok()) {
    co_return asking.failure();
  }
  for (unsigned p = 0; p < partitions; p++) {
    const reply& found = asking[p];
    for (size_t i = 0; i < found.count; i++) {
      into.push_back(found[i].str());
    }
  }
  std::sort(into.begin(), into.end());
  if (into.size() > limit) {
    into.resize(limit);
  }
  co_return problem{};
}

}  // namespace wsp
