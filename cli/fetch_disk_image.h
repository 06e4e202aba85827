// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "trust/disk/disk_image.h"
#include "trust/registry/registry_client.h"

namespace kintsugi::cli {

/// A disk image that lies in a registry as an OCI artifact: a manifest with one layer, which is the image.
struct FetchedDiskImage {
  trust::Digest layer;
  std::uint64_t size = 0;  ///< bytes of the file
  trust::DiskImage disk;
};

/// Writes the disk image of the artifact `digest`, which has been accepted, to `path`: once all of it is
/// there, has its digest, and has passed check_disk_image(); else nothing is there. Errors: those of the
/// registry, of the disk image, of the file; kUnsupported with DiskFormatUnsupported for what is no such
/// artifact.
Result<FetchedDiskImage> fetch_disk_image(trust::RegistryClient& registry, const trust::ImageReference& image,
                                          const trust::Digest& digest, const std::string& path,
                                          const trust::Call& call);

}  // namespace kintsugi::cli
