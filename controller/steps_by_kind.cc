// SPDX-License-Identifier: Apache-2.0
#include "controller/steps_by_kind.h"

#include "base/escape.h"
#include "targets/kubevirt/objects.h"

namespace kintsugi::controller {

const TargetSteps& StepsByKind::of(const TargetRef& target) const {
  return target.kind == targets::kMachineInstanceKind ? machines_ : pods_;
}

StepResult StepsByKind::contain(IncidentWork& work, const std::function<bool()>& may_send,
                                std::chrono::milliseconds timeout) const {
  return of(work.target()).contain(work, may_send, timeout);
}

StepResult StepsByKind::collect(IncidentWork& work) const {
  return of(work.target()).collect(work);
}

StepResult StepsByKind::redeploy(IncidentWork& work) const {
  return of(work.target()).redeploy(work);
}

StepResult StepsByKind::verify(IncidentWork& work) const {
  return of(work.target()).verify(work);
}

StepResult StepsByKind::release(IncidentWork& work) const {
  return of(work.target()).release(work);
}

StepResult StepsByKind::dispose_of_victim(IncidentWork& work) const {
  return of(work.target()).dispose_of_victim(work);
}

std::optional<std::string> StepsByKind::taboo(const TargetRef& target) const {
  if (target.kind != targets::kMachineInstanceKind && target.kind != TargetRef().kind)
    return "this is the controller of a cluster, and recovers no " + escape(target.kind, 64);
  return of(target).taboo(target);
}

bool StepsByKind::is_protected(const TargetRef& target) const {
  return of(target).is_protected(target);
}

Mode StepsByKind::mode_cap(const TargetRef& target) const {
  return of(target).mode_cap(target);
}

bool StepsByKind::is_known(const TargetRef& target) const {
  return of(target).is_known(target);
}

Result<bool> StepsByKind::exists(const TargetRef& target, std::stop_token stop) const {
  return of(target).exists(target, std::move(stop));
}

void StepsByKind::forget(const std::string& incident) const {
  // What one that is gone was about nobody knows.
  pods_.forget(incident);
  machines_.forget(incident);
}

}  // namespace kintsugi::controller
