// SPDX-License-Identifier: Apache-2.0
//
// Slim, immutable pictures of KubeVirt's objects, as recovery needs them; read from live documents, never
// written back. The API: kubevirt.io/v1, snapshot.kubevirt.io/v1beta1, subresources.kubevirt.io/v1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/document.h"
#include "base/result.h"
#include "k8s-client/core/resource.h"
#include "model/target.h"
#include "targets/kubernetes/objects.h"

namespace kintsugi::targets {

/// The kind of an incident's target.
inline constexpr const char* kMachineInstanceKind = "VirtualMachineInstance";

inline constexpr k8s::Resource kMachines{"kubevirt.io", "v1", "virtualmachines", "VirtualMachine"};
inline constexpr k8s::Resource kMachineInstances{"kubevirt.io", "v1", "virtualmachineinstances",
                                                 "VirtualMachineInstance"};
inline constexpr k8s::Resource kMachineMigrations{"kubevirt.io", "v1", "virtualmachineinstancemigrations",
                                                  "VirtualMachineInstanceMigration"};
inline constexpr k8s::Resource kMachineSnapshots{"snapshot.kubevirt.io", "v1beta1", "virtualmachinesnapshots",
                                                 "VirtualMachineSnapshot"};
/// What KubeVirt imports a disk by, and what the disk then is; the same name.
inline constexpr k8s::Resource kDataVolumes{"cdi.kubevirt.io", "v1beta1", "datavolumes", "DataVolume"};
inline constexpr k8s::Resource kClaims{"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"};
// What virt-api does with them, and tells of their guests.
inline constexpr k8s::Resource kMachineActions{"subresources.kubevirt.io", "v1", "virtualmachines",
                                               "VirtualMachine"};
inline constexpr k8s::Resource kMachineInstanceActions{"subresources.kubevirt.io", "v1",
                                                       "virtualmachineinstances", "VirtualMachineInstance"};

/// A network beside the cluster's own: the launcher's policies do not reach it.
struct MachineNetwork {
  std::string network;    ///< what Multus attaches
  std::string card;       ///< the guest's card on it
  bool has_link = false;  ///< KubeVirt can take its link down; not of SR-IOV, nor where the guest has no card
  bool is_down = false;   ///< KubeVirt shows it as down
  bool operator==(const MachineNetwork&) const = default;
};

/// A volume of a machine's template, or of an instance.
struct MachineVolume {
  enum class Source : std::uint8_t {
    kContainerDisk,  ///< an image; what the guest writes dies with the instance
    kDataVolume,     ///< `reference` names a DataVolume
    kPersistent,     ///< a claim or a disk of the node: keeps what the guest writes
    kOther,          ///< cloud-init, configuration, empty disks: comes from the API server, or starts empty
  };

  std::string name;
  Source source = Source::kOther;
  std::string reference;  ///< the image, the DataVolume, the claim
  bool operator==(const MachineVolume&) const = default;
};

/// One run of a machine.
struct MachineInstance {
  ObjectMeta meta;                  ///< its controller is the VirtualMachine; kind empty: nobody
  std::string phase;                ///< "Scheduling", "Running", "Succeeded", …
  bool ready = false;               ///< condition Ready
  bool paused = false;              ///< condition Paused: its processors are stopped
  bool agent_connected = false;     ///< condition AgentConnected: the guest agent answers
  bool has_liveness_probe = false;  ///< virt-api does not pause such a one
  bool is_migrating = false;        ///< a live migration has begun and is not over
  std::vector<MachineNetwork> networks;
  std::string kernel_boot_image;       ///< as in Machine
  std::vector<MachineVolume> volumes;  ///< of its template when it was made, and what was plugged in since

  TargetRef ref() const { return {kMachineInstanceKind, meta.name_space, meta.name, meta.uid}; }
  bool is_final() const { return phase == "Succeeded" || phase == "Failed"; }
};

struct DataVolumeTemplate {
  std::string name;
  std::string registry_url;  ///< "docker://registry/repository:tag"; empty: it comes from elsewhere
};

/// What runs instances, one at a time.
struct Machine {
  ObjectMeta meta;
  /// "Always", "RerunOnFailure", "Manual", "Halted", "Once"; where the deprecated spec.running says it,
  /// "Always" or "Halted".
  std::string run_strategy;
  std::string gitops_owner;       ///< who keeps it as Git has it; empty: nobody
  std::string kernel_boot_image;  ///< of spec.…firmware.kernelBoot.container; empty: none
  std::vector<MachineVolume> volumes;
  std::vector<DataVolumeTemplate> data_volume_templates;
  std::string root_volume;  ///< which it boots from: the lowest bootOrder, else the first disk; empty: none

  TargetRef ref() const { return {std::string(kMachines.kind), meta.name_space, meta.name, meta.uid}; }
};

// Each reads an object's JSON tree. Without name or UID it is an error; of a wrong type, a member is as good
// as absent, for these objects come from the API server's schemas.
Result<MachineInstance> machine_instance_from(const Node& object);
Result<Machine> machine_from(const Node& object);

}  // namespace kintsugi::targets
