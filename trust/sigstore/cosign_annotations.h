// SPDX-License-Identifier: Apache-2.0
//
// What cosign's first layout keeps about the signer in annotations of the layer. Specification:
// sigstore/cosign specs/SIGNATURE_SPEC.md.
#pragma once

#include "base/result.h"
#include "trust/oci/image_index.h"
#include "trust/sigstore/verification_material.h"

namespace kintsugi::trust {

/// Reads the annotations `dev.sigstore.cosign/certificate`, `chain`, `bundle` and `rfc3161timestamp`; those
/// that are absent or empty leave their part out. Error: kInvalidInput or kTooLarge with BundleMalformed.
Result<VerificationMaterial> read_cosign_annotations(const AnnotationList& annotations);

}  // namespace kintsugi::trust
