// SPDX-License-Identifier: Apache-2.0
#include "cli/judge_blob.h"

#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "trust/crypto/file_summary.h"
#include "trust/crypto/refusal.h"
#include "trust/disk/checksums.h"
#include "trust/disk/qcow2.h"
#include "trust/policy/blob_evaluation.h"
#include "trust/policy/file_signature.h"
#include "trust/policy/listed_file.h"

namespace kintsugi::cli {
namespace {

Result<trust::FileLocation> location_of(const TrustInvocation& invocation) {
  if (!invocation.location.empty()) return trust::FileLocation::parse(invocation.location);
  std::error_code error;
  const auto path = std::filesystem::absolute(invocation.subject, error).lexically_normal();
  if (error) return fail(ErrorCode::kInternal, "the working directory cannot be told: " + error.message());
  return trust::FileLocation::parse(path.string());
}

Result<std::vector<trust::FileSignature>> signatures_of(const TrustInvocation& invocation) {
  const bool is_bundle = invocation.signature_file.empty();
  const std::string& path = is_bundle ? invocation.bundle_file : invocation.signature_file;
  if (path.empty()) return std::vector<trust::FileSignature>();
  const bool is_openpgp = !is_bundle && trust::form_of(path) == trust::SignatureForm::kOpenPgp;
  const auto form = is_bundle    ? trust::SignatureForm::kBundle
                    : is_openpgp ? trust::SignatureForm::kOpenPgp
                                 : trust::SignatureForm::kDetached;
  const auto text = read_file(path, trust::max_bytes_of(form));
  if (!text) return fail(text.error());
  auto signatures = trust::parse_file_signatures(*text, form);
  if (!signatures) return fail(std::move(signatures).error().on(path));
  return signatures;
}

/// By its SHA-256 only, as golden images are known.
Result<trust::FileSummary> summarize(const TrustInvocation& invocation) {
  using enum trust::HashAlgorithm;
  if (!invocation.subject_is_digest())
    return trust::summarize_file(invocation.subject, {{kSha256}, trust::kQcow2HeadBytes});
  const auto digest = trust::Digest::parse(invocation.subject);
  if (!digest) return fail(digest.error());
  trust::FileSummary summary;
  summary.hashes.emplace(kSha256, digest->bytes());
  return summary;
}

/// Kept together because the parts share what was read.
class PolicyQuestion {
 public:
  PolicyQuestion(const TrustInvocation& invocation, const trust::FileLocation& location,
                 std::span<const trust::TrustPolicy> policies, const Clock& clock)
      : invocation_(invocation), location_(location), policies_(policies), clock_(clock) {}

  Result<JudgedBlob> ask() {
    auto signatures = signatures_of(invocation_);
    if (!signatures) return fail(std::move(signatures).error());
    signatures_ = std::move(*signatures);
    auto summary = summarize(invocation_);
    if (!summary) return fail(std::move(summary).error());
    const auto digest =
        trust::Digest::parse("sha256:" + hex_encode(summary->hashes.at(trust::HashAlgorithm::kSha256)));
    if (!digest) return fail(digest.error());
    auto verdict = invocation_.checksums_file.empty() ? judge(*digest) : judge_listed(*digest);
    if (!verdict) return fail(std::move(verdict).error());
    return describe(std::move(*verdict), *summary);
  }

 private:
  Result<trust::Verdict> judge(const trust::Digest& digest) const {
    const trust::Artifact artifact{digest};
    trust::Verdict verdict = trust::judge_blob({location_, artifact, signatures_}, policies_, clock_.now());
    if (!verdict.accepted || signatures_.empty()) return verdict;
    // A controller has to know what is signed before it has the content.
    const auto known = digest_in_question(policies_, location_, signatures_);
    return known ? Result<trust::Verdict>(std::move(verdict)) : fail(known.error());
  }

  Result<trust::Verdict> judge_listed(const trust::Digest& digest) const {
    const auto list = read_file(invocation_.checksums_file, trust::kMaxChecksumsBytes);
    if (!list) return fail(list.error());
    auto file = trust::judge_listed_file({*list, signatures_}, location_, policies_, clock_.now());
    if (!file) return fail(std::move(file).error().on(invocation_.checksums_file));
    if (!file->verdict.accepted || file->digest == digest) return std::move(file->verdict);
    return fail(
        trust::refuse(trust::reason::kChecksumMismatch, "the file has not the checksum that is listed for it")
            .value()
            .on(invocation_.subject));
  }

  Result<JudgedBlob> describe(trust::Verdict verdict, const trust::FileSummary& summary) const {
    JudgedBlob judged{std::move(verdict), std::nullopt};
    const bool is_disk = invocation_.is_disk_image || trust::is_qcow2(summary.head);
    if (!judged.verdict.accepted || !is_disk) return judged;
    auto disk = trust::check_disk_image(summary.head, summary.size);
    if (!disk) return fail(std::move(disk).error().on(invocation_.subject));
    judged.disk = *disk;
    return judged;
  }

  const TrustInvocation& invocation_;
  const trust::FileLocation& location_;
  const std::span<const trust::TrustPolicy> policies_;
  const Clock& clock_;
  std::vector<trust::FileSignature> signatures_;
};

}  // namespace

Result<JudgedBlob> judge_blob(const TrustInvocation& invocation,
                              const std::vector<trust::TrustPolicy>& policies, const Clock& clock) {
  const auto location = location_of(invocation);
  if (!location) return fail(Error(location.error()).because(trust::reason::kImageReferenceInvalid));
  return PolicyQuestion(invocation, *location, policies, clock).ask();
}

}  // namespace kintsugi::cli
