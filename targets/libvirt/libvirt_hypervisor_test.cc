// SPDX-License-Identifier: Apache-2.0
//
// With libvirt's own host for tests, which is within the process.
#include "targets/libvirt/libvirt_hypervisor.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

namespace kintsugi::targets {
namespace {

using namespace std::chrono_literals;

/// A connection whose events cannot be delivered.
struct Failing {
  ManualClock clock;
  std::atomic<int> connected = 0;
  std::atomic<int> pauses = 0;
  Logger log{clock, LogLevel::kInfo, [this](std::string_view line) {
               if (line.find("Connected to the hypervisor") != std::string_view::npos) ++connected;
             }};
  LibvirtHypervisor hypervisor{"test:///default", clock, log, [] { return false; }};
  std::jthread thread{[this](std::stop_token stop) { hypervisor.run(std::move(stop)); }};

  bool comes_to(int connections) const {
    for (int i = 0; i < 2000 && connected < connections; ++i) std::this_thread::sleep_for(5ms);
    std::this_thread::sleep_for(50ms);  // and to no more
    return connected == connections;
  }
};

}  // namespace

TEST_CASE("a host whose events cannot be delivered is connected to ever more slowly") {
  Failing failing;
  int connections = 0;
  for (const auto pause : {200ms, 400ms, 800ms, 1600ms, 3200ms, 5000ms, 5000ms}) {
    CHECK(failing.comes_to(++connections));
    failing.clock.advance(pause - 1ms);
    CHECK(failing.comes_to(connections));
    failing.clock.advance(1ms);
  }
  CHECK(failing.comes_to(++connections));
}

TEST_CASE("a stop does not wait until a host is tried again") {
  Failing failing;
  CHECK(failing.comes_to(1));
  failing.thread.request_stop();
  failing.thread.join();
  CHECK_FALSE(failing.hypervisor.list());
}

}  // namespace kintsugi::targets
