// SPDX-License-Identifier: Apache-2.0
#include "controller/key_memory.h"

#include <catch2/catch.hpp>

namespace kintsugi::controller {

TEST_CASE("a key that cannot be read for the moment is as it was read last") {
  Result<std::string> answer = "first";
  using Source = trust::TextReference::Source;
  KeyMemory keys([&](const trust::TextReference&) { return answer; });
  std::string trouble;
  const auto get = [&] {
    trouble.clear();
    return keys.get({Source::kConfigMap, "cosign-pub", "cosign.pub"}, trouble);
  };
  const ErrorCode passing = GENERATE(ErrorCode::kUnavailable, ErrorCode::kTimeout, ErrorCode::kInternal,
                                     ErrorCode::kForbidden, ErrorCode::kUnauthorized);
  answer = fail(passing, "not now");
  CHECK_FALSE(get());
  CHECK(trouble.empty());

  answer = "first";
  CHECK(*get() == "first");
  answer = fail(passing, "not now");
  CHECK(*get() == "first");
  CHECK(trouble == "not now");
  CHECK_FALSE(keys.get({Source::kConfigMap, "cosign-pub", "another.pub"}, trouble));
  CHECK_FALSE(keys.get({Source::kSecret, "cosign-pub", "cosign.pub"}, trouble));
  answer = "second";
  CHECK(*get() == "second");
  CHECK(trouble.empty());

  const ErrorCode definite = GENERATE(ErrorCode::kNotFound, ErrorCode::kInvalidInput);
  answer = fail(definite, "there is none");
  CHECK(get().error().code == definite);
  answer = fail(passing, "not now");
  CHECK_FALSE(get());
}

}  // namespace kintsugi::controller
