// SPDX-License-Identifier: Apache-2.0
#include "targets/kubernetes/redeployment.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/kubernetes_name.h"
#include "k8s-client/core/patch.h"

using namespace kintsugi;
using namespace kintsugi::targets;
using nlohmann::json;

namespace {

const std::string kIndex = "sha256:" + std::string(64, 'a');
const std::string kPlatform = "sha256:" + std::string(64, 'b');
const std::string kForeign = "sha256:" + std::string(64, 'f');

std::vector<TrustedImage> accepted() {
  return {{"web", "r.example/shop/web:1", kIndex, {kIndex, kPlatform}, "p", "k", "Running", ""}};
}

json deployment_document() {
  return json::parse(R"({"metadata": {"namespace": "shop", "name": "web", "uid": "d1"},
    "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "web", "image": "r.example:5000/shop/web:1"}]}}}})");
}

Pod running(const std::string& name, const std::string& image_id, bool ready = true) {
  Pod pod;
  pod.meta.name = name;
  pod.meta.uid = name;
  pod.phase = "Running";
  pod.ready = ready;
  Container container;
  container.name = "web";
  container.image = "r.example/shop/web:1";
  container.image_id = image_id;
  pod.containers = {container};
  return pod;
}

}  // namespace

TEST_CASE("a digest is found in whatever a runtime reports, and nowhere else") {
  CHECK(digest_of("r/web@" + kIndex) == kIndex);
  CHECK(digest_of("docker-pullable://r/web@" + kIndex) == kIndex);
  CHECK(digest_of("docker://" + kIndex) == kIndex);
  CHECK(digest_of(kIndex) == kIndex);
  const std::string bad =
      GENERATE("", "r/web:1", "r/web@sha256:abc", "r/web@sha512:" + std::string(64, 'a'),
               "r/websha256:" + std::string(64, 'a'), "r/web@sha256:" + std::string(64, 'A'),
               "r/web@sha256:" + std::string(65, 'a'), "r/web@sha256:" + std::string(64, 'a') + " ");
  INFO(bad);
  CHECK(digest_of(bad).empty());
}

TEST_CASE("a template is prepared when each container names its accepted digest") {
  Deployment deployment;
  CHECK_FALSE(is_prepared(deployment, accepted()));
  deployment.containers = {{"web", "mirror.example/web@" + kIndex, "", "", "", "", 0, false}};
  CHECK(is_prepared(deployment, accepted()));
  CHECK_FALSE(is_prepared(deployment, {}));
  deployment.containers[0].image = "r.example/shop/web:1";
  CHECK_FALSE(is_prepared(deployment, accepted()));
}

TEST_CASE("a rollout is over when its controller has seen the template and no pod is of an older one") {
  struct Case {
    std::int64_t generation, observed;
    std::uint32_t total, updated;
    bool over;
  };
  const auto c = GENERATE(values<Case>({{2, 2, 3, 3, true},
                                        {2, 2, 0, 0, true},
                                        {2, 2, 2, 2, true},
                                        {3, 2, 3, 3, false},
                                        {2, 2, 4, 3, false},
                                        {2, 2, 3, 0, false}}));
  Deployment deployment;
  deployment.generation = c.generation;
  deployment.observed_generation = c.observed;
  deployment.replicas = 3;
  deployment.total_replicas = c.total;
  deployment.updated_replicas = c.updated;
  CHECK(unfinished_rollout(deployment).empty() == c.over);
}

TEST_CASE("the newest pod is told by its second, then by its version") {
  Pod old = running("old", "");
  Pod same_second = running("a", "");
  Pod newest = running("b", "");
  for (Pod* pod : {&same_second, &newest}) pod->meta.created = old.meta.created + std::chrono::seconds(1);
  old.meta.resource_version = "200";
  same_second.meta.resource_version = "99";
  newest.meta.resource_version = "100";
  CHECK(newest_of({old, newest, same_second})->meta.name == "b");
  CHECK(newest_of({same_second, newest, old})->meta.name == "b");
  CHECK(newest_of({}) == nullptr);
}

TEST_CASE("a pin replaces images behind tests and is planned once") {
  const auto pin = plan_pin(deployment_document(), accepted(), {});
  REQUIRE(pin);
  const auto after = k8s::apply_json_patch(deployment_document(), pin->body);
  REQUIRE(after);
  CHECK((*after)["spec"]["template"]["spec"]["containers"][0]["image"] ==
        "r.example:5000/shop/web@" + kIndex);
  CHECK(plan_pin(*after, accepted(), {}).error().code == ErrorCode::kAlreadyExists);
  CHECK_FALSE(k8s::apply_json_patch(*after, pin->body));
  CHECK(k8s::apply_json_patch(*after, pin->undo) == deployment_document());
  CHECK(plan_pin(deployment_document(), {}, {}).error().code == ErrorCode::kRefused);
}

