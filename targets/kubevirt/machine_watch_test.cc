// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/machine_watch.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "k8s-client/client/test_world.h"

using namespace kintsugi;
using namespace kintsugi::targets;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

json machine(const std::string& name, const json& generation, const std::string& version) {
  return {{"metadata",
           {{"namespace", "shop"},
            {"name", name},
            {"uid", "uid-" + name},
            {"generation", generation},
            {"resourceVersion", version}}},
          {"spec", {{"template", {{"metadata", {{"generation", 99}}}}}}}};
}

std::string event(const char* type, const json& object) {
  return json({{"type", type}, {"object", object}}).dump() + "\n";
}

/// A server that lists two machines and then tells, once, what became of them.
struct Fixture {
  explicit Fixture(std::string events) {
    world.transport.serve([this, events](const net::HttpRequest& request) {
      if (request.url.find("watch=true") == std::string::npos) {
        return k8s::answer(200, json({{"kind", "VirtualMachineList"},
                                      {"metadata", {{"resourceVersion", "10"}}},
                                      {"items", {machine("db", 1, "8"), machine("web", 4, "9")}}})
                                    .dump());
      }
      if (!was_watched.exchange(true)) return k8s::answer(200, events);
      is_over = true;
      std::this_thread::sleep_for(1ms);
      return k8s::answer(200, "");
    });
  }

  /// What is told until the server has nothing more to tell.
  std::vector<std::string> told() {
    watch.begin();
    watch.begin();
    for (int i = 0; i < 5000 && !is_over; ++i) std::this_thread::sleep_for(1ms);
    REQUIRE(is_over);
    const std::lock_guard lock(mutex);
    return seen;
  }

  k8s::TestWorld world;
  k8s::Client client = world.client();
  Logger log{world.clock, LogLevel::kError, [](std::string_view) {}};
  std::mutex mutex;
  std::vector<std::string> seen;
  std::atomic<bool> was_watched = false;
  std::atomic<bool> is_over = false;
  MachineWatch watch{client, world.clock, log, 1,
                     [this](const std::string& name_space, const std::string& name, std::int64_t generation) {
                       const std::lock_guard lock(mutex);
                       seen.push_back(name_space + "/" + name + " " + std::to_string(generation));
                     }};
};

}  // namespace

TEST_CASE("of a machine that changes only another template is told") {
  Fixture fixture(event("MODIFIED", machine("web", 4, "11")) + event("MODIFIED", machine("web", 5, "12")) +
                  event("MODIFIED", machine("web", 5, "13")) + event("DELETED", machine("db", 1, "14")) +
                  event("ADDED", machine("new", 1, "15")));
  CHECK(fixture.told() == std::vector<std::string>{"shop/db 1", "shop/web 4", "shop/web 5", "shop/new 1"});
}

TEST_CASE("nothing is asked before the watch begins") {
  Fixture fixture("");
  std::this_thread::sleep_for(20ms);
  CHECK(fixture.world.transport.requests() == 0);
}

TEST_CASE("a generation that is no number is none") {
  const std::pair<const char*, std::int64_t> cases[] = {{R"({"metadata": {"generation": 7}})", 7},
                                                        {R"({"metadata": {"generation": "7"}})", 0},
                                                        {R"({"metadata": {"generation": 7.5}})", 0},
                                                        {R"({"metadata": {}})", 0},
                                                        {R"({"metadata": []})", 0},
                                                        {R"({"generation": 7})", 0},
                                                        {"null", 0}};
  for (const auto& [text, generation] : cases) {
    INFO(text);
    CHECK(generation_of(parse_json_document(text).value()) == generation);
  }
}
