// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <utility>

#include "base/concurrently.h"
#include "base/encoding.h"
#include "base/escape.h"
#include "trust/crypto/reasons.h"
#include "trust/policy/attestation_evaluation.h"
#include "trust/policy/policy_evaluation.h"
#include "trust/policy/signature_discovery.h"

namespace kintsugi::trust {
namespace {

constexpr const char* kPinnedDigests = "pinnedDigests";

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

bool enforces(const TrustPolicy* policy) {
  return policy->spec.mode == TrustPolicySpec::Mode::kEnforce;
}

const TrustPolicy* revoking_policy(const std::vector<const TrustPolicy*>& policies, const Digest& digest) {
  const auto found = std::find_if(policies.begin(), policies.end(), [&](const TrustPolicy* policy) {
    return enforces(policy) && policy->spec.revoked.digests.contains(digest);
  });
  return found == policies.end() ? nullptr : *found;
}

Verdict refuse_by(Verdict verdict, const TrustPolicy& policy, const Error& error) {
  verdict.policy = policy.spec.name;
  verdict.proofs.clear();
  verdict.attestations.clear();
  verdict.warnings.clear();
  verdict.equivalents.clear();
  return refuse(std::move(verdict), error);
}

Error revoked(const Digest& digest) {
  return make_error(ErrorCode::kRefused, fmt::format("{} is revoked", digest.text()))
      .because(reason::kDigestRevoked);
}

/// What the first of the policies that pins the image's tag pins it to.
std::optional<Digest> pinned_digest(const std::vector<const TrustPolicy*>& policies,
                                    const ImageReference& image) {
  std::optional<Digest> digest;
  for (const TrustPolicy* policy : policies) {
    if (!digest && enforces(policy)) digest = policy->spec.pinned_digest(image);
  }
  return digest;
}

/// Why a policy is content.
struct Contentment {
  std::vector<Proof> proofs;
  std::vector<AttestationProof> attestations;
};

Result<Contentment> evaluate(const TrustPolicy& policy, const ImageInQuestion& image,
                             const FoundSignatures& found, WallTime now) {
  if (policy.spec.revoked.digests.contains(image.digest)) return fail(revoked(image.digest));
  if (policy.spec.pins(image.name, image.digest)) {
    Proof proof;
    proof.policy = policy.spec.name;
    proof.authority = kPinnedDigests;
    return Contentment{{std::move(proof)}, {}};
  }
  auto proofs = evaluate_signatures(policy, image, found, now);
  if (!proofs) return fail(std::move(proofs).error());
  auto attestations = evaluate_attestations(policy, image.digest, found, now);
  if (!attestations) return fail(std::move(attestations).error());
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

Wanted wanted_by(const std::vector<const TrustPolicy*>& policies) {
  const bool attests = std::any_of(policies.begin(), policies.end(), [](const TrustPolicy* policy) {
    return !policy->spec.attestations.empty();
  });
  return attests ? Wanted::kSignaturesAndAttestations : Wanted::kSignatures;
}

Result<std::set<Digest>> find_equivalents(RegistryClient& registry, const ImageReference& image,
                                          const Digest& digest, const Call& call) {
  const auto root = registry.get_manifest(image, digest, call);
  if (!root) return fail(root.error());
  return equivalent_digests(*root, [&](const std::vector<Digest>& digests) {
    return collect_concurrently(digests.size(), kRequestsAtOnce, [&](std::size_t i) {
      return registry.get_manifest(image, digests[i], call);
    });
  });
}

}  // namespace

Verifier::Verifier(RegistryClient& registry, VerdictCache& cache, const Clock& clock)
    : registry_(registry), cache_(cache), clock_(clock) {}

Verdict Verifier::verify(std::string_view image, std::span<const TrustPolicy> policies, const Call& call) {
  const auto reference = ImageReference::parse(image);
  if (reference) return verify(*reference, policies, call);
  return refuse_name(image, reference.error());
}

Verdict Verifier::verify(const ImageReference& image, std::span<const TrustPolicy> policies,
                         const Call& call) {
  Verdict verdict;
  Policies selecting;
  if (!prepare(image, policies, call, verdict, selecting)) return verdict;
  const std::string key = cache_key(image, *verdict.digest, selecting);
  if (auto known = cache_.find(key)) {
    known->image = verdict.image;
    return *std::move(known);
  }
  if (const TrustPolicy* policy = revoking_policy(selecting, *verdict.digest)) {
    verdict = refuse_by(std::move(verdict), *policy, revoked(*verdict.digest));
  } else {
    const Contents contents = fetch(image, *verdict.digest, selecting, call);
    verdict = judge(std::move(verdict), image, selecting, contents);
  }
  cache_.put(key, verdict);
  return verdict;
}

Explanation Verifier::explain(std::string_view image, std::span<const TrustPolicy> policies,
                              const Call& call) {
  const auto reference = ImageReference::parse(image);
  if (!reference) return {refuse_name(image, reference.error()), {}};
  Explanation explanation;
  Policies selecting;
  if (!prepare(*reference, policies, call, explanation.verdict, selecting)) return explanation;
  const Digest digest = *explanation.verdict.digest;
  const Contents contents = fetch(*reference, digest, selecting, call);
  for (const TrustPolicy* policy : selecting) {
    explanation.policies.push_back(
        {policy->spec.name, examine_signatures(*policy, {*reference, digest}, contents.signatures,
                                               explanation.verdict.checked)});
  }
  explanation.verdict = judge(std::move(explanation.verdict), *reference, selecting, contents);
  return explanation;
}

Verdict Verifier::refuse_name(std::string_view image, const Error& error) const {
  Verdict verdict;
  verdict.image = escape(image, 256);
  verdict.checked = clock_.now();
  return refuse(std::move(verdict), reason::kImageReferenceInvalid, error.message);
}

/// Which policies have a say, and about which digest. False: the verdict is made already.
bool Verifier::prepare(const ImageReference& image, std::span<const TrustPolicy> policies, const Call& call,
                       Verdict& verdict, Policies& selecting) {
  verdict.image = image.to_string();
  verdict.checked = clock_.now();
  for (const TrustPolicy& policy : policies) {
    if (policy.spec.selects(image)) selecting.push_back(&policy);
  }
  if (std::none_of(selecting.begin(), selecting.end(), enforces)) {
    verdict = refuse(std::move(verdict), reason::kNoMatchingPolicy,
                     selecting.empty() ? "no TrustPolicy selects this image"
                                       : "only TrustPolicies in mode warn select this image");
    return false;
  }
  verdict.digest = image.digest ? image.digest : pinned_digest(selecting, image);
  if (verdict.digest) return true;
  const auto resolved = registry_.resolve_tag(image, call);
  if (resolved) {
    verdict.digest = *resolved;
  } else {
    verdict = refuse(std::move(verdict), resolved.error());
  }
  return resolved.has_value();
}

Verifier::Contents Verifier::fetch(const ImageReference& image, const Digest& digest,
                                   const Policies& policies, const Call& call) {
  Contents contents;
  const std::array<std::function<void()>, 2> tasks = {
      [&] { contents.signatures = find_signatures(registry_, image, digest, wanted_by(policies), call); },
      [&] { contents.equivalents = find_equivalents(registry_, image, digest, call); }};
  run_concurrently(tasks, tasks.size());
  return contents;
}

/// Every policy that enforces has to be content, and none of the digests may be revoked.
Verdict Verifier::judge(Verdict verdict, const ImageReference& image, const Policies& policies,
                        const Contents& contents) {
  const Digest digest = *verdict.digest;
  bool needs_registry = false;
  for (const TrustPolicy* policy : policies) {
    auto content = evaluate(*policy, {image, digest}, contents.signatures, verdict.checked);
    if (!enforces(policy)) {
      if (!content) verdict.warnings.push_back(warning_of(*policy, content.error()));
      continue;
    }
    if (!content) return refuse_by(std::move(verdict), *policy, content.error());
    needs_registry |= !policy->spec.pins(image, digest);
    verdict.policy += (verdict.policy.empty() ? "" : ", ") + policy->spec.name;
    std::move(content->proofs.begin(), content->proofs.end(), std::back_inserter(verdict.proofs));
    std::move(content->attestations.begin(), content->attestations.end(),
              std::back_inserter(verdict.attestations));
  }
  if (!contents.equivalents && needs_registry)
    return refuse(std::move(verdict), contents.equivalents.error());
  verdict.equivalents = contents.equivalents.value_or(std::set<Digest>{digest});
  for (const Digest& equivalent : verdict.equivalents) {
    if (const TrustPolicy* policy = revoking_policy(policies, equivalent))
      return refuse_by(std::move(verdict), *policy, revoked(equivalent));
  }
  return accept(std::move(verdict));
}

}  // namespace kintsugi::trust
