// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "controller/pod_isolation.h"
#include "controller/target_steps.h"
#include "targets/kubernetes/containment.h"

namespace kintsugi::controller {

/// The verbs for KubeVirt's virtual machines: each is in the file of its step. The target is the instance;
/// what is isolated is its launcher pods, and what is rebuilt the machine that owns it.
class MachineSteps final : public TargetSteps {
 public:
  /// `pods` says what holds for a whole namespace. References must outlive the steps.
  MachineSteps(const Cluster& cluster, const TargetSteps& pods) : cluster_(cluster), pods_(pods) {}

  StepResult contain(IncidentWork& work, const std::function<bool()>& may_send,
                     std::chrono::milliseconds timeout) const override;
  StepResult collect(IncidentWork& work) const override;
  StepResult redeploy(IncidentWork& work) const override;
  StepResult verify(IncidentWork& work) const override;
  StepResult release(IncidentWork& work) const override;
  StepResult dispose_of_victim(IncidentWork& work) const override;
  std::optional<std::string> taboo(const TargetRef& target) const override;
  bool is_protected(const TargetRef& target) const override;
  Mode mode_cap(const TargetRef& target) const override;
  bool is_known(const TargetRef& target) const override;
  Result<bool> exists(const TargetRef& target, std::stop_token stop) const override;
  void forget(const std::string& incident) const override;

 private:
  const Cluster& cluster_;
  const TargetSteps& pods_;
};

/// The launchers of an instance that have not ended, as the cache has them: one, or during a migration two.
std::vector<PodPointer> launchers_of(const targets::ClusterCache& cache, const std::string& instance_uid);

/// What isolation took from a launcher: its annotation, unless somebody has edited that; then what the
/// incident that holds it has in its journal.
std::optional<targets::Undo> undo_of_launcher(IncidentWork& work, const targets::Pod& launcher);

/// Journals an action, makes the change, and marks it as done. Not done: it may not be sent now. An error of
/// the write is the caller's to judge: the action stays planned.
StepResult carry_out_on_machine(IncidentWork& work, const Action& action);

// What was sent and whose answer was lost has taken effect: a pause where the instance shows it, a restart
// where the victim ends, a memory dump where `dump`, which the machine tells of, was not there before.
void settle_pause(IncidentWork& work, const targets::MachineInstance& instance);
void settle_restarts(IncidentWork& work, const std::optional<targets::MachineInstance>& now);
void settle_memory_dump(IncidentWork& work, const nlohmann::json& dump);

}  // namespace kintsugi::controller
