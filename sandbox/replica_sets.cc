// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <tuple>

#include "sandbox/controllers.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

/// Writes what was made of `pod`, unless the pod has changed since: then the next pass looks again.
void replace(ObjectStore& store, json pod) {
  const k8s::ObjectKey key = key_of(pod);
  (void)store.replace(k8s::kPods, key, std::move(pod));
}

void release(ObjectStore& store, json pod, const std::string& owner_uid) {
  json& owners = pod["metadata"]["ownerReferences"];
  const auto is_owner = [&](const json& owner) { return text(owner, {"uid"}) == owner_uid; };
  owners.erase(std::remove_if(owners.begin(), owners.end(), is_owner), owners.end());
  replace(store, std::move(pod));
}

void adopt(ObjectStore& store, json pod, const json& replica_set) {
  pod["metadata"]["ownerReferences"].push_back(owner_reference(replica_set));
  replace(store, std::move(pod));
}

/// The pods that count for `replica_set`, after taking in orphans that it selects and giving back what it
/// owns but no longer selects.
std::vector<Object> claim_pods(ObjectStore& store, const json& replica_set) {
  const LabelSelector selector = to_selector(field(replica_set, {"spec", "selector"}));
  std::vector<Object> claimed;
  for (const Object& pod : store.all(k8s::kPods, namespace_of(replica_set))) {
    if (is_being_deleted(*pod)) continue;
    const std::string owner = controller_uid(*pod);
    const bool selected = !selector.empty() && selector.matches(labels_of(*pod));
    if (owner == uid_of(replica_set) && !selected) release(store, *pod, owner);
    if (owner.empty() && selected) adopt(store, *pod, replica_set);
    if (selected && (owner.empty() || owner == uid_of(replica_set))) claimed.push_back(pod);
  }
  return claimed;
}

void create_pod(ObjectStore& store, const json& replica_set) {
  const json& pod_template = field(replica_set, {"spec", "template"});
  json pod{{"metadata",
            {{"generateName", name_of(replica_set) + "-"},
             {"labels", field(pod_template, {"metadata", "labels"})},
             {"annotations", field(pod_template, {"metadata", "annotations"})},
             {"ownerReferences", json::array({owner_reference(replica_set)})}}},
           {"spec", field(pod_template, {"spec"})}};
  (void)store.create(k8s::kPods, namespace_of(replica_set), std::move(pod));
}

int deletion_cost(const json& pod) {
  const std::string cost =
      text(pod, {"metadata", "annotations", "controller.kubernetes.io/pod-deletion-cost"});
  int number = 0;
  std::from_chars(cost.data(), cost.data() + cost.size(), number);
  return number;
}

/// Smaller goes first.
auto deletion_rank(const json& pod) {
  return std::tuple(!text(pod, {"spec", "nodeName"}).empty(), text(pod, {"status", "phase"}) == "Running",
                    is_ready(pod), deletion_cost(pod));
}

bool goes_before(const Object& a, const Object& b) {
  const auto rank_a = deletion_rank(*a);
  const auto rank_b = deletion_rank(*b);
  if (rank_a != rank_b) return rank_a < rank_b;
  return text(*a, {"metadata", "creationTimestamp"}) > text(*b, {"metadata", "creationTimestamp"});
}

void delete_pods(ObjectStore& store, std::vector<Object> pods, std::size_t count) {
  std::stable_sort(pods.begin(), pods.end(), goes_before);
  pods.resize(count);
  for (const Object& pod : pods) {
    (void)store.remove(
        k8s::kPods, key_of(*pod),
        {.uid = uid_of(*pod), .resource_version = text(*pod, {"metadata", "resourceVersion"})});
  }
}

void update_status(ObjectStore& store, const json& replica_set, const std::vector<Object>& pods) {
  const auto ready =
      std::count_if(pods.begin(), pods.end(), [](const Object& pod) { return is_ready(*pod); });
  const json status{{"replicas", pods.size()},
                    {"readyReplicas", ready},
                    {"availableReplicas", ready},
                    {"observedGeneration", integer(replica_set, {"metadata", "generation"}, 1)}};
  (void)store.edit(k8s::kReplicaSets, key_of(replica_set), [&](json& next) { next["status"] = status; },
                   {.status = true});
}

}  // namespace

void reconcile_replica_sets(ObjectStore& store) {
  for (const Object& replica_set : store.all(k8s::kReplicaSets)) {
    const std::vector<Object> pods = claim_pods(store, *replica_set);
    update_status(store, *replica_set, pods);
    if (is_being_deleted(*replica_set)) continue;
    const auto wanted =
        static_cast<std::size_t>(std::max<std::int64_t>(0, integer(*replica_set, {"spec", "replicas"}, 1)));
    for (std::size_t i = pods.size(); i < wanted; ++i) create_pod(store, *replica_set);
    if (pods.size() > wanted) delete_pods(store, pods, pods.size() - wanted);
  }
}

}  // namespace kintsugi::sandbox
