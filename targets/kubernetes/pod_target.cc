// SPDX-License-Identifier: Apache-2.0
#include "targets/kubernetes/pod_target.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "targets/isolation/quarantine.h"
#include "targets/kubernetes/object_writes.h"
#include "targets/kubernetes/write_refusal.h"

namespace kintsugi::targets {
namespace {

using nlohmann::json;

const k8s::Resource* resource_of(const std::string& name) {
  static constexpr const k8s::Resource* kKnown[] = {&k8s::kPods, &k8s::kDeployments};
  for (const k8s::Resource* resource : kKnown) {
    std::string full(resource->plural);
    if (!resource->group.empty()) full += "." + std::string(resource->group);
    if (full == name) return resource;
  }
  return nullptr;
}

/// Of a NetworkPolicy as the API server sends it.
bool is_intact(const json& live) {
  const auto policy = isolation::read_network_policy(from_json(live));
  return policy && isolation::is_quarantine_policy_intact(*policy);
}

/// Nothing where there is none.
template <class Document>
Result<std::optional<Pod>> pod_in(const Document& document) {
  if (!document && document.error().code == ErrorCode::kNotFound) return std::nullopt;
  if (!document) return fail(document.error());
  auto pod = pod_from(from_json(*document));
  if (!pod) return fail(std::move(pod).error());
  return std::move(*pod);
}

}  // namespace

k8s::CallOptions call_of(const ApplyOptions& options) {
  k8s::CallOptions call;
  call.priority = options.priority;
  call.timeout = options.timeout;
  call.stop = options.stop;
  call.dry_run = options.dry_run;
  return call;
}

OwnerRef OwnerChain::top() const {
  if (deployment != nullptr) return {"Deployment", deployment->meta.name, deployment->meta.uid};
  if (replica_set != nullptr) return {"ReplicaSet", replica_set->meta.name, replica_set->meta.uid};
  return {};
}

PodTarget::PodTarget(k8s::Client& client, const ClusterCache& cache) : client_(client), cache_(cache) {}

Result<json> PodTarget::read_document(const TargetRef& target, std::stop_token stop) const {
  k8s::CallOptions call;
  call.priority = net::Priority::kContainment;
  call.stop = std::move(stop);
  auto document = client_.get(k8s::kPods, {target.name_space, target.name}, call);
  if (!document) return fail(document.error());
  const std::string uid = uid_of(*document);
  if (uid.empty()) {  // says nothing of the pod: a proxy's answer
    return fail(make_error(ErrorCode::kUnavailable, "the server's answer is no pod").on(target.to_string()));
  }
  if (uid != target.uid) {
    return fail(
        make_error(ErrorCode::kNotFound, "the name belongs to another pod now").on(target.to_string()));
  }
  return std::move(*document);
}

Result<std::optional<Pod>> PodTarget::read(const TargetRef& target, std::stop_token stop) const {
  return pod_in(read_document(target, std::move(stop)));
}

Result<std::optional<Pod>> PodTarget::find_recreated(const std::string& name_space, const std::string& name,
                                                     const std::string& incident) const {
  const auto document = client_.get(k8s::kPods, {name_space, name});
  if (document && !is_recreated_for(*document, incident)) return std::nullopt;
  return pod_in(document);
}

Result<std::optional<Pod>> PodTarget::find(const std::string& name_space, const std::string& name) const {
  return pod_in(client_.get(k8s::kPods, {name_space, name}));
}

Result<json> PodTarget::read_deployment(const std::string& name_space, const std::string& name,
                                        std::stop_token stop) const {
  k8s::CallOptions call;
  call.stop = std::move(stop);
  auto document = client_.get(k8s::kDeployments, {name_space, name}, call);
  if (!document) return fail(document.error());
  return std::move(*document);
}

OwnerChain PodTarget::owners_of(const std::string& name_space, const OwnerRef& controller,
                                const OwnerRef& top) const {
  OwnerChain chain;
  if (controller.kind == "Deployment") chain.deployment = deployment_of(name_space, controller);
  if (controller.kind != "ReplicaSet") return chain;
  chain.replica_set = cache_.replica_set(name_space, controller.name);
  if (chain.replica_set == nullptr || chain.replica_set->meta.uid != controller.uid) {
    chain.replica_set = nullptr;
    if (top.kind == "Deployment") chain.deployment = deployment_of(name_space, top);
    return chain;
  }
  const OwnerRef& above = chain.replica_set->meta.controller;
  if (above.kind == "Deployment") chain.deployment = deployment_of(name_space, above);
  return chain;
}

OwnerRef PodTarget::owner_of(const Pod& pod) const {
  const OwnerRef top = owners_of(pod.meta.name_space, pod.meta.controller).top();
  return top.kind.empty() ? pod.meta.controller : top;
}

std::shared_ptr<const Deployment> PodTarget::deployment_of(const std::string& name_space,
                                                           const OwnerRef& owner) const {
  auto deployment = cache_.deployment(name_space, owner.name);
  return deployment != nullptr && deployment->meta.uid == owner.uid ? deployment : nullptr;
}

Replacements PodTarget::replacements_of(const TargetRef& victim, const OwnerChain& owners,
                                        const std::string& recreated) const {
  Replacements now;
  const auto add = [&](const std::shared_ptr<const Pod>& pod) {
    if (pod == nullptr || pod->quarantined() || pod->meta.uid == victim.uid) return;
    now.pods.push_back(*pod);
    if (cache_.is_serving(pod->meta.uid)) now.serving_pod_uids.push_back(pod->meta.uid);
    now.has_service = now.has_service || cache_.has_service_for(victim.name_space, pod->meta.labels);
  };
  if (owners.deployment != nullptr) {
    now.wanted = owners.deployment->replicas;
    now.owner_trouble = owners.deployment->replica_failure;
    now.rollout = unfinished_rollout(*owners.deployment);
    for (const auto& set : cache_.replica_sets_controlled_by(owners.deployment->meta.uid)) {
      for (const auto& pod : cache_.pods_controlled_by(set->meta.uid)) add(pod);
    }
  } else if (owners.replica_set != nullptr) {
    now.wanted = owners.replica_set->replicas;
    for (const auto& pod : cache_.pods_controlled_by(owners.replica_set->meta.uid)) add(pod);
  } else if (!recreated.empty()) {
    add(cache_.pod(victim.name_space, recreated));
  }
  return now;
}

Result<json> PodTarget::apply(const Action& action, const ApplyOptions& options) const {
  const k8s::CallOptions call = call_of(options);
  if (action.kind == Action::Kind::kCreate) return create_object(client_, k8s::kPods, action, call);
  if (action.kind == Action::Kind::kDelete) return remove_object(client_, k8s::kPods, action, call);
  const k8s::Resource* resource = resource_of(action.resource);
  if (resource == nullptr) return fail(ErrorCode::kInternal, "no such resource: " + action.resource);
  auto patched = client_.patch_text(*resource, {action.name_space, action.name}, action.body, "", call);
  if (!patched) return fail(write_refusal(patched.error(), action));
  return std::move(*patched);
}

bool PodTarget::knows_quarantine_policy(const std::string& name_space) const {
  const auto known = cache_.network_policies(name_space);
  return std::any_of(known.policies.begin(), known.policies.end(), [](const auto& policy) {
    return policy->name == kQuarantinePolicyName && isolation::is_quarantine_policy_intact(*policy);
  });
}

Result<bool> PodTarget::has_quarantine_policy(const std::string& name_space,
                                              const ApplyOptions& options) const {
  auto live = client_.get(k8s::kNetworkPolicies, {name_space, kQuarantinePolicyName}, call_of(options));
  if (!live && live.error().code == ErrorCode::kNotFound) return false;
  if (!live) return fail(live.error());
  return is_intact(*live);
}

Result<void> PodTarget::ensure_quarantine_policy(const std::string& name_space,
                                                 const ApplyOptions& options) const {
  if (knows_quarantine_policy(name_space)) return {};
  const k8s::CallOptions call = call_of(options);
  const json wanted = json::parse(isolation::quarantine_policy_manifest(name_space, kQuarantinePolicyName));
  auto created = client_.create(k8s::kNetworkPolicies, name_space, wanted, call);
  if (created) return {};
  if (created.error().code != ErrorCode::kAlreadyExists) return fail(created.error());
  const k8s::ObjectKey key{name_space, kQuarantinePolicyName};
  auto live = client_.get(k8s::kNetworkPolicies, key, call);
  if (!live) return fail(live.error());
  if (is_intact(*live)) return {};
  json mended = *live;
  mended["spec"] = wanted["spec"];
  auto updated = client_.update(k8s::kNetworkPolicies, key, mended, call);
  if (!updated) return fail(updated.error());
  return {};
}

}  // namespace kintsugi::targets
