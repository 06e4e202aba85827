// SPDX-License-Identifier: Apache-2.0
#include "host/first_look.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "base/file.h"
#include "targets/libvirt/testing/fake_hypervisor.h"

namespace kintsugi::host {
namespace {

using namespace std::chrono_literals;

/// A host that does not tell its domains, so many times.
class Reluctant final : public targets::testing::FakeHypervisor {
 public:
  Reluctant(ErrorCode code, int refusals)
      : FakeHypervisor("", read_file("targets/libvirt/testdata/persistent.xml", 1u << 20).value()),
        code_(code),
        refusals_(refusals) {}

  Result<std::vector<targets::DomainSummary>> list() override {
    ++asked;
    if (asked <= refusals_) return fail(code_, "the list was cut short");
    return FakeHypervisor::list();
  }

  std::atomic<int> asked = 0;

 private:
  const ErrorCode code_;
  const int refusals_;
};

struct Look {
  Look(ErrorCode code, int refusals) : host(code, refusals) {}

  /// Whether it comes to that many looks, and to no more.
  bool comes_to(int looks) const {
    for (int i = 0; i < 2000 && host.asked < looks; ++i) std::this_thread::sleep_for(5ms);
    std::this_thread::sleep_for(30ms);
    return host.asked == looks;
  }

  Result<void> take(const std::stop_token& stop = {}) { return await_domains(inventory, clock, log, stop); }

  ManualClock clock;
  Logger log{clock, LogLevel::kError, [](std::string_view) {}};
  Reluctant host;
  DomainInventory inventory{host, clock};
};

}  // namespace

TEST_CASE("a host that does not tell its domains at first is asked again, and not without a pause") {
  const ErrorCode code = GENERATE(ErrorCode::kUnavailable, ErrorCode::kTimeout, ErrorCode::kInternal,
                                  ErrorCode::kNotFound, ErrorCode::kCancelled);
  Look look(code, 2);
  std::atomic<bool> is_done = false;
  Result<void> taken;
  std::jthread thread([&] {
    taken = look.take();
    is_done = true;
  });
  CHECK(look.comes_to(1));
  look.clock.advance(199ms);
  CHECK(look.comes_to(1));
  look.clock.advance(1ms);
  CHECK(look.comes_to(2));
  CHECK_FALSE(is_done);
  look.clock.advance(400ms);
  thread.join();
  REQUIRE(taken);
  CHECK(look.host.asked == 3);
  CHECK(look.inventory.domains().value()->size() == 1);
}

TEST_CASE("what no waiting mends is told at once") {
  const ErrorCode code = GENERATE(ErrorCode::kInvalidInput, ErrorCode::kUnsupported, ErrorCode::kUnauthorized,
                                  ErrorCode::kForbidden);
  Look look(code, 1000);
  CHECK(look.take().error().code == code);
  CHECK(look.host.asked == 1);
}

TEST_CASE("a stop ends the wait for domains") {
  Look look(ErrorCode::kUnavailable, 1000);
  std::stop_source stop;
  Result<void> taken;
  std::jthread thread([&] { taken = look.take(stop.get_token()); });
  CHECK(look.comes_to(1));
  stop.request_stop();
  thread.join();
  CHECK(taken.error().code == ErrorCode::kCancelled);
  CHECK(look.host.asked == 1);
}

}  // namespace kintsugi::host
