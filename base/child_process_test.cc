// SPDX-License-Identifier: Apache-2.0
#include "base/child_process.h"

#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <thread>

using namespace kintsugi;
using namespace std::chrono_literals;

namespace {

Result<ChildOutput> run_script(const std::string& script, const ChildProgram& limits = {},
                               const std::stop_token& stop = {}) {
  ChildProgram program = limits;
  program.path = "/bin/sh";
  program.arguments = {"-c", script};
  return run_child(program, stop);
}

bool has_children() {
  return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD;
}

}  // namespace

TEST_CASE("a program gets its arguments, its input and its environment, and nothing else") {
  ChildProgram program;
  program.input = "one line";
  program.environment = {"MARK=one"};
  const auto ran = run_script("read -r line; echo \"$line $MARK $HOME\"", program);
  REQUIRE(ran);
  CHECK(ran->exit_status == 0);
  CHECK(ran->output.reveal() == "one line one \n");
  const auto literal = run_child({.path = "/bin/echo", .arguments = {"$(id)", "a b", "*"}}, {});
  REQUIRE(literal);
  CHECK(literal->output.reveal() == "$(id) a b *\n");
}

TEST_CASE("how a program ended is told") {
  CHECK(run_script("exit 3")->exit_status == 3);
  CHECK(run_script("kill -9 $$")->exit_status == -1);
  CHECK(run_script("echo trouble >&2")->output.reveal().empty());
}

TEST_CASE("a program that cannot be run, writes too much or does not end is an error, and leaves nothing") {
  const auto missing = run_child({.path = "/nonexistent/program"}, {});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::kInternal);
  const auto directory = run_child({.path = "/tmp"}, {});
  REQUIRE_FALSE(directory);
  CHECK(directory.error().code == ErrorCode::kInternal);
  const auto long_input = run_child({.path = "/bin/cat", .input = std::string(5000, 'x')}, {});
  REQUIRE_FALSE(long_input);
  CHECK(long_input.error().code == ErrorCode::kInvalidInput);
  const auto loud = run_script("exec cat /dev/zero", {.max_output = 1000});
  REQUIRE_FALSE(loud);
  CHECK(loud.error().code == ErrorCode::kTooLarge);
  const auto slow = run_script("trap '' TERM; sleep 30", {.timeout = 100ms});
  REQUIRE_FALSE(slow);
  CHECK(slow.error().code == ErrorCode::kTimeout);
  CHECK_FALSE(has_children());
}

TEST_CASE("a stop ends a program") {
  std::stop_source stop;
  const std::jthread stopper([&] {
    std::this_thread::sleep_for(50ms);
    stop.request_stop();
  });
  const auto start = std::chrono::steady_clock::now();
  const auto ran = run_script("sleep 30", {}, stop.get_token());
  REQUIRE_FALSE(ran);
  CHECK(ran.error().code == ErrorCode::kCancelled);
  CHECK(std::chrono::steady_clock::now() - start < 5s);
  CHECK_FALSE(has_children());
}
