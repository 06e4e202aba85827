// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/image_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/escape.h"
#include "trust/crypto/reasons.h"
#include "trust/policy/attestation_evaluation.h"
#include "trust/policy/freshness.h"
#include "trust/policy/policy_evaluation.h"

namespace kintsugi::trust {
namespace {

constexpr const char* kPinnedDigests = "pinnedDigests";

const TrustPolicy* revoking_policy(const Policies& policies, const Digest& digest) {
  const auto found = std::find_if(policies.begin(), policies.end(), [&](const TrustPolicy* policy) {
    return enforces(*policy) && policy->spec.revoked.digests.contains(digest);
  });
  return found == policies.end() ? nullptr : *found;
}

Verdict refused_by(Verdict verdict, const TrustPolicy& policy, const Error& error) {
  verdict.policy = policy.spec.name;
  return refused(std::move(verdict), error);
}

Error revoked(const Digest& digest) {
  return make_error(ErrorCode::kRefused, fmt::format("{} is revoked", digest.text()))
      .because(reason::kDigestRevoked);
}

Result<void> evaluate_freshness(const TrustPolicy& policy, const ImageContents& contents, WallTime now) {
  if (!policy.spec.freshness) return {};
  if (!contents.origin) return fail(contents.origin.error());
  return check_freshness(*policy.spec.freshness, *contents.origin,
                         contents.running ? &*contents.running : nullptr, now);
}

/// Why a policy is content.
struct Contentment {
  std::vector<Proof> proofs;
  std::vector<AttestationProof> attestations;
};

Result<Contentment> evaluate(const TrustPolicy& policy, const ImageInQuestion& image,
                             const ImageContents& contents, WallTime now) {
  if (policy.spec.revoked.digests.contains(image.digest)) return fail(revoked(image.digest));
  if (policy.spec.pins(image.name, image.digest)) {
    Proof proof;
    proof.policy = policy.spec.name;
    proof.authority = kPinnedDigests;
    return Contentment{{std::move(proof)}, {}};
  }
  const FoundSignatures& found = signatures_for(policy, image.name, contents);
  auto proofs = evaluate_signatures(policy, image, found, now);
  if (!proofs) return fail(std::move(proofs).error());
  auto attestations = evaluate_attestations(policy, image.digest, found, now);
  if (!attestations) return fail(std::move(attestations).error());
  if (auto fresh = evaluate_freshness(policy, contents, now); !fresh) return fail(std::move(fresh).error());
  return Contentment{std::move(*proofs), std::move(*attestations)};
}

std::string warning_of(const TrustPolicy& policy, const Error& error) {
  return fmt::format("policy {} would refuse it: {}: {}", escape(policy.spec.name, 253), error.reason,
                     error.message);
}

Verdict accept(Verdict verdict) {
  const auto signer = std::find_if(verdict.proofs.begin(), verdict.proofs.end(),
                                   [](const Proof& proof) { return !proof.signer().empty(); });
  const bool is_signed = signer != verdict.proofs.end();
  verdict.accepted = true;
  verdict.reason = is_signed ? reason::kVerified : reason::kPinned;
  verdict.message = is_signed ? fmt::format("signed by {}", signer->signer())
                              : fmt::format("pinned by {}", escape(verdict.policy, 512));
  return verdict;
}

}  // namespace

bool enforces(const TrustPolicy& policy) {
  return policy.spec.mode == TrustPolicySpec::Mode::kEnforce;
}

const ImageReference& place_of_signatures(const TrustPolicy& policy, const ImageReference& image) {
  return policy.spec.signature_repository ? *policy.spec.signature_repository : image;
}

const FoundSignatures& signatures_for(const TrustPolicy& policy, const ImageReference& image,
                                      const ImageContents& contents) {
  return contents.signatures.at(place_of_signatures(policy, image).name());
}

std::optional<Verdict> refuse_revoked(const Verdict& verdict, const Policies& policies) {
  const TrustPolicy* policy = revoking_policy(policies, *verdict.digest);
  if (policy == nullptr) return std::nullopt;
  return refused_by(verdict, *policy, revoked(*verdict.digest));
}

Verdict judge(Verdict verdict, const ImageReference& image, const Policies& policies,
              const ImageContents& contents) {
  const Digest digest = *verdict.digest;
  bool needs_registry = false;
  for (const TrustPolicy* policy : policies) {
    auto content = evaluate(*policy, {image, digest}, contents, verdict.checked);
    if (!enforces(*policy)) {
      if (!content) verdict.warnings.push_back(warning_of(*policy, content.error()));
      continue;
    }
    if (!content) return refused_by(std::move(verdict), *policy, content.error());
    needs_registry |= !policy->spec.pins(image, digest);
    verdict.policy += (verdict.policy.empty() ? "" : ", ") + policy->spec.name;
    std::move(content->proofs.begin(), content->proofs.end(), std::back_inserter(verdict.proofs));
    std::move(content->attestations.begin(), content->attestations.end(),
              std::back_inserter(verdict.attestations));
  }
  if (!contents.equivalents && needs_registry)
    return refused(std::move(verdict), contents.equivalents.error());
  verdict.equivalents = contents.equivalents.value_or(std::set<Digest>{digest});
  for (const Digest& equivalent : verdict.equivalents) {
    if (const TrustPolicy* policy = revoking_policy(policies, equivalent))
      return refused_by(std::move(verdict), *policy, revoked(equivalent));
  }
  return accept(std::move(verdict));
}

}  // namespace kintsugi::trust
