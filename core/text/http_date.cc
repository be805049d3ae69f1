#include "text/http_date.h"

#include <chrono>

#include "text/text.h"

namespace wsp {

namespace {

constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr",
                                       "May", "Jun", "Jul", "Aug",
                                       "Sep", "Oct", "Nov", "Dec"};

// Takes a text from its front; false from then on where something was not as
// it was to be.
class reader {
 public:
  explicit reader(std::string_view text) noexcept : rest_(text) {}

  void skip(std::string_view text) noexcept {
    good_ = good_ && rest_.substr(0, text.size()) == text;
    take(text.size());
  }
  // The name of a day, whichever it is: that is known from the date.
  void skip_letters() noexcept {
    size_t size = 0;
    while (size < rest_.size() && ((rest_[size] >= 'A' && rest_[size] <= 'Z') ||
                                   (rest_[size] >= 'a' && rest_[size] <= 'z'))) {
      size++;
    }
    good_ = good_ && size >= 3;
    take(size);
  }
  int number(size_t digits) noexcept {
    int value = 0;
    for (char c : take(digits)) {
      good_ = good_ && c >= '0' && c <= '9';
      value = 10 * value + (c - '0');
    }
    return value;
  }
  unsigned month() noexcept {
    std::string_view name = take(3);
    for (unsigned i = 0; i < 12; i++) {
      if (months[i] == name) {
        return i + 1;
      }
    }
    good_ = false;
    return 1;
  }
  char next() const noexcept { return rest_.empty() ? '\0' : rest_.front(); }
  bool ended_well() const noexcept { return good_ && rest_.empty(); }

 private:
  std::string_view take(size_t size) noexcept {
    good_ = good_ && size <= rest_.size();
    std::string_view taken = rest_.substr(0, good_ ? size : 0);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
  bool good_ = true;
};

struct moment {
  int year = 1970;
  unsigned month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

void read_time(reader& from, moment& into) noexcept {
  into.hour = from.number(2);
  from.skip(":");
  into.minute = from.number(2);
  from.skip(":");
  into.second = from.number(2);
}

int year_of(int64_t unix_ms) noexcept {
  using namespace std::chrono;
  sys_time<milliseconds> at{milliseconds(unix_ms)};
  return static_cast<int>(year_month_day{floor<days>(at)}.year());
}

// "Sun, 06 Nov 1994 08:49:37 GMT"
bool read_fixed(reader from, moment& into) noexcept {
  from.skip_letters();
  from.skip(", ");
  into.day = from.number(2);
  from.skip(" ");
  into.month = from.month();
  from.skip(" ");
  into.year = from.number(4);
  from.skip(" ");
  read_time(from, into);
  from.skip(" GMT");
  return from.ended_well();
}

// "Sunday, 06-Nov-94 08:49:37 GMT"
bool read_old(reader from, moment& into, int64_t now_ms) noexcept {
  from.skip_letters();
  from.skip(", ");
  into.day = from.number(2);
  from.skip("-");
  into.month = from.month();
  from.skip("-");
  int latest = year_of(now_ms) + 50;
  int year = from.number(2);
  into.year = latest - (latest - year) % 100;
  from.skip(" ");
  read_time(from, into);
  from.skip(" GMT");
  return from.ended_well();
}

// "Sun Nov  6 08:49:37 1994"
bool read_asctime(reader from, moment& into) noexcept {
  from.skip_letters();
  from.skip(" ");
  into.month = from.month();
  from.skip(" ");
  bool one_digit = from.next() == ' ';
  if (one_digit) {
    from.skip(" ");
  }
  into.day = from.number(one_digit ? 1 : 2);
  from.skip(" ");
  read_time(from, into);
  from.skip(" ");
  into.year = from.number(4);
  return from.ended_well();
}

}  // namespace

std::optional<int64_t> parse_http_date(std::string_view text,
                                       int64_t now_ms) noexcept {
  using namespace std::chrono;
  moment read;
  if (!read_fixed(reader(text), read) && !read_old(reader(text), read, now_ms) &&
      !read_asctime(reader(text), read)) {
    return std::nullopt;
  }
  year_month_day date{year(read.year), month(read.month),
                      day(static_cast<unsigned>(read.day))};
  // 60: a leap second.
  if (!date.ok() || read.hour > 23 || read.minute > 59 || read.second > 60) {
    return std::nullopt;
  }
  auto at = sys_days(date) + hours(read.hour) + minutes(read.minute) +
            seconds(read.second);
  return duration_cast<milliseconds>(at.time_since_epoch()).count();
}

}  // namespace wsp
