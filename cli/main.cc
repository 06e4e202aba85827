// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "base/clock.h"
#include "cli/run.h"
#include "net/curl_transport.h"

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string ask(std::string_view question) {
  std::cerr << question << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer;
}

}  // namespace

int main(int argc, char** argv) {
  const kintsugi::SystemClock clock;
  const bool can_ask = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
  const kintsugi::cli::Surroundings surroundings{
      .out = std::cout,
      .err = std::cerr,
      .out_is_terminal = ::isatty(STDOUT_FILENO) == 1,
      .ask = can_ask ? ask : std::function<std::string(std::string_view)>(),
      .environment = variable,
      .clock = clock,
      .make_transport = kintsugi::net::make_curl_transport,
      .stop = {},
  };
  return int(kintsugi::cli::run({argv, argv + argc}, surroundings));
}
