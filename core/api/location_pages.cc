#include "api/location_pages.h"

#include "api/input.h"
#include "text/text.h"

namespace wsp::location {

namespace {

constexpr int64_t page_max = int64_t{1} << 53;
constexpr int64_t page_size_max = 100;

// The paginator names this many pages on each side of the current one ...
constexpr int64_t side = 3;
// ... or, where that comes near an end, so many from there.
constexpr int64_t window = side + 4;

result<int64_t> read_number(const query_reader& query, bool again,
                            int64_t most, problem wrong) noexcept {
  auto number = parse_id(query.value());
  if (again || !number || *number > most) {
    return wrong;
  }
  return *number;
}

class paginator {
 public:
  paginator(operation& op, json_writer& out, std::string_view path,
            const page& shown, int64_t total)
      : op_(op), out_(out), shown_(shown), total_(total) {
    path_ = op.memory.join(view(op.request->mount), path);
    last_ = total == 0 ? 1 : (total + shown.size - 1) / shown.size;
  }

  void put_links() {
    out_.key("links").open_object().key("first");
    put_url(1);
    out_.key("last");
    put_url(last_);
    out_.key("prev");
    put_url(previous());
    out_.key("next");
    put_url(next());
    out_.close_object();
  }

  void put_meta(int64_t count) {
    out_.key("meta").open_object();
    out_.key("current_page").number(shown_.number).key("from");
    put_place(count, shown_.skip() + 1);
    out_.key("last_page").number(last_).key("links").open_array();
    put_link(previous(), "&laquo; Previous", false);
    put_pages();
    put_link(next(), "Next &raquo;", false);
    out_.close_array();
    out_.key("path").string(path_).key("per_page").number(shown_.size);
    out_.key("to");
    put_place(count, shown_.skip() + count);
    out_.key("total").number(total_).close_object();
  }

 private:
  // 0: there is none.
  int64_t previous() const noexcept { return shown_.number - 1; }
  int64_t next() const noexcept {
    return shown_.number < last_ ? shown_.number + 1 : 0;
  }

  void put_url(int64_t number) {
    if (number == 0) {
      out_.null();
      return;
    }
    arena& memory = op_.memory;
    std::string_view size =
        shown_.sized
            ? memory.join("per_page=", decimal(memory, shown_.size), "&")
            : std::string_view();
    out_.string(memory.join(path_, "?", size, "page=",
                            decimal(memory, number)));
  }

  void put_place(int64_t count, int64_t place) {
    count == 0 ? out_.null() : out_.number(place);
  }

  void put_link(int64_t number, std::string_view label, bool active) {
    out_.open_object().key("url");
    put_url(number);
    out_.key("label").string(label).key("active").boolean(active);
    out_.close_object();
  }

  void put_range(int64_t from, int64_t to) {
    for (int64_t i = from; i <= to; i++) {
      put_link(i, decimal(op_.memory, i), i == shown_.number);
    }
  }

  void put_gap() { put_link(0, "...", false); }

  void put_pages() {
    if (last_ < 2 * side + 8) {
      put_range(1, last_);
    } else if (shown_.number <= window) {
      put_range(1, window + side);
      put_gap();
      put_range(last_ - 1, last_);
    } else if (shown_.number > last_ - window) {
      put_range(1, 2);
      put_gap();
      put_range(last_ - (window + side - 1), last_);
    } else {
      put_range(1, 2);
      put_gap();
      put_range(shown_.number - side, shown_.number + side);
      put_gap();
      put_range(last_ - 1, last_);
    }
  }

  operation& op_;
  json_writer& out_;
  const page& shown_;
  std::string_view path_;
  int64_t total_;
  int64_t last_;
};

}  // namespace

result<page> read_page(operation& op) {
  page asked;
  bool numbered = false;
  query_reader query(op.memory, view(op.request->query));
  while (query.next()) {
    if (query.name() == "page") {
      auto number = read_number(
          query, numbered, page_max,
          {fault::invalid, "page must be a number of 1 or more", "page"});
      if (!number.ok()) {
        return number.error;
      }
      numbered = true;
      asked.number = number.value;
    } else if (query.name() == "per_page") {
      auto size = read_number(
          query, asked.sized, page_size_max,
          {fault::invalid, "per_page must be a number of 1 to 100",
           "per_page"});
      if (!size.ok()) {
        return size.error;
      }
      asked.sized = true;
      asked.size = size.value;
    }
  }
  if (!query.ok()) {
    return problem{fault::bad_request, "the query string is malformed"};
  }
  asked.asked = numbered || asked.sized;
  return asked;
}

void put_page(operation& op, json_writer& out, std::string_view path,
              const page& shown, int64_t count, int64_t total) {
  paginator pages(op, out, path, shown, total);
  pages.put_links();
  pages.put_meta(count);
}

}  // namespace wsp::location
