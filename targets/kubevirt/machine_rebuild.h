// SPDX-License-Identifier: Apache-2.0
//
// Bringing a virtual machine back on accepted images, and judging that it is back. Pure functions.
//
// What a new instance starts from is the images of its containerDisks, that of its kernel boot, and the
// registry source of the DataVolume that it boots from, which gets a new name: a DataVolume is imported once,
// and the old one has what the victim wrote. Other volumes stay as they are; where the machine boots from one
// of those, no image brings it back.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/action.h"
#include "model/finding.h"
#include "model/image.h"
#include "targets/kubevirt/objects.h"

namespace kintsugi::targets {

/// An image that a new instance would start from.
struct MachineImage {
  /// Under which its decision is kept: the launcher's container that serves it ("volumerootdisk"), or for a
  /// DataVolume "datavolume/" and its volume.
  std::string container;
  std::string image;  ///< as the template names it; without "docker://"
  bool operator==(const MachineImage&) const = default;
};

struct RebuildSources {
  std::vector<MachineImage> images;
  std::string obstacle;           ///< why no image brings it back; empty: they do
  std::vector<std::string> kept;  ///< volumes that keep what the victim wrote
};
RebuildSources rebuild_sources(const Machine& machine);

/// The name that a DataVolume has in the generation that follows an incident; the same for each try with that
/// digest. With another digest it is another one: KubeVirt imports nothing into a volume that is there.
std::string next_data_volume_name(const std::string& name, const std::string& incident,
                                  const std::string& digest);

/// The name that the DataVolume which it boots from gets by a pin; empty: it boots from none, or nothing is
/// accepted for it.
std::string next_root_data_volume(const Machine& machine, const std::vector<TrustedImage>& accepted,
                                  const std::string& incident);

/// Whether the template names what was accepted, and boots from nothing that the victim wrote.
bool is_machine_prepared(const Machine& machine, const std::vector<TrustedImage>& accepted,
                         const std::string& incident);

/// Pins what the template starts from to what was accepted, with a `test` of the UID and of each value
/// replaced. `live` is the VirtualMachine's document. Fails with kRefused where an image has nothing
/// accepted, with kAlreadyExists where nothing would change.
Result<Action> plan_machine_pin(const nlohmann::json& live, const std::vector<TrustedImage>& accepted,
                                const std::string& incident);

/// Whether the instance boots from what the template names now. One that was made before the template was
/// pinned does not: it may run from the very disk that the victim wrote.
bool starts_as_template(const MachineInstance& instance, const Machine& machine);

/// The beginning of the id of a restart; the UID of the instance that it ends follows.
inline constexpr std::string_view kRestart = "redeploy/restart/";
/// Stops that instance without asking the guest, and starts another by the same run strategy. Only KubeVirt's
/// Always, RerunOnFailure and Manual can be restarted so.
Action plan_restart(const Machine& machine, const std::string& instance_uid);
bool can_restart(const Machine& machine);

/// What stands where the victim stood.
struct MachineReplacement {
  std::optional<MachineInstance> instance;  ///< of the machine's name, whichever it is
  std::vector<Pod> launchers;               ///< of that instance
};

/// Redeployed: another instance than the victim, and its launcher runs what was accepted.
Finding assess_machine_redeployed(const MachineReplacement& now, const std::string& victim_uid,
                                  const std::vector<TrustedImage>& accepted);
/// Recovered: redeployed, running, Ready, not paused, its agent connected where the victim's was.
Finding assess_machine_recovered(const MachineReplacement& now, const std::string& victim_uid,
                                 const std::vector<TrustedImage>& accepted, bool had_agent);

}  // namespace kintsugi::targets
