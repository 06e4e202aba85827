// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/trust_invocation.h"
#include "trust/disk/disk_image.h"
#include "trust/policy/trust_policy.h"
#include "trust/policy/verdict.h"

namespace kintsugi::cli {

/// A file that policies have judged.
struct JudgedBlob {
  trust::Verdict verdict;
  std::optional<trust::DiskImage> disk;  ///< accepted: where it is qcow2, or had to be a disk image
};

/// Does what `kintsugi trust verify-blob … --policy FILE` asks for: the verdict that a controller with these
/// policies would have about the file as a golden image from its location. The file is read once. Errors:
/// those of the files, and of the disk image where the signature is good.
Result<JudgedBlob> judge_blob(const TrustInvocation& invocation,
                              const std::vector<trust::TrustPolicy>& policies, const Clock& clock);

}  // namespace kintsugi::cli
