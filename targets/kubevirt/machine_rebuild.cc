// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/machine_rebuild.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/escape.h"
#include "k8s-client/core/patch.h"
#include "targets/kubernetes/object_writes.h"
#include "targets/kubernetes/redeployment.h"

namespace kintsugi::targets {
namespace {

using nlohmann::json;
using Source = MachineVolume::Source;

constexpr std::string_view kRegistryScheme = "docker://";
/// As virt-controller names the containers of a launcher.
constexpr std::string_view kDiskContainerPrefix = "volume";
constexpr std::string_view kKernelBootContainer = "volumekernel-boot-volume";
constexpr std::string_view kDataVolumePrefix = "datavolume/";
constexpr std::string_view kGenerationPrefix = "-k";
constexpr std::size_t kGenerationDigits = 8;
constexpr std::size_t kMaxDataVolumeName = 53;

Finding no(std::string reason, std::string message) {
  return {ConditionStatus::kFalse, std::move(reason), std::move(message)};
}

const MachineVolume* root_of(const Machine& machine) {
  const auto found =
      std::find_if(machine.volumes.begin(), machine.volumes.end(),
                   [&](const MachineVolume& volume) { return volume.name == machine.root_volume; });
  return found == machine.volumes.end() ? nullptr : &*found;
}

const DataVolumeTemplate* template_of(const Machine& machine, const std::string& name) {
  const auto& templates = machine.data_volume_templates;
  const auto found = std::find_if(templates.begin(), templates.end(),
                                  [&](const DataVolumeTemplate& entry) { return entry.name == name; });
  return found == templates.end() ? nullptr : &*found;
}

/// Empty where the URL is none of a registry.
std::string image_of_url(const std::string& url) {
  return url.starts_with(kRegistryScheme) ? url.substr(kRegistryScheme.size()) : std::string();
}

std::string disk_container(const std::string& volume) {
  return std::string(kDiskContainerPrefix) + volume;
}
std::string data_volume_key(const std::string& volume) {
  return std::string(kDataVolumePrefix) + volume;
}

/// Adds the image of a DataVolume that the machine boots from, or says why there is none.
void add_root_data_volume(const Machine& machine, const MachineVolume& root, RebuildSources& sources) {
  const DataVolumeTemplate* from = template_of(machine, root.reference);
  const std::string image = from == nullptr ? std::string() : image_of_url(from->registry_url);
  if (image.empty()) {
    sources.obstacle = fmt::format(
        "it boots from DataVolume {}, which has no registry source in the machine's dataVolumeTemplates",
        escape(root.reference, 253));
    return;
  }
  sources.images.push_back({data_volume_key(root.name), image});
}

/// Replaces the text at `pointer` of `live`, behind a test of what is there.
void put(k8s::JsonPatch& patch, const json& live, const std::string& pointer, const std::string& text) {
  const json& now = live.at(json::json_pointer(pointer));
  if (now == text) return;
  patch.test(pointer, now);
  patch.replace(pointer, text);
}

std::string text_at(const json& object, const char* pointer) {
  const json::json_pointer path(pointer);
  return object.contains(path) && object.at(path).is_string() ? object.at(path).get<std::string>()
                                                              : std::string();
}

tl::unexpected<Error> unaccepted(const std::string& container) {
  return fail(ErrorCode::kRefused, "no accepted image for " + escape(container, 300));
}

Result<void> pin_image(k8s::JsonPatch& patch, const json& live, const std::string& pointer,
                       const std::string& container, const std::vector<TrustedImage>& accepted) {
  const TrustedImage* image = accepted_for(accepted, container);
  if (image == nullptr) return unaccepted(container);
  const std::string named = text_at(live, pointer.c_str());
  if (named.empty())
    return fail(ErrorCode::kRefused, "the template names no image for " + escape(container, 300));
  put(patch, live, pointer, pinned(named, image->digest));
  return {};
}

/// The DataVolume at `volume` of the template gets a new name, and its source the accepted digest.
Result<void> renew_data_volume(k8s::JsonPatch& patch, const json& live, std::size_t volume,
                               const TrustedImage& image, const std::string& incident) {
  const std::string reference = fmt::format("/spec/template/spec/volumes/{}/dataVolume/name", volume);
  const std::string name = text_at(live, reference.c_str());
  const std::string next = next_data_volume_name(name, incident, image.digest);
  const json::json_pointer templates("/spec/dataVolumeTemplates");
  const bool has_templates = live.contains(templates) && live.at(templates).is_array();
  const std::size_t count = has_templates && !name.empty() ? live.at(templates).size() : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string at = fmt::format("/spec/dataVolumeTemplates/{}", i);
    if (text_at(live, (at + "/metadata/name").c_str()) != name) continue;
    const std::string url = at + "/spec/source/registry/url";
    const std::string now = image_of_url(text_at(live, url.c_str()));
    if (now.empty()) break;
    put(patch, live, at + "/metadata/name", next);
    put(patch, live, url, std::string(kRegistryScheme) + pinned(now, image.digest));
    put(patch, live, reference, next);
    return {};
  }
  return fail(ErrorCode::kRefused, "there is no registry source for DataVolume " + escape(name, 253));
}

Result<void> pin_volumes(k8s::JsonPatch& patch, const json& live, const Machine& machine,
                         const std::vector<TrustedImage>& accepted, const std::string& incident) {
  for (std::size_t i = 0; i < machine.volumes.size(); ++i) {
    const MachineVolume& volume = machine.volumes[i];
    if (volume.source == Source::kContainerDisk) {
      const std::string pointer = fmt::format("/spec/template/spec/volumes/{}/containerDisk/image", i);
      if (auto done = pin_image(patch, live, pointer, disk_container(volume.name), accepted); !done)
        return done;
    }
    if (volume.source != Source::kDataVolume || volume.name != machine.root_volume) continue;
    const TrustedImage* image = accepted_for(accepted, data_volume_key(volume.name));
    if (image == nullptr) return unaccepted(data_volume_key(volume.name));
    if (auto done = renew_data_volume(patch, live, i, *image, incident); !done) return done;
  }
  return {};
}

/// The first container of the launchers that was decided about and does not run what was accepted.
std::optional<Finding> find_unaccepted(const std::vector<Pod>& launchers,
                                       const std::vector<TrustedImage>& accepted) {
  for (const Pod& pod : launchers) {
    for (const Container& container : pod.containers) {
      if (accepted_for(accepted, container.name) == nullptr || runs_accepted(container, accepted)) continue;
      if (digest_of(container.image_id).empty()) {
        return no("ImageNotReported", fmt::format("launcher {} reports no digest for container {}",
                                                  pod.meta.name, container.name));
      }
      return no("UnacceptedDigest", fmt::format("launcher {} runs {} in container {}", pod.meta.name,
                                                escape(container.image_id, 200), container.name));
    }
  }
  return std::nullopt;
}

/// Whether every containerDisk that was decided about is served by some container of the launchers.
bool serves_all(const std::vector<Pod>& launchers, const std::vector<TrustedImage>& accepted) {
  return std::all_of(accepted.begin(), accepted.end(), [&](const TrustedImage& image) {
    if (image.container.starts_with(kDataVolumePrefix)) return true;
    return std::any_of(launchers.begin(), launchers.end(), [&](const Pod& pod) {
      return std::any_of(pod.containers.begin(), pod.containers.end(),
                         [&](const Container& container) { return container.name == image.container; });
    });
  });
}

}  // namespace

