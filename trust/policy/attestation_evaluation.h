// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/policy/signature_discovery.h"
#include "trust/policy/trust_policy.h"
#include "trust/policy/verdict.h"

namespace kintsugi::trust {

/// Has the image every attestation that the policy asks for? For each rule, one of its predicate type about
/// this image, signed by any of the policy's authorities, with which the rule is content. Vulnerabilities
/// that signed OpenVEX attestations except do not count. Pure. The error is that of the attestation that came
/// closest: AttestationMissing, AttestationMalformed, AttestationTooOld, AttestationRefused, or why its
/// signature does not count.
Result<std::vector<AttestationProof>> evaluate_attestations(const TrustPolicy& policy, const Digest& image,
                                                            const FoundSignatures& found, WallTime now);

}  // namespace kintsugi::trust
