// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/log_entry.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "trust/crypto/refusal.h"
#include "trust/sigstore/checkpoint.h"
#include "trust/sigstore/log_entry_body.h"
#include "trust/sigstore/merkle_tree.h"

namespace kintsugi::trust {
namespace {

bool is_rekor_v2(const LogEntry& entry) {
  return entry.version == "0.0.2" && (entry.kind == "hashedrekord" || entry.kind == "dsse");
}

Result<void> check_form(const LogEntry& entry, const LoggedSignature& logged) {
  if (entry.log_index < 0) return invalid_log_entry("a log entry with a negative index");
  if (logged.certificate.empty() == logged.public_key.empty())
    return invalid_log_entry("a log entry is to be of one certificate or of one key");
  if (is_rekor_v2(entry)) {
    if (!entry.signed_entry_timestamp.empty())
      return invalid_log_entry("an inclusion promise, which Rekor v2 does not make");
    if (!entry.proof) return invalid_log_entry("a log entry of Rekor v2 without an inclusion proof");
    return {};
  }
  if (entry.signed_entry_timestamp.empty() && !entry.proof)
    return invalid_log_entry("a log entry with neither an inclusion promise nor a proof");
  return {};
}

/// The body as it lies in the log, which says exactly `logged`.
Result<std::string> bound_body(const LogEntry& entry, const LoggedSignature& logged) {
  if (!is_rekor_v2(entry)) {
    if (auto done = match_rekor_v1_body(entry, logged); !done) return fail(std::move(done).error());
    return entry.body;
  }
  auto body = make_rekor_v2_body(entry, logged);
  if (body && !entry.body.empty() && *body != entry.body)
    return other_log_entry("signature, signer or content");
  return body;
}

/// The signed entry timestamp: over RFC 8785 canonical JSON, in which the members stand in this order.
Result<void> verify_promise(const LogEntry& entry, const LogKey& log) {
  if (!entry.integrated_time) return invalid_log_entry("an inclusion promise without a time");
  const auto time = std::chrono::floor<std::chrono::seconds>(*entry.integrated_time);
  if (time != *entry.integrated_time) return invalid_log_entry("an inclusion promise with parts of seconds");
  if (!log.valid_for.contains(time))
    return invalid_log_entry("an inclusion promise at a time at which the log's key was not valid");
  const std::string promised = fmt::format(
      R"({{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}})", base64_encode(entry.body),
      time.time_since_epoch().count(), hex_encode(entry.log_id), entry.log_index);
  if (!log.key.verify(promised, entry.signed_entry_timestamp))
    return invalid_log_entry("the log's inclusion promise is not good");
  return {};
}

/// Success when a checkpoint that the log signed has the size and the root hash of the proof.
Result<void> verify_proven_root(const InclusionProof& proof, const LogKey& log) {
  auto checkpoint = parse_checkpoint(proof.checkpoint);
  if (!checkpoint) return refuse(reason::kCheckpointInvalid, std::move(checkpoint).error().message);
  if (auto done = verify_checkpoint(*checkpoint, log); !done) return done;
  if (checkpoint->tree_size != std::uint64_t(proof.tree_size) || checkpoint->root_hash != proof.root_hash)
    return refuse(reason::kCheckpointInvalid, "the checkpoint is of another tree than the inclusion proof");
  return {};
}

Result<void> verify_inclusion(const LogEntry& entry, std::string_view body, const LogKey& log) {
  const InclusionProof& proof = *entry.proof;
  const auto invalid = [](std::string message) {
    return refuse(reason::kInclusionProofInvalid, std::move(message));
  };
  if (proof.log_index < 0 || proof.tree_size < 0) return invalid("an inclusion proof with negative numbers");
  // A log of Rekor v2 is one tree, so that both indices are one.
  if (is_rekor_v2(entry) && proof.log_index != entry.log_index)
    return invalid("an inclusion proof of another log index than the entry's");
  const auto root = root_of_inclusion(leaf_hash(body), std::uint64_t(proof.log_index),
                                      std::uint64_t(proof.tree_size), proof.hashes);
  if (!root) return fail(root.error());
  if (*root != proof.root_hash) return invalid("the inclusion proof does not lead to its root hash");
  // Old bundles have proofs without a checkpoint beside a promise: they prove nothing, the promise does.
  if (proof.checkpoint.empty() && !entry.signed_entry_timestamp.empty()) return {};
  return verify_proven_root(proof, log);
}

Result<LogProof> verify_evidence(const LogEntry& entry, std::string_view body, const LogKey& log) {
  LogProof proven{log.base_url, entry.log_index, std::nullopt, log.valid_for};
  if (!entry.signed_entry_timestamp.empty()) {
    if (auto done = verify_promise(entry, log); !done) return fail(std::move(done).error());
    proven.integrated_time = entry.integrated_time;
  }
  if (entry.proof) {
    if (auto done = verify_inclusion(entry, body, log); !done) return fail(std::move(done).error());
  }
  return proven;
}

}  // namespace

tl::unexpected<Error> invalid_log_entry(std::string message) {
  return refuse(reason::kLogEntryInvalid, std::move(message));
}

tl::unexpected<Error> other_log_entry(std::string_view what) {
  return refuse(reason::kLogEntryMismatch, "the log entry is about another " + std::string(what));
}

Result<std::string> signed_digest(const LoggedSignature& logged, HashAlgorithm algorithm) {
  if (logged.content == LoggedSignature::Content::kEnvelope)
    return hash_of(algorithm, logged.pre_authentication_encoding);
  if (logged.message_digest.size() != hash_bytes(algorithm)) return other_log_entry("hash algorithm");
  return std::string(logged.message_digest);
}

Result<LogProof> verify_log_entry(const LogEntry& entry, const LoggedSignature& logged,
                                  std::span<const LogKey> logs) {
  if (auto done = check_form(entry, logged); !done) return fail(std::move(done).error());
  Result<LogProof> proven = refuse(reason::kLogEntryUntrusted, "a log entry of no log that is known");
  std::optional<Result<std::string>> body;
  for (const LogKey& log : logs) {
    if (log.id != entry.log_id) continue;
    if (!body) body = bound_body(entry, logged);
    if (!*body) return fail(body->error());
    proven = verify_evidence(entry, **body, log);
    if (proven) break;
  }
  return proven;
}

}  // namespace kintsugi::trust
