// SPDX-License-Identifier: Apache-2.0
#include "trust/policy_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "trust/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kShown = 3;

tl::unexpected<Error> refuse(const char* why, std::string message) {
  return fail(make_error(ErrorCode::kRefused, std::move(message)).because(why));
}

/// How near a refused signature came to being accepted; what is not listed is nothing but an obstacle on the
/// way.
std::ptrdiff_t nearness(const std::string& why) {
  static constexpr std::array kOrder = {
      reason::kUnsupportedLayout, reason::kTooLarge,        reason::kManifestUnknown,
      reason::kSignatureInvalid,  reason::kDigestMismatch,  reason::kKeyMismatch,
      reason::kPayloadMalformed,  reason::kDigestNotSigned, reason::kKeyRevoked};
  const auto found = std::find(kOrder.begin(), kOrder.end(), why);
  return found == kOrder.end() ? -1 : found - kOrder.begin();
}

Result<Proof> evaluate_signature(const TrustPolicy& policy, const Digest& image,
                                 const FoundSignature& signature) {
  if (!signature.layer) return fail(signature.layer.error());
  auto verified = verify_signature(*signature.layer, signature.payload, policy.keys, image);
  if (verified) {
    return Proof{policy.spec.name, policy.keys[verified->key].id(), verified->payload.docker_reference};
  }
  if (verify_signature(*signature.layer, signature.payload, policy.dead_keys, image)) {
    return refuse(reason::kKeyRevoked, "the key that signed is revoked");
  }
  return fail(std::move(verified).error());
}

/// Why there is nothing to evaluate, or success.
Result<void> check_applicable(const TrustPolicy& policy, const FoundSignatures& found) {
  if (policy.defect) {
    const bool is_key_kind = policy.defect->reason == reason::kUnsupportedKey;
    return refuse(is_key_kind ? reason::kUnsupportedKey : reason::kPolicyInvalid, policy.defect->to_string());
  }
  if (found.signatures.empty()) {
    return found.has_bundle ? refuse(reason::kUnsupportedLayout,
                                     "signed with a Sigstore bundle only, which is not read yet (cosign sign "
                                     "--new-bundle-format=false makes a signature that is)")
                            : refuse(reason::kNoSignature, "no signature is stored beside the image");
  }
  if (policy.keys.empty() && policy.dead_keys.empty()) {
    return refuse(reason::kUnsupportedAuthority,
                  "the policy has keyless authorities only, which are not supported yet");
  }
  return {};
}

}  // namespace

Result<Proof> evaluate_policy(const TrustPolicy& policy, const Digest& image, const FoundSignatures& found) {
  if (auto applicable = check_applicable(policy, found); !applicable)
    return fail(std::move(applicable).error());
  Error nearest;
  std::string details;
  for (std::size_t i = 0; i < found.signatures.size(); ++i) {
    auto proof = evaluate_signature(policy, image, found.signatures[i]);
    if (proof) return proof;
    Error& error = proof.error();
    if (i < kShown)
      details +=
          fmt::format("{}signature {}: {}", i == 0 ? "" : "; ", found.signatures[i].number, error.message);
    if (i == 0 || nearness(error.reason) > nearness(nearest.reason)) nearest = std::move(error);
  }
  if (found.signatures.size() > kShown) details += fmt::format("; {} more", found.signatures.size() - kShown);
  if (found.not_read > 0) {
    return refuse(reason::kTooManySignatures,
                  fmt::format("none of the first {} signatures is good, {} more were not read; {}",
                              found.signatures.size(), found.not_read, details));
  }
  nearest.message = std::move(details);
  return fail(std::move(nearest));
}

}  // namespace kintsugi::trust
