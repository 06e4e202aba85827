// SPDX-License-Identifier: Apache-2.0
#include "targets/kubernetes/redeployment.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/encoding.h"
#include "base/escape.h"
#include "k8s-client/core/patch.h"
#include "k8s-client/core/resource_version.h"
#include "targets/kubernetes/object_writes.h"

namespace kintsugi::targets {
namespace {

using nlohmann::json;

constexpr std::string_view kDigestPrefix = "sha256:";
/// Of a pod that was made in a victim's place: for which incident.
constexpr const char* kRecreatedFor = "kintsugi.dev/recreated-for";

/// Sets `value` at `path` below one object of the document, whatever is there: replaces (behind a test) or
/// adds.
void put(k8s::JsonPatch& patch, const json& parent, const std::string& parent_pointer, const char* key,
         const json& value) {
  const std::string pointer = parent_pointer + "/" + key;
  if (!parent.contains(key)) {
    patch.add(pointer, value);
  } else if (parent[key] != value) {
    patch.test(pointer, parent[key]);
    patch.replace(pointer, value);
  }
}

/// The object at `key`, made first where it is absent.
json ensure_object(k8s::JsonPatch& patch, const json& parent, const std::string& parent_pointer,
                   const char* key) {
  if (parent.contains(key) && parent[key].is_object()) return parent[key];
  patch.add(parent_pointer + "/" + key, json::object());
  return json::object();
}

void harden_container(k8s::JsonPatch& patch, const json& container, const std::string& pointer,
                      Hardening hardening) {
  const std::string context_pointer = pointer + "/securityContext";
  const json context = container.value("securityContext", json::object());
  switch (hardening) {
    case Hardening::kReadOnlyRootFilesystem:
      return put(patch, context, context_pointer, "readOnlyRootFilesystem", true);
    case Hardening::kDropCapabilities:
      return put(patch, context, context_pointer, "capabilities", {{"drop", {"ALL"}}});
    case Hardening::kRunAsNonRoot: return put(patch, context, context_pointer, "runAsNonRoot", true);
    case Hardening::kSeccompRuntimeDefault:
      return put(patch, context, context_pointer, "seccompProfile", {{"type", "RuntimeDefault"}});
    default: return;  // of the whole pod, or not of a pod
  }
}

bool is_for_containers(Hardening hardening) {
  return hardening < Hardening::kNoServiceAccountToken;
}

/// Appends what brings `spec` (a pod spec at `pointer`) to the accepted digests and the hardening.
Result<void> amend_pod_spec(k8s::JsonPatch& patch, const json& spec, const std::string& pointer,
                            const std::vector<TrustedImage>& accepted, const std::vector<Hardening>& harden) {
  for (const char* list : {"containers", "initContainers"}) {
    if (!spec.contains(list)) continue;
    for (std::size_t i = 0; i < spec[list].size(); ++i) {
      const json& container = spec[list][i];
      const std::string name = container.value("name", "");
      const std::string at = fmt::format("{}/{}/{}", pointer, list, i);
      const TrustedImage* image = accepted_for(accepted, name);
      if (image == nullptr) {
        return fail(ErrorCode::kRefused, "no accepted image for container " + escape(name, 64));
      }
      put(patch, container, at, "image", pinned(container.value("image", ""), image->digest));
      if (std::any_of(harden.begin(), harden.end(), is_for_containers)) {
        ensure_object(patch, container, at, "securityContext");
      }
      for (const Hardening hardening : harden) harden_container(patch, container, at, hardening);
    }
  }
  if (std::find(harden.begin(), harden.end(), Hardening::kNoServiceAccountToken) != harden.end()) {
    put(patch, spec, pointer, "automountServiceAccountToken", false);
  }
  return {};
}

/// What a replacement must not inherit: where it ran, what was mounted into it for its identity, what was
/// attached to it afterwards.
void clean_pod_spec(json& spec) {
  for (const char* key : {"nodeName", "ephemeralContainers", "hostname", "subdomain"}) spec.erase(key);
  const auto is_token = [](const json& entry) {
    return entry.value("name", "").starts_with("kube-api-access-");
  };
  const auto drop = [&](json& list) {
    list.erase(std::remove_if(list.begin(), list.end(), is_token), list.end());
  };
  if (spec.contains("volumes")) drop(spec["volumes"]);
  for (const char* list : {"containers", "initContainers"}) {
    if (!spec.contains(list)) continue;
    for (json& container : spec[list]) {
      if (container.contains("volumeMounts")) drop(container["volumeMounts"]);
    }
  }
}

std::string trouble_of(const Pod& pod) {
  const std::string name = "pod " + pod.meta.name;
  for (const Container& container : pod.containers) {
    if (container.ephemeral) continue;  // keeps no pod from being Ready
    const std::string& reason = container.waiting_reason;
    if (reason == "ImagePullBackOff" || reason == "ErrImagePull" || reason == "InvalidImageName") {
      return fmt::format(
          "{} cannot pull {} ({}): check the registry, the pull secret and that the digest exists", name,
          escape(container.image, 200), reason);
    }
    if (reason == "CrashLoopBackOff") {
      return fmt::format("{} is in a crash loop (container {}, {} restarts): read its log", name,
                         container.name, container.restarts);
    }
  }
  if (pod.unschedulable) return name + " cannot be scheduled: " + escape(pod.unschedulable_message, 200);
  if (!pod.ready) return name + " is not Ready";
  return {};
}

std::string reason_of(const Pod& pod) {
  for (const Container& container : pod.containers) {
    if (container.ephemeral) continue;  // keeps no pod from being Ready
    const std::string& reason = container.waiting_reason;
    if (reason == "ImagePullBackOff" || reason == "ErrImagePull" || reason == "InvalidImageName")
      return "ImagePullFailed";
    if (reason == "CrashLoopBackOff") return "CrashLoop";
  }
  return pod.unschedulable ? "Unschedulable" : "NotReady";
}

/// The pods that count: not on their way out, not finished.
std::vector<const Pod*> living(const Replacements& now) {
  std::vector<const Pod*> out;
  for (const Pod& pod : now.pods) {
    if (!pod.meta.being_deleted && pod.phase != "Succeeded" && pod.phase != "Failed") out.push_back(&pod);
  }
  return out;
}

Finding no(std::string reason, std::string message) {
  return {ConditionStatus::kFalse, std::move(reason), std::move(message)};
}

std::optional<Finding> find_unaccepted(const std::vector<const Pod*>& pods,
                                       const std::vector<TrustedImage>& accepted) {
  for (const Pod* pod : pods) {
    for (const Container& container : pod->containers) {
      // Of no template, and kept in the pod when it has ended.
      if (container.ephemeral && !container.running) continue;
      if (runs_accepted(container, accepted)) continue;
      if (digest_of(container.image_id).empty()) {
        const std::string trouble = trouble_of(*pod);
        return no(reason_of(*pod) == "NotReady" ? "ImageNotReported" : reason_of(*pod),
                  trouble.empty() ? fmt::format("pod {} reports no digest for container {}", pod->meta.name,
                                                container.name)
                                  : trouble);
      }
      return no("UnacceptedDigest",
                fmt::format("pod {} still runs {} in container {}, which no policy accepted", pod->meta.name,
                            escape(container.image_id, 200), container.name));
    }
  }
  return std::nullopt;
}

/// What stands in the way of a rollout: a pod that will not get well by waiting, or only time.
Finding not_rolled_out(const std::string& rollout, const std::vector<const Pod*>& pods) {
  for (const Pod* pod : pods) {
    if (const std::string reason = reason_of(*pod); !pod->ready && reason != "NotReady") {
      return no(reason, rollout + "; " + trouble_of(*pod));
    }
  }
  return no("RolloutInProgress", rollout);
}

}  // namespace

const TrustedImage* accepted_for(const std::vector<TrustedImage>& accepted, std::string_view container) {
  const auto found = std::find_if(accepted.begin(), accepted.end(),
                                  [&](const TrustedImage& image) { return image.container == container; });
  return found == accepted.end() ? nullptr : &*found;
}

std::string pinned(std::string_view image, std::string_view digest) {
  std::string_view repository = image.substr(0, image.find('@'));
  const std::size_t colon = repository.rfind(':');
  const std::size_t slash = repository.rfind('/');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    repository = repository.substr(0, colon);
  }
  return std::string(repository) + "@" + std::string(digest);
}

