// SPDX-License-Identifier: Apache-2.0
//
// `kintsugi trust …` as tests run it: the whole program, in this process.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/run.h"

namespace kintsugi::cli {

struct Ending {
  ExitCode code;
  std::string out, err;

  /// Of the document that -o json prints.
  std::string reason() const { return nlohmann::json::parse(out)["reason"]; }
};

/// For what must not ask anything over the network.
inline std::unique_ptr<net::HttpTransport> no_transport(const net::CurlOptions&) {
  FAIL("a connection was asked for");
  return nullptr;
}

/// Runs `kintsugi trust ARGUMENTS`.
inline Ending run_trust_program(std::vector<std::string> arguments, const Clock& clock,
                                k8s::TransportFactory make_transport = no_transport) {
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

}  // namespace kintsugi::cli
