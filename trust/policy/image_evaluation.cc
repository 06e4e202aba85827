// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/image_evaluation.h"

#include <algorithm>
#include <utility>

#include "trust/policy/attestation_evaluation.h"
#include "trust/policy/freshness.h"
#include "trust/policy/policy_evaluation.h"

namespace kintsugi::trust {
namespace {

Result<void> evaluate_freshness(const TrustPolicy& policy, const ImageContents& contents, WallTime now) {
  if (!policy.spec.freshness) return {};
  if (!contents.origin) return fail(contents.origin.error());
  return check_freshness(*policy.spec.freshness, *contents.origin,
                         contents.running ? &*contents.running : nullptr, now);
}

Result<Contentment> evaluate(const TrustPolicy& policy, const ImageInQuestion& image,
                             const ImageContents& contents, WallTime now) {
  if (auto counts = check_digest_not_revoked(policy, image.digest); !counts)
    return fail(std::move(counts).error());
  if (policy.spec.pins(image.name, image.digest)) return pinned_by(policy);
  const FoundSignatures& found = signatures_for(policy, image.name, contents);
  auto proofs = evaluate_signatures(policy, image, found, now);
  if (!proofs) return fail(std::move(proofs).error());
  auto attestations = evaluate_attestations(policy, image.digest, found, now);
  if (!attestations) return fail(std::move(attestations).error());
  if (auto fresh = evaluate_freshness(policy, contents, now); !fresh) return fail(std::move(fresh).error());
  return Contentment{std::move(*proofs), std::move(*attestations)};
}

}  // namespace

const ImageReference& place_of_signatures(const TrustPolicy& policy, const ImageReference& image) {
  return policy.spec.signature_repository ? *policy.spec.signature_repository : image;
}

const FoundSignatures& signatures_for(const TrustPolicy& policy, const ImageReference& image,
                                      const ImageContents& contents) {
  return contents.signatures.at(place_of_signatures(policy, image).name());
}

Verdict judge(Verdict verdict, const ImageReference& image, const Policies& policies,
              const ImageContents& contents) {
  const Digest digest = *verdict.digest;
  const auto ask = [&](const TrustPolicy& policy) {
    return evaluate(policy, {image, digest}, contents, verdict.checked);
  };
  if (!ask_policies(policies, ask, verdict)) return verdict;
  const bool needs_registry = std::any_of(policies.begin(), policies.end(), [&](const TrustPolicy* policy) {
    return enforces(*policy) && !policy->spec.pins(image, digest);
  });
  if (!contents.equivalents && needs_registry)
    return refused(std::move(verdict), contents.equivalents.error());
  verdict.equivalents = contents.equivalents.value_or(std::set<Digest>{digest});
  for (const Digest& equivalent : verdict.equivalents) {
    if (auto refusal = refuse_revoked(verdict, policies, equivalent)) return *std::move(refusal);
  }
  return accept(std::move(verdict));
}

}  // namespace kintsugi::trust
