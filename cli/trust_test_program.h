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
#include "trust/testing/fake_registry.h"

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

/// Lends the one registry to whoever makes a transport.
class LentRegistry final : public net::HttpTransport {
 public:
  explicit LentRegistry(trust::testing::FakeRegistry& registry) : registry_(registry) {}
  Result<net::HttpResponse> send(const net::HttpRequest& request, std::stop_token stop) override {
    return registry_.send(request, std::move(stop));
  }
  Result<net::HttpResponse> stream(const net::HttpRequest& request, std::stop_token stop,
                                   const net::ResponseSink& on_head, const net::BodySink& on_body) override {
    return registry_.stream(request, std::move(stop), on_head, on_body);
  }

 private:
  trust::testing::FakeRegistry& registry_;
};

/// A registry, and the program beside it.
struct TrustWorld {
  trust::testing::FakeRegistry registry;
  trust::testing::SkippingClock clock;

  Ending run(std::vector<std::string> arguments) {
    return run_trust_program(std::move(arguments), clock, [this](const net::CurlOptions&) {
      return std::make_unique<LentRegistry>(registry);
    });
  }
};

}  // namespace kintsugi::cli
