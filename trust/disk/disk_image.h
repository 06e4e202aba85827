// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace kintsugi::trust {

struct DiskImage {
  enum class Format : std::uint8_t { kQcow2, kRaw };
  Format format = Format::kRaw;
  std::uint64_t virtual_size = 0;  ///< bytes
};

/// "qcow2", "raw": also the names that QEMU and libvirt have for them.
std::string_view to_string(DiskImage::Format format);

/// Checks a disk image that has to be qcow2 or raw. qcow2 is checked by check_qcow2(), which says what `head`
/// and `file_size` are. Everything else is raw, unless it is a sector short, or begins as an image of a
/// format that can name further files, or that its reader may take for one: VMDK, VHDX, VHD, VDI, QED,
/// Parallels, Bochs. Errors, besides those of check_qcow2(): kUnsupported with DiskFormatUnsupported;
/// kInvalidInput with DiskMalformed.
Result<DiskImage> check_disk_image(std::string_view head, std::uint64_t file_size);

}  // namespace kintsugi::trust