bool runs_accepted(const Container& container, const std::vector<TrustedImage>& accepted) {
  const std::string digest = digest_of(container.image_id);
  const TrustedImage* image = accepted_for(accepted, container.name);
  if (digest.empty() || image == nullptr) return false;
  return digest == image->digest ||
         std::find(image->equivalents.begin(), image->equivalents.end(), digest) != image->equivalents.end();
}

json undo_of(const k8s::JsonPatch& patch, const json& live) {
  json undo = json::array();
  for (const json& operation : json::parse(patch.to_text())) {
    if (operation["op"] == "test") continue;
    const std::string path = operation["path"];
    const json::json_pointer pointer(path);
    if (live.contains(pointer)) {
      undo.insert(undo.begin(), json({{"op", "replace"}, {"path", path}, {"value", live.at(pointer)}}));
    } else if (live.contains(pointer.parent_pointer())) {
      undo.insert(undo.begin(), json({{"op", "remove"}, {"path", path}}));
    }
  }
  return undo;
}

std::string digest_of(std::string_view image) {
  const std::size_t at = image.rfind(kDigestPrefix);
  if (at == std::string_view::npos) return {};
  if (at != 0 && image[at - 1] != '@' && image[at - 1] != '/') return {};
  const std::string_view digest = image.substr(at);
  const std::string_view hex = digest.substr(kDigestPrefix.size());
  const bool well_formed =
      hex.size() == 64 && hex.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return well_formed ? std::string(digest) : std::string();
}

