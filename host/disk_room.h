// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "evidence/store.h"
#include "targets/libvirt/domain_disks.h"

namespace kintsugi::host {

/// A layer that is to be made, and how large a guest that writes everything anew makes it.
struct LayerNeed {
  targets::DiskLayer layer;
  std::uint64_t bytes = 0;
};

/// Whether there is room for all of them where they are to be: an attacker who fills the disk of a machine in
/// quarantine must not stop the others of its host. Each folder is asked for the whole sum, because several
/// may be on one disk. Errors: kTooLarge, with numbers; that of `ask`.
Result<void> check_room(const std::vector<LayerNeed>& needs, const evidence::AskDiskSpace& ask);

}  // namespace kintsugi::host