TEST_CASE("hardening is added to what is there, and taken back") {
  json document = deployment_document();
  document["spec"]["template"]["spec"]["containers"][0]["env"] = {
      {{"name", "PASSWORD"}, {"value", "s3cret"}}};
  document["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {
      {"runAsUser", 5}, {"readOnlyRootFilesystem", false}};
  const auto pin =
      plan_pin(document, accepted(),
               {Hardening::kReadOnlyRootFilesystem, Hardening::kDropCapabilities, Hardening::kRunAsNonRoot,
                Hardening::kSeccompRuntimeDefault, Hardening::kNoServiceAccountToken});
  REQUIRE(pin);
  const auto after = k8s::apply_json_patch(document, pin->body);
  REQUIRE(after);
  const json& spec = (*after)["spec"]["template"]["spec"];
  CHECK(k8s::apply_json_patch(*after, pin->undo) == document);
  CHECK((pin->undo + pin->body).find("s3cret") == std::string::npos);
  CHECK(spec["automountServiceAccountToken"] == false);
  CHECK(spec["containers"][0]["securityContext"] ==
        json::parse(R"({"runAsUser": 5, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
                        "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}})"));
}

TEST_CASE("a bare pod is recreated clean, under the same new name on each try") {
  const json victim = json::parse(R"({
    "metadata": {"namespace": "shop", "name": "one", "uid": "u", "resourceVersion": "5", "labels": {"kintsugi.dev/quarantine": "true"},
                 "annotations": {"kintsugi.dev/undo": "{}", "team": "shop"}},
    "spec": {"nodeName": "n1", "serviceAccountName": "sa", "ephemeralContainers": [{"name": "dbg"}],
             "containers": [{"name": "web", "image": "r.example/shop/web:1",
                             "volumeMounts": [{"name": "kube-api-access-x"}, {"name": "data"}]}],
             "volumes": [{"name": "kube-api-access-x"}, {"name": "data"}]},
    "status": {"phase": "Running"}})");
  const auto action = plan_recreation(victim, {{"app", "one"}}, "inc-1", accepted(), {});
  REQUIRE(action);
  CHECK(action->body == plan_recreation(victim, {{"app", "one"}}, "inc-1", accepted(), {})->body);
  CHECK(action->name != "one");
  const json pod = json::parse(action->body);
  CHECK(pod["metadata"]["labels"] == json({{"app", "one"}}));
  CHECK(pod["metadata"]["annotations"] == json({{"team", "shop"}, {"kintsugi.dev/recreated-for", "inc-1"}}));
  CHECK_FALSE(pod["metadata"].contains("uid"));
  CHECK_FALSE(pod.contains("status"));
  CHECK(pod["spec"] == json::parse(R"({"serviceAccountName": "sa", "volumes": [{"name": "data"}],
    "containers": [{"name": "web", "image": "r.example/shop/web@)" +
                                   kIndex + R"(", "volumeMounts": [{"name": "data"}]}]})"));
  CHECK_FALSE(plan_recreation(victim, {}, "inc-1", {}, {}));
}

TEST_CASE("the labels of a pod that was not isolated are its own without ours") {
  struct Case {
    const char* metadata;
    Labels expected;
  };
  const Case cases[] = {
      {R"({"labels": {"app": "web", "kintsugi.dev/quarantine": "true"}})", {{"app", "web"}}},
      {R"({"labels": {"app": 3}})", {}},
      {R"({"labels": null})", {}},
      {R"({"labels": []})", {}},
      {R"({})", {}},
  };
  for (const Case& c : cases) {
    INFO(c.metadata);
    CHECK(own_labels({{"metadata", json::parse(c.metadata)}}) == c.expected);
  }
}

TEST_CASE("a long name of a bare pod is not cut into one that is none") {
  json victim = json::parse(R"({"metadata": {"namespace": "shop"}, "spec": {"containers": [
    {"name": "web", "image": "r.example/shop/web:1"}]}})");
  for (const std::string end : {".", "-", ".-", "x"}) {
    victim["metadata"]["name"] = std::string(54 - end.size(), 'a') + end + "tail";
    const auto action = plan_recreation(victim, {}, "inc-1", accepted(), {});
    REQUIRE(action);
    CHECK(is_dns_subdomain(action->name));
  }
}