RebuildSources rebuild_sources(const Machine& machine) {
  RebuildSources sources;
  if (!machine.kernel_boot_image.empty())
    sources.images.push_back({std::string(kKernelBootContainer), machine.kernel_boot_image});
  const MachineVolume* root = root_of(machine);
  for (const MachineVolume& volume : machine.volumes) {
    const bool is_root = &volume == root;
    if (volume.source == Source::kContainerDisk)
      sources.images.push_back({disk_container(volume.name), volume.reference});
    if (volume.source == Source::kDataVolume && is_root) add_root_data_volume(machine, volume, sources);
    if (volume.source == Source::kPersistent && is_root) {
      sources.obstacle = fmt::format("it boots from {} (volume {}), which no image rebuilds",
                                     escape(volume.reference, 253), escape(volume.name, 64));
    }
    const bool keeps = volume.source == Source::kPersistent || volume.source == Source::kDataVolume;
    if (keeps && !is_root) sources.kept.push_back(volume.name);
  }
  if (sources.obstacle.empty() && sources.images.empty()) sources.obstacle = "it starts from no image";
  return sources;
}

std::string next_data_volume_name(const std::string& name, const std::string& incident,
                                  const std::string& digest) {
  std::string base = name;
  const std::size_t suffix = kGenerationPrefix.size() + kGenerationDigits;
  if (base.size() > suffix) {
    const std::string_view end = std::string_view(base).substr(base.size() - suffix);
    const bool is_ours = end.starts_with(kGenerationPrefix) &&
                         end.find_first_not_of("0123456789abcdef", kGenerationPrefix.size()) == end.npos;
    if (is_ours) base.resize(base.size() - suffix);
  }
  base.resize(std::min(base.size(), kMaxDataVolumeName));
  return base + std::string(kGenerationPrefix) +
         sha256_hex(incident + " " + digest).substr(0, kGenerationDigits);
}

std::string next_root_data_volume(const Machine& machine, const std::vector<TrustedImage>& accepted,
                                  const std::string& incident) {
  const MachineVolume* root = root_of(machine);
  if (root == nullptr || root->source != Source::kDataVolume) return {};
  const TrustedImage* image = accepted_for(accepted, data_volume_key(root->name));
  return image == nullptr ? std::string() : next_data_volume_name(root->reference, incident, image->digest);
}

