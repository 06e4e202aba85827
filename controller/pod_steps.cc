// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_steps.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "playbooks/guards.h"
#include "playbooks/matcher.h"
#include "targets/kubevirt/launcher.h"

namespace kintsugi::controller {

std::optional<std::string> PodSteps::taboo(const TargetRef& target) const {
  const auto guard = playbooks::check_protection({target, own_namespace_, {}, "", false});
  if (!guard.allowed()) return guard.reason;
  const auto pod = cluster_.cache.pod(target.name_space, target.name);
  const bool is_machine = pod != nullptr && pod->meta.uid == target.uid && targets::is_launcher(*pod);
  return is_machine ? std::optional<std::string>(kLauncherTaboo) : std::nullopt;
}

bool PodSteps::is_protected(const TargetRef& target) const {
  const auto name_space = cluster_.cache.name_space(target.name_space);
  return name_space != nullptr && name_space->is_protected();
}

Mode PodSteps::mode_cap(const TargetRef& target) const {
  const auto known = cluster_.cache.name_space(target.name_space);
  if (known == nullptr) return book_.cluster_cap();
  return std::min(playbooks::mode_cap(known->mode_word()), book_.cluster_cap());
}

bool PodSteps::is_known(const TargetRef& target) const {
  const auto pod = cluster_.cache.pod(target.name_space, target.name);
  return pod != nullptr && pod->meta.uid == target.uid;
}

Result<bool> PodSteps::exists(const TargetRef& target, std::stop_token stop) const {
  const auto live = cluster_.target.read(target, std::move(stop));
  if (!live) return fail(live.error());
  return live->has_value();
}

void PodSteps::forget(const std::string& incident) const {
  cluster_.evidence.results().forget(incident);
  cluster_.trust.forget_answers(incident);
}

Result<nlohmann::json> apply(IncidentWork& work, const Action& action, const targets::ApplyOptions& options) {
  const World& world = work.world();
  const MonotonicTime started = world.clock.monotonic();
  auto applied = world.cluster->target.apply(action, options);
  work.count(action, applied.has_value(), world.clock.monotonic() - started);
  return applied;
}

}  // namespace kintsugi::controller
