// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/crypto/hash.h"
#include "trust/crypto/public_key.h"

namespace kintsugi::trust {

/// What a signature has to be over: the bytes, or what is known of them. Without the bytes, signatures over
/// none of the known hashes cannot be verified: those of P-384 and P-521 over their curve's own hash, unless
/// it is among `hashes`, and those of Ed25519.
struct Artifact {
  Digest digest;
  std::optional<std::string> bytes = {};
  std::map<HashAlgorithm, std::string> hashes = {};  ///< raw; besides the digest
};

/// The raw hash; empty where it is not known, which is none of any algorithm.
std::string known_hash(const Artifact& artifact, HashAlgorithm algorithm);

/// Whether `signature`, raw, is one over the artifact itself by `key`. Errors, kRefused: SignatureInvalid for
/// what has not the form of one; KeyMismatch for one of another key or artifact; ContentNeeded where that
/// cannot be decided, as the key may have signed the bytes, or a hash, that are not there.
Result<void> verify_artifact(const Artifact& artifact, const PublicKey& key, std::string_view signature);

}  // namespace kintsugi::trust
