// SPDX-License-Identifier: Apache-2.0
#include "sandbox/resources.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace kintsugi::sandbox {
namespace {

constexpr ResourceInfo kResources[] = {
    {.resource = k8s::kPods, .status_subresource = true, .counts_generations = true, .answers_with_deleted = true},
    {.resource = k8s::kNamespaces, .status_subresource = true, .answers_with_deleted = true},
    {.resource = k8s::kConfigMaps},
    {.resource = k8s::kSecrets},
    {.resource = k8s::kServices, .status_subresource = true, .answers_with_deleted = true},
    {.resource = k8s::kNodes, .status_subresource = true},
    {.resource = k8s::kCoreEvents},
    {.resource = kServiceAccounts, .answers_with_deleted = true},
    {.resource = k8s::kDeployments, .status_subresource = true, .counts_generations = true},
    {.resource = k8s::kReplicaSets, .status_subresource = true, .counts_generations = true},
    {.resource = kStatefulSets, .status_subresource = true, .counts_generations = true},
    {.resource = kDaemonSets, .status_subresource = true, .counts_generations = true},
    {.resource = kJobs, .status_subresource = true, .counts_generations = true},
    {.resource = k8s::kNetworkPolicies, .counts_generations = true},
    {.resource = k8s::kEndpointSlices, .counts_generations = true},
    {.resource = kDisruptionBudgets, .status_subresource = true, .counts_generations = true},
    {.resource = k8s::kLeases, .conditional_update = true},
    {.resource = k8s::kEvents},
    {.resource = kIncidents,
     .status_subresource = true,
     .counts_generations = true,
     .custom = true,
     .conditional_update = true},
    {.resource = kPlaybooks,
     .status_subresource = true,
     .counts_generations = true,
     .custom = true,
     .conditional_update = true},
    {.resource = kTrustPolicies,
     .status_subresource = true,
     .counts_generations = true,
     .custom = true,
     .conditional_update = true},
    {.resource = kArgoApplications, .counts_generations = true, .custom = true, .conditional_update = true},
    {.resource = kFluxKustomizations,
     .status_subresource = true,
     .counts_generations = true,
     .custom = true,
     .conditional_update = true},
};

}  // namespace

std::string ResourceInfo::qualified_name() const {
  return resource.group.empty() ? std::string(resource.plural)
                                : std::string(resource.plural) + "." + std::string(resource.group);
}

std::span<const ResourceInfo> all_resources() { return kResources; }

const ResourceInfo* find_resource(std::string_view group, std::string_view version, std::string_view plural) {
  const auto found = std::find_if(std::begin(kResources), std::end(kResources), [&](const ResourceInfo& info) {
    return info.resource.plural == plural && info.resource.group == group && info.resource.version == version;
  });
  return found == std::end(kResources) ? nullptr : found;
}

const ResourceInfo& info_of(const k8s::Resource& resource) {
  const ResourceInfo* info = find_resource(resource.group, resource.version, resource.plural);
  assert(info != nullptr);
  return *info;
}

}  // namespace kintsugi::sandbox
