// SPDX-License-Identifier: Apache-2.0
#include "trust/verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/escape.h"
#include "trust/policy_evaluation.h"
#include "trust/reasons.h"
#include "trust/signature_discovery.h"

namespace kintsugi::trust {
namespace {

Verdict refuse(Verdict verdict, std::string why, std::string message) {
  verdict.accepted = false;
  verdict.reason = std::move(why);
  verdict.message = std::move(message);
  return verdict;
}

/// A refusal because of an Error, most of them the registry's.
Verdict refuse(Verdict verdict, const Error& error) {
  verdict.retryable =
      error.retryable || error.code == ErrorCode::kCancelled || error.code == ErrorCode::kUnauthorized;
  verdict.retry_after = error.retry_after;
  return refuse(std::move(verdict), error.reason.empty() ? reason::kRegistryProtocol : error.reason,
                error.to_string());
}

std::string cache_key(const ImageReference& image, const Digest& digest,
                      const std::vector<const TrustPolicy*>& policies) {
  std::vector<std::string> hashes;
  for (const TrustPolicy* policy : policies) hashes.push_back(policy->hash);
  std::sort(hashes.begin(), hashes.end());
  std::string text;
  for (const std::string& hash : hashes) text += hash;
  // The repository is part of it because signatures lie beside the image: elsewhere there may be others.
  return fmt::format("{} {}", image.pinned_to(digest), sha256_hex(text));
}

const TrustPolicy* revoking_policy(const std::vector<const TrustPolicy*>& policies, const Digest& digest) {
  const auto found = std::find_if(policies.begin(), policies.end(), [&](const TrustPolicy* policy) {
    return policy->spec.revoked_digests.contains(digest);
  });
  return found == policies.end() ? nullptr : *found;
}

Verdict refuse_revoked(Verdict verdict, const TrustPolicy& policy, const Digest& digest) {
  verdict.policy = policy.spec.name;
  return refuse(std::move(verdict), reason::kDigestRevoked, fmt::format("{} is revoked", digest.text()));
}

}  // namespace

Verifier::Verifier(RegistryClient& registry, VerdictCache& cache, const Clock& clock)
    : registry_(registry), cache_(cache), clock_(clock) {}

Verdict Verifier::verify(std::string_view image, std::span<const TrustPolicy> policies, const Call& call) {
  const auto reference = ImageReference::parse(image);
  if (reference) return verify(*reference, policies, call);
  Verdict verdict;
  verdict.image = escape(image, 256);
  verdict.checked = clock_.now();
  return refuse(std::move(verdict), reason::kImageReferenceInvalid, reference.error().message);
}

Verdict Verifier::verify(const ImageReference& image, std::span<const TrustPolicy> policies,
                         const Call& call) {
  Verdict verdict;
  verdict.image = image.to_string();
  verdict.checked = clock_.now();
  Policies matching;
  for (const TrustPolicy& policy : policies) {
    if (policy.spec.selects(image)) matching.push_back(&policy);
  }
  if (matching.empty())
    return refuse(std::move(verdict), reason::kNoMatchingPolicy, "no TrustPolicy selects this image");
  verdict.digest = image.digest;
  if (!verdict.digest) {
    const auto resolved = registry_.resolve_tag(image, call);
    if (!resolved) return refuse(std::move(verdict), resolved.error());
    verdict.digest = *resolved;
  }
  const std::string key = cache_key(image, *verdict.digest, matching);
  if (auto known = cache_.find(key)) {
    known->image = verdict.image;
    return *std::move(known);
  }
  Verdict judged = judge(image, *verdict.digest, matching, call);
  judged.image = verdict.image;
  judged.checked = verdict.checked;
  cache_.put(key, judged);
  return judged;
}

Verdict Verifier::judge(const ImageReference& image, const Digest& digest, const Policies& policies,
                        const Call& call) {
  Verdict verdict;
  verdict.digest = digest;
  if (const TrustPolicy* policy = revoking_policy(policies, digest)) {
    return refuse_revoked(std::move(verdict), *policy, digest);
  }
  const auto found = find_signatures(registry_, image, digest, call);
  if (!found) return refuse(std::move(verdict), found.error());
  for (const TrustPolicy* policy : policies) {
    auto proof = evaluate_policy(*policy, digest, *found);
    if (!proof) {
      verdict.policy = policy->spec.name;
      verdict.proofs.clear();
      return refuse(std::move(verdict), proof.error());
    }
    verdict.policy += (verdict.policy.empty() ? "" : ", ") + policy->spec.name;
    verdict.proofs.push_back(std::move(*proof));
  }
  return complete(std::move(verdict), image, policies, call);
}

/// Adds the equivalent digests to a verdict that every policy is content with.
Verdict Verifier::complete(Verdict verdict, const ImageReference& image, const Policies& policies,
                           const Call& call) {
  const auto fetch = [&](const Digest& digest) { return registry_.get_manifest(image, digest, call); };
  const auto root = fetch(*verdict.digest);
  if (!root) return refuse(std::move(verdict), root.error());
  auto equivalents = equivalent_digests(*root, fetch);
  if (!equivalents) return refuse(std::move(verdict), equivalents.error());
  for (const Digest& digest : *equivalents) {
    if (const TrustPolicy* policy = revoking_policy(policies, digest)) {
      return refuse_revoked(std::move(verdict), *policy, digest);
    }
  }
  verdict.equivalents = std::move(*equivalents);
  verdict.accepted = true;
  verdict.reason = reason::kVerified;
  verdict.message = fmt::format("signed by {}", verdict.proofs.front().key_id);
  return verdict;
}

}  // namespace kintsugi::trust
