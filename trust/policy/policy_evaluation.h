// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "trust/policy/authority_evaluation.h"
#include "trust/policy/signature_discovery.h"
#include "trust/policy/trust_policy.h"
#include "trust/policy/verdict.h"

namespace kintsugi::trust {

/// What a policy makes of one signature.
struct SignatureFinding {
  std::string place;  ///< FoundSignature::place
  Result<Proof> proof;
};

/// Judges each signature by itself: by any one of the policy's authorities. `now` as prove_signer(). Pure.
std::vector<SignatureFinding> examine_signatures(const TrustPolicy& policy, const ImageInQuestion& image,
                                                 const FoundSignatures& found, WallTime now);

/// Is the policy content with these signatures? Pure. A proof by any one of its authorities, or one by each
/// where it asks for all; a signature that does not count harms no other. The error has the reason of the
/// signature that came closest, and its message tells of the first few.
Result<std::vector<Proof>> evaluate_signatures(const TrustPolicy& policy, const ImageInQuestion& image,
                                               const FoundSignatures& found, WallTime now);

}  // namespace kintsugi::trust
