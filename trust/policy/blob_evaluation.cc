// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/blob_evaluation.h"

#include <utility>

#include "base/escape.h"
#include "trust/crypto/refusal.h"
#include "trust/policy/authority_evaluation.h"
#include "trust/sigstore/blob_signature.h"

namespace kintsugi::trust {
namespace {

/// Whether a file can have all that the policy asks for.
Result<void> check_applicable(const TrustPolicySpec& policy) {
  if (!policy.attestations.empty()) {
    return refuse(reason::kAttestationMissing,
                  "the policy asks for attestations, which lie in registries, and this is a file");
  }
  if (policy.freshness) {
    return refuse(reason::kAgeUnknown,
                  "the policy asks how old it is, which an image in a registry says, and a file does not");
  }
  if (policy.signed_reference) {
    return refuse(reason::kReferenceMismatch,
                  "the policy asks for the name that was signed, and signatures over files have none");
  }
  if (policy.signature_repository) {
    return refuse(reason::kNoSignature,
                  "the policy has its signatures in a repository, where those of files do not lie");
  }
  return {};
}

/// The first good signature by any of these authorities.
Result<Proof> find_proof(const TrustPolicy& policy, std::span<const Authority> authorities,
                         const BlobInQuestion& blob, WallTime now) {
  Error nearest;
  for (const FileSignature& signature : blob.signatures) {
    auto proof = prove_by_any(authorities, [&](const Authority& authority) {
      return prove_blob(policy, authority, signature, blob.artifact, now);
    });
    if (proof) return proof;
    nearest = nearer(std::move(nearest), std::move(proof).error());
  }
  return fail(std::move(nearest));
}

Result<Contentment> evaluate(const TrustPolicy& policy, const BlobInQuestion& blob, WallTime now) {
  if (auto counts = check_digest_not_revoked(policy, blob.artifact.digest); !counts)
    return fail(std::move(counts).error());
  if (policy.spec.pins(blob.location, blob.artifact.digest)) return pinned_by(policy);
  if (auto usable = check_usable(policy); !usable) return fail(std::move(usable).error());
  if (auto applicable = check_applicable(policy.spec); !applicable)
    return fail(std::move(applicable).error());
  if (blob.signatures.empty()) {
    if (blob.trouble) return fail(*blob.trouble);
    return refuse(reason::kNoSignature, "no signature came with the file");
  }
  auto proofs = prove_by_quorum(policy, [&](std::span<const Authority> authorities) {
    return find_proof(policy, authorities, blob, now);
  });
  if (!proofs) return fail(std::move(proofs).error());
  return Contentment{std::move(*proofs), {}};
}

}  // namespace

Verdict judge_blob(const BlobInQuestion& blob, std::span<const TrustPolicy> policies, WallTime now) {
  Verdict verdict;
  verdict.image = escape(blob.location.text(), 1024);
  verdict.digest = blob.artifact.digest;
  verdict.checked = now;
  const auto selecting =
      find_policies(policies, [&](const TrustPolicySpec& policy) { return policy.selects(blob.location); });
  if (!selecting) return refused(std::move(verdict), selecting.error());
  if (!ask_policies(
          *selecting, [&](const TrustPolicy& policy) { return evaluate(policy, blob, now); }, verdict))
    return verdict;
  verdict.equivalents = {blob.artifact.digest};
  return accept(std::move(verdict));
}

std::optional<Digest> pinned_digest(std::span<const TrustPolicy> policies, const FileLocation& location) {
  for (const TrustPolicy& policy : policies) {
    if (!enforces(policy) || !policy.spec.selects(location)) continue;
    if (auto digest = policy.spec.pinned_digest(location)) return digest;
  }
  return std::nullopt;
}

Result<std::optional<Digest>> digest_in_question(std::span<const TrustPolicy> policies,
                                                 const FileLocation& location,
                                                 std::span<const FileSignature> signatures) {
  if (auto pinned = pinned_digest(policies, location)) return pinned;
  if (const auto* bundle = std::get_if<Bundle>(&signatures.front())) {
    auto claimed = claimed_digest(*bundle);
    if (!claimed) return fail(std::move(claimed).error());
    return std::optional(std::move(*claimed));
  }
  if (std::holds_alternative<openpgp::Signature>(signatures.front())) {
    return fail(refuse(reason::kContentNeeded, "a signature of OpenPGP is over the content itself")
                    .value()
                    .advise("sign a list of checksums in place of the image"));
  }
  if (location.is_path()) return std::nullopt;
  return fail(refuse(reason::kContentNeeded,
                     "a bare signature does not say which content it is over, and "
                     "nothing is downloaded to find out")
                  .value()
                  .advise("sign it with a bundle (cosign sign-blob --bundle), or in a list of checksums"));
}

}  // namespace kintsugi::trust
