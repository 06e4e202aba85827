// SPDX-License-Identifier: Apache-2.0
#include "sandbox/resources.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace kintsugi::sandbox {
namespace {

constexpr ResourceInfo kResources[] = {
    {k8s::kPods, true, true},
    {k8s::kNamespaces, true},
    {k8s::kConfigMaps},
    {k8s::kServices, true},
    {k8s::kCoreEvents},
    {k8s::kEvents},
    {k8s::kLeases},
    {k8s::kDeployments, true, true},
    {k8s::kReplicaSets, true, true},
    {k8s::kEndpointSlices, false, true},
    {k8s::kNetworkPolicies, false, true},
    {kIncidents, true, true},
    {kPlaybooks, true, true},
    {kTrustPolicies, true, true},
};

}  // namespace

std::string ResourceInfo::describe(std::string_view name) const {
  std::string text(resource.plural);
  if (!resource.group.empty()) text += "." + std::string(resource.group);
  return text + " \"" + std::string(name) + "\"";
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
