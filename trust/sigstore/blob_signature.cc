// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/blob_signature.h"

#include <utility>

#include "base/encoding.h"
#include "trust/crypto/refusal.h"
#include "trust/crypto/timestamp.h"
#include "trust/sigstore/statement.h"

namespace kintsugi::trust {
namespace {

/// One bundle over one artifact, and the encodings that outlive what is said about them.
class BlobVerification {
 public:
  BlobVerification(const Bundle& bundle, const Artifact& artifact)
      : bundle_(bundle), artifact_(artifact), digest_(artifact.digest.bytes()) {
    if (bundle.envelope) encoding_ = bundle.envelope->pre_authentication_encoding();
  }

  LoggedSignature logged() const {
    LoggedSignature logged;
    logged.signature = bundle_.signature();
    if (bundle_.envelope) {
      logged.content = LoggedSignature::Content::kEnvelope;
      logged.payload = bundle_.envelope->payload;
      logged.pre_authentication_encoding = encoding_;
    } else {
      logged.message_digest = digest_;
    }
    return logged;
  }

  /// The signature first, and only then what it says.
  Result<void> check(const PublicKey& key, BlobSigner& signer) const {
    if (auto verified = verify_signature(key); !verified) return verified;
    signer.key_id = key.id();
    return bundle_.envelope ? check_statement(signer) : check_digest(key);
  }

 private:
  Result<void> verify_signature(const PublicKey& key) const {
    if (!bundle_.envelope) return verify_artifact(artifact_, key, bundle_.signature());
    if (!key.is_signature(bundle_.signature()))
      return refuse(reason::kSignatureInvalid, "not of the form of a signature by this key");
    if (key.verify(encoding_, bundle_.signature())) return {};
    return refuse(reason::kKeyMismatch, "not signed by this key");
  }

  Result<void> check_digest(const PublicKey& key) const {
    const MessageSignature& message = *bundle_.message;
    if (!message.algorithm) {
      if (key.hashes().empty()) return {};  // it signs the artifact itself
      return refuse(reason::kDigestNotSigned, "the bundle names no digest of the artifact");
    }
    const std::string known = known_hash(artifact_, *message.algorithm);
    if (known.empty())
      return refuse(reason::kContentNeeded, "the bundle names another hash of the artifact than is known");
    if (known == message.digest) return {};
    return refuse(reason::kDigestNotSigned, "the bundle names another digest than the artifact's");
  }

  Result<void> check_statement(BlobSigner& signer) const {
    auto statement = parse_statement(*bundle_.envelope);
    if (!statement) return fail(std::move(statement).error());
    if (!statement->is_about(artifact_.digest))
      return refuse(reason::kDigestNotSigned, "the statement is not about this artifact");
    signer.predicate_type = std::move(statement->predicate_type);
    return {};
  }

  const Bundle& bundle_;
  const Artifact& artifact_;
  const std::string digest_;
  std::string encoding_;
};

/// Each entry has to be one of a log in some root.
Result<void> check_log_entries(const Bundle& bundle, const LoggedSignature& logged,
                               std::span<const TrustedRoot> roots) {
  std::vector<LogKey> logs;
  for (const TrustedRoot& root : roots) logs.insert(logs.end(), root.logs.begin(), root.logs.end());
  for (const LogEntry& entry : bundle.material.log_entries) {
    if (auto proof = verify_log_entry(entry, logged, logs); !proof) return fail(std::move(proof).error());
  }
  return {};
}

/// None may be wrong; one by an authority that no root has says nothing.
Result<void> check_timestamps(const Bundle& bundle, std::span<const TrustedRoot> roots) {
  for (const TrustedRoot& root : roots) {
    for (const std::string& response : bundle.material.timestamps) {
      const auto time = verify_timestamp(response, bundle.signature(), root.timestamp_authorities);
      if (!time && time.error().reason != reason::kTimestampUntrusted) return fail(time.error());
    }
  }
  return {};
}

}  // namespace

Result<Digest> claimed_digest(const Bundle& bundle) {
  if (bundle.message) {
    if (bundle.message->algorithm == HashAlgorithm::kSha256)
      return Digest::parse("sha256:" + hex_encode(bundle.message->digest));
    return refuse(reason::kContentNeeded, "the bundle does not name the SHA-256 digest of what it is over");
  }
  const auto statement = parse_statement(*bundle.envelope);
  if (!statement) return fail(statement.error());
  if (statement->subjects.size() == 1) return statement->subjects.front();
  return refuse(reason::kContentNeeded,
                "the statement is not about exactly one content by its SHA-256 digest");
}

Result<BlobSigner> verify_blob(const Bundle& bundle, const Artifact& artifact, const PublicKey& key,
                               std::span<const TrustedRoot> roots) {
  const BlobVerification verification(bundle, artifact);
  BlobSigner signer;
  if (auto checked = verification.check(key, signer); !checked) return fail(std::move(checked).error());
  if (roots.empty()) return signer;
  LoggedSignature logged = verification.logged();
  logged.public_key = key.der();
  if (auto checked = check_log_entries(bundle, logged, roots); !checked)
    return fail(std::move(checked).error());
  if (auto checked = check_timestamps(bundle, roots); !checked) return fail(std::move(checked).error());
  return signer;
}

Result<BlobSigner> verify_blob_certified(const Bundle& bundle, const Artifact& artifact,
                                         const Anchors& anchors, WallTime now) {
  const BlobVerification verification(bundle, artifact);
  auto certified = certify_signer(bundle.material, verification.logged(), anchors, now);
  if (!certified) return fail(std::move(certified).error());
  BlobSigner signer;
  if (auto checked = verification.check(certified->key, signer); !checked)
    return fail(std::move(checked).error());
  signer.certified = std::move(*certified);
  return signer;
}

}  // namespace kintsugi::trust
