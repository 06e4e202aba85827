// SPDX-License-Identifier: Apache-2.0
//
// From what a registry holds of an image to the verdict about it. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/oci/image_config.h"
#include "trust/oci/image_reference.h"
#include "trust/policy/judgement.h"
#include "trust/policy/signature_discovery.h"
#include "trust/policy/trust_policy.h"
#include "trust/policy/verdict.h"

namespace kintsugi::trust {

/// What a registry holds of an image.
struct ImageContents {
  std::map<std::string, FoundSignatures> signatures;  ///< by the name of place_of_signatures()
  Result<std::set<Digest>> equivalents;               ///< equivalent_digests()
  Result<ImageOrigin> origin;                         ///< read only where a policy has a FreshnessRule
  /// The same of what it takes the place of; nothing where it takes nobody's.
  std::optional<Result<ImageOrigin>> running;
};

/// In which repository a policy looks for the signatures of an image.
const ImageReference& place_of_signatures(const TrustPolicy& policy, const ImageReference& image);
/// What was found there.
const FoundSignatures& signatures_for(const TrustPolicy& policy, const ImageReference& image,
                                      const ImageContents& contents);

/// The verdict about `image`, of which `verdict` holds name, digest and time. Every policy that enforces has
/// to be content, and none of the digests by which runtimes name the image may be revoked.
Verdict judge(Verdict verdict, const ImageReference& image, const Policies& policies,
              const ImageContents& contents);

}  // namespace kintsugi::trust
