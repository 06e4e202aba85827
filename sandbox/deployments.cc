// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/encoding.h"
#include "sandbox/workload_controllers.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

constexpr const char* kHashLabel = "pod-template-hash";
constexpr const char* kRevision = "deployment.kubernetes.io/revision";

std::int64_t replicas_of(const json& object) {
  return integer(object, {"spec", "replicas"}, 1);
}
std::int64_t status_of(const json& object, const char* counter) {
  return integer(object, {"status", counter}, 0);
}
std::int64_t revision_of(const json& replica_set) {
  const std::string revision = text(replica_set, {"metadata", "annotations", kRevision});
  std::int64_t number = 0;
  std::from_chars(revision.data(), revision.data() + revision.size(), number);
  return number;
}

json template_without_hash(const json& owner) {
  json pod_template = field(owner, {"spec", "template"});
  if (field(pod_template, {"metadata", "labels"}).is_object())
    pod_template["metadata"]["labels"].erase(kHashLabel);
  return pod_template;
}

/// Ten characters of the API's alphabet that depend on the template alone.
std::string template_hash(const json& pod_template) {
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  const std::string digest = sha256_hex(pod_template.dump());
  std::string hash;
  for (std::size_t i = 0; i < 10; ++i)
    hash += kAlphabet[static_cast<unsigned char>(digest[2 * i] * 31 + digest[2 * i + 1]) % kAlphabet.size()];
  return hash;
}

/// What one deployment owns, and what its strategy allows.
struct Rollout {
  Object deployment;
  std::vector<Object> sets;  ///< by revision
  Object current;            ///< the one of the present template; may be null
  std::int64_t surge = 0;
  std::int64_t unavailable = 0;

  std::int64_t wanted() const { return replicas_of(*deployment); }
  template <class Count>
  std::int64_t sum(Count count) const {
    std::int64_t total = 0;
    for (const Object& set : sets) total += count(*set);
    return total;
  }
};

Rollout observe(const ObjectStore& store, const Object& deployment) {
  Rollout rollout{deployment, {}, nullptr, 0, 0};
  const json wanted = template_without_hash(*deployment);
  for (const Object& set : store.all(k8s::kReplicaSets, namespace_of(*deployment))) {
    if (controller_uid(*set) != uid_of(*deployment) || is_being_deleted(*set)) continue;
    rollout.sets.push_back(set);
    if (template_without_hash(*set) == wanted) rollout.current = set;
  }
  std::sort(rollout.sets.begin(), rollout.sets.end(),
            [](const Object& a, const Object& b) { return revision_of(*a) < revision_of(*b); });
  const json& limits = field(*deployment, {"spec", "strategy", "rollingUpdate"});
  rollout.surge = int_or_percent(field(limits, {"maxSurge"}), rollout.wanted(), true);
  rollout.unavailable = int_or_percent(field(limits, {"maxUnavailable"}), rollout.wanted(), false);
  if (rollout.surge == 0 && rollout.unavailable == 0) rollout.unavailable = 1;
  return rollout;
}

void scale(ObjectStore& store, const json& set, std::int64_t replicas) {
  if (replicas_of(set) == replicas) return;
  (void)store.edit(k8s::kReplicaSets, key_of(set), [&](json& object) {
    object["spec"]["replicas"] = replicas;
    return std::nullopt;
  });
}

void annotate_revision(ObjectStore& store, const k8s::Resource& resource, const json& object,
                       std::int64_t revision) {
  (void)store.edit(resource, key_of(object), [&](json& next) {
    next["metadata"]["annotations"][kRevision] = std::to_string(revision);
    return std::nullopt;
  });
}

/// Makes the ReplicaSet of the present template, with no replicas yet.
void create_current(ObjectStore& store, const Rollout& rollout, std::int64_t revision) {
  const json& deployment = *rollout.deployment;
  json pod_template = template_without_hash(deployment);
  const std::string hash = template_hash(pod_template);
  pod_template["metadata"]["labels"][kHashLabel] = hash;
  json selector = field(deployment, {"spec", "selector"});
  selector["matchLabels"][kHashLabel] = hash;
  json set{
      {"metadata",
       {{"name", name_of(deployment) + "-" + hash},
        {"labels", pod_template["metadata"]["labels"]},
        {"annotations", {{kRevision, std::to_string(revision)}}},
        {"ownerReferences", json::array({owner_reference(deployment)})}}},
      {"spec", {{"replicas", 0}, {"selector", std::move(selector)}, {"template", std::move(pod_template)}}}};
  (void)store.create(k8s::kReplicaSets, namespace_of(deployment), std::move(set));
}

/// The present template's ReplicaSet exists and has the highest revision. False when that needed a write.
bool ensure_current(ObjectStore& store, const Rollout& rollout) {
  const std::int64_t highest = rollout.sets.empty() ? 0 : revision_of(*rollout.sets.back());
  if (rollout.current == nullptr) {
    create_current(store, rollout, highest + 1);
    return false;
  }
  if (rollout.current != rollout.sets.back()) {  // rolled back to an older template
    annotate_revision(store, k8s::kReplicaSets, *rollout.current, highest + 1);
    return false;
  }
  annotate_revision(store, k8s::kDeployments, *rollout.deployment, highest);
  return true;
}

