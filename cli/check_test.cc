// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "cli/test_world.h"
#include "targets/kubernetes/readiness.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;
using targets::Readiness;

constexpr const char* kPath = "/api/v1/namespaces/kintsugi-system/configmaps/kintsugi-readiness";

const Readiness kGood{true, "PolicyEvaluated", "isolated", true, "TemplateAccepted", "accepted digests"};
const Readiness kLeaking{false, "NetworkPolicyAllows", "policy allow-dns lets it out",
                         true,  "TemplateAccepted",    "accepted digests"};

void keep(TestWorld& world, const std::map<std::string, std::string>& entries) {
  world.keep(kPath, {{"kind", "ConfigMap"}, {"apiVersion", "v1"}, {"data", entries}});
}

std::string text_of(const Readiness& readiness) {
  return targets::readiness_text(readiness, kTestNow);
}

}  // namespace

TEST_CASE("check lists what could be contained and recovered, and ends with 4 where something could not") {
  TestWorld world;
  keep(world,
       {{"shop.web", text_of(kLeaking)}, {"shop.api", text_of(kGood)}, {"shop.vm_db", text_of(kGood)}});
  const Ending ending = world.run({"check"});
  CHECK(ending.code == ExitCode::kNotReady);
  CHECK(ending.out ==
        "NAMESPACE   WORKLOAD            CONTAINABLE                PREPARED\n"
        "shop        api                 yes                        yes\n"
        "shop        virtualmachine/db   yes                        yes\n"
        "shop        web                 no (NetworkPolicyAllows)   yes\n");
  const Ending wide = world.run({"check", "-o", "wide", "--no-headers"});
  CHECK(wide.out.find("shop/web could not be contained: policy allow-dns lets it out\n") !=
        std::string::npos);
  CHECK(world.writes() == 0);
}

TEST_CASE("check ends with 0 where everything is ready, also of one namespace") {
  TestWorld world;
  keep(world, {{"shop.web", text_of(kGood)}, {"other.web", text_of(kLeaking)}});
  const Ending ending = world.run({"check", "--workload-namespace", "shop", "-o", "json"});
  CHECK(ending.code == ExitCode::kDone);
  const json document = parse_json(ending.out).value();
  REQUIRE(document["workloads"].size() == 1);
  CHECK(document["workloads"][0]["namespace"] == "shop");
  CHECK(document["workloads"][0]["containable"] == true);
}

TEST_CASE("check counts an entry that cannot be read as not ready, and passes over foreign keys") {
  TestWorld world;
  keep(world, {{"shop.web", "{"}, {"no-workload", text_of(kGood)}});
  const Ending ending = world.run({"check", "--no-headers"});
  CHECK(ending.code == ExitCode::kNotReady);
  CHECK(ending.out == "shop        web        no            no\n");
}

TEST_CASE("check says where to look when nothing is known") {
  TestWorld world;
  world.transport.when("GET", kPath).respond(404, failure(404, "NotFound"));
  const Ending ending = world.run({"check"});
  CHECK(ending.code == ExitCode::kError);
  CHECK(ending.err.find("kintsugi.dev/protected=true") != std::string::npos);
}

}  // namespace kintsugi::cli
