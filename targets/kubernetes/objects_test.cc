// SPDX-License-Identifier: Apache-2.0
#include "targets/kubernetes/objects.h"

#include <catch2/catch.hpp>

using namespace kintsugi;
using namespace kintsugi::targets;

namespace {

Node parse(std::string_view yaml) {
  auto node = parse_yaml_document(yaml);
  REQUIRE(node);
  return *node;
}

}  // namespace

TEST_CASE("a pod is read with what planning and proof need") {
  const auto pod = pod_from(parse(R"(
metadata:
  namespace: shop
  name: web-a
  uid: u1
  resourceVersion: "7"
  creationTimestamp: "2026-11-21T10:00:00Z"
  labels: {app: web, kintsugi.dev/quarantine: "true"}
  annotations: {kintsugi.dev/incident: inc-1, kintsugi.dev/undo: "{}", k8s.v1.cni.cncf.io/networks: x}
  ownerReferences:
  - {kind: Other, name: o, uid: o1}
  - {apiVersion: apps/v1, kind: ReplicaSet, name: web-1, uid: r1, controller: true}
spec:
  nodeName: n1
  hostNetwork: true
  priorityClassName: high
  containers:
  - {name: web, image: "r/web:1", securityContext: {privileged: true}}
  - {name: side, image: "r/side:1"}
  initContainers: [{name: init, image: "r/init:1"}]
  volumes: [{name: h, hostPath: {path: /}}, {name: p, persistentVolumeClaim: {claimName: c}}]
status:
  phase: Running
  conditions: [{type: Ready, status: "True"}]
  containerStatuses:
  - {name: web, imageID: "r/web@sha256:aa", containerID: "containerd://abc", restartCount: 2,
     state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {containerID: "containerd://old"}}}
  - {name: unknown, imageID: x}
)"));
  REQUIRE(pod);
  CHECK(pod->meta.controller == OwnerRef{"ReplicaSet", "web-1", "r1"});
  CHECK(pod->quarantined());
  CHECK(pod->incident == "inc-1");
  CHECK(pod->ready);
  CHECK(pod->facts.host_network);
  CHECK(pod->facts.host_paths == std::vector<std::string>{"/"});
  REQUIRE(pod->containers.size() == 3);
  CHECK(pod->containers[0].image_id == "r/web@sha256:aa");
  CHECK(pod->containers[0].last_container_id == "containerd://old");
  CHECK(pod->containers[0].waiting_reason == "CrashLoopBackOff");
  CHECK(pod->containers[0].restarts == 2);
  CHECK(pod->containers[1].image_id.empty());
  CHECK(pod->containers[2].init);
}

TEST_CASE("a container that was attached to a running pod is one of its containers") {
  const auto pod = pod_from(parse(R"(
metadata: {namespace: shop, name: web-a, uid: u1}
spec:
  containers: [{name: web, image: "r/web:1"}]
  ephemeralContainers: [{name: debug, image: "evil/shell:1"}, {name: ended, image: "evil/shell:1"}]
status:
  containerStatuses: [{name: web, imageID: "r/web@sha256:aa", state: {running: {}}}]
  ephemeralContainerStatuses:
  - {name: debug, imageID: "evil/shell@sha256:bb", containerID: "containerd://dbg", state: {running: {}}}
  - {name: ended, imageID: "evil/shell@sha256:bb", state: {terminated: {exitCode: 0}}}
)"));
  REQUIRE(pod);
  REQUIRE(pod->containers.size() == 3);
  CHECK_FALSE(pod->containers[0].ephemeral);
  CHECK(pod->containers[1].ephemeral);
  CHECK(pod->containers[1].running);
  CHECK(pod->containers[1].image_id == "evil/shell@sha256:bb");
  CHECK(pod->containers[1].container_id == "containerd://dbg");
  CHECK_FALSE(pod->containers[2].running);
}

TEST_CASE("members of a wrong type are as good as absent, a nameless object is an error") {
  const auto pod = pod_from(parse("{metadata: {name: a, uid: u, generation: x}, spec: {nodeName: 3}}"));
  REQUIRE(pod);
  CHECK(pod->meta.labels.empty());
  CHECK(pod->node.empty());
  CHECK_FALSE(pod->has_annotations);
  CHECK_FALSE(pod_from(parse("{metadata: {name: a}}")));
  CHECK_FALSE(pod_from(parse("[]")));
  CHECK_FALSE(deployment_from(parse("{}")));
}

TEST_CASE("a deployment's GitOps owner is recognised by its tracking marks") {
  struct Case {
    std::string metadata, expected;
  };
  const auto c = GENERATE(values<Case>({
      {"", ""},
      {", labels: {app.kubernetes.io/instance: helm-release}", ""},
      {", labels: {app.kubernetes.io/instance: helm-release}, managedFields: [{manager: helm}]", ""},
      {", managedFields: [{manager: argocd-controller}]", ""},
      {", labels: {app.kubernetes.io/instance: shop}, managedFields: [{manager: kube-controller-manager}, "
       "{manager: argocd-controller}]",
       "Argo CD application shop"},
      {", labels: {argocd.argoproj.io/instance: shop}", "Argo CD application shop"},
      {", annotations: {argocd.argoproj.io/tracking-id: \"shop:apps/Deployment:shop/web\"}",
       "Argo CD application shop"},
      {", labels: {kustomize.toolkit.fluxcd.io/name: apps}", "Flux kustomization apps"},
      {", labels: {helm.toolkit.fluxcd.io/name: web}", "Flux helm release web"},
  }));
  const auto deployment =
      deployment_from(parse("{metadata: {name: web, uid: d1" + c.metadata +
                            "}, spec: {template: {spec: {containers: [{name: web, image: i}]}}}}"));
  REQUIRE(deployment);
  CHECK(deployment->gitops_owner == c.expected);
  CHECK(deployment->replicas == 1);
  CHECK(deployment->containers.size() == 1);
}

TEST_CASE("an endpoint without a ready condition is ready, as the API says") {
  const auto slice = endpoint_slice_from(parse(R"(
metadata: {name: web-x, uid: e1, labels: {kubernetes.io/service-name: web}}
endpoints:
- {targetRef: {kind: Pod, uid: a}}
- {conditions: {ready: false}, targetRef: {kind: Pod, uid: b}}
- {conditions: {ready: true}, targetRef: {kind: Pod, uid: c}}
- {conditions: {ready: true}, targetRef: {kind: Node, uid: d}}
)"));
  REQUIRE(slice);
  CHECK(slice->service == "web");
  CHECK(slice->ready_pods == std::vector<EndpointSlice::ReadyPod>{{"a", ""}, {"c", ""}});
}
