// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "cli/trust_invocation.h"
#include "trust/disk/disk_image.h"
#include "trust/sigstore/blob_signature.h"

namespace kintsugi::cli {

/// A file that is signed by whom it should be.
struct VerifiedBlob {
  trust::BlobSigner signer;              ///< of the file, or of the list of checksums that it stands in
  std::optional<trust::DiskImage> disk;  ///< where it is qcow2, or had to be a disk image
};

/// Does what `kintsugi trust verify-blob …` asks for. The signature comes first; what it is over is believed
/// only then. The file itself is read once: hashes and disk image are of the same bytes.
Result<VerifiedBlob> verify_blob(const TrustInvocation& invocation, const Clock& clock);

}  // namespace kintsugi::cli
