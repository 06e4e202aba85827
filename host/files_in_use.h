// SPDX-License-Identifier: Apache-2.0
//
// Which files the domains of this host use, or would when they start: nothing of that may be deleted.
#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/result.h"
#include "targets/libvirt/hypervisor.h"

namespace kintsugi::host {

/// What a name stands for, whatever it is called: device and inode.
using FileId = std::pair<dev_t, ino_t>;

struct FilesInUse {
  std::set<FileId> files;
  /// A disk of which it cannot be told on what files it stands, for people; empty: there is none.
  std::string unknown;
};

/// Of every domain, whether it runs or not. A definition of a domain that is shut off does not say what its
/// images are layers over: their headers do, and are followed. Errors: the host's.
Result<FilesInUse> files_in_use(targets::Hypervisor& hypervisor);

/// What the qcow2 image at `path` is a layer over, as its header says (QEMU docs/interop/qcow2.txt); empty:
/// nothing, or it is no qcow2. kUnavailable: it cannot be read.
Result<std::string> backing_name(const std::string& path);

}  // namespace kintsugi::host
