// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "controller/collection.h"
#include "host/disk_room.h"
#include "host/domain_steps.h"
#include "targets/libvirt/domain_disks.h"

namespace kintsugi::host {
namespace {

using controller::step_done;
using controller::step_waits;
using targets::DiskLayer;

Action freezing_of(const Incident& incident, const std::vector<DiskLayer>& layers) {
  const TargetRef& target = incident.spec.target;
  Action action = action_about(target, kFreezing,
                               "have domain " + target.name + " write into new layers above its disks");
  nlohmann::json disks = nlohmann::json::array();
  for (const DiskLayer& layer : layers)
    disks.push_back({{"disk", layer.target}, {"file", layer.below}, {"layer", layer.layer}});
  action.body = json_text(nlohmann::json({{"layers", disks}}));
  action.undo = json_text(nlohmann::json({{"commit", disks}}));
  return action;
}

}  // namespace

/// None where the guest writes nothing.
Result<DomainSteps::Layers> DomainSteps::find_layers(IncidentWork& work) const {
  const std::string& incident = work.incident().name;
  const auto observed = domains_.target.observe(work.target().uid);
  if (!observed) return fail(observed.error());
  const bool writes =
      *observed && (*observed)->live && (*observed)->status.state == targets::DomainState::kRunning;
  if (!writes) return Layers();
  return Layers{targets::layers_of(*(*observed)->live, incident),
                targets::plan_disk_freezing(*(*observed)->live, incident).layers};
}

Result<void> DomainSteps::make_layers(IncidentWork& work, const std::vector<DiskLayer>& missing) const {
  std::vector<LayerNeed> needs;
  for (const DiskLayer& layer : missing) {
    const auto size = domains_.hypervisor.disk_size(work.target().uid, layer.target);
    if (!size) return fail(size.error());
    needs.push_back({layer, size->virtual_bytes});
  }
  if (auto room = check_room(needs, evidence::disk_space); !room) return room;
  const auto frozen = domains_.target.freeze_disks(work.target().uid, work.incident().name);
  if (!frozen) return fail(frozen.error());
  return {};
}

/// The disks are kept as they are now, before anything slow: the journal first, then the change.
StepResult DomainSteps::freeze_disks(IncidentWork& work) const {
  if (controller::is_settled(work.incident(), kFreezing) || work.mode() <= Mode::kObserve) return step_done();
  const auto layers = find_layers(work);
  if (!layers) return fail(layers.error());
  std::vector<DiskLayer> all = layers->present;
  all.insert(all.end(), layers->missing.begin(), layers->missing.end());
  if (all.empty()) return step_done();
  const Action action = freezing_of(work.incident(), all);
  if (auto waits = controller::plan_before_sending(work, action)) return *waits;
  const MonotonicTime started = work.world().clock.monotonic();
  const auto frozen = make_layers(work, layers->missing);
  work.count(action, frozen.has_value(), work.world().clock.monotonic() - started);
  if (!frozen && frozen.error().code == ErrorCode::kUnavailable) return fail(frozen.error());
  if (!frozen) work.note("The disks go on being written to: " + frozen.error().to_string());
  const auto state = frozen ? JournalEntry::State::kApplied : JournalEntry::State::kAbandoned;
  if (auto kept = work.journal(action, state); !kept) return fail(kept.error());
  return step_done();
}

/// A job of its own, because the agent's channel is closed as soon as it is over.
StepResult DomainSteps::ask_guest(IncidentWork& work) const {
  controller::World& world = work.world();
  const std::string name = work.incident().name;
  world.jobs.start(
      name, controller::lane_of(work.target()), kGuestJob,
      [&evidence = domains_.evidence, incident = work.incident()](std::stop_token stop) {
        evidence.ask_guest(incident, std::move(stop));
      },
      [&world, name] { world.wake(name); });
  return step_waits(CollectStep::kMachineDeadline);
}

StepResult DomainSteps::collect(IncidentWork& work) const {
  const auto* step = work.playbook()->step<CollectStep>();
  if (step == nullptr || find_condition(work.status(), condition::kEvidencePreserved) != nullptr)
    return step_done();
  if (step->disks) {
    if (auto frozen = freeze_disks(work); !frozen || !frozen->done) return frozen;
  }
  DomainEvidence& evidence = domains_.evidence;
  if (step->guest_facts && !evidence.has_asked_guest(work.incident().name)) return ask_guest(work);
  return controller::collect_in_job(
      work, {.results = evidence.results(),
             .words = kDomainWords,
             .deadline = step->deadline.value_or(CollectStep::kMachineDeadline),
             .target_exists =
                 [&] {
                   const auto there = exists(work.target(), {});
                   return !there || *there;  // a host that is away may come back
                 },
             .run =
                 [&evidence, arguments = *step](const Incident& incident, MonotonicTime deadline,
                                                std::stop_token stop) {
                   return evidence.collect(incident, arguments, deadline, std::move(stop));
                 }});
}

}  // namespace kintsugi::host
