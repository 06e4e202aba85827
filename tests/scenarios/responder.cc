// SPDX-License-Identifier: Apache-2.0
#include "responder.h"

#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cstdio>

namespace kintsugi::scenarios {

std::string responder_runs(Scenario& scenario, const std::string& arguments, int code) {
  const std::string command = std::string(KINTSUGI_CLI_PROGRAM) + " " + arguments + " --kubeconfig " +
                              scenario.world().kubeconfig() + " --namespace " + scenario.system() + " 2>&1";
  FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  char buffer[4096];
  while (const std::size_t size = std::fread(buffer, 1, sizeof(buffer), pipe)) text.append(buffer, size);
  const int status = ::pclose(pipe);
  INFO(command << "\n" << text);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == code);
  CHECK_FALSE(text.empty());
  return text;
}

}  // namespace kintsugi::scenarios
