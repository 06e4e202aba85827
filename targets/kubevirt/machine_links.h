// SPDX-License-Identifier: Apache-2.0
//
// Taking down the link of a machine's network cards, for networks that no NetworkPolicy reaches. KubeVirt
// carries it from the machine's template to the running guest. Pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/action.h"
#include "targets/kubevirt/objects.h"

namespace kintsugi::targets {

/// The ids of both actions.
inline constexpr std::string_view kLinksDown = "contain/links-down";
inline constexpr std::string_view kLinksUp = "contain/links-up";

/// Why no link of the instance may be taken down, whatever its machine is; empty: it may. A link that is down
/// would fail a liveness probe, the kubelet would kill the launcher, and what was not preserved would be
/// lost.
std::string obstacle_to_links_down(const MachineInstance& instance);

/// Takes the links of the instance's reachable networks down in the template of its machine, whose document
/// `live` is; with a `test` of the UID and of each value replaced. What was there is in the undo; what an
/// action `before` of the same incident found there stays in it. Fails with kAlreadyExists where the template
/// says so already, with kRefused where somebody else keeps the template, or it has no such card.
Result<Action> plan_links_down(const nlohmann::json& live, const MachineInstance& instance,
                               const Action* before = nullptr);

/// Gives back what `down` took, where it is still as that left it; what somebody has changed since stays.
/// Fails with kAlreadyExists where nothing is left to be given back.
Result<Action> plan_links_up(const nlohmann::json& live, const Action& down);

}  // namespace kintsugi::targets
