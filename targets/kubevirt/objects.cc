// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/objects.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/node_text.h"

namespace kintsugi::targets {
namespace {

/// The member that `path` leads to; an empty node where there is none.
template <class... Keys>
const Node& at(const Node& object, Keys... path) {
  static const Node kNothing;
  const Node* found = &object;
  for (const std::string_view key : {std::string_view(path)...}) {
    found = found->find(key);
    if (found == nullptr) return kNothing;
  }
  return *found;
}

bool has_condition(const Node& status, std::string_view type) {
  const auto& conditions = at(status, "conditions").items;
  return std::any_of(conditions.begin(), conditions.end(), [&](const Node& condition) {
    return text_of(condition, "type") == type && text_of(condition, "status") == "True";
  });
}

bool is_migrating(const Node& status) {
  const Node& state = at(status, "migrationState");
  return state.kind == Node::Kind::kObject && !at(state, "completed").boolean;
}

/// The element of that name; an empty node where there is none.
const Node& named(const Node& list, const std::string& name) {
  static const Node kNothing;
  const auto found = std::find_if(list.items.begin(), list.items.end(),
                                  [&](const Node& item) { return text_of(item, "name") == name; });
  return found == list.items.end() ? kNothing : *found;
}

/// Multus attachments that are not made the pod's default network.
std::vector<MachineNetwork> networks_of(const Node& spec, const Node& status) {
  std::vector<MachineNetwork> networks;
  for (const Node& network : at(spec, "networks").items) {
    const Node& multus = at(network, "multus");
    if (multus.kind != Node::Kind::kObject || at(multus, "default").boolean) continue;
    const std::string card = text_of(network, "name");
    const Node& device = named(at(spec, "domain", "devices", "interfaces"), card);
    const bool has_link =
        device.kind == Node::Kind::kObject && at(device, "sriov").kind != Node::Kind::kObject;
    const bool is_down = text_of(named(at(status, "interfaces"), card), "linkState") == "down";
    networks.push_back({text_of(multus, "networkName"), card, has_link, has_link && is_down});
  }
  return networks;
}

MachineVolume volume_from(const Node& volume) {
  using Source = MachineVolume::Source;
  struct Kind {
    const char* member;
    const char* reference;
    Source source;
  };
  constexpr Kind kKinds[] = {{"containerDisk", "image", Source::kContainerDisk},
                             {"dataVolume", "name", Source::kDataVolume},
                             {"persistentVolumeClaim", "claimName", Source::kPersistent},
                             {"hostDisk", "path", Source::kPersistent},
                             {"memoryDump", "claimName", Source::kPersistent}};
  MachineVolume read{text_of(volume, "name"), Source::kOther, ""};
  for (const Kind& kind : kKinds) {
    const Node& source = at(volume, kind.member);
    if (source.kind != Node::Kind::kObject) continue;
    read.source = kind.source;
    read.reference = text_of(source, kind.reference);
  }
  // Writes to it are thrown away, but what it starts from is a claim.
  if (const Node& claim = at(volume, "ephemeral", "persistentVolumeClaim"); claim.kind == Node::Kind::kObject)
    read = {read.name, Source::kPersistent, text_of(claim, "claimName")};
  return read;
}

std::vector<MachineVolume> volumes_of(const Node& spec) {
  std::vector<MachineVolume> volumes;
  for (const Node& volume : at(spec, "volumes").items) volumes.push_back(volume_from(volume));
  return volumes;
}

std::string kernel_boot_image_of(const Node& spec) {
  return text_of(at(spec, "domain", "firmware", "kernelBoot", "container"), "image");
}

/// The volume of the disk with the lowest bootOrder, else of the first disk.
std::string root_volume_of(const Node& spec) {
  const auto& disks = at(spec, "domain", "devices", "disks").items;
  const Node* root = disks.empty() ? nullptr : &disks.front();
  std::optional<std::int64_t> lowest;
  for (const Node& disk : disks) {
    const auto order = at(disk, "bootOrder").as_integer();
    if (!order || (lowest && *order >= *lowest)) continue;
    lowest = *order;
    root = &disk;
  }
  if (root != nullptr) return text_of(*root, "name");
  const auto& volumes = at(spec, "volumes").items;
  return volumes.empty() ? std::string() : text_of(volumes.front(), "name");
}

std::string run_strategy_of(const Node& spec) {
  if (std::string strategy = text_of(spec, "runStrategy"); !strategy.empty()) return strategy;
  return at(spec, "running").boolean ? "Always" : "Halted";
}

}  // namespace

Result<MachineInstance> machine_instance_from(const Node& object) {
  auto meta = object_meta_from(object);
  if (!meta) return tl::unexpected(std::move(meta).error());
  const Node& spec = at(object, "spec");
  const Node& status = at(object, "status");
  MachineInstance instance;
  instance.meta = std::move(*meta);
  instance.phase = text_of(status, "phase");
  instance.ready = has_condition(status, "Ready");
  instance.paused = has_condition(status, "Paused");
  instance.agent_connected = has_condition(status, "AgentConnected");
  instance.has_liveness_probe = at(spec, "livenessProbe").kind == Node::Kind::kObject;
  instance.is_migrating = is_migrating(status);
  instance.networks = networks_of(spec, status);
  instance.kernel_boot_image = kernel_boot_image_of(spec);
  instance.volumes = volumes_of(spec);
  return instance;
}

Result<Machine> machine_from(const Node& object) {
  auto meta = object_meta_from(object);
  if (!meta) return tl::unexpected(std::move(meta).error());
  const Node& spec = at(object, "spec");
  const Node& instance = at(spec, "template", "spec");
  Machine machine;
  machine.meta = std::move(*meta);
  machine.run_strategy = run_strategy_of(spec);
  machine.gitops_owner = gitops_owner_of(at(object, "metadata"));
  machine.kernel_boot_image = kernel_boot_image_of(instance);
  machine.volumes = volumes_of(instance);
  for (const Node& entry : at(spec, "dataVolumeTemplates").items) {
    machine.data_volume_templates.push_back(
        {text_of(at(entry, "metadata"), "name"), text_of(at(entry, "spec", "source", "registry"), "url")});
  }
  machine.root_volume = root_volume_of(instance);
  return machine;
}

}  // namespace kintsugi::targets
