// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/resource_version.h"

#include <catch2/catch.hpp>

using namespace kintsugi;
using namespace kintsugi::k8s;

TEST_CASE("resource versions are ordered as numbers of any length (K6.4)") {
  CHECK(compare_resource_versions("1", "1").value() == std::strong_ordering::equal);
  CHECK(compare_resource_versions("9", "10").value() == std::strong_ordering::less);
  CHECK(compare_resource_versions("10", "9").value() == std::strong_ordering::greater);
  CHECK(compare_resource_versions("123", "124").value() == std::strong_ordering::less);
  CHECK(compare_resource_versions("99999999999999999999999999", "100000000000000000000000000").value() ==
        std::strong_ordering::less);
}

TEST_CASE("what is no version is not ordered") {
  const std::string bad =
      GENERATE("", "0", "01", "-1", "+1", " 1", "1 ", "1.0", "1e3", "a", "0x1", "\xD9\xA1");
  INFO(bad);
  CHECK_FALSE(is_comparable_resource_version(bad));
  CHECK(compare_resource_versions(bad, "1").error().code == ErrorCode::kInvalidInput);
  CHECK(compare_resource_versions("1", bad).error().code == ErrorCode::kInvalidInput);
}
