// SPDX-License-Identifier: Apache-2.0
//
// What a log signs to say how it stands: C2SP tlog-checkpoint, a signed note (c2sp.org/signed-note).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/crypto/log_key.h"

namespace kintsugi::trust {

inline constexpr std::size_t kMaxCheckpointBytes = 64u << 10;

/// One line of a note's signatures, decoded.
struct NoteSignature {
  std::string name;
  std::string key_hint;  ///< 4 raw bytes
  std::string signature;
};

struct Checkpoint {
  std::string signed_text;  ///< up to and including the newline before the empty line
  std::string origin;
  std::uint64_t tree_size = 0;
  std::string root_hash;                  ///< 32 raw bytes
  std::vector<NoteSignature> signatures;  ///< at most 32: the log's and those of witnesses, in their order
};

/// Strict: decimal numbers without leading zeros, canonical base64, no other control characters than the
/// newlines, one empty line. Error: kInvalidInput with CheckpointInvalid.
Result<Checkpoint> parse_checkpoint(std::string_view note);

/// Success when a signature line with the log's name and the hint of its key is good. Lines by others, such
/// as witnesses, are passed over.
///
/// Rekor v2: the name is the origin, and that is the log's base URL without its scheme, or the host of it.
/// The hint is SHA-256(key in DER)[:4] for ECDSA, SHA-256(name || "\n" || 0x01 || raw key)[:4] for Ed25519,
/// and SHA-256(name || "\n" || 0xff || "PKIX-RSA-PKCS#1v1.5" || key in DER)[:4] for RSA.
///
/// Rekor v1, whose origin is "name - tree ID" with a decimal ID: the name is that in the origin, which need
/// not be the host (private instances write the machine's), and the hint is SHA-256(key in DER)[:4] for each
/// kind of key.
///
/// Error: kRefused with CheckpointInvalid.
Result<void> verify_checkpoint(const Checkpoint& checkpoint, const LogKey& log);

}  // namespace kintsugi::trust
