// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/listed_file.h"

#include <string_view>
#include <utility>

#include "base/encoding.h"
#include "trust/crypto/reasons.h"
#include "trust/disk/checksums.h"
#include "trust/policy/blob_evaluation.h"
#include "trust/policy/judgement.h"

namespace kintsugi::trust {
namespace {

Result<Digest> listed_digest(const std::string& list, const FileLocation& location) {
  const auto checksums = parse_checksums(list);
  if (!checksums) return fail(checksums.error());
  const std::string& text = location.text();
  const auto listed = find_checksum(*checksums, std::string_view(text).substr(text.rfind('/') + 1));
  if (!listed) return fail(listed.error());
  if (listed->algorithm != HashAlgorithm::kSha256) {
    return fail(make_error(ErrorCode::kUnsupported, "images are known by their SHA-256")
                    .advise("name the list that has it, which is often called SHA256SUMS")
                    .because(reason::kChecksumUnsupported));
  }
  return Digest::parse("sha256:" + hex_encode(listed->hash));
}

}  // namespace

Result<ListedFile> judge_listed_file(const SignedList& list, const FileLocation& location,
                                     std::span<const TrustPolicy> policies, WallTime now) {
  const Artifact artifact{Digest::of(list.text), list.text};
  Verdict verdict = judge_blob({location, artifact, list.signatures}, policies, now);
  if (!verdict.accepted) return ListedFile{std::move(verdict), std::nullopt};
  auto digest = listed_digest(list.text, location);
  if (!digest) return fail(std::move(digest).error());
  const auto selecting =
      find_policies(policies, [&](const TrustPolicySpec& spec) { return spec.selects(location); });
  if (!selecting) return fail(selecting.error());
  // The list's digest is no other name of the file.
  verdict.digest = *digest;
  verdict.equivalents = {*digest};
  if (auto refusal = refuse_revoked(verdict, *selecting, *digest))
    return ListedFile{*std::move(refusal), std::nullopt};
  return ListedFile{std::move(verdict), std::move(*digest)};
}

}  // namespace kintsugi::trust
