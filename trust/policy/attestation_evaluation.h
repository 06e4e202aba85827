// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
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

/// What a policy makes of one attestation.
struct AttestationFinding {
  /// A rule that is for attestations of its type.
  struct OfRule {
    std::string rule;  ///< its name; escaped
    Result<void> content;
  };
  std::string place;           ///< FoundSignature::place
  std::string predicate_type;  ///< escaped; empty where the signature does not count
  Result<Proof> signer;
  std::vector<OfRule> rules;  ///< none: no rule asks for this type
};

/// Judges each attestation by itself. Pure.
std::vector<AttestationFinding> examine_attestations(const TrustPolicy& policy, const Digest& image,
                                                     const FoundSignatures& found, WallTime now);

}  // namespace kintsugi::trust
