// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/cluster.h"
#include "controller/playbook_book.h"
#include "controller/target_steps.h"

namespace kintsugi::controller {

inline constexpr const char* kLauncherTaboo =
    "a virtual machine's launcher is never treated as a plain pod: the incident has to be about its "
    "VirtualMachineInstance";

/// The verbs for pods: each is in the file of its step.
class PodSteps final : public TargetSteps {
 public:
  /// References must outlive the steps.
  PodSteps(const Cluster& cluster, const PlaybookBook& book, std::string own_namespace)
      : cluster_(cluster), book_(book), own_namespace_(std::move(own_namespace)) {}

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
  const PlaybookBook& book_;
  const std::string own_namespace_;
};

/// A pin or a replacement whose answer was lost, and that the end of the incident overtakes: done where the
/// cluster shows it. Else it stays planned.
Result<void> settle_redeployment(IncidentWork& work);

}  // namespace kintsugi::controller
