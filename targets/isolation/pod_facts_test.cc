// SPDX-License-Identifier: Apache-2.0
#include "targets/isolation/pod_facts.h"

#include <catch2/catch.hpp>
#include <string>

using namespace kintsugi;
using namespace kintsugi::isolation;
using Catch::Matchers::Contains;

namespace {

Result<PodFacts> facts_of(const std::string& json) {
  const auto document = parse_json_document(json);
  REQUIRE(document);
  return read_pod_facts(*document);
}

/// A pod that the API server has admitted, with this spec.
PodFacts facts_of_spec(const std::string& spec) {
  const auto facts = facts_of(R"({"metadata":{"uid":"u"},"spec":)" + spec + "}");
  REQUIRE(facts);
  return *facts;
}

}  // namespace

TEST_CASE("an ordinary pod has nothing out of reach") {
  CHECK(facts_of_spec(R"({"containers":[{"name":"web","securityContext":{"privileged":false}}],
                          "volumes":[{"name":"a","emptyDir":{}},{"name":"b","configMap":{"name":"c"}},
                                     {"name":"d","secret":{}},{"name":"e","projected":{"sources":[{"configMap":{}}]}},
                                     {"name":"f","ephemeral":{}},{"name":"g","downwardAPI":{}}]})") ==
        PodFacts{});
}

TEST_CASE("the host's namespaces, paths and privileges are found") {
  const PodFacts facts = facts_of_spec(R"({
    "hostNetwork": true, "hostPID": true,
    "containers": [{"name": "a"}, {"name": "b", "securityContext": {"privileged": true}}],
    "initContainers": [{"name": "c", "securityContext": {"privileged": true}}],
    "ephemeralContainers": [{"name": "d", "securityContext": {"privileged": true}}],
    "volumes": [{"name": "v", "hostPath": {"path": "/var/run"}}]})");
  CHECK(facts.host_network);
  CHECK(facts.host_pid);
  CHECK(facts.privileged_containers == std::vector<std::string>{"b", "c", "d"});
  CHECK(facts.host_paths == std::vector<std::string>{"/var/run"});
  CHECK(facts.shared_volumes.empty());
}

TEST_CASE("a privileged init container counts until it has terminated") {
  const auto with_state = [](const std::string& state) {
    return facts_of(R"({"metadata":{"uid":"u"},
      "spec":{"initContainers":[{"name":"i","securityContext":{"privileged":true}}]},
      "status":{"initContainerStatuses":[{"name":"i","state":)" +
                    state + "}]}}");
  };
  CHECK(with_state(R"({"running":{}})")->privileged_containers.size() == 1);
  CHECK(with_state(R"({"waiting":{}})")->privileged_containers.size() == 1);
  CHECK(with_state(R"({"terminated":{"exitCode":0}})")->privileged_containers.empty());
}

TEST_CASE("a volume is shared unless its source is known not to be") {
  struct Case {
    std::string source;
    bool shared;
  };
  const auto c = GENERATE(values<Case>({
      {R"("persistentVolumeClaim":{"claimName":"c"})", true},
      {R"("persistentVolumeClaim":{"claimName":"c","readOnly":true})", false},
      {R"("nfs":{"server":"s","path":"/"})", true},
      {R"("csi":{"driver":"d"})", true},
      {R"("csi":{"driver":"d","readOnly":true})", false},
      {R"("somethingNew":{})", true},
      {R"("emptyDir":{"medium":"Memory"})", false},
      {R"("image":{"reference":"r"})", false},
  }));
  CAPTURE(c.source);
  const PodFacts facts = facts_of_spec(R"({"volumes":[{"name":"data",)" + c.source + "}]}");
  CHECK(facts.shared_volumes == (c.shared ? std::vector<std::string>{"data"} : std::vector<std::string>{}));
}

TEST_CASE("a token is found in volumes, or by default in a template") {
  const std::string token =
      R"({"volumes":[{"name":"t","projected":{"sources":[{"serviceAccountToken":{}}]}}]})";
  CHECK(facts_of_spec(token).service_account_token);
  CHECK_FALSE(facts_of_spec("{}").service_account_token);
  CHECK(facts_of(R"({"spec":{}})")->service_account_token);
  CHECK(facts_of(R"({"spec":{"automountServiceAccountToken":true}})")->service_account_token);
  CHECK_FALSE(facts_of(R"({"spec":{"automountServiceAccountToken":false}})")->service_account_token);
  CHECK(facts_of(R"({"spec":)" + token + "}")->service_account_token);
}

TEST_CASE("secondary networks are read in both forms of the annotation") {
  struct Case {
    std::string annotation;
    std::vector<std::string> expected;
  };
  const auto c = GENERATE(values<Case>({
      {"", {}},
      {"  ", {}},
      {"[]", {}},
      {",,", {}},
      {"storage", {"storage"}},
      {"storage, ops/backup@eth2", {"storage", "ops/backup@eth2"}},
      {"storage,", {"storage"}},
      {R"([{\"name\":\"a\"},{\"name\":\"b\",\"namespace\":\"ops\"}])", {"a", "ops/b"}},
      {R"([{\"interface\":\"net1\"}])", {"unnamed"}},
      {R"([1])", {"unnamed"}},
      {"[{", {"unreadable annotation"}},
  }));
  CAPTURE(c.annotation);
  const auto facts = facts_of(R"({"metadata":{"annotations":{"k8s.v1.cni.cncf.io/networks":")" +
                              c.annotation + R"("}},"spec":{}})");
  REQUIRE(facts);
  CHECK(facts->secondary_networks == c.expected);
}

TEST_CASE("a malformed pod is refused with the field") {
  struct Case {
    std::string pod, expected;
  };
  const auto c = GENERATE(values<Case>({
      {"[]", "a pod is an object, not array"},
      {R"({"spec":[]})", "spec: expected object"},
      {R"({"spec":{"hostNetwork":"true"}})", "spec.hostNetwork: expected boolean, found string"},
      {R"({"spec":{"hostPID":1}})", "spec.hostPID: expected boolean"},
      {R"({"spec":{"containers":{}}})", "spec.containers: expected array"},
      {R"({"spec":{"containers":[{"securityContext":{"privileged":"yes"}}]}})",
       "spec.containers[0].securityContext.privileged: expected boolean"},
      {R"({"spec":{"volumes":[7]}})", "spec.volumes[0]: expected object"},
      {R"({"spec":{"volumes":[{"name":"a","hostPath":"/"}]}})", "spec.volumes[0].hostPath: expected object"},
      {R"({"spec":{"volumes":[{"name":"a","nfs":{"readOnly":"x"}}]}})", "nfs.readOnly: expected boolean"},
      {R"({"metadata":{"annotations":{"k8s.v1.cni.cncf.io/networks":1}}})", "networks: expected string"},
      {R"({"status":{"initContainerStatuses":3}})", "status.initContainerStatuses: expected array"},
  }));
  CAPTURE(c.pod);
  const auto facts = facts_of(c.pod);
  REQUIRE_FALSE(facts);
  CHECK(facts.error().code == ErrorCode::kInvalidInput);
  CHECK_THAT(facts.error().message, Contains(c.expected));
}
