// SPDX-License-Identifier: Apache-2.0
//
// What Preparation does for the virtual machines of KubeVirt.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/escape.h"
#include "controller/cluster.h"
#include "controller/kubevirt/machine_links.h"
#include "controller/kubevirt/machine_steps.h"
#include "controller/preparation.h"
#include "targets/kubevirt/launcher.h"
#include "targets/kubevirt/machine_links.h"
#include "targets/kubevirt/machine_readiness.h"
#include "targets/kubevirt/machine_rebuild.h"

namespace kintsugi::controller {
namespace {

using nlohmann::json;
using targets::Readiness;

constexpr net::Priority kPriority = net::Priority::kBackground;

/// The document of the machine that owns an instance; null: nobody does.
Result<json> machine_of(const targets::MachineTarget& machines, const targets::MachineInstance& instance) {
  const OwnerRef& owner = instance.meta.controller;
  if (owner.kind != targets::kMachines.kind) return json();
  auto document = machines.read_machine_document(instance.meta.name_space, owner, kPriority);
  if (!document && document.error().code == ErrorCode::kNotFound) return json();
  return document;
}

Readiness unreadable(const Error& error, std::size_t most) {
  Readiness readiness;
  readiness.containable_reason = readiness.prepared_reason = "MachineUnreadable";
  readiness.containable_message = readiness.prepared_message = escape(error.to_string(), most);
  return readiness;
}

}  // namespace

bool Preparation::has_launcher(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto entry = running_.lower_bound({key, ""});
  return entry != running_.end() && entry->first == key;
}

void Preparation::note_look(const std::string& key, std::int64_t generation) {
  const std::lock_guard lock(mutex_);
  looked_at_[key] = generation;
}

bool Preparation::add_living_machine(const targets::WorkloadName& workload,
                                     std::set<std::string>& living) const {
  const auto instance =
      world_.cluster->machines.find(workload.name_space, workload.name, {}, net::Priority::kBackground);
  if (!instance || !*instance) return false;
  living.insert((*instance)->meta.controller.uid);
  return true;
}

/// One that does not run cannot be breached. Where no launcher is known nothing is asked.
Result<std::optional<Preparation::Assessment>> Preparation::look_at_machine(
    const std::string& key, const targets::WorkloadName& workload) {
  if (!has_launcher(key)) return std::nullopt;
  note_look(key, kUnderWay);
  const targets::MachineTarget& machines = world_.cluster->machines;
  const auto instance = machines.find(workload.name_space, workload.name, {}, kPriority);
  if (!instance && instance.error().is_refusal())
    return Assessment{unreadable(instance.error(), kMaxMessage)};
  if (!instance) return fail(instance.error());
  if (!*instance) return std::nullopt;
  machine_watch_.begin();  // there is KubeVirt
  const auto launchers = launchers_of(world_.cluster->cache, (*instance)->meta.uid);
  if (launchers.empty()) return std::nullopt;
  const auto document = machine_of(machines, **instance);
  if (!document && document.error().is_refusal())
    return Assessment{unreadable(document.error(), kMaxMessage)};
  if (!document) return fail(document.error());
  std::optional<targets::Machine> machine;
  if (!document->is_null()) {
    const Node object = from_json(*document);
    note_look(key, targets::generation_of(object));
    auto read = targets::machine_from(object);
    if (!read) return fail(std::move(read).error());
    machine = std::move(*read);
  }
  Assessment found;
  if (auto done = assess_machine_containment(**instance, *document, launchers, found.readiness); !done)
    return fail(std::move(done).error());
  if (!targets::find_rebuild_obstacle(machine, found.readiness))
    assess_machine_template(key, *machine, *launchers.front(), found);
  found.readiness.prepared_message = escape(found.readiness.prepared_message, kMaxMessage);
  return found;
}

/// A breach isolates each launcher, so that the first that would not be isolated decides.
Result<void> Preparation::assess_machine_containment(const targets::MachineInstance& instance,
                                                     const json& machine,
                                                     const std::vector<PodPointer>& launchers,
                                                     Readiness& readiness) {
  const Result<void> policy = ensure_policy(instance.meta.name_space);
  if (!policy && !policy.error().is_refusal()) return policy;
  for (const PodPointer& launcher : launchers) {
    const auto dry_run = [&]() -> std::optional<Error> {
      if (launcher->quarantined() || launcher->meta.being_deleted) return std::nullopt;
      return refusal_of(targets::plan_launcher_isolation(*launcher, kDryRunIncident, ""));
    };
    assess_isolation({launcher->meta.name_space, launcher->meta.labels, launcher->facts},
                     targets::launcher_quarantine(), policy, dry_run, readiness);
    if (!readiness.containable) break;
  }
  std::string refusal;
  if (const auto planned = targets::plan_links_down_by_day(machine, instance)) {
    auto foreseen = foresee_links_down(world_.cluster->machines, instance, *planned, kPriority);
    if (!foreseen) return fail(std::move(foreseen).error());
    refusal = std::move(*foreseen);
  }
  targets::assess_machine_containability(instance, machine, refusal, readiness);
  readiness.containable_message = escape(readiness.containable_message, kMaxMessage);
  return {};
}

void Preparation::assess_machine_template(const std::string& key, const targets::Machine& machine,
                                          const targets::Pod& launcher, Assessment& found) {
  // A launcher in quarantine has lost the labels by which playbooks select it.
  if (launcher.quarantined()) return keep_template_finding(key, found.readiness);
  ImageTrust::WorkloadImages workload{machine.meta.uid, launcher.meta.labels, {}};
  std::vector<std::string> images;
  for (const targets::MachineImage& source : targets::rebuild_sources(machine).images) {
    images.push_back(source.image);
    targets::Container container;
    container.name = source.container;
    container.image = source.image;
    workload.containers.push_back(std::move(container));
  }
  found.turn = budget_.turn(key, images);
  if (found.turn.count() != 0) return keep_template_finding(key, found.readiness);
  std::vector<TrustedImage> accepted;
  if (ask_about(workload, machine.meta.name_space, accepted, found.readiness))
    targets::assess_machine_images(machine, accepted, found.readiness);
}

}  // namespace kintsugi::controller
