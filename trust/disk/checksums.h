// SPDX-License-Identifier: Apache-2.0
//
// Lists of checksums that distributions publish beside their disk images, and sign in place of them:
// SHA256SUMS and SHA512SUMS as GNU coreutils write them, and the BSD form of `sha256sum --tag`.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/crypto/file_summary.h"
#include "trust/crypto/hash.h"

namespace kintsugi::trust {

inline constexpr std::size_t kMaxChecksumsBytes = 1u << 20;
inline constexpr std::size_t kMaxChecksums = 10'000;  ///< lines, comments among them
inline constexpr std::size_t kMaxChecksumName = 4096;

/// One line of a list.
struct Checksum {
  std::string name;  ///< without a leading "./"; not escaped
  HashAlgorithm algorithm = HashAlgorithm::kSha256;
  std::string hash;  ///< raw
};

/// Reads a list. Each line is one of
///
///     <hex>  <name>
///     <hex> *<name>
///     SHA256 (<name>) = <hex>
///     SHA512 (<name>) = <hex>
///     # a comment
///
/// and ends with "\n", which only the last may lack. The hex digits are lower case, and there are 64 or 128
/// of them, as the algorithm has. A name has no control characters. There is no other white space, no empty
/// line and no leading "\", by which coreutils mark names that they have escaped. Errors name the line:
/// kInvalidInput with ChecksumsMalformed, also for a list without a checksum; kUnsupported with
/// ChecksumUnsupported for any other hash, such as MD5 and SHA-1; kTooLarge with TooLarge.
Result<std::vector<Checksum>> parse_checksums(std::string_view text);

/// The one checksum of the file that is called `base_name`; a listed name with a "/" is that of another file.
/// Errors, kRefused: ChecksumMissing, and ChecksumAmbiguous where the name is there twice, whatever the
/// hashes.
Result<Checksum> find_checksum(std::span<const Checksum> list, std::string_view base_name);

/// Whether the file is the one that is listed. Error: kRefused with ChecksumMismatch, also where `file` has
/// not been hashed by that algorithm.
Result<void> check_checksum(const Checksum& listed, const FileSummary& file);

}  // namespace kintsugi::trust
