// SPDX-License-Identifier: Apache-2.0
#include "base/user_name.h"

#include <catch2/catch.hpp>

using namespace kintsugi;

TEST_CASE("a user has the name that the machine knows, or the number") {
  CHECK(user_name(0) == "root");
  CHECK(user_name(3'999'999'999) == "uid 3999999999");
}
