// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/target_steps.h"

namespace kintsugi::controller {

/// The verbs of a cluster, by the kind of an incident's target: a virtual machine's, or a pod's. A target of
/// any other kind is never touched.
class StepsByKind final : public TargetSteps {
 public:
  /// Both must outlive this object.
  StepsByKind(const TargetSteps& pods, const TargetSteps& machines) : pods_(pods), machines_(machines) {}

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
  const TargetSteps& of(const TargetRef& target) const;

  const TargetSteps& pods_;
  const TargetSteps& machines_;
};

}  // namespace kintsugi::controller
