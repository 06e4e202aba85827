// SPDX-License-Identifier: Apache-2.0
//
// What is known by day of how a breach of a machine would go. Pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "model/action.h"
#include "model/image.h"
#include "targets/kubernetes/readiness.h"
#include "targets/kubevirt/objects.h"

namespace kintsugi::targets {

/// Adds to what the proof about its launcher says: a network that no policy reaches and whose link would stay
/// up makes a machine uncontainable; that it could not be paused is told. `machine`: the document of the
/// VirtualMachine, null where nobody owns the instance. `refusal`: why the server would not do what
/// plan_links_down_by_day() plans; empty: it would.
void assess_machine_containability(const MachineInstance& instance, const nlohmann::json& machine,
                                   const std::string& refusal, Readiness& readiness);
/// What a breach would do to its links; nothing where that is nothing, or not possible. A migration that is
/// under way is no obstacle: a breach ends it.
std::optional<Action> plan_links_down_by_day(const nlohmann::json& machine, const MachineInstance& instance);

/// Says in `readiness` why no image brings the machine back by itself; nothing: the images decide. No
/// machine: nobody owns the instance. True: there is something in the way.
bool find_rebuild_obstacle(const std::optional<Machine>& machine, Readiness& readiness);

/// What its images come to, all of which are `accepted`.
void assess_machine_images(const Machine& machine, const std::vector<TrustedImage>& accepted,
                           Readiness& readiness);

}  // namespace kintsugi::targets
