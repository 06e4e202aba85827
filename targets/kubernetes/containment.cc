// SPDX-License-Identifier: Apache-2.0
#include "targets/kubernetes/containment.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/cut.h"
#include "base/document.h"
#include "k8s-client/core/patch.h"
#include "targets/kubernetes/object_writes.h"

namespace kintsugi::targets {
namespace {

using nlohmann::json;

/// An annotation may have 256 KiB, with all others.
constexpr DocumentLimits kUndoLimits{256u << 10, 4, 2'000};

/// What the API server takes of all annotations of an object, keys and values.
constexpr std::size_t kMaxAnnotationBytes = 256u << 10;
constexpr std::string_view kRemovedAnnotation = "kintsugi.dev/removed-annotations";
constexpr std::size_t kMaxRemovedBytes = 1024;

bool is_ours(std::string_view annotation) {
  return annotation == kIncidentAnnotation || annotation == kUndoAnnotation ||
         annotation == kSafeToEvictAnnotation;
}

std::string label_pointer(std::string_view key) {
  return k8s::json_pointer({"metadata", "labels", key});
}
std::string annotation_pointer(std::string_view key) {
  return k8s::json_pointer({"metadata", "annotations", key});
}

std::string describe(std::string_view verb, const Pod& pod) {
  return std::string(verb) + " pod " + pod.meta.name_space + "/" + pod.meta.name;
}

Action patch_of(const Pod& pod, std::string_view id, const k8s::JsonPatch& patch) {
  Action action = action_on(pod.ref(), id, Action::Kind::kPatch, "pods");
  action.body = patch.to_text();
  return action;
}

/// All three parts, or nobody.
OwnerRef read_controller(const json& carried) {
  OwnerRef owner;
  const std::pair<const char*, std::string*> parts[] = {
      {"kind", &owner.kind}, {"name", &owner.name}, {"uid", &owner.uid}};
  for (const auto& [key, part] : parts) {
    if (!carried.is_object() || !carried.contains(key) || !carried[key].is_string()) return {};
    *part = carried[key].get<std::string>();
  }
  return bounded(std::move(owner));
}

}  // namespace

bool can_release_by_labels(const Pod& pod) {
  const std::string& kind = pod.meta.controller.kind;
  return kind.empty() || (kind == "ReplicaSet" && pod.meta.api_version_of_controller == "apps/v1");
}

Action plan_isolation(const Pod& live, std::string_view incident, std::string_view forensics,
                      const Undo* earlier, std::span<const std::string_view> kept_keys) {
  Labels taken = live.meta.labels;
  for (const std::string_view kept : kept_keys) taken.erase(std::string(kept));
  k8s::JsonPatch patch;
  patch.test("/metadata/uid", live.meta.uid);
  if (!live.incident.empty()) patch.test(annotation_pointer(kIncidentAnnotation), live.incident);
  if (live.meta.labels.empty()) {
    patch.test("/metadata/labels", nullptr);
    patch.add("/metadata/labels", json::object());
  }
  for (const auto& [key, value] : live.meta.labels) {
    patch.test(label_pointer(key), value);
    if (taken.contains(key)) patch.remove(label_pointer(key));
  }
  patch.add(label_pointer(kQuarantineLabel), "true");
  if (!forensics.empty()) patch.add(label_pointer(kForensicsLabel), std::string(forensics));
  if (!live.has_annotations) {
    patch.test("/metadata/annotations", nullptr);
    patch.add("/metadata/annotations", json::object());
  }
  patch.add(annotation_pointer(kIncidentAnnotation), std::string(incident));
  const Undo undo =
      earlier != nullptr ? *earlier : Undo{taken, live.safe_to_evict, true, live.meta.controller};
  json carried = {{"labels", undo.labels}};
  if (const OwnerRef& owner = undo.controller; !owner.kind.empty()) {
    carried["controller"] = {{"kind", owner.kind}, {"name", owner.name}, {"uid", owner.uid}};
  }
  if (undo.safe_to_evict) carried["safeToEvict"] = *undo.safe_to_evict;
  patch.add(annotation_pointer(kUndoAnnotation), carried.dump());
  patch.add(annotation_pointer(kSafeToEvictAnnotation), "false");
  Action action = patch_of(live, "contain/isolate", patch);
  action.description = describe("isolate", live);
  return action;
}

std::optional<Action> isolation_with_room(const Action& isolation, const json& live) {
  const auto isolated = k8s::apply_json_patch(live, isolation.body);
  if (!isolated) return std::nullopt;
  std::size_t bytes = kRemovedAnnotation.size() + kMaxRemovedBytes;
  std::vector<std::pair<std::size_t, std::string>> foreign;
  for (const auto& [key, value] : isolated->at("metadata").at("annotations").items()) {
    const std::size_t size =
        key.size() + (value.is_string() ? value.get_ref<const std::string&>().size() : 0);
    bytes += size;
    if (!is_ours(key)) foreign.emplace_back(size, key);
  }
  if (bytes <= kMaxAnnotationBytes) return std::nullopt;
  std::sort(foreign.rbegin(), foreign.rend());
  json patch = json::parse(isolation.body);
  std::string removed;
  for (const auto& [size, key] : foreign) {
    if (bytes <= kMaxAnnotationBytes) break;
    bytes -= size;
    patch.push_back({{"op", "remove"}, {"path", annotation_pointer(key)}});
    removed += (removed.empty() ? "" : ", ") + key;
  }
  const json said = cut(std::move(removed), kMaxRemovedBytes);
  patch.push_back({{"op", "add"}, {"path", annotation_pointer(kRemovedAnnotation)}, {"value", said}});
  Action action = isolation;
  action.body = patch.dump();
  return action;
}

std::optional<Undo> find_undo(const Pod& victim, const std::optional<ContainmentRecord>& record) {
  // An annotation is writable by whoever may patch the pod: read strictly, and never more than is undone.
  const auto parsed = parse_json(victim.undo, kUndoLimits);
  const json undo = parsed ? *parsed : json();
  if (undo.is_object() && undo.contains("labels") && undo["labels"].is_object()) {
    Undo found{{}, std::nullopt, true};
    for (const auto& [key, value] : undo["labels"].items()) {
      if (value.is_string()) found.labels.emplace(key, value.get<std::string>());
    }
    if (undo.contains("safeToEvict") && undo["safeToEvict"].is_string()) {
      found.safe_to_evict = undo["safeToEvict"].get<std::string>();
    }
    if (undo.contains("controller")) found.controller = read_controller(undo["controller"]);
    if (!record || record->labels == found.labels) return found;
  }
  if (record) return Undo{record->labels, std::nullopt, false, record->controller};
  return std::nullopt;
}

Result<Action> plan_restoration(const Pod& victim, std::string_view incident, const Undo& undo) {
  if (!victim.quarantined() || victim.incident != incident) {
    return fail(
        make_error(ErrorCode::kConflict, "not in this incident's quarantine").on(victim.ref().to_string()));
  }
  k8s::JsonPatch patch;
  patch.test("/metadata/uid", victim.meta.uid);
  if (!incident.empty()) patch.test(annotation_pointer(kIncidentAnnotation), std::string(incident));
  for (const auto& [key, value] : undo.labels) patch.add(label_pointer(key), value);
  for (const std::string_view ours : {kQuarantineLabel, kForensicsLabel}) {
    if (victim.meta.labels.contains(ours) && !undo.labels.contains(ours)) patch.remove(label_pointer(ours));
  }
  if (!incident.empty()) patch.remove(annotation_pointer(kIncidentAnnotation));
  if (!victim.undo.empty()) patch.remove(annotation_pointer(kUndoAnnotation));
  if (undo.safe_to_evict) {
    patch.add(annotation_pointer(kSafeToEvictAnnotation), *undo.safe_to_evict);
  } else if (victim.safe_to_evict) {
    patch.remove(annotation_pointer(kSafeToEvictAnnotation));
  }
  Action action = patch_of(victim, kRestoration, patch);
  action.description = describe("give back the labels of", victim);
  return action;
}

Action plan_victim_deletion(const TargetRef& target) {
  Action action = action_on(target, "release/delete", Action::Kind::kDelete, "pods");
  action.description = "delete " + target.to_string();
  return action;
}

ContainmentRecord containment_record(const Pod& pod) {
  ContainmentRecord record;
  record.labels = pod.meta.labels;
  record.node = pod.node;
  record.controller = pod.meta.controller;
  if (const auto undo = find_undo(pod, std::nullopt); undo && pod.quarantined()) {
    record.labels = undo->labels;
    if (record.controller.kind.empty()) record.controller = undo->controller;
  }
  for (const Container& container : pod.containers) {
    if (!container.init && !container.ephemeral)
      record.images.push_back(
          {container.name, cut(container.image, kMaxImageBytes), cut(container.image_id, kMaxImageBytes)});
  }
  return record;
}

}  // namespace kintsugi::targets
