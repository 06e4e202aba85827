// SPDX-License-Identifier: Apache-2.0
//
// What verdicts about images and about files have in common: how the policies that select one are asked in
// turn, and what becomes of their answers. Pure.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "trust/policy/trust_policy.h"
#include "trust/policy/verdict.h"

namespace kintsugi::trust {

/// Those that select an image or a file, in any mode.
using Policies = std::vector<const TrustPolicy*>;

bool enforces(const TrustPolicy& policy);

/// Those of `all` that `selects` says yes to. Error: NoMatchingPolicy where none of them enforces.
Result<Policies> find_policies(std::span<const TrustPolicy> all,
                               const std::function<bool(const TrustPolicySpec&)>& selects);

/// Why a policy is content.
struct Contentment {
  std::vector<Proof> proofs;
  std::vector<AttestationProof> attestations;
};

/// It is by one of the policy's `pinnedDigests`.
Contentment pinned_by(const TrustPolicy& policy);

/// Asks each policy. Those in mode warn add to the warnings; of the others the first that is not content
/// refuses, and all that are add their names and proofs to the verdict. True: none refuses, and the verdict
/// is still to be accepted.
bool ask_policies(const Policies& policies,
                  const std::function<Result<Contentment>(const TrustPolicy&)>& evaluate, Verdict& verdict);

Verdict accept(Verdict verdict);
Verdict refused_by(Verdict verdict, const TrustPolicy& policy, const Error& error);

/// The verdict by which a policy that enforces refuses the digest itself, whatever is signed; nothing where
/// none does.
std::optional<Verdict> refuse_revoked(const Verdict& verdict, const Policies& policies, const Digest& digest);
/// Error: DigestRevoked.
Result<void> check_digest_not_revoked(const TrustPolicy& policy, const Digest& digest);

/// Error: PolicyInvalid, or UnsupportedKey, of a policy with a defect.
Result<void> check_usable(const TrustPolicy& policy);

/// A proof by any one of the policy's authorities, or one by each where it asks for all. `find` has to find
/// one by any of the authorities that it is given.
Result<std::vector<Proof>> prove_by_quorum(
    const TrustPolicy& policy, const std::function<Result<Proof>(std::span<const Authority>)>& find);

}  // namespace kintsugi::trust
