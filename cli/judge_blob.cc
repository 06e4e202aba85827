// SPDX-License-Identifier: Apache-2.0
#include "cli/judge_blob.h"

#include <filesystem>
#include <string>
#include <utility>

#include "base/encoding.h"
#include "base/file.h"
#include "trust/crypto/file_summary.h"
#include "trust/crypto/reasons.h"
#include "trust/disk/qcow2.h"
#include "trust/policy/blob_evaluation.h"
#include "trust/sigstore/bundle_list.h"

namespace kintsugi::cli {
namespace {

Result<trust::FileLocation> location_of(const TrustInvocation& invocation) {
  if (!invocation.location.empty()) return trust::FileLocation::parse(invocation.location);
  std::error_code error;
  const auto path = std::filesystem::absolute(invocation.subject, error).lexically_normal();
  if (error) return fail(ErrorCode::kInternal, "the working directory cannot be told: " + error.message());
  return trust::FileLocation::parse(path.string());
}

Result<std::vector<trust::Bundle>> bundles_of(const TrustInvocation& invocation) {
  if (invocation.bundle_file.empty()) return std::vector<trust::Bundle>();
  const auto text = read_file(invocation.bundle_file, trust::kMaxBundleBytes);
  if (!text) return fail(text.error());
  auto bundles = trust::parse_bundles(*text);
  if (!bundles) return fail(std::move(bundles).error().on(invocation.bundle_file));
  return bundles;
}

/// All that the signature of any kind of key may be over, but for the content itself.
Result<trust::FileSummary> summarize(const TrustInvocation& invocation) {
  using enum trust::HashAlgorithm;
  if (!invocation.subject_is_digest())
    return trust::summarize_file(invocation.subject, {{kSha256, kSha384, kSha512}, trust::kQcow2HeadBytes});
  const auto digest = trust::Digest::parse(invocation.subject);
  if (!digest) return fail(digest.error());
  trust::FileSummary summary;
  summary.hashes.emplace(kSha256, digest->bytes());
  return summary;
}

}  // namespace

Result<JudgedBlob> judge_blob(const TrustInvocation& invocation,
                              const std::vector<trust::TrustPolicy>& policies, const Clock& clock) {
  const auto location = location_of(invocation);
  if (!location) return fail(Error(location.error()).because(trust::reason::kImageReferenceInvalid));
  const auto bundles = bundles_of(invocation);
  if (!bundles) return fail(bundles.error());
  auto summary = summarize(invocation);
  if (!summary) return fail(std::move(summary).error());
  const std::string& hash = summary->hashes.at(trust::HashAlgorithm::kSha256);
  const trust::Artifact artifact{trust::Digest::parse("sha256:" + hex_encode(hash)).value(), std::nullopt,
                                 summary->hashes};
  JudgedBlob judged{trust::judge_blob({*location, artifact, *bundles}, policies, clock.now()), std::nullopt};
  const bool is_disk = invocation.is_disk_image || trust::is_qcow2(summary->head);
  if (!judged.verdict.accepted || !is_disk) return judged;
  auto disk = trust::check_disk_image(summary->head, summary->size);
  if (!disk) return fail(std::move(disk).error().on(invocation.subject));
  judged.disk = *disk;
  return judged;
}

}  // namespace kintsugi::cli
