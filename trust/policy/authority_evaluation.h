// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>

#include "base/clock.h"
#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/oci/image_reference.h"
#include "trust/policy/file_signature.h"
#include "trust/policy/trust_policy.h"
#include "trust/policy/verdict.h"
#include "trust/sigstore/artifact.h"
#include "trust/sigstore/image_signature.h"

namespace kintsugi::trust {

/// The image in question.
struct ImageInQuestion {
  const ImageReference& name;
  const Digest& digest;
};

/// Whether this authority of the policy signed, whatever it signed, and nothing about it is revoked. `now` is
/// when a certificate of an authority of one's own has to be valid, where nobody says when it signed. Pure.
/// Errors: KeyMismatch, KeyRevoked, IdentityRevoked, SignedAfterRevocation, and those of verify_signer() and
/// check_identity().
Result<Proof> prove_signer(const TrustPolicy& policy, const Authority& authority,
                           const ImageSignature& signature, WallTime now);

/// The same for a signature over this image. Errors besides: those of verify_signature() and
/// verify_certified(), AnnotationMismatch, ReferenceMismatch.
Result<Proof> prove_signature(const TrustPolicy& policy, const Authority& authority,
                              const ImageInQuestion& image, const ImageSignature& signature, WallTime now);

/// The same for a signature over a file. Errors besides: those of verify_blob(), verify_blob_certified() and
/// verify_detached(); PredicateMismatch for a statement that is none of cosign's signatures;
/// those of openpgp::SignerKey::verify(), and ContentNeeded where the content is not there for it;
/// IdentityMismatch where a bare signature should tell an identity; AnnotationMismatch where the authority
/// has to sign with annotations, which files are signed without.
Result<Proof> prove_blob(const TrustPolicy& policy, const Authority& authority,
                         const FileSignature& signature, const Artifact& artifact, WallTime now);

/// The first proof that `prove` has by one of these authorities, or the error that came nearest.
Result<Proof> prove_by_any(std::span<const Authority> authorities,
                           const std::function<Result<Proof>(const Authority&)>& prove);

/// Of two reasons to refuse signatures, that of the one that came nearer to being accepted: what people need
/// to hear of.
Error nearer(Error one, Error other);

}  // namespace kintsugi::trust
