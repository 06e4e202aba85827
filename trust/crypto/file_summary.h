// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "trust/crypto/hash.h"

namespace kintsugi::trust {

/// What one pass over a file has to find.
struct FileQuestion {
  std::vector<HashAlgorithm> hashes;
  std::size_t head_bytes = 0;            ///< how much of its beginning to keep
  std::uint64_t max_bytes = UINT64_MAX;  ///< above which it is not read any further
};

/// What one pass found: everything is of the same bytes, also where the file changes meanwhile.
struct FileSummary {
  std::uint64_t size = 0;
  std::string head;                             ///< the first bytes, as many as were asked for and are there
  std::map<HashAlgorithm, std::string> hashes;  ///< raw, of the whole file
};

/// Reads a file of any size once, piece by piece. Errors: kTooLarge; kNotFound, kForbidden, kInternal.
Result<FileSummary> summarize_file(const std::string& path, const FileQuestion& question);

}  // namespace kintsugi::trust
