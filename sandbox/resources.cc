// SPDX-License-Identifier: Apache-2.0
#include "sandbox/resources.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace kintsugi::sandbox {
namespace {

constexpr unsigned kStatus = 1, kGenerations = 2, kCustom = 4, kConditional = 8, kAnswersWithDeleted = 16;

constexpr ResourceInfo make(const k8s::Resource& resource, std::string_view short_name, unsigned traits = 0) {
  return {resource,
          (traits & kStatus) != 0,
          (traits & kGenerations) != 0,
          (traits & kCustom) != 0,
          (traits & (kCustom | kConditional)) != 0,
          (traits & kAnswersWithDeleted) != 0,
          short_name};
}

constexpr ResourceInfo kResources[] = {
    make(k8s::kPods, "po", kStatus | kGenerations | kAnswersWithDeleted),
    make(k8s::kNamespaces, "ns", kStatus | kAnswersWithDeleted),
    make(k8s::kConfigMaps, "cm"),
    make(k8s::kSecrets, ""),
    make(k8s::kServices, "svc", kStatus | kAnswersWithDeleted),
    make(k8s::kNodes, "no", kStatus),
    make(k8s::kCoreEvents, "ev"),
    make(kServiceAccounts, "sa", kAnswersWithDeleted),
    make(k8s::kDeployments, "deploy", kStatus | kGenerations),
    make(k8s::kReplicaSets, "rs", kStatus | kGenerations),
    make(kStatefulSets, "sts", kStatus | kGenerations),
    make(kDaemonSets, "ds", kStatus | kGenerations),
    make(kJobs, "", kStatus | kGenerations),
    make(k8s::kNetworkPolicies, "netpol", kGenerations),
    make(k8s::kEndpointSlices, "", kGenerations),
    make(kDisruptionBudgets, "pdb", kStatus | kGenerations),
    make(k8s::kLeases, "", kConditional),
    make(k8s::kEvents, ""),
    make(kIncidents, "inc", kStatus | kGenerations | kCustom),
    make(kPlaybooks, "", kStatus | kGenerations | kCustom),
    make(kTrustPolicies, "", kStatus | kGenerations | kCustom),
    make(kArgoApplications, "", kGenerations | kCustom),
    make(kFluxKustomizations, "ks", kStatus | kGenerations | kCustom),
};

}  // namespace

std::string ResourceInfo::qualified_name() const {
  return resource.group.empty() ? std::string(resource.plural)
                                : std::string(resource.plural) + "." + std::string(resource.group);
}

std::span<const ResourceInfo> all_resources() {
  return kResources;
}

const ResourceInfo* find_resource(std::string_view group, std::string_view version, std::string_view plural) {
  const auto found =
      std::find_if(std::begin(kResources), std::end(kResources), [&](const ResourceInfo& info) {
        return info.resource.plural == plural && info.resource.group == group &&
               info.resource.version == version;
      });
  return found == std::end(kResources) ? nullptr : found;
}

const ResourceInfo& info_of(const k8s::Resource& resource) {
  const ResourceInfo* info = find_resource(resource.group, resource.version, resource.plural);
  assert(info != nullptr);
  return *info;
}

}  // namespace kintsugi::sandbox
