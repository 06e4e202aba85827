// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/authority_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/escape.h"
#include "base/time.h"
#include "trust/crypto/refusal.h"
#include "trust/sigstore/blob_signature.h"
#include "trust/sigstore/certified_signature.h"
#include "trust/sigstore/statement.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxShownBytes = 512;

/// How near a refused signature came to being accepted; what is not listed is nothing but an obstacle on the
/// way, and no reason is further than any.
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
                                        reason::kUnsupportedKey,
                                        reason::kCertificateExpired,
                                        reason::kSignatureExpired,
                                        reason::kKeyExpired,
                                        reason::kSctMissing,
                                        reason::kSctInvalid,
                                        reason::kPayloadMalformed,
                                        reason::kDigestNotSigned,
                                        reason::kIdentityMismatch,
                                        reason::kReferenceMismatch,
                                        reason::kAnnotationMismatch,
                                        reason::kSignedAfterRevocation,
                                        reason::kIdentityRevoked,
                                        reason::kKeyRevoked};
  if (why.empty()) return -2;
  const auto found = std::find(kOrder.begin(), kOrder.end(), why);
  return found == kOrder.end() ? -1 : found - kOrder.begin();
}

/// A good signature: by whom, and over what if that was asked.
struct Signed {
  Proof proof;
  Identity identity;  ///< by certificate
  ImageClaims claims;
};

/// The proof of whom a certificate names, where the authority wants them.
Result<Signed> accept_signer(const Authority& authority, CertifiedSigner signer) {
  if (auto fits = check_identity(signer.identity, authority.identity); !fits)
    return fail(std::move(fits).error());
  Signed out;
  out.proof.key_id = signer.key.id();
  out.proof.issuer = escape(signer.identity.issuer, kMaxShownBytes);
  const auto& names = signer.identity.names;
  const auto name = std::find_if(names.begin(), names.end(), [&](const std::string& one) {
    return authority.identity.subject.accepts(one);
  });
  out.proof.subject = escape(*name, kMaxShownBytes);
  out.proof.times = std::move(signer.times);
  for (const LogProof& log : signer.logs)
    out.proof.logs.push_back(fmt::format("{} {}", escape(log.log_url, kMaxShownBytes), log.log_index));
  out.identity = std::move(signer.identity);
  return out;
}

/// What is no signature of OpenPGP, an authority that has nothing else has not made.
tl::unexpected<Error> refuse_for_openpgp() {
  return refuse(reason::kKeyMismatch, "not signed by OpenPGP, which signs lists of checksums only");
}

Result<Signed> verify_signer_of(const Authority& authority, const ImageSignature& signature, WallTime now) {
  if (authority.openpgp) return refuse_for_openpgp();
  if (!authority.key) {
    auto signer = verify_signer(signature, {*authority.roots, authority.own}, now);
    if (!signer) return fail(std::move(signer).error());
    return accept_signer(authority, std::move(*signer));
  }
  if (!authority.key->verify(signature.signed_bytes, signature.signature))
    return refuse(reason::kKeyMismatch, "signed by none of the policy's keys, or altered since");
  Signed out;
  out.proof.key_id = authority.key->id();
  return out;
}

Result<Signed> verify_image(const Authority& authority, const Digest& image, const ImageSignature& signature,
                            WallTime now) {
  if (authority.openpgp) return refuse_for_openpgp();
  if (!authority.key) {
    auto verified = verify_certified(signature, {*authority.roots, authority.own}, image, now);
    if (!verified) return fail(std::move(verified).error());
    auto out = accept_signer(authority, std::move(verified->signer));
    if (out) out->claims = std::move(verified->claims);
    return out;
  }
  auto verified = verify_signature(signature, std::span(&*authority.key, 1), image);
  if (!verified) return fail(std::move(verified).error());
  Signed out;
  out.proof.key_id = authority.key->id();
  out.claims = std::move(verified->claims);
  return out;
}

Result<Signed> verify_bundle(const Authority& authority, const Bundle& bundle, const Artifact& artifact,
                             WallTime now) {
  if (authority.openpgp) return refuse_for_openpgp();
  auto signer = authority.key
                    ? verify_blob(bundle, artifact, *authority.key, {})
                    : verify_blob_certified(bundle, artifact, {*authority.roots, authority.own}, now);
  if (!signer) return fail(std::move(signer).error());
  if (!signer->predicate_type.empty() && signer->predicate_type != kSignaturePredicate) {
    return refuse(reason::kPredicateMismatch, fmt::format("an attestation of type {} and no signature",
                                                          escape(signer->predicate_type, 200)));
  }
  if (!authority.key) return accept_signer(authority, std::move(*signer->certified));
  Signed out;
  out.proof.key_id = std::move(signer->key_id);
  return out;
}

Result<Signed> verify_bare(const Authority& authority, const DetachedSignature& signature,
                           const Artifact& artifact) {
  if (authority.openpgp) return refuse_for_openpgp();
  if (!authority.key) {
    return refuse(reason::kIdentityMismatch,
                  "a bare signature names nobody: whom a certificate names signs with a bundle");
  }
  auto signer = verify_detached(signature.file, artifact, *authority.key);
  if (!signer) return fail(std::move(signer).error());
  Signed out;
  out.proof.key_id = std::move(signer->key_id);
  return out;
}

