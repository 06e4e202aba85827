// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/file_summary.h"

#include <utility>

#include "base/file.h"

namespace kintsugi::trust {

Result<FileSummary> summarize_file(const std::string& path, const FileQuestion& question) {
  FileSummary summary;
  std::map<HashAlgorithm, Hasher> hashers;
  for (const HashAlgorithm algorithm : question.hashes) hashers.try_emplace(algorithm, algorithm);
  auto read = read_pieces(path, [&](std::string_view piece) -> Result<void> {
    summary.size += piece.size();
    if (summary.size > question.max_bytes) {
      return fail(
          make_error(ErrorCode::kTooLarge, "more than " + std::to_string(question.max_bytes) + " bytes")
              .on(path));
    }
    summary.head.append(piece.substr(0, question.head_bytes - summary.head.size()));
    for (auto& [algorithm, hasher] : hashers) hasher.update(piece);
    return {};
  });
  if (!read) return fail(std::move(read).error());
  for (auto& [algorithm, hasher] : hashers) summary.hashes.emplace(algorithm, hasher.finish());
  return summary;
}

}  // namespace kintsugi::trust
