// SPDX-License-Identifier: Apache-2.0
#include "cli/verify_blob.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include "base/encoding.h"
#include "base/file.h"
#include "trust/crypto/certificate.h"
#include "trust/crypto/file_summary.h"
#include "trust/crypto/reasons.h"
#include "trust/disk/checksums.h"
#include "trust/disk/qcow2.h"
#include "trust/policy/trust_policy.h"
#include "trust/sigstore/detached_signature.h"

namespace kintsugi::cli {
namespace {

constexpr std::size_t kMaxKeyFile = 64u << 10;
/// Of a file that is signed by Ed25519, which needs all of it in memory.
constexpr std::size_t kMaxSignedMessage = 64u << 20;

trust::Digest digest_of(const trust::FileSummary& summary) {
  const std::string& hash = summary.hashes.at(trust::HashAlgorithm::kSha256);
  return trust::Digest::parse("sha256:" + hex_encode(hash)).value();
}

/// Kept together because the parts share what was read.
class BlobQuestion {
 public:
  BlobQuestion(const TrustInvocation& invocation, const Clock& clock)
      : invocation_(invocation), clock_(clock) {}

  Result<VerifiedBlob> ask() {
    if (auto read = read_key(); !read) return fail(std::move(read).error());
    if (auto read = read_signature(); !read) return fail(std::move(read).error());
    return invocation_.checksums_file.empty() ? ask_of_file() : ask_of_checksums();
  }

 private:
  Result<void> read_key() {
    if (invocation_.key_file.empty()) return {};
    const auto text = read_file(invocation_.key_file, kMaxKeyFile);
    if (!text) return fail(text.error());
    auto key = trust::PublicKey::parse(*text);
    if (!key) return fail(std::move(key).error().on(invocation_.key_file));
    key_ = std::move(*key);
    return {};
  }

  Result<void> read_signature() {
    if (!invocation_.signature_file.empty()) {
      auto text = read_file(invocation_.signature_file, trust::kMaxDetachedBytes);
      if (!text) return fail(std::move(text).error());
      detached_ = std::move(*text);
      return {};
    }
    const auto text = read_file(invocation_.bundle_file, trust::kMaxBundleBytes);
    if (!text) return fail(text.error());
    auto bundle = trust::parse_bundle(*text);
    if (!bundle) return fail(std::move(bundle).error().on(invocation_.bundle_file));
    bundle_ = std::move(*bundle);
    return {};
  }

  /// The key that the file's own bytes have to be signed by: nothing where a statement is signed in place of
  /// them, or where the certificate is not one, which is found out when it is verified.
  std::optional<trust::PublicKey> signing_key() const {
    if (bundle_ && bundle_->envelope) return std::nullopt;
    if (key_) return key_;
    if (bundle_->material.certificates.empty()) return std::nullopt;
    const auto leaf = trust::Certificate::parse_der(bundle_->material.certificates.front());
    auto key = leaf ? leaf->public_key() : fail(leaf.error());
    return key ? std::optional(std::move(*key)) : std::nullopt;
  }

  Result<VerifiedBlob> ask_of_file() const {
    if (invocation_.subject_is_digest()) {
      auto digest = trust::Digest::parse(invocation_.subject);
      if (!digest) return fail(std::move(digest).error());
      auto signer = verify({std::move(*digest)});
      if (!signer) return fail(std::move(signer).error());
      return VerifiedBlob{std::move(*signer), std::nullopt};
    }
    const auto key = signing_key();
    const bool needs_bytes = key && key->hashes().empty();
    auto summary = needs_bytes ? read_message() : summarize(key);
    if (!summary) return fail(std::move(summary).error());
    trust::Artifact artifact{digest_of(*summary), std::nullopt, summary->hashes};
    if (needs_bytes) artifact.bytes = std::move(summary->head);
    auto signer = verify(artifact);
    if (!signer) return fail(std::move(signer).error());
    if (needs_bytes) summary->head = std::move(*artifact.bytes);
    return describe(std::move(*signer), *summary);
  }