bool is_prepared(const Deployment& deployment, const std::vector<TrustedImage>& accepted) {
  return !deployment.containers.empty() &&
         std::all_of(deployment.containers.begin(), deployment.containers.end(),
                     [&](const Container& container) {
                       const TrustedImage* image = accepted_for(accepted, container.name);
                       return image != nullptr && digest_of(container.image) == image->digest;
                     });
}

std::string unfinished_rollout(const Deployment& deployment) {
  if (deployment.observed_generation < deployment.generation) {
    return "the Deployment controller has not seen the present template yet";
  }
  if (deployment.total_replicas <= deployment.updated_replicas) return {};
  return fmt::format("a rollout is under way or paused: {} of {} pods are of the present template",
                     deployment.updated_replicas, deployment.total_replicas);
}

namespace {

/// What the recreated pod takes over: all but what is ours or tells of the old one.
json kept_annotations(const json& victim, const std::string& incident) {
  json kept = victim.at("metadata").value("annotations", json::object());
  for (auto annotation = kept.begin(); annotation != kept.end();) {
    const bool is_dropped =
        annotation.key().starts_with("kintsugi.dev/") || annotation.key() == kSafeToEvictAnnotation;
    annotation = is_dropped ? kept.erase(annotation) : std::next(annotation);
  }
  kept[kRecreatedFor] = incident;
  return kept;
}

}  // namespace

Result<Action> plan_pin(const json& live, const std::vector<TrustedImage>& accepted,
                        const std::vector<Hardening>& harden) {
  const json& metadata = live.at("metadata");
  const std::string name = metadata.value("name", "");
  k8s::JsonPatch patch;
  patch.test("/metadata/uid", metadata.value("uid", ""));
  const std::size_t preconditions = patch.size();
  if (auto amended = amend_pod_spec(patch, live.at("spec").at("template").at("spec"), "/spec/template/spec",
                                    accepted, harden);
      !amended) {
    return tl::unexpected(std::move(amended).error());
  }
  if (patch.size() == preconditions) return fail(ErrorCode::kAlreadyExists, "the template is pinned already");
  Action action;
  action.id = "redeploy/pin";
  action.kind = Action::Kind::kPatch;
  action.resource = "deployments.apps";
  action.name_space = metadata.value("namespace", "");
  action.name = name;
  action.uid = metadata.value("uid", "");
  action.body = patch.to_text();
  action.undo = undo_of(patch, live).dump();
  action.description = "pin deployment " + action.name_space + "/" + name + " to accepted digests";
  return action;
}

Labels own_labels(const json& pod) {
  Labels labels;
  const json all = pod.at("metadata").value("labels", json::object());
  for (const auto& [key, value] : all.items()) {
    if (value.is_string() && !key.starts_with("kintsugi.dev/")) labels.emplace(key, value.get<std::string>());
  }
  return labels;
}

