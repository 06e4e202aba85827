// SPDX-License-Identifier: Apache-2.0
#include "targets/kubernetes/containment.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "k8s-client/core/patch.h"

using namespace kintsugi;
using namespace kintsugi::targets;
using nlohmann::json;

namespace {

json pod_document() {
  return json::parse(R"({
    "metadata": {"namespace": "shop", "name": "web-a", "uid": "u1",
                 "labels": {"app": "web", "pod-template-hash": "abc", "example.com/team": "a"},
                 "annotations": {"note": "keep", "cluster-autoscaler.kubernetes.io/safe-to-evict": "true"},
                 "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "r1", "controller": true}]},
    "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": "r/web:1"}]},
    "status": {"containerStatuses": [{"name": "web", "imageID": "r/web@sha256:aa"}]}})");
}

Pod view(const json& document) {
  return pod_from(from_json(document)).value();
}

json patched(const json& document, const Action& action) {
  const auto applied = k8s::apply_json_patch(document, action.body);
  REQUIRE(applied);
  return *applied;
}

}  // namespace

TEST_CASE("isolation takes all labels away, names the incident and carries its undo in the same write") {
  const json before = pod_document();
  const Action action = plan_isolation(view(before), "inc-1", "incident-tools");
  CHECK(action.uid == "u1");
  const json after = patched(before, action);
  CHECK(after["metadata"]["labels"] ==
        json({{"kintsugi.dev/quarantine", "true"}, {"kintsugi.dev/forensics", "incident-tools"}}));
  CHECK(after["metadata"]["annotations"]["kintsugi.dev/incident"] == "inc-1");
  CHECK(after["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false");
  CHECK(after["metadata"]["annotations"]["note"] == "keep");
  CHECK(after["spec"] == before["spec"]);
  CHECK(view(after).quarantined());
}

TEST_CASE("isolation then restoration is the pod as it was") {
  json before = pod_document();
  const auto shape = GENERATE(0, 1, 2, 3);
  if (shape == 1) before["metadata"].erase("annotations");
  if (shape == 2) before["metadata"].erase("labels");
  if (shape == 3) before["metadata"]["annotations"].erase("cluster-autoscaler.kubernetes.io/safe-to-evict");
  INFO(shape);
  const json isolated = patched(before, plan_isolation(view(before), "inc-1", ""));
  const auto undo = find_undo(view(isolated), std::nullopt);
  REQUIRE(undo);
  const auto restoration = plan_restoration(view(isolated), "inc-1", *undo);
  REQUIRE(restoration);
  json after = patched(isolated, *restoration);
  for (const char* map : {"labels", "annotations"}) {
    if (after["metadata"][map].empty()) after["metadata"].erase(map);
  }
  CHECK(after == before);
}

TEST_CASE("a pod that moved on refuses the patch instead of losing somebody's change") {
  const Action action = plan_isolation(view(pod_document()), "inc-1", "");
  json moved = pod_document();
  SECTION("another label value") {
    moved["metadata"]["labels"]["app"] = "other";
  }
  SECTION("a label gone") {
    moved["metadata"]["labels"].erase("app");
  }
  SECTION("a namesake") {
    moved["metadata"]["uid"] = "u2";
  }
  CHECK_FALSE(k8s::apply_json_patch(moved, action.body));
}

TEST_CASE("isolating twice fails on the second patch and changes nothing") {
  const Action action = plan_isolation(view(pod_document()), "inc-1", "");
  const json after = patched(pod_document(), action);
  CHECK_FALSE(k8s::apply_json_patch(after, action.body));
}

TEST_CASE("an edited undo annotation loses against the incident's copy") {
  const json before = pod_document();
  json isolated = patched(before, plan_isolation(view(before), "inc-1", ""));
  const ContainmentRecord record = containment_record(view(before));
  CHECK(record.images.at(0).image_id == "r/web@sha256:aa");
  CHECK(find_undo(view(isolated), record)->from_annotation);
  const std::string edited =
      GENERATE("", "{", "[]", "null", R"({"labels": 3})", R"({"labels": {"app": "evil"}})");
  isolated["metadata"]["annotations"]["kintsugi.dev/undo"] = edited;
  const auto undo = find_undo(view(isolated), record);
  REQUIRE(undo);
  CHECK_FALSE(undo->from_annotation);
  CHECK(undo->labels == view(before).meta.labels);
  if (edited.empty() || edited[0] != '{' || edited.size() < 3)
    CHECK_FALSE(find_undo(view(isolated), std::nullopt));
}

TEST_CASE("annotations that leave no room for the quarantine are taken away, the largest first") {
  constexpr std::size_t kLimit = 256u << 10;
  const auto bytes_of = [](const json& pod) {
    std::size_t bytes = 0;
    for (const auto& [key, value] : pod["metadata"]["annotations"].items())
      bytes += key.size() + value.get<std::string>().size();
    return bytes;
  };
  json pod = pod_document();
  json& annotations = pod["metadata"]["annotations"];
  CHECK_FALSE(isolation_with_room(plan_isolation(view(pod), "inc-1", ""), pod));  // there is room

  annotations["filler/a~b"] = std::string(100'000, 'a');
  annotations["kintsugi.dev/filler"] = std::string(161'500, 'b');
  REQUIRE(bytes_of(pod) < kLimit);
  const Action refused = plan_isolation(view(pod), "inc-1", "");
  REQUIRE(bytes_of(patched(pod, refused)) > kLimit - 1024);
  const auto roomier = isolation_with_room(refused, pod);
  REQUIRE(roomier);
  json after = patched(pod, *roomier);
  CHECK(bytes_of(after) <= kLimit);
  CHECK(after["metadata"]["annotations"]["kintsugi.dev/removed-annotations"] == "kintsugi.dev/filler");
  CHECK(after["metadata"]["annotations"].contains("filler/a~b"));
  CHECK(view(after).quarantined());
  CHECK(find_undo(view(after), std::nullopt)->labels == view(pod).meta.labels);

  pod["metadata"]["labels"]["app"] = "changed meanwhile";
  CHECK_FALSE(isolation_with_room(refused, pod));
}

TEST_CASE("whoever comes later still learns from the victim who controlled it") {
  const Pod before = view(pod_document());
  json isolated = patched(pod_document(), plan_isolation(before, "inc-1", ""));
  isolated["metadata"].erase("ownerReferences");  // the owner has let go
  const ContainmentRecord record = containment_record(view(isolated));
  CHECK(record.controller == before.meta.controller);
  CHECK(record.labels == before.meta.labels);

  const std::string edited =
      GENERATE(R"({"labels": {}})", R"({"labels": {}, "controller": "ReplicaSet"})",
               R"({"labels": {}, "controller": {"kind": "ReplicaSet", "name": 3, "uid": "u"}})");
  isolated["metadata"]["annotations"]["kintsugi.dev/undo"] = edited;
  CHECK(containment_record(view(isolated)).controller == OwnerRef());
}

TEST_CASE("restoration is refused for a pod of another incident") {
  const json before = pod_document();
  const Pod isolated = view(patched(before, plan_isolation(view(before), "inc-1", "")));
  CHECK_FALSE(plan_restoration(isolated, "inc-2", {}));
  CHECK_FALSE(plan_restoration(view(before), "inc-1", {}));
}

TEST_CASE("a quarantine whose incident somebody has taken out of it is given back, too") {
  const json before = pod_document();
  json isolated = patched(before, plan_isolation(view(before), "inc-1", ""));
  const auto undo = find_undo(view(isolated), std::nullopt);
  isolated["metadata"]["annotations"].erase("kintsugi.dev/incident");
  REQUIRE(undo);
  const auto restoration = plan_restoration(view(isolated), "", *undo);
  REQUIRE(restoration);
  CHECK(patched(isolated, *restoration) == before);
}

TEST_CASE("what a pod says of itself fits into its incident, however long it is") {
  json pod = pod_document();
  const std::string longer(5000, 'a');
  pod["spec"]["containers"].push_back({{"name", "side"}, {"image", longer}});
  pod["status"]["containerStatuses"].push_back({{"name", "side"}, {"imageID", longer}});
  for (const char* part : {"kind", "name", "uid"}) pod["metadata"]["ownerReferences"][0][part] = longer;
  const ContainmentRecord record = containment_record(view(pod));
  CHECK(record.images.at(1).image.size() == kMaxImageBytes);
  CHECK(record.images.at(1).image_id.size() == kMaxImageBytes);
  CHECK(record.controller.kind.size() == 63);
  CHECK(record.controller.name.size() == 253);
  CHECK(record.controller.uid.size() == 63);

  json isolated = patched(pod_document(), plan_isolation(view(pod_document()), "inc-1", ""));
  isolated["metadata"].erase("ownerReferences");
  const json owner{{"kind", longer}, {"name", longer}, {"uid", longer}};
  isolated["metadata"]["annotations"]["kintsugi.dev/undo"] =
      json{{"labels", json::object()}, {"controller", owner}}.dump();
  CHECK(containment_record(view(isolated)).controller == record.controller);
}

TEST_CASE("label removal is safe for ReplicaSets' and bare pods only") {
  struct Case {
    std::string kind, api_version;
    bool expected;
  };
  const auto c = GENERATE(values<Case>({{"", "", true},
                                        {"ReplicaSet", "apps/v1", true},
                                        {"ReplicaSet", "example.com/v1", false},
                                        {"StatefulSet", "apps/v1", false},
                                        {"DaemonSet", "apps/v1", false},
                                        {"Job", "batch/v1", false},
                                        {"Node", "v1", false}}));
  Pod pod = view(pod_document());
  pod.meta.controller.kind = c.kind;
  pod.meta.api_version_of_controller = c.api_version;
  CHECK(can_release_by_labels(pod) == c.expected);
}

TEST_CASE("isolating again keeps the first undo and takes what was added since") {
  const json before = pod_document();
  json tampered = patched(before, plan_isolation(view(before), "inc-1", ""));
  tampered["metadata"]["labels"] = {{"app", "web"}};
  const auto undo = find_undo(view(tampered), containment_record(view(before)));
  REQUIRE(undo);
  const std::string incident = GENERATE("inc-1", "inc-2");
  const json again = patched(tampered, plan_isolation(view(tampered), incident, "", &*undo));
  CHECK(again["metadata"]["labels"] == json({{"kintsugi.dev/quarantine", "true"}}));
  CHECK(again["metadata"]["annotations"]["kintsugi.dev/incident"] == incident);
  CHECK(find_undo(view(again), std::nullopt)->labels == view(before).meta.labels);
}
