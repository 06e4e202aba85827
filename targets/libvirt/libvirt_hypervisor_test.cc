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

TEST_CASE("an event that is being told outlives the connection of which it came") {
  ManualClock clock;
  Logger log{clock, LogLevel::kError, [](std::string_view) {}};
  std::atomic<bool> is_told = false;
  LibvirtHypervisor hypervisor("test:///default", clock, log, [&] {
    for (int i = 0; i < 2000 && !is_told; ++i) std::this_thread::sleep_for(5ms);
    return false;  // the connection is given up
  });
  const auto owned = std::make_shared<int>();
  long owners_before = 0;
  long owners_after = 0;
  hypervisor.subscribe([&, kept = owned](const std::string& uuid) {
    if (uuid.empty()) return;
    owners_before = owned.use_count();
    is_told = true;
    for (int i = 0; i < 2000 && hypervisor.wait_until_connected(clock.monotonic(), {}); ++i)
      std::this_thread::sleep_for(5ms);
    owners_after = owned.use_count();
  });
  std::jthread thread([&](std::stop_token stop) { hypervisor.run(std::move(stop)); });
  for (int i = 0; i < 2000 && !hypervisor.wait_until_connected(clock.monotonic(), {}); ++i)
    std::this_thread::sleep_for(5ms);
  const auto domains = hypervisor.list();
  REQUIRE(domains);
  REQUIRE(hypervisor.pause(domains->front().uuid));
  for (int i = 0; i < 50 && !is_told; ++i) REQUIRE(LibvirtHypervisor::turn_of_event_loop());
  CHECK(is_told);
  CHECK(owners_after == owners_before);
  CHECK(owners_before > 0);
  CHECK(hypervisor.resume(domains->front().uuid).error().code == ErrorCode::kUnavailable);
}

}  // namespace kintsugi::targets
