// SPDX-License-Identifier: Apache-2.0
#include "host/domain_steps.h"

#include <algorithm>

#include "base/escape.h"
#include "controller/probation.h"
#include "host/domain_resolver.h"
#include "playbooks/matcher.h"

namespace kintsugi::host {

using controller::step_done;
using controller::step_waits;

Action action_about(const TargetRef& target, std::string id, std::string description) {
  Action action;
  action.id = std::move(id);
  action.resource = "domains";
  action.name_space = target.name_space;
  action.name = target.name;
  action.uid = target.uid;
  action.description = std::move(description);
  return action;
}

/// Bringing a machine back from a golden image is a person's work so far.
StepResult DomainSteps::redeploy(IncidentWork& work) const {
  if (work.playbook()->step<RedeployStep>() == nullptr) return step_done();
  const std::string why =
      "a domain is not rebuilt by Kintsugi yet: make a new one from an image that you trust, then 'kintsugi "
      "release " +
      work.incident().name + " --victim leave'";
  work.conclude(condition::kRedeployed, {ConditionStatus::kFalse, "NotSupported", why});
  work.await("redeploy", why);
  return step_waits();
}

StepResult DomainSteps::verify(IncidentWork& work) const {
  return controller::conclude_containment(work);
}

StepResult DomainSteps::dispose_of_victim(IncidentWork&) const {
  return step_done();
}

std::optional<std::string> DomainSteps::taboo(const TargetRef& target) const {
  if (target.kind == kDomainKind) return std::nullopt;
  return "this is the controller of a hypervisor, and knows no " + escape(target.kind, 64);
}

bool DomainSteps::is_protected(const TargetRef& target) const {
  const auto known = domains_.inventory.known(target.uid);
  return known && known->domain.terms.is_protected;
}

Mode DomainSteps::mode_cap(const TargetRef& target) const {
  const auto known = domains_.inventory.known(target.uid);
  const Mode cap = domains_.book.cluster_cap();
  return known && !known->domain.terms.mode.empty()
             ? std::min(cap, playbooks::mode_cap(known->domain.terms.mode))
             : cap;
}

bool DomainSteps::is_known(const TargetRef& target) const {
  return domains_.inventory.known(target.uid).has_value();
}

Result<bool> DomainSteps::exists(const TargetRef& target, std::stop_token) const {
  const auto status = domains_.hypervisor.status(target.uid);
  if (!status && status.error().code == ErrorCode::kNotFound) return false;
  if (!status) return fail(status.error());
  return true;
}

}  // namespace kintsugi::host
