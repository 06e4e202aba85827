// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/policy_evaluation.h"

#include <fmt/format.h>

#include <span>
#include <utility>

#include "trust/crypto/refusal.h"
#include "trust/policy/judgement.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kShown = 3;

/// By any of these authorities of the policy.
Result<Proof> evaluate_signature(const TrustPolicy& policy, std::span<const Authority> authorities,
                                 const ImageInQuestion& image, const Result<ImageSignature>& signature,
                                 WallTime now) {
  if (!signature) return fail(signature.error());
  return prove_by_any(authorities, [&](const Authority& authority) {
    return prove_signature(policy, authority, image, *signature, now);
  });
}

/// Why there is nothing to evaluate, or success.
Result<void> check_applicable(const TrustPolicy& policy, const FoundSignatures& found) {
  if (auto usable = check_usable(policy); !usable) return usable;
  if (found.signatures.empty()) {
    if (found.trouble) return fail(*found.trouble);
    return refuse(reason::kNoSignature, "no signature is stored beside the image");
  }
  return {};
}

/// The first good signature by any of these authorities.
Result<Proof> find_proof(const TrustPolicy& policy, std::span<const Authority> authorities,
                         const ImageInQuestion& image, const FoundSignatures& found, WallTime now) {
  Error nearest;
  std::string details;
  std::size_t judged = 0;
  for (const FoundSignature& one : found.signatures) {
    auto proof = evaluate_signature(policy, authorities, image, one.signature, now);
    if (proof) return proof;
    Error& error = proof.error();
    if (judged < kShown)
      details += fmt::format("{}{}: {}", judged == 0 ? "" : "; ", one.place, error.message);
    nearest = nearer(std::move(nearest), std::move(error));
    ++judged;
  }
  if (judged > kShown) details += fmt::format("; {} more", judged - kShown);
  if (found.trouble) return fail(*found.trouble);
  if (found.not_read > 0) {
    return refuse(reason::kTooManySignatures,
                  fmt::format("none of the first {} signatures is good, {} more were not read; {}", judged,
                              found.not_read, details));
  }
  nearest.message = std::move(details);
  return fail(std::move(nearest));
}

}  // namespace

std::vector<SignatureFinding> examine_signatures(const TrustPolicy& policy, const ImageInQuestion& image,
                                                 const FoundSignatures& found, WallTime now) {
  std::vector<SignatureFinding> findings;
  for (const FoundSignature& one : found.signatures) {
    findings.push_back(
        {one.place, evaluate_signature(policy, policy.authorities, image, one.signature, now)});
  }
  return findings;
}

Result<std::vector<Proof>> evaluate_signatures(const TrustPolicy& policy, const ImageInQuestion& image,
                                               const FoundSignatures& found, WallTime now) {
  if (auto applicable = check_applicable(policy, found); !applicable)
    return fail(std::move(applicable).error());
  return prove_by_quorum(policy, [&](std::span<const Authority> authorities) {
    return find_proof(policy, authorities, image, found, now);
  });
}

}  // namespace kintsugi::trust
