// SPDX-License-Identifier: Apache-2.0
#include "targets/kubernetes/objects.h"

#include <algorithm>
#include <utility>

#include "base/time.h"

namespace kintsugi::targets {
namespace {

const Node& nothing() {
  static const Node kNothing;
  return kNothing;
}

const Node& member(const Node& object, std::string_view key) {
  const Node* found = object.find(key);
  return found == nullptr ? nothing() : *found;
}

/// The text of a string member; anything else is as good as absent, for these objects come from the API
/// server's schemas.
std::string text(const Node& object, std::string_view key) {
  const Node& value = member(object, key);
  return value.kind == Node::Kind::kString ? value.text : std::string();
}

bool flag(const Node& object, std::string_view key) {
  return member(object, key).boolean;
}

std::uint32_t count(const Node& object, std::string_view key, std::uint32_t fallback = 0) {
  const auto value = member(object, key).as_integer();
  return value && *value >= 0 && *value <= UINT32_MAX ? std::uint32_t(*value) : fallback;
}

Labels labels_of(const Node& map) {
  Labels out;
  for (const Node::Member& entry : map.members) {
    if (entry.value.kind == Node::Kind::kString) out.emplace(entry.key, entry.value.text);
  }
  return out;
}

void read_controller(const Node& metadata, ObjectMeta& meta) {
  for (const Node& owner : member(metadata, "ownerReferences").items) {
    if (!flag(owner, "controller")) continue;
    meta.controller = bounded({text(owner, "kind"), text(owner, "name"), text(owner, "uid")});
    meta.api_version_of_controller = text(owner, "apiVersion");
  }
}

void read_containers(const Node& spec, std::vector<Container>& out) {
  for (const std::string_view list : {"containers", "initContainers", "ephemeralContainers"}) {
    for (const Node& item : member(spec, list).items) {
      Container container;
      container.name = text(item, "name");
      container.image = text(item, "image");
      container.init = list == "initContainers";
      container.ephemeral = list == "ephemeralContainers";
      out.push_back(std::move(container));
    }
  }
}

void read_container_statuses(const Node& statuses, std::vector<Container>& containers) {
  for (const Node& status : statuses.items) {
    const std::string name = text(status, "name");
    const auto container = std::find_if(containers.begin(), containers.end(),
                                        [&](const Container& candidate) { return candidate.name == name; });
    if (container == containers.end()) continue;
    container->image_id = text(status, "imageID");
    container->container_id = text(status, "containerID");
    container->last_container_id = text(member(member(status, "lastState"), "terminated"), "containerID");
    container->waiting_reason = text(member(member(status, "state"), "waiting"), "reason");
    container->restarts = count(status, "restartCount");
    container->running = member(member(status, "state"), "running").kind == Node::Kind::kObject;
  }
}

void read_pod_conditions(const Node& status, Pod& pod) {
  for (const Node& condition : member(status, "conditions").items) {
    const std::string type = text(condition, "type");
    if (type == "Ready") pod.ready = text(condition, "status") == "True";
    if (type == "PodScheduled" && text(condition, "status") == "False") {
      pod.unschedulable = true;
      pod.unschedulable_message = text(condition, "message");
    }
  }
}

bool has_written(const Node& metadata, std::string_view manager_prefix) {
  const auto& fields = member(metadata, "managedFields").items;
  return std::any_of(fields.begin(), fields.end(),
                     [&](const Node& field) { return text(field, "manager").starts_with(manager_prefix); });
}

}  // namespace

Result<ObjectMeta> object_meta_from(const Node& object) {
  const Node& metadata = member(object, "metadata");
  ObjectMeta meta;
  meta.name_space = text(metadata, "namespace");
  meta.name = text(metadata, "name");
  meta.uid = text(metadata, "uid");
  meta.resource_version = text(metadata, "resourceVersion");
  if (meta.name.empty() || meta.uid.empty()) {
    return fail(
        make_error(ErrorCode::kInvalidInput, "object without metadata.name or metadata.uid").on(meta.name));
  }
  if (const auto created = parse_rfc3339(text(metadata, "creationTimestamp"))) meta.created = *created;
  meta.being_deleted = member(metadata, "deletionTimestamp").kind == Node::Kind::kString;
  meta.labels = labels_of(member(metadata, "labels"));
  read_controller(metadata, meta);
  return meta;
}

/// Argo CD's and Flux's tracking labels and annotations, in the order in which they are trusted to tell. The
/// label that Argo CD tracks by unless told otherwise is in general use: it counts where Argo CD has applied.
std::string gitops_owner_of(const Node& metadata) {
  const Node& annotations = member(metadata, "annotations");
  const Node& labels = member(metadata, "labels");
  if (const std::string id = text(annotations, "argocd.argoproj.io/tracking-id"); !id.empty()) {
    return "Argo CD application " + id.substr(0, id.find(':'));
  }
  if (const std::string name = text(labels, "argocd.argoproj.io/instance"); !name.empty()) {
    return "Argo CD application " + name;
  }
  if (const std::string name = text(labels, "app.kubernetes.io/instance");
      !name.empty() && has_written(metadata, "argocd-")) {
    return "Argo CD application " + name;
  }
  for (const char* kind : {"kustomize", "helm"}) {
    const std::string prefix = std::string(kind) + ".toolkit.fluxcd.io/";
    if (const std::string name = text(labels, prefix + "name"); !name.empty()) {
      return std::string("Flux ") + (prefix[0] == 'k' ? "kustomization " : "helm release ") + name;
    }
  }
  return {};
}

bool NamespaceInfo::is_protected() const {
  const auto label = labels.find(kProtectedLabel);
  return label != labels.end() && label->second == "true";
}

std::optional<std::string_view> NamespaceInfo::mode_word() const {
  const auto label = labels.find(kModeLabel);
  return label == labels.end() ? std::nullopt : std::optional<std::string_view>(label->second);
}

bool Pod::quarantined() const {
  const auto label = meta.labels.find(kQuarantineLabel);
  return label != meta.labels.end() && label->second == "true";
}

Result<Pod> pod_from(const Node& object) {
  auto meta = object_meta_from(object);
  if (!meta) return tl::unexpected(std::move(meta).error());
  Pod pod;
  pod.meta = std::move(*meta);
  const Node& annotations = member(member(object, "metadata"), "annotations");
  pod.incident = text(annotations, kIncidentAnnotation);
  pod.undo = text(annotations, kUndoAnnotation);
  pod.has_annotations = annotations.kind == Node::Kind::kObject;
  if (const Node* evict = annotations.find(kSafeToEvictAnnotation)) pod.safe_to_evict = evict->text;
  pod.is_static = annotations.find("kubernetes.io/config.mirror") != nullptr;
  const Node& spec = member(object, "spec");
  const Node& status = member(object, "status");
  pod.node = text(spec, "nodeName");
  pod.priority_class = text(spec, "priorityClassName");
  pod.phase = text(status, "phase");
  auto facts = isolation::read_pod_facts(object);
  if (!facts) return tl::unexpected(std::move(facts).error());
  pod.facts = std::move(*facts);
  read_pod_conditions(status, pod);
  read_containers(spec, pod.containers);
  read_container_statuses(member(status, "containerStatuses"), pod.containers);
  read_container_statuses(member(status, "initContainerStatuses"), pod.containers);
  read_container_statuses(member(status, "ephemeralContainerStatuses"), pod.containers);
  return pod;
}

Result<ReplicaSet> replica_set_from(const Node& object) {
  auto meta = object_meta_from(object);
  if (!meta) return tl::unexpected(std::move(meta).error());
  return ReplicaSet{std::move(*meta), count(member(object, "spec"), "replicas", 1)};
}

Result<Deployment> deployment_from(const Node& object) {
  auto meta = object_meta_from(object);
  if (!meta) return tl::unexpected(std::move(meta).error());
  Deployment deployment;
  deployment.meta = std::move(*meta);
  const Node& metadata = member(object, "metadata");
  const Node& spec = member(object, "spec");
  const Node& status = member(object, "status");
  const Node& pod_template = member(spec, "template");
  deployment.replicas = count(spec, "replicas", 1);
  deployment.generation = count(metadata, "generation");
  deployment.observed_generation = count(status, "observedGeneration");
  deployment.total_replicas = count(status, "replicas");
  deployment.updated_replicas = count(status, "updatedReplicas");
  deployment.template_labels = labels_of(member(member(pod_template, "metadata"), "labels"));
  auto facts = isolation::read_pod_facts(pod_template);
  if (!facts) return tl::unexpected(std::move(facts).error());
  deployment.template_facts = std::move(*facts);
  deployment.priority_class = text(member(pod_template, "spec"), "priorityClassName");
  deployment.gitops_owner = gitops_owner_of(metadata);
  read_containers(member(pod_template, "spec"), deployment.containers);
  for (const Node& condition : member(status, "conditions").items) {
    if (text(condition, "type") == "ReplicaFailure" && text(condition, "status") == "True") {
      deployment.replica_failure = text(condition, "message");
    }
  }
  return deployment;
}

Result<NamespaceInfo> namespace_from(const Node& object) {
  auto meta = object_meta_from(object);
  if (!meta) return tl::unexpected(std::move(meta).error());
  return NamespaceInfo{meta->name, std::move(meta->labels), meta->being_deleted};
}

Result<EndpointSlice> endpoint_slice_from(const Node& object) {
  auto meta = object_meta_from(object);
  if (!meta) return tl::unexpected(std::move(meta).error());
  EndpointSlice slice;
  slice.meta = std::move(*meta);
  const auto service = slice.meta.labels.find("kubernetes.io/service-name");
  if (service != slice.meta.labels.end()) slice.service = service->second;
  for (const Node& endpoint : member(object, "endpoints").items) {
    const Node& ready = member(member(endpoint, "conditions"), "ready");
    // Absent means ready, says the API.
    if (ready.kind == Node::Kind::kBoolean && !ready.boolean) continue;
    const Node& reference = member(endpoint, "targetRef");
    if (text(reference, "kind") != "Pod") continue;
    slice.ready_pods.push_back({text(reference, "uid"), text(reference, "name")});
  }
  return slice;
}

Result<ServiceInfo> service_from(const Node& object) {
  auto meta = object_meta_from(object);
  if (!meta) return tl::unexpected(std::move(meta).error());
  return ServiceInfo{std::move(*meta), labels_of(member(member(object, "spec"), "selector"))};
}

}  // namespace kintsugi::targets
