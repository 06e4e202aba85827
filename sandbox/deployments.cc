// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "sandbox/controllers.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

constexpr const char* kHashLabel = "pod-template-hash";

std::int64_t replicas_of(const json& object) {
  return integer(object, {"spec", "replicas"}, 1);
}
std::int64_t available(const json& replica_set) {
  return integer(replica_set, {"status", "availableReplicas"}, 0);
}

/// What one deployment owns, and what its strategy allows.
struct Rollout {
  Object deployment;
  std::string hash;          ///< of the present template
  std::vector<Object> sets;  ///< all that it owns
  Object current;            ///< the one of the present template; may be null

  std::int64_t wanted() const { return replicas_of(*deployment); }
  std::int64_t surge() const { return (wanted() + 3) / 4; }
  std::int64_t least_available() const { return wanted() - wanted() / 4; }
  template <class Count>
  std::int64_t sum(Count count) const {
    std::int64_t total = 0;
    for (const Object& set : sets) total += count(*set);
    return total;
  }
};

Rollout observe(const ObjectStore& store, const Object& deployment) {
  const std::string digest = sha256_hex(field(*deployment, {"spec", "template"}).dump());
  Rollout rollout{deployment, digest.substr(0, 10), {}, nullptr};
  for (const Object& set : store.all(k8s::kReplicaSets, namespace_of(*deployment))) {
    if (controller_uid(*set) != uid_of(*deployment) || is_being_deleted(*set)) continue;
    rollout.sets.push_back(set);
    if (text(*set, {"metadata", "labels", kHashLabel}) == rollout.hash) rollout.current = set;
  }
  return rollout;
}

void scale(ObjectStore& store, const json& set, std::int64_t replicas) {
  (void)store.edit(k8s::kReplicaSets, key_of(set),
                   [&](json& object) { object["spec"]["replicas"] = replicas; });
}

/// Makes the ReplicaSet of the present template, with no replicas yet.
void create_current(ObjectStore& store, const Rollout& rollout) {
  const json& deployment = *rollout.deployment;
  json spec{{"replicas", 0},
            {"selector", field(deployment, {"spec", "selector"})},
            {"template", field(deployment, {"spec", "template"})}};
  spec["selector"]["matchLabels"][kHashLabel] = rollout.hash;
  spec["template"]["metadata"]["labels"][kHashLabel] = rollout.hash;
  (void)store.create(k8s::kReplicaSets, namespace_of(deployment),
                     {{"metadata",
                       {{"name", name_of(deployment) + "-" + rollout.hash},
                        {"labels", spec["template"]["metadata"]["labels"]},
                        {"ownerReferences", json::array({owner_reference(deployment)})}}},
                      {"spec", std::move(spec)}});
}

void scale_current(ObjectStore& store, const Rollout& rollout) {
  const std::int64_t now = replicas_of(*rollout.current);
  const std::int64_t room = rollout.wanted() + rollout.surge() - rollout.sum(replicas_of);
  scale(store, *rollout.current, std::min(now + std::max<std::int64_t>(room, 0), rollout.wanted()));
}

/// Takes replicas from the older sets, those that are not available first, as long as enough stay available.
void scale_down_old(ObjectStore& store, const Rollout& rollout) {
  const std::int64_t current_unavailable = replicas_of(*rollout.current) - available(*rollout.current);
  std::int64_t budget = rollout.sum(replicas_of) - rollout.least_available() - current_unavailable;
  std::int64_t spare = rollout.sum(available) - rollout.least_available();
  for (const Object& set : rollout.sets) {
    if (set == rollout.current || budget <= 0) continue;
    const std::int64_t unhealthy = std::min(budget, replicas_of(*set) - available(*set));
    const std::int64_t healthy =
        std::clamp<std::int64_t>(std::min(spare, budget - unhealthy), 0, available(*set));
    budget -= unhealthy + healthy;
    spare -= healthy;
    scale(store, *set, replicas_of(*set) - unhealthy - healthy);
  }
}

void update_status(ObjectStore& store, const Rollout& rollout) {
  const auto counter = [&](const char* name) {
    return rollout.sum([&](const json& set) { return integer(set, {"status", name}, 0); });
  };
  const json status{
      {"observedGeneration", integer(*rollout.deployment, {"metadata", "generation"}, 1)},
      {"replicas", counter("replicas")},
      {"updatedReplicas", rollout.current ? integer(*rollout.current, {"status", "replicas"}, 0) : 0},
      {"readyReplicas", counter("readyReplicas")},
      {"availableReplicas", counter("availableReplicas")}};
  (void)store.edit(k8s::kDeployments, key_of(*rollout.deployment),
                   [&](json& deployment) { deployment["status"] = status; }, {.status = true});
}

}  // namespace

void reconcile_deployments(ObjectStore& store) {
  for (const Object& deployment : store.all(k8s::kDeployments)) {
    if (is_being_deleted(*deployment)) continue;
    const Rollout rollout = observe(store, deployment);
    update_status(store, rollout);
    if (rollout.current == nullptr) {
      create_current(store, rollout);
    } else {
      scale_current(store, rollout);
      scale_down_old(store, rollout);
    }
  }
}

}  // namespace kintsugi::sandbox