  Result<trust::FileSummary> summarize(const std::optional<trust::PublicKey>& key) const {
    trust::FileQuestion question{{trust::HashAlgorithm::kSha256}, trust::kQcow2HeadBytes};
    if (key) question.hashes.insert(question.hashes.end(), key->hashes().begin(), key->hashes().end());
    return trust::summarize_file(invocation_.subject, question);
  }

  Result<trust::FileSummary> read_message() const {
    auto summary = trust::summarize_file(
        invocation_.subject, {{trust::HashAlgorithm::kSha256}, kMaxSignedMessage, kMaxSignedMessage});
    if (summary || summary.error().code != ErrorCode::kTooLarge) return summary;
    return fail(make_error(ErrorCode::kTooLarge,
                           "an Ed25519 signature is over the content itself, which is read up to 64 MiB")
                    .on(invocation_.subject)
                    .advise("sign a list of checksums (--checksums), or with an ECDSA or RSA key")
                    .because(trust::reason::kContentNeeded));
  }

  Result<VerifiedBlob> ask_of_checksums() const {
    auto text = read_file(invocation_.checksums_file, trust::kMaxChecksumsBytes);
    if (!text) return fail(std::move(text).error());
    auto signer = verify({trust::Digest::of(*text), *text});
    if (!signer) return fail(std::move(signer).error().on(invocation_.checksums_file));
    const auto listed = find_listed(*text);
    if (!listed) return fail(Error(listed.error()).on(invocation_.checksums_file));
    const auto summary =
        trust::summarize_file(invocation_.subject, {{listed->algorithm}, trust::kQcow2HeadBytes});
    if (!summary) return fail(summary.error());
    if (auto checked = trust::check_checksum(*listed, *summary); !checked)
      return fail(std::move(checked).error().on(invocation_.subject));
    return describe(std::move(*signer), *summary);
  }

  Result<trust::Checksum> find_listed(const std::string& text) const {
    const auto list = trust::parse_checksums(text);
    if (!list) return fail(list.error());
    return trust::find_checksum(*list, std::filesystem::path(invocation_.subject).filename().string());
  }

  Result<trust::BlobSigner> verify(const trust::Artifact& artifact) const {
    if (!bundle_) return trust::verify_detached(detached_, artifact, *key_);
    const auto roots = trust::read_trusted_roots(invocation_.trusted_roots);
    if (!roots) return fail(roots.error());
    if (key_) return trust::verify_blob(*bundle_, artifact, *key_, *roots->roots);
    auto signer = trust::verify_blob_certified(*bundle_, artifact, {*roots->roots}, clock_.now());
    if (!signer) return signer;
    const auto fits = trust::check_identity(signer->certified->identity, *invocation_.identity);
    return fits ? signer : fail(fits.error());
  }

  /// The file is who signed says it is: now what it is.
  Result<VerifiedBlob> describe(trust::BlobSigner signer, const trust::FileSummary& summary) const {
    VerifiedBlob blob{std::move(signer), std::nullopt};
    if (!invocation_.is_disk_image && !trust::is_qcow2(summary.head)) return blob;
    auto disk = trust::check_disk_image(summary.head, summary.size);
    if (!disk) return fail(std::move(disk).error().on(invocation_.subject));
    blob.disk = *disk;
    return blob;
  }

  const TrustInvocation& invocation_;
  const Clock& clock_;
  std::optional<trust::PublicKey> key_;  ///< none: keyless
  std::optional<trust::Bundle> bundle_;  ///< none: a detached signature
  std::string detached_;
};

}  // namespace

Result<VerifiedBlob> verify_blob(const TrustInvocation& invocation, const Clock& clock) {
  return BlobQuestion(invocation, clock).ask();
}

}  // namespace kintsugi::cli
