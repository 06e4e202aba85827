// SPDX-License-Identifier: Apache-2.0
#include "sandbox/resources.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace kintsugi::sandbox {
namespace {

constexpr unsigned kStatus = 1, kGenerations = 2, kCustom = 4, kConditional = 8, kAnswersWithDeleted = 16;

constexpr ResourceInfo make(const k8s::Resource& resource, unsigned traits = 0) {
  return {resource,
          (traits & kStatus) != 0,
          (traits & kGenerations) != 0,
          (traits & kCustom) != 0,
          (traits & (kCustom | kConditional)) != 0,
          (traits & kAnswersWithDeleted) != 0};
}

constexpr ResourceInfo kResources[] = {
    make(k8s::kPods, kStatus | kGenerations | kAnswersWithDeleted),
    make(k8s::kNamespaces, kStatus | kAnswersWithDeleted),
    make(k8s::kConfigMaps),
    make(k8s::kSecrets),
    make(k8s::kServices, kStatus | kAnswersWithDeleted),
    make(k8s::kNodes, kStatus),
    make(k8s::kCoreEvents),
    make(kServiceAccounts, kAnswersWithDeleted),
    make(k8s::kDeployments, kStatus | kGenerations),
    make(k8s::kReplicaSets, kStatus | kGenerations),
    make(kStatefulSets, kStatus | kGenerations),
    make(kDaemonSets, kStatus | kGenerations),
    make(kJobs, kStatus | kGenerations),
    make(k8s::kNetworkPolicies, kGenerations),
    make(k8s::kEndpointSlices, kGenerations),
    make(kDisruptionBudgets, kStatus | kGenerations),
    make(k8s::kLeases, kConditional),
    make(k8s::kEvents),
    make(kIncidents, kStatus | kGenerations | kCustom),
    make(kPlaybooks, kStatus | kGenerations | kCustom),
    make(kTrustPolicies, kStatus | kGenerations | kCustom),
    make(kArgoApplications, kGenerations | kCustom),
    make(kFluxKustomizations, kStatus | kGenerations | kCustom),
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
