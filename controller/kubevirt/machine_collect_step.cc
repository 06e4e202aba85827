// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "controller/kubevirt/machine_evidence.h"
#include "controller/kubevirt/machine_steps.h"
#include "targets/kubevirt/machine_evidence.h"

namespace kintsugi::controller {
namespace {

constexpr CollectionWords kMachineWords{
    "ManifestMissing", "the instance's manifest could not be kept",
    "the evidence directory dies with the pod: put it on a persistent volume"};

/// Whether it is to be asked for again after this answer. virt-api says with a conflict what does not pass
/// (the claim is too small, the guest has powered itself off); what could, does so within the deadline.
bool is_to_be_repeated(IncidentWork& work, const Error& error) {
  if (error.code == ErrorCode::kConflict && !error.outcome_unknown) return false;
  const auto& times = work.status().times;
  const auto since = times.contained ? times.contained : times.acknowledged;
  const auto deadline =
      work.playbook()->step<CollectStep>()->deadline.value_or(CollectStep::kMachineDeadline);
  return error.retryable && (!since || work.now() < *since + deadline);
}

/// Asks KubeVirt for something that takes its time, once. A refusal is no obstacle: what could not be had is
/// part of the evidence. Nothing: it is asked for, or cannot be.
std::optional<StepResult> ask_for(IncidentWork& work, const Action& action) {
  if (is_settled(work.incident(), action.id)) return std::nullopt;
  auto done = carry_out_on_machine(work, action);
  if (done && done->done) return std::nullopt;
  if (done || is_to_be_repeated(work, done.error())) return done;
  work.note("Not done: " + action.description + ": " + done.error().to_string());
  if (auto kept = work.journal(action, JournalEntry::State::kAbandoned); !kept)
    return StepResult(fail(kept.error()));
  return std::nullopt;
}

/// Asks for a dump of the memory. One that was asked for in an earlier life would be refused, or made twice.
std::optional<StepResult> ask_for_memory(IncidentWork& work, const targets::Machine& machine,
                                         const nlohmann::json& dump, const std::string& claim) {
  settle_memory_dump(work, dump);
  const Action action = targets::plan_memory_dump(machine, claim, dump);
  if (is_settled(work.incident(), action.id)) return std::nullopt;
  // KubeVirt dumps whatever instance the machine has now.
  const auto instance = work.world().cluster->machines.read(work.target());
  if (!instance) return StepResult(fail(instance.error()));
  if (*instance) return ask_for(work, action);
  work.note("Not done: " + action.description + ": the instance is not the breached one any more");
  if (auto kept = work.journal(action, JournalEntry::State::kAbandoned); !kept)
    return StepResult(fail(kept.error()));
  return std::nullopt;
}

/// Before the job, because changes of the world are the leader's and journaled.
std::optional<StepResult> ask_for_copies(IncidentWork& work, const CollectStep& step) {
  const bool wants_memory = step.memory && !step.memory_dump_claim.empty();
  const bool wants_any = step.disks || wants_memory;
  const OwnerRef owner = work.owner();
  if (!wants_any || owner.name.empty() || work.mode() < Mode::kContainOnly) return std::nullopt;
  const auto live = work.world().cluster->machines.read_machine_document(work.target().name_space, owner);
  if (!live && live.error().code == ErrorCode::kNotFound) return std::nullopt;
  if (!live) return StepResult(fail(live.error()));
  const auto machine = targets::machine_from(from_json(*live));
  if (!machine) return StepResult(fail(machine.error()));
  if (wants_memory) {
    const nlohmann::json dump = targets::memory_dump_of(*live);
    if (auto waits = ask_for_memory(work, *machine, dump, step.memory_dump_claim)) return waits;
  }
  if (!step.disks || !targets::has_lasting_disks(*machine)) return std::nullopt;
  const std::string& incident = work.incident().name;
  return ask_for(work, targets::plan_snapshot(*machine, snapshot_name(incident), incident));
}

}  // namespace

StepResult MachineSteps::collect(IncidentWork& work) const {
  const auto* step = work.playbook()->step<CollectStep>();
  if (step == nullptr || find_condition(work.status(), condition::kEvidencePreserved) != nullptr)
    return step_done();
  if (auto waits = ask_for_copies(work, *step)) return *waits;
  const Cluster& cluster = cluster_;
  return collect_in_job(
      work, {.results = cluster.evidence.results(),
             .words = kMachineWords,
             .deadline = step->deadline.value_or(CollectStep::kMachineDeadline),
             .target_exists = [this, &work] { return is_known(work.target()); },
             .run =
                 [&cluster, arguments = *step](const Incident& incident, MonotonicTime deadline,
                                               std::stop_token stop) {
                   return cluster.evidence.collect(
                       incident, kMachineSubject, deadline, std::move(stop),
                       [&](EvidenceSession& session) { take_machine_evidence(session, cluster, arguments); });
                 }});
}

}  // namespace kintsugi::controller
