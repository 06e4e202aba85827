// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "trust/digest.h"
#include "trust/signature_discovery.h"
#include "trust/trust_policy.h"
#include "trust/verdict.h"

namespace kintsugi::trust {

/// Is the policy content with these signatures? Pure. One good signature suffices, whatever stands beside it.
/// The error has the reason of the signature that came closest, and its message tells of the first few.
Result<Proof> evaluate_policy(const TrustPolicy& policy, const Digest& image, const FoundSignatures& found);

}  // namespace kintsugi::trust
