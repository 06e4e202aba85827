// SPDX-License-Identifier: Apache-2.0
#include "host/images/web_download.h"

#include <catch2/catch.hpp>

#include "net/testing/scripted_transport.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/fake_registry.h"

using namespace kintsugi;
using namespace kintsugi::host;
using namespace std::chrono_literals;

namespace {

namespace reason = trust::reason;
using trust::testing::SkippingClock;

const std::string kUrl = "https://images.example.com/web.qcow2";

class TextSink final : public ImageSink {
 public:
  Result<void> expect(std::uint64_t bytes) override {
    expected = bytes;
    return bytes <= most ? Result<void>() : too_much();
  }
  Result<void> write(std::string_view piece) override {
    text += piece;
    return text.size() <= most ? Result<void>() : too_much();
  }

  std::string text;
  std::optional<std::uint64_t> expected;
  std::uint64_t most = 100;

 private:
  static Result<void> too_much() {
    return fail(make_error(ErrorCode::kUnavailable, "full").because(reason::kNotEnoughSpace));
  }
};

struct World {
  net::ScriptedTransport transport;
  SkippingClock clock;
  TextSink sink;
  std::stop_source stop;

  Result<void> ask(std::chrono::nanoseconds patience = 60s) {
    return download(transport, kUrl, sink, clock, {clock.monotonic() + patience, stop.get_token()});
  }
  net::ScriptedTransport::Rule& next() { return transport.when("GET", kUrl).times(1); }
};

net::HttpResponse head(int status, const std::vector<std::pair<std::string, std::string>>& headers = {}) {
  return trust::testing::response(status, {}, headers);
}

net::Headers headers(const std::vector<std::pair<std::string, std::string>>& list) {
  return head(200, list).headers;
}

Error reset() {
  return make_error(ErrorCode::kUnavailable, "connection reset");
}

}  // namespace

TEST_CASE("a file is handed on as it comes") {
  World world;
  SECTION("of a size that is known") {
    world.next().respond(200, {}, headers({{"Content-Length", "6"}})).chunks({"abc", "def"});
    REQUIRE(world.ask());
    CHECK(world.sink.expected == 6);
  }
  SECTION("of any size") {
    world.next().respond(200).chunks({"abc", "def"});
    REQUIRE(world.ask());
    CHECK_FALSE(world.sink.expected);
  }
  CHECK(world.sink.text == "abcdef");
  CHECK(world.transport.requests().front().headers.find("Range") == nullptr);
}

TEST_CASE("where a connection broke it goes on") {
  World world;
  world.next().respond(200, {}, headers({{"Content-Length", "6"}})).chunks({"ab"}).then_fail(reset());
  world.next().fail_with(reset());
  world.next().respond(503);
  world.next().respond(206, {}, headers({{"Content-Range", "bytes 2-5/6"}})).chunks({"cd"});  // ends early
  world.next().respond(206, {}, headers({{"Content-Range", "bytes 4-5/6"}})).chunks({"ef"});
  REQUIRE(world.ask());
  CHECK(world.sink.text == "abcdef");
  const auto requests = world.transport.requests();
  REQUIRE(requests.size() == 5);
  CHECK(*requests[1].headers.find("Range") == "bytes=2-");
  CHECK(*requests[4].headers.find("Range") == "bytes=4-");
  CHECK(world.clock.passed() == 4s);
}

TEST_CASE("a server that begins again, or elsewhere, is not believed") {
  World world;
  world.next().respond(200, {}, headers({{"Content-Length", "6"}})).chunks({"ab"}).then_fail(reset());
  SECTION("from the beginning") {
    world.next().respond(200, {}, headers({{"Content-Length", "6"}})).chunks({"abcdef"});
  }
  SECTION("from another byte") {
    world.next().respond(206, {}, headers({{"Content-Range", "bytes 1-5/6"}})).chunks({"bcdef"});
  }
  SECTION("without saying where") {
    world.next().respond(206).chunks({"cdef"});
  }
  const auto done = world.ask();
  REQUIRE_FALSE(done);
  CHECK(done.error().reason == reason::kSourceUnavailable);
  CHECK(done.error().retryable);
  CHECK(world.sink.text == "ab");
}

TEST_CASE("what a server answers instead is an error by its reason") {
  World world;
  const auto& [status, expected, retryable] = GENERATE(table<int, std::string, bool>({
      {404, reason::kSourceNotFound, false},
      {410, reason::kSourceNotFound, false},
      {500, reason::kSourceUnavailable, true},
      {503, reason::kSourceUnavailable, true},
      {429, reason::kSourceUnavailable, true},
      {302, reason::kRedirectRefused, false},
      {301, reason::kRedirectRefused, false},
      {401, reason::kSourceInvalid, false},
      {403, reason::kSourceInvalid, false},
      {206, reason::kSourceInvalid, false},
      {204, reason::kSourceInvalid, false},
      {0, reason::kSourceInvalid, false},
  }));
  INFO(status);
  world.transport.when("GET", kUrl)
      .respond(status, "body", headers({{"Location", "http://evil.example.com/"}}));
  const auto done = world.ask();
  REQUIRE_FALSE(done);
  CHECK(done.error().reason == expected);
  CHECK(done.error().retryable == retryable);
  CHECK(done.error().object == kUrl);
  CHECK(world.sink.text.empty());
  CHECK(world.transport.requests().size() == (retryable ? 5 : 1));
}

TEST_CASE("what the sink will not take is not asked for again") {
  World world;
  world.sink.most = 3;
  SECTION("as it is said before") {
    world.next().respond(200, {}, headers({{"Content-Length", "6"}})).chunks({"abcdef"});
  }
  SECTION("as it comes") {
    world.next().respond(200).chunks({"abc", "def"});
  }
  const auto done = world.ask();
  REQUIRE_FALSE(done);
  CHECK(done.error().reason == reason::kNotEnoughSpace);
  CHECK(world.transport.requests().size() == 1);
}

TEST_CASE("an encoded answer is not the file") {
  World world;
  world.next().respond(200, {}, headers({{"Content-Encoding", "gzip"}})).chunks({"abc"});
  CHECK(world.ask().error().reason == reason::kSourceInvalid);
}

TEST_CASE("a server that never ends well, or never answers, is given up") {
  World world;
  SECTION("again and again") {
    world.transport.when("GET", kUrl).fail_with(reset());
    CHECK(world.ask().error().reason == reason::kSourceUnavailable);
    CHECK(world.transport.requests().size() == 5);
  }
  SECTION("at the deadline") {
    world.transport.when("GET", kUrl).fail_with(reset());
    const auto done = world.ask(2500ms);
    CHECK(done.error().code == ErrorCode::kTimeout);
    CHECK(done.error().retryable);
  }
  SECTION("by a stop") {
    world.stop.request_stop();
    CHECK(world.ask().error().reason == reason::kCancelled);
    CHECK(world.transport.requests().empty());
  }
  SECTION("for a request that cannot be made") {
    world.next().fail_with(make_error(ErrorCode::kInvalidInput, "bad URL"));
    CHECK(world.ask().error().reason == reason::kSourceInvalid);
  }
}
