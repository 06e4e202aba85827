// SPDX-License-Identifier: Apache-2.0
//
// Slim, immutable pictures of the Kubernetes objects that planning and proof look at. Built from caches and
// from live documents by the same code; never written back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/document.h"
#include "base/label_selector.h"
#include "base/result.h"
#include "model/target.h"
#include "targets/isolation/pod_facts.h"
#include "targets/isolation/quarantine.h"

namespace kintsugi::targets {

// Labels and annotations that Kintsugi writes or reads.
using isolation::kForensicsLabel;
using isolation::kQuarantineLabel;
inline constexpr std::string_view kProtectedLabel = "kintsugi.dev/protected";
inline constexpr std::string_view kModeLabel = "kintsugi.dev/mode";
inline constexpr std::string_view kIncidentAnnotation = "kintsugi.dev/incident";
inline constexpr std::string_view kUndoAnnotation = "kintsugi.dev/undo";
inline constexpr std::string_view kSafeToEvictAnnotation = "cluster-autoscaler.kubernetes.io/safe-to-evict";

struct ObjectMeta {
  std::string name_space;
  std::string name;
  std::string uid;
  std::string resource_version;
  WallTime created;
  bool being_deleted = false;
  Labels labels;
  OwnerRef controller;  ///< the owner reference with controller: true; kind empty: none
  std::string api_version_of_controller;
};

struct Container {
  std::string name;
  std::string image;         ///< as the spec names it
  std::string image_id;      ///< as the runtime reports it; empty until it runs
  std::string container_id;  ///< with its scheme, "containerd://…"
  std::string last_container_id;
  std::string waiting_reason;  ///< "ImagePullBackOff", "CrashLoopBackOff", …
  std::uint32_t restarts = 0;
  bool init = false;
  bool ephemeral = false;  ///< attached to the pod by "kubectl debug" or its like: of no template
  bool running = false;    ///< now
};

struct Pod {
  ObjectMeta meta;
  std::string node;
  std::string phase;
  std::string priority_class;
  std::string incident;                      ///< kIncidentAnnotation
  std::string undo;                          ///< kUndoAnnotation
  std::optional<std::string> safe_to_evict;  ///< kSafeToEvictAnnotation
  bool has_annotations = false;
  bool ready = false;
  isolation::PodFacts facts;
  bool is_static = false;  ///< a mirror pod: its node owns it
  bool unschedulable = false;
  std::string unschedulable_message;
  std::vector<Container> containers;

  bool quarantined() const;
  TargetRef ref() const { return {"Pod", meta.name_space, meta.name, meta.uid}; }
};

struct ReplicaSet {
  ObjectMeta meta;
  std::uint32_t replicas = 0;
};

struct Deployment {
  ObjectMeta meta;
  std::uint32_t replicas = 1;
  std::int64_t observed_generation = 0;
  std::int64_t generation = 0;
  std::uint32_t total_replicas = 0;    ///< pods of all its templates, as it counts them
  std::uint32_t updated_replicas = 0;  ///< pods of its present template, as it counts them
  std::vector<Container> containers;   ///< of the template; name, image, init only
  Labels template_labels;
  std::string gitops_owner;     ///< "Argo CD application shop", "Flux kustomization apps"; empty: none
  std::string replica_failure;  ///< message of the ReplicaFailure condition (quota), empty: none
  std::string priority_class;
  isolation::PodFacts template_facts;
};

struct NamespaceInfo {
  std::string name;
  Labels labels;
  bool being_deleted = false;

  bool is_protected() const;                          ///< by kProtectedLabel
  std::optional<std::string_view> mode_word() const;  ///< of kModeLabel, whatever it says
};

struct EndpointSlice {
  ObjectMeta meta;
  std::string service;
  struct ReadyPod {
    std::string uid, name;
    bool operator==(const ReadyPod&) const = default;
  };
  std::vector<ReadyPod> ready_pods;
};

struct ServiceInfo {
  ObjectMeta meta;
  Labels selector;
};

// Each reads the object's JSON tree. What the API always sends and is missing, or a member of a wrong type
// where it is used, is an error that names it.
Result<ObjectMeta> object_meta_from(const Node& object);
Result<Pod> pod_from(const Node& object);
Result<ReplicaSet> replica_set_from(const Node& object);
Result<Deployment> deployment_from(const Node& object);
Result<NamespaceInfo> namespace_from(const Node& object);
Result<EndpointSlice> endpoint_slice_from(const Node& object);
Result<ServiceInfo> service_from(const Node& object);

/// Who keeps an object as Git has it, by its metadata: "Argo CD application shop"; empty: nobody.
std::string gitops_owner_of(const Node& metadata);

}  // namespace kintsugi::targets
