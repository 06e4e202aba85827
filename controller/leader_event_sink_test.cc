// SPDX-License-Identifier: Apache-2.0
#include "controller/leader_event_sink.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace kintsugi;
using namespace kintsugi::controller;

namespace {

struct OnOff final : Leadership {
  bool leads() const override { return is_on; }
  bool outlasts(std::chrono::nanoseconds) const override { return is_on; }
  std::int64_t fencing_token() const override { return 1; }
  bool is_on = true;
};

struct Written final : k8s::EventSink {
  k8s::ApiResult<void> create(const std::string&, const std::string& event, std::stop_token) override {
    events.push_back(event);
    return {};
  }
  k8s::ApiResult<void> patch(const k8s::ObjectKey&, const std::string& patch, std::stop_token) override {
    events.push_back(patch);
    return {};
  }
  std::vector<std::string> events;
};

}  // namespace

TEST_CASE("a process that leads no more writes no event, and does not try it again") {
  OnOff leadership;
  Written written;
  LeaderEventSink sink(written, leadership);
  REQUIRE(sink.create("shop", "first", {}));
  REQUIRE(sink.patch({"shop", "e"}, "second", {}));
  leadership.is_on = false;
  const auto created = sink.create("shop", "third", {});
  REQUIRE_FALSE(created);
  CHECK_FALSE(created.error().retryable);
  CHECK_FALSE(sink.patch({"shop", "e"}, "fourth", {}));
  CHECK(written.events == std::vector<std::string>{"first", "second"});
}
