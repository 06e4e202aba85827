// SPDX-License-Identifier: Apache-2.0
#include "host/domain_steps.h"

#include <algorithm>

#include "base/escape.h"
#include "host/domain_resolver.h"
#include "host/rebuild_memory.h"
#include "host/silence_watch.h"
#include "playbooks/matcher.h"

namespace kintsugi::host {

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

void DomainSteps::forget(const std::string& incident) const {
  domains_.evidence.forget(incident);
  domains_.rebuilds.forget(incident);
  domains_.silence.forget(incident);
}

}  // namespace kintsugi::host
