// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "k8s-client/core/resource.h"

namespace kintsugi::sandbox {

/// A kind that the pocket cluster serves, and how its storage behaves.
struct ResourceInfo {
  k8s::Resource resource;
  bool has_status = false;          ///< there is a status subresource
  bool counts_generations = false;  ///< `metadata.generation` follows the spec

  /// `pods "web-1"`, `deployments.apps "web"`: how Status messages name an object.
  std::string describe(std::string_view name) const;
};

inline constexpr k8s::Resource kIncidents{"kintsugi.dev", "v1alpha1", "incidents", "Incident"};
inline constexpr k8s::Resource kPlaybooks{"kintsugi.dev", "v1alpha1", "playbooks", "Playbook"};
inline constexpr k8s::Resource kTrustPolicies{"kintsugi.dev", "v1alpha1", "trustpolicies", "TrustPolicy"};

/// Everything served, in no particular order.
std::span<const ResourceInfo> all_resources();
/// nullptr where it is not served.
const ResourceInfo* find_resource(std::string_view group, std::string_view version, std::string_view plural);
/// `resource` must be one of all_resources().
const ResourceInfo& info_of(const k8s::Resource& resource);

}  // namespace kintsugi::sandbox