Result<Action> plan_recreation(const json& victim, const Labels& labels, const std::string& incident,
                               const std::vector<TrustedImage>& accepted,
                               const std::vector<Hardening>& harden) {
  json spec = victim.at("spec");
  clean_pod_spec(spec);
  k8s::JsonPatch patch;
  if (auto amended = amend_pod_spec(patch, spec, "/spec", accepted, harden); !amended) {
    return tl::unexpected(std::move(amended).error());
  }
  auto amended = k8s::apply_json_patch({{"spec", spec}}, patch.to_text());
  if (!amended) return tl::unexpected(std::move(amended).error());
  const json& metadata = victim.at("metadata");
  // One name per incident: a second try after a crash meets the first one's pod instead of making another.
  std::string base = metadata.value("name", "").substr(0, 54);
  base.resize(base.find_last_not_of(".-") + 1);  // what is cut there would be no name
  const std::string name = base + "-" + sha256_hex(incident).substr(0, 8);
  json pod = {{"apiVersion", "v1"},
              {"kind", "Pod"},
              {"metadata",
               {{"name", name},
                {"namespace", metadata.value("namespace", "")},
                {"labels", labels},
                {"annotations", kept_annotations(victim, incident)}}},
              {"spec", std::move((*amended)["spec"])}};
  Action action;
  action.id = kRecreation;
  action.kind = Action::Kind::kCreate;
  action.resource = "pods";
  action.name_space = metadata.value("namespace", "");
  action.name = name;
  action.body = pod.dump();
  action.description =
      "create pod " + action.name_space + "/" + name + " in place of " + metadata.value("name", "");
  return action;
}

bool is_recreated_for(const json& pod, const std::string& incident) {
  return bears_marks_of(pod, {{"metadata", {{"annotations", {{kRecreatedFor, incident}}}}}});
}

const Pod* newest_of(const std::vector<Pod>& pods) {
  const auto is_older = [](const Pod& a, const Pod& b) {
    if (a.meta.created != b.meta.created) return a.meta.created < b.meta.created;
    const auto order = k8s::compare_resource_versions(a.meta.resource_version, b.meta.resource_version);
    return order && *order < 0;
  };
  const auto newest = std::max_element(pods.begin(), pods.end(), is_older);
  return newest == pods.end() ? nullptr : &*newest;
}

Finding assess_redeployed(const Replacements& now, const std::vector<TrustedImage>& accepted) {
  const auto pods = living(now);
  // The foreign digest first: it is worse than a missing pod.
  if (auto unaccepted = find_unaccepted(pods, accepted);
      unaccepted && unaccepted->reason == "UnacceptedDigest") {
    return *unaccepted;
  }
  if (now.wanted == 0) {
    return no("ScaledToZero", "the workload is scaled to 0: nothing runs that could show that it is back");
  }
  if (pods.size() < now.wanted) {
    if (!now.owner_trouble.empty()) {
      return no("ReplicaFailure", "the owner cannot create pods: " + escape(now.owner_trouble, 300));
    }
    return no("ReplicasMissing", fmt::format("{} of {} pods exist", pods.size(), now.wanted));
  }
  if (auto unaccepted = find_unaccepted(pods, accepted)) return *unaccepted;
  if (!now.rollout.empty()) return not_rolled_out(now.rollout, pods);
  return {ConditionStatus::kTrue, "AcceptedDigests",
          fmt::format("all {} pods run accepted digests", pods.size())};
}

Finding assess_recovered(const Replacements& now, const std::vector<TrustedImage>& accepted) {
  if (Finding redeployed = assess_redeployed(now, accepted); !redeployed.holds()) return redeployed;
  std::uint32_t serving = 0;
  std::uint32_t ready = 0;
  std::string reason;
  std::string message;
  for (const Pod* pod : living(now)) {
    if (!pod->ready) {
      reason = reason_of(*pod);
      message = trouble_of(*pod);
      continue;
    }
    ++ready;
    const auto& serves = now.serving_pod_uids;
    if (std::find(serves.begin(), serves.end(), pod->meta.uid) != serves.end()) ++serving;
  }
  if (ready < now.wanted) return no(reason.empty() ? "NotReady" : reason, message);
  if (now.has_service && serving < now.wanted) {
    return no("NotServing", fmt::format("{} of {} pods are ready in an EndpointSlice", serving, now.wanted));
  }
  return {ConditionStatus::kTrue, now.has_service ? "Serving" : "Ready",
          fmt::format("{} of {} pods are Ready{} on accepted digests", ready, now.wanted,
                      now.has_service ? " and serve" : "")};
}

}  // namespace kintsugi::targets
