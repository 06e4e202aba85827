// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/policy_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/escape.h"
#include "trust/crypto/refusal.h"
#include "trust/sigstore/certified_signature.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kShown = 3;
constexpr std::size_t kMaxShownBytes = 512;

/// How near a refused signature came to being accepted; what is not listed is nothing but an obstacle on the
/// way.
std::ptrdiff_t nearness(const std::string& why) {
  static constexpr std::array kOrder = {reason::kPredicateMismatch,
                                        reason::kUnsupportedLayout,
                                        reason::kTooLarge,
                                        reason::kManifestUnknown,
                                        reason::kBundleMalformed,
                                        reason::kSignatureInvalid,
                                        reason::kDigestMismatch,
                                        reason::kKeyMismatch,
                                        reason::kTrustedRootMissing,
                                        reason::kCertificateInvalid,
                                        reason::kTimestampUntrusted,
                                        reason::kLogEntryUntrusted,
                                        reason::kCertificateUntrusted,
                                        reason::kTimestampInvalid,
                                        reason::kTimeUnknown,
                                        reason::kLogEntryMissing,
                                        reason::kLogEntryInvalid,
                                        reason::kLogEntryMismatch,
                                        reason::kInclusionProofInvalid,
                                        reason::kCheckpointInvalid,
                                        reason::kCertificateExpired,
                                        reason::kSctMissing,
                                        reason::kSctInvalid,
                                        reason::kPayloadMalformed,
                                        reason::kDigestNotSigned,
                                        reason::kIdentityMismatch,
                                        reason::kKeyRevoked};
  const auto found = std::find(kOrder.begin(), kOrder.end(), why);
  return found == kOrder.end() ? -1 : found - kOrder.begin();
}

Error nearer(Error one, Error other) {
  return nearness(other.reason) > nearness(one.reason) ? other : one;
}

Result<Proof> evaluate_by_keys(const TrustPolicy& policy, const Digest& image,
                               const ImageSignature& signature) {
  auto verified = verify_signature(signature, policy.keys, image);
  if (verified) {
    Proof proof;
    proof.key_id = policy.keys[verified->key].id();
    proof.docker_reference = escape(verified->claims.docker_reference, kMaxShownBytes);
    return proof;
  }
  if (verify_signature(signature, policy.dead_keys, image))
    return refuse(reason::kKeyRevoked, "the key that signed is revoked");
  return fail(std::move(verified).error());
}

/// The proof of whom a certificate names, where the authority wants them.
Result<Proof> prove_identity(const IdentityAuthority& authority, const CertifiedSigner& signer) {
  if (auto fits = check_identity(signer.identity, authority.identity); !fits)
    return fail(std::move(fits).error());
  Proof proof;
  proof.authority = authority.name;
  proof.key_id = signer.key.id();
  proof.issuer = escape(signer.identity.issuer, kMaxShownBytes);
  const auto& names = signer.identity.names;
  const auto name = std::find_if(names.begin(), names.end(), [&](const std::string& one) {
    return authority.identity.subject.accepts(one);
  });
  proof.subject = escape(*name, kMaxShownBytes);
  proof.times = signer.times;
  for (const LogProof& log : signer.logs)
    proof.logs.push_back(fmt::format("{} {}", escape(log.log_url, kMaxShownBytes), log.log_index));
  return proof;
}

Result<Proof> evaluate_identity(const IdentityAuthority& authority, const Digest& image,
                                const ImageSignature& signature, WallTime now) {
  auto verified = verify_certified(signature, {*authority.roots, authority.own}, image, now);
  if (!verified) return fail(std::move(verified).error());
  auto proof = prove_identity(authority, verified->signer);
  if (proof) proof->docker_reference = escape(verified->claims.docker_reference, kMaxShownBytes);
  return proof;
}