void scale_current(ObjectStore& store, const Rollout& rollout) {
  const std::int64_t now = replicas_of(*rollout.current);
  if (now >= rollout.wanted()) return scale(store, *rollout.current, rollout.wanted());
  const std::int64_t room = rollout.wanted() + rollout.surge - rollout.sum(replicas_of);
  if (room > 0) scale(store, *rollout.current, std::min(now + room, rollout.wanted()));
}

/// Takes replicas from the older sets, those that are not available first, as long as enough stay available.
void scale_down_old(ObjectStore& store, const Rollout& rollout) {
  const auto available = [](const json& set) { return status_of(set, "availableReplicas"); };
  const std::int64_t least = rollout.wanted() - rollout.unavailable;
  const std::int64_t current_unavailable = replicas_of(*rollout.current) - available(*rollout.current);
  std::int64_t budget = rollout.sum(replicas_of) - least - current_unavailable;
  std::int64_t spare = rollout.sum(available) - least;
  for (const Object& set : rollout.sets) {
    if (set == rollout.current || replicas_of(*set) == 0 || budget <= 0) continue;
    const std::int64_t unhealthy = std::min(budget, replicas_of(*set) - available(*set));
    const std::int64_t healthy =
        std::clamp<std::int64_t>(std::min(spare, budget - unhealthy), 0, available(*set));
    budget -= unhealthy + healthy;
    spare -= healthy;
    scale(store, *set, replicas_of(*set) - unhealthy - healthy);
  }
}

void clean_up_history(ObjectStore& store, const Rollout& rollout) {
  std::int64_t surplus = static_cast<std::int64_t>(rollout.sets.size()) - 1 -
                         integer(*rollout.deployment, {"spec", "revisionHistoryLimit"}, 10);
  for (const Object& set : rollout.sets) {
    if (surplus <= 0) return;
    if (set == rollout.current || replicas_of(*set) != 0 || status_of(*set, "replicas") != 0) continue;
    (void)store.remove(k8s::kReplicaSets, key_of(*set), {.uid = uid_of(*set)});
    --surplus;
  }
}

void update_status(ObjectStore& store, const Rollout& rollout, const std::string& now) {
  const auto counter = [&](const char* name) {
    return rollout.sum([&](const json& set) { return status_of(set, name); });
  };
  const std::int64_t available = counter("availableReplicas");
  const std::int64_t updated = rollout.current == nullptr ? 0 : status_of(*rollout.current, "replicas");
  const bool complete =
      updated == rollout.wanted() && available == rollout.wanted() && counter("replicas") == updated;
  (void)store.edit(k8s::kDeployments, key_of(*rollout.deployment),
                   [&](json& deployment) {
                     json status{
                         {"observedGeneration", integer(*rollout.deployment, {"metadata", "generation"}, 1)},
                         {"replicas", counter("replicas")},
                         {"updatedReplicas", updated},
                         {"readyReplicas", counter("readyReplicas")},
                         {"availableReplicas", available}};
                     if (available < rollout.wanted())
                       status["unavailableReplicas"] = rollout.wanted() - available;
                     status["conditions"] = field(deployment, {"status", "conditions"});
                     const bool enough = available >= rollout.wanted() - rollout.unavailable;
                     set_condition(status["conditions"], "Available", enough, now,
                                   enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable");
                     set_condition(status["conditions"], "Progressing", true, now,
                                   complete ? "NewReplicaSetAvailable" : "ReplicaSetUpdated");
                     deployment["status"] = std::move(status);
                     return std::nullopt;
                   },
                   {.status = true});
}

void reconcile(ObjectStore& store, const Object& deployment, const std::string& now) {
  const Rollout rollout = observe(store, deployment);
  update_status(store, rollout, now);
  if (!ensure_current(store, rollout)) return;
  scale_current(store, rollout);
  scale_down_old(store, rollout);
  clean_up_history(store, rollout);
}

}  // namespace

std::int64_t int_or_percent(const json& value, std::int64_t total, bool round_up) {
  if (value.is_number_integer()) return value.get<std::int64_t>();
  std::int64_t percent = 25;
  if (value.is_string()) {
    const auto& digits = value.get_ref<const std::string&>();
    std::from_chars(digits.data(), digits.data() + digits.size(), percent);
  }
  return (total * percent + (round_up ? 99 : 0)) / 100;
}

void reconcile_deployments(ObjectStore& store, const std::string& now) {
  for (const Object& deployment : store.all(k8s::kDeployments))
    if (!is_being_deleted(*deployment) && field(*deployment, {"spec", "template"}).is_object())
      reconcile(store, deployment, now);
}

}  // namespace kintsugi::sandbox
