// SPDX-License-Identifier: Apache-2.0
//
// A disk image that lies in a registry as an OCI artifact: a manifest with one layer, which is the image.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "trust/disk/disk_image.h"
#include "trust/registry/registry_client.h"

namespace kintsugi::trust {

/// The layer of the artifact `digest`, which has been accepted, that is a disk image. Errors: those of the
/// registry; kUnsupported with DiskFormatUnsupported for what is no such artifact.
Result<Descriptor> find_disk_layer(RegistryClient& registry, const ImageReference& image,
                                   const Digest& digest, const Call& call);

struct FetchedDiskImage {
  Digest layer;
  std::uint64_t size = 0;  ///< bytes of the file
  DiskImage disk;
};

/// Writes the disk image of the artifact to `path`: once all of it is there, has its digest, and has passed
/// check_disk_image(); else nothing is there. Errors, besides those of find_disk_layer(): those of the disk
/// image and of the file.
Result<FetchedDiskImage> fetch_disk_image(RegistryClient& registry, const ImageReference& image,
                                          const Digest& digest, const std::string& path, const Call& call);

}  // namespace kintsugi::trust
