// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <tuple>

#include "sandbox/workload_controllers.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

bool is_active(const json& pod) {
  const std::string phase = text(pod, {"status", "phase"});
  return !is_being_deleted(pod) && phase != "Succeeded" && phase != "Failed";
}

/// Nothing is done to a pod on the strength of a state that it has left.
std::optional<Refusal> check_unchanged(const json& seen, const json& now) {
  if (text(seen, {"metadata", "resourceVersion"}) == text(now, {"metadata", "resourceVersion"}))
    return std::nullopt;
  return modified(info_of(k8s::kPods), name_of(seen));
}

/// Gives the pod back: the owner reference goes.
void release(ObjectStore& store, const json& pod, const std::string& owner_uid) {
  (void)store.edit(k8s::kPods, key_of(pod), [&](json& next) -> std::optional<Refusal> {
    if (auto refusal = check_unchanged(pod, next)) return refusal;
    json others = json::array();
    for (const auto& owner : field(next, {"metadata", "ownerReferences"}))
      if (text(owner, {"uid"}) != owner_uid) others.push_back(owner);
    next["metadata"]["ownerReferences"] = std::move(others);
    return std::nullopt;
  });
}

void adopt(ObjectStore& store, const json& pod, const json& replica_set) {
  (void)store.edit(k8s::kPods, key_of(pod), [&](json& next) -> std::optional<Refusal> {
    if (auto refusal = check_unchanged(pod, next)) return refusal;
    next["metadata"]["ownerReferences"].push_back(owner_reference(replica_set));
    return std::nullopt;
  });
}

/// The pods that count for `replica_set`, after taking in orphans that it selects and giving back what it
/// owns but no longer selects.
std::vector<Object> claim_pods(ObjectStore& store, const json& replica_set) {
  const LabelSelector selector = to_selector(field(replica_set, {"spec", "selector"}));
  std::vector<Object> claimed;
  for (const Object& pod : store.all(k8s::kPods, namespace_of(replica_set))) {
    const std::string owner = controller_uid(*pod);
    const bool selected = !selector.empty() && selector.matches(labels_of(*pod));
    if (owner == uid_of(replica_set)) {
      if (selected) {
        claimed.push_back(pod);
      } else if (!is_being_deleted(*pod)) {
        release(store, *pod, owner);
      }
    } else if (owner.empty() && selected && is_active(*pod)) {
      adopt(store, *pod, replica_set);
      claimed.push_back(pod);
    }
  }
  std::erase_if(claimed, [](const Object& pod) { return !is_active(*pod); });
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
                    has_condition(pod, "Ready"), deletion_cost(pod));
}

void delete_pods(ObjectStore& store, std::vector<Object> pods, std::size_t count) {
  std::stable_sort(pods.begin(), pods.end(), [](const Object& a, const Object& b) {
    const auto rank_a = deletion_rank(*a);
    const auto rank_b = deletion_rank(*b);
    if (rank_a != rank_b) return rank_a < rank_b;
    return text(*a, {"metadata", "creationTimestamp"}) > text(*b, {"metadata", "creationTimestamp"});
  });
  pods.resize(std::min(count, pods.size()));
  for (const Object& pod : pods) {
    (void)store.remove(
        k8s::kPods, key_of(*pod),
        {.uid = uid_of(*pod), .resource_version = text(*pod, {"metadata", "resourceVersion"})});
  }
}

void update_status(ObjectStore& store, const json& replica_set, const std::vector<Object>& pods) {
  const auto ready =
      std::count_if(pods.begin(), pods.end(), [](const Object& pod) { return has_condition(*pod, "Ready"); });
  const LabelSelector full{string_map(replica_set, {"spec", "template", "metadata", "labels"}), {}};
  const auto labelled = std::count_if(pods.begin(), pods.end(),
                                      [&](const Object& pod) { return full.matches(labels_of(*pod)); });
  (void)store.edit(k8s::kReplicaSets, key_of(replica_set),
                   [&](json& next) {
                     next["status"] = {
                         {"replicas", pods.size()},
                         {"fullyLabeledReplicas", labelled},
                         {"readyReplicas", ready},
                         {"availableReplicas", ready},
                         {"observedGeneration", integer(replica_set, {"metadata", "generation"}, 1)}};
                     return std::nullopt;
                   },
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
