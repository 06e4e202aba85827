// SPDX-License-Identifier: Apache-2.0
//
// From a file, and the signatures that came with it, to the verdict about it: whether the TrustPolicies that
// select where it comes from accept its content. Pure.
#pragma once

#include <optional>
#include <span>

#include "base/clock.h"
#include "base/error.h"
#include "trust/policy/file_location.h"
#include "trust/policy/file_signature.h"
#include "trust/policy/judgement.h"
#include "trust/policy/trust_policy.h"
#include "trust/policy/verdict.h"
#include "trust/sigstore/artifact.h"

namespace kintsugi::trust {

/// A file in question.
struct BlobInQuestion {
  const FileLocation& location;
  const Artifact& artifact;  ///< its content
  std::span<const FileSignature> signatures;
  /// Why there is no signature, if that is known; else it says that the file is not signed.
  std::optional<Error> trouble = {};
};

/// The verdict, as of Verifier::verify() for images: at least one policy that enforces selects the location,
/// and each that does has a good signature over this content by one of its authorities (or by all, where it
/// says so), or pins it. A statement counts only if it is one of cosign's signatures: who may attest
/// something about a file has not signed it.
///
/// What a policy asks for and a file cannot have is a refusal: `attestations` (AttestationMissing),
/// `freshness` (AgeUnknown), `signedReference` (ReferenceMismatch), `signatureRepository` (NoSignature), and
/// `annotations` of an authority (AnnotationMismatch).
Verdict judge_blob(const BlobInQuestion& blob, std::span<const TrustPolicy> policies, WallTime now);

/// The digest that the first of the policies that selects and pins the location pins it to.
std::optional<Digest> pinned_digest(std::span<const TrustPolicy> policies, const FileLocation& location);

/// What is to be judged of a file before any of its content is there: the digest that it is pinned to, or
/// else that its first signature claims. Nothing: its content has to be hashed for it, which is asked for
/// only of a file of this host. Errors: kRefused with ContentNeeded where a web server's would have to be
/// fetched to find out whether it is signed, and for signatures of OpenPGP; those of claimed_digest().
/// `signatures`: at least one.
Result<std::optional<Digest>> digest_in_question(std::span<const TrustPolicy> policies,
                                                 const FileLocation& location,
                                                 std::span<const FileSignature> signatures);

}  // namespace kintsugi::trust
