// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_resolver.h"

#include <utility>

#include "base/escape.h"
#include "playbooks/guards.h"
#include "playbooks/matcher.h"
#include "targets/kubernetes/containment.h"
#include "targets/kubevirt/launcher.h"

namespace kintsugi::controller {
namespace {

using targets::Pod;

/// Between a sensor's clock and that of the API server.
constexpr std::chrono::seconds kClockSkew{2};

IntakeResult result(Disposition disposition, std::string message) {
  return {disposition, "", std::move(message)};
}

IntakeResult unprotected() {
  return result(Disposition::kUnprotected, "the namespace does not carry kintsugi.dev/protected: \"true\"");
}

std::string_view bare_id(std::string_view id) {
  const std::size_t scheme = id.find("://");
  return scheme == std::string_view::npos ? id : id.substr(scheme + 3);
}

const targets::Container* container_of(const Pod& pod, const std::string& id_prefix) {
  for (const targets::Container& container : pod.containers) {
    if (bare_id(container.container_id).starts_with(id_prefix) ||
        bare_id(container.last_container_id).starts_with(id_prefix)) {
      return &container;
    }
  }
  return nullptr;
}

}  // namespace

std::optional<IntakeResult> PodResolver::refuse_early(const Signal& signal) const {
  if (signal.on_host) return result(Disposition::kNoTarget, "an event of the node, not of a container");
  if (signal.pod_name.empty() && signal.container_id.empty()) {
    return result(Disposition::kNoTarget, "the signal names neither a pod nor a container");
  }
  if (signal.name_space.empty()) return std::nullopt;
  const auto refused = playbooks::check_protection(
      {{"Pod", signal.name_space, signal.pod_name, signal.pod_uid}, own_namespace_, {}, "", false});
  if (refused.kind == playbooks::GuardVerdict::Kind::kRefused)
    return result(Disposition::kRefused, refused.reason);
  return std::nullopt;
}

Result<std::variant<Victim, IntakeResult>> PodResolver::resolve(const Signal& signal) const {
  const auto found = find(signal);
  if (!found) return fail(found.error());
  if (const auto* instead = std::get_if<IntakeResult>(&*found)) return *instead;
  const Found& pod = std::get<Found>(*found);
  auto judged = judge(pod);
  const auto instance = targets::instance_of(*pod.pod);
  if (!instance || !std::holds_alternative<Victim>(judged)) return judged;
  auto machine = find_machine(std::get<Victim>(std::move(judged)), *instance);
  // In quarantine it has kept those that KubeVirt finds it by.
  if (auto* victim = machine ? std::get_if<Victim>(&*machine) : nullptr)
    victim->labels.insert(pod.pod->meta.labels.begin(), pod.pod->meta.labels.end());
  return machine;
}

PodResolver::Search PodResolver::find(const Signal& signal) const {
  if (signal.pod_name.empty()) return find_by_container(signal);
  if (signal.name_space.empty())
    return result(Disposition::kNotUnique, "the signal names a pod without its namespace");
  const auto name_space = cache_.name_space(signal.name_space);
  if (name_space == nullptr || !name_space->is_protected()) return unprotected();
  Found found{cache_.pod(signal.name_space, signal.pod_name), "", ""};
  if (found.pod == nullptr) {
    // Perhaps it is newer than the cache: asking costs one read, and only for pods that we do not know.
    auto live = target_.find(signal.name_space, signal.pod_name);
    if (!live) return fail(std::move(live).error());
    if (!*live) return result(Disposition::kGone, "no such pod");
    found.pod = std::make_shared<const Pod>(std::move(**live));
  }
  if (auto instead = judge_identity(signal, found)) return *std::move(instead);
  return found;
}

PodResolver::Search PodResolver::find_by_container(const Signal& signal) const {
  const auto pods = cache_.pods_by_container(signal.container_id);
  if (pods.empty()) return result(Disposition::kGone, "no pod has a container of this id");
  if (pods.size() > 1)
    return result(Disposition::kNotUnique, "several pods have a container whose id starts so");
  Found found{pods.front(), "", ""};
  if (auto instead = judge_identity(signal, found)) return *std::move(instead);
  return found;
}

std::optional<IntakeResult> PodResolver::judge_identity(const Signal& signal, Found& found) const {
  const Pod& pod = *found.pod;
  if (!signal.pod_uid.empty() && signal.pod_uid != pod.meta.uid) {
    return result(Disposition::kUidMismatch, "the pod of this name has another UID");
  }
  if (!signal.name_space.empty() && signal.name_space != pod.meta.name_space)
    return result(Disposition::kGone, "the container's pod is in another namespace than the signal says");
  const bool is_timed = signal.pod_uid.empty() && signal.claimed && !signal.time_was_clamped;
  if (signal.container_id.empty()) {
    if (is_timed && pod.meta.created > signal.time + kClockSkew)
      return result(Disposition::kGone, "the pod of this name was made after what the signal is about");
    return std::nullopt;
  }
  if (const targets::Container* container = container_of(pod, signal.container_id)) {
    found.container = container->name;
    return std::nullopt;
  }
  // The container is none of this pod's. If a pod that went had it, or this one did not exist yet, the signal
  // is about a namesake.
  const bool was_namesake =
      cache_.departed_pod(signal.name_space, signal.pod_name, signal.container_id).has_value();
  const bool too_young = is_timed && pod.meta.created > signal.time;
  if (was_namesake || too_young)
    return result(Disposition::kGone, "the pod that the signal is about is gone");
  found.note =
      "The signal's container id " + escape(signal.container_id, 64) + " is none of the pod's; not used";
  return std::nullopt;
}

/// Whether anything may be done about the pod, and by what playbooks select it.
std::variant<Victim, IntakeResult> PodResolver::judge(const Found& found) const {
  const Pod& pod = *found.pod;
  const auto name_space = cache_.name_space(pod.meta.name_space);
  if (name_space == nullptr || !name_space->is_protected()) return unprotected();
  const auto protection = playbooks::check_protection(
      {pod.ref(), own_namespace_, pod.meta.labels, pod.priority_class, pod.is_static});
  if (protection.kind == playbooks::GuardVerdict::Kind::kRefused)
    return result(Disposition::kRefused, protection.reason);
  // A victim in quarantine has lost its labels; what a playbook selects by is what it wore before.
  const auto undo = pod.quarantined() ? targets::find_undo(pod, std::nullopt) : std::nullopt;
  return Victim{pod.ref(),
                target_.owner_of(pod),
                undo ? undo->labels : pod.meta.labels,
                name_space->labels,
                playbooks::mode_cap(name_space->mode_word()),
                found.container,
                found.note};
}

/// The victim that runs in a launcher, which itself is never one.
Result<std::variant<Victim, IntakeResult>> PodResolver::find_machine(Victim launcher,
                                                                     const TargetRef& target) const {
  const auto instance = machines_.read(target);
  if (!instance && instance.error().is_refusal()) {
    return result(Disposition::kRefused,
                  "a virtual machine, and the controller has no right to read VirtualMachineInstances (the "
                  "chart's kubevirt.enabled)");
  }
  if (!instance) return fail(instance.error());
  if (!*instance) {
    return result(
        Disposition::kRefused,
        "a virt-launcher whose VirtualMachineInstance cannot be found; it is not treated as a plain pod");
  }
  launcher.target = target;
  launcher.owner = (*instance)->meta.controller;
  return launcher;
}

}  // namespace kintsugi::controller
