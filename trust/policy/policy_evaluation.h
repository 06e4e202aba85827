// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/policy/signature_discovery.h"
#include "trust/policy/trust_policy.h"
#include "trust/policy/verdict.h"

namespace kintsugi::trust {

/// Who signed, whatever they signed: any one of the policy's authorities. Errors: KeyRevoked, KeyMismatch,
/// and those of verify_signer() and check_identity().
Result<Proof> verify_authority(const TrustPolicy& policy, const ImageSignature& signature, WallTime now);

/// What a policy makes of one signature.
struct SignatureFinding {
  std::string place;  ///< FoundSignature::place
  Result<Proof> proof;
};

/// Judges each signature by itself: by any one of the policy's authorities. `now` is when a certificate of an
/// authority of one's own has to be valid, where nobody says when it signed. Pure.
std::vector<SignatureFinding> examine_signatures(const TrustPolicy& policy, const Digest& image,
                                                 const FoundSignatures& found, WallTime now);

/// Is the policy content with these signatures? Pure. One good signature suffices, whatever stands beside it.
/// The error has the reason of the signature that came closest, and its message tells of the first few.
Result<Proof> evaluate_policy(const TrustPolicy& policy, const Digest& image, const FoundSignatures& found,
                              WallTime now);

}  // namespace kintsugi::trust