TEST_CASE("what runs in a pod beside its template counts as long as it runs") {
  Replacements now;
  now.wanted = 1;
  now.pods = {running("a", "r/web@" + kIndex)};
  Container debug;
  debug.name = "debug";
  debug.ephemeral = true;
  debug.running = true;
  debug.image_id = "evil/shell@" + kForeign;
  now.pods.front().containers.push_back(debug);
  CHECK(assess_redeployed(now, accepted()).reason == "UnacceptedDigest");
  CHECK(assess_recovered(now, accepted()).reason == "UnacceptedDigest");
  now.pods.front().containers.back().image_id.clear();
  CHECK_FALSE(assess_redeployed(now, accepted()).holds());
  now.pods.front().containers.back().running = false;  // has ended, or was never pulled
  now.pods.front().containers.back().waiting_reason = "ImagePullBackOff";
  CHECK(assess_redeployed(now, accepted()).holds());
}

TEST_CASE("recovery is judged by what runs, is Ready and serves") {
  struct Case {
    std::string name;
    Replacements now;
    std::string redeployed, recovered;
  };
  const Pod good = running("a", "other.example/x@" + kPlatform);
  Pod pulling = running("p", "", false);
  pulling.containers[0].waiting_reason = "ImagePullBackOff";
  Pod looping = running("l", "r@" + kIndex, false);
  looping.containers[0].waiting_reason = "CrashLoopBackOff";
  Pod pending = running("q", "", false);
  pending.unschedulable = true;
  Pod leaving = running("d", "r@" + kForeign);
  leaving.meta.being_deleted = true;
  const auto c = GENERATE_COPY(values<Case>({
      {"ready on the platform's digest, no service",
       {1, {good}, "", "", false, {}},
       "AcceptedDigests",
       "Ready"},
      {"serving", {1, {good}, "", "", true, {"a"}}, "AcceptedDigests", "Serving"},
      {"not yet in the slice", {1, {good}, "", "", true, {"z"}}, "AcceptedDigests", "NotServing"},
      {"too few", {2, {good}, "", "", false, {}}, "ReplicasMissing", "ReplicasMissing"},
      {"quota", {2, {good}, "exceeded quota", "", false, {}}, "ReplicaFailure", "ReplicaFailure"},
      {"a sibling on a foreign digest",
       {1, {good, running("b", "r@" + kForeign)}, "", "", false, {}},
       "UnacceptedDigest",
       "UnacceptedDigest"},
      {"a leaving pod does not count", {1, {good, leaving}, "", "", false, {}}, "AcceptedDigests", "Ready"},
      {"no digest reported",
       {1, {running("a", "r:1")}, "", "", false, {}},
       "ImageNotReported",
       "ImageNotReported"},
      {"pull fails", {1, {pulling}, "", "", false, {}}, "ImagePullFailed", "ImagePullFailed"},
      {"crash loop", {1, {looping}, "", "", false, {}}, "AcceptedDigests", "CrashLoop"},
      {"unschedulable", {1, {pending}, "", "", false, {}}, "Unschedulable", "Unschedulable"},
      {"never ready",
       {1, {running("a", "r@" + kIndex, false)}, "", "", false, {}},
       "AcceptedDigests",
       "NotReady"},
      {"in the middle of a rollout",
       {1, {good}, "", "1 of 2", false, {}},
       "RolloutInProgress",
       "RolloutInProgress"},
      {"a rollout that cannot end", {1, {good, looping}, "", "1 of 2", false, {}}, "CrashLoop", "CrashLoop"},
      {"scaled to zero", {0, {}, "", "", false, {}}, "ScaledToZero", "ScaledToZero"},
      {"scaled to zero, with a service", {0, {}, "", "", true, {}}, "ScaledToZero", "ScaledToZero"},
      {"scaled to zero, and a pod is still there",
       {0, {good}, "", "", false, {}},
       "ScaledToZero",
       "ScaledToZero"},
      {"scaled to zero, and a foreign digest is still there",
       {0, {running("b", "r@" + kForeign)}, "", "", false, {}},
       "UnacceptedDigest",
       "UnacceptedDigest"},
  }));
  INFO(c.name);
  const Finding redeployed = assess_redeployed(c.now, accepted());
  CHECK(redeployed.reason == c.redeployed);
  CHECK(redeployed.holds() == (c.redeployed == "AcceptedDigests"));
  const Finding recovered = assess_recovered(c.now, accepted());
  CHECK(recovered.reason == c.recovered);
  CHECK(recovered.holds() == (c.recovered == "Ready" || c.recovered == "Serving"));
  CHECK_FALSE(recovered.message.empty());
  CHECK_FALSE(assess_redeployed({1, {good}, "", "", false, {}}, {}).holds());
}
