// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/exec_frames.h"

#include <catch2/catch.hpp>

using namespace kintsugi;
using namespace kintsugi::k8s;

namespace {

std::string frame(int channel, const std::string& data) {
  return char(channel) + data;
}

const std::string kSuccess = R"({"metadata":{},"status":"Success"})";
const std::string kExit3 =
    R"({"metadata":{},"status":"Failure","reason":"NonZeroExitCode","message":"command terminated with exit code 3",
        "details":{"causes":[{"reason":"ExitCode","message":"3"}]}})";

ApiResult<ExecResult> run(const std::vector<std::string>& frames, std::size_t max_output = 100) {
  ExecDemultiplexer demultiplexer(max_output, "pod shop/web-1");
  for (const std::string& message : frames) {
    if (!demultiplexer.on_message(message)) break;
  }
  return demultiplexer.finish();
}

}  // namespace

TEST_CASE("output is put together by channel, empty and split frames included") {
  const auto result = run({"", frame(1, ""), frame(2, ""), frame(3, ""), frame(1, "he"), frame(2, "oops"),
                           frame(1, "llo"), frame(255, "\x01"), frame(255, "\x02"), frame(3, kSuccess)});
  REQUIRE(result);
  CHECK(result->standard_output == "hello");
  CHECK(result->standard_error == "oops");
  CHECK(result->exit_code == 0);
  CHECK_FALSE(result->truncated);
}

TEST_CASE("an exit code is a result, also when its Status comes in pieces") {
  for (std::size_t cut = 0; cut <= kExit3.size(); ++cut) {
    const auto result = run({frame(3, kExit3.substr(0, cut)), frame(3, kExit3.substr(cut))});
    REQUIRE(result);
    CHECK(result->exit_code == 3);
  }
}

TEST_CASE("a close without a Status is never success (K13 case 13)") {
  for (const auto& frames : {std::vector<std::string>{},
                             {frame(1, "done")},
                             {frame(3, "")},
                             {frame(3, "{\"sta")},
                             {frame(3, "[]"), frame(3, "x")}}) {
    const auto result = run(frames);
    REQUIRE_FALSE(result);
    CHECK(result.error().outcome_unknown);
    CHECK(result.error().object == "pod shop/web-1");
    CHECK_FALSE(result.error().from_server());
  }
}

TEST_CASE("a Status without a usable exit code is the server's error") {
  const auto failed =
      run({frame(3, R"({"kind":"Status","status":"Failure","reason":"InternalError","code":500,
      "message":"no such binary"})")});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message == "no such binary");
  for (const char* word : {"", "x", "3x", "3 ", "99999999999"}) {
    const auto result =
        run({frame(3, std::string(R"({"kind":"Status","status":"Failure","reason":"NonZeroExitCode",
        "details":{"causes":[{"reason":"ExitCode","message":")") +
                          word + R"("}]}})")});
    CHECK_FALSE(result);
  }
  CHECK_FALSE(run({frame(3, "null")}));
  CHECK_FALSE(run({frame(3, R"({"status":7})")}));
}

TEST_CASE("output over the limit ends the session and is marked") {
  const auto exact = run({frame(1, "12345"), frame(2, "67890"), frame(3, kSuccess)}, 10);
  REQUIRE(exact);
  CHECK_FALSE(exact->truncated);
  const auto over = run({frame(1, "12345"), frame(2, "678901"), frame(3, kSuccess)}, 10);
  REQUIRE(over);
  CHECK(over->truncated);
  CHECK(over->standard_error == "67890");
  CHECK(over->exit_code == -1);
}

TEST_CASE("a peer that breaks the protocol is left") {
  for (const auto& frames : {std::vector<std::string>{frame(0, "x")},
                             {frame(4, "x")},
                             {frame(9, "")},
                             {frame(255, "")},
                             {frame(255, "\x01\x02")},
                             {frame(255, "\x01"), frame(1, "x")},
                             {frame(3, std::string(70'000, 'x'))}}) {
    auto with_status = frames;
    with_status.push_back(frame(3, kSuccess));
    const auto result = run(with_status);
    REQUIRE_FALSE(result);
    CHECK(result.error().outcome_unknown);
    CHECK(result.error().message.find("broke the protocol") != std::string::npos);
  }
}
