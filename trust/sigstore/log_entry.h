// SPDX-License-Identifier: Apache-2.0
//
// An entry of Rekor, v1 or v2, as it lies in a bundle, and whether it proves that a signature was logged.
// Specification: Sigstore client specification §4, rekor-tiles (v2) CLIENTS.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "trust/crypto/log_key.h"
#include "trust/crypto/time_range.h"

namespace kintsugi::trust {

struct InclusionProof {
  std::int64_t log_index = 0;  ///< in the tree, never negative
  std::int64_t tree_size = 0;
  std::string root_hash;            ///< raw bytes
  std::vector<std::string> hashes;  ///< raw bytes each
  std::string checkpoint;           ///< a signed note; may be empty in bundles before v0.2
};

struct LogEntry {
  std::int64_t log_index = 0;               ///< over all of the log's trees, never negative
  std::string log_id;                       ///< raw bytes
  std::string kind;                         ///< "hashedrekord", "dsse", "intoto"
  std::string version;                      ///< "0.0.1"
  std::optional<WallTime> integrated_time;  ///< a claim as long as no promise covers it
  std::string signed_entry_timestamp;       ///< raw signature, the inclusion promise; may be empty
  std::optional<InclusionProof> proof;
  std::string body;  ///< canonicalizedBody, decoded; may be empty for v2, where it is made anew
};

/// What the entry has to be about.
struct LoggedSignature {
  enum class Content : std::uint8_t { kMessage, kEnvelope };
  Content content = Content::kMessage;
  std::string_view signature;  ///< raw
  /// Who signed: exactly one of the two, in DER.
  std::string_view certificate;
  std::string_view public_key;
  /// kMessage: SHA-256, SHA-384 or SHA-512 of what was signed, as raw bytes; which, their number says.
  std::string_view message_digest;
  /// kEnvelope: the payload of the DSSE envelope, and its pre-authentication encoding.
  std::string_view payload;
  std::string_view pre_authentication_encoding;
};

/// What an entry proves.
struct LogProof {
  std::string log_url;
  std::int64_t log_index = 0;               ///< vouched for by the promise, or by the proof of Rekor v2
  std::optional<WallTime> integrated_time;  ///< vouched for by the log's promise
  /// When the log's key is valid. A checkpoint has no time: without an integrated time, the caller compares
  /// this with the time of signing that it knows.
  TimeRange log_valid_for;
};

/// Proves that the signature was logged: the entry is one of a log in `logs` whose id it names; a promise, if
/// there is one, is that log's, at a time for which the key is valid; a proof of inclusion, if there is one,
/// leads to the root hash of a checkpoint that the log signed, whose size and root are those of the proof; at
/// least one of the two is there, and what is there must be good; and the entry's body says exactly this
/// signature by this signer over this content:
///
/// | kind, version        | bound by comparing                                                          |
/// |----------------------|-----------------------------------------------------------------------------|
/// | hashedrekord 0.0.1   | algorithm and value of the hash (of envelopes: of their encoding),          |
/// |                      | signature, certificate or key                                               |
/// | dsse 0.0.1           | payload hash, the one signature, its certificate or key                     |
/// | intoto 0.0.2         | as dsse; the signature is base64 of base64                                  |
/// | hashedrekord 0.0.2,  | Rekor v2: the whole body, made anew from digest (of envelopes: of their     |
/// | dsse 0.0.2           | encoding, or of the payload), signature, and verifier with key details      |
///
/// Certificates and keys are compared as DER. A proof without a checkpoint must lead to its root hash, and
/// counts for nothing: it needs a promise beside it. Rekor v2 makes no promises, and always has a proof.
/// Errors, kRefused: LogEntryUntrusted (no such log), LogEntryInvalid, LogEntryMismatch (about something
/// else), InclusionProofInvalid, CheckpointInvalid.
Result<LogProof> verify_log_entry(const LogEntry& entry, const LoggedSignature& logged,
                                  std::span<const LogKey> logs);

}  // namespace kintsugi::trust