Result<Signed> verify_openpgp(const Authority& authority, const openpgp::Signature& signature,
                              const Artifact& artifact, WallTime now) {
  if (!authority.openpgp)
    return refuse(reason::kKeyMismatch, "signed by OpenPGP, and the policy's authority is none of it");
  if (!artifact.bytes)
    return refuse(reason::kContentNeeded,
                  "a signature of OpenPGP is over the content itself, not its digest");
  if (auto verified = authority.openpgp->verify(*artifact.bytes, signature, now); !verified)
    return fail(std::move(verified).error());
  Signed out;
  out.proof.key_id = authority.openpgp->id();
  return out;
}

Result<Signed> verify_file(const Authority& authority, const FileSignature& signature,
                           const Artifact& artifact, WallTime now) {
  if (const auto* bundle = std::get_if<Bundle>(&signature))
    return verify_bundle(authority, *bundle, artifact, now);
  if (const auto* bare = std::get_if<DetachedSignature>(&signature))
    return verify_bare(authority, *bare, artifact);
  return verify_openpgp(authority, std::get<openpgp::Signature>(signature), artifact, now);
}

/// Whether all that is known of when it was signed is no later than `time`.
bool is_signed_by(const Proof& proof, WallTime time) {
  return !proof.times.empty() &&
         std::all_of(proof.times.begin(), proof.times.end(), [&](WallTime one) { return one <= time; });
}

bool names(const RevokedIdentity& revoked, const Identity& identity) {
  if (revoked.issuer && !revoked.issuer->accepts(identity.issuer)) return false;
  return std::any_of(identity.names.begin(), identity.names.end(),
                     [&](const std::string& name) { return revoked.subject.accepts(name); });
}

Result<void> check_not_revoked(const Revocations& revoked, const Authority& authority, const Signed& found) {
  if (authority.is_key_revoked) return refuse(reason::kKeyRevoked, "the key that signed is revoked");
  for (const RevokedIdentity& one : revoked.identities) {
    if (!names(one, found.identity) || (one.since && is_signed_by(found.proof, *one.since))) continue;
    return refuse(reason::kIdentityRevoked, fmt::format("{} is revoked", found.proof.signer()));
  }
  if (!revoked.signed_after || is_signed_by(found.proof, *revoked.signed_after)) return {};
  const std::string_view what =
      found.proof.times.empty() ? "nobody trusted says that it was signed by" : "signed after";
  return refuse(reason::kSignedAfterRevocation,
                fmt::format("{} {}", what, format_seconds(*revoked.signed_after)));
}

Result<void> check_annotations(const Annotations& wanted, const Annotations& signed_annotations) {
  for (const auto& [name, value] : wanted) {
    const auto found = signed_annotations.find(name);
    if (found != signed_annotations.end() && found->second == value) continue;
    return refuse(reason::kAnnotationMismatch,
                  fmt::format("signed {} annotation {}, and not with {}",
                              found == signed_annotations.end() ? "without" : "with another value of the",
                              escape(name, kMaxShownBytes), escape(value, kMaxShownBytes)));
  }
  return {};
}

Proof name_authority(const TrustPolicy& policy, const Authority& authority, Proof proof) {
  proof.policy = policy.spec.name;
  proof.authority = authority.name;
  return proof;
}

}  // namespace

Error nearer(Error one, Error other) {
  return nearness(other.reason) > nearness(one.reason) ? std::move(other) : std::move(one);
}

Result<Proof> prove_by_any(std::span<const Authority> authorities,
                           const std::function<Result<Proof>(const Authority&)>& prove) {
  Error nearest = make_error(ErrorCode::kRefused, "the policy has no authority");
  for (const Authority& authority : authorities) {
    auto proof = prove(authority);
    if (proof) return proof;
    nearest = nearer(std::move(nearest), std::move(proof).error());
  }
  return fail(std::move(nearest));
}

Result<Proof> prove_signer(const TrustPolicy& policy, const Authority& authority,
                           const ImageSignature& signature, WallTime now) {
  auto found = verify_signer_of(authority, signature, now);
  if (!found) return fail(std::move(found).error());
  if (auto counts = check_not_revoked(policy.spec.revoked, authority, *found); !counts)
    return fail(std::move(counts).error());
  return name_authority(policy, authority, std::move(found->proof));
}

Result<Proof> prove_blob(const TrustPolicy& policy, const Authority& authority,
                         const FileSignature& signature, const Artifact& artifact, WallTime now) {
  auto found = verify_file(authority, signature, artifact, now);
  if (!found) return fail(std::move(found).error());
  if (auto counts = check_not_revoked(policy.spec.revoked, authority, *found); !counts)
    return fail(std::move(counts).error());
  if (auto fits = check_annotations(authority.annotations, {}); !fits) return fail(std::move(fits).error());
  return name_authority(policy, authority, std::move(found->proof));
}

Result<Proof> prove_signature(const TrustPolicy& policy, const Authority& authority,
                              const ImageInQuestion& image, const ImageSignature& signature, WallTime now) {
  auto found = verify_image(authority, image.digest, signature, now);
  if (!found) return fail(std::move(found).error());
  if (auto counts = check_not_revoked(policy.spec.revoked, authority, *found); !counts)
    return fail(std::move(counts).error());
  if (auto fits = check_annotations(authority.annotations, found->claims.annotations); !fits)
    return fail(std::move(fits).error());
  const std::string& reference = found->claims.docker_reference;
  if (const auto& rule = policy.spec.signed_reference) {
    if (auto fits = check_signed_reference(*rule, image.name, reference); !fits)
      return fail(std::move(fits).error());
  }
  found->proof.docker_reference = escape(reference, kMaxShownBytes);
  return name_authority(policy, authority, std::move(found->proof));
}

}  // namespace kintsugi::trust
