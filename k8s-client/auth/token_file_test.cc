// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/auth/token_file.h"

#include <catch2/catch.hpp>

#include <filesystem>

#include "base/testing/scratch_directory.h"

using namespace kintsugi;
using namespace kintsugi::k8s;
using namespace std::chrono_literals;

TEST_CASE("a token is read again after 50 seconds, and kept where that fails") {
  const ScratchDirectory directory;
  ManualClock clock;
  const std::string path = directory.write("token", "  one\n");
  TokenFile file(path, clock);
  CHECK(file.token()->reveal() == "one");
  directory.write("token", "two");
  clock.advance(49s);
  CHECK(file.token()->reveal() == "one");
  clock.advance(1s);
  CHECK(file.token()->reveal() == "two");

  std::filesystem::remove(path);
  clock.advance(60s);
  CHECK(file.token()->reveal() == "two");
  directory.write("token", "\n \n");
  CHECK(file.token()->reveal() == "two");
  directory.write("token", "three");
  CHECK(file.token()->reveal() == "three");
}

TEST_CASE("a 401 drops the token it was for, and no younger one") {
  const ScratchDirectory directory;
  ManualClock clock;
  TokenFile file(directory.write("token", "one"), clock);
  CHECK(file.token()->reveal() == "one");
  clock.advance(1s);
  const MonotonicTime first_request = clock.monotonic();
  directory.write("token", "two");
  file.drop_older_than(first_request);
  clock.advance(1s);
  CHECK(file.token()->reveal() == "two");

  directory.write("token", "three");
  file.drop_older_than(first_request);  // an answer that was long under way
  CHECK(file.token()->reveal() == "two");
}

TEST_CASE("a refused token is not used again because its file has gone") {
  const ScratchDirectory directory;
  ManualClock clock;
  const std::string path = directory.write("token", "one");
  TokenFile file(path, clock);
  REQUIRE(file.token());
  std::filesystem::remove(path);
  file.drop_older_than(clock.monotonic());
  CHECK(file.token().error().code == ErrorCode::kNotFound);
}

TEST_CASE("a file without a token is an error that names the file, not its content") {
  const ScratchDirectory directory;
  const ManualClock clock;
  for (const char* content : {"", " \n\t", "two words", "line\r\nInjected: header", "\x01", "caf\xc3\xa9"}) {
    TokenFile file(directory.write("token", content), clock);
    const auto token = file.token();
    REQUIRE_FALSE(token);
    CHECK(token.error().object == directory.path() + "/token");
    CHECK(token.error().message.find("Injected") == std::string::npos);
  }
  CHECK(TokenFile("/nonexistent/token", clock).token().error().code == ErrorCode::kNotFound);
  CHECK(TokenFile(directory.write("big", std::string(70'000, 'x')), clock).token().error().code ==
        ErrorCode::kTooLarge);
}
