// SPDX-License-Identifier: Apache-2.0
#include "base/time.h"

#include <fmt/format.h>

#include <cstdint>

namespace kintsugi {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

/// A cursor over the text; every take_* leaves it usable after a failure by setting `bad`.
struct Cursor {
  std::string_view rest;
  bool bad = false;

  int take_digits(std::size_t count) {
    if (rest.size() < count) return give_up();
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const char c = rest[i];
      if (c < '0' || c > '9') return give_up();
      value = value * 10 + (c - '0');
    }
    rest.remove_prefix(count);
    return value;
  }

  char take_one_of(std::string_view allowed) {
    if (rest.empty() || allowed.find(rest.front()) == std::string_view::npos) {
      bad = true;
      return '\0';
    }
    const char c = rest.front();
    rest.remove_prefix(1);
    return c;
  }

  std::int64_t take_fraction_as_nanos() {
    std::int64_t nanos = 0;
    std::int64_t unit = 100'000'000;
    std::size_t digits = 0;
    while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
      nanos += unit * (rest.front() - '0');
      unit /= 10;
      ++digits;
      rest.remove_prefix(1);
    }
    if (digits == 0) bad = true;
    return nanos;
  }

 private:
  int give_up() {
    bad = true;
    return 0;
  }
};

std::chrono::seconds take_offset(Cursor& in) {
  const char sign = in.take_one_of("Zz+-");
  if (in.bad || sign == 'Z' || sign == 'z') return std::chrono::seconds(0);
  const int hours = in.take_digits(2);
  in.take_one_of(":");
  const int minutes = in.take_digits(2);
  if (hours > 23 || minutes > 59) in.bad = true;
  const auto offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return sign == '-' ? -offset : offset;
}

struct BrokenDown {
  int year;
  unsigned month, day;
  std::int64_t hour, minute, second, nanos;
};

BrokenDown break_down(WallTime time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  auto rest = time - day;
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(rest);
  rest -= hours;
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(rest);
  rest -= minutes;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(rest);
  return {int(date.year()), unsigned(date.month()), unsigned(date.day()),    hours.count(),
          minutes.count(),  seconds.count(),        (rest - seconds).count()};
}

}  // namespace

Result<WallTime> parse_rfc3339(std::string_view text) {
  Cursor in{text};
  const int year = in.take_digits(4);
  in.take_one_of("-");
  const int month = in.take_digits(2);
  in.take_one_of("-");
  const int day = in.take_digits(2);
  in.take_one_of("Tt ");
  const int hour = in.take_digits(2);
  in.take_one_of(":");
  const int minute = in.take_digits(2);
  in.take_one_of(":");
  const int second = in.take_digits(2);
  std::int64_t nanos = 0;
  if (!in.bad && !in.rest.empty() && in.rest.front() == '.') {
    in.rest.remove_prefix(1);
    nanos = in.take_fraction_as_nanos();
  }
  const std::chrono::seconds offset = take_offset(in);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(unsigned(month)),
                                         std::chrono::day(unsigned(day))};
  if (in.bad || !in.rest.empty() || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return fail(ErrorCode::kInvalidInput, "not an RFC 3339 time");
  }
  if (year < 1970 || year > 2261) return fail(ErrorCode::kInvalidInput, "year out of range 1970 to 2261");
  return WallTime(sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second == 60 ? 59 : second) - offset + std::chrono::nanoseconds(nanos);
}

std::string format_seconds(WallTime time) {
  const BrokenDown t = break_down(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", t.year, t.month, t.day, t.hour, t.minute,
                     t.second);
}

std::string format_micros(WallTime time) {
  const BrokenDown t = break_down(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", t.year, t.month, t.day, t.hour, t.minute,
                     t.second, t.nanos / 1000);
}

std::string format_duration(std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  if (seconds < 0) return "-" + format_duration(-duration);
  if (seconds < 1) return fmt::format("{:.0f}ms", seconds * 1000);
  if (seconds < 60) return fmt::format("{:.1f}s", seconds);
  const auto whole = std::int64_t(seconds);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  if (whole < std::int64_t{48} * 3600) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  return fmt::format("{}d{:02}h", whole / 86400, whole / 3600 % 24);
}

}  // namespace kintsugi
