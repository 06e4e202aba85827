// SPDX-License-Identifier: Apache-2.0
//
// How the disks of a running domain are kept as they were at its containment: each gets a new layer, a file
// beside it that has all further writes, so that the one below is never written again. Pure functions over
// definitions; the layers are found again by their names, after any crash.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "targets/libvirt/domain.h"

namespace kintsugi::targets {

/// A disk that an incident has frozen.
struct DiskLayer {
  std::string target;  ///< "vda"
  std::string below;   ///< the file as it was
  std::string layer;   ///< the file with what was written since
  bool operator==(const DiskLayer&) const = default;
};

/// The layer's file: beside the disk's, with the incident in its name.
std::string layer_path(const std::string& disk, std::string_view incident);

/// The layers of `incident` that the disks of a definition stand on now.
std::vector<DiskLayer> layers_of(const Domain& domain, std::string_view incident);

/// Whether the guest can write to the disk, and nobody else does.
bool is_written_by_guest(const DomainDisk& disk);

/// What freezes the disks of a running domain that are not frozen yet.
struct DiskFreezing {
  std::string snapshot;             ///< for snapshot_disks(); empty: nothing is left to freeze
  std::vector<DiskLayer> layers;    ///< that it makes
  std::vector<std::string> others;  ///< disks that the guest writes to and that cannot be frozen, for people
};
/// Only files can be frozen: a block device, a volume or a network disk has nothing beside it.
DiskFreezing plan_disk_freezing(const Domain& live, std::string_view incident);

/// The disk in this state was frozen at the containment, is not written now because the machine does not run,
/// or goes on changing.
enum class DiskState : std::uint8_t { kFrozen, kStill, kChanging, kReadOnly };
std::string_view to_string(DiskState state);
DiskState state_of(const DomainDisk& disk, std::string_view incident, bool runs);

}  // namespace kintsugi::targets