bool is_machine_prepared(const Machine& machine, const std::vector<TrustedImage>& accepted,
                         const std::string& incident) {
  const RebuildSources sources = rebuild_sources(machine);
  if (!sources.obstacle.empty()) return false;
  const bool is_pinned =
      std::all_of(sources.images.begin(), sources.images.end(), [&](const MachineImage& source) {
        const TrustedImage* image = accepted_for(accepted, source.container);
        return image != nullptr && digest_of(source.image) == image->digest;
      });
  const MachineVolume* root = root_of(machine);
  if (!is_pinned || root == nullptr || root->source != Source::kDataVolume) return is_pinned;
  return root->reference == next_root_data_volume(machine, accepted, incident);
}

Result<Action> plan_machine_pin(const json& live, const std::vector<TrustedImage>& accepted,
                                const std::string& incident) {
  const auto machine = machine_from(from_json(live));
  if (!machine) return fail(machine.error());
  k8s::JsonPatch patch;
  patch.test("/metadata/uid", machine->meta.uid);
  const std::size_t preconditions = patch.size();
  if (!machine->kernel_boot_image.empty()) {
    const std::string pointer = "/spec/template/spec/domain/firmware/kernelBoot/container/image";
    if (auto done = pin_image(patch, live, pointer, std::string(kKernelBootContainer), accepted); !done)
      return fail(std::move(done).error());
  }
  if (auto done = pin_volumes(patch, live, *machine, accepted, incident); !done)
    return fail(std::move(done).error());
  if (patch.size() == preconditions) return fail(ErrorCode::kAlreadyExists, "the template is pinned already");
  Action action =
      action_on(machine->ref(), "redeploy/pin", Action::Kind::kPatch, "virtualmachines.kubevirt.io");
  action.body = patch.to_text();
  action.undo = undo_of(patch, live).dump();
  action.description = fmt::format("pin virtual machine {}/{} to accepted digests", machine->meta.name_space,
                                   machine->meta.name);
  return action;
}

bool can_restart(const Machine& machine) {
  const std::string& strategy = machine.run_strategy;
  return strategy == "Always" || strategy == "RerunOnFailure" || strategy == "Manual";
}

bool starts_as_template(const MachineInstance& instance, const Machine& machine) {
  if (instance.kernel_boot_image != machine.kernel_boot_image) return false;
  return std::all_of(machine.volumes.begin(), machine.volumes.end(), [&](const MachineVolume& wanted) {
    const bool is_booted_from = wanted.source == Source::kContainerDisk || wanted.name == machine.root_volume;
    return !is_booted_from || std::any_of(instance.volumes.begin(), instance.volumes.end(),
                                          [&](const MachineVolume& volume) { return volume == wanted; });
  });
}

Action plan_restart(const Machine& machine, const std::string& instance_uid) {
  Action action = action_on(machine.ref(), std::string(kRestart) + instance_uid, Action::Kind::kInvoke,
                            "virtualmachines.subresources.kubevirt.io/restart");
  action.body = json({{"gracePeriodSeconds", 0}}).dump();
  action.description =
      fmt::format("restart virtual machine {}/{}: the instance is stopped without asking the guest",
                  machine.meta.name_space, machine.meta.name);
  return action;
}

Finding assess_machine_redeployed(const MachineReplacement& now, const std::string& victim_uid,
                                  const std::vector<TrustedImage>& accepted) {
  if (!now.instance) return no("InstanceMissing", "there is no instance of the machine");
  if (now.instance->meta.uid == victim_uid)
    return no("VictimRuns", "the instance is still the one of the breach");
  if (now.launchers.empty()) return no("LauncherMissing", "the new instance has no launcher yet");
  if (auto unaccepted = find_unaccepted(now.launchers, accepted)) return *std::move(unaccepted);
  if (!serves_all(now.launchers, accepted))
    return no("ImageNotReported", "the launcher has no container for an image of the template");
  return {ConditionStatus::kTrue, "AcceptedDigests",
          fmt::format("instance {} runs accepted digests", now.instance->meta.uid)};
}

Finding assess_machine_recovered(const MachineReplacement& now, const std::string& victim_uid,
                                 const std::vector<TrustedImage>& accepted, bool had_agent) {
  if (Finding redeployed = assess_machine_redeployed(now, victim_uid, accepted); !redeployed.holds())
    return redeployed;
  const MachineInstance& instance = *now.instance;
  if (instance.phase != "Running") return no("NotRunning", "the instance is " + escape(instance.phase, 64));
  if (instance.paused) return no("Paused", "the new instance is paused");
  if (!instance.ready) return no("NotReady", "the new instance is not Ready");
  if (had_agent && !instance.agent_connected)
    return no("AgentNotConnected", "the guest agent was connected before, and is not now");
  return {ConditionStatus::kTrue, "Ready", "the new instance is Ready on accepted digests"};
}

}  // namespace kintsugi::targets
