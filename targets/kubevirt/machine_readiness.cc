// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/machine_readiness.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "targets/kubernetes/redeployment.h"
#include "targets/kubevirt/launcher.h"
#include "targets/kubevirt/machine_links.h"
#include "targets/kubevirt/machine_rebuild.h"

namespace kintsugi::targets {
namespace {

using nlohmann::json;

/// The same, as a breach would find it: a migration is ended first.
MachineInstance after_migration(MachineInstance instance) {
  instance.is_migrating = false;
  return instance;
}

/// Why the link of a network that is up would not go down; empty: it would, if the server lets it.
std::string obstacle_of(const MachineNetwork& network, const MachineInstance& instance, const json& machine) {
  MachineInstance alone = after_migration(instance);
  alone.networks = {network};
  if (std::string obstacle = obstacle_to_links_down(alone); !obstacle.empty()) return obstacle;
  if (machine.is_null()) return "no VirtualMachine owns the instance";
  const auto planned = plan_links_down(machine, alone);
  const bool is_possible = planned || planned.error().code == ErrorCode::kAlreadyExists;
  return is_possible ? "" : planned.error().message;
}

/// The DataVolume that it boots from, of which a breach has another imported; empty: it boots from none.
std::string root_data_volume(const Machine& machine) {
  const auto& volumes = machine.volumes;
  const auto root = std::find_if(volumes.begin(), volumes.end(), [&](const MachineVolume& volume) {
    return volume.name == machine.root_volume && volume.source == MachineVolume::Source::kDataVolume;
  });
  return root == volumes.end() ? "" : escape(root->reference, 253);
}

std::string kept_by(const Machine& machine) {
  std::string text;
  for (const std::string& volume : rebuild_sources(machine).kept)
    text += (text.empty() ? "" : ", ") + escape(volume, 64);
  return text.empty() ? text : "; these volumes keep what was written to them: " + text;
}

}  // namespace

void assess_machine_containability(const MachineInstance& instance, const json& machine,
                                   const std::string& refusal, Readiness& readiness) {
  for (const MachineNetwork& network : instance.networks) {
    if (network.is_down) continue;
    std::string obstacle = obstacle_of(network, instance, machine);
    if (obstacle.empty()) obstacle = refusal;
    const std::string name = escape(network.network, 64);
    if (obstacle.empty()) {
      readiness.containable_message +=
          fmt::format("; no NetworkPolicy reaches the network {}, whose link would be taken down", name);
      continue;
    }
    if (!readiness.containable) continue;
    readiness.containable = false;
    readiness.containable_reason = "SecondaryNetworks";
    readiness.containable_message =
        fmt::format("no NetworkPolicy reaches the network {}; its link would stay up: {}", name, obstacle);
  }
  if (instance.has_liveness_probe)
    readiness.containable_message += "; it would not be paused: " + may_pause(instance).why_not;
}

std::optional<Action> plan_links_down_by_day(const json& machine, const MachineInstance& instance) {
  const MachineInstance later = after_migration(instance);
  if (machine.is_null() || !obstacle_to_links_down(later).empty()) return std::nullopt;
  auto planned = plan_links_down(machine, later);
  return planned ? std::optional(std::move(*planned)) : std::nullopt;
}

bool find_rebuild_obstacle(const std::optional<Machine>& machine, Readiness& readiness) {
  const auto no = [&readiness](const char* reason, std::string message) {
    readiness.prepared = false;
    readiness.prepared_reason = reason;
    readiness.prepared_message = std::move(message);
    return true;
  };
  if (!machine) return no("BareInstance", "no VirtualMachine owns the instance, so that none makes another");
  if (std::string obstacle = rebuild_sources(*machine).obstacle; !obstacle.empty())
    return no("NotRebuildable", std::move(obstacle));
  if (!can_restart(*machine)) {
    return no("RunStrategy", fmt::format("run strategy {} forbids that a machine is restarted",
                                         escape(machine->run_strategy, 64)));
  }
  return false;
}

void assess_machine_images(const Machine& machine, const std::vector<TrustedImage>& accepted,
                           Readiness& readiness) {
  const auto images = rebuild_sources(machine).images;
  readiness.prepared = std::all_of(images.begin(), images.end(), [&](const MachineImage& source) {
    const TrustedImage* image = accepted_for(accepted, source.container);
    return image != nullptr && digest_of(source.image) == image->digest;
  });
  const std::string imported = root_data_volume(machine);
  if (readiness.prepared && !imported.empty() && !machine.gitops_owner.empty()) {
    readiness.prepared = false;
    readiness.prepared_reason = "GitOpsManaged";
    readiness.prepared_message = fmt::format(
        "it boots from DataVolume {}, which another is to take the place of; {} keeps the template", imported,
        escape(machine.gitops_owner, 253));
    return;
  }
  if (readiness.prepared) {
    readiness.prepared_reason = "TemplateAccepted";
    readiness.prepared_message = "the template names accepted digests";
    if (!imported.empty())
      readiness.prepared_message += fmt::format("; DataVolume {} is imported anew by a breach", imported);
    readiness.prepared_message += kept_by(machine);
    return;
  }
  readiness.prepared_reason = "NotPinned";
  readiness.prepared_message =
      "the template names no digest; what its tags point to now is accepted: " +
      (machine.gitops_owner.empty() ? std::string("a breach will pin it")
                                    : fmt::format("it belongs to {}, where the digest is to be committed",
                                                  escape(machine.gitops_owner, 253))) +
      kept_by(machine);
}

}  // namespace kintsugi::targets
