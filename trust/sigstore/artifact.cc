// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/artifact.h"

#include <algorithm>

#include "trust/crypto/refusal.h"

namespace kintsugi::trust {
namespace {

bool is_signed_by(const Artifact& artifact, const PublicKey& key, std::string_view signature) {
  if (artifact.bytes) return key.verify(*artifact.bytes, signature);
  const auto algorithms = key.hashes();
  return std::any_of(algorithms.begin(), algorithms.end(), [&](HashAlgorithm algorithm) {
    return key.verify_hash(algorithm, known_hash(artifact, algorithm), signature);
  });
}

/// Whether everything is known that a signature by `key` can be over.
bool can_decide(const Artifact& artifact, const PublicKey& key) {
  if (artifact.bytes) return true;
  const auto algorithms = key.hashes();
  return !algorithms.empty() &&
         std::none_of(algorithms.begin(), algorithms.end(),
                      [&](HashAlgorithm algorithm) { return known_hash(artifact, algorithm).empty(); });
}

}  // namespace

std::string known_hash(const Artifact& artifact, HashAlgorithm algorithm) {
  if (algorithm == HashAlgorithm::kSha256) return artifact.digest.bytes();
  if (artifact.bytes) return hash_of(algorithm, *artifact.bytes);
  const auto found = artifact.hashes.find(algorithm);
  return found == artifact.hashes.end() ? std::string() : found->second;
}

Result<void> verify_artifact(const Artifact& artifact, const PublicKey& key, std::string_view signature) {
  if (!key.is_signature(signature))
    return refuse(reason::kSignatureInvalid, "not of the form of a signature by this key");
  if (is_signed_by(artifact, key, signature)) return {};
  if (!can_decide(artifact, key)) {
    return refuse(
        reason::kContentNeeded,
        "the SHA-256 alone cannot tell: such a key signs the content itself, or another hash of it");
  }
  return refuse(reason::kKeyMismatch, "not signed by this key, or the artifact is another");
}

}  // namespace kintsugi::trust