/// By any of the policy's authorities.
Result<Proof> evaluate_by_authorities(const TrustPolicy& policy, const Digest& image,
                                      const ImageSignature& signature, WallTime now) {
  Error nearest;
  const bool has_keys = !policy.keys.empty() || !policy.dead_keys.empty();
  if (has_keys) {
    auto proof = evaluate_by_keys(policy, image, signature);
    if (proof) return proof;
    nearest = std::move(proof).error();
  }
  for (const IdentityAuthority& authority : policy.identities) {
    auto proof = evaluate_identity(authority, image, signature, now);
    if (proof) return proof;
    nearest = nearest.reason.empty() ? std::move(proof).error() : nearer(nearest, std::move(proof).error());
  }
  return fail(std::move(nearest));
}

Result<Proof> evaluate_signature(const TrustPolicy& policy, const Digest& image,
                                 const Result<ImageSignature>& signature, WallTime now) {
  if (!signature) return fail(signature.error());
  auto proof = evaluate_by_authorities(policy, image, *signature, now);
  if (proof) proof->policy = policy.spec.name;
  return proof;
}

/// Why there is nothing to evaluate, or success.
Result<void> check_applicable(const TrustPolicy& policy, const FoundSignatures& found) {
  if (policy.defect) {
    const bool is_key_kind = policy.defect->reason == reason::kUnsupportedKey;
    return refuse(is_key_kind ? reason::kUnsupportedKey : reason::kPolicyInvalid, policy.defect->to_string());
  }
  if (found.signatures.empty()) {
    if (found.trouble) return fail(*found.trouble);
    return refuse(reason::kNoSignature, "no signature is stored beside the image");
  }
  return {};
}

}  // namespace

Result<Proof> verify_authority(const TrustPolicy& policy, const ImageSignature& signature, WallTime now) {
  const auto is_signer = [&](const PublicKey& key) {
    return key.verify(signature.signed_bytes, signature.signature);
  };
  const auto key = std::find_if(policy.keys.begin(), policy.keys.end(), is_signer);
  if (key != policy.keys.end()) {
    Proof proof;
    proof.policy = policy.spec.name;
    proof.key_id = key->id();
    return proof;
  }
  if (std::any_of(policy.dead_keys.begin(), policy.dead_keys.end(), is_signer))
    return refuse(reason::kKeyRevoked, "the key that signed is revoked");
  Error nearest = make_error(ErrorCode::kRefused, "signed by none of the policy's keys, or altered since")
                      .because(reason::kKeyMismatch);
  for (const IdentityAuthority& authority : policy.identities) {
    const auto signer = verify_signer(signature, {*authority.roots, authority.own}, now);
    auto proof = signer ? prove_identity(authority, *signer) : Result<Proof>(fail(signer.error()));
    if (proof) {
      proof->policy = policy.spec.name;
      return proof;
    }
    nearest = nearer(std::move(nearest), std::move(proof).error());
  }
  return fail(std::move(nearest));
}

std::vector<SignatureFinding> examine_signatures(const TrustPolicy& policy, const Digest& image,
                                                 const FoundSignatures& found, WallTime now) {
  std::vector<SignatureFinding> findings;
  for (const FoundSignature& one : found.signatures)
    findings.push_back({one.place, evaluate_signature(policy, image, one.signature, now)});
  return findings;
}

Result<Proof> evaluate_policy(const TrustPolicy& policy, const Digest& image, const FoundSignatures& found,
                              WallTime now) {
  if (auto applicable = check_applicable(policy, found); !applicable)
    return fail(std::move(applicable).error());
  Error nearest;
  std::string details;
  std::size_t judged = 0;
  for (const FoundSignature& one : found.signatures) {
    auto proof = evaluate_signature(policy, image, one.signature, now);
    if (proof) return proof;
    Error& error = proof.error();
    if (judged < kShown)
      details += fmt::format("{}{}: {}", judged == 0 ? "" : "; ", one.place, error.message);
    nearest = judged++ == 0 ? std::move(error) : nearer(std::move(nearest), std::move(error));
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

}  // namespace kintsugi::trust
