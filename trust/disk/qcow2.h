// SPDX-License-Identifier: Apache-2.0
//
// The header of a qcow2 disk image, as QEMU's docs/interop/qcow2.txt specifies it. A signature over such a
// file says nothing about the files that it names: one that names any is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace kintsugi::trust {

/// The largest cluster. Header and extensions are in the first one, so that no more is ever looked at.
inline constexpr std::size_t kQcow2HeadBytes = 2u << 20;
/// Of the disk that a guest sees: 64 TiB.
inline constexpr std::uint64_t kMaxVirtualSize = std::uint64_t{64} << 40;

/// True where the first four bytes are "QFI\xFB", which images of the older qcow have, too.
bool is_qcow2(std::string_view head);

struct Qcow2Image {
  std::uint32_t version = 0;
  std::uint64_t virtual_size = 0;  ///< bytes
};

/// Checks that the image stands alone, and that what its header says can be. `head` is the beginning of a
/// file of `file_size` bytes: all of it, or at least its first kQcow2HeadBytes.
///
/// Version 2 or 3; clusters of 512 bytes to 2 MiB; no backing file and no format of one; no external data
/// file; not encrypted; not marked dirty or corrupt; no incompatible feature but compression types and
/// extended L2 entries; the extensions end within the first cluster, and none is there twice; L1 table,
/// refcount table and snapshot table start at a cluster after it, end within the file, and are no larger than
/// QEMU reads; the L1 table is as large as the virtual size needs. What the tables say is not looked at.
///
/// Errors, kRefused: DiskBackingFile, DiskExternalDataFile, DiskEncrypted, DiskNotClean. kUnsupported with
/// DiskFormatUnsupported: another version, an unknown incompatible feature. kInvalidInput with DiskMalformed.
/// kTooLarge with TooLarge: the virtual size.
Result<Qcow2Image> check_qcow2(std::string_view head, std::uint64_t file_size);

}  // namespace kintsugi::trust
