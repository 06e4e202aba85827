// SPDX-License-Identifier: Apache-2.0
//
// Scenarios 17, 19: what is not accepted, why, and under which names what was accepted is recognised.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "checks.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;
using Failure = sandbox::OciRegistry::Failure;
using ImageId = sandbox::OciRegistry::ImageId;

TEST_CASE("17: an image whose signature does not hold is refused with the reason", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.push("shop/web", "1.0", "web 1.0");
  sandbox::OciRegistry& registry = scenario.world().registry();
  std::string reason;
  SECTION("by another key") {
    registry.sign(image.repository, image.digest, SigningKey());
    reason = "KeyMismatch";
  }
  SECTION("over another digest") {
    const Image other = scenario.push("shop/web", "0.9", "web 0.9");
    registry.sign(image.repository, image.digest, scenario.key(), other.digest);
    reason = "DigestNotSigned";
  }
  SECTION("with an altered payload") {
    registry.sign(image.repository, image.digest, scenario.key());
    registry.alter_payloads(image.repository, image.digest);
    reason = "SignatureInvalid";
  }
  scenario.open_shop(image.by_digest);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const Bystanders bystanders(scenario, victim);

  const std::string name = scenario.breach(victim);
  const json incident = scenario.eventually_condition(name, "Redeployed", "False", reason);

  CHECK(condition_status(incident, "Contained") == "True");
  CHECK(condition_message(incident, "Redeployed").find(image.digest) != std::string::npos);
  CHECK(condition_message(incident, "Redeployed").find("release-images") != std::string::npos);
  CHECK(status_text(incident, "awaiting") == "redeploy");
  CHECK(condition_status(incident, "Recovered").empty());
  check_quarantined(scenario, victim, name);
  bystanders.check_all_unchanged();
}

TEST_CASE("17: trouble with the registry delays no containment, and is tried again", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.push_signed("shop/web", "1.0", "web 1.0");
  scenario.open_shop(image.by_digest);
  Failure failure = Failure::kNone;
  std::string reason;
  bool is_temporary = true;
  SECTION("it is down") {
    failure = Failure::kServerError;
    reason = "RegistryUnavailable";
  }
  SECTION("it hangs") {
    failure = Failure::kHang;
    reason = "RegistryTimeout";
  }
  SECTION("its manifest is not what the digest names") {
    failure = Failure::kWrongDigest;
    reason = "DigestMismatch";
    is_temporary = false;
  }
  scenario.world().registry().set_failure(image.repository, failure);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);

  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Contained", "True", "PolicyEvaluated", 2s);
  check_quarantined(scenario, victim, name);
  const json incident = scenario.eventually_condition(name, "Redeployed", "False", reason, 60s);
  CHECK(condition_message(incident, "Redeployed").find(image.digest) != std::string::npos);
  CHECK(condition_status(incident, "Recovered").empty());
  CHECK(status_text(incident, "awaiting") == (is_temporary ? "" : "redeploy"));

  scenario.world().registry().set_failure(image.repository, Failure::kNone);
  scenario.eventually_condition(name, "Closed", "True", "", 60s);
  check_shop_is_open(scenario, image.digest);
}

TEST_CASE("19: the verified image is recognised as index, platform manifest and config", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kRuntime)) return;
  const ImageId form = GENERATE(ImageId::kIndex, ImageId::kPlatformManifest, ImageId::kConfig);
  scenario.world().registry().set_image_id(form);
  const Image image = scenario.push_signed("shop/web", "1.0", "web 1.0");
  scenario.open_shop(image.by_digest);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);

  const std::string name = scenario.breach(victim);
  const json incident = scenario.eventually_condition(name, "Closed", "True");

  CHECK(condition_reason(incident, "Redeployed") == "AcceptedDigests");
  check_quarantined(scenario, victim, name);
  CHECK(scenario.pods_of("web").size() == 3);
}

TEST_CASE("19: a foreign digest among the owner's pods is not recognised", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.push_signed("shop/web", "1.0", "web 1.0");
  const Image foreign = scenario.push("shop/web", "0.9", "web 0.9");
  scenario.open_shop(image.by_digest);
  scenario.start();
  const auto pods = scenario.pods_of("web");
  // A tag that moved, or a node that lies: the spec names the accepted image, the runtime reports another.
  const std::string lie = scenario.world().registry_host() + "/shop/web@" + foreign.digest;
  const auto patched =
      scenario.client().patch(k8s::kPods, {scenario.shop(), name_of(pods.at(1))},
                              k8s::JsonPatch().replace("/status/containerStatuses/0/imageID", lie), "status");
  if (!patched) FAIL(patched.error().to_string());

  const std::string name = scenario.breach(pods.at(0));
  const json incident = scenario.eventually_condition(name, "Redeployed", "False", "UnacceptedDigest");

  CHECK(condition_message(incident, "Redeployed").find(foreign.digest) != std::string::npos);
  CHECK(condition_message(incident, "Redeployed").find(name_of(pods.at(1))) != std::string::npos);
  CHECK(condition_status(incident, "Recovered").empty());
  scenario.remove(k8s::kPods, name_of(pods.at(1)));
  scenario.eventually_condition(name, "Closed", "True");
  check_shop_is_open(scenario, image.digest);
}

}  // namespace kintsugi::scenarios
