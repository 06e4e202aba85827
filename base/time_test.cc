// SPDX-License-Identifier: Apache-2.0
#include "base/time.h"

#include <catch2/catch.hpp>

#include <thread>

using namespace kintsugi;
using namespace std::chrono_literals;

TEST_CASE("RFC 3339 times are read to the nanosecond") {
  CHECK(parse_rfc3339("1970-01-01T00:00:00Z")->time_since_epoch() == 0ns);
  CHECK(parse_rfc3339("2026-11-21T09:58:00.123456789Z")->time_since_epoch() == 1795255080123456789ns);
  CHECK(parse_rfc3339("2026-11-21T10:58:00+01:00") == parse_rfc3339("2026-11-21T09:58:00Z"));
  CHECK(parse_rfc3339("2026-11-21t04:28:00-05:30") == parse_rfc3339("2026-11-21T09:58:00z"));
  CHECK(parse_rfc3339("2024-02-29T00:00:00.5Z"));
  CHECK(parse_rfc3339("2016-12-31T23:59:60Z") == parse_rfc3339("2016-12-31T23:59:59Z"));
  CHECK(parse_rfc3339("2026-01-01T00:00:00.1234567899Z")->time_since_epoch() % 1s == 123456789ns);
}

TEST_CASE("what is not an RFC 3339 time is refused") {
  const std::string bad =
      GENERATE("", "2026", "2026-11-21", "2026-11-21T09:58:00", "2026-11-21T09:58Z", "2026-13-01T00:00:00Z",
               "2025-02-29T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T09:60:00Z", "2026-11-21T09:58:61Z",
               "2026-11-21T09:58:00.Z", "2026-11-21T09:58:00Z ", "2026-11-21T09:58:00+0100",
               "2026-11-21T09:58:00+24:00", "1969-12-31T23:59:59Z", "2262-01-01T00:00:00Z",
               "９026-11-21T09:58:00Z", "-026-11-21T09:58:00Z");
  INFO(bad);
  CHECK_FALSE(parse_rfc3339(bad));
}

TEST_CASE("times are written in Kubernetes' two forms") {
  const WallTime time = parse_rfc3339("2026-11-21T09:58:07.000123999Z").value();
  CHECK(format_seconds(time) == "2026-11-21T09:58:07Z");
  CHECK(format_micros(time) == "2026-11-21T09:58:07.000123Z");
}

TEST_CASE("durations are written for people") {
  CHECK(format_duration(850ms) == "850ms");
  CHECK(format_duration(12400ms) == "12.4s");
  CHECK(format_duration(185s) == "3m05s");
  CHECK(format_duration(7800s) == "2h10m");
  CHECK(format_duration(72h) == "3d00h");
  CHECK(format_duration(-3s) == "-3.0s");
}

TEST_CASE("a manual clock wakes those who wait for its time") {
  ManualClock clock;
  std::mutex mutex;
  std::condition_variable wake;
  const MonotonicTime deadline = clock.monotonic() + 1h;
  std::thread mover([&] { clock.advance(1h); });
  std::unique_lock lock(mutex);
  while (clock.monotonic() < deadline) clock.wait_until(lock, wake, deadline);
  mover.join();
  CHECK(clock.monotonic() == deadline);
  const WallTime before = clock.now();
  clock.jump_wall(-1h);
  CHECK(clock.now() == before - 1h);
  CHECK(clock.monotonic() == deadline);
}
