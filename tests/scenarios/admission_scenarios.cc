// SPDX-License-Identifier: Apache-2.0
//
// What the API server lets start in a namespace during and after an incident.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "checks.h"
#include "net/testing/raw_socket.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr k8s::Resource kConfigurations = k8s::kValidatingWebhookConfigurations;

/// What the chart makes for the check, and flags for a controller that keeps it.
class AdmissionObjects {
 public:
  explicit AdmissionObjects(Scenario& scenario)
      : scenario_(scenario), name_(scenario.system().substr(0, scenario.system().rfind('-')) + "-admission") {
    const json metadata = {{"name", name_}};
    REQUIRE(scenario.client().create(k8s::kSecrets, scenario.system(),
                                     {{"apiVersion", "v1"},
                                      {"kind", "Secret"},
                                      {"metadata", {{"name", name_}, {"namespace", scenario.system()}}}}));
    REQUIRE(scenario.client().create(kConfigurations, "",
                                     {{"apiVersion", kConfigurations.api_version()},
                                      {"kind", kConfigurations.kind},
                                      {"metadata", {{"name", name_}}}}));
  }
  ~AdmissionObjects() { (void)scenario_.client().remove(kConfigurations, {"", name_}); }
  AdmissionObjects(const AdmissionObjects&) = delete;
  AdmissionObjects& operator=(const AdmissionObjects&) = delete;

  std::vector<std::string> flags() const {
    const std::string address = "127.0.0.1:" + std::to_string(net::unused_port());
    return {"--admission",        "--admission-listen", address, "--admission-url",
            "https://" + address, "--admission-name",   name_};
  }
  /// What the API server has been told.
  json webhooks() const {
    const auto live = scenario_.client().get(kConfigurations, {"", name_});
    REQUIRE(live);
    return live->value("webhooks", json::array());
  }
  bool guards(const std::string& policy) const {
    const json now = webhooks();
    return now.size() == 1 && now[0]["failurePolicy"] == policy &&
           now[0]["namespaceSelector"]["matchExpressions"][0]["values"] == json({scenario_.shop()});
  }

 private:
  Scenario& scenario_;
  const std::string name_;
};

/// Why a pod of this image may not start; empty: it may.
std::string refusal_of(Scenario& scenario, const std::string& name, const std::string& image) {
  const auto made = scenario.client().create(k8s::kPods, scenario.shop(), bare_pod(name, image));
  return made ? "" : made.error().to_string();
}

/// Why a pod cannot be given a label; empty: it has one now.
std::string labelling_trouble(Scenario& scenario, const std::string& pod) {
  const auto patched = scenario.client().patch(k8s::kPods, {scenario.shop(), pod},
                                               k8s::JsonPatch().add("/metadata/labels/checked", "true"));
  return patched ? "" : patched.error().to_string();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("during and after an incident no unverified image starts in its namespace", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  const Image good = scenario.open_shop();
  const Image unsigned_image = scenario.push("shop/evil", "1.0", "evil");
  const AdmissionObjects objects(scenario);
  scenario.start(false, objects.flags());
  CHECK(refusal_of(scenario, "before", unsigned_image.by_digest) == "");
  CHECK(objects.webhooks().empty());

  const json victim = scenario.pods_of("web").at(0);
  const std::string incident = scenario.breach(victim);
  scenario.eventually("the API server asks", [&] { return objects.guards("Ignore"); });

  // Configurations take effect at the API server a moment after they are written.
  int attempt = 0;
  scenario.eventually("an unsigned image is refused", [&] {
    return contains(refusal_of(scenario, "evil-" + std::to_string(++attempt), unsigned_image.by_digest),
                    "NoSignature");
  });
  const std::string refusal = refusal_of(scenario, "evil", unsigned_image.by_tag);
  CHECK(contains(refusal, unsigned_image.by_tag));
  CHECK(contains(refusal, "release-images"));
  CHECK(contains(refusal_of(scenario, "stranger", "registry.example/unknown:1"), "NoMatchingPolicy"));
  CHECK(refusal_of(scenario, "good", good.by_digest) == "");
  CHECK(refusal_of(scenario, "good-by-tag", good.by_tag) == "");

  // A debugging container is as good a way in; labels bring no image.
  const json debugger = {{"name", "debugger"}, {"image", unsigned_image.by_digest}};
  const auto debugged = scenario.client().patch(
      k8s::kPods, {scenario.shop(), "good"},
      k8s::JsonPatch().add("/spec/ephemeralContainers", json::array({debugger})), "ephemeralcontainers");
  REQUIRE_FALSE(debugged);
  CHECK(contains(debugged.error().to_string(), "NoSignature"));
  CHECK(labelling_trouble(scenario, "before") == "");

  // The recovery itself goes through the check.
  scenario.eventually_condition(incident, "Recovered", "True");
  scenario.eventually_incident(incident, "is closed",
                               [](const json& now) { return status_text(now, "outcome") == "recovered"; });
  CHECK(objects.guards("Ignore"));
  CHECK(contains(refusal_of(scenario, "after", unsigned_image.by_digest), "NoSignature"));
}

TEST_CASE("the namespace says what becomes of pods while nobody answers", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  scenario.open_shop();
  const Image unsigned_image = scenario.push("shop/evil", "1.0", "evil");
  const AdmissionObjects objects(scenario);
  bool is_closed = false;
  SECTION("fail-open") {}
  SECTION("fail-closed") {
    is_closed = true;
    REQUIRE(scenario.client().patch(
        k8s::kNamespaces, {"", scenario.shop()},
        k8s::JsonPatch().add("/metadata/labels/kintsugi.dev~1admission", "fail-closed")));
  }
  scenario.start(false, objects.flags());
  const json victim = scenario.pods_of("web").at(0);
  const std::string incident = scenario.breach(victim);
  scenario.eventually("the API server asks", [&] { return objects.guards(is_closed ? "Fail" : "Ignore"); });
  int attempt = 0;
  scenario.eventually("an unsigned image is refused", [&] {
    return !refusal_of(scenario, "evil-" + std::to_string(++attempt), unsigned_image.by_digest).empty();
  });

  // The registry cannot be asked.
  const Image late = scenario.push_signed("shop/late", "1.0", "late");
  scenario.world().registry().set_failure(late.repository, sandbox::OciRegistry::Failure::kServerError);
  const std::string undecided = refusal_of(scenario, "undecided", late.by_tag);
  CHECK(undecided.empty() == !is_closed);
  if (is_closed) CHECK(contains(undecided, "RegistryUnavailable"));

  scenario.controller().kill();
  CHECK(refusal_of(scenario, "unanswered", unsigned_image.by_digest).empty() == !is_closed);
  // What is there already can still be changed, isolated for instance.
  CHECK(labelling_trouble(scenario, name_of(scenario.pods_of("web").at(0))) == "");
}

TEST_CASE("a false alarm leaves no check behind", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  scenario.open_shop();
  const AdmissionObjects objects(scenario);
  scenario.start(false, objects.flags());
  const std::string incident = scenario.breach(scenario.pods_of("web").at(0));
  scenario.eventually("the API server asks", [&] { return objects.guards("Ignore"); });
  scenario.release(incident, "leave");
  scenario.eventually("the API server asks nobody any more", [&] { return objects.webhooks().empty(); });
}

}  // namespace kintsugi::scenarios
