// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/retry_pause.h"

#include <catch2/catch.hpp>

namespace kintsugi::targets {

using namespace std::chrono_literals;

TEST_CASE("a host that fails is tried ever more slowly, and five seconds apart at most") {
  RetryPause pause;
  for (const auto expected : {200ms, 400ms, 800ms, 1600ms, 3200ms, 5000ms, 5000ms})
    CHECK(pause.after_failure() == expected);
  CHECK(pause.after_success(1min) == 200ms);
  CHECK(pause.after_failure() == 400ms);
}

TEST_CASE("a connection that does not last is a failure") {
  RetryPause pause;
  for (const auto expected : {200ms, 400ms, 800ms, 1600ms, 3200ms, 5000ms, 5000ms})
    CHECK(pause.after_success(14s) == expected);
  CHECK(pause.after_success(15s) == 200ms);
}

}  // namespace kintsugi::targets
