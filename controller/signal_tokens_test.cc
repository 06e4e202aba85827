// SPDX-License-Identifier: Apache-2.0
#include "controller/signal_tokens.h"

#include <catch2/catch.hpp>

using kintsugi::controller::SignalTokens;

TEST_CASE("tokens belong to a source, several may be in force") {
  auto parsed = SignalTokens::parse(
      "# rotation\nfalco 0123456789abcdef\r\n\n  falco\tfedcba9876543210  \nother aaaaaaaaaaaaaaaa\n");
  REQUIRE(parsed);
  CHECK(parsed->size() == 3);
  SignalTokens tokens;
  CHECK_FALSE(tokens.admits("falco", "Bearer 0123456789abcdef"));
  tokens.replace(std::move(*parsed));
  CHECK(tokens.admits("falco", "Bearer 0123456789abcdef"));
  CHECK(tokens.admits("falco", "Bearer fedcba9876543210"));
  CHECK(tokens.admits("other", "Bearer aaaaaaaaaaaaaaaa"));
  const std::string bad =
      GENERATE("", "Bearer", "Bearer ", "bearer 0123456789abcdef", "0123456789abcdef",
               "Bearer 0123456789abcde", "Bearer 0123456789abcdeg", "Bearer 0123456789abcdef ",
               "Basic 0123456789abcdef", "Bearer aaaaaaaaaaaaaaaa");
  INFO(bad);
  CHECK_FALSE(tokens.admits("falco", bad));
}

TEST_CASE("a file that cannot be right is refused, without showing a token") {
  const std::string bad =
      GENERATE("", "# nothing\n", "falco\n", "falco short\n", "falco 0123456789abcdef extra-secret\n");
  const auto parsed = SignalTokens::parse(bad);
  REQUIRE_FALSE(parsed);
  CHECK_THAT(parsed.error().to_string(), !Catch::Contains("secret") && !Catch::Contains("0123"));
}
