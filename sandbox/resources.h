// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "k8s-client/core/resource.h"

namespace kintsugi::sandbox {

/// A kind that the pocket cluster serves, and how its REST storage behaves.
struct ResourceInfo {
  k8s::Resource resource;
  bool status_subresource = false;
  bool counts_generations = false;    ///< `metadata.generation` follows the spec
  bool custom = false;                ///< behaves as a custom resource does
  bool conditional_update = false;    ///< PUT needs a resourceVersion
  bool answers_with_deleted = false;  ///< DELETE answers with the object instead of a Status
  std::string_view short_name = {};   ///< for people: "po"

  /// "deployments.apps", or "pods": how Status messages name it.
  std::string qualified_name() const;
};

inline constexpr k8s::Resource kStatefulSets{"apps", "v1", "statefulsets", "StatefulSet"};
inline constexpr k8s::Resource kDaemonSets{"apps", "v1", "daemonsets", "DaemonSet"};
inline constexpr k8s::Resource kJobs{"batch", "v1", "jobs", "Job"};
inline constexpr k8s::Resource kServiceAccounts{"", "v1", "serviceaccounts", "ServiceAccount"};
inline constexpr k8s::Resource kDisruptionBudgets{"policy", "v1", "poddisruptionbudgets",
                                                  "PodDisruptionBudget"};
inline constexpr k8s::Resource kIncidents{"kintsugi.dev", "v1alpha1", "incidents", "Incident"};
inline constexpr k8s::Resource kPlaybooks{"kintsugi.dev", "v1alpha1", "playbooks", "Playbook"};
inline constexpr k8s::Resource kTrustPolicies{"kintsugi.dev", "v1alpha1", "trustpolicies", "TrustPolicy"};
inline constexpr k8s::Resource kArgoApplications{"argoproj.io", "v1alpha1", "applications", "Application"};
inline constexpr k8s::Resource kFluxKustomizations{"kustomize.toolkit.fluxcd.io", "v1", "kustomizations",
                                                   "Kustomization"};

/// Everything served, in no particular order.
std::span<const ResourceInfo> all_resources();
/// nullptr where it is not served.
const ResourceInfo* find_resource(std::string_view group, std::string_view version, std::string_view plural);
/// `resource` must be one of all_resources().
const ResourceInfo& info_of(const k8s::Resource& resource);

}  // namespace kintsugi::sandbox
