// SPDX-License-Identifier: Apache-2.0
//
// `kintsugi trust …` as tests run it: the whole program, in this process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/test_ending.h"
#include "k8s-client/client/renewing_transport.h"
#include "trust/testing/fake_registry.h"

namespace kintsugi::cli {

/// For what must not ask anything over the network.
std::unique_ptr<net::HttpTransport> no_transport(const net::CurlOptions& options);

/// Runs `kintsugi trust ARGUMENTS`.
Ending run_trust_program(std::vector<std::string> arguments, const Clock& clock,
                         k8s::TransportFactory make_transport = no_transport);

/// A registry, and the program beside it.
struct TrustWorld {
  trust::testing::FakeRegistry registry;
  trust::testing::SkippingClock clock;

  Ending run(std::vector<std::string> arguments);
};

}  // namespace kintsugi::cli
