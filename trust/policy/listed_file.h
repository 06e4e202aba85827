// SPDX-License-Identifier: Apache-2.0
//
// A file that is not signed itself, and stands in a list of checksums that is. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "trust/policy/file_location.h"
#include "trust/policy/file_signature.h"
#include "trust/policy/trust_policy.h"
#include "trust/policy/verdict.h"

namespace kintsugi::trust {

/// A list, and the signatures that came with it.
struct SignedList {
  const std::string& text;
  std::span<const FileSignature> signatures;
};

/// What is known of the file before any of it is there.
struct ListedFile {
  Verdict verdict;               ///< by the list's signatures, for the file's place
  std::optional<Digest> digest;  ///< accepted: of the file, as the list has it
};

/// The policies for the *file's* place judge the list by judge_blob(), and it is read only once they accept
/// it; then none of them may have revoked the digest that it has for the last element of the file's name.
/// Errors: those of parse_checksums() and find_checksum(); ChecksumUnsupported for another hash than SHA-256.
Result<ListedFile> judge_listed_file(const SignedList& list, const FileLocation& location,
                                     std::span<const TrustPolicy> policies, WallTime now);

}  // namespace kintsugi::trust
