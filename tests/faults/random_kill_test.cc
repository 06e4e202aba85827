// SPDX-License-Identifier: Apache-2.0
//
// Scenario 27 on a real API server: kill -9 at random moments. Needs KINTSUGI_LAB_KUBECONFIG.
#include <catch2/catch.hpp>

#include <cmath>
#include <iostream>
#include <random>

#include "tests/faults/play.h"
#include "tests/support/seed.h"

using namespace kintsugi;
using namespace kintsugi::faults;

namespace {

constexpr int kKills = 10;
/// An undisturbed run takes about this long.
constexpr int kLongestMilliseconds = 1800;

}  // namespace

TEST_CASE("killed at a random moment on a real control plane, the controller ends as if nothing had been",
          "[lab]") {
  std::mt19937_64 dice = support::seeded_dice();
  for (int i = 0; i < kKills; ++i) {
    const auto cluster = Cluster::enter_lab();
    if (cluster == nullptr) {
      std::cout << "skipped: KINTSUGI_LAB_KUBECONFIG names no kubeconfig of a lab\n";
      return;
    }
    PlayOptions options;
    // Evenly on a logarithmic scale: most happens at once after the signal.
    const double exponent = std::uniform_real_distribution<double>(0, 1)(dice);
    options.kill_after = std::chrono::milliseconds(int(std::pow(double(kLongestMilliseconds), exponent)));
    options.patience = std::chrono::seconds(60);
    const Ending ending = play(*cluster, kPreparedTemplate, options);
    INFO("killed after " << options.kill_after->count() << " ms\n" << ending.to_string());
    CHECK(ending.problems.empty());
    std::cout << "killed after " << options.kill_after->count() << " ms: over after " << ending.took.count()
              << " ms\n";
  }
}
