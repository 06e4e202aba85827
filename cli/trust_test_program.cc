// SPDX-License-Identifier: Apache-2.0
#include "cli/trust_test_program.h"

#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "cli/lent_transport.h"
#include "cli/run.h"

namespace kintsugi::cli {

std::string Ending::reason() const {
  return nlohmann::json::parse(out)["reason"];
}

std::unique_ptr<net::HttpTransport> no_transport(const net::CurlOptions&) {
  FAIL("a connection was asked for");
  return nullptr;
}

Ending run_trust_program(std::vector<std::string> arguments, const Clock& clock,
                         k8s::TransportFactory make_transport) {
  arguments.insert(arguments.begin(), {"kintsugi", "trust"});
  std::ostringstream out, err;
  const Surroundings surroundings{
      .out = out,
      .err = err,
      .ask = {},
      .environment = [](const char*) { return std::string(); },
      .clock = clock,
      .make_transport = std::move(make_transport),
      .stop = {},
  };
  const ExitCode code = cli::run(arguments, surroundings);
  return {code, out.str(), err.str()};
}

Ending TrustWorld::run(std::vector<std::string> arguments) {
  return run_trust_program(std::move(arguments), clock, [this](const net::CurlOptions&) {
    return std::make_unique<LentTransport>(registry);
  });
}

}  // namespace kintsugi::cli
